"""Schedule visits, always the same way, and prove how short the period can get."""

import datetime as dt
from dataclasses import dataclass

from handover.plan.scheduler.bound import LowerBound, prove_bound
from handover.plan.scheduler.packing import (
    Packing,
    count_days,
    open_packing,
    pack_all,
    pack_best,
)
from handover.plan.scheduler.problem import Room, Slots, VisitProblem
from handover.plan.scheduler.proof import Shortest, shorten
from handover.plan.scheduler.spreading import add_evenly, spread
from handover.plan.scheduler.standing import reschedule, restate_travel


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Where the visits are, and how long it takes at least."""

    slots: Slots
    days: int
    """Working days of the period."""
    end: dt.date
    minimum_days: int | None
    """Of the musts nobody pinned; None if one of them fits on no day at all."""
    minimum_end: dt.date | None
    bound: LowerBound
    rooms: tuple[Room, ...]
    """The slots of each seller in the period, and how many are kept for changes."""

    @property
    def is_proved(self) -> bool:
        """Whether no shorter period whatever holds the musts."""
        return self.minimum_days == self.bound.days


def solve(problem: VisitProblem, *, prove: bool = True) -> Schedule:
    """Place what must take place, then what should.

    Args:
        problem: visits, days, limits.
        prove: improve and prove the shortest period. Without it the visits are the
            same, and only what is said of the shortest period is less sure.
    """
    shortest = find_shortest(problem, prove=prove)
    if not prove and _matters(problem, shortest):
        shortest = shorten(problem, shortest)
    period = _count_period(problem, shortest)
    packing = _fill(problem, shortest, period)
    slots = restate_travel(packing)
    minimum = shortest.days
    if not packing.list_missing(problem.free):
        placed = count_days(problem, slots)
        minimum = placed if minimum is None else min(minimum, placed)
    everything = (*problem.musts, *problem.shoulds)
    return Schedule(
        slots=slots,
        days=period,
        end=problem.end or problem.days[period - 1],
        minimum_days=minimum,
        minimum_end=problem.days[minimum - 1] if minimum else None,
        bound=shortest.bound,
        rooms=tuple(problem.reserve.list_rooms(period, slots, everything)),
    )


def find_shortest(problem: VisitProblem, *, prove: bool) -> Shortest:
    """Find the shortest period that holds all musts nobody pinned."""
    bound = prove_bound(problem)
    packing = pack_best(problem, bound.days)
    days = None
    if not packing.list_missing(problem.free):
        days = count_days(problem, packing.slots)
    found = Shortest(packing=packing, days=days, bound=bound)
    return shorten(problem, found) if prove else found


def _matters(problem: VisitProblem, shortest: Shortest) -> bool:
    """Return whether a proof might place visits otherwise than is known without it."""
    if problem.end is None:
        return True
    period = _count_period(problem, shortest)
    if shortest.days is None or shortest.days > period:
        return shortest.bound.days <= period
    return problem.soon or spread(problem, period) is None


def _count_period(problem: VisitProblem, shortest: Shortest) -> int:
    """Count the working days of the period: those asked for, else the shortest."""
    if problem.end is not None:
        return problem.calendars.company.count(problem.start, problem.end)
    numbers = {day: number for number, day in enumerate(problem.days, 1)}
    pinned = [numbers.get(n.day, 0) for n in problem.musts if n.day is not None]
    placed = shortest.days or count_days(problem, shortest.packing.slots)
    return max(placed, *pinned, 1)


def _fill(problem: VisitProblem, shortest: Shortest, period: int) -> Packing:
    """Place the visits in the period: all of them, or the most important ones."""
    is_enough = shortest.days is not None and shortest.days <= period

    def pack_again() -> Packing | None:
        if not is_enough:
            return pack_all(problem, problem.free, period)
        spread_out = None if problem.soon else spread(problem, period)
        return spread_out or _shorten(shortest.packing, problem, period)

    if problem.kept:
        return reschedule(problem, period, pack_again)
    packing = pack_again() or _pack_what_fits(problem, period)
    if problem.soon:
        for need in packing.list_missing(problem.shoulds):
            packing.place_near(need)
    else:
        add_evenly(packing, problem.shoulds)
    return packing


def _shorten(packing: Packing, problem: VisitProblem, period: int) -> Packing:
    """Return the packing of the shortest period as one of this period."""
    again = open_packing(problem, period)
    for need in sorted(
        packing.problem.free, key=lambda need: packing.slots[need.account_id]
    ):
        again.enter(need, packing.slots[need.account_id])
    return again


def _pack_what_fits(problem: VisitProblem, period: int) -> Packing:
    """Pack as many musts as the period holds, the most important ones first.

    The largest leading part of them that packs as a whole; then each of the others
    that still finds a place beside those.
    """
    low, high = 0, len(problem.free)
    best = open_packing(problem, period)
    while low < high:
        middle = (low + high + 1) // 2
        packing = pack_all(problem, problem.free[:middle], period)
        if packing is None:
            high = middle - 1
        else:
            low, best = middle, packing
    for need in best.list_missing(problem.free):
        best.place_near(need)
    return best
