import datetime as dt
from typing import Any

import pytest

from handover.errors import HandoverError
from handover.i18n import words_for
from handover.ledger.states import Mode, PlanState
from handover.plan import errors
from handover.plan.amendment import edit_plan
from handover.plan.build import is_too_short
from handover.plan.changes import list_changes, list_drift
from handover.plan.edits import REST, Editor, Edits, Fate
from handover.plan.model import LooseRecord, Plan, PlannedOpportunity
from handover.plan.moves import Move
from handover.plan.selection import AccountFacts
from tests.worlds.small_company import (
    account,
    ground_of,
    key_account,
    plan_of,
    row_of,
    wanting,
    with_opportunity,
)

MANAGER = Editor(person_id="M", name="高橋", is_manager=True, managers="高橋")
AUTHOR = Editor(person_id="P", name="佐藤", is_manager=False, managers="高橋")
FRIDAY = dt.date(2027, 3, 5)
ACCOUNTS = [
    key_account(1),
    *(with_opportunity(n) for n in range(2, 9)),
    wanting(9, gaps=("contacts.channel",)),
    account(10, gaps=("contacts.channel",)),
    account(11),
]


def plan() -> Plan:
    return plan_of(ACCOUNTS, end=FRIDAY)


def amended(
    before: Plan,
    editor: Editor = MANAGER,
    *,
    accounts: list[AccountFacts] = ACCOUNTS,
    owner_is_active: bool = True,
    **changes: Any,
) -> Plan:
    changes.setdefault("reason", "必要なため")
    return edit_plan(
        before,
        Edits(**changes),
        editor,
        ground_of(accounts),
        owner_is_active=owner_is_active,
    )


def visits(plan: Plan) -> dict[str, tuple[dt.date, str]]:
    return {r.account_id: (r.visit.date, r.visit.start) for r in plan.rows if r.visit}


def test_an_amended_plan_is_the_next_version_and_a_draft() -> None:
    before = plan().model_copy(update={"state": PlanState.APPROVED})
    after = amended(before, meet=("A10",))
    assert (after.version, after.state) == (2, PlanState.DRAFT)
    assert after.fingerprint == after.computed_fingerprint() != before.fingerprint


def test_a_promoted_customer_is_met_and_nobody_else_is_moved() -> None:
    before = plan()
    after = amended(before, meet=("A10",), reason="部長からの依頼")
    row = row_of(after, "A10")
    assert (row.mode, row.mode_by, row.reason) == (Mode.MEET, "M", "部長からの依頼")
    assert row.reasons == ("D",)
    assert row.visit is not None
    assert visits(before).items() <= visits(after).items()


def test_a_demoted_customer_frees_its_slot_and_nobody_else_is_moved() -> None:
    before = plan()
    after = amended(before, inform=("A08",))
    row = row_of(after, "A08")
    assert (row.mode, row.visit) == (Mode.INFORM, None)
    assert row.reasons == ("M3", "D")
    moved = {a for a, when in visits(after).items() if visits(before)[a][0] != when[0]}
    assert moved == set()


def test_the_manager_who_attends_is_in_the_visit() -> None:
    after = amended(plan(), attend=("A01",), no_attend=(REST,))
    visit = row_of(after, "A01").visit
    assert visit is not None
    assert visit.attendees == ("P", "S", "M")
    assert row_of(after, "A02").co_attendance == "undecided"


def test_the_rest_that_the_manager_attends_are_key_and_priority_accounts() -> None:
    after = amended(plan(), attend=(REST,), no_attend=(REST,))
    attended = [row.account_id for row in after.rows if row.co_attendance == "yes"]
    assert attended == ["A01"]


def test_a_date_is_pinned_and_survives_the_next_amendment() -> None:
    after = amended(plan(), AUTHOR, dates={"A02": FRIDAY})
    assert visits(after)["A02"][0] == FRIDAY
    later = amended(after, meet=("A10",), inform=("A03",))
    assert visits(later)["A02"] == visits(after)["A02"]


