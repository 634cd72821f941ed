"""Put the visits of one day in an order that fits, or prove that there is none.

Every order is tried, and every gap between what stands already. Within a gap a visit
begins as early as it can: to wait never helps those that follow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from handover.plan.scheduler.diary import Diary
from handover.plan.scheduler.problem import Need, Slot

MOST_TRIED = 2_000
"""Beginnings of a day after which no further order is tried."""


@dataclass(frozen=True, kw_only=True)
class DayOrder:
    """The visits of a day with their times, as far as there is an order for them."""

    slots: tuple[tuple[Need, Slot], ...] = ()
    is_certain: bool = True
    """Without slots: whether every order was tried."""


def order_day(diary: Diary, needs: Sequence[Need], number: int) -> DayOrder:
    """Find times for all of some visits on a day; the diary is left as it was."""
    search = _Search(diary, number)
    together = sorted(needs, key=lambda n: (n.area, n.sellers, -n.minutes))
    found = search.try_all(together, 0)
    if found is not None:
        return DayOrder(slots=tuple(found))
    return DayOrder(is_certain=search.left > 0)


def find_clash(diary: Diary, needs: Sequence[Need], number: int) -> list[Need] | None:
    """Find visits that cannot take place on one day, none of which can be left out.

    None if not every order was tried, or if a detour may be shorter than a direct way:
    then other visits might make room for these.
    """
    if diary.limits.travel.pairs:
        return None
    clash = list(needs)
    for need in needs:
        fewer = [other for other in clash if other is not need]
        order = order_day(diary, fewer, number)
        if not order.is_certain:
            return None
        if not order.slots and fewer:
            clash = fewer
    return clash


class _Search:
    """Tries the orders of a day, one after the other."""

    def __init__(self, diary: Diary, number: int) -> None:
        self.left = MOST_TRIED
        self._diary = diary
        self._number = number

    def try_all(
        self, needs: Sequence[Need], after: int
    ) -> list[tuple[Need, Slot]] | None:
        """Place visits one after the other, none before ``after``."""
        if not needs:
            return []
        tried: set[object] = set()
        for need in needs:
            if need.kind in tried:
                continue
            tried.add(need.kind)
            others = [other for other in needs if other is not need]
            for slot in self._diary.list_slots(need, self._number):
                if slot.start < after:
                    continue
                self.left -= 1
                if self.left <= 0:
                    return None
                self._diary.add(need, slot)
                found = self.try_all(others, slot.start)
                self._diary.remove(need, slot)
                if found is not None:
                    return [(need, slot), *found]
        return None
