import os
from pathlib import Path

import keyring
import pytest
from keyring.errors import KeyringError

from handover.secrets import LiteralSecret, NoSecret, OpenSecret, ShortSecret, reveal

CANARY = "canary-5f3a"
KEY = "crm.hubspot.token"


def test_a_secret_comes_from_the_environment(tmp_path: Path) -> None:
    assert reveal(KEY, "env:TOKEN", tmp_path, {"TOKEN": CANARY}) == CANARY


def test_a_secret_comes_from_a_private_file_beside_the_configuration(
    tmp_path: Path,
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{CANARY}\n", encoding="utf-8")
    file.chmod(0o600)
    assert reveal(KEY, "file:token", tmp_path, {}) == CANARY


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text(CANARY, encoding="utf-8")
    file.chmod(mode)
    with pytest.raises(OpenSecret) as caught:
        reveal(KEY, "file:token", tmp_path, {})
    assert caught.value.params["mode"] == f"{mode:o}"
    assert CANARY not in str(caught.value)


def test_a_secret_comes_from_the_keyring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {("crm", "token"): CANARY}
    monkeypatch.setattr(keyring, "get_password", lambda s, u: kept.get((s, u)))
    assert reveal(KEY, "keyring:crm/token", tmp_path, {}) == CANARY


def test_a_machine_without_a_keyring_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(service: str, user: str) -> str:
        raise KeyringError

    monkeypatch.setattr(keyring, "get_password", refuse)
    with pytest.raises(NoSecret) as caught:
        reveal(KEY, "keyring:crm/token", tmp_path, {})
    assert caught.value.params["detail"] == "KeyringError"


@pytest.mark.parametrize("literal", [CANARY, f"token:{CANARY}", "env:"])
def test_a_literal_is_refused_without_repeating_it(
    tmp_path: Path, literal: str
) -> None:
    with pytest.raises(LiteralSecret) as caught:
        reveal(KEY, literal, tmp_path, {})
    assert CANARY not in str(caught.value)
    assert caught.value.params == {"key": KEY}


@pytest.mark.parametrize("reference", ["env:NOWHERE", "file:nowhere"])
def test_a_reference_that_leads_nowhere_is_named(
    tmp_path: Path, reference: str
) -> None:
    with pytest.raises(NoSecret) as caught:
        reveal(KEY, reference, tmp_path, {})
    assert caught.value.exit_code == 2


def test_an_empty_secret_is_none(tmp_path: Path) -> None:
    with pytest.raises(NoSecret):
        reveal(KEY, "env:TOKEN", tmp_path, {"TOKEN": ""})


def test_a_secret_that_stands_in_many_a_word_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShortSecret):
        reveal(KEY, "env:TOKEN", tmp_path, {"TOKEN": "t"})
