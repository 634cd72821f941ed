"""The four people's hour: operations, a manager, a predecessor and a successor.

Each story is played on the command line, in Japanese where people read it. Of the
companies that the stories name, these are as small as they can be.
"""

import datetime as dt
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import SOAK, Cli, Ended
from tests.worlds.copies import copy_folder
from tests.worlds.planning_folder import TODAY, rows_of, write
from tests.worlds.story_company import (
    CITIES,
    Company,
    Customer,
    Salesperson,
    build,
    make_salespeople,
)

WHOLE = ("--reorganisation", "2027-03-moves")
HEAD = ("前任者", "お客様", "後任者", "担当変更日")
CODE = re.compile(r"\b(M[123]|S[1-6])\b")
LEFT_IN_ENGLISH = re.compile(
    r"\b(draft|submitted|approved|in_progress|rejected|undecided|submit が|facts)\b"
)
BOSS = Salesperson(id="B", name="渡辺 本部長")


def managers(count: int) -> list[Salesperson]:
    names = ("青木 課長", "坂本 課長", "藤井 課長")
    return [
        Salesperson(id=f"M{n}", name=names[n], manager="B", delegate="")
        for n in range(count)
    ]


def company_of(people: int, each: int, bosses: int) -> Company:
    """Salespeople who have the same number of customers, the first a key account."""
    heads = managers(bosses)
    sellers = make_salespeople(people, [head.id for head in heads])
    customers = [
        Customer(
            id=f"A{n:02}{k}",
            name=f"{seller.name.split()[0]}客先{n:02}{k}",
            owner=seller.id,
            customer_class=("重要顧客", "重点顧客", "一般")[min(k, 2)],
            city=CITIES[n],
            amount=100_000 if k != 2 else 0,
        )
        for n, seller in enumerate(sellers)
        for k in range(each)
    ]
    return Company(people=[*sellers, *heads, BOSS], customers=customers)


