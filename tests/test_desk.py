"""Whose turn it is: what every plan waits for, by when, and what stands against it."""

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.worlds.planning_folder import NEW, planning_in, write

MOVES = [
    ("predecessor", "account", "successor", "effective"),
    ("Sato", "*", "Tanaka", ""),
    ("Kato", "*", "Sato", ""),
]


@pytest.fixture
def plan(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    return planning_in(folder, planning_files, cli)


def test_the_manager_sees_what_waits_for_them_and_what_blocks_it(plan: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    (asked,) = plan("list", "--mine", "--as", "M").data["waiting"]
    assert (asked["plan"], asked["step"], asked["persons"]) == (
        key,
        "submit",
        ["M", "D"],
    )
    blocked = {each["code"]: each["message"] for each in asked["blocked"]}
    assert list(blocked) == ["co_attendance_undecided", "loose_undecided"]
    assert "Aoba" in blocked["co_attendance_undecided"]
    assert asked["next"] == f"handover plan edit {key} --no-attend rest"
    assert plan("list", "--mine", "--as", "P").data["waiting"] == []

    plan("edit", key, "--no-attend", "rest", "--as", "M")
    (turn,) = plan("list", "--mine", "--as", "P").data["waiting"]
    assert turn["next"] == f"handover plan edit {key} --loose opportunities=transfer"
    plan("edit", key, "--loose", "opportunities=transfer", "--as", "P")
    (turn,) = plan("list", "--mine", "--as", "P").data["waiting"]
    assert (turn["step"], turn["blocked"], turn["expires"]) == ("submit", [], None)
    plan("submit", key, "--as", "P")
    for person in ("M", "D"):
        (turn,) = plan("list", "--mine", "--as", person).data["waiting"]
        assert (turn["step"], turn["next"]) == (
            "approve",
            f"handover plan approve {key}",
        )
    done = plan("approve", key, "--as", "M").data["plan"]
    (turn,) = plan("list", "--mine", "--as", "P").data["waiting"]
    assert turn["step"] == "publish"
    assert turn["by"] == min(r["visit"]["date"] for r in done["rows"] if r["visit"])
    assert turn["expires"] > done["effective"]


def test_the_desk_is_read_in_words(plan: Cli, cli: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    shown = cli("plan", "list", "--mine", "--as", "M", "--lang", "ja")
    assert "提出" in shown.out
    assert f"handover plan edit {key} --no-attend rest" in shown.out
    nothing = cli("plan", "list", "--mine", "--as", "Tanaka", "--lang", "en")
    assert "Nothing waits for you." in nothing.out


def test_the_plans_of_a_reorganisation_are_listed_by_its_beginning(
    plan: Cli, folder: Path
) -> None:
    write(folder, "moves.csv", MOVES)
    made = plan("new", "--moves", "moves.csv").data["plans"]
    listed = plan("list", "--reorganisation", "2027-03-mo").data
    assert {each["id"] for each in listed["plans"]} == {each["id"] for each in made}
    assert len(listed["waiting"]) == len(made)
    unknown = plan("list", "--reorganisation", "2026")
    assert (unknown.code, unknown.json["error"]["code"]) == (2, "unknown_name")


def test_a_written_file_is_named(plan: Cli, cli: Cli, folder: Path) -> None:
    key = plan(*NEW).data["plan"]["id"]
    told = cli("plan", "show", key, "-o", "plan.html", "--lang", "en")
    assert "written: plan.html" in told.err
    assert (folder / "plan.html").exists()
    assert "written" not in cli("plan", "show", key, "-q", "-o", "plan.html").err
