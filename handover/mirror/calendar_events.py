"""Events of calendar files (iCalendar, RFC 5545), and whom of ours they concern."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from handover.errors import AmbiguousName, UnknownName, UsageProblem
from handover.i18n import Phrase
from handover.mirror.find import find_user
from handover.mirror.people import People

if TYPE_CHECKING:
    from icalendar import Component

MOST_EVENTS = 50_000
"""Occurrences in one file; a rule that makes more of them is no calendar of a person.
"""
TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY"})
OURS = "@handover"
"""What the UIDs of exported visits end with."""
FREE = frozenset({"FREE", "WORKINGELSEWHERE"})
"""Of Outlook's ``X-MICROSOFT-CDO-BUSYSTATUS``: somebody is there."""
_ONE_DAY = dt.timedelta(days=1)


class BadCalendar(UsageProblem):
    """A calendar file cannot be used (``file``, ``why``)."""

    code = "bad_calendar"


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """One event at one time. ``persons`` are those of ours whom it concerns.

    ``start`` and ``end`` are days of an event that lasts all day; a time without a zone
    is one of ours. ``emails``: who is invited and has not declined.
    """

    persons: frozenset[str]
    start: dt.date
    end: dt.date
    uid: str = ""
    summary: str = ""
    location: str = ""
    emails: tuple[str, ...] = ()
    is_cancelled: bool = False
    is_free: bool = False

    @property
    def has_time(self) -> bool:
        """Whether it is more than a note on a day."""
        return isinstance(self.start, dt.datetime)


def read_occurrences(
    file: Path,
    people: People,
    first: dt.date,
    last: dt.date,
    owner_id: str | None = None,
) -> list[Occurrence]:
    """Read the events of a calendar file that concern somebody of ours.

    A calendar that bears the name or e-mail of a user is theirs. In any other each
    event is of those who attend and have not declined, or of its organizer where it
    names nobody else.

    Args:
        file: in iCalendar's form.
        people: those who can be meant.
        first: the first day of interest.
        last: the last one.
        owner_id: whose calendar it is, where somebody says so.

    Raises:
        BadCalendar: it is no calendar, or of nobody we know.
    """
    from icalendar import Calendar  # noqa: PLC0415 - heavy
    from recurring_ical_events import of  # noqa: PLC0415 - heavy

    by_email = {p.email.lower(): p.id for p in people if p.email}
    found: list[Occurrence] = []
    owners = {owner_id} - {None}
    try:
        content = file.read_bytes()
        count = 0
        for calendar in Calendar.from_ical(content, multiple=True):
            owner = owner_id or _find_owner(calendar, people)
            owners |= {owner} - {None}
            _check_rules(file, calendar)
            for event in of(calendar).between(first, last + _ONE_DAY):
                if (count := count + 1) > MOST_EVENTS:
                    raise _too_many(file)
                persons = _find_persons(event, by_email, owner)
                if persons:
                    found.append(_make_occurrence(event, persons))
    except OSError as error:
        why = Phrase(text="calendar:unreadable", params={"said": error.strerror or ""})
        raise BadCalendar(file=file.name, why=why) from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        # What the library says of a file that is none differs from one to the next.
        why = Phrase(text="calendar:no-calendar")
        raise BadCalendar(file=file.name, why=why) from error
    if not (found or owners):
        raise BadCalendar(file=file.name, why=Phrase(text="calendar:nobody"))
    return found


def _make_occurrence(
    event: Any,  # noqa: ANN401 - start and end are properties of events alone
    persons: set[str],
) -> Occurrence:
    def said(name: str) -> str:
        return str(event.get(name) or "")

    is_free = (
        said("TRANSP").upper() == "TRANSPARENT"
        or said("X-MICROSOFT-CDO-BUSYSTATUS").upper() in FREE
    )
    return Occurrence(
        persons=frozenset(persons),
        start=event.start,
        end=event.end,
        uid=said("UID"),
        summary=said("SUMMARY"),
        location=said("LOCATION"),
        emails=tuple(email for email, declined in _list_invited(event) if not declined),
        is_cancelled=said("STATUS").upper() == "CANCELLED",
        is_free=is_free,
    )


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
    coming: set[str] = set()
    declined: set[str] = set()
    invited = list(_list_invited(event))
    for email, has_declined in invited:
        person = by_email.get(email)
        if person is not None:
            (declined if has_declined else coming).add(person)
    if owner is not None:
        return {owner} - declined
    if not invited and event.get("ORGANIZER"):
        coming = {by_email.get(_read_address(event["ORGANIZER"]), "")} - {""}
    return coming


def _list_invited(event: "Component") -> Iterator[tuple[str, bool]]:
    """Yield the address of each who is invited, and whether they have declined."""
    listed = event.get("ATTENDEE") or []
    for each in listed if isinstance(listed, list) else [listed]:
        has_declined = each.params.get("PARTSTAT", "").upper() == "DECLINED"
        yield _read_address(each), has_declined


def _read_address(value: object) -> str:
    return str(value).strip().lower().removeprefix("mailto:")


def localize(at: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Return a time in our zone; one without a zone is in it already."""
    return at.astimezone(zone) if at.tzinfo is not None else at.replace(tzinfo=zone)
