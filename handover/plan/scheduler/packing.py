"""Pack visits into as few days as possible, first fit, in several orders.

A packing does not depend on how long the period is: a longer one takes the same
packing, and a shorter one that holds it as well.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from handover.plan.scheduler.diary import Diary, list_numbers
from handover.plan.scheduler.problem import HORIZON, Need, Slot, Slots, VisitProblem
from handover.plan.scheduler.travel import Area


@dataclass
class Packing:
    """Visits on their way into the diaries, and how many more each seller may have."""

    problem: VisitProblem
    diary: Diary
    slots: dict[str, Slot]
    days: int = HORIZON
    """Days of the period; nothing is placed after it."""
    used: Counter[str] = field(default_factory=Counter)
    """Visits of each seller that the scheduler placed."""
    allowed: dict[str, int] = field(default_factory=dict)
    """How many it may place, where that is limited."""

    def copy(self) -> "Packing":
        """Return a packing that can go on without changing this one."""
        return Packing(
            problem=self.problem,
            diary=self.diary.copy(),
            slots=dict(self.slots),
            days=self.days,
            used=Counter(self.used),
            allowed=self.allowed,
        )

    def may_place(self, need: Need) -> bool:
        """Return whether the slack leaves its sellers a visit more."""
        return need.uses_reserve or all(
            self.used[seller] < self.allowed.get(seller, HORIZON**2)
            for seller in need.sellers
        )

    def place(self, need: Need, *choices: int) -> bool:
        """Place a visit on the first day of the first set that has time for it."""
        if not self.may_place(need):
            return False
        tried = 0
        for choice in choices:
            for number in list_numbers(choice & ~tried):
                slot = self.diary.find(need, number)
                if slot is not None:
                    self.enter(need, slot)
                    return True
            tried |= choice
        return False

    def place_near(self, need: Need) -> bool:
        """Place a visit where we are in its area anyway, else where it fits first.

        Only days up to the last one used count for that, lest a day that another plan
        has in the area draw the visit beyond a period that would have held it.
        """
        free = self.diary.list_open(need, self.days)
        near = self.diary.list_near(need) & free
        if near:
            near &= (1 << self.find_last() + 1) - 1
        return self.place(need, near, free)

    def enter(self, need: Need, slot: Slot) -> None:
        """Enter a visit at a time that suits everybody."""
        self.diary.add(need, slot)
        self.slots[need.account_id] = slot
        if not need.uses_reserve:
            self.used.update(need.sellers)

    def leave(self, need: Need) -> Slot:
        """Take a visit out again; return when it was."""
        slot = self.slots.pop(need.account_id)
        self.diary.remove(need, slot)
        if not need.uses_reserve:
            self.used.subtract(need.sellers)
        return slot

    def reopen_day(self, number: int, without: Iterable[Need]) -> list[Need]:
        """Take visits out of a day; return those that cannot stay there without them.

        Their ways may have become too long.
        """
        left_out = {need.account_id for need in without}
        needs = self.problem.needs
        there = sorted(
            (slot, account)
            for account, slot in self.slots.items()
            if self.diary.find_number(slot.date) == number and not needs[account].agreed
        )
        for _, account in there:
            self.leave(needs[account])
        dropped = []
        for slot, account in there:
            need = needs[account]
            if account in left_out:
                continue
            again = self.diary.take_way(need, slot)
            if self.diary.fits(need, again):
                self.enter(need, again)
            else:
                dropped.append(need)
        return dropped

    def find_day(self, need: Need) -> int:
        """Find the number of the day of a visit, -1 if it is none of the period."""
        slot = self.slots.get(need.account_id)
        number = self.diary.find_number(slot.date) if slot else None
        return -1 if number is None else number

    def find_last(self) -> int:
        """Find the last day of this plan's visits, -1 if there is none."""
        last = max((slot.date for slot in self.slots.values()), default=None)
        number = self.diary.find_number(last) if last else None
        return -1 if number is None else number

    def list_missing(self, needs: Iterable[Need]) -> list[Need]:
        """List the visits without a slot."""
        return [need for need in needs if need.account_id not in self.slots]


def open_packing(problem: VisitProblem, days: int = HORIZON) -> Packing:
    """Open the diaries with the visits of which somebody said when.

    What a customer agreed to is entered whatever speaks against it; a day that a person
    set only if the visit fits there.

    Args:
        problem: with all visits.
        days: of the period; with fewer than all, the slack limits what is placed.
    """
    packing = open_agreed(problem, days)
    pinned = [need for need in problem.needs.values() if need.date and not need.agreed]
    for need in sorted(pinned, key=lambda need: need.time is None):
        packing.place(need, packing.diary.list_open(need, days))
    return packing


