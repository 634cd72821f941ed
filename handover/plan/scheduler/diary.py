"""What people do in the period, and where one more visit still fits.

The limits are hard: no day of a seller holds more minutes, visits or people than the
policy allows, nobody is in two places, and travel and lunch are kept free.
"""

import datetime as dt
from bisect import insort
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from handover.plan.scheduler.calendar import (
    ALWAYS_OPEN,
    Calendars,
    ClosedDays,
    Engagement,
)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What fits into a day; times are minutes since midnight, durations minutes."""

    spans: tuple[tuple[int, int], ...] = ((540, 720), (780, 1080))
    """The hours of the day in which people travel and visit, lunch left out."""
    minutes: int = 360
    visits: int = 5
    people: int = 8
    travel_far: int = 30
    travel_near: int = 10
    manager_visits: int = 2
    slack: Fraction = Fraction(15, 100)
    """The share of a seller's slots that stays free for rebooking."""

    def travel(self, origin: str | None, destination: str) -> int:
        """Return the minutes of the way from one area to another.

        ``origin`` is None for whoever sets out for the day. This is the only place that
        knows how long a way is: visits are placed by it, and the lower bound of a
        period is proved by it.
        """
        return self.travel_near if origin == destination else self.travel_far

    def count_slots(self, days: int) -> int:
        """Count the visits that a seller may have in a period of so many days."""
        return int((1 - self.slack) * self.visits * days)

    def count_days(self, visits: int) -> int:
        """Count the days that so many visits of one seller take at least."""
        days = 0
        while self.count_slots(days) < visits:
            days += 1
        return days


@dataclass(frozen=True, kw_only=True)
class Need:
    """A visit that wants a place in the diaries."""

    account_id: str
    minutes: int
    people: int = 1
    area: str = ""
    sellers: tuple[str, ...]
    """Predecessor and successor; the limits of a day hold for each of them."""
    manager: str | None = None
    """Who attends as well; they must be free, and attend only so often a day."""
    closed: ClosedDays = ALWAYS_OPEN
    online: bool = False
    date: dt.date | None = None
    """A day that a person set; no other will do."""
    family: str = ""
    """The topmost company it belongs to; a family is visited together."""

    @property
    def persons(self) -> tuple[str, ...]:
        """Everybody who comes from our side."""
        return (*self.sellers, self.manager) if self.manager else self.sellers


@dataclass(frozen=True, kw_only=True, order=True)
class Slot:
    """When a visit takes place; ``travel`` minutes before ``start`` are kept free."""

    date: dt.date
    start: int
    end: int
    travel: int = 0


@dataclass
class _Day:
    """One person's day."""

    entries: list[tuple[int, Engagement]] = field(default_factory=list)
    minutes: int = 0
    people: int = 0

    def add(self, entry: Engagement) -> None:
        insort(self.entries, (entry.start, entry), key=lambda known: known[0])
        self.minutes += entry.end - entry.start + entry.travel
        self.people += entry.people

    def find_origin(self, time: int) -> str | None:
        """Find the area in which somebody is at a time, if they have set out."""
        earlier = (e for _, e in reversed(self.entries) if e.end <= time)
        return next((e.area for e in earlier if not e.online), None)

    def clashes(self, leave: int, end: int) -> bool:
        """Return whether somebody is busy, or on their way, between two times."""
        return any(e.start - e.travel < end and leave < e.end for _, e in self.entries)

    def strands(self, end: int, area: str, limits: Limits) -> bool:
        """Return whether the next visit would be out of reach from ``area``."""
        later = (e for start, e in self.entries if start >= end and not e.online)
        following = next(later, None)
        return following is not None and (
            following.travel < limits.travel(area, following.area)
        )


