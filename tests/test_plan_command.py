import csv
import datetime as dt
from itertools import pairwise
from pathlib import Path

import pytest

from tests.conftest import Cli, Ended
from tests.worlds.planning_folder import (
    COMPANY,
    NEW,
    TODAY,
    planning_in,
    rows_of,
    submitted,
    sync,
    write,
)


@pytest.fixture
def plan(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    return planning_in(folder, planning_files, cli)


# Drawing up.


def test_a_plan_is_drawn_up_in_one_command(plan: Cli) -> None:
    ended = plan(*NEW)
    assert (ended.code, ended.json["schema"]) == (0, "handover.plan/1")
    made = ended.data["plan"]
    assert ended.data["plans"] == [made]
    assert ended.data["reorganisation"] is None
    assert made["id"] == "2027-03-sato-tanaka"
    assert (made["predecessor"], made["successors"], made["manager"]) == (
        "P",
        ["S"],
        "M",
    )
    assert (made["state"], made["version"], made["author"]) == ("draft", 1, None)
    rows = rows_of(ended)
    assert {a: (row["mode"], row["reasons"]) for a, row in rows.items()} == {
        "A1": ("meet", ["M1"]),
        "A2": ("meet", ["M3"]),
        "A3": ("meet", ["M3"]),
        "A4": ("inform", []),
    }
    (goes,) = rows["A3"]["opportunities"]
    assert (goes["id"], goes["name"], goes["action"]) == ("O3", "新設", "transfer")
    assert (goes["until"], goes["reason"]) == (None, None)
    assert rows["A2"]["value"] == 1000
    assert rows["A2"]["visit"]["date"] != "2027-03-02"
    assert rows["A1"]["visit"]["contact_ids"] == ["C1b", "C1a"]
    assert rows["A1"]["co_attendance"] == "undecided"


def test_what_hangs_on_no_customer_of_theirs_is_listed(plan: Cli) -> None:
    loose = plan(*NEW).data["plan"]["loose"]
    assert [(each["object"], each["id"], each["action"]) for each in loose] == [
        ("opportunities", "O8", None),
        ("opportunities", "O9", None),
        ("contacts", "C9", "leave"),
        ("activities", "T9", "leave"),
    ]


def test_rules_that_nothing_is_mapped_for_are_named(plan: Cli) -> None:
    warnings = plan(*NEW).json["warnings"]
    rules = [each for each in warnings if each["code"] == "rule_unmapped"]
    assert {each["message"].split()[1] for each in rules} == {"S1", "S2", "S5", "S6"}
    others = [
        each["message"]
        for each in warnings
        if each not in rules and each["code"] != "rehearsal"
    ]
    assert others == ["Not read, and so neither in this plan nor handed over: request."]


def test_drawing_up_again_replaces_the_draft(plan: Cli) -> None:
    first = plan(*NEW).data["plan"]
    second = plan(*NEW).data["plan"]
    assert (second["id"], second["version"]) == (first["id"], 2)
    assert second["fingerprint"] == first["fingerprint"]


def test_a_period_that_is_too_short_is_refused_and_the_draft_is_kept(plan: Cli) -> None:
    short = ("--start", "2027-03-02", "--end", "2027-03-02")
    ended = plan(*NEW, *short)
    assert (ended.code, ended.json["error"]["code"]) == (5, "period_too_short")
    made = ended.data["plan"]
    assert made["minimum_days"] == 2
    assert made["minimum_end"] == "2027-03-03"
    assert [each["account_id"] for each in made["overflow"]] == ["A2"]
    assert {each["code"] for each in made["options"]} >= {"longer_period"}
    assert plan("show", made["id"]).data["plan"] == made
    again = plan(*NEW, "--start", "2027-03-02", "--end", made["minimum_end"])
    assert again.code == 0


def test_an_account_in_another_open_plan_is_refused(plan: Cli) -> None:
    submitted(plan)
    ended = plan(*NEW)
    assert (ended.code, ended.json["error"]["code"]) == (5, "already_planned")


def test_after_a_voided_plan_the_next_one_has_an_id_of_its_own(plan: Cli) -> None:
    key = submitted(plan)
    assert plan("void", key, "--reason", "取りやめ", "--as", "M").code == 0
    assert plan(*NEW).data["plan"]["id"] == f"{key}-2"


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("--from", "Sato", "--to", "Nobody"), 2, "unknown_name"),
        (("--from", "Sato", "--to", "Yamamoto"), 5, "inactive_successor"),
        (("--from", "Sato", "--to", "Sato"), 2, "same_user"),
        (("--from", "Suzuki", "--to", "Tanaka"), 2, "no_manager"),
        (("--from", "Tanaka", "--to", "Suzuki"), 2, "nothing_owned"),
        (("--from", "Sato"), 2, "usage"),
        (("--from", "Sato", "--to", "Tanaka", "--moves", "moves.csv"), 2, "usage"),
        (
            (*NEW[1:], "--start", "2027-03-09", "--end", "2027-03-08"),
            2,
            "bad_period",
        ),
    ],
)
def test_what_cannot_be_planned_says_why(
    plan: Cli, words: tuple[str, ...], code: int, error: str
) -> None:
    ended = plan("new", *words)
    assert (ended.code, ended.json["error"]["code"]) == (code, error)
    assert plan("list").data["plans"] == []


