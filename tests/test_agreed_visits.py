"""A visit is a proposal until the customer agrees; what they agreed to never moves."""

import datetime as dt
import os
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handover.answers.agreements import Agreement
from handover.errors import Refusal
from handover.i18n import Phrase
from handover.plan.amendment import edit_plan
from handover.plan.answered import join_answers
from handover.plan.dates import PlanDates
from handover.plan.edits import Edits
from handover.plan.errors import BadPeriod, DateNotFree
from handover.plan.model import Plan, Visit
from handover.plan.scheduler.calendar import Days
from tests.conftest import Cli
from tests.test_plan_edits import ACCOUNTS, FRIDAY, MANAGER, amended, plan
from tests.worlds.planning_folder import NEW, planning_in, rows_of, submitted
from tests.worlds.small_company import ground_of

AT = dt.datetime(2027, 3, 1, 3, tzinfo=dt.UTC)


@pytest.fixture
def call(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    return planning_in(folder, planning_files, cli)


def answer(visit: Visit, account: str, said: Any = "agreed") -> Agreement:
    return Agreement(
        source="files",
        plan_id="p",
        account_id=account,
        answer=said,
        date=visit.date,
        start=visit.start,
        at=AT,
        by="P",
        recorded_at=AT,
    )


def visit_of(plan: Plan, account: str) -> Visit:
    row = plan.row(account)
    assert row is not None
    assert row.visit is not None
    return row.visit


def agreed(plan: Plan, *accounts: str) -> Plan:
    return join_answers(plan, [answer(visit_of(plan, each), each) for each in accounts])


def times(plan: Plan) -> dict[str, tuple[dt.date, str]]:
    return {r.account_id: (r.visit.date, r.visit.start) for r in plan.rows if r.visit}


# The plan as a value


def test_an_answer_holds_for_the_date_and_time_it_was_given_on() -> None:
    before = plan()
    account = next(iter(times(before)))
    visit = visit_of(before, account)
    assert (visit.state, visit.moved) == ("proposed", 0)
    told = answer(visit, account)
    assert visit_of(join_answers(before, [told]), account).state == "agreed"
    other = before.end if visit.date != before.end else before.start
    moved = amended(before, dates={account: other})
    found = visit_of(join_answers(moved, [told]), account)
    assert (found.state, found.moved) == ("moved", 1)
    again = [told, answer(found, account)]
    found = visit_of(join_answers(moved, again), account)
    assert (found.state, found.moved) == ("agreed", 1)


def test_what_a_customer_answers_changes_nothing_that_is_approved() -> None:
    before = plan()
    joined = agreed(before, *times(before))
    assert joined.computed_fingerprint() == before.fingerprint


def test_a_declined_visit_takes_nobodys_time_until_another_date_is_set() -> None:
    before = plan()
    account, slot = next(iter(times(before).items()))
    told = [answer(visit_of(before, account), account, "declined")]
    declined = join_answers(before, told)
    row = declined.row(account)
    assert row is not None
    assert row.is_declined
    after = amended(declined, no_attend=("rest",))
    assert times(after)[account] == slot
    assert visit_of(after, account).state == "declined"
    dated = amended(after, dates={account: FRIDAY})
    assert visit_of(dated, account).state == "moved"


DAYS = [dt.date(2027, 3, day) for day in range(1, 9)]
NAMES = [account.account_id for account in ACCOUNTS]
SOME = st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple)
CHANGES: tuple[tuple[str, st.SearchStrategy[Any]], ...] = (
    *((what, SOME) for what in ("meet", "attend", "no_attend", "online")),
    (
        "successors",
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from("ST"), max_size=3),
    ),
    (
        "dates",
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from(DAYS), max_size=2),
    ),
    ("on", st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))),
    ("period", st.sampled_from(DAYS[2:]).map(lambda day: PlanDates(end=day))),
)


def collide(plan: Plan, account: str, other: str) -> Edits:
    """Set a visit to when another one is."""
    if account == other or other not in times(plan):
        return Edits()
    day, time = times(plan)[other]
    return Edits(dates={account: day}, times={account: time})


