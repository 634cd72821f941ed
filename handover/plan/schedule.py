"""Give every visit a day and a time, always the same way.

The visits that must take place are packed first fit, in several orders, and the best
packing is kept. How they are packed does not depend on how long the period is; so the
smallest number of days is where the packing ends, every longer period takes the same
packing, and planning again with the minimum succeeds.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from handover.plan.bound import Lower, lower_bound
from handover.plan.calendar import Calendars
from handover.plan.diary import Diary, Limits, Need, Slot

Slots = Mapping[str, Slot]
"""The time of each visit, by account."""

HORIZON = 500
"""Working days after which we stop looking for a day; two years."""
MOST_MOVED = 5
"""Appointments that are moved one by one before all are packed anew."""


@dataclass(frozen=True, kw_only=True)
class Problem:
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
    packing = _best_packing(problem, bound.days)
    minimum = _minimum(problem, packing)
    days = _period(problem, packing, minimum)
    if problem.kept:
        slots = _amended(problem, packing, days)
    elif minimum is not None and minimum <= days:
        slots = _filled(problem, packing, days)
    else:
        slots = _filled(problem, _what_fits(problem, days), days)
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
    return minimum or _days_used(problem, packing)


def _minimum(problem: Problem, packing: Slots) -> int | None:
    """Tell the length of the shortest period that holds a packing and its slack."""
    if len(packing) < len(problem.musts):
        return None
    return _days_used(problem, packing)


def _days_used(problem: Problem, packing: Slots) -> int:
    last = max((slot.date for slot in packing.values()), default=problem.start)
    busiest = max(_visits(problem, packing).values(), default=0)
    used = problem.calendars.company.count(problem.start, last)
    return max(used, problem.limits.days(busiest), 1)


def _visits(problem: Problem, slots: Slots) -> Counter[str]:
    """Count the visits of each seller."""
    needs = (*problem.musts, *problem.shoulds)
    placed = (need for need in needs if need.account_id in slots)
    return Counter(seller for need in placed for seller in need.sellers)


def _shown(problem: Problem, slots: Slots, minimum: int | None) -> int | None:
    """Take what an amended plan shows to be possible, if it beats the packing."""
    musts = {need.account_id for need in problem.musts}
    if not musts <= slots.keys():
        return minimum
    return _days_used(problem, {a: slots[a] for a in musts})


# Packing: the musts alone, from an empty diary.


def _best_packing(problem: Problem, bound: int) -> Slots:
    """Pack the musts in several orders and keep the shortest, least scattered one."""
    best: Slots = {}
    best_rank: tuple[int, ...] | None = None
    for order in _ORDERS:
        slots = _pack(problem, order(problem.musts), problem.days)
        rank = _rank(problem, slots)
        if best_rank is None or rank < best_rank:
            best, best_rank = slots, rank
        if len(slots) == len(problem.musts) and _days_used(problem, slots) <= bound:
            break
    return best


def _pack(
    problem: Problem, needs: Iterable[Need], days: Sequence[dt.date]
) -> dict[str, Slot]:
    """Place visits first fit, those with a day of their own before all others."""
    diary = Diary(problem.calendars, problem.limits)
    slots: dict[str, Slot] = {}
    for need in sorted(needs, key=lambda need: need.date is None):
        _place(diary, need, days, slots)
    return slots


def _place(
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


def _rank(problem: Problem, slots: Slots) -> tuple[int, ...]:
    areas = {n.account_id: n.area for n in problem.musts}
    area_days = {(areas[account], slot.date) for account, slot in slots.items()}
    return (
        -len(slots),
        _days_used(problem, slots),
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


_ORDERS = (_by_size_of_area, _by_priority_of_area, _by_length, _by_freedom)


# A period that is too short.


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
    for order in _ORDERS:
        slots = _pack(problem, order(needs), days)
        if len(slots) == len(needs):
            return slots
    return None


# What follows the musts.


def _filled(problem: Problem, packing: Slots, period: int) -> Slots:
    """Add the shoulds to a packing, as far as there is room."""
    diary = Diary(problem.calendars, problem.limits)
    slots: dict[str, Slot] = {}
    _enter(diary, problem.musts, packing, slots)
    _add(problem, diary, problem.shoulds, period, slots)
    return _tidied(problem, diary, slots)


def _enter(
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


def _add(
    problem: Problem,
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
            _place(diary, need, [*same, *days], slots)


def _tidied(problem: Problem, diary: Diary, slots: Slots) -> Slots:
    """State the travel that the finished days really take."""
    needs = {n.account_id: n for n in (*problem.musts, *problem.shoulds)}
    return {
        account: replace(slot, travel=diary.travel(needs[account], slot))
        for account, slot in sorted(slots.items())
    }


# A version that follows another one.


def _amended(problem: Problem, packing: Slots, period: int) -> Slots:
    """Change only what must change: nobody else's appointment, if that is possible.

    First everything stays and the new visits go in between; then the shoulds make
    room, then one other visit moves for each that found none; only if that is not
    enough, all visits are packed anew. Shoulds that had no visit get none.
    """
    met = tuple(need for need in problem.shoulds if need.account_id in problem.kept)
    problem = replace(problem, shoulds=met)
    slots = _inserted(problem, period, shoulds_stay=True)
    if not _all_in(problem, slots):
        slots = _inserted(problem, period, shoulds_stay=False)
    if len(_missing(problem.musts, slots)) <= MOST_MOVED:
        slots = _with_others_moved(problem, period, slots)
    if _all_in(problem, slots):
        return slots
    if _all_in(problem, packing) and _days_used(problem, packing) <= period:
        return _filled(problem, packing, period)
    return slots


def _with_others_moved(problem: Problem, period: int, slots: Slots) -> Slots:
    """Move one other visit for each must that found no room, if that helps."""
    most = problem.limits.slots(period)
    for need in _missing(problem.musts, slots):
        visits = _visits(problem, slots)
        if any(visits[seller] >= most for seller in need.sellers):
            continue
        first = (need, *(other for other in problem.musts if other != need))
        trials = (
            _inserted(
                replace(problem, musts=first, kept=kept), period, shoulds_stay=False
            )
            for kept in _without_one(slots, need.date)
        )
        better = (trial for trial in trials if len(trial) > len(slots))
        slots = next((t for t in better if need.account_id in t), slots)
    return slots


def _without_one(slots: Slots, day: dt.date | None) -> Iterator[Slots]:
    """Yield the schedules that lack one visit, of one day if one is given."""
    for account, slot in slots.items():
        if day in (None, slot.date):
            yield {each: slots[each] for each in slots if each != account}


def _inserted(problem: Problem, period: int, *, shoulds_stay: bool) -> Slots:
    diary = Diary(problem.calendars, problem.limits)
    slots: dict[str, Slot] = {}
    _enter(diary, problem.musts, problem.kept, slots)
    if shoulds_stay:
        _enter(diary, problem.shoulds, problem.kept, slots)
    _add(problem, diary, problem.musts, period, slots)
    if not shoulds_stay:
        _enter(diary, problem.shoulds, problem.kept, slots)
    _add(problem, diary, problem.shoulds, period, slots)
    return _tidied(problem, diary, slots)


def _missing(needs: Iterable[Need], slots: Slots) -> list[Need]:
    return [need for need in needs if need.account_id not in slots]


def _all_in(problem: Problem, slots: Slots) -> bool:
    return not _missing(problem.musts, slots)
