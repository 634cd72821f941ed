"""Bring visits of one area and one family together, without taking a day more.

A packing that an integer program found keeps all limits, but goes back and forth. Here
a visit moves to another day, or changes places with one of that day, as long as that
saves travel and both days still have an order.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from handover.plan.scheduler.day_order import DayOrder, order_day
from handover.plan.scheduler.packing import Packing, open_packing
from handover.plan.scheduler.problem import Need

ROUNDS = 6
"""Times that all visits are looked at."""
APART = 10
"""What it costs, in minutes of travel, that a family is visited on one day more."""

Day = tuple[Need, ...]


def bring_together(packing: Packing) -> Packing:
    """Return a packing of the same visits in as many days, with less travel.

    Args:
        packing: with a slot for every must that nobody pinned.
    """
    tidying = _Tidying(packing)
    for _ in range(ROUNDS):
        if not tidying.improve():
            break
    tidied = tidying.write()
    has_lost = tidied.list_missing(packing.problem.free)
    return packing if has_lost else tidied


class _Tidying:
    """Visits by day, as they come together."""

    def __init__(self, packing: Packing) -> None:
        self._problem = packing.problem
        self._empty = open_packing(packing.problem, packing.days)
        self._families = Counter(need.family for need in packing.problem.free)
        self._orders: dict[tuple[int, frozenset[str]], DayOrder] = {}
        self._days: list[Day] = [() for _ in range(packing.days)]
        self._open: dict[str, int] = {}
        for need in packing.problem.free:
            self._days[packing.find_day(need)] += (need,)
            open_days = self._empty.diary.list_open(need, packing.days)
            self._open[need.account_id] = open_days

    def improve(self) -> bool:
        """Move every visit once where that helps; return whether any moved."""
        moved = False
        for number in range(len(self._days)):
            for need in self._days[number]:
                moved = self._move(need, number) or moved
        return moved

    def write(self) -> Packing:
        """Return the days in their orders."""
        packing = self._empty.copy()
        for number, needs in enumerate(self._days):
            for need, slot in self._order(number, needs).slots:
                packing.enter(need, slot)
        return packing

    def _move(self, need: Need, number: int) -> bool:
        """Move a visit to where that saves most, if the days allow it."""
        if need not in self._days[number]:
            return False  # it has changed places with one before
        changes = [
            (self._weigh(number, here, other, there), other, here, there)
            for other, here, there in self._list_changes(need, number)
        ]
        saved, other, here, there = max(
            changes, key=lambda each: (each[0], -each[1]), default=(0, 0, (), ())
        )
        if saved <= 0 or not (self._fits(number, here) and self._fits(other, there)):
            return False
        self._days[number], self._days[other] = here, there
        return True

    def _list_changes(self, need: Need, number: int) -> Iterator[tuple[int, Day, Day]]:
        """Yield other days, and what both days would hold after a change."""
        rest = tuple(each for each in self._days[number] if each is not need)
        for other, there in enumerate(self._days):
            if other == number or not self._open[need.account_id] >> other & 1:
                continue
            if len(there) < self._problem.limits.visits:
                yield other, rest, (*there, need)
            for each in there:
                if self._open[each.account_id] >> number & 1:
                    left = tuple(one for one in there if one is not each)
                    yield other, (*rest, each), (*left, need)

    def _weigh(self, number: int, here: Day, other: int, there: Day) -> int:
        """Return the minutes that a change of two days saves, roughly."""
        before = self._count(self._days[number]) + self._count(self._days[other])
        return before - self._count(here) - self._count(there)

    def _count(self, needs: Sequence[Need]) -> int:
        """Count the minutes that the areas, regions and families of a day take."""
        travel = self._problem.limits.travel
        areas = {(need.area, need.sellers) for need in needs if not need.online}
        regions = {area.region for area, _ in areas}
        families = {n.family for n in needs if self._families[n.family] > 1}
        return (
            (travel.far - travel.near) * len(areas)
            + (travel.regions - travel.far) * max(len(regions) - 1, 0)
            + APART * len(families)
        )

    def _fits(self, number: int, needs: Day) -> bool:
        return len(self._order(number, needs).slots) == len(needs)

    def _order(self, number: int, needs: Day) -> DayOrder:
        key = number, frozenset(need.account_id for need in needs)
        if key not in self._orders:
            self._orders[key] = order_day(self._empty.diary, needs, number)
        return self._orders[key]
