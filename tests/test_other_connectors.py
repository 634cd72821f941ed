"""A connector that is not ours: announced by an entry point, configured like ours."""

import os
import subprocess
import sys
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
    found = {registry.GROUP: [point]}
    monkeypatch.setattr(
        registry, "list_announced", lambda group, _state: tuple(found.get(group, []))
    )


PACKAGE = """\
from typing import Annotated, ClassVar

from connectors.base import Identity
from connectors.memory import MemoryCRM
from connectors.settings import (
    ConnectorSettings, Example, LocalPath, LogIn, PinsOrg, Question, Secret
)


class SampleSettings(ConnectorSettings):
    log_ins: ClassVar[tuple[str, ...]] = ("token", "certificate")
    tenant: Annotated[
        str | None, PinsOrg(), Example(value="T1", commented_out=True)
    ] = None
    server: Annotated[
        str, Question(text="Server?", default="crm.example"), Example(comment="ours")
    ]
    log_in: Annotated[str, LogIn()] = "token"
    token: Annotated[
        str | None, Secret(), Example(value="env:SAMPLE_TOKEN", log_ins=("token",))
    ] = None
    certificate: Annotated[
        str | None, LocalPath(), Example(value="own.pem", log_ins=("certificate",))
    ] = None
    mapping: str = "sample.toml"


OPENED = []


def open_sample(settings):
    OPENED.append(settings)
    identity = Identity(org_id="T2", org_name="Two", production=False, local=True)
    return MemoryCRM({}, identity=identity)
"""
ENTRY_POINTS = """\
[handover.connectors]
sample = sample_crm:open_sample
[handover.connectors.settings]
sample = sample_crm:SampleSettings
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a package on the path that brings a connector and describes its settings."""
    site = tmp_path / "site"
    known = site / "sample_crm-1.0.dist-info"
    known.mkdir(parents=True)
    (site / "sample_crm.py").write_text(PACKAGE, encoding="utf-8")
    about = "Metadata-Version: 2.1\nName: sample_crm\nVersion: 1.0\n"
    (known / "METADATA").write_text(about, encoding="utf-8")
    (known / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    monkeypatch.syspath_prepend(site)
    monkeypatch.delitem(sys.modules, "sample_crm", raising=False)
    return site


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


def test_init_writes_what_it_declares(folder: Path, installed: Path) -> None:
    (folder / "handover.toml").unlink()
    ended = subprocess.run(
        [sys.executable, "-m", "cli", "init", "--crm", "sample", "--no-input"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{installed}:{Path(__file__).parents[1]}"},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    written = (folder / "handover.toml").read_text(encoding="utf-8")
    section = written[written.index("[crm.") : written.index("[people]")]
    assert [line.split("  ")[0] for line in section.splitlines()] == [
        "[crm.sample]",
        '# tenant = "T1"',
        'server = "crm.example"',
        'log_in = "token"',
        'token = "env:SAMPLE_TOKEN"',
        'mapping = "sample.toml"',
        "",
    ]
    assert "# secrets are references" in section


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("sever = 1", "bad_config", "Did you mean server?"),
        ("server = 1", "bad_config", "crm.sample.server"),
        ('token = "env:NO_SUCH"', "no_secret", "crm.sample.token"),
        ('tenant = "T1"', "wrong_org", "T2"),
    ],
)
def test_what_it_declares_is_checked(
    cli: Cli, folder: Path, line: str, code: str, said: str
) -> None:
    server = "" if line.startswith("server") else 'server = "crm.example"\n'
    configure(folder, f"[crm.sample]\n{server}{line}\n")
    error = cli("sync", "--json").json["error"]
    assert error["code"] == code
    assert said in error["message"]


@pytest.mark.usefixtures("installed")
def test_its_paths_start_from_the_configuration(cli: Cli, folder: Path) -> None:
    section = '[crm.sample]\nserver = "crm.example"\ncertificate = "own.pem"\n'
    configure(folder, section)
    cli("doctor")
    (given,) = sys.modules["sample_crm"].OPENED
    assert given["certificate"] == folder / "own.pem"
    assert given["written"] == {"certificate": "own.pem"}
