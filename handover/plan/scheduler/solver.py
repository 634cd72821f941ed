"""Schedule visits, always the same way, and prove how short the period can get.

The visits that must take place are packed first fit, in several orders, and the best
packing is kept. How they are packed does not depend on how long the period is; so the
smallest number of days is where the packing ends, every longer period takes the same
packing, and planning again with the minimum succeeds. A lower bound says how far from
the true minimum it can be at most.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from handover.plan.scheduler.diary import Limits, Need
from handover.plan.scheduler.packing import (
    ORDERS,
    Slots,
    VisitProblem,
    add_shoulds,
    count_days,
    list_missing,
    pack,
    pack_best,
    reschedule,
)


@dataclass(frozen=True, kw_only=True)
class LowerBound:
    """So many days at least, and what it is that takes them."""

    days: int
    why: str
    """``visits``, ``minutes`` or ``people`` a day."""


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
    bound: LowerBound


def solve(problem: VisitProblem) -> Schedule:
    """Place what must take place, then what should."""
    bound = prove_bound(problem)
    packing = pack_best(problem, bound.days)
    minimum = None
    if not list_missing(problem.musts, packing):
        minimum = count_days(problem, packing)
    period = _count_period(problem, packing)
    if problem.kept:
        slots = reschedule(problem, packing, period)
    elif minimum is not None and minimum <= period:
        slots = add_shoulds(problem, packing, period)
    else:
        slots = add_shoulds(problem, _pack_what_fits(problem, period), period)
    if minimum is None or minimum > period:
        minimum = _count_placed(problem, slots) or minimum
    return Schedule(
        slots=slots,
        days=period,
        end=problem.end or problem.days[period - 1],
        minimum_days=minimum,
        minimum_end=problem.days[minimum - 1] if minimum else None,
        bound=bound,
    )


def _count_period(problem: VisitProblem, packing: Slots) -> int:
    """Count the working days of the period: those asked for, else of the packing."""
    if problem.end is not None:
        return problem.calendars.company.count(problem.start, problem.end)
    return count_days(problem, packing)


def _count_placed(problem: VisitProblem, slots: Slots) -> int | None:
    """Count the days in which every must has its slot, if a schedule shows that.

    Visits placed around those that stood may need less than a packing made afresh.
    """
    if list_missing(problem.musts, slots):
        return None
    musts = {need.account_id for need in problem.musts}
    return count_days(problem, {account: slots[account] for account in musts})


def _pack_what_fits(problem: VisitProblem, period: int) -> Slots:
    """Pack as many musts as the period holds, the most important ones.

    A set counts as fitting only if it packs as a whole; all of them never do, or the
    period would not be too short.
    """
    low, high = 0, len(problem.musts)
    best: Slots = {}
    while low < high:  # the largest leading part that fits
        middle = (low + high + 1) // 2
        slots = _pack_within(problem, problem.musts[:middle], period)
        if slots is None:
            high = middle - 1
        else:
            low, best = middle, slots
    taken, hopeless = list(problem.musts[:low]), set()
    for need in problem.musts[low:]:
        kind = replace(need, account_id="", family="")
        if kind in hopeless:
            continue
        slots = _pack_within(problem, [*taken, need], period)
        if slots is None:
            hopeless.add(kind)
        else:
            taken.append(need)
            best = slots
    return best


def _pack_within(
    problem: VisitProblem, needs: Sequence[Need], period: int
) -> Slots | None:
    """Pack all of some visits into a period, or nothing."""
    visits = Counter(seller for need in needs for seller in need.sellers)
    if max(visits.values(), default=0) > problem.limits.count_slots(period):
        return None
    for order in ORDERS:
        slots = pack(problem, order(needs), problem.days[:period])
        if len(slots) == len(needs):
            return slots
    return None


# The proof: no schedule whatever takes fewer days than this.


def prove_bound(problem: VisitProblem) -> LowerBound:
    """Prove how many working days the musts take at least, whoever plans them."""
    calendars, limits, days = problem.calendars, problem.limits, problem.days
    by_seller: dict[str, list[Need]] = defaultdict(list)
    for need in problem.musts:
        for seller in need.sellers:
            by_seller[seller].append(need)
    best = LowerBound(days=1, why="visits")
    for seller, own in sorted(by_seller.items()):
        slack = LowerBound(days=limits.count_days(len(own)), why="visits")
        present = [day for day in days if not calendars.is_absent(seller, day)]
        busy = bool(calendars.engagements.get(seller))
        for why, taken in _count_days_out(own, limits, busy=busy).items():
            if taken and len(present) >= taken:
                reached = days.index(present[taken - 1]) + 1
                best = max(
                    best, LowerBound(days=reached, why=why), key=lambda b: b.days
                )
        best = max(best, slack, key=lambda b: b.days)
    return best


def _count_days_out(
    needs: Sequence[Need], limits: Limits, *, busy: bool
) -> dict[str, int]:
    """Count the days that one seller must be out, for each limit of a day."""
    return {
        "visits": -(-len(needs) // limits.visits),
        "minutes": _count_days_of_minutes(needs, limits, busy=busy),
        "people": -(-sum(need.people for need in needs) // limits.people),
    }


def _count_days_of_minutes(needs: Sequence[Need], limits: Limits, *, busy: bool) -> int:
    """Count the days of visits and of the travel that cannot be saved.

    Every visit takes at least the shortest way there is to its area. Whoever gets to an
    area for the first time, and whoever sets out in the morning, may have to take a
    longer one: that is due once for every area and once for every day, whichever is
    more. Days of visits online have no morning, and visits of other plans may have led
    to an area already.
    """
    areas = {need.area for need in needs if not need.online}
    arrival = {area: _find_arrival(area, areas, limits) for area in areas}
    least = {area: min(limits.travel(area, area), arrival[area]) for area in areas}
    ways = [need.minutes + (0 if need.online else least[need.area]) for need in needs]
    arriving, setting_out = 0, 0
    if areas and not busy:
        arriving = sum(arrival[area] - least[area] for area in areas)
        if not any(need.online for need in needs):
            setting_out = min(limits.travel(None, a) - least[a] for a in areas)
    fewest = -(-len(needs) // _count_most_a_day(ways, setting_out, limits))
    for days in range(fewest, len(needs)):
        if sum(ways) + max(arriving, setting_out * days) <= limits.minutes * days:
            return days
    return len(needs)


def _find_arrival(area: str, areas: set[str], limits: Limits) -> int:
    """Return the shortest way by which somebody gets to an area for the first time."""
    origins = (None, *(areas - {area}))
    return min(limits.travel(origin, area) for origin in origins)


def _count_most_a_day(ways: Sequence[int], setting_out: int, limits: Limits) -> int:
    """Count how many of the shortest visits one day holds, at least one."""
    left = limits.minutes - setting_out
    for most, taken in enumerate(sorted(ways)):
        left -= taken
        if left < 0:
            return max(most, 1)
    return max(len(ways), 1)
