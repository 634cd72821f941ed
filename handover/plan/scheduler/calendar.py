"""On which days people work and customers receive.

The company works on weekdays that are no national holiday and not on its closed list.
People are absent on top of that, and customers have closed days of their own.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal

import holidays

from handover.plan.scheduler.travel import Area

_SATURDAY = 5
_ONE_DAY = dt.timedelta(days=1)
_LONGEST_CLOSURE = 366
"""Days after which a calendar without a working day is a mistake, not a closure."""


@dataclass(frozen=True, kw_only=True)
class Days:
    """All days from ``first`` to ``last``, both included."""

    first: dt.date
    last: dt.date

    def __contains__(self, day: dt.date) -> bool:
        return self.first <= day <= self.last


_DATE = r"(\d{4})[-/年](\d{1,2})[-/月](\d{1,2})日?"
_RANGE = re.compile(rf"{_DATE}(?:\s*[/~〜]\s*{_DATE})?")


def parse_days(text: str) -> Days:
    """Read ``2026-12-29/2027-01-03`` or one day; ``2026/12/29``, 2026年12月29日 too.

    Raises:
        ValueError: it is neither, or it ends before it begins.
    """
    match = _RANGE.fullmatch(text.strip())
    if match is None:
        message = f"no day and no range of days: {text!r}"
        raise ValueError(message)
    parts = [int(part) for part in match.groups() if part is not None]
    first, last = dt.date(*parts[:3]), dt.date(*parts[-3:])
    if last < first:
        message = f"ends before it begins: {text!r}"
        raise ValueError(message)
    return Days(first=first, last=last)


def is_new_year(day: dt.date) -> bool:
    """Return whether a day is one on which Japanese companies close as a rule."""
    return (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)


Blackout = Literal["blackout", "month_end", "quarter_end"]
"""Why nobody is visited on a day on which the company works."""


@dataclass(frozen=True, kw_only=True)
class WorkingDays:
    """The days on which the company works, and visits."""

    country: str
    closed: tuple[Days, ...] = ()
    blackouts: tuple[Days, ...] = ()
    """Days without visits, though the company works."""
    month_end: int = 0
    """Working days at the end of each month without visits."""
    quarter_end: int = 0
    """The same of each quarter of the fiscal year."""
    fiscal_year_start: int = 4
    """The month in which the fiscal year begins."""
    closes_at_new_year: bool = False
    """Nobody said when the company is closed, and companies there close at the turn of
    the year: 29 December to 3 January are taken as closed."""
    _holidays: holidays.HolidayBase = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_holidays", holidays.country_holidays(self.country))

    def __contains__(self, day: dt.date) -> bool:
        return self._is_open(day) and self.find_blackout(day) is None

    def find_blackout(self, day: dt.date) -> Blackout | None:
        """Find why a day on which the company works is kept free of visits, if it is.

        The last days of a month count as the company works: holidays and closed days
        are none of them.
        """
        if not self._is_open(day):
            return None
        if any(day in days for days in self.blackouts):
            return "blackout"
        ends_quarter = (day.month - self.fiscal_year_start) % 3 == 2
        kept = self.quarter_end if ends_quarter else 0
        if kept <= self.month_end and self._ends_month(day, self.month_end):
            return "month_end"
        return "quarter_end" if self._ends_month(day, kept) else None

    def _ends_month(self, day: dt.date, count: int) -> bool:
        """Return whether a day is among the last working days of its month."""
        left, following = count, day + _ONE_DAY
        while left > 0 and following.month == day.month:
            left -= self._is_open(following)
            following += _ONE_DAY
        return left > 0

    def _is_open(self, day: dt.date) -> bool:
        """Return whether the company works on a day."""
        return (
            day.weekday() < _SATURDAY
            and day not in self._holidays
            and not any(day in closed for closed in self.closed)
            and not (self.closes_at_new_year and is_new_year(day))
        )

    def assumes_closure(self, first: dt.date, last: dt.date) -> bool:
        """Return whether days in a period are closed only because we assume so."""
        span = (last - first).days + 1
        days = (first + n * _ONE_DAY for n in range(span))
        return self.closes_at_new_year and any(
            is_new_year(day) and day.weekday() < _SATURDAY for day in days
        )

    def since(self, start: dt.date) -> Iterator[dt.date]:
        """Yield the working days from ``start`` on, ``start`` included.

        Raises:
            ValueError: the calendar has no working day within a year.
        """
        day, idle = start, 0
        while idle < _LONGEST_CLOSURE:
            if day in self:
                idle = 0
                yield day
            else:
                idle += 1
            day += _ONE_DAY
        message = f"no working day in the year before {day}"
        raise ValueError(message)

    def after(self, day: dt.date) -> dt.date:
        """Find the next working day after ``day``."""
        return next(self.since(day + _ONE_DAY))

    def before(self, day: dt.date, count: int) -> dt.date:
        """Find the working day that lies ``count`` of them before a day.

        Raises:
            ValueError: the calendar has no working day within a year.
        """
        found, idle = day, 0
        while count > 0:
            found -= _ONE_DAY
            if found in self:
                count, idle = count - 1, 0
            elif (idle := idle + 1) > _LONGEST_CLOSURE:
                message = f"no working day in the year after {found}"
                raise ValueError(message)
        return found

    def first(self, start: dt.date, count: int) -> tuple[dt.date, ...]:
        """List the first ``count`` working days, ``start`` included."""
        return tuple(islice(self.since(start), count))

    def count(self, start: dt.date, end: dt.date) -> int:
        """Count the working days from ``start`` to ``end``, both included."""
        span = (end - start).days + 1
        return sum(start + n * _ONE_DAY in self for n in range(max(span, 0)))


_WEEKDAYS: Mapping[str, int] = {
    word: number
    for number, words in enumerate(
        (
            ("月", "mon", "monday"),
            ("火", "tue", "tues", "tuesday"),
            ("水", "wed", "wednesday"),
            ("木", "thu", "thur", "thurs", "thursday"),
            ("金", "fri", "friday"),
            ("土", "sat", "saturday"),
            ("日", "sun", "sunday"),
        )
    )
    for word in words
}
_SEPARATORS = re.compile(r"[\s,;、・]+")
_NATIONAL_HOLIDAYS = frozenset({"祝", "祝日", "祝祭日", "holidays"})
"""They add nothing to a customer's closed days: nobody is visited on these anyway."""
_JAPANESE_RUN = re.compile(r"[月火水木金土日]+")


