"""What people do in the period, and where one more visit still fits.

The limits are hard: no day of a seller holds more minutes, visits or people than the
policy allows, nobody is in two places, and travel and lunch are kept free. Days are
counted from the start of the period on; sets of days are the bits of a number, so that
full days cost nothing.
"""

import datetime as dt
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Self

from handover.plan.scheduler.calendar import Engagement
from handover.plan.scheduler.problem import HORIZON, Need, Slot, VisitProblem
from handover.plan.scheduler.travel import Area


class Day(NamedTuple):
    """One person's day."""

    entries: tuple[Engagement, ...] = ()
    """By time."""
    minutes: int = 0
    people: int = 0

    @property
    def visits(self) -> int:
        """How many of the entries are visits."""
        return sum(entry.is_visit for entry in self.entries)

    def add(self, entry: Engagement) -> "Day":
        """Return the day with one entry more."""
        minutes = entry.end - entry.start + entry.travel if entry.is_visit else 0
        place = bisect_left(self.entries, entry.start, key=lambda known: known.start)
        return Day(
            entries=(*self.entries[:place], entry, *self.entries[place:]),
            minutes=self.minutes + minutes,
            people=self.people + entry.people,
        )

    def find_origin(self, time: int) -> Area | None:
        """Find the area in which somebody is at a time, if they have set out."""
        for entry in reversed(self.entries):
            if entry.end <= time and not entry.online:
                return entry.area
        return None

    def find_clash(self, leave: int, end: int) -> Engagement | None:
        """Find what somebody does, or is on their way to, between two times."""
        for entry in self.entries:
            if entry.start - entry.travel < end and leave < entry.end:
                return entry
        return None

    def find_next(self, end: int) -> Engagement | None:
        """Find the next visit to which somebody travels after a time."""
        for entry in self.entries:
            if entry.start >= end and not entry.online:
                return entry
        return None


_EMPTY = Day()