def test_a_time_is_pinned_as_well_and_survives_the_next_amendment() -> None:
    after = amended(plan(), AUTHOR, dates={"A02": FRIDAY}, times={"A02": "14:20"})
    assert visits(after)["A02"] == (FRIDAY, "14:20")
    later = amended(after, meet=("A10",), inform=("A03",))
    assert visits(later)["A02"] == (FRIDAY, "14:20")
    moved = amended(later, AUTHOR, dates={"A02": dt.date(2027, 3, 4)})
    assert visits(moved)["A02"][0] == dt.date(2027, 3, 4)
    visit = row_of(moved, "A02").visit
    assert visit is not None
    assert not visit.timed


@pytest.mark.parametrize("time", ["12:30", "07:00", "17:55"])
def test_a_time_outside_the_hours_of_visits_is_refused(time: str) -> None:
    with pytest.raises(errors.DateNotFree) as refused:
        amended(plan(), AUTHOR, dates={"A02": FRIDAY}, times={"A02": time})
    assert (
        words_for("en")
        .sentence(refused.value)
        .why.startswith("The visit and the way to it")
    )


def test_a_plan_without_times_keeps_the_fingerprint_it_had() -> None:
    content = plan()
    visit = row_of(content, "A02").visit
    assert visit is not None
    assert "timed" in visit.model_dump()
    timed = content.model_copy(
        update={
            "rows": tuple(
                row.model_copy(
                    update={"visit": row.visit.model_copy(update={"timed": True})}
                )
                if row.visit
                else row
                for row in content.rows
            )
        }
    )
    assert timed.computed_fingerprint() != content.computed_fingerprint()


@pytest.mark.parametrize(
    "day",
    [dt.date(2027, 3, 6), dt.date(2027, 3, 1)],
    ids=["a Saturday", "before the start"],
)
def test_a_day_on_which_nobody_visits_is_refused(day: dt.date) -> None:
    with pytest.raises(errors.DateNotFree):
        amended(plan(), dates={"A02": day})


def test_nobody_is_visited_once_the_owner_has_changed() -> None:
    with pytest.raises(errors.BadPeriod):
        amended(plan(), dates={"A02": plan().effective})


def test_a_held_customer_changes_hands_at_the_end_of_the_hold() -> None:
    until = dt.date(2027, 6, 1)
    after = amended(plan(), MANAGER, hold=("A02",), until=until)
    row = row_of(after, "A02")
    assert (row.mode, row.until, row.effective) == (Mode.HOLD, until, until)
    assert row.visit is not None
    assert row.visit.date < after.effective
    assert after.expires == dt.date(2027, 6, 15)
    back = amended(after, meet=("A02",))
    assert row_of(back, "A02").effective == back.effective


def test_an_excluded_customer_has_no_effective_date() -> None:
    after = amended(plan(), exclude=("A11",))
    assert row_of(after, "A11").mode is Mode.EXCLUDE
    assert row_of(after, "A11").effective is None
    assert len(after.rows) == len(ACCOUNTS)


def test_another_successor_takes_over_one_customer() -> None:
    after = amended(plan(), AUTHOR, successors={"A02": "T"})
    row = row_of(after, "A02")
    assert (row.successor_id, row.successor_reason) == ("T", "named")
    assert row.visit is not None
    assert "T" in row.visit.attendees
    assert after.successors == ("S", "T")


def test_an_opportunity_is_held_while_its_account_moves() -> None:
    until = dt.date(2027, 5, 31)
    fate = Fate(action="hold", until=until)
    after = amended(plan(), MANAGER, opportunities={"O02": fate})
    opportunity = row_of(after, "A02").opportunities[0]
    assert (opportunity.action, opportunity.until) == ("hold", until)


def test_what_is_held_keeps_its_visit_and_nobody_else_is_moved() -> None:
    before = plan()
    after = amended(before, hold=("A02",), until=dt.date(2027, 6, 1))
    assert visits(after) == visits(before)
    assert row_of(after, "A02").is_met
    assert after.unplaced == ()


def test_what_is_held_until_before_the_visits_is_not_visited() -> None:
    before = plan()
    after = amended(before, hold=("A02",), until=before.start)
    assert (row_of(after, "A02").mode, row_of(after, "A02").visit) == (Mode.HOLD, None)
    assert after.minimum_days is not None
    assert "A02" in {each.account_id for each in after.overflow}


