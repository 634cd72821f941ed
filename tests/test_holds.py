"""What the predecessor keeps for a while: decided, visited, announced, handed over."""

import csv
import re
from pathlib import Path

import pytest

from tests.conftest import Cli, Ended
from tests.worlds.copies import copy_folder
from tests.worlds.planning_folder import NEW, TODAY, rows_of

HELD = ("--hold", "Midori", "--until", "2027-06-30", "--opportunity")


@pytest.fixture
def company(folder: Path, planning_files: Path) -> Path:
    copy_folder(planning_files, folder)
    return folder


def tasks(folder: Path) -> dict[str, dict[str, str]]:
    """The tasks in the folder by what they are about: account, purpose and person."""
    (found,) = folder.rglob("handover_tasks.csv")
    with found.open(encoding="utf-8-sig", newline="") as file:
        return {
            row["handover_key"].split(":", 3)[-1]: row for row in csv.DictReader(file)
        }


def told(ended: Ended, code: str) -> str:
    """The first day that a warning of a run names."""
    assert ended.code == 0, ended.out + ended.err
    (found,) = [each for each in ended.json["warnings"] if each["code"] == code]
    return str(re.findall(r"\d{4}-\d\d-\d\d", found["message"])[0])


def test_what_is_held_is_visited_announced_and_taken_when_due(
    company: Path, cli: Cli
) -> None:
    def plan(*words: str) -> Ended:
        return cli("plan", *words, *TODAY, "--json")

    def reassign(day: str) -> Ended:
        return cli("reassign", key, "--as-of", day, "--json")

    key = plan(*NEW).data["plan"]["id"]
    loose = ("--loose", "opportunities=transfer", "--no-attend", "rest")
    refused = plan("edit", key, "--opportunity", "O2=hold:2027-05-31", "--as", "P")
    assert (refused.code, refused.json["error"]["code"]) == (5, "too_many_held")
    held = plan("edit", key, *HELD, "O2=hold:2027-05-31", *loose, "--as", "M")
    visit = rows_of(held)["A3"]["visit"]
    assert visit["date"] < "2027-06-30"
    assert plan("submit", key, "--as", "P").code == 0
    approved = plan("approve", key, "--as", "M")
    assert approved.code == 0
    effective = approved.data["plan"]["effective"]
    assert plan("publish", key).code == 0
    due = {name: row["due"] for name, row in tasks(company).items()}
    assert due["A3:visit:S"] == due["A3:visit:P"] == visit["date"]
    assert due["A3:hold:S"] == due["A3:hold:P"] == "2027-06-30"
    assert due["A2:hold:S"] == due["A2:hold:P"] == "2027-05-31"
    assert told(reassign(effective), "next_due") == "2027-05-31"
    assert told(reassign("2027-05-30"), "nothing_due") == "2027-05-31"
    assert told(reassign("2027-05-31"), "next_due") == "2027-06-30"
    last = reassign("2027-06-30").data["run"]["steps"]
    assert "A3" in {s["record_id"] for s in last if s["action"] == "account_owner"}
    still = {name for name, row in tasks(company).items() if row["is_done"] != "true"}
    assert not {name for name in still if ":hold:" in name}
