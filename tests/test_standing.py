import datetime as dt
import os
from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handover.plan.scheduler.calendar import Days
from handover.plan.scheduler.problem import VisitProblem
from handover.plan.scheduler.refusals import find_refusal
from handover.plan.scheduler.solver import Schedule, solve
from tests.worlds.visit_problems import broken, draw_case, need, needs, problem

MONDAY, FRIDAY = dt.date(2027, 3, 1), dt.date(2027, 3, 5)
some = settings(
    max_examples=60 if os.environ.get("HANDOVER_SOAK") else 8, deadline=None
)


def planned(seed: int, spare: int) -> tuple[VisitProblem, Schedule]:
    """A case with some days more than it needs, and its schedule."""
    case = draw_case(seed, least=10, most=35)
    minimum = solve(case, prove=False).minimum_days
    assert minimum is not None
    case = replace(case, end=case.days[minimum - 1 + spare])
    return case, solve(case, prove=False)


@some
@given(st.integers(0, 10_000), st.integers(0, 4), st.sampled_from([20, 35, 60]))
def test_one_visit_more_moves_no_other_while_there_is_room(
    seed: int, spare: int, minutes: int
) -> None:
    case, before = planned(seed, spare)
    sellers = case.musts[0].sellers
    added = need("B", minutes=minutes, sellers=sellers, use_reserve=True)
    more = replace(case, musts=(*case.musts, added), kept=before.slots)
    assume(find_refusal(more, before.slots, before.days, added) is None)
    after = solve(more, prove=False)
    assert "B" in after.slots
    assert {a: after.slots[a] for a in before.slots} == before.slots
    assert broken(more, after) == []


@some
@given(st.integers(0, 10_000), st.data())
def test_what_customers_agreed_to_never_moves(seed: int, data: st.DataObject) -> None:
    case, before = planned(seed, 2)
    agreed = data.draw(st.sets(st.sampled_from(sorted(before.slots)), max_size=5))
    away = Days(
        first=MONDAY, last=MONDAY + dt.timedelta(days=data.draw(st.integers(0, 9)))
    )
    musts = tuple(
        replace(n, agreed=before.slots[n.account_id]) if n.account_id in agreed else n
        for n in case.musts
    )
    absences = {**case.calendars.absences, "S": [away]}
    calendars = replace(case.calendars, absences=absences)
    kept = data.draw(st.sampled_from([{}, before.slots]))
    after = solve(replace(case, musts=musts, calendars=calendars, kept=kept))
    assert {a: after.slots[a] for a in agreed} == {a: before.slots[a] for a in agreed}


def test_a_date_on_a_day_with_room_moves_nobody_on_it() -> None:
    before = solve(problem(*needs(8), end=FRIDAY))
    last = max(before.slots, key=lambda account: before.slots[account])
    dated = [replace(n, date=MONDAY) if n.account_id == last else n for n in needs(8)]
    after = solve(problem(*dated, end=FRIDAY, kept=before.slots))
    moved = {a for a in before.slots if after.slots[a] != before.slots[a]}
    assert moved == {last}
    assert after.slots[last].date == MONDAY


def test_several_make_room_for_a_long_visit_on_a_day_that_a_person_set() -> None:
    short = needs(8, minutes=30)
    before = solve(problem(*short, end=FRIDAY, soon=True))
    long = need("B", minutes=180, date=MONDAY)
    after = solve(problem(*short, long, end=FRIDAY, kept=before.slots, soon=True))
    assert after.slots["B"].date == MONDAY
    assert len(after.slots) == 9
    moved = {a for a in before.slots if after.slots[a].date != before.slots[a].date}
    assert 0 < len(moved) < 5


def test_a_date_in_a_period_that_is_too_short_is_kept_all_the_same() -> None:
    many = needs(40)
    before = solve(problem(*many, end=FRIDAY))
    tuesday = dt.date(2027, 3, 2)
    wednesday = next(
        a for a, slot in before.slots.items() if slot.date == dt.date(2027, 3, 3)
    )
    dated = [replace(n, date=tuesday) if n.account_id == wednesday else n for n in many]
    after = solve(problem(*dated, end=FRIDAY, kept=before.slots))
    assert after.slots[wednesday].date == tuesday
    assert len(after.slots) >= len(before.slots)
