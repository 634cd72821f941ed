"""Pack visits into days, first fit, and add others to a packing.

How visits are packed does not depend on how long the period is: a longer one takes the
same packing.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from handover.plan.scheduler.calendar import Calendars
from handover.plan.scheduler.diary import Diary, Limits, Need, Slot

Slots = Mapping[str, Slot]
"""The time of each visit, by account."""


HORIZON = 500
"""Working days after which we stop looking for a day; two years."""


@dataclass(frozen=True, kw_only=True)
class Packing:
    """What is to be scheduled, and within what."""

    musts: tuple[Need, ...]
    """In order of priority, as are the next."""
    shoulds: tuple[Need, ...] = ()
    start: dt.date
    end: dt.date | None
    """None: as short as the musts allow."""
    calendars: Calendars
    limits: Limits
    kept: Slots = field(default_factory=dict)
    """Visits of the version before, which stay where they are if they can."""

    @cached_property
    def days(self) -> tuple[dt.date, ...]:
        """The company's working days from the start on."""
        return self.calendars.company.first(self.start, HORIZON)


def days_used(problem: Packing, packing: Slots) -> int:
    """Count the days that the musts of a packing take, their slack included."""
    last = max((slot.date for slot in packing.values()), default=problem.start)
    busiest = max(visits_of(problem.musts, packing).values(), default=0)
    used = problem.calendars.company.count(problem.start, last)
    return max(used, problem.limits.days(busiest), 1)


def visits_of(needs: Iterable[Need], slots: Slots) -> Counter[str]:
    """Count the visits of each seller."""
    placed = (need for need in needs if need.account_id in slots)
    return Counter(seller for need in placed for seller in need.sellers)


def missing(needs: Iterable[Need], slots: Slots) -> list[Need]:
    """List the visits without a slot."""
    return [need for need in needs if need.account_id not in slots]


def all_in(problem: Packing, slots: Slots) -> bool:
    """Tell whether every must has its slot."""
    return not missing(problem.musts, slots)


def best_packing(problem: Packing, bound: int) -> Slots:
    """Pack the musts in several orders and keep the shortest, least scattered one."""
    best: Slots = {}
    best_rank: tuple[int, ...] | None = None
    for order in ORDERS:
        slots = pack(problem, order(problem.musts), problem.days)
        rank = _rank(problem, slots)
        if best_rank is None or rank < best_rank:
            best, best_rank = slots, rank
        if len(slots) == len(problem.musts) and days_used(problem, slots) <= bound:
            break
    return best


def pack(
    problem: Packing, needs: Iterable[Need], days: Sequence[dt.date]
) -> dict[str, Slot]:
    """Place visits first fit, those with a day of their own before all others."""
    diary = Diary(problem.calendars, problem.limits)
    slots: dict[str, Slot] = {}
    for need in sorted(needs, key=lambda need: need.date is None):
        place(diary, need, days, slots)
    return slots


def place(
    diary: Diary, need: Need, days: Sequence[dt.date], slots: dict[str, Slot]
) -> bool:
    """Enter a visit where it fits first; where we are in its area anyway, if we can.

    Only days up to the last one used count for that, lest a day that another plan has
    in the area draw the visit beyond a period that would have held it.
    """
    near = diary.area_days(need)
    last = max((slot.date for slot in slots.values()), default=dt.date.min)
    first_choice = [day for day in days if day in near and day <= last] if near else []
    for day in (*first_choice, *days):
        slot = diary.find(need, day)
        if slot is not None:
            diary.add(need, slot)
            slots[need.account_id] = slot
            return True
    return False


def _rank(problem: Packing, slots: Slots) -> tuple[int, ...]:
    areas = {n.account_id: n.area for n in problem.musts}
    area_days = {(areas[account], slot.date) for account, slot in slots.items()}
    return (
        -len(slots),
        days_used(problem, slots),
        len(area_days),
        sum(slot.travel for slot in slots.values()),
    )


