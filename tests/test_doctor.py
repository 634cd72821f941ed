import datetime as dt
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from connectors.base import Identity
from connectors.memory import MemoryCRM
from handover import doctor
from handover.i18n import Phrase
from handover.mirror.generations import Generation
from handover.transfer.errors import ProductionUnconfirmed
from handover.transfer.run_files import RESERVE
from mappings.load import load_mapping
from tests.conftest import Cli

NOW = dt.datetime(2026, 11, 24, 9, tzinfo=dt.UTC)
ZONE = ZoneInfo("Asia/Tokyo")


def states(checks: list[doctor.Check]) -> dict[str, str]:
    return {check.code: check.state for check in checks}


def generation(synced_at: str) -> Generation:
    sources = {"files": {"synced_at": synced_at}}
    return cast("Generation", SimpleNamespace(sources=sources))


def test_a_private_folder_on_a_roomy_disk_is_fine(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert states(list(doctor.folder(tmp_path))) == {"folder": "ok", "disk": "ok"}


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_folder_that_others_may_read_fails_with_the_command_that_mends_it(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    check = next(c for c in doctor.folder(tmp_path) if c.code == "folder")
    assert (check.state, check.exit_code) == ("failed", 2)
    assert check.remedy is not None
    assert check.remedy.text.startswith("Run: chmod 700")


def test_a_folder_in_a_cloud_drive_is_warned_of(tmp_path: Path) -> None:
    folder = tmp_path / "OneDrive - ABC" / "data"
    folder.mkdir(parents=True, mode=0o700)
    assert states(list(doctor.folder(folder)))["cloud"] == "warning"


def test_a_full_disk_fails_as_try_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    usage = SimpleNamespace(free=RESERVE - 1)
    monkeypatch.setattr("shutil.disk_usage", lambda _path: usage)
    check = next(c for c in doctor.folder(tmp_path) if c.code == "disk")
    assert (check.state, check.exit_code) == ("failed", 7)


@pytest.mark.parametrize(
    ("synced_at", "state"),
    [("2026-11-23T17:30:00+00:00", "ok"), ("2026-11-22T17:30:00+00:00", "warning")],
)
def test_a_mirror_that_missed_a_night_is_warned_of(synced_at: str, state: str) -> None:
    checks = list(doctor.mirror(lambda: generation(synced_at), ["files"], NOW, ZONE))
    assert states(checks) == {"mirror": state}


def test_a_source_that_was_never_synced_is_warned_of() -> None:
    found = generation(NOW.isoformat())
    checks = list(doctor.mirror(lambda: found, ["hubspot"], NOW, ZONE))
    assert states(checks) == {"mirror": "warning"}


@pytest.mark.parametrize(
    ("production", "local", "kind"),
    [
        (True, True, "PRODUCTION"),
        (True, False, "PRODUCTION"),
        (False, True, "on this machine"),
        (False, False, "sandbox"),
    ],
)
def test_production_is_called_so_wherever_it_answers(
    production: bool,  # noqa: FBT001 - a case
    local: bool,  # noqa: FBT001 - a case
    kind: str,
) -> None:
    identity = Identity(org_id="1", org_name="ABC", production=production, local=local)
    connector = MemoryCRM({}, identity=identity)
    rules = load_mapping("files", Path())
    check = next(doctor.crm("memory", lambda: connector, rules))
    assert isinstance(check.detail, Phrase)
    assert check.detail.text.endswith(kind)


def demo(cli: Cli, folder: Path) -> None:
    (folder / "handover.toml").unlink()
    (folder / "export").rmdir()
    assert cli("init", "--demo", "--no-input").code == 0


def test_a_fresh_demo_is_in_good_health(cli: Cli, folder: Path) -> None:
    demo(cli, folder)
    ended = cli("doctor", "--json")
    assert (ended.code, ended.json["ok"]) == (0, True)
    assert {check["state"] for check in ended.data["checks"]} == {"ok"}
    assert {"python", "names", "folder", "disk", "crm", "ledger", "mirror"} <= {
        check["code"] for check in ended.data["checks"]
    }


def test_lines_begin_with_a_sign_and_faults_are_followed_by_a_remedy(
    cli: Cli, folder: Path
) -> None:
    demo(cli, folder)
    (folder / ".handover").chmod(0o755)
    ended = cli("doctor", "--lang", "ja")
    lines = ended.out.splitlines()
    assert ended.code == 2
    assert all(line[0] in "○△× " for line in lines)
    fault = next(n for n, line in enumerate(lines) if line.startswith("×"))
    assert "chmod 700" in lines[fault + 1]


def failed(cli: Cli, config: str) -> list[dict[str, str]]:
    """Run doctor with this configuration; give what it found wrong."""
    Path("handover.toml").write_text(config, encoding="utf-8")
    ended = cli("doctor", "--json")
    assert ended.code == 2
    return [c for c in ended.data["checks"] if c["state"] == "failed"]


@pytest.mark.usefixtures("folder")
def test_every_secret_that_is_missing_is_named(cli: Cli) -> None:
    found = failed(
        cli,
        "[crm.salesforce]\n"
        'base_url = "https://example.my.salesforce.com"\n'
        'auth = "client_credentials"\n'
        'client_id = "env:NO_SUCH_ID"\n'
        'client_secret = "file:no-such-file"\n'
        '[crm.hubspot]\ntoken = "env:NO_SUCH_TOKEN"\n',
    )
    assert [check["code"] for check in found] == ["secret"] * 3
    for check, name in zip(
        found, ("NO_SUCH_ID", "no-such-file", "NO_SUCH_TOKEN"), strict=True
    ):
        assert name in check["detail"]
        assert check["remedy"]


def test_a_rule_and_a_mapping_that_cannot_be_read_are_both_named(
    cli: Cli, folder: Path
) -> None:
    (folder / "rules.toml").write_text("[audit]\nno_such_rule = 1\n", encoding="utf-8")
    found = failed(
        cli,
        '[policy]\nfile = "rules.toml"\n[crm.files]\nmapping = "no-such.toml"\n',
    )
    assert [check["code"] for check in found] == ["policy", "mapping"]
    assert "no_such_rule" in found[0]["detail"]
    assert "no-such" in found[1]["detail"]


class Lacking(MemoryCRM):
    """A production CRM that lacks a field until it is made."""

    made = 0

    def prepare(self, *, create: bool = False) -> Sequence[str]:
        """Make the field, and count that."""
        self.made += create
        return () if self.made else ("tasks.handover_key",)


def test_fix_changes_a_production_org_only_where_it_may(tmp_path: Path) -> None:
    identity = Identity(org_id="1", org_name="ABC", production=True, local=False)
    rules = load_mapping("files", tmp_path)

    def checked(allow: Callable[[Identity], None]) -> tuple[int, dict[str, str]]:
        crm = Lacking({}, identity=identity)
        checks = [*doctor.crm("memory", lambda: crm, rules, allow_fix=allow)]
        return crm.made, {check.code: check.state for check in checks}

    def refuse(org: Identity) -> None:
        raise ProductionUnconfirmed(org=org.org_id, name=org.org_name)

    made, states = checked(refuse)
    assert (made, states["crm"]) == (0, "ok")
    made, states = checked(lambda _org: None)
    assert (made, states["key"]) == (1, "ok")
    crm = Lacking({}, identity=identity)
    refused = [*doctor.crm("memory", lambda: crm, rules, allow_fix=refuse)]
    assert max(check.exit_code for check in refused) == 5