@pytest.fixture(scope="module")
def small_firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three salespeople of one manager, three customers each."""
    return build(tmp_path_factory.mktemp("firm"), company_of(3, 3, 1))


def at(cli: Cli) -> Cli:
    """Give ``handover plan ... --json`` on the day of the stories."""

    def call(*words: str) -> Ended:
        return cli("plan", *words, *TODAY, "--json")

    return call


def read(cli: Cli, *words: str) -> str:
    """What somebody reads in Japanese; no word of the program is left in it."""
    ended = cli("plan", *words, *TODAY, "--lang", "ja")
    said = ended.out + ended.err
    assert not LEFT_IN_ENGLISH.findall(said), said
    return said


def make_moves(company: Company, by: int) -> list[tuple[str, ...]]:
    """Everybody gives everything to the one who sits some seats further."""
    sellers = [each for each in company.people if each.id.startswith("U")]
    return [
        (each.name, "*", sellers[(n + by) % len(sellers)].name, "2027-04-15")
        for n, each in enumerate(sellers)
    ]


# Operations, in April


def play_operations(folder: Path, cli: Cli, company: Company) -> list[str]:
    """A list of moves with mistakes, then without, shown and submitted as one."""
    plan, moves = at(cli), make_moves(company, by=1)
    wrong = [*moves]
    wrong[0] = ("居ない 人", "*", moves[0][2], moves[0][3])
    wrong[2] = (moves[2][0], "*", "誰か 別人", "いつか")
    wrong.append((moves[1][0], "知らない会社", moves[1][2], ""))
    write(folder, "moves.csv", [HEAD, *wrong])
    refused = plan("new", "--moves", "moves.csv")
    assert (refused.code, refused.json["error"]["code"]) == (2, "bad_moves")
    for mistake in ("居ない 人", "誰か 別人", "いつか", "知らない会社"):
        assert mistake in refused.json["error"]["message"]
    assert plan("list").data["plans"] == []

    write(folder, "moves.csv", [HEAD, *moves])
    drawn = read(cli, "new", "--moves", "moves.csv")
    assert "組織変更: 2027-03-moves" in drawn

    whole = plan("show", *WHOLE).data
    sellers = Counter(customer.owner for customer in company.customers)
    people = {each["person"]: each for each in whole["people"]}
    assert {p: people[p]["customers"] for p in sellers} == dict(sellers)
    assert sum(each["customers_after"] for each in people.values()) == len(
        company.customers
    )
    assert whole["nobody_takes"] == []
    for made in whole["plans"]:
        assert {row["effective"] for row in made["rows"]} == {"2027-04-15"}
        assert not made["overflow"]
    submitted = plan("submit", *WHOLE, "--as", "B")
    told = {each["plan"]: each["outcome"] for each in submitted.data["outcomes"]}
    assert set(told.values()) == {"refused"}  # they may have no part in it
    return [made["id"] for made in whole["plans"]]


def test_operations_reorganise_a_department_in_one_sitting(
    folder: Path, small_firm: Path, cli: Cli
) -> None:
    copy_folder(small_firm, folder)
    assert len(play_operations(folder, cli, company_of(3, 3, 1))) == 3


@pytest.mark.skipif(not SOAK, reason="takes long: make soak")
def test_operations_reorganise_forty_salespeople(
    folder: Path, cli: Cli, tmp_path: Path
) -> None:
    company = company_of(40, 3, 3)
    build(folder, company)
    assert len(play_operations(folder, cli, company)) == 40


# The manager, with a pile of plans


def test_a_manager_decides_all_plans_of_an_evening(
    folder: Path, small_firm: Path, cli: Cli
) -> None:
    copy_folder(small_firm, folder)
    company, plan = company_of(3, 3, 1), at(cli)
    write(folder, "moves.csv", [HEAD, *make_moves(company, by=1)])
    keys = [each["id"] for each in plan("new", "--moves", "moves.csv").data["plans"]]
    proposed = ("--attend", "A000", "--no-attend", "A001", "--reason", "社長交代")
    assert plan("edit", keys[0], *proposed, "--as", "U00").code == 0
    for n, key in enumerate(keys):
        assert plan("submit", key, "--as", f"U{n:02}").code == 0

    assert "社長交代" in read(cli, "show", *WHOLE)

    # What waits for whom, by when, blocked by what.
    waiting = plan("list", "--mine", "--as", "M0").data["waiting"]
    assert {each["plan"] for each in waiting} == set(keys)
    assert {each["step"] for each in waiting} == {"approve"}
    assert [each["by"] for each in waiting] == sorted(each["by"] for each in waiting)
    desk = read(cli, "list", "--mine", "--as", "M0")
    assert "重要顧客(佐藤客先000) / 重点顧客(佐藤客先001)" in desk
    assert plan("list", "--mine", "--as", "U00").data["waiting"] == []

    # Co-attendance is decided inside the approval; the command is that of the desk.
    first = next(each for each in waiting if each["plan"] == keys[0])
    assert first["next"].endswith("--attend '佐藤客先000' --no-attend rest")
    refused = plan("approve", keys[0], "--as", "M0")
    assert refused.json["error"]["code"] == "co_attendance_undecided"
    words = first["next"].replace("'", "").split()[2:]
    approved = plan(*words, "--as", "M0")
    assert approved.data["plan"]["state"] == "approved"
    row = rows_of(approved)["A000"]
    assert (row["co_attendance"], row["co_attendance_reason"]) == ("yes", "社長交代")
    assert "M0" in row["visit"]["attendees"]

    # One is sent back; its author cannot just hand it in again.
    plan("reject", keys[1], "--reason", "期間が短い", "--as", "M0")
    again = plan("submit", keys[1], "--as", "U01")
    assert again.json["error"]["code"] == "rejected_unchanged"
    (turn,) = plan("list", "--mine", "--as", "U01").data["waiting"]
    assert "期間が短い" in turn["blocked"][0]["message"]

    # The others go in one command; what is not ready says why.
    whole = plan("approve", *WHOLE, "--no-attend", "rest", "--as", "M0")
    told = {each["plan"]: each["outcome"] for each in whole.data["outcomes"]}
    assert told == {
        keys[0]: "behind",
        keys[1]: "refused",
        **dict.fromkeys(keys[2:], "done"),
    }
    assert plan("list", "--mine", "--as", "M0").data["waiting"] == []

    # An amendment comes back; only what is different is shown.
    plan("edit", keys[2], "--meet", "A022", "--reason", "新任の挨拶", "--as", "U02")
    assert plan("submit", keys[2], "--as", "U02").code == 0
    (turn,) = plan("list", "--mine", "--as", "M0").data["waiting"]
    assert (turn["plan"], turn["step"]) == (keys[2], "approve")
    changes = plan("show", keys[2], "--changes").data["changes"]
    assert {each["account_id"] for each in changes} == {"A022"}
    assert {each["person"] for each in changes} == {"U02"}
    assert "新任の挨拶" in read(cli, "show", keys[2], "--changes")
    assert plan("approve", keys[2], "--as", "M0").code == 0


def test_each_plan_of_a_reorganisation_that_is_too_short_is_named(
    folder: Path, cli: Cli
) -> None:
    company = company_of(2, 9, 1)
    build(folder, company)
    write(folder, "moves.csv", [HEAD, *make_moves(company, by=1)])
    day = ("--start", "2027-03-08", "--end", "2027-03-08")
    short = at(cli)("new", "--moves", "moves.csv", *day)
    assert (short.code, short.json["error"]["code"]) == (5, "periods_too_short")
    for made in short.data["plans"]:
        assert made["overflow"]
        assert made["id"] in short.json["error"]["message"]


# Story 5: approve and amend


def test_a_manager_promotes_demotes_and_attends_and_nothing_else_moves(
    folder: Path, small_firm: Path, cli: Cli
) -> None:
    copy_folder(small_firm, folder)
    plan = at(cli)
    new = ("new", "--from", "U00", "--to", "U01", "--end", "2027-03-12")
    key = plan(*new).data["plan"]["id"]
    sent = plan("submit", key, "--as", "U00")
    before = rows_of(sent)
    own = plan("approve", key, "--no-attend", "rest", "--as", "U00")
    assert own.json["error"]["code"] == "wrong_approver"

    amended = plan(
        *("approve", key, "--meet", "A002", "--inform", "A001", "--attend", "A000"),
        *("--reason", "今期の重点先のため", "--as", "M0"),
    )
    rows = rows_of(amended)
    assert (amended.code, amended.data["plan"]["state"]) == (0, "approved")
    assert (rows["A002"]["mode"], rows["A001"]["mode"]) == ("meet", "inform")
    assert rows["A000"]["visit"]["date"] == before["A000"]["visit"]["date"]
    assert rows["A000"]["visit"]["start"] == before["A000"]["visit"]["start"]
    changed = {each["account_id"] for each in amended.data["changes"]}
    assert changed == {"A000", "A001", "A002"}
    assert all(each["why"] == "decided" for each in amended.data["changes"])

    later = plan("edit", key, "--date", "A000=2027-03-11", "--as", "U00")
    assert later.data["plan"]["state"] == "draft"
    refused = cli("reassign", key, *TODAY, "--json", "--early", "急ぎ")
    assert (refused.code, refused.json["error"]["code"]) == (5, "unapproved")
    shown = read(cli, "show", key, "--changes")
    assert "佐藤 翔太、第" in shown


# Story 4: a predecessor with eighty customers


EIGHTY = 80


@pytest.fixture(scope="module")
def crowded_firm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A salesperson with eighty customers in 58 cities, each with open business."""
    sellers = make_salespeople(2, ["M0"])
    customers = [
        Customer(
            id=f"A{n:02}",
            name=f"客先{n:02}",
            owner="U00",
            city=CITIES[n % 58],
            customer_class="重要顧客" if n in (41, 77) else "一般",
            amount=100_000 + 1000 * n,
        )
        for n in range(EIGHTY)
    ]
    company = Company(people=[*sellers, *managers(1), BOSS], customers=customers)
    return build(tmp_path_factory.mktemp("crowded"), company)