class Diary:
    """The diaries of everybody who takes part, as they fill up."""

    def __init__(self, problem: VisitProblem) -> None:
        """Open the diaries with what other plans have put there."""
        self.limits = problem.limits
        self._problem = problem
        self._sets = problem.day_sets
        self._days: dict[tuple[str, int], Day] = {}
        self._holding: dict[tuple[str, int], int] = {}
        """The days on which somebody has so many visits or more."""
        self._in_area: dict[tuple[str, Area], int] = {}
        self._failed: dict[object, int] = {}
        involved = {p for need in problem.needs.values() for p in need.persons}
        for person in involved & problem.calendars.engagements.keys():
            for engagement in problem.calendars.engagements[person]:
                number = self._sets.numbers.get(engagement.date)
                if number is not None:
                    self._enter(person, number, engagement)

    def copy(self) -> Self:
        """Return diaries that can be filled without changing these."""
        other = object.__new__(type(self))
        other.limits = self.limits
        other._problem = self._problem
        other._sets = self._sets
        other._days = dict(self._days)
        other._holding = dict(self._holding)
        other._in_area = dict(self._in_area)
        other._failed = dict(self._failed)
        return other

    # Sets of days.

    def list_open(self, need: Need, days: int) -> int:
        """Return those of the first days on which a visit may still fit.

        Somebody may turn out to have no time on them; on all others nobody has.
        """
        found = (1 << min(days, HORIZON)) - 1
        if need.day is not None:
            number = self._sets.numbers.get(need.day)
            found &= 0 if number is None else 1 << number
        found &= ~self._sets.find_closed(need.closed)
        for seller in need.sellers:
            found &= self._sets.find_present(seller)
            found &= self.list_below(seller, self.limits.visits)
        if need.manager:
            found &= self._sets.find_present(need.manager)
            found &= self.list_below(need.manager, self.limits.manager_visits)
        return found & ~self._failed.get(need.kind, 0)

    def list_below(self, person: str, visits: int) -> int:
        """Return the days on which somebody has fewer visits than so many."""
        return ~self._holding.get((person, visits), 0) if visits else 0

    def list_there(self, person: str, days: int) -> int:
        """Return those of the first days on which somebody is there."""
        return self._sets.find_present(person) & ((1 << days) - 1)

    def list_near(self, need: Need) -> int:
        """Return the days on which the sellers are in the visit's area anyway."""
        found = -1
        for seller in need.sellers:
            found &= self._in_area.get((seller, need.area), 0)
        return found

    # One day.

    def find(self, need: Need, number: int) -> Slot | None:
        """Find the earliest time of a day at which a visit fits, if there is one."""
        if not self.list_open(need, HORIZON) >> number & 1:
            return None
        slot = None
        if self._has_room(need, number):
            times = self._list_times(need, number)
            slot = next((s for s in times if self._suits(need, number, s)), None)
        if slot is None and need.time is None:
            self._failed[need.kind] = self._failed.get(need.kind, 0) | 1 << number
        return slot

    def is_closed(self, need: Need, number: int) -> bool:
        """Return whether the customer receives nobody on a day."""
        return bool(self._sets.find_closed(need.closed) >> number & 1)

    def exceeds_minutes(self, need: Need, number: int) -> bool:
        """Return whether a visit takes too long for a day, whenever it begins."""
        departures = self._list_departures(need, number)
        way = min(self._travel(need, number, leave) for leave in departures)
        return any(
            self.day(seller, number).minutes + need.minutes + way > self.limits.minutes
            for seller in need.sellers
        )

    def may_take(self, need: Need, number: int, *, instead_of: Sequence[Need]) -> bool:
        """Return whether a day could hold a visit if others were not there."""
        freed = {seller for other in instead_of for seller in other.sellers}
        bit = 1 << number
        closed = self._sets.find_closed(need.closed) & bit
        there = all(self._sets.find_present(p) & bit for p in need.persons)
        room = all(
            seller in freed or self.list_below(seller, self.limits.visits) & bit
            for seller in need.sellers
        )
        return there and room and not closed

    def list_slots(self, need: Need, number: int) -> list[Slot]:
        """List the times of a day at which a visit fits: the earliest of each gap."""
        is_open = self.list_open(need, HORIZON) >> number & 1
        if not is_open or not self._has_room(need, number):
            return []
        times = self._list_times(need, number)
        return [slot for slot in times if self._suits(need, number, slot)]

    def fits(self, need: Need, slot: Slot) -> bool:
        """Return whether a visit may take place at exactly this time."""
        number = self.find_number(slot.date)
        return (
            number is not None
            and bool(self.list_open(need, HORIZON) >> number & 1)
            and self._has_room(need, number)
            and self._suits(need, number, slot)
        )

    def add(self, need: Need, slot: Slot) -> None:
        """Enter a visit into the diaries of all who come."""
        number, entry = self._sets.numbers[slot.date], _make_entry(need, slot)
        for person in need.persons:
            self._enter(person, number, entry)

    def take_way(self, need: Need, slot: Slot) -> Slot:
        """Return a visit with the travel that its sellers' day takes."""
        number = self.find_number(slot.date)
        if number is None:
            return slot
        travel = self._travel(need, number, slot.start)
        return Slot(date=slot.date, start=slot.start, end=slot.end, travel=travel)

    def find_number(self, day: dt.date) -> int | None:
        """Find the number of a day of the period, None if it is no working day."""
        return self._sets.numbers.get(day)

    def day(self, person: str, number: int) -> Day:
        """Return what a person does on a day."""
        return self._days.get((person, number), _EMPTY)

    def remove(self, need: Need, slot: Slot) -> None:
        """Take a visit out of the diaries of all who come."""
        number, visit = self._sets.numbers[slot.date], _make_entry(need, slot)
        bit = 1 << number
        for person in need.persons:
            day = self.day(person, number)
            entries = list(day.entries)
            entries.remove(visit)
            self._days[person, number] = _EMPTY
            for count in range(1, day.visits + 1):
                self._holding[person, count] &= ~bit
            key = person, need.area
            self._in_area[key] = self._in_area.get(key, 0) & ~bit
            for entry in entries:
                self._enter(person, number, entry)
        self._forget_failures(bit)

    def _enter(self, person: str, number: int, entry: Engagement) -> None:
        day = self.day(person, number).add(entry)
        self._days[person, number] = day
        bit = 1 << number
        if entry.is_visit:
            count = person, day.visits
            self._holding[count] = self._holding.get(count, 0) | bit
        if not entry.online:
            key = person, entry.area
            self._in_area[key] = self._in_area.get(key, 0) | bit
        self._forget_failures(bit)

    def _forget_failures(self, bit: int) -> None:
        """Look at a day again that changed."""
        for kind, failed in self._failed.items():
            if failed & bit:
                self._failed[kind] = failed & ~bit

    def _has_room(self, need: Need, number: int) -> bool:
        """Rule out a day cheaply: full for one of the sellers."""
        people = self.limits.people - need.people
        minutes = self.limits.minutes - need.minutes
        if not need.online:
            minutes -= self.limits.travel.least
        for seller in need.sellers:
            known = self.day(seller, number)
            if known.people > people or known.minutes > minutes:
                return False
        return True

    def _list_times(self, need: Need, number: int) -> Iterator[Slot]:
        """Yield when a visit could begin: after lunch, or after another visit."""
        if need.time is not None:
            yield self.slot_at(need, number, need.time)
            return
        entries = self._list_entries(need, number)
        for leave in self._list_departures(need, number):
            free = max((b for a, b in self.limits.spans if a <= leave), default=leave)
            for entry in entries:
                if entry.end > leave:
                    free = min(free, entry.start - entry.travel)
            if leave + need.minutes <= free:
                start = leave + self._travel(need, number, leave)
                yield self.slot_at(need, number, start)

    def _list_departures(self, need: Need, number: int) -> list[int]:
        """List when people could set out: in the morning, after lunch or a visit."""
        departures = {start for start, _ in self.limits.spans}
        for person in need.persons:
            departures.update(e.end for e in self.day(person, number).entries)
        return sorted(departures)

    def _list_entries(self, need: Need, number: int) -> list[Engagement]:
        """List what the sellers do on a day; what they do together once."""
        entries: dict[tuple[int, int], Engagement] = {}
        for seller in need.sellers:
            for entry in self.day(seller, number).entries:
                entries[entry.start - entry.travel, entry.end] = entry
        return list(entries.values())

    def slot_at(self, need: Need, number: int, start: int) -> Slot:
        """Return the visit that begins at a time, with the way that takes."""
        return Slot(
            date=self._problem.days[number],
            start=start,
            end=start + need.minutes,
            travel=self._travel(need, number, start),
        )

    def _travel(self, need: Need, number: int, time: int) -> int:
        """Return the minutes it takes the sellers to get to a visit by a time."""
        if need.online:
            return 0
        minutes = self.limits.travel.minutes
        return max(
            minutes(self.day(seller, number).find_origin(time), need.area)
            for seller in need.sellers
        )

    # Whether a visit suits everybody at a time of a day that has room for it.

    def _suits(self, need: Need, number: int, slot: Slot) -> bool:
        return (
            self.is_in_hours(slot)
            and all(self._suits_seller(s, need, number, slot) for s in need.sellers)
            and (
                need.manager is None
                or self._suits_manager(need.manager, need, number, slot)
            )
        )

    def is_in_hours(self, slot: Slot) -> bool:
        """Return whether a visit and the way to it lie within the hours of a day."""
        leave = slot.start - slot.travel
        return any(
            first <= leave and slot.end <= last for first, last in self.limits.spans
        )

    def _suits_seller(self, seller: str, need: Need, number: int, slot: Slot) -> bool:
        day = self.day(seller, number)
        minutes = day.minutes + slot.end - slot.start + slot.travel
        return minutes <= self.limits.minutes and self._is_reached(
            day, need, slot, slot.travel
        )

    def _suits_manager(self, manager: str, need: Need, number: int, slot: Slot) -> bool:
        day, travel = self.day(manager, number), slot.travel
        if not need.online:
            origin = day.find_origin(slot.start)
            own = self.limits.travel.minutes(origin, need.area)
            travel = max(travel, own)
        return self._is_reached(day, need, slot, travel)

    def _is_reached(self, day: Day, need: Need, slot: Slot, travel: int) -> bool:
        """Return whether somebody gets there in time, and to the next visit as well."""
        if day.find_clash(slot.start - travel, slot.end) is not None:
            return False
        if need.online:
            return True
        minutes = self.limits.travel.minutes
        following = day.find_next(slot.end)
        return minutes(day.find_origin(slot.start), need.area) <= travel and (
            following is None or following.travel >= minutes(need.area, following.area)
        )


def _make_entry(need: Need, slot: Slot) -> Engagement:
    return Engagement(
        date=slot.date,
        start=slot.start,
        end=slot.end,
        travel=slot.travel,
        area=need.area,
        people=need.people,
        online=need.online,
    )


def list_numbers(days: int) -> Iterator[int]:
    """Yield the days of a set, the first ones first."""
    while days:
        lowest = days & -days
        yield lowest.bit_length() - 1
        days ^= lowest
