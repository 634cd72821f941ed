"""What is to be scheduled, and within what: visits, limits of a day, days, the reserve.

All of it is values; times are minutes since midnight, durations minutes.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

from handover.plan.scheduler.calendar import ALWAYS_OPEN, Calendars, ClosedDays
from handover.plan.scheduler.travel import NOWHERE, Area, Travel

HORIZON = 500
"""Working days after which we stop looking for a day; two years."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What fits into a day."""

    spans: tuple[tuple[int, int], ...] = ((540, 720), (780, 1080))
    """The hours of the day in which people travel and visit, lunch left out."""
    minutes: int = 360
    visits: int = 5
    people: int = 8
    travel: Travel = field(default_factory=Travel)
    manager_visits: int = 2
    slack: Fraction = Fraction(15, 100)
    """The share of a seller's slots that stays free for what people decide later."""

    def count_slots(self, free: int) -> int:
        """Count how many of so many free slots the scheduler may use."""
        return int((1 - self.slack) * free)


@dataclass(frozen=True, kw_only=True, order=True)
class Slot:
    """When a visit takes place; ``travel`` minutes before ``start`` are kept free."""

    date: dt.date
    start: int
    end: int
    travel: int = 0


@dataclass(frozen=True, kw_only=True)
class Need:
    """A visit that wants a place in the diaries."""

    account_id: str
    minutes: int
    people: int = 1
    area: Area = NOWHERE
    sellers: tuple[str, ...]
    """Predecessor and successor; the limits of a day hold for each of them."""
    manager: str | None = None
    """Who attends as well; they must be free, and attend only so often a day."""
    closed: ClosedDays = ALWAYS_OPEN
    online: bool = False
    date: dt.date | None = None
    """A day that a person set; no other will do."""
    time: int | None = None
    """When it begins on that day, if a person set that too."""
    agreed: Slot | None = None
    """When it takes place for certain: the customer agreed to it. It never moves."""
    use_reserve: bool = False
    """A person decided that it takes place: it may use the slots kept for changes."""
    family: str = ""
    """The topmost company it belongs to; a family is visited together."""

    @property
    def persons(self) -> tuple[str, ...]:
        """Everybody who comes from our side."""
        return (*self.sellers, self.manager) if self.manager else self.sellers

    @property
    def day(self) -> dt.date | None:
        """The one day on which it can take place, if there is only one."""
        return self.agreed.date if self.agreed else self.date

    @property
    def is_pinned(self) -> bool:
        """Whether a person or the customer said when it takes place."""
        return self.day is not None

    @property
    def uses_reserve(self) -> bool:
        """Whether a person decided it, so that it does not count against the slack."""
        return self.use_reserve or self.is_pinned

    @cached_property
    def kind(self) -> tuple[object, ...]:
        """What decides whether a visit fits somewhere; equal visits fit alike."""
        return (
            self.minutes,
            self.people,
            self.area,
            self.sellers,
            self.manager,
            self.online,
        )


Slots = Mapping[str, Slot]
"""The time of each visit, by account."""


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
    soon: bool = False
    """Visits take place as soon as possible, not spread over the period."""

    @cached_property
    def days(self) -> tuple[dt.date, ...]:
        """The company's working days from the start on."""
        return self.calendars.company.first(self.start, HORIZON)

    @cached_property
    def day_sets(self) -> "DaySets":
        """Those days by number, and sets of them."""
        return DaySets(self.days, self.calendars)

    @cached_property
    def needs(self) -> Mapping[str, Need]:
        """All visits by account, musts first."""
        return {need.account_id: need for need in (*self.musts, *self.shoulds)}

    @cached_property
    def free(self) -> tuple[Need, ...]:
        """The musts of which nobody said when; the shortest period is theirs."""
        return tuple(need for need in self.musts if not need.is_pinned)

    @cached_property
    def reserve(self) -> "Reserve":
        """The slots of each seller, and how many of them are kept for changes."""
        return Reserve(self)


class DaySets:
    """The days of a period by number, and sets of them as the bits of a number."""

    def __init__(self, days: tuple[dt.date, ...], calendars: Calendars) -> None:
        """Number the days."""
        self.numbers = {day: number for number, day in enumerate(days)}
        self._calendars = calendars
        self._present: dict[str, int] = {}
        self._closed: dict[ClosedDays, int] = {}

    def find_present(self, person: str) -> int:
        """Return the days on which somebody is there."""
        if person not in self._present:
            away = self._calendars.is_absent
            self._present[person] = sum(
                1 << number
                for day, number in self.numbers.items()
                if not away(person, day)
            )
        return self._present[person]

    def find_closed(self, closed: ClosedDays) -> int:
        """Return the days on which a customer receives nobody."""
        if closed not in self._closed:
            self._closed[closed] = sum(
                1 << number for day, number in self.numbers.items() if day in closed
            )
        return self._closed[closed]