class Diary:
    """The diaries of everybody who takes part, as they fill up."""

    def __init__(self, calendars: Calendars, limits: Limits) -> None:
        """Open the diaries with what other plans have put there."""
        self._calendars = calendars
        self._limits = limits
        self._days: dict[tuple[str, dt.date], _Day] = defaultdict(_Day)
        self._visits: dict[str, int] = defaultdict(int)
        self._area_days: dict[tuple[str, str], set[dt.date]] = defaultdict(set)
        for person, engagements in calendars.engagements.items():
            for engagement in engagements:
                self._enter(person, engagement)

    def count_visits(self, person: str) -> int:
        """Count the visits of this plan that a person has."""
        return self._visits[person]

    def find_area_days(self, need: Need) -> set[dt.date]:
        """Find the days on which the sellers are in the visit's area anyway."""
        return set.intersection(
            *(self._area_days[seller, need.area] for seller in need.sellers)
        )

    def find(self, need: Need, day: dt.date) -> Slot | None:
        """Find the earliest time of a day at which a visit fits, if there is one."""
        if need.date not in (None, day) or not self._has_room(need, day):
            return None
        days = [self._days[person, day] for person in need.persons]
        departures = {start for start, _ in self._limits.spans}
        departures |= {entry.end for known in days for _, entry in known.entries}
        slots = (self._slot_from(leave, need, day) for leave in sorted(departures))
        return next((slot for slot in slots if self.fits(need, slot)), None)

    def fits(self, need: Need, slot: Slot) -> bool:
        """Return whether a visit may take place at exactly this time."""
        return (
            self._has_room(need, slot.date)
            and self._is_in_hours(slot)
            and all(self._fits_seller(s, need, slot) for s in need.sellers)
            and (need.manager is None or self._fits_manager(need.manager, need, slot))
        )

    def add(self, need: Need, slot: Slot) -> None:
        """Enter a visit into the diaries of all who come."""
        entry = Engagement(
            date=slot.date,
            start=slot.start,
            end=slot.end,
            travel=slot.travel,
            area=need.area,
            people=need.people,
            online=need.online,
        )
        for person in need.persons:
            self._enter(person, entry)
            self._visits[person] += 1

    def travel(self, need: Need, day: dt.date, leave: int) -> int:
        """Return the minutes it takes the sellers to get to a visit from ``leave``."""
        if need.online:
            return 0
        return max(self._travel(s, need.area, day, leave) for s in need.sellers)

    def _enter(self, person: str, entry: Engagement) -> None:
        self._days[person, entry.date].add(entry)
        if not entry.online:
            self._area_days[person, entry.area].add(entry.date)

    def _has_room(self, need: Need, day: dt.date) -> bool:
        """Rule out a day cheaply: closed, absent, or full for somebody."""
        if day in need.closed:
            return False
        limits = self._limits
        for seller in need.sellers:
            known = self._days[seller, day]
            if (
                len(known.entries) >= limits.visits
                or known.people + need.people > limits.people
                or known.minutes + need.minutes > limits.minutes
            ):
                return False
        if need.manager and (
            len(self._days[need.manager, day].entries) >= limits.manager_visits
        ):
            return False
        return not any(self._calendars.is_absent(p, day) for p in need.persons)

    def _slot_from(self, leave: int, need: Need, day: dt.date) -> Slot:
        """Return the visit that begins with leaving at ``leave``."""
        travel = self.travel(need, day, leave)
        start = leave + travel
        return Slot(date=day, start=start, end=start + need.minutes, travel=travel)

    def _travel(self, person: str, area: str, day: dt.date, leave: int) -> int:
        origin = self._days[person, day].find_origin(leave)
        return self._limits.travel(origin, area)

    def _is_in_hours(self, slot: Slot) -> bool:
        leave = slot.start - slot.travel
        return any(
            first <= leave and slot.end <= last for first, last in self._limits.spans
        )

    def _fits_seller(self, seller: str, need: Need, slot: Slot) -> bool:
        day = self._days[seller, slot.date]
        minutes = day.minutes + slot.end - slot.start + slot.travel
        return (
            minutes <= self._limits.minutes
            and not day.clashes(slot.start - slot.travel, slot.end)
            and (
                need.online
                or (
                    self._travel(seller, need.area, slot.date, slot.start)
                    <= slot.travel
                    and not day.strands(slot.end, need.area, self._limits)
                )
            )
        )

    def _fits_manager(self, manager: str, need: Need, slot: Slot) -> bool:
        day = self._days[manager, slot.date]
        travel = 0
        if not need.online:
            travel = self._travel(manager, need.area, slot.date, slot.start)
        return not day.clashes(slot.start - travel, slot.end) and (
            need.online or not day.strands(slot.end, need.area, self._limits)
        )

    def entries(self, person: str, day: dt.date) -> Iterator[Engagement]:
        """Yield what a person does on a day, by time."""
        return (entry for _, entry in self._days[person, day].entries)