def test_no_manager_names_the_file_to_fill(plan: Cli) -> None:
    error = plan("new", "--from", "Suzuki", "--to", "Tanaka").json["error"]
    assert "people.csv" in error["message"] + error["hint"]


def test_before_any_sync_there_is_nothing_to_plan(folder: Path, cli: Cli) -> None:
    ended = cli("plan", *NEW, "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "no_generation")


def test_a_predecessor_who_has_left_is_absent(plan: Cli, folder: Path) -> None:
    file = folder / "export" / "users.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("sato@example.jp,true", "sato@example.jp,false"), encoding="utf-8"
    )
    sync(folder)
    ended = plan(*NEW)
    made, rows = ended.data["plan"], rows_of(ended)
    assert made["absent"] is True
    assert rows["A1"]["co_attendance"] == "yes"
    assert rows["A1"]["visit"]["attendees"] == ["S", "M"]
    held = plan(
        "edit", made["id"], "--hold", "A2", "--until", "2027-06-01", "--as", "M"
    )
    assert (held.code, held.json["error"]["code"]) == (5, "hold_inactive_owner")


# A reorganisation.


def test_moves_make_one_plan_for_each_predecessor(plan: Cli, folder: Path) -> None:
    write(
        folder,
        "moves.csv",
        [
            ("predecessor", "account", "successor", "effective"),
            ("Sato", "Aoba", "Tanaka", "2027-04-01"),
            ("Sato", "Wakaba", "Suzuki", ""),
            ("Kato", "*", "Sato", ""),
        ],
    )
    ended = plan("new", "--moves", "moves.csv")
    assert ended.code == 0
    assert ended.data["reorganisation"] == "2027-03-moves"
    assert "plan" not in ended.data
    assert [made["predecessor"] for made in ended.data["plans"]] == ["P", "Q"]
    rows = {r["account_id"]: r for each in ended.data["plans"] for r in each["rows"]}
    assert (rows["A1"]["successor_id"], rows["A1"]["effective"]) == ("S", "2027-04-01")
    assert rows["A2"]["successor_id"] == "T"
    assert (rows["A3"]["mode"], rows["A3"]["reasons"]) == ("exclude", ["M3", "X"])
    assert rows["A9"]["successor_id"] == "P"
    visits = sorted(
        (visit["date"], visit["start"], visit["end"])
        for visit in (row["visit"] for row in rows.values())
        if visit and "P" in visit["attendees"]
    )
    assert len(visits) == 3
    for (day, _, end), (next_day, start, _) in pairwise(visits):
        assert (day, end) < (next_day, start)


def test_absences_and_closed_days_are_kept_free(plan: Cli, folder: Path) -> None:
    with (COMPANY / "people.csv").open(encoding="utf-8", newline="") as people:
        head, *lines = csv.reader(people)
    away = ["S", "", "", "", "2027-03-02", "2027-03-04"]
    rows = [[*line, "", ""] for line in lines]
    write(folder, "people.csv", [[*head, "absent_from", "absent_to"], *rows, away])
    with (folder / "handover.toml").open("a", encoding="utf-8") as file:
        file.write('[calendar]\nclosed = ["2027-03-05", "2027-03-08/2027-03-09"]\n')
    ended = plan(*NEW)
    dates = {r["visit"]["date"] for r in rows_of(ended).values() if r["visit"]}
    assert dates == {"2027-03-10"}
    assert ended.data["plan"]["minimum_days"] == 2


@pytest.mark.parametrize(
    "lines",
    [
        [("account", "successor")],
        [("predecessor", "account", "successor"), ("Sato", "", "Tanaka")],
        [
            ("predecessor", "account", "successor", "effective"),
            ("Sato", "A1", "Tanaka", "soon"),
        ],
        [
            ("predecessor", "account", "successor"),
            ("Sato", "A1", "Tanaka"),
            ("Sato", "A1", "Suzuki"),
        ],
        [("predecessor", "account", "successor")],
    ],
    ids=["no predecessor", "no account", "no date", "twice", "empty"],
)
def test_a_list_of_moves_with_mistakes_is_refused(
    plan: Cli, folder: Path, lines: list[tuple[str, ...]]
) -> None:
    write(folder, "moves.csv", lines)
    ended = plan("new", "--moves", "moves.csv")
    assert (ended.code, ended.json["error"]["code"]) == (2, "bad_moves")


def test_a_list_of_moves_in_an_encoding_that_would_be_rubbish_is_refused(
    plan: Cli, folder: Path
) -> None:
    text = "predecessor,account,successor\n佐藤,青葉,田中\n"
    (folder / "moves.csv").write_bytes(text.encode("euc_jp"))
    ended = plan("new", "--moves", "moves.csv")
    assert (ended.code, ended.json["error"]["code"]) == (2, "unknown_encoding")


