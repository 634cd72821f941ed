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
WHOLE = ("new", "--moves", "moves.csv", "--end", "2027-03-26")


@pytest.fixture
def plan(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    return planning_in(folder, planning_files, cli)


def test_the_manager_sees_what_waits_for_them_and_what_blocks_it(plan: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    assert plan("list", "--mine", "--as", "M").data["waiting"] == []
    (turn,) = plan("list", "--mine", "--as", "P").data["waiting"]
    assert [each["code"] for each in turn["blocked"]] == ["loose_undecided"]
    assert turn["next"] == f"handover plan edit {key} --loose opportunities=transfer"
    plan("edit", key, "--loose", "opportunities=transfer", "--as", "P")
    (turn,) = plan("list", "--mine", "--as", "P").data["waiting"]
    assert (turn["step"], turn["blocked"], turn["expires"]) == ("submit", [], None)
    plan("submit", key, "--as", "P")
    for person in ("M", "D"):
        (turn,) = plan("list", "--mine", "--as", person).data["waiting"]
        (blocked,) = turn["blocked"]
        assert (turn["step"], blocked["code"]) == ("approve", "co_attendance_undecided")
        assert "Aoba" in blocked["message"]
        assert turn["next"] == f"handover plan approve {key} --attend rest"
    done = plan(*turn["next"].split()[2:], "--as", "M").data["plan"]
    (turn,) = plan("list", "--mine", "--as", "P").data["waiting"]
    assert turn["step"] == "publish"
    assert turn["by"] == min(r["visit"]["date"] for r in done["rows"] if r["visit"])
    assert turn["expires"] > done["effective"]


def test_the_desk_is_read_in_words(plan: Cli, cli: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    shown = cli("plan", "list", "--mine", "--as", "P", "--lang", "ja")
    assert "先に解決が必要: Sato" in shown.out
    assert f"handover plan edit {key} --loose opportunities=transfer" in shown.out
    plan("edit", key, "--loose", "opportunities=transfer", "--as", "P")
    plan("submit", key, "--as", "P")
    shown = cli("plan", "list", "--mine", "--as", "M", "--lang", "ja")
    assert "承認待ち: " in shown.out
    assert "重要顧客(Aoba" in shown.out
    assert f"handover plan approve {key} --attend rest" in shown.out
    nothing = cli("plan", "list", "--mine", "--as", "Tanaka", "--lang", "en")
    assert "Nothing waits for you." in nothing.out


def test_the_plans_of_a_reorganisation_are_listed_by_its_beginning(
    plan: Cli, folder: Path
) -> None:
    write(folder, "moves.csv", MOVES)
    made = plan(*WHOLE).data["plans"]
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


def drawn_up(plan: Cli, folder: Path) -> tuple[str, str]:
    """Draw up two plans of one reorganisation; only the second can be submitted."""
    write(folder, "moves.csv", MOVES)
    first, second = (p["id"] for p in plan(*WHOLE).data["plans"])
    plan("edit", second, "--no-attend", "rest", "--as", "M")
    return first, second


def test_a_reorganisation_goes_as_far_as_it_is_ready_and_says_what_is_not(
    plan: Cli, folder: Path
) -> None:
    first, second = drawn_up(plan, folder)
    whole = ("--reorganisation", "2027-03-moves", "--as", "M")

    partly = plan("submit", *whole)

    assert (partly.code, partly.json["error"]["code"]) == (6, "not_all_plans")
    told = {each["plan"]: each for each in partly.data["outcomes"]}
    assert (told[second]["outcome"], told[second]["state"]) == ("done", "submitted")
    assert told[first]["outcome"] == "refused"
    assert told[first]["error"]["code"] == "loose_undecided"
    assert "Momiji" in told[first]["error"]["message"]
    again = plan("submit", *whole)
    assert again.code == 5
    assert {e["plan"]: e["outcome"] for e in again.data["outcomes"]} == {
        first: "refused",
        second: "behind",
    }

    decided = ("--no-attend", "rest", "--loose", "opportunities=transfer")
    assert plan("edit", first, *decided, "--as", "M").code == 0
    ended = plan("submit", *whole)
    assert ended.code == 0, ended.data["outcomes"]
    approved = plan("approve", *whole[:2], "--as", "D")
    assert approved.code == 0
    assert {each["state"] for each in approved.data["plans"]} == {"approved"}


def test_a_reorganisation_is_carried_out_in_one_command(
    plan: Cli, cli: Cli, folder: Path
) -> None:
    first, second = drawn_up(plan, folder)
    decided = ("--no-attend", "rest", "--loose", "opportunities=transfer")
    plan("edit", first, *decided, "--as", "M")
    whole = ("--reorganisation", "2027-03-moves")
    assert plan("submit", *whole, "--as", "M").code == 0
    assert plan("approve", *whole, "--as", "D").code == 0
    published = plan("publish", *whole)
    assert published.code == 0
    runs = {each["plan"]: each["run"]["plan"] for each in published.data["outcomes"]}
    assert runs == {first: first, second: second}
    shown = cli("reassign", *whole, "--dry-run", "--lang", "en")
    assert first in shown.out
    assert second in shown.out
    neither = plan("submit")
    assert (neither.code, neither.json["error"]["code"]) == (2, "usage")


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_reorganisation_is_shown_as_one(
    plan: Cli, cli: Cli, folder: Path, language: str
) -> None:
    drawn_up(plan, folder)
    whole = ("plan", "show", "--reorganisation", "2027-03-moves")
    shown = plan(*whole[1:]).data
    people = {each["person"]: each for each in shown["people"]}
    before = sum(each["customers"] for each in people.values())
    assert before == sum(each["customers_after"] for each in people.values())
    assert people["Q"]["customers_after"] == 0
    assert people["S"]["customers_after"] > people["S"]["customers"]
    assert shown["nobody_takes"] == []
    text = cli(*whole, "--lang", language).out
    page = cli(*whole, "--format", "html", "--lang", language).out
    title = {
        "ja": "担当者・週別の訪問の負荷",
        "en": "Load of visits by person and week",
    }
    for form in (text, page):
        assert title[language] in form
        assert "2027-03-sato-tanaka" in form
