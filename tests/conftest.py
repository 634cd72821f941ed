"""What many tests share: a working folder, the command line, the CRMs beside it."""

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest

from cli import handover as root
from handover.commands.shell import run
from tests.worlds.hubspot import Portal
from tests.worlds.small_org import Company
from tests.worlds.small_portal import Hurry, small_portal

if TYPE_CHECKING:
    from tests.worlds.files_folder import Job
    from tests.worlds.hubspot_company import Company as HubSpotCompany
    from tests.worlds.salesforce_company import Company as SalesforceCompany

pytest.register_assert_rewrite("tests.promises")

FILES = """\
language = "en"
timezone = "Asia/Tokyo"
[time]
rehearsal = true
[crm.files]
folder = "export"
"""


SOAK = "HANDOVER_SOAK" in os.environ
CRMS = ("salesforce", "hubspot")


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Run tests marked ``sampled`` on one CRM, and on files where they can be.

    Which CRM follows from the test's name; ``make soak`` runs them on all. Of tests
    marked ``every(n)``, one path with many values, each nth is run.
    """
    if SOAK:
        return
    counted: Counter[str] = Counter()
    spared = [item for item in items if is_spared(item) or is_repetition(item, counted)]
    items[:] = [item for item in items if item not in {*spared}]
    config.hook.pytest_deselected(items=spared)


def is_spared(item: pytest.Item) -> bool:
    """Return whether a sampled test is left to ``make soak`` on this CRM."""
    if item.get_closest_marker("sampled") is None:
        return False
    place = item.nodeid.partition("::")[2].casefold()
    name = getattr(item, "originalname", item.name)
    chosen = CRMS[crc32(name.encode()) % len(CRMS)]
    return any(crm in place for crm in CRMS if crm != chosen)


def is_repetition(item: pytest.Item, counted: Counter[str]) -> bool:
    """Return whether a test marked ``every(n)`` is not the first of n with its name.

    ``counted`` has how many of each name came before.
    """
    marker = item.get_closest_marker("every")
    if marker is None:
        return False
    name = item.nodeid.partition("[")[0]
    counted[name] += 1
    return (counted[name] - 1) % int(marker.args[0]) > 0


@pytest.fixture(autouse=True)
def width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test depend on the terminal it is started from."""
    monkeypatch.setenv("COLUMNS", "120")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The envelope on stdout."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    @property
    def data(self) -> dict[str, Any]:
        """The data of the envelope."""
        found = self.json["data"]
        assert isinstance(found, dict)
        return found


Cli = Callable[..., Ended]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder with a configuration for exported files."""
    monkeypatch.chdir(tmp_path)
    for name in ("HANDOVER_CONFIG", "HANDOVER_LANG", "HANDOVER_USER", "LC_ALL"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "handover.toml").write_text(FILES, encoding="utf-8")
    (tmp_path / "export").mkdir()
    return tmp_path


@pytest.fixture
def cli(folder: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> Cli:
    """Run a command line in the working folder; words are given one by one."""

    def call(*words: str, env: dict[str, str] | None = None) -> Ended:
        capfdbinary.readouterr()
        code = run(root, words, env or {})
        out, err = capfdbinary.readouterr()
        return Ended(code=code, out=out.decode(), err=err.decode())

    return call


# The main job, in a company of files: before its plan, and with an approved one


@pytest.fixture(scope="session")
def company_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synced company; tests work in copies of it."""
    from tests.worlds.files_folder import build

    return build(tmp_path_factory.mktemp("company"))


@pytest.fixture(scope="session")
def approved_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company with an approved plan; tests work in copies of it."""
    from tests.worlds.files_folder import build_approved

    return build_approved(tmp_path_factory.mktemp("approved"))


@pytest.fixture(scope="session")
def planning_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synced company for which plans are drawn up; tests work in copies of it."""
    from tests.worlds.planning_folder import synced

    return synced(tmp_path_factory.mktemp("planning"))


@pytest.fixture(scope="session")
def approved_org(
    tmp_path_factory: pytest.TempPathFactory,
) -> "tuple[Path, SalesforceCompany]":
    """A company in Salesforce with an approved plan; tests work in copies of both."""
    from tests.worlds.salesforce_folder import approve_in

    folder = tmp_path_factory.mktemp("approved-org")
    return folder, approve_in(folder)


@pytest.fixture(scope="session")
def approved_portal(
    tmp_path_factory: pytest.TempPathFactory,
) -> "tuple[Path, HubSpotCompany]":
    """A company in HubSpot with an approved plan; tests work in copies of both."""
    from tests.worlds.hubspot_folder import OWN, approve_in, larger

    folder, made = tmp_path_factory.mktemp("approved-portal"), larger()
    (folder / "own.toml").write_text(OWN, encoding="utf-8")
    approve_in(folder, made)
    return folder, made


@pytest.fixture
def job(folder: Path, company_files: Path, cli: Cli) -> "Job":
    """Stand before the plan."""
    from tests.worlds.files_folder import job_in

    return job_in(folder, company_files, cli)


@pytest.fixture
def agreed(folder: Path, approved_files: Path, cli: Cli) -> "Job":
    """Stand before the writing."""
    from tests.worlds.files_folder import job_in

    return job_in(folder, approved_files, cli)


# The CRMs on this machine, as most tests of the connectors need them


@pytest.fixture
def portal() -> Portal:
    """A small HubSpot portal."""
    return small_portal()


@pytest.fixture
def hurry() -> Hurry:
    """A clock that jumps over whatever one would wait for."""
    return Hurry()


@pytest.fixture
def org() -> Company:
    """A Salesforce org whose pages hold ten records."""
    org = Company()
    org.page = 10
    return org
