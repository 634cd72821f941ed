"""Notice, announcement, visits, change of owner: always in this order."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from handover.plan import errors
from handover.plan.amendment import edit_plan
from handover.plan.build import is_too_short
from handover.plan.dates import PlanDates
from handover.plan.edits import Editor, Edits
from handover.plan.model import Plan
from handover.plan.moves import Move
from handover.plan.scheduler.calendar import Calendars, WorkingDays
from tests.conftest import Cli
from tests.worlds.planning_folder import NEW, planning_in, submitted, write
from tests.worlds.small_company import (
    TODAY,
    ground_of,
    key_account,
    plan_of,
    row_of,
    with_opportunity,
)

CUSTOMERS = [with_opportunity(n) for n in range(1, 7)]
THIRTY = [with_opportunity(n) for n in range(30)]
MANAGER = Editor(person_id="M", name="高橋", is_manager=True, managers="高橋")


def check_order(plan: Plan) -> None:
    """Whatever a plan says, its days follow each other."""
    assert plan.notice <= plan.announce <= plan.start <= plan.end
    for row in plan.rows:
        if row.effective is not None:
            assert row.effective >= plan.announce
        if row.visit is not None and row.effective is not None:
            assert plan.announce <= plan.start <= row.visit.date <= plan.end
            assert row.visit.date < row.effective


DAYS = st.none() | st.integers(-5, 40).map(lambda n: TODAY + dt.timedelta(days=n))


@given(
    notice=DAYS,
    announce=DAYS,
    start=DAYS,
    end=DAYS,
    effective=DAYS,
    own=st.lists(DAYS, min_size=6, max_size=6),
)
def test_whatever_days_are_named_the_order_holds_or_they_are_refused(
    own: list[dt.date | None], **days: Any
) -> None:
    moves = tuple(
        Move(account_id=f"A0{n}", successor_id="S", effective=day)
        for n, day in enumerate(own, 1)
    )
    try:
        plan = plan_of(CUSTOMERS, moves=moves, **days)
    except errors.BadPeriod:
        return
    check_order(plan)
    for name, day in days.items():
        assert day is None or getattr(plan, name) == day


@given(days=st.fixed_dictionaries(dict.fromkeys(("announce", "start", "end"), DAYS)))
def test_whatever_days_are_edited_the_order_holds_and_decisions_stay(
    days: dict[str, dt.date | None],
) -> None:
    assume(any(days.values()))
    before = plan_of(CUSTOMERS)
    before = edit_plan(
        before,
        Edits(inform=("A03",), attend=("A02",), reason="日程"),
        MANAGER,
        ground_of(CUSTOMERS),
        owner_is_active=True,
    )
    try:
        after = edit_plan(
            before,
            Edits(period=PlanDates(**days)),
            MANAGER,
            ground_of(CUSTOMERS),
            owner_is_active=True,
        )
    except errors.BadPeriod:
        return
    check_order(after)
    assert row_of(after, "A03").reason == "日程"
    assert row_of(after, "A02").co_attendance == "yes"
    assert [row.mode_by for row in after.rows] == [row.mode_by for row in before.rows]


def test_visits_begin_once_customers_could_agree_to_them() -> None:
    plan = plan_of(CUSTOMERS, announce=dt.date(2027, 3, 10))
    assert plan.start == dt.date(2027, 3, 15)  # three working days later
    assert plan.notes == ()


def test_who_changes_soon_is_visited_sooner_and_that_is_told() -> None:
    plan = plan_of(CUSTOMERS[:2], effective=dt.date(2027, 3, 3))
    assert plan.start == plan.end == dt.date(2027, 3, 2)
    assert plan.notes == ("rushed:2027-03-02",)


def test_a_day_of_change_that_leaves_too_few_days_is_too_short() -> None:
    plan = plan_of(THIRTY, effective=dt.date(2027, 3, 4))
    assert is_too_short(plan)
    assert plan.end == dt.date(2027, 3, 3)
    assert plan.minimum_days is not None
    assert plan.minimum_days > 2


def test_the_period_ends_before_the_day_of_change_and_no_later_than_it_must() -> None:
    plan = plan_of(THIRTY, notice=dt.date(2027, 4, 15), effective=dt.date(2027, 5, 14))
    assert not is_too_short(plan)
    assert plan.announce == dt.date(2027, 4, 15)
    assert dt.date(2027, 4, 15) <= plan.start
    assert plan.end < plan.effective == dt.date(2027, 5, 14)


@pytest.mark.parametrize(
    "days",
    [
        {"start": dt.date(2027, 2, 26)},
        {"notice": dt.date(2027, 3, 9), "announce": dt.date(2027, 3, 8)},
        {"announce": dt.date(2027, 3, 9), "start": dt.date(2027, 3, 8)},
        {"end": dt.date(2027, 3, 9), "effective": dt.date(2027, 3, 9)},
        {"announce": dt.date(2027, 3, 9), "effective": dt.date(2027, 3, 8)},
        {"effective": dt.date(2027, 3, 1)},
    ],
    ids=["past", "notice", "announce", "effective", "before announce", "today"],
)
def test_days_in_the_wrong_order_are_refused(days: dict[str, Any]) -> None:
    with pytest.raises(errors.BadPeriod):
        plan_of(CUSTOMERS, **days)


def test_a_plan_whose_rows_have_days_of_their_own_goes_by_these() -> None:
    april = Move(successor_id="S", effective=dt.date(2027, 4, 1))
    plan = plan_of(CUSTOMERS, moves=(april,))
    assert plan.effective == dt.date(2027, 4, 1)
    assert plan.id.startswith("2027-04")
    assert plan.dates == ((dt.date(2027, 4, 1), 6),)


def test_who_is_to_be_met_first_is_met_first_when_not_all_can_be() -> None:
    key = [key_account(n) for n in (91, 92)]
    priority = [with_opportunity(93, customer_class="priority")]
    plan = plan_of(
        [*key, *priority, *(with_opportunity(n, amount=n) for n in range(20))],
        start=dt.date(2027, 3, 2),
        end=dt.date(2027, 3, 2),
    )
    placed = {row.account_id for row in plan.rows if row.visit}
    assert {"A91", "A92", "A93"} <= placed
    assert [each.account_id for each in plan.overflow[:2]] != ["A91", "A92"]
    left = [int(each.account_id[1:]) for each in plan.overflow]
    assert left == sorted(left, reverse=True)


def test_the_turn_of_the_year_is_closed_in_japan_where_nobody_says_otherwise() -> None:
    company = WorkingDays(country="JP", closes_at_new_year=True)
    plan = plan_of(
        CUSTOMERS,
        calendars=Calendars(company=company),
        announce=dt.date(2027, 12, 28),
        start=dt.date(2027, 12, 28),
        end=dt.date(2028, 1, 7),
    )
    days = {row.visit.date for row in plan.rows if row.visit}
    assert days
    assert not {day for day in days if day.month == 12 and day.day > 28}
    assert "new_year_assumed" in plan.notes
    assert "new_year_assumed" not in plan_of(CUSTOMERS).notes


@pytest.mark.parametrize(("said", "is_assumed"), [("", True), ("closed = []", False)])
def test_closed_days_that_somebody_named_are_not_assumed(
    cli: Cli, folder: Path, plan: Cli, said: str, *, is_assumed: bool
) -> None:
    with (folder / "handover.toml").open("a", encoding="utf-8") as file:
        file.write(f"[calendar]\n{said}\n")
    days = ("--announce", "2027-12-20", "--start", "2027-12-28", "--end", "2028-01-07")
    made = plan(*NEW, *days)
    codes = {warning["code"] for warning in made.json["warnings"]}
    assert ("new_year_assumed" in codes) is is_assumed


def test_the_period_of_a_draft_is_put_off_and_all_decisions_stay(plan: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    decided = ("--inform", "A2", "--reason", "日程", "--as", "M")
    assert plan("edit", key, *decided).code == 0

    later = plan("edit", key, "--end", "2027-03-19", "--as", "P")

    assert later.code == 0
    made = later.data["plan"]
    assert (made["end"], made["effective"]) == ("2027-03-19", "2027-03-23")
    assert made["dates"] == [{"effective": "2027-03-23", "rows": 4}]
    assert {row["account_id"]: row["mode"] for row in made["rows"]}["A2"] == "inform"
    again = plan(*NEW).json["error"]
    assert again["code"] == "draft_decided"
    assert "-: " not in again["message"]


def test_an_approval_does_not_outlive_another_date(plan: Cli) -> None:
    key = submitted(plan)
    assert plan("approve", key, "--as", "M").code == 0
    made = plan("edit", key, "--effective", "2027-04-01", "--as", "P").data["plan"]
    assert (made["state"], made["effective"]) == ("draft", "2027-04-01")


def test_nothing_is_written_before_the_announcement(plan: Cli, cli: Cli) -> None:
    made = plan(*NEW, "--announce", "2027-03-10").data["plan"]
    assert made["start"] > "2027-03-10"
    key = made["id"]
    loose = ("--loose", "opportunities=transfer")
    assert plan("edit", key, "--no-attend", "rest", *loose, "--as", "M").code == 0
    assert plan("submit", key, "--as", "P").code == 0
    assert plan("approve", key, "--as", "M").code == 0
    for command in (("plan", "publish"), ("reassign",)):
        ended = cli(*command, key, "--as-of", "2027-03-03", "--json")
        assert (ended.code, ended.json["error"]["code"]) == (5, "not_announced")
    early = cli("reassign", key, "--early", "x", "--as-of", "2027-03-03", "--json")
    assert early.json["error"]["code"] == "not_announced"


def test_several_days_of_change_stand_in_head_list_and_rows(
    plan: Cli, cli: Cli, folder: Path
) -> None:
    head = ("predecessor", "account", "successor", "effective")
    rows = [("Sato", "Aoba", "Tanaka", "2027-04-01"), ("Sato", "*", "Tanaka", "")]
    write(folder, "moves.csv", [head, *rows])
    made = plan("new", "--moves", "moves.csv", "--effective", "2027-05-06")
    assert made.data["plan"]["dates"] == [
        {"effective": "2027-04-01", "rows": 1},
        {"effective": "2027-05-06", "rows": 3},
    ]
    shown = cli("plan", "show", made.data["plan"]["id"], "--as-of", "2027-03-01").out
    assert "Thu, 1 April 2027 (1 customers), Thu, 6 May 2027 (3 customers)" in shown
    assert "Owner changes on" in shown
    assert "2027-04-01, 2027-05-06" in cli("plan", "list", "--as-of", "2027-03-01").out


def test_the_head_says_first_who_has_no_slot(plan: Cli, cli: Cli, folder: Path) -> None:
    (folder / "policy.toml").write_text("[plan]\nvisits = 1\n", encoding="utf-8")
    with (folder / "handover.toml").open("a", encoding="utf-8") as file:
        file.write('[policy]\nfile = "policy.toml"\n')
    day = "2027-03-02"
    made = plan(*NEW, "--start", day, "--end", day)
    assert (made.code, made.json["error"]["code"]) == (5, "period_too_short")
    key = made.data["plan"]["id"]
    shown = cli("plan", "show", key, "--as-of", "2027-03-01").out
    assert "of the 3 customers to be met have a slot" in shown.splitlines()[1]
    assert "Slots of Sato: 1 days × 1 visits = 1" in shown


@pytest.fixture
def plan(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    return planning_in(folder, planning_files, cli)