def _by_size_of_area(needs: Sequence[Need]) -> list[Need]:
    """Take the largest areas first, in them the longest visits."""
    minutes: Counter[str] = Counter()
    for need in needs:
        minutes[need.area] += need.minutes
    return _families_together(needs, lambda n: (-minutes[n.area], n.area, -n.minutes))


def _by_priority_of_area(needs: Sequence[Need]) -> list[Need]:
    """Take the areas in which the most valuable accounts lie first."""
    first: dict[str, int] = {}
    for position, need in enumerate(needs):
        first.setdefault(need.area, position)
    return _families_together(needs, lambda n: (first[n.area], 0))


def _by_length(needs: Sequence[Need]) -> list[Need]:
    """Take the longest visits first, wherever they are."""
    return _families_together(needs, lambda n: (-n.minutes, -n.people, n.area))


def _by_freedom(needs: Sequence[Need]) -> list[Need]:
    """Take those first whose customers or people have the fewest days."""
    return _families_together(
        needs,
        lambda n: (
            -len(n.closed.weekdays),
            -len(n.closed.days),
            n.sellers[-1],
            n.area,
            -n.minutes,
        ),
    )


def _families_together(
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


def filled(problem: Packing, packing: Slots, period: int) -> Slots:
    """Add the shoulds to a packing, as far as there is room."""
    diary = Diary(problem.calendars, problem.limits)
    slots: dict[str, Slot] = {}
    enter(diary, problem.musts, packing, slots)
    add(problem, diary, problem.shoulds, period, slots)
    return tidied(problem, diary, slots)


def enter(
    diary: Diary, needs: Iterable[Need], slots: Slots, entered: dict[str, Slot]
) -> None:
    """Enter visits at the times they have, as far as these are still possible."""
    known = [need for need in needs if need.account_id in slots]
    for need in sorted(known, key=lambda need: slots[need.account_id]):
        slot = slots[need.account_id]
        slot = replace(slot, travel=diary.travel(need, slot))
        if need.date in (None, slot.date) and diary.fits(need, slot):
            diary.add(need, slot)
            entered[need.account_id] = slot


def add(
    problem: Packing,
    diary: Diary,
    needs: Iterable[Need],
    period: int,
    slots: dict[str, Slot],
) -> None:
    """Place visits beside those that stand already, within the slack."""
    days, most = problem.days[:period], problem.limits.slots(period)
    for need in sorted(needs, key=lambda need: need.date is None):
        if need.account_id in slots:
            continue
        if all(diary.visits(seller) < most for seller in need.sellers):
            before = problem.kept.get(need.account_id)
            same = [before.date] if before and before.date in days else []
            place(diary, need, [*same, *days], slots)


def tidied(problem: Packing, diary: Diary, slots: Slots) -> Slots:
    """State the travel that the finished days really take."""
    needs = {n.account_id: n for n in (*problem.musts, *problem.shoulds)}
    return {
        account: replace(slot, travel=diary.travel(needs[account], slot))
        for account, slot in sorted(slots.items())
    }


MOST_MOVED = 5
"""Appointments that are moved one by one before all are packed anew."""


def amended(problem: Packing, packing: Slots, period: int) -> Slots:
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


def _with_others_moved(problem: Packing, period: int, slots: Slots) -> Slots:
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


def _victims(problem: Packing, slots: Slots, day: dt.date | None) -> Iterator[str]:
    """Yield whose visits may make room, the least important first.

    Visits on a day that a person set are none, and only those of ``day``, if one is
    given.
    """
    for need in (*reversed(problem.shoulds), *reversed(problem.musts)):
        slot = slots.get(need.account_id)
        if slot and need.date is None and day in (None, slot.date):
            yield need.account_id


def _inserted(problem: Packing, period: int, *, shoulds_stay: bool) -> Slots:
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
