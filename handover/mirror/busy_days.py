"""Days on which people are busy, out of calendar files (iCalendar, RFC 5545).

Nothing but dates leaves this file: what somebody does on a day is their own business.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from handover.mirror.calendar_events import (
    OURS,
    Occurrence,
    localize,
    read_occurrences,
)
from handover.mirror.people import Absence, People

DAY = 24 * 60
_ONE_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Hours:
    """When visits take place, as minutes since midnight, and in which zone."""

    spans: tuple[tuple[int, int], ...]
    zone: ZoneInfo


@dataclass(frozen=True, kw_only=True)
class BusyDays:
    """When one person is busy by their calendar."""

    person_id: str
    away: tuple[Absence, ...]
    """Days of which half of the hours of visits, or more, are taken."""
    partly: tuple["Span", ...] = ()
    """What is taken of other days: visits may still take place before and after."""


def read_busy_days(
    file: Path,
    people: People,
    hours: Hours,
    first: dt.date,
    last: dt.date,
    owner_id: str | None = None,
) -> list[BusyDays]:
    """Read from a calendar file who is busy on which days.

    A calendar that bears the name or e-mail of a user is theirs. In any other each
    event is of those who attend and have not declined, or of its organizer where it
    names nobody else. What is cancelled or shown as free keeps nobody.

    Args:
        file: in iCalendar's form.
        people: those who can be meant.
        hours: when visits take place.
        first: the first day of interest.
        last: the last one.
        owner_id: whose calendar it is, where somebody says so.

    Raises:
        BadCalendar: it is no calendar, or of nobody we know.
    """
    taken: dict[str, dict[dt.date, list[tuple[int, int]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for event in read_occurrences(file, people, first, last, owner_id):
        if not is_busy(event):
            continue
        for day, span in _list_spans(event, hours.zone):
            for person in event.persons if first <= day <= last else ():
                taken[person][day].append(span)
    return [_judge(person, taken[person], hours) for person in sorted(taken)]


Span = tuple[dt.date, tuple[int, int]]
"""A day, and the minutes since midnight from and to which something lasts."""


def is_busy(event: Occurrence) -> bool:
    """Return whether whom an event concerns cannot do anything else."""
    is_ours = event.uid.endswith(OURS)
    return not (event.is_cancelled or event.is_free or is_ours)


def _list_spans(event: Occurrence, zone: ZoneInfo) -> Iterator[Span]:
    """Yield the days of an event, each with its minutes since midnight."""
    start, end = event.start, event.end
    if not (isinstance(start, dt.datetime) and isinstance(end, dt.datetime)):
        days = max((end - start).days, 1)  # its end is the day after the last
        yield from ((start + n * _ONE_DAY, (0, DAY)) for n in range(days))
        return
    start, end = localize(start, zone), localize(end, zone)
    day = start.date()
    while day <= end.date():
        first = start.hour * 60 + start.minute if day == start.date() else 0
        last = end.hour * 60 + end.minute if day == end.date() else DAY
        if first < last:
            yield day, (first, last)
        day += _ONE_DAY


def _judge(
    person: str, taken: dict[dt.date, list[tuple[int, int]]], hours: Hours
) -> BusyDays:
    """Tell the days on which a person is away from those with time left."""
    total = sum(end - start for start, end in hours.spans)
    away: list[dt.date] = []
    partly: list[Span] = []
    for day, spans in sorted(taken.items()):
        parts = _cut(spans, hours.spans)
        if 2 * sum(end - start for start, end in parts) >= total:
            away.append(day)
        else:
            partly += [(day, part) for part in parts]
    return BusyDays(person_id=person, away=_join(away), partly=tuple(partly))


def _cut(
    taken: Iterable[tuple[int, int]], hours: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """Return what is taken of the hours of visits, without overlaps, by time."""
    parts: list[tuple[int, int]] = []
    for first, last in hours:
        at = first
        for start, end in sorted(taken):
            begin, stop = max(start, at), min(end, last)
            if begin < stop:
                parts.append((begin, stop))
                at = stop
    return parts


def _join(days: Iterable[dt.date]) -> tuple[Absence, ...]:
    """Join days that follow each other."""
    joined: list[Absence] = []
    for day in days:
        if joined and joined[-1].last + _ONE_DAY == day:
            joined[-1] = Absence(first=joined[-1].first, last=day)
        else:
            joined.append(Absence(first=day, last=day))
    return tuple(joined)
