"""Give every visit a day and a time, always the same way.

The visits that must take place are packed first fit, in several orders, and the best
packing is kept. How they are packed does not depend on how long the period is; so the
smallest number of days is where the packing ends, every longer period takes the same
packing, and planning again with the minimum succeeds.
"""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from handover.plan.amended import amended
from handover.plan.bound import Lower, lower_bound
from handover.plan.diary import Need
from handover.plan.packing import (
    ORDERS,
    Problem,
    Slots,
    best_packing,
    days_used,
    filled,
    pack,
)


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Where the visits are, and how long it takes at least."""

    slots: Slots
    days: int
    """Working days of the period."""
    end: dt.date
    minimum_days: int | None
    """None if some visit fits on no day at all."""
    minimum_end: dt.date | None
    bound: Lower


def solve(problem: Problem) -> Schedule:
    """Place what must take place, then what should."""
    bound = lower_bound(problem.musts, problem.days, problem.calendars, problem.limits)
    packing = best_packing(problem, bound.days)
    minimum = _minimum(problem, packing)
    days = _period(problem, packing, minimum)
    if problem.kept:
        slots = amended(problem, packing, days)
    elif minimum is not None and minimum <= days:
        slots = filled(problem, packing, days)
    else:
        slots = filled(problem, _what_fits(problem, days), days)
    if minimum is None or minimum > days:
        minimum = _shown(problem, slots, minimum)
    return Schedule(
        slots=slots,
        days=days,
        end=problem.end or problem.days[days - 1],
        minimum_days=minimum,
        minimum_end=problem.days[minimum - 1] if minimum else None,
        bound=bound,
    )


def _period(problem: Problem, packing: Slots, minimum: int | None) -> int:
    if problem.end is not None:
        return problem.calendars.company.count(problem.start, problem.end)
    return minimum or days_used(problem, packing)


def _minimum(problem: Problem, packing: Slots) -> int | None:
    """Tell the length of the shortest period that holds a packing and its slack."""
    if len(packing) < len(problem.musts):
        return None
    return days_used(problem, packing)


def _shown(problem: Problem, slots: Slots, minimum: int | None) -> int | None:
    """Take what an amended plan shows to be possible, if it beats the packing."""
    musts = {need.account_id for need in problem.musts}
    if not musts <= slots.keys():
        return minimum
    return days_used(problem, {a: slots[a] for a in musts})


def _what_fits(problem: Problem, period: int) -> Slots:
    """Pack as many musts as the period holds, the most important ones.

    A set counts as fitting only if it packs as a whole; all of them never do, or the
    period would not be too short.
    """
    days = problem.days[:period]
    most = problem.limits.slots(period)
    low, high = 0, len(problem.musts)
    best: Slots = {}
    while low < high:  # the largest leading part that fits
        middle = (low + high + 1) // 2
        slots = _fit(problem, problem.musts[:middle], days, most)
        if slots is None:
            high = middle - 1
        else:
            low, best = middle, slots
    taken, hopeless = list(problem.musts[:low]), set()
    for need in problem.musts[low:]:
        kind = replace(need, account_id="", family="")
        if kind in hopeless:
            continue
        slots = _fit(problem, [*taken, need], days, most)
        if slots is None:
            hopeless.add(kind)
        else:
            taken.append(need)
            best = slots
    return best


def _fit(
    problem: Problem, needs: Sequence[Need], days: Sequence[dt.date], most: int
) -> Slots | None:
    visits = Counter(seller for need in needs for seller in need.sellers)
    if max(visits.values(), default=0) > most:
        return None
    for order in ORDERS:
        slots = pack(problem, order(needs), days)
        if len(slots) == len(needs):
            return slots
    return None
