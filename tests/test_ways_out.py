"""Ways out of a period that is too short: each command brings what it promises."""

import datetime as dt
import shlex
from pathlib import Path

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handover.commands.edits import edit_options, read_edits
from handover.i18n import words_for
from handover.plan.amendment import edit_plan
from handover.plan.capacity import Option
from handover.plan.edits import Editor, Edits
from handover.plan.model import Plan
from handover.plan.scheduler.calendar import Calendars, Days
from handover.plan.selection import AccountFacts
from handover.plan.ways_out import Situation, find_colleague, list_options
from tests.conftest import SOAK, Cli
from tests.worlds.planning_folder import NEW, planning_in
from tests.worlds.small_company import (
    CALENDARS,
    COMPANY,
    account,
    ground_of,
    key_account,
    people,
    plan_of,
    wanting,
    with_opportunity,
)

START, LAST_DAY = dt.date(2027, 3, 1), dt.date(2027, 3, 2)
MANAGER = Editor(person_id="M", name="高橋", is_manager=True, managers="高橋")


@click.command()
@edit_options
@click.pass_context
def typed(context: click.Context, /, **_given: object) -> None:
    """Take the options of an edit as they are typed."""


def read(option: Option) -> Edits:
    """Read the edit that a way out names, as the command line would."""
    words = shlex.split(option.command)
    assert words[:3] == ["handover", "plan", "edit"]
    return read_edits(typed.make_context("edit", words[4:]).params)


def ways_of(
    plan: Plan,
    accounts: list[AccountFacts],
    calendars: Calendars = CALENDARS,
    colleague: str | None = "T",
) -> dict[str, Option]:
    situation = Situation(
        plan=plan,
        ground=ground_of(accounts, calendars),
        owner_is_active=True,
        colleague=colleague,
        words=words_for("ja"),
    )
    return {option.code: option for option in list_options(situation)}


def count_gained(
    plan: Plan,
    option: Option,
    accounts: list[AccountFacts],
    calendars: Calendars = CALENDARS,
) -> int:
    """Take a way out, and count who had no slot and has one now."""
    ground = ground_of(accounts, calendars)
    made = edit_plan(plan, read(option), MANAGER, ground, owner_is_active=True)
    left = {each.account_id for each in plan.overflow}
    return sum(r.account_id in left and r.visit is not None for r in made.rows)


def story(count: int = 80) -> list[AccountFacts]:
    return [
        with_opportunity(n, amount=n, region=None, city=f"町{n % 58}")
        for n in range(count)
    ]


def test_eighty_customers_in_two_days_have_a_longer_period_or_a_few_holds() -> None:
    plan = plan_of(story(), start=START, end=LAST_DAY)
    ways = ways_of(plan, story())
    assert {code: way.effect for code, way in ways.items()} == {
        "longer_period": 72,
        "hold_opportunities": 8,
    }
    assert ways["longer_period"].end == plan.minimum_end
    assert ways["hold_opportunities"].by == "manager"
    for way in ways.values():
        assert count_gained(plan, way, story()) == way.effect


def test_a_second_successor_helps_where_the_predecessor_is_absent() -> None:
    accounts = story(20)
    plan = plan_of(accounts, absent=True, start=START, end=LAST_DAY)
    way = ways_of(plan, accounts)["second_successor"]
    assert way.effect == count_gained(plan, way, accounts) > 0
    assert "second_successor" not in ways_of(plan, accounts, colleague=None)


def test_a_colleague_of_the_same_team_is_proposed_and_nobody_involved() -> None:
    plan = plan_of(story(20), absent=True, start=START, end=LAST_DAY)
    assert find_colleague(plan, people()) == "T"
    assert find_colleague(plan, people(T={"is_active": False})) is None


KINDS = st.sampled_from([account, with_opportunity, key_account, wanting])
CLOSED = st.sampled_from(["", "月水", "火", "金"])
COMPANIES = st.lists(
    st.tuples(KINDS, CLOSED, st.integers(0, 6)), min_size=6, max_size=24
)


@settings(max_examples=200 if SOAK else 6, deadline=None)
@given(made=COMPANIES, days=st.integers(0, 3), absent=st.booleans(), soon=st.booleans())
def test_taking_a_way_out_has_exactly_its_effect(
    *, made: list[tuple[object, str, int]], days: int, absent: bool, soon: bool
) -> None:
    accounts = [
        make(n, closed_days=closed, city=f"町{city}")  # type: ignore[operator]
        for n, (make, closed, city) in enumerate(made, 1)
    ]
    away = {"S": (Days(first=dt.date(2027, 3, 3), last=dt.date(2027, 3, 4)),)}
    calendars = Calendars(company=COMPANY, absences=away)
    end = START + dt.timedelta(days=days)
    plan = plan_of(
        accounts, calendars=calendars, start=START, end=end, absent=absent, soon=soon
    )
    for way in ways_of(plan, accounts, calendars).values():
        assert count_gained(plan, way, accounts, calendars) == way.effect > 0


@pytest.fixture
def plan(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    return planning_in(folder, planning_files, cli)


def test_a_way_out_is_taken_as_it_is_printed(plan: Cli) -> None:
    short = ("--start", "2027-03-02", "--end", "2027-03-02")
    made = plan(*NEW, *short).data["plan"]
    ways = {each["code"]: each for each in made["options"]}
    way = ways["longer_period"]
    taken = plan(*shlex.split(way["command"])[2:], "--as", "M")
    assert taken.code == 0, taken.out
    left = {each["account_id"] for each in made["overflow"]}
    rows = taken.data["plan"]["rows"]
    assert (
        sum(r["account_id"] in left and r["visit"] is not None for r in rows)
        == (way["effect"])
    )
    shown = plan("show", made["id"])
    assert shown.data["plan"]["options"] == []