def test_what_no_rule_wants_to_be_met_is_held_without_a_visit() -> None:
    after = amended(plan(), hold=("A11",), until=dt.date(2027, 6, 1))
    assert row_of(after, "A11").visit is None


def test_the_rest_is_not_what_is_held() -> None:
    before = plan()
    held = amended(before, hold=("A02",), until=before.start)
    assert row_of(amended(held, inform=(REST,)), "A02").mode is Mode.HOLD


TEN = [*ACCOUNTS, *(with_opportunity(n) for n in range(12, 17))]
"""Accounts with twelve open opportunities, of which one may be held."""


def hold(*opportunities: str) -> dict[str, Fate]:
    fate = Fate(action="hold", until=dt.date(2027, 5, 31))
    return dict.fromkeys(opportunities, fate)


def test_of_ten_opportunities_one_may_be_held_and_the_manager_may_hold_more() -> None:
    before = plan_of(TEN, end=dt.date(2027, 3, 31))
    one = amended(before, AUTHOR, accounts=TEN, opportunities=hold("O02"))
    with pytest.raises(errors.TooManyHeld) as refused:
        amended(one, AUTHOR, accounts=TEN, opportunities=hold("O03"))
    told = {name: refused.value.params[name] for name in ("held", "open", "most")}
    assert told == {"held": 2, "open": 12, "most": 1}
    two = amended(one, MANAGER, accounts=TEN, opportunities=hold("O03"))
    assert amended(two, AUTHOR, accounts=TEN, meet=("A10",)).version == 4
    with pytest.raises(errors.TooManyHeld):
        amended(two, AUTHOR, accounts=TEN, opportunities=hold("O04"))


LOOSE = (
    LooseRecord(object="opportunities", id="O98", action=None),
    LooseRecord(object="opportunities", id="O99", action=None),
    LooseRecord(object="contacts", id="C99", action="leave"),
)


def test_loose_records_are_decided_one_by_one_or_by_table() -> None:
    before = plan_of(ACCOUNTS, end=FRIDAY, facts={"loose": LOOSE})
    after = amended(
        before,
        AUTHOR,
        loose={
            ("opportunities", None): Fate(action="transfer"),
            ("opportunities", "O99"): Fate(action="leave"),
        },
    )
    assert [(each.id, each.action, each.successor) for each in after.loose] == [
        ("O98", "transfer", "S"),
        ("O99", "leave", None),
        ("C99", "leave", None),
    ]


def test_an_item_is_waived_for_one_customer_or_for_all_that_lack_it() -> None:
    one = amended(plan(), waive=(("A09", "contacts.channel"),))
    assert row_of(one, "A09").waived == ("contacts.channel",)
    assert row_of(one, "A10").waived == ()
    every = amended(plan(), waive=((REST, "contacts.channel"),))
    waived = {row.account_id for row in every.rows if row.waived}
    assert waived == {"A09", "A10"}


def test_a_meeting_is_moved_online_and_needs_no_way() -> None:
    visit = row_of(amended(plan(), online=("A02",)), "A02").visit
    assert visit is not None
    assert (visit.online, visit.minutes, visit.travel_minutes) == (True, 30, 0)
    assert visit.place is None


def test_a_freed_slot_is_not_filled_unasked() -> None:
    accounts = [*(with_opportunity(n) for n in range(1, 5)), wanting(9)]
    before = plan_of(accounts, start=FRIDAY, end=FRIDAY)
    after = amended(before, accounts=accounts, inform=("A01",))
    assert set(visits(after)) == {"A02", "A03", "A04"}
    assert set(visits(amended(after, accounts=accounts, meet=("A09",)))) == {
        "A02",
        "A03",
        "A04",
        "A09",
    }


def test_rest_stands_for_the_customers_that_found_no_slot() -> None:
    short = plan_of(ACCOUNTS, start=FRIDAY, end=FRIDAY)
    assert is_too_short(short)
    after = amended(short, inform=(REST,))
    assert not is_too_short(after)
    assert visits(short).items() <= visits(after).items()
    demoted = {row.account_id for row in after.rows if row.mode_by == "M"}
    assert demoted == {each.account_id for each in short.overflow}


