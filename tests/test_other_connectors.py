"""A connector that is not ours: announced by an entry point, configured like ours."""

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from connectors import registry
from connectors.memory import MemoryCRM
from tests.conftest import Cli
from tests.worlds.mirror import MAPPING, company

GIVEN: list[Mapping[str, object]] = []
"""The settings with which the connector was opened."""


def open_sample(settings: Mapping[str, object]) -> MemoryCRM:
    """Open the sample; an installed package would name this in its entry point."""
    GIVEN.append(settings)
    return company()


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> None:
    GIVEN.clear()
    point = EntryPoint("sample", f"{__name__}:{open_sample.__name__}", registry.GROUP)
    monkeypatch.setattr(registry, "entry_points", lambda **_: [point])


def configure(folder: Path, section: str) -> None:
    (folder / "sample.toml").write_text(MAPPING, encoding="utf-8")
    (folder / "handover.toml").write_text(section, encoding="utf-8")


@pytest.mark.usefixtures("announced")
def test_it_is_synced_and_audited_under_its_name(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(
        folder,
        '[crm.sample]\nmapping = "sample.toml"\nserver = "crm.example"\nrooms = 3\n'
        'password = "env:SAMPLE_PASSWORD"\n',
    )
    monkeypatch.setenv("SAMPLE_PASSWORD", "not-for-logs")
    assert cli("sync").code == 0
    accounts = cli("audit", "--json").data["accounts"]
    assert {account["source"] for account in accounts} == {"sample"}
    (given,) = GIVEN
    assert (given["server"], given["rooms"]) == ("crm.example", 3)
    assert given["password"] == "not-for-logs"


@pytest.mark.usefixtures("announced")
def test_its_missing_secrets_are_named(cli: Cli, folder: Path) -> None:
    configure(
        folder, '[crm.sample]\nmapping = "sample.toml"\npassword = "env:NO_SUCH"\n'
    )
    ended = cli("sync", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "no_secret")
    assert "crm.sample.password" in ended.json["error"]["message"]


@pytest.mark.usefixtures("announced")
@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("[crm.salesfroce]\n", "Did you mean salesforce?"),
        ("[crm.sample]\nserver = 1\n", "crm.sample.mapping"),
        ('[crm.others]\nsample = {mapping = "x"}\n', "crm.others"),
    ],
)
def test_a_mistake_is_one_still(
    cli: Cli, folder: Path, section: str, said: str
) -> None:
    configure(folder, section)
    ended = cli("sync", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "bad_config")
    assert said in ended.json["error"]["message"]