def test_moves_name_only_what_the_predecessor_owns(plan: Cli, folder: Path) -> None:
    lines = [("predecessor", "account", "successor"), ("Sato", "Momiji", "Tanaka")]
    write(folder, "moves.csv", lines)
    ended = plan("new", "--moves", "moves.csv")
    assert (ended.code, ended.json["error"]["code"]) == (2, "bad_moves")
    assert "Line 2: Account Momiji is not owned by Sato" in said(ended)


def test_all_mistakes_of_a_list_of_moves_are_told_at_once(
    plan: Cli, folder: Path
) -> None:
    write(
        folder,
        "moves.csv",
        [
            ("前任者", "お客様", "後任者", "担当変更日"),
            ("Nobody", "*", "Tanaka", "2027-04-01"),
            ("Sato", "Aoba", "Tanaka", "soon"),
            ("Sato", "Nowhere", "Sato", ""),
            ("Sato", "Aoba", "Nobody", ""),
            ("Sato", "", "Tanaka", ""),
        ],
    )

    ended = plan("new", "--moves", "moves.csv")

    assert (ended.code, ended.json["error"]["code"]) == (2, "bad_moves")
    for mistake in (
        "Mistakes: 7.",
        "Line 2: There is no user Nobody",
        "Line 3: soon is no date",
        "Line 4: There is no account Nowhere",
        "Line 4: Sato",
        "Line 5: There is no user Nobody",
        "Line 5: Aoba stands in two lines",
        "Line 6: The column account is empty",
    ):
        assert mistake in said(ended)
    assert plan("list").data["plans"] == []


def test_a_list_of_moves_may_have_japanese_headers_and_dates(
    plan: Cli, folder: Path
) -> None:
    head = ("前任者", "お客様", "後任者", "担当変更日")
    write(folder, "moves.csv", [head, ("Sato", "*", "Tanaka", "2027年4月1日")])

    rows = rows_of(plan("new", "--moves", "moves.csv"))

    assert {row["effective"] for row in rows.values()} == {"2027-04-01"}


def said(ended: Ended) -> str:
    """The message that a command ended with."""
    text: str = ended.json["error"]["message"]
    return text


# Showing.


def test_the_list_has_no_rows(plan: Cli) -> None:
    key = submitted(plan)
    (listed,) = plan("list").data["plans"]
    assert (listed["id"], listed["state"]) == (key, "submitted")
    assert "rows" not in listed


def test_an_unknown_plan_names_the_nearest(plan: Cli) -> None:
    plan(*NEW)
    ended = plan("show", "2027-03-sato-tanake")
    assert (ended.code, ended.json["error"]["code"]) == (2, "unknown_name")
    assert "2027-03-sato-tanaka" in ended.json["error"]["message"]


def test_drift_is_shown_after_the_next_sync(plan: Cli, folder: Path) -> None:
    key = plan(*NEW).data["plan"]["id"]
    file = folder / "export" / "accounts.csv"
    text = file.read_text(encoding="utf-8")
    text = text.replace("A1,Aoba,P", "A1,Aoba,Q").replace("A9,Momiji,Q", "A9,Momiji,P")
    file.write_text(text, encoding="utf-8")
    sync(folder)
    assert plan("show", key, "--changes").data["drift"] == [
        {"account_id": "A1", "owner_id": "Q", "expected": "P"},
        {"account_id": "A9", "owner_id": "P", "expected": None},
    ]


def test_a_customer_who_is_gone_is_named_on_every_open_plan(
    plan: Cli, folder: Path
) -> None:
    key = plan(*NEW).data["plan"]["id"]
    file = folder / "export" / "accounts.csv"
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(lines[:4] + lines[5:]), encoding="utf-8")
    sync(folder)

    shown = plan("show", key)

    (warning,) = (w for w in shown.json["warnings"] if w["code"] == "accounts_gone")
    assert "Sakura" in warning["message"]
    assert plan("void", key, "--reason", "late", "--as", "M").code == 0
    codes = {w["code"] for w in plan("show", key).json["warnings"]}
    assert "accounts_gone" not in codes


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_view_speaks_both_languages(plan: Cli, cli: Cli, language: str) -> None:
    key = submitted(plan)
    common = ("--lang", language, *TODAY)
    shown = cli("plan", "show", key, *common)
    assert shown.code == 0
    assert "Aoba" in shown.out
    assert ("面会" in shown.out) is (language == "ja")
    for words in (("list",), ("show", key, "--changes")):
        assert cli("plan", *words, *common).code == 0
    edited = cli("plan", "edit", key, "--attend", "Aoba", "--as", "M", *common)
    assert {"ja": "あり", "en": "yes"}[language] in edited.out
    table = cli("plan", "show", key, "--format", "csv", *common)
    assert len(table.out.splitlines()) == 5


def test_days_in_json_are_iso_and_times_local(plan: Cli) -> None:
    visit = rows_of(plan(*NEW))["A1"]["visit"]
    assert dt.date.fromisoformat(visit["date"]) > dt.date(2027, 3, 1)
    start, end = map(dt.time.fromisoformat, (visit["start"], visit["end"]))
    assert dt.time(9, 30) <= start < end <= dt.time(18)