@dataclass(frozen=True, kw_only=True)
class Room:
    """The slots of one seller in a period: days × visits a day, some of them kept.

    ``slots`` = ``taken`` (by other plans) + ``kept`` (the reserve) + what the scheduler
    may use.
    """

    person: str
    days: int
    """Working days on which they and a counterpart are there."""
    visits_a_day: int
    slots: int
    taken: int
    kept: int
    used: int
    """Visits of this plan that the scheduler placed."""
    decided: int
    """Visits of this plan that people decided; they may use what is kept."""


class Reserve:
    """How many visits each seller may have in the first days of a period.

    A slot is a visit of a day on which the seller is there, and somebody whom they
    visit together with. What other plans have taken is not free; of the rest a share
    stays free, so that a longer period never has fewer slots than a shorter one.
    """

    def __init__(self, problem: VisitProblem) -> None:
        """Count the free slots of each seller, day by day."""
        self._limits = problem.limits
        self._calendars = problem.calendars
        self._days = problem.days
        self._sets = problem.day_sets
        self._present: dict[str, list[bool]] = {}
        self._free: dict[str, list[int]] = {}
        for seller, others in _find_counterparts(problem.needs.values()).items():
            present = self._list_presence(seller, others)
            self._present[seller] = present
            self._free[seller] = self._list_free(seller, present)

    def count(self, seller: str, days: int) -> int:
        """Count the visits that the scheduler may give a seller in so many days."""
        return self._limits.count_slots(sum(self._free.get(seller, ())[:days]))

    def count_days(self, seller: str, visits: int) -> int | None:
        """Count the days that so many visits take, the slack included."""
        free = 0
        if visits == 0:
            return 0
        for number, more in enumerate(self._free[seller], 1):
            free += more
            if self._limits.count_slots(free) >= visits:
                return number
        return None

    def find_present(self, seller: str, days: int) -> int | None:
        """Find how long a period is in which a seller is there on so many days."""
        there = 0
        for number, is_there in enumerate(self._present.get(seller, ()), 1):
            there += is_there
            if there >= days:
                return number
        return None

    def list_rooms(self, days: int, slots: Slots, needs: Iterable[Need]) -> list[Room]:
        """List the slots of everybody in the first days of a period."""
        used: dict[str, int] = defaultdict(int)
        decided: dict[str, int] = defaultdict(int)
        for need in needs:
            if need.account_id in slots:
                for seller in need.sellers:
                    (decided if need.uses_reserve else used)[seller] += 1
        rooms = []
        for seller, free in sorted(self._free.items()):
            there = sum(self._present[seller][:days])
            left = sum(free[:days])
            all_slots = there * self._limits.visits
            rooms.append(
                Room(
                    person=seller,
                    days=there,
                    visits_a_day=self._limits.visits,
                    slots=all_slots,
                    taken=all_slots - left,
                    kept=left - self._limits.count_slots(left),
                    used=used[seller],
                    decided=decided[seller],
                )
            )
        return rooms

    def _list_presence(self, seller: str, others: frozenset[str]) -> list[bool]:
        there = self._sets.find_present(seller)
        if others:
            found = 0
            for other in others:
                found |= self._sets.find_present(other)
            there &= found
        return [bool(there >> number & 1) for number in range(len(self._days))]

    def _list_free(self, seller: str, present: list[bool]) -> list[int]:
        taken: dict[dt.date, int] = defaultdict(int)
        for engagement in self._calendars.engagements.get(seller, ()):
            taken[engagement.date] += engagement.is_visit
        return [
            max(self._limits.visits - taken[day], 0) if there else 0
            for day, there in zip(self._days, present, strict=True)
        ]


def _find_counterparts(needs: Iterable[Need]) -> dict[str, frozenset[str]]:
    """Find whom each seller visits together with; nobody, if they visit alone too."""
    found: dict[str, set[str]] = defaultdict(set)
    alone: set[str] = set()
    for need in needs:
        for seller in need.sellers:
            found[seller].update(other for other in need.sellers if other != seller)
            if len(need.sellers) == 1:
                alone.add(seller)
    return {
        seller: frozenset() if seller in alone else frozenset(others)
        for seller, others in found.items()
    }