@dataclass(frozen=True, kw_only=True)
class ClosedDays:
    """The days on which one customer receives nobody."""

    weekdays: frozenset[int] = frozenset()
    days: tuple[Days, ...] = ()
    unread: tuple[str, ...] = ()
    """Words that are neither a weekday nor a date; a person has to read them."""

    def __contains__(self, day: dt.date) -> bool:
        if day.weekday() in self.weekdays:
            return True
        return bool(self.days) and any(day in days for days in self.days)


ALWAYS_OPEN = ClosedDays()


def parse_closed_days(text: str | None) -> ClosedDays:
    """Read a customer's ``closed_days``: weekdays and dates, in Japanese or English.

    For example ``水曜日、2027-04-30``, ``土日``, ``Wed; 2027-04-29/2027-05-05``.
    """
    weekdays: set[int] = set()
    days: list[Days] = []
    unread: list[str] = []
    for word in filter(None, _SEPARATORS.split(_plain(text))):
        if word in _NATIONAL_HOLIDAYS:
            continue
        if found := _weekdays(word):
            weekdays |= found
            continue
        try:
            days.append(parse_days(word))
        except ValueError:
            unread.append(word)
    return ClosedDays(
        weekdays=frozenset(weekdays), days=tuple(days), unread=tuple(unread)
    )


def _plain(text: str | None) -> str:
    return unicodedata.normalize("NFKC", text or "").casefold()


def _weekdays(word: str) -> frozenset[int]:
    if word in _WEEKDAYS:
        return frozenset({_WEEKDAYS[word]})
    stem = re.sub(r"(毎週|定休日?|休み|休|曜日?)", "", word) or word
    if _JAPANESE_RUN.fullmatch(stem):
        return frozenset(_WEEKDAYS[character] for character in stem)
    return frozenset()


@dataclass(frozen=True, kw_only=True)
class Engagement:
    """What is in somebody's diary already: a visit of another plan, or other business.

    ``start`` and ``end`` are minutes since midnight; ``travel`` is kept free before.
    What is no visit keeps its time free, and counts for none of the limits of a day.
    """

    date: dt.date
    start: int
    end: int
    travel: int
    area: Area
    people: int
    online: bool
    is_visit: bool = True


@dataclass(frozen=True, kw_only=True)
class Calendars:
    """What ties everybody: the company's days, absences and diaries, by user id.

    A diary holds a person's visits in all plans that claim days, outgoing and incoming.
    """

    company: WorkingDays
    absences: Mapping[str, Sequence[Days]] = field(default_factory=dict)
    engagements: Mapping[str, Sequence[Engagement]] = field(default_factory=dict)

    def is_absent(self, person: str, day: dt.date) -> bool:
        """Return whether a person is away on a day."""
        return any(day in days for days in self.absences.get(person, ()))