@st.composite
def one_change(draw: st.DrawFn) -> dict[str, Any]:
    what, values = draw(st.sampled_from(CHANGES))
    return {what: draw(values)}


@settings(max_examples=200 if os.environ.get("HANDOVER_SOAK") else 8, deadline=None)
@given(
    accounts=st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True),
    changes=st.lists(one_change(), min_size=1, max_size=3),
)
def test_agreed_visits_never_move_short_of_another_date_for_them(
    accounts: list[str], changes: list[dict[str, Any]]
) -> None:
    met = [each for each in accounts if each in times(plan())]
    now = agreed(plan(), *met)
    kept = {each: times(now)[each] for each in met}
    for change in changes:
        edits = collide(now, *change["on"]) if "on" in change else Edits(**change)
        edits = replace(edits, reason="x")
        try:
            now = edit_plan(
                now, edits, MANAGER, ground_of(ACCOUNTS), owner_is_active=True
            )
        except (Refusal, BadPeriod):
            continue
        for account in edits.dates:
            kept.pop(account, None)
        assert {each: times(now).get(each) for each in kept} == kept
        assert all(visit_of(now, each).state == "agreed" for each in kept)


def test_what_was_agreed_makes_no_room_for_what_a_person_sets() -> None:
    before = plan()
    changes = 0
    for account, other in permutations(times(before), 2):
        edits = collide(before, account, other)
        setting: dict[str, Any] = {"dates": edits.dates, "times": edits.times}
        try:
            amended(before, **setting)
        except DateNotFree:
            continue
        changes += 1
        with pytest.raises(DateNotFree):
            amended(agreed(before, other), **setting)
        break
    assert changes


def test_nobody_is_brought_to_an_agreed_visit_who_cannot_come() -> None:
    before = plan()
    account = next(iter(times(before)))
    day = visit_of(before, account).date
    now = agreed(before, account)
    away = ground_of(ACCOUNTS)
    absences = {"T": [Days(first=day, last=day)]}
    away = replace(away, calendars=replace(away.calendars, absences=absences))
    edits = Edits(successors={account: "T"})
    with pytest.raises(DateNotFree) as refused:
        edit_plan(now, edits, MANAGER, away, owner_is_active=True)
    assert refused.value.params["why"] == Phrase(
        text="no-slot:away",
        params={"person": "T", "limit": None, "start": "00:00", "end": "00:00"},
    )
    taken = edit_plan(now, edits, MANAGER, ground_of(ACCOUNTS), owner_is_active=True)
    assert times(taken)[account] == times(before)[account]
    assert "T" in visit_of(taken, account).attendees


# On the command line


def met(call: Cli, key: str) -> list[str]:
    rows = call("show", key).data["plan"]["rows"]
    return [row["account_id"] for row in rows if row["visit"]]


def test_an_agreement_voids_no_approval_and_is_shown_everywhere(
    call: Cli, cli: Cli
) -> None:
    key = submitted(call)
    assert call("approve", key, "--as", "M").code == 0
    account = met(call, key)[0]
    before = call("show", key).data["plan"]
    done = call("edit", key, "--agreed", account, "--as", "S")
    assert done.code == 0
    after = done.data["plan"]
    assert (after["state"], after["version"]) == ("approved", before["version"])
    assert after["fingerprint"] == before["fingerprint"]
    assert rows_of(done)[account]["visit"]["state"] == "agreed"
    (change,) = done.data["changes"]
    assert (change["field"], change["after"], change["why"]) == (
        *("visit_state", "agreed"),
        "answered",
    )
    shown = cli("plan", "show", key, "--lang", "ja", "--as-of", "2027-03-01").out
    assert "面会予定: 確定 1件" in shown
    page = cli("plan", "show", key, "--lang", "en", "--format", "html").out
    assert "Customer&#39;s answer" in page
    assert cli("runs", "verify", "--json").data["broken"] == []


