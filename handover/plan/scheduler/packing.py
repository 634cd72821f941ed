"""Pack visits into days: all of them afresh, or around those that stand already.

A fresh packing is made first fit, in several orders, and does not depend on how long
the period is: a longer one takes the same packing. Where visits stand already, the
others go between them, and as few as possible make room.
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
MOST_MOVED = 5
"""Appointments that are moved one by one before all visits are packed again."""


@dataclass(frozen=True, kw_only=True)
class VisitProblem:
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


# What a packing holds.


def count_days(problem: VisitProblem, slots: Slots) -> int:
    """Count the days that the musts of a packing take, their slack included."""
    last = max((slot.date for slot in slots.values()), default=problem.start)
    busiest = max(count_visits(problem.musts, slots).values(), default=0)
    used = problem.calendars.company.count(problem.start, last)
    return max(used, problem.limits.count_days(busiest), 1)


def count_visits(needs: Iterable[Need], slots: Slots) -> Counter[str]:
    """Count the visits of each seller."""
    placed = (need for need in needs if need.account_id in slots)
    return Counter(seller for need in placed for seller in need.sellers)


def list_missing(needs: Iterable[Need], slots: Slots) -> list[Need]:
    """List the visits without a slot."""
    return [need for need in needs if need.account_id not in slots]


# All visits afresh.


def pack_best(problem: VisitProblem, bound: int) -> Slots:
    """Pack the musts in several orders; return the shortest, least scattered packing.

    One that takes no more days than ``bound``, the proved minimum, ends the search.
    """
    best: Slots = {}
    best_rank: tuple[int, ...] | None = None
    for order in ORDERS:
        slots = pack(problem, order(problem.musts), problem.days)
        rank = _rank(problem, slots)
        if best_rank is None or rank < best_rank:
            best, best_rank = slots, rank
        if len(slots) == len(problem.musts) and count_days(problem, slots) <= bound:
            break
    return best


def _rank(problem: VisitProblem, slots: Slots) -> tuple[int, ...]:
    areas = {n.account_id: n.area for n in problem.musts}
    area_days = {(areas[account], slot.date) for account, slot in slots.items()}
    return (
        -len(slots),
        count_days(problem, slots),
        len(area_days),
        sum(slot.travel for slot in slots.values()),
    )


def pack(
    problem: VisitProblem, needs: Iterable[Need], days: Sequence[dt.date]
) -> dict[str, Slot]:
    """Place visits first fit, those with a day of their own before all others."""
    diary = Diary(problem.calendars, problem.limits)
    slots: dict[str, Slot] = {}
    for need in sorted(needs, key=lambda need: need.date is None):
        _place(diary, need, days, slots)
    return slots


def _place(
    diary: Diary, need: Need, days: Sequence[dt.date], slots: dict[str, Slot]
) -> None:
    """Enter a visit where it fits first; where we are in its area anyway, if we can.

    Only days up to the last one used count for that, lest a day that another plan has
    in the area draw the visit beyond a period that would have held it.
    """
    near = diary.find_area_days(need)
    last = max((slot.date for slot in slots.values()), default=dt.date.min)
    first_choice = [day for day in days if day in near and day <= last] if near else []
    for day in (*first_choice, *days):
        slot = diary.find(need, day)
        if slot is not None:
            diary.add(need, slot)
            slots[need.account_id] = slot
            return


def _by_size_of_area(needs: Sequence[Need]) -> list[Need]:
    """Take the largest areas first, in them the longest visits."""
    minutes: Counter[str] = Counter()
    for need in needs:
        minutes[need.area] += need.minutes
    return _sort_families(needs, lambda n: (-minutes[n.area], n.area, -n.minutes))


def _by_priority_of_area(needs: Sequence[Need]) -> list[Need]:
    """Take the areas in which the most valuable accounts lie first."""
    first: dict[str, int] = {}
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


# Visits beside those that stand already.


def add_shoulds(problem: VisitProblem, packing: Slots, period: int) -> Slots:
    """Add the shoulds to a packing of the musts, as far as there is room."""
    diary = Diary(problem.calendars, problem.limits)
    slots: dict[str, Slot] = {}
    _enter(diary, problem.musts, packing, slots)
    _add(problem, diary, problem.shoulds, period, slots)
    return _restate_travel(problem, diary, slots)


def reschedule(problem: VisitProblem, packing: Slots, period: int) -> Slots:
    """Change only what must change: nobody else's appointment, if that is possible.

    First everything stays and the new visits go in between; then one other visit makes
    room for each that found none, then all shoulds do; only if that is not enough, all
    visits are packed again. Shoulds that had no visit get none.

    Args:
        problem: with the visits that stand.
        packing: of all musts, made afresh.
        period: working days from the start on.
    """
    met = tuple(need for need in problem.shoulds if need.account_id in problem.kept)
    problem = replace(problem, shoulds=met)
    slots = _insert(problem, period, shoulds_stay=True)
    if len(list_missing(problem.musts, slots)) <= MOST_MOVED:
        slots = _move_others(problem, period, slots)
    left = list_missing(problem.musts, slots)
    if left:
        without = _insert(problem, period, shoulds_stay=False)
        left_without = list_missing(problem.musts, without)
        if len(left_without) < len(left):
            slots, left = without, left_without
    is_packed = not list_missing(problem.musts, packing)
    if left and is_packed and count_days(problem, packing) <= period:
        return add_shoulds(problem, packing, period)
    return slots


def _insert(problem: VisitProblem, period: int, *, shoulds_stay: bool) -> Slots:
    """Enter what stands, then place the musts, before or after the shoulds that do."""
    diary = Diary(problem.calendars, problem.limits)
    slots: dict[str, Slot] = {}
    _enter(diary, problem.musts, problem.kept, slots)
    if shoulds_stay:
        _enter(diary, problem.shoulds, problem.kept, slots)
    _add(problem, diary, problem.musts, period, slots)
    if not shoulds_stay:
        _enter(diary, problem.shoulds, problem.kept, slots)
    _add(problem, diary, problem.shoulds, period, slots)
    return _restate_travel(problem, diary, slots)


def _move_others(problem: VisitProblem, period: int, slots: Slots) -> Slots:
    """Let one other visit make room for each must that found none, if that helps."""
    most = problem.limits.count_slots(period)
    for need in list_missing(problem.musts, slots):
        visits = count_visits(problem.musts, slots)
        if any(visits[seller] >= most for seller in need.sellers):
            continue
        placed = {n.account_id for n in problem.musts if n.account_id in slots}
        first = (need, *(other for other in problem.musts if other != need))
        for moved in _list_movable(problem, slots, need.date):
            kept = {each: slots[each] for each in slots if each != moved}
            trial = _insert(
                replace(problem, musts=first, kept=kept), period, shoulds_stay=True
            )
            if placed | {need.account_id} <= trial.keys():
                slots = trial
                break
    return slots


def _list_movable(
    problem: VisitProblem, slots: Slots, day: dt.date | None
) -> Iterator[str]:
    """Yield whose visits may make room, the least important first.

    Visits on a day that a person set are none, and only those of ``day``, if one is
    given.
    """
    for need in (*reversed(problem.shoulds), *reversed(problem.musts)):
        slot = slots.get(need.account_id)
        if slot and need.date is None and day in (None, slot.date):
            yield need.account_id


def _enter(
    diary: Diary, needs: Iterable[Need], standing: Slots, slots: dict[str, Slot]
) -> None:
    """Enter visits at the times they have, as far as these are still possible."""
    known = [need for need in needs if need.account_id in standing]
    for need in sorted(known, key=lambda need: standing[need.account_id]):
        slot = _take_way(diary, need, standing[need.account_id])
        if need.date in (None, slot.date) and diary.fits(need, slot):
            diary.add(need, slot)
            slots[need.account_id] = slot


def _add(
    problem: VisitProblem,
    diary: Diary,
    needs: Iterable[Need],
    period: int,
    slots: dict[str, Slot],
) -> None:
    """Place visits beside those that stand already, within the slack."""
    days, most = problem.days[:period], problem.limits.count_slots(period)
    for need in sorted(needs, key=lambda need: need.date is None):
        if need.account_id in slots:
            continue
        if all(diary.count_visits(seller) < most for seller in need.sellers):
            before = problem.kept.get(need.account_id)
            same = [before.date] if before and before.date in days else []
            _place(diary, need, [*same, *days], slots)


def _restate_travel(
    problem: VisitProblem, diary: Diary, slots: Mapping[str, Slot]
) -> Slots:
    """Return the visits with the travel that the finished days really take."""
    needs = {n.account_id: n for n in (*problem.musts, *problem.shoulds)}
    return {
        account: _take_way(diary, needs[account], slot)
        for account, slot in sorted(slots.items())
    }


def _take_way(diary: Diary, need: Need, slot: Slot) -> Slot:
    """Return a visit with the travel that its sellers' day takes."""
    return replace(slot, travel=diary.travel(need, slot.date, slot.start))