# Who may decide what.

SAY: list[tuple[str, dict[str, Any]]] = [
    ("demoting a must", {"inform": ("A02",)}),
    ("leaving a must out", {"exclude": ("A02",)}),
    ("a class", {"classes": {"A10": "key"}}),
    ("waiving", {"waive": (("A09", "contacts.channel"),)}),
    ("a must online", {"online": ("A02",)}),
    ("holding a must", {"hold": ("A02",), "until": dt.date(2027, 6, 1)}),
]


@pytest.mark.parametrize(("what", "change"), SAY, ids=[what for what, _ in SAY])
def test_the_manager_alone_decides(what: str, change: dict[str, Any]) -> None:
    with pytest.raises(errors.NotYours):
        amended(plan(), AUTHOR, **change)
    amended(plan(), MANAGER, **change)


FREE: list[tuple[str, dict[str, Any]]] = [
    ("promoting", {"meet": ("A10",)}),
    ("demoting a should", {"inform": ("A09",)}),
    ("holding a should", {"hold": ("A09",), "until": dt.date(2027, 6, 1)}),
    ("a date", {"dates": {"A02": FRIDAY}}),
]


@pytest.mark.parametrize(("what", "change"), FREE, ids=[what for what, _ in FREE])
def test_the_author_decides(what: str, change: dict[str, Any]) -> None:
    assert amended(plan(), AUTHOR, **change).version == 2


def test_nobody_but_a_manager_overrules_what_the_manager_decided() -> None:
    promoted = amended(plan(), meet=("A10",))
    with pytest.raises(errors.NotYours):
        amended(promoted, AUTHOR, inform=("A10",))


# What is not understood.

WRONG: list[tuple[type[HandoverError], dict[str, Any]]] = [
    (errors.NotInPlan, {"meet": ("A99",)}),
    (errors.NotInPlan, {"opportunities": {"O99": Fate(action="transfer")}}),
    (errors.NotInPlan, {"loose": {("contacts", "C1"): Fate(action="leave")}}),
    (errors.NotInPlan, {"waive": (("A01", "contacts.channel"),)}),
    (errors.ReasonNeeded, {"meet": ("A10",), "reason": None}),
    (errors.ReasonNeeded, {"inform": ("A02",), "reason": ""}),
    (errors.UntilNeeded, {"hold": ("A02",)}),
    (errors.UntilNeeded, {"opportunities": {"O02": Fate(action="hold")}}),
    (errors.Contradiction, {"meet": ("A10",), "inform": ("A10",)}),
    (errors.Contradiction, {"attend": ("A01",), "no_attend": ("A01",)}),
]


@pytest.mark.parametrize(("error", "change"), WRONG)
def test_what_cannot_be_meant_is_refused(
    error: type[HandoverError], change: dict[str, Any]
) -> None:
    with pytest.raises(error):
        amended(plan(), **change)


@pytest.mark.parametrize(
    "change",
    [
        {"hold": ("A02",), "until": dt.date(2027, 6, 1)},
        {"opportunities": {"O02": Fate(action="hold", until=dt.date(2027, 6, 1))}},
    ],
)
def test_nothing_is_held_by_somebody_who_has_left(change: dict[str, Any]) -> None:
    with pytest.raises(errors.HoldByInactiveOwner):
        amended(plan(), owner_is_active=False, **change)


# What has changed.


def test_changes_tell_what_was_decided_and_what_moved() -> None:
    accounts = [with_opportunity(n) for n in range(1, 22)]
    before = plan_of(accounts, end=FRIDAY)
    full = before.start
    last = next(a for a, (day, _) in visits(before).items() if day != full)
    after = amended(before, accounts=accounts, dates={last: full}, reason=None)
    found = {(c.account_id, c.field): c.why for c in list_changes(before, after)}
    assert found[last, "visit"] == "decided"
    assert list(found.values()).count("moved") >= 1
    assert all(field == "visit" for _, field in found)


