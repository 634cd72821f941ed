"""Days on which people are busy, out of calendar files (iCalendar, RFC 5545).

Nothing but dates leaves this file: what somebody does on a day is their own business.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from handover.errors import AmbiguousName, UnknownName, UsageProblem
from handover.i18n import Phrase
from handover.mirror.find import find_user
from handover.mirror.people import Absence, People

if TYPE_CHECKING:
    from icalendar import Component

DAY = 24 * 60
MOST_EVENTS = 50_000
"""Occurrences in one file; a rule that makes more of them is no calendar of a person.
"""
TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY"})
OURS = "@handover"
"""What the UIDs of exported visits end with: those do not keep us from visiting."""
FREE = frozenset({"FREE", "WORKINGELSEWHERE"})
"""Of Outlook's ``X-MICROSOFT-CDO-BUSYSTATUS``: somebody is there."""
_ONE_DAY = dt.timedelta(days=1)


class BadCalendar(UsageProblem):
    """A calendar file cannot be used (``file``, ``why``)."""

    code = "bad_calendar"


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
    is_of_somebody = False
    of_whom = _Readers(people=people, zone=hours.zone, owner_id=owner_id)
    for persons, spans in _list_events(file, of_whom, first, last):
        is_of_somebody = True
        for day, span in spans:
            for person in persons if first <= day <= last else ():
                taken[person][day].append(span)
    if not is_of_somebody:
        raise BadCalendar(file=file.name, why=Phrase(text="calendar:nobody"))
    return [_judge(person, taken[person], hours) for person in sorted(taken)]


Span = tuple[dt.date, tuple[int, int]]
"""A day, and the minutes since midnight from and to which something lasts."""


@dataclass(frozen=True, kw_only=True)
class _Readers:
    """Who can be meant by an event, and in which zone its times are read."""

    people: People
    zone: ZoneInfo
    owner_id: str | None


def _list_events(
    file: Path, of_whom: _Readers, first: dt.date, last: dt.date
) -> Iterator[tuple[set[str], list[Span]]]:
    """Yield to whom we know something happens, and when, if that keeps them busy."""
    from icalendar import Calendar  # noqa: PLC0415 - heavy
    from recurring_ical_events import of  # noqa: PLC0415 - heavy

    by_email = {p.email.lower(): p.id for p in of_whom.people if p.email}
    try:
        content = file.read_bytes()
        count = 0
        for calendar in Calendar.from_ical(content, multiple=True):
            owner = of_whom.owner_id or _find_owner(calendar, of_whom.people)
            if owner is not None:
                yield {owner}, []
            _check_rules(file, calendar)
            for event in of(calendar).between(first, last + _ONE_DAY):
                if (count := count + 1) > MOST_EVENTS:
                    raise _too_many(file)
                persons = _find_persons(event, by_email, owner)
                spans = _list_spans(event, of_whom.zone) if _is_busy(event) else ()
                if persons:
                    yield persons, list(spans)
    except OSError as error:
        why = Phrase(text="calendar:unreadable", params={"said": error.strerror or ""})
        raise BadCalendar(file=file.name, why=why) from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        # What the library says of a file that is none differs from one to the next.
        why = Phrase(text="calendar:no-calendar")
        raise BadCalendar(file=file.name, why=why) from error


def _check_rules(file: Path, calendar: "Component") -> None:
    """Refuse rules that would keep us counting for minutes.

    Raises:
        BadCalendar: an event takes place every minute or second.
    """
    for event in calendar.walk("VEVENT"):
        rules = event.get("RRULE") or []
        for rule in rules if isinstance(rules, list) else [rules]:
            if {str(each).upper() for each in rule.get("FREQ", [])} & TOO_OFTEN:
                raise _too_many(file)


def _too_many(file: Path) -> BadCalendar:
    return BadCalendar(file=file.name, why=Phrase(text="calendar:too-many"))


def _find_owner(calendar: "Component", people: People) -> str | None:
    """Find whose calendar it is by its name, if that is a user's."""
    name = str(calendar.get("X-WR-CALNAME") or calendar.get("NAME") or "").strip()
    try:
        return find_user(people, name).id if name else None
    except (UnknownName, AmbiguousName):
        return None


def _find_persons(
    event: "Component", by_email: dict[str, str], owner: str | None
) -> set[str]:
    """Find whom an event keeps: the owner, else who attends, else who organizes."""
    listed = event.get("ATTENDEE") or []
    attendees = listed if isinstance(listed, list) else [listed]
    coming: set[str] = set()
    declined: set[str] = set()
    for each in attendees:
        person = by_email.get(_read_address(each))
        if person is not None:
            has_declined = each.params.get("PARTSTAT", "").upper() == "DECLINED"
            (declined if has_declined else coming).add(person)
    if owner is not None:
        return {owner} - declined
    if not attendees and event.get("ORGANIZER"):
        coming = {by_email.get(_read_address(event["ORGANIZER"]), "")} - {""}
    return coming


def _read_address(value: object) -> str:
    return str(value).strip().lower().removeprefix("mailto:")


def _is_busy(event: "Component") -> bool:
    """Return whether whom it concerns cannot do anything else."""

    def said(name: str) -> str:
        return str(event.get(name) or "").upper()

    return not (
        said("STATUS") == "CANCELLED"
        or said("TRANSP") == "TRANSPARENT"
        or said("X-MICROSOFT-CDO-BUSYSTATUS") in FREE
        or str(event.get("UID") or "").endswith(OURS)
    )


def _list_spans(
    event: Any,  # noqa: ANN401 - start and end are properties of events alone
    zone: ZoneInfo,
) -> Iterator[Span]:
    """Yield the days of an event, each with its minutes since midnight."""
    start, end = event.start, event.end
    if not isinstance(start, dt.datetime):
        days = max((end - start).days, 1)  # its end is the day after the last
        yield from ((start + n * _ONE_DAY, (0, DAY)) for n in range(days))
        return
    start, end = _localize(start, zone), _localize(end, zone)
    day = start.date()
    while day <= end.date():
        first = start.hour * 60 + start.minute if day == start.date() else 0
        last = end.hour * 60 + end.minute if day == end.date() else DAY
        if first < last:
            yield day, (first, last)
        day += _ONE_DAY


def _localize(at: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return a time in our zone; one without a zone is in it already."""
    return at.astimezone(zone) if at.tzinfo is not None else at.replace(tzinfo=zone)


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
