"""Give every visit a day and a time, always the same way.

The visits that must take place are packed first fit, in several orders, and the best
packing is kept. How they are packed does not depend on how long the period is; so the
smallest number of days is where the packing ends, every longer period takes the same
packing, and planning again with the minimum succeeds.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from handover.plan.scheduler.calendar import Calendars
from handover.plan.scheduler.diary import Limits, Need
from handover.plan.scheduler.packing import (
    ORDERS,
    Packing,
    Slots,
    amended,
    best_packing,
    days_used,
    filled,
    pack,
)


@dataclass(frozen=True, kw_only=True)
class Lower:
    """So many days at least, and what it is that takes them."""

    days: int
    why: str
    """``visits``, ``minutes`` or ``people`` a day."""


def lower_bound(
    needs: Sequence[Need],
    days: Sequence[dt.date],
    calendars: Calendars,
    limits: Limits,
) -> Lower:
    """Prove how many of the working days ``days`` the visits take at least."""
    by_seller: dict[str, list[Need]] = defaultdict(list)
    for need in needs:
        for seller in need.sellers:
            by_seller[seller].append(need)
    best = Lower(days=1, why="visits")
    for seller, own in sorted(by_seller.items()):
        slack = Lower(days=limits.days(len(own)), why="visits")
        present = [day for day in days if not calendars.is_absent(seller, day)]
        busy = bool(calendars.engagements.get(seller))
        for why, taken in _days_taken(own, limits, busy=busy).items():
            if taken and len(present) >= taken:
                reached = days.index(present[taken - 1]) + 1
                best = max(best, Lower(days=reached, why=why), key=lambda b: b.days)
        best = max(best, slack, key=lambda b: b.days)
    return best


def _days_taken(needs: Sequence[Need], limits: Limits, *, busy: bool) -> dict[str, int]:
    """Count the days that one seller must be out, for each limit of a day."""
    return {
        "visits": -(-len(needs) // limits.visits),
        "minutes": _days_of_minutes(needs, limits, busy=busy),
        "people": -(-sum(need.people for need in needs) // limits.people),
    }


def _days_of_minutes(needs: Sequence[Need], limits: Limits, *, busy: bool) -> int:
    """Count the days of visits and of the travel that cannot be saved.

    Every visit takes the short way at least; the long way is due once for every area
    and once for every day, whichever is more often, unless visits of another plan
    have led there already.
    """
    near = min(limits.travel_near, limits.travel_far)
    far = near if busy else limits.travel_far
    ways = [(need.minutes, 0 if need.online else near) for need in needs]
    areas = len({need.area for need in needs if not need.online})
    minutes = sum(stay + way for stay, way in ways)
    extra = far - near if areas else 0
    for days in range(-(-len(needs) // _most_a_day(ways, extra, limits)), len(needs)):
        if minutes + extra * max(areas, days) <= limits.minutes * days:
            return days
    return len(needs)


def _most_a_day(ways: Sequence[tuple[int, int]], extra: int, limits: Limits) -> int:
    """Count how many of the shortest visits one day holds, at least one."""
    left = limits.minutes - extra
    for most, taken in enumerate(sorted(stay + way for stay, way in ways)):
        left -= taken
        if left < 0:
            return max(most, 1)
    return max(len(ways), 1)


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


def solve(problem: Packing) -> Schedule:
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


def _period(problem: Packing, packing: Slots, minimum: int | None) -> int:
    if problem.end is not None:
        return problem.calendars.company.count(problem.start, problem.end)
    return minimum or days_used(problem, packing)


def _minimum(problem: Packing, packing: Slots) -> int | None:
    """Tell the length of the shortest period that holds a packing and its slack."""
    if len(packing) < len(problem.musts):
        return None
    return days_used(problem, packing)


def _shown(problem: Packing, slots: Slots, minimum: int | None) -> int | None:
    """Take what an amended plan shows to be possible, if it beats the packing."""
    musts = {need.account_id for need in problem.musts}
    if not musts <= slots.keys():
        return minimum
    return days_used(problem, {a: slots[a] for a in musts})


def _what_fits(problem: Packing, period: int) -> Slots:
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
    problem: Packing, needs: Sequence[Need], days: Sequence[dt.date], most: int
) -> Slots | None:
    visits = Counter(seller for need in needs for seller in need.sellers)
    if max(visits.values(), default=0) > most:
        return None
    for order in ORDERS:
        slots = pack(problem, order(needs), days)
        if len(slots) == len(needs):
            return slots
    return None