def open_agreed(problem: VisitProblem, days: int) -> Packing:
    """Open the diaries with what customers agreed to, and nothing else."""
    packing = Packing(problem=problem, diary=Diary(problem), slots={}, days=days)
    if days < HORIZON:
        sellers = {s for need in problem.needs.values() for s in need.sellers}
        packing.allowed = {s: problem.reserve.count(s, days) for s in sellers}
    for need in problem.needs.values():
        if need.agreed:
            if packing.diary.find_number(need.agreed.date) is not None:
                packing.diary.add(need, need.agreed)
            packing.slots[need.account_id] = need.agreed
    return packing


def count_days(problem: VisitProblem, slots: Slots) -> int:
    """Count the days that the musts nobody pinned take, their slack included."""
    last, used = 0, Counter[str]()
    numbers = {day: number for number, day in enumerate(problem.days, 1)}
    for need in problem.free:
        slot = slots.get(need.account_id)
        if slot is not None:
            last = max(last, numbers[slot.date])
            if not need.uses_reserve:
                used.update(need.sellers)
    counted = (problem.reserve.count_days(s, n) or HORIZON for s, n in used.items())
    return max(last, *counted, 1)


def pack(problem: VisitProblem, needs: Iterable[Need]) -> Packing:
    """Place visits first fit, as far as there are days for them."""
    packing = open_packing(problem)
    for need in needs:
        packing.place_near(need)
    return packing


def pack_all(problem: VisitProblem, needs: Sequence[Need], days: int) -> Packing | None:
    """Place all of some visits in the first days, if one of the orders succeeds."""
    visits = Counter(s for n in needs if not n.uses_reserve for s in n.sellers)
    if any(problem.reserve.count(s, days) < count for s, count in visits.items()):
        return None
    empty = open_packing(problem, days)
    for order in ORDERS:
        packing = empty.copy()
        if all(packing.place_near(need) for need in order(needs)):
            return packing
    return None


def pack_best(problem: VisitProblem, bound: int) -> Packing:
    """Pack the musts in several orders; return the shortest, least scattered packing.

    One that takes no more days than ``bound``, the proved minimum, ends the search.
    """
    ranked: list[tuple[tuple[int, ...], Packing]] = []
    for order in ORDERS:
        packing = pack(problem, order(problem.free))
        rank = _rank(problem, packing)
        ranked.append((rank, packing))
        if rank[0] == 0 and rank[1] <= bound:
            break
    return min(ranked, key=lambda each: each[0])[1]


def _rank(problem: VisitProblem, packing: Packing) -> tuple[int, ...]:
    placed = [n for n in problem.free if n.account_id in packing.slots]
    slots = [packing.slots[need.account_id] for need in placed]
    days = {(n.area, slot.date) for n, slot in zip(placed, slots, strict=True)}
    return (
        len(problem.free) - len(placed),
        count_days(problem, packing.slots),
        len(days),
        sum(slot.travel for slot in slots),
    )


# The orders in which visits are packed.


def _by_size_of_area(needs: Sequence[Need]) -> list[Need]:
    """Take the largest areas first, in them the longest visits."""
    minutes: Counter[Area] = Counter()
    for need in needs:
        minutes[need.area] += need.minutes
    return _sort_families(needs, lambda n: (-minutes[n.area], n.area, -n.minutes))


def _by_priority_of_area(needs: Sequence[Need]) -> list[Need]:
    """Take the areas first in which the most important accounts lie."""
    first: dict[Area, int] = {}
    for position, need in enumerate(needs):
        first.setdefault(need.area, position)
    return _sort_families(needs, lambda n: (first[n.area], 0))


def _by_length(needs: Sequence[Need]) -> list[Need]:
    """Take the longest visits first, wherever they are."""
    return _sort_families(needs, lambda n: (-n.minutes, -n.people, n.area))


def _by_freedom(needs: Sequence[Need]) -> list[Need]:
    """Take those first whose customers or people have the fewest days."""
    return _sort_families(
        needs,
        lambda n: (
            -len(n.closed.weekdays),
            -len(n.closed.days),
            n.sellers[-1],
            n.area,
            -n.minutes,
        ),
    )


def _sort_families(
    needs: Sequence[Need], key: Callable[[Need], tuple[object, ...]]
) -> list[Need]:
    """Sort by a key, each family standing where its first member stands."""
    ordered = sorted(needs, key=key)
    families: dict[str, list[Need]] = defaultdict(list)
    for need in ordered:
        families[need.family or need.account_id].append(need)
    return [need for family in families.values() for need in family]


ORDERS = (_by_size_of_area, _by_priority_of_area, _by_length, _by_freedom)
"""In which visits are packed; the first that is short enough is taken."""