def test_eighty_customers_do_not_fit_into_two_days_but_into_what_is_said(
    folder: Path, crowded_firm: Path, cli: Cli
) -> None:
    copy_folder(crowded_firm, folder)
    plan = at(cli)
    new = ("new", "--from", "U00", "--to", "U01", "--start", "2027-03-15")
    short = plan(*new, "--end", "2027-03-16")
    assert (short.code, short.json["error"]["code"]) == (5, "period_too_short")
    made = short.data["plan"]
    placed = {row["account_id"] for row in made["rows"] if row["visit"]}
    left = [each["account_id"] for each in made["overflow"]]
    assert placed.isdisjoint(left)
    assert len(placed) + len(left) == EIGHTY
    assert {"A41", "A77"} <= placed
    amounts = {row["account_id"]: row["open_amount"] for row in made["rows"]}
    assert left == sorted(left, key=lambda account: -amounts[account])
    head = read(cli, "show", made["id"])
    assert re.search(r"80 ?社のうち|80 件のうち|面会 80", head)
    assert str(made["minimum_days"]) in short.json["error"]["message"]

    enough = plan(*new, "--end", made["minimum_end"])
    assert enough.code == 0
    full = enough.data["plan"]
    assert plan(*new, "--end", made["minimum_end"]).data["plan"]["rows"] == full["rows"]
    check_well_planned(full)