def test_a_changed_mode_carries_the_reason() -> None:
    before = plan()
    after = amended(before, inform=("A08",), reason="日程が厳しい")
    change = next(c for c in list_changes(before, after) if c.field == "mode")
    assert (change.before, change.after, change.why) == ("meet", "inform", "decided")
    assert change.reason == "日程が厳しい"


def test_drift_names_accounts_that_changed_hands_and_those_that_came() -> None:
    moves = (Move(account_id="A01", successor_id="S"),)
    before = plan_of([account(1), account(2), account(3)], moves=moves)
    found = list(list_drift(before, {"A01": "T", "A02": "P", "A03": None, "A09": "P"}))
    assert [(d.account_id, d.owner_id, d.expected) for d in found] == [
        ("A01", "T", "P"),
        ("A03", None, "P"),
        ("A09", "P", None),
    ]


def test_what_the_plan_itself_transferred_is_no_drift() -> None:
    before = plan_of([account(1)])
    assert list(list_drift(before, {"A01": "S"})) == []


def test_key_accounts_are_not_met_only_where_somebody_names_them() -> None:
    accounts = [*map(key_account, range(1, 8)), with_opportunity(8)]
    short = plan_of(accounts, start=FRIDAY, end=FRIDAY)
    left = {row.account_id for row in short.rows if row.visit is None}
    key = left - {"A08"}
    assert key
    assert "A08" in left  # key accounts come first
    after = amended(short, accounts=accounts, inform=(REST,))
    informed = {r.account_id for r in after.rows if r.mode is Mode.INFORM}
    assert informed == {"A08"}
    named = amended(after, accounts=accounts, inform=tuple(key))
    assert {row_of(named, each).mode for each in key} == {Mode.INFORM}


def test_the_reason_of_a_waiver_and_of_co_attendance_is_kept() -> None:
    after = amended(plan(), attend=("A01",), reason="重要なため")
    after = amended(after, waive=(("A09", "contacts.channel"),), reason="不要")
    assert row_of(after, "A01").co_attendance_reason == "重要なため"
    assert row_of(after, "A09").waived_reason == "不要"


def test_an_opportunity_left_to_an_unread_owner_goes_along_once_it_is_read() -> None:
    left = PlannedOpportunity(id="O02", action="leave")
    before = plan()
    rows = tuple(
        row.model_copy(update={"opportunities": (left,)})
        if row.account_id == "A02"
        else row
        for row in before.rows
    )
    after = amended(before.model_copy(update={"rows": rows}), online=("A03",))
    assert row_of(after, "A02").opportunities[0].action == "transfer"
    with pytest.raises(errors.BadEdit):
        amended(before, opportunities={"O02": Fate(action="leave")})


def test_nobody_makes_anothers_decision_their_own_by_deciding_the_same_again() -> None:
    decided = amended(plan(), meet=("A10",), reason="部長からの依頼")
    with pytest.raises(errors.NotYours):
        amended(decided, AUTHOR, meet=("A10",), reason="自分の判断")
    again = amended(decided, meet=("A10",), reason="社長からの依頼")
    assert row_of(again, "A10").reason == "社長からの依頼"


def test_the_words_on_attendance_are_those_of_who_decided_it() -> None:
    decided = amended(plan(), attend=("A01",), reason="大口のため")
    with pytest.raises(errors.NotYours):
        amended(decided, AUTHOR, attend=("A01",), reason="自分の判断")
    assert row_of(decided, "A01").co_attendance_reason == "大口のため"


def test_each_row_can_have_words_and_a_day_of_its_own() -> None:
    until = {"A02": dt.date(2027, 4, 30), "A03": dt.date(2027, 5, 31)}
    after = amended(
        plan(),
        hold=("A02", "A03"),
        untils=until,
        meet=("A10",),
        reasons={"A02": "交渉中", "A10": "要訪問"},
        reason="まとめて",
    )
    said = {key: row_of(after, key).reason for key in ("A02", "A03", "A10")}
    assert said == {"A02": "交渉中", "A03": "まとめて", "A10": "要訪問"}
    assert {key: row_of(after, key).until for key in until} == until
