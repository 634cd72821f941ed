"""Arrange an amended plan: change only what must change.

Customers have been told of their appointments; so what stands stays, and a new visit
moves as few others as the scheduler can find.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from handover.plan.diary import Diary, Slot
from handover.plan.packing import (
    Problem,
    Slots,
    add,
    all_in,
    days_used,
    enter,
    filled,
    missing,
    tidied,
    visits_of,
)

MOST_MOVED = 5
"""Appointments that are moved one by one before all are packed anew."""


def amended(problem: Problem, packing: Slots, period: int) -> Slots:
    """Change only what must change: nobody else's appointment, if that is possible.

    First everything stays and the new visits go in between; then one other visit makes
    room for each that found none, then all shoulds do; only if that is not enough, all
    visits are packed anew. Shoulds that had no visit get none.
    """
    met = tuple(need for need in problem.shoulds if need.account_id in problem.kept)
    problem = replace(problem, shoulds=met)
    slots = _inserted(problem, period, shoulds_stay=True)
    if len(missing(problem.musts, slots)) <= MOST_MOVED:
        slots = _with_others_moved(problem, period, slots)
    if not all_in(problem, slots):
        without = _inserted(problem, period, shoulds_stay=False)
        slots = min(slots, without, key=lambda s: len(missing(problem.musts, s)))
    if all_in(problem, slots):
        return slots
    if all_in(problem, packing) and days_used(problem, packing) <= period:
        return filled(problem, packing, period)
    return slots


def _with_others_moved(problem: Problem, period: int, slots: Slots) -> Slots:
    """Let one other visit make room for each must that found none, if that helps."""
    most = problem.limits.slots(period)
    for need in missing(problem.musts, slots):
        visits = visits_of(problem.musts, slots)
        if any(visits[seller] >= most for seller in need.sellers):
            continue
        placed = {n.account_id for n in problem.musts if n.account_id in slots}
        first = (need, *(other for other in problem.musts if other != need))
        for victim in _victims(problem, slots, need.date):
            kept = {each: slots[each] for each in slots if each != victim}
            trial = _inserted(
                replace(problem, musts=first, kept=kept), period, shoulds_stay=True
            )
            if placed | {need.account_id} <= trial.keys():
                slots = trial
                break
    return slots


def _victims(problem: Problem, slots: Slots, day: dt.date | None) -> Iterator[str]:
    """Yield whose visits may make room, the least important first.

    Visits on a day that a person set are none, and only those of ``day``, if one is
    given.
    """
    for need in (*reversed(problem.shoulds), *reversed(problem.musts)):
        slot = slots.get(need.account_id)
        if slot and need.date is None and day in (None, slot.date):
            yield need.account_id


def _inserted(problem: Problem, period: int, *, shoulds_stay: bool) -> Slots:
    diary = Diary(problem.calendars, problem.limits)
    slots: dict[str, Slot] = {}
    enter(diary, problem.musts, problem.kept, slots)
    if shoulds_stay:
        enter(diary, problem.shoulds, problem.kept, slots)
    add(problem, diary, problem.musts, period, slots)
    if not shoulds_stay:
        enter(diary, problem.shoulds, problem.kept, slots)
    add(problem, diary, problem.shoulds, period, slots)
    return tidied(problem, diary, slots)