def test_what_customers_answered_since_the_approval_is_a_change(call: Cli) -> None:
    key = submitted(call)
    assert call("approve", key, "--as", "M").code == 0
    account = met(call, key)[0]
    visit = rows_of(call("show", key))[account]["visit"]
    assert call("edit", key, "--agreed", account, "--as", "P").code == 0
    other = "2027-03-19" if visit["date"] != "2027-03-19" else "2027-03-18"
    moved = call(
        "edit", key, "--date", f"{account}={other}", "--end", "2027-03-26", "--as", "M"
    )
    assert moved.code == 0
    assert rows_of(moved)[account]["visit"]["state"] == "moved"
    assert rows_of(moved)[account]["visit"]["moved"] == 1
    told = call("edit", key, "--agreed", account, "--as", "P")
    assert rows_of(told)[account]["visit"]["state"] == "agreed"
    assert rows_of(told)[account]["visit"]["moved"] == 1


def test_a_declined_visit_waits_for_those_who_can_set_another_date(call: Cli) -> None:
    key = submitted(call)
    assert call("approve", key, "--as", "M").code == 0
    account = met(call, key)[0]
    no_reason = call("edit", key, "--declined", account, "--as", "P")
    assert no_reason.json["error"]["code"] == "reason_needed"
    declined = ("--declined", account, "--reason", "面会は不要とのこと")
    done = call("edit", key, *declined, "--as", "P").data
    assert done["plan"]["state"] == "approved"
    assert [each["reason"] for each in done["changes"]] == [declined[-1]]
    shown = rows_of(call("show", key))[account]["visit"]
    assert shown["answer_reason"] == declined[-1]
    for person in ("P", "M"):
        waiting = call("list", "--mine", "--as", person).data["waiting"]
        (turn,) = [each for each in waiting if each["step"] == "rearrange"]
        assert [each["code"] for each in turn["blocked"]] == ["visit_declined"]
    informed = call("edit", key, "--inform", account, "--reason", "電話で", "--as", "M")
    assert informed.code == 0
    assert call("submit", key, "--as", "P").code == 0


def test_a_plan_with_a_declined_visit_is_not_submitted(call: Cli) -> None:
    key = call(*NEW).data["plan"]["id"]
    account = met(call, key)[0]
    call("edit", key, "--loose", "opportunities=transfer", "--as", "P")
    call("edit", key, "--declined", account, "--reason", "x", "--as", "P")
    ended = call("submit", key, "--as", "P")
    assert (ended.code, ended.json["error"]["code"]) == (5, "visit_declined")


def test_a_date_is_set_and_agreed_to_in_one_command(call: Cli) -> None:
    key = call(*NEW).data["plan"]["id"]
    account = met(call, key)[0]
    visit = rows_of(call("show", key))[account]["visit"]
    both = (
        "--date",
        f"{account}={visit['date']}T{visit['start']}",
        "--agreed",
        account,
    )
    done = call("edit", key, *both, "--as", "P")
    assert done.code == 0
    assert rows_of(done)[account]["visit"]["state"] == "agreed"
    again = call(*NEW, "--discard", "--as", "P")
    found = rows_of(again)[account]["visit"]
    assert (found["date"], found["start"]) == (visit["date"], visit["start"])
    assert found["state"] == "agreed"


def test_who_neither_visits_nor_manages_answers_for_nobody(call: Cli) -> None:
    key = call(*NEW).data["plan"]["id"]
    account = met(call, key)[0]
    ended = call("edit", key, "--agreed", account, "--as", "Kato")
    assert (ended.code, ended.json["error"]["code"]) == (5, "not_yours")
    both = ("--agreed", account, "--declined", account, "--reason", "x")
    assert call("edit", key, *both, "--as", "P").code == 2
    rows = call("show", key).data["plan"]["rows"]
    unmet = next(row["account_id"] for row in rows if not row["visit"])
    ended = call("edit", key, "--agreed", unmet, "--as", "P")
    assert (ended.code, ended.json["error"]["code"]) == (5, "no_visit")