def check_well_planned(plan: dict[str, Any]) -> None:
    """Every customer is in one list; all are placed, on working days, within caps."""
    rows = plan["rows"]
    assert len({row["account_id"] for row in rows}) == len(rows) == EIGHTY
    visits = [row["visit"] for row in rows if row["mode"] == "meet"]
    assert len(visits) == EIGHTY
    assert all(visits)
    days = {dt.date.fromisoformat(visit["date"]) for visit in visits}
    assert all(day.weekday() < 5 for day in days)
    assert dt.date(2027, 3, 22) not in days  # the day after the equinox, a holiday
    for day in days:
        own = [visit for visit in visits if visit["date"] == str(day)]
        minutes = sum(visit["minutes"] + visit["travel_minutes"] for visit in own)
        people = sum(max(len(visit["contact_ids"]), 1) for visit in own)
        assert len(own) <= 5
        assert minutes <= 360
        assert people <= 8


# A company whose CRM has no classes


def test_proposed_classes_are_seen_from_the_audit_on_and_confirmed_by_the_manager(
    folder: Path, cli: Cli
) -> None:
    customers = [
        Customer(id=f"A{n}", name=f"客先{n}", owner="U00", amount=0, won=won)
        for n, won in enumerate((9_000_000, 20_000, 10_000))
    ]
    people = [*make_salespeople(2, ["M0"]), *managers(1), BOSS]
    build(folder, Company(people=people, customers=customers, has_classes=False))
    plan = at(cli)
    audited = cli("audit", *TODAY, "--lang", "ja").out
    assert re.search(r"客先0 +重要顧客", audited)
    assert "区分: 重要顧客(提案)" in cli("show", "客先0", *TODAY, "--lang", "ja").out

    drawn = plan("new", "--from", "U00", "--to", "U01", "--end", "2027-03-12")
    key = drawn.data["plan"]["id"]
    (said,) = (w for w in drawn.json["warnings"] if w["code"] == "classes_proposed")
    assert "客先0" in said["message"]
    row = rows_of(drawn)["A0"]
    assert (row["proposed_class"], row["customer_class"]) == ("key", None)
    assert "M1" not in row["reasons"]
    for form in (
        read(cli, "show", key),
        cli("plan", "show", key, *TODAY, "--lang", "ja", "--format", "html").out,
    ):
        assert "提案: 重要顧客" in form

    plan("submit", key, "--as", "U00")
    confirm = ("--class", "rest=proposed", "--attend", "A0")
    approved = plan("approve", key, *confirm, "--as", "M0")
    assert approved.code == 0, approved.json["error"]
    row = rows_of(approved)["A0"]
    assert (row["customer_class"], row["class_by"]) == ("key", "M0")
    assert row["reasons"][0] == "M1"
    assert (row["visit"]["minutes"], row["co_attendance"]) == (60, "yes")
    codes = {each["code"] for each in plan("show", key).json["warnings"]}
    assert "classes_proposed" not in codes


# The successor, tomorrow


def test_a_successor_reads_the_day_before_whom_they_meet(
    folder: Path, small_firm: Path, cli: Cli
) -> None:
    copy_folder(small_firm, folder)
    plan = at(cli)
    new = ("new", "--from", "U00", "--to", "U01", "--end", "2027-03-12")
    key = plan(*new).data["plan"]["id"]
    plan("submit", key, "--as", "U00")
    done = plan("approve", key, "--attend", "rest", "--as", "M0")
    visits = [row for row in rows_of(done).values() if row["visit"]]
    day = min(row["visit"]["date"] for row in visits)
    met = [row for row in visits if row["visit"]["date"] == day]
    shown = read(cli, "show", key, "--person", "U01", "--on", day)
    for row in met:
        assert row["account"] in shown
        assert row["visit"]["start"] in shown
    assert "山口 様子" in shown
    assert "03-1234-5178" in shown
