"""Production: the steps are seen and the org is named, or nothing is written."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.worlds.salesforce_company import Company
from tests.worlds.salesforce_folder import EFFECTIVE, Desk, sitting

ORG = "見本株式会社"


@pytest.fixture
def desk(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with sitting(cli, folder, monkeypatch) as desk:
        yield desk


@pytest.fixture
def agreed(
    cli: Cli,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    approved_org: tuple[Path, Company],
) -> Iterator[Desk]:
    """Stand before the writing."""
    with sitting(cli, folder, monkeypatch, approved_org) as desk:
        yield desk


class Keyboard:
    """Somebody who types a line and sees what stands on the screen by then."""

    def __init__(self, line: str) -> None:
        self.line = line

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self.line + "\n"


def typing(desk: Desk, monkeypatch: pytest.MonkeyPatch, line: str, *words: str) -> Any:
    production = next(iter(desk.org.records["Organization"].values()))
    production["IsSandbox"] = False
    monkeypatch.setattr("sys.stdin", Keyboard(line))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "200")
    return desk.cli("--as-of", EFFECTIVE, "--as", "佐藤 健一", *words)


def test_the_steps_are_shown_before_the_orgs_name_is_typed(
    agreed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = agreed.plan
    ended = typing(agreed, monkeypatch, ORG, "reassign", plan)
    assert ended.code == 0, ended.err
    before, asked, _ = ended.err.partition("Type the org's name")
    assert asked
    assert f"{ORG} (" in before
    assert "12  owner of the account" in before
    assert agreed.made.accounts[0] in before
    assert "Sforce-Auto-Assign: FALSE" in before
    assert agreed.owners("Account") == {agreed.made.tanaka: 13}


def test_another_name_writes_nothing(
    agreed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = agreed.plan
    ended = typing(agreed, monkeypatch, "見本", "reassign", plan)
    assert ended.code == 5
    assert agreed.org.commits == []


def test_where_nothing_is_to_be_written_nothing_is_asked(
    agreed: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = agreed.plan
    words = ("--as-of", "2027-03-02", "reassign", plan)
    ended = typing(agreed, monkeypatch, "", *words)
    assert (ended.code, "Type the org's name" in ended.err) == (0, False)


def test_a_job_names_the_org_or_writes_nothing(agreed: Desk) -> None:
    plan = agreed.plan
    organization = next(iter(agreed.org.records["Organization"].values()))
    organization["IsSandbox"] = False
    ended = agreed.run("reassign", plan, day=EFFECTIVE)
    assert (ended.code, ended.json["error"]["code"]) == (5, "confirm_production")
    assert agreed.org.commits == []
    named = ("--org", str(organization["Id"]))
    assert agreed.run("reassign", plan, *named, day=EFFECTIVE).code == 0
