"""Spread visits over a period: no more of them a day than needed while days are left.

The day of a seller is filled to a level. The level starts at what an even distribution
asks for and rises only for those whose visits find no place below it. A family is
visited together, whatever the level.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from handover.plan.scheduler.diary import list_numbers
from handover.plan.scheduler.packing import ORDERS, Packing, open_packing
from handover.plan.scheduler.problem import Need, VisitProblem


def spread(problem: VisitProblem, days: int) -> Packing | None:
    """Spread the musts over the first days; None if they do not all find a place."""
    empty = open_packing(problem, days)
    for rounded_up in (False, True):
        packing = empty.copy()
        level = Level(packing, {})
        level.start(problem.free, rounded_up=rounded_up)
        level.aim(problem.free)
        left = ORDERS[0](problem.free)
        while left := [need for need in left if not level.place(need)]:
            if not level.raise_for(left):
                break
        if not left:
            return packing
    return None


def add_evenly(packing: Packing, needs: Sequence[Need]) -> None:
    """Place visits beside those that stand, on the emptiest days, as far as they fit.

    Those with a day of their own come first; the others in their order.
    """
    level = Level(packing, {})
    for need in sorted(needs, key=lambda need: not need.is_pinned):
        if need.account_id in packing.slots or not packing.may_place(need):
            continue
        if packing.diary.list_open(need, packing.days):
            level.start_again(need)
            while not level.place(need) and level.raise_for([need]):
                pass


class Level:
    """How full the days of each seller may become for now."""

    def __init__(self, packing: Packing, levels: dict[str, int]) -> None:
        """Read how full the days are.

        Args:
            packing: in which visits are placed from now on.
            levels: visits a day, by seller.
        """
        self.levels = levels
        self._packing = packing
        self._families: dict[str, int] = {}
        self._targets: dict[str, int] = {}
        for need in packing.problem.needs.values():
            if need.account_id in packing.slots:
                self._note_family(need)

    def start(self, needs: Iterable[Need], *, rounded_up: bool) -> None:
        """Start at the level of an even distribution, below or above the fraction."""
        packing = self._packing
        for seller, count in _count_visits(needs).items():
            there = max(packing.diary.list_there(seller, packing.days).bit_count(), 1)
            even = -(-count // there) if rounded_up else max(count // there, 1)
            self.levels[seller] = min(even, packing.diary.limits.visits)

    def start_again(self, need: Need) -> None:
        """Start at the emptiest days for one visit."""
        for seller in need.sellers:
            self.levels[seller] = 1

    def aim(self, needs: Iterable[Need]) -> None:
        """Aim at days that lie evenly in the period, as many as the level needs."""
        for seller, count in _count_visits(needs).items():
            days = list(list_numbers(self._find_below(seller)))
            wanted = -(-count // self.levels[seller])
            if wanted < len(days):
                gaps = max(wanted - 1, 1)
                chosen = {days[k * (len(days) - 1) // gaps] for k in range(wanted)}
                self._targets[seller] = sum(1 << number for number in chosen)

    def place(self, need: Need) -> bool:
        """Place a visit with its family, in its area, evenly spread, or anywhere."""
        packing = self._packing
        free = packing.diary.list_open(need, packing.days)
        together = free & self._families.get(need.family, 0)
        below, target = free, free
        for seller in need.sellers:
            target &= self._targets.get(seller, -1)
            if not need.is_pinned:
                below &= self._find_below(seller)
        near = below & packing.diary.list_near(need)
        if not packing.place(need, together, near, below & target, below):
            return False
        self._note_family(need)
        return True

    def raise_for(self, needs: Iterable[Need]) -> bool:
        """Raise the level of the sellers of some visits; return whether any rose."""
        most = self._packing.diary.limits.visits
        sellers = {s for need in needs for s in need.sellers if self.levels[s] < most}
        for seller in sellers:
            self.levels[seller] += 1
        return bool(sellers)

    def _find_below(self, seller: str) -> int:
        """Find the days on which a seller is there and their day is not full yet."""
        diary, level = self._packing.diary, self.levels[seller]
        there = diary.list_there(seller, self._packing.days)
        return there & diary.list_below(seller, level)

    def _note_family(self, need: Need) -> None:
        number = self._packing.find_day(need)
        if need.family and number >= 0:
            known = self._families.get(need.family, 0)
            self._families[need.family] = known | 1 << number


def _count_visits(needs: Iterable[Need]) -> Counter[str]:
    return Counter(seller for need in needs for seller in need.sellers)
