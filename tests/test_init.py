import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.salesforce.settings import SalesforceSettings
from connectors.settings import LocalPath
from handover.commands.options import FORMATS
from handover.config import load_config
from tests.conftest import Cli


@pytest.fixture
def bare(folder: Path) -> Path:
    """Work in a folder in which nothing was set up yet."""
    (folder / "handover.toml").unlink()
    (folder / "export").rmdir()
    return folder


def test_init_does_not_overwrite(cli: Cli, folder: Path) -> None:
    before = (folder / "handover.toml").read_bytes()
    for words in ((), ("--demo",)):
        ended = cli("init", *words, "--json")
        assert (ended.code, ended.json["error"]["code"]) == (2, "already_initialised")
    assert (folder / "handover.toml").read_bytes() == before
    assert {path.name for path in folder.iterdir()} == {"handover.toml", "export"}


@pytest.mark.parametrize("crm", ["files", "salesforce", "hubspot"])
def test_init_writes_a_configuration_that_is_valid(
    cli: Cli, bare: Path, crm: str
) -> None:
    assert cli("init", "--crm", crm, "--no-input").code == 0
    config = load_config(bare / "handover.toml")
    assert list(config.crm) == [crm]
    ignored = (bare / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {".handover/", "people.csv", "*.xlsx"} <= set(ignored)
    assert ("/export/" in ignored) is (crm == "files")
    assert (bare / "people.csv").read_text(encoding="utf-8").startswith("user,")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize("auth", ["jwt", "client_credentials", "refresh_token"])
def test_somebody_at_a_terminal_is_asked_until_the_answers_fit(
    bare: Path, auth: str
) -> None:
    address = "https://acme.my.salesforce.com"
    typed = [
        "sales",
        "salesforce",
        "acme",
        address,
        "password",
        auth,
        "日本",
        "",
        "USD",
    ]
    shown = at_a_terminal(bare, *typed, "Asia/Kyoto", "Europe/Paris")
    assert shown.count("cannot be used here") == 5
    config = load_config(bare / "handover.toml")
    org = config.crm["salesforce"]
    assert isinstance(org, SalesforceSettings)
    assert (org.base_url, org.auth) == (address, auth)
    assert (config.calendar.country, config.money.currency) == ("JP", "USD")
    assert config.timezone == "Europe/Paris"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals")
@pytest.mark.parametrize(("auth", "key"), [("token", "token"), ("oauth", "client_id")])
def test_a_portal_is_given_the_keys_of_its_log_in(
    bare: Path, auth: str, key: str
) -> None:
    at_a_terminal(bare, "hubspot", auth, "", "", "")
    portal = load_config(bare / "handover.toml").crm["hubspot"]
    assert getattr(portal, key).startswith("env:HUBSPOT_")


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals")
def test_the_folder_of_the_exports_is_where_somebody_says(bare: Path) -> None:
    at_a_terminal(bare, "files", "data/export", "", "", "")
    config = load_config(bare / "handover.toml")
    assert config.crm["files"].values_of(LocalPath) == {"folder": "data/export"}
    assert (bare / "data" / "export").is_dir()
    assert "/data/export/\n" in (bare / ".gitignore").read_text(encoding="utf-8")


def at_a_terminal(folder: Path, *answers: str) -> str:
    """Type answers; give what is shown."""
    ours, theirs = os.openpty()
    known = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(
        [sys.executable, "-m", "cli", "init", "--lang", "en"],
        cwd=folder,
        env=known,
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    ) as asking:
        os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
        assert asking.wait(timeout=60) == 0
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    os.close(theirs)
    return shown


def test_init_speaks_the_language_it_was_asked_in(cli: Cli, bare: Path) -> None:
    assert cli("init", "--lang", "ja").code == 0
    assert load_config(bare / "handover.toml").language == "ja"


def test_what_somebody_wrote_before_stays(cli: Cli, bare: Path) -> None:
    (bare / ".gitignore").write_text("mine\n", encoding="utf-8")
    made = cli("init", "--json").data["files"]
    assert (bare / ".gitignore").read_text(encoding="utf-8") == "mine\n"
    assert ".gitignore" not in [Path(file).name for file in made]


@pytest.mark.parametrize("name", ["people.csv", "export/accounts.csv"])
def test_the_demo_replaces_no_file_of_a_real_company(
    cli: Cli, bare: Path, name: str
) -> None:
    (bare / "export").mkdir()
    (bare / name).write_text("ours\n", encoding="utf-8")
    ended = cli("init", "--demo", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "already_initialised")
    assert Path(name).name in ended.json["error"]["message"]
    assert (bare / name).read_text(encoding="utf-8") == "ours\n"
    assert not (bare / "handover.toml").exists()


def test_the_demo_leads_straight_to_an_audit(cli: Cli, bare: Path) -> None:
    ended = cli("init", "--demo", "--no-input")
    assert ended.code == 0
    assert all((bare / line.split()[-1]).exists() for line in ended.out.splitlines())
    csv = cli("audit", "--format", "csv").out
    assert csv.startswith("\ufeff")
    assert csv.count("\r\n") == csv.count("\n") > 240
    assert cli("sync", "--quiet").out == ""


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_sees_nothing_of_persons(cli: Cli, bare: Path) -> None:
    assert cli("init", "--demo").code == 0
    new = ("plan", "new", "--from", "佐藤 健一", "--to", "鈴木 美咲", "--json")
    plan = cli(*new, "-o", "plan.json").code
    assert plan in (0, 6)
    for form in FORMATS:
        name = f"audit.{'txt' if form == 'table' else form}"
        assert cli("audit", "--format", form, "-o", name).code == 0
        assert (bare / name).stat().st_mode & 0o077 == 0
    (bare / "people.csv").write_text("user,manager\n", encoding="utf-8")
    seen = git(bare, "init", "-q") + git(
        bare, "status", "--porcelain", "--untracked-files=all"
    )
    assert {line.split()[-1] for line in seen.splitlines()} == {
        *(".gitignore", "handover.toml")
    }


def git(folder: Path, *words: str) -> str:
    ended = subprocess.run(  # noqa: S603 - git, in a folder of its own
        ["git", *words],  # noqa: S607 - wherever it is
        cwd=folder,
        env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=True,
    )
    return ended.stdout


def test_the_demo_can_be_made_elsewhere(cli: Cli, bare: Path) -> None:
    (bare / "try").mkdir()
    config = str(Path("try") / "handover.toml")
    assert cli("init", "--demo", "-c", config).code == 0
    assert {path.name for path in bare.iterdir()} == {"try"}
    found = json.loads(cli("audit", "-c", config, "--json").out)
    assert found["data"]["totals"]["accounts"] == 240


@pytest.mark.parametrize(
    ("language", "said"), [("en", "only to rehearse"), ("ja", "リハーサルだけ")]
)
def test_only_the_demo_is_a_rehearsal(
    cli: Cli, bare: Path, language: str, said: str
) -> None:
    assert cli("init", "--lang", language).code == 0
    assert not load_config(bare / "handover.toml").time.rehearsal
    assert said in (bare / "handover.toml").read_text(encoding="utf-8")
    (bare / "try").mkdir()
    assert cli("init", "--demo", "-c", "try/handover.toml").code == 0
    assert load_config(bare / "try" / "handover.toml").time.rehearsal
