"""Calendars as files that calendar programs import (RFC 5545).

The same meeting keeps its UID, and a later export has a higher SEQUENCE: importing it
again changes the meeting instead of doubling it. There is no METHOD: nobody is invited
by importing a file.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone, vCalAddress, vText

from handover.paper.mail_file import Mailbox
from handover.safe_text import plain, plain_lines

PRODUCT = "-//handover//meetings//EN"
Status = Literal["TENTATIVE", "CONFIRMED", "CANCELLED"]


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """One meeting. ``start`` and ``end`` are local times of the calendar's zone."""

    uid: str
    sequence: int
    status: Status
    start: dt.datetime
    end: dt.datetime
    summary: str
    location: str = ""
    description: str = ""
    organizer: Mailbox | None = None
    attendees: Sequence[Mailbox] = ()


def write_calendar(
    name: str, meetings: Iterable[Meeting], zone: ZoneInfo, at: dt.datetime
) -> bytes:
    """Write a calendar with the time zone in which its meetings take place.

    Args:
        name: what calendar programs call it.
        meetings: what is in it.
        zone: of their times.
        at: when it is written, in UTC.
    """
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", plain(name))
    listed = list(meetings)
    if listed:
        calendar.add_component(_make_zone(listed, zone))
    for meeting in listed:
        calendar.add_component(_make_event(meeting, zone, at))
    content: bytes = calendar.to_ical()
    return content


def _make_zone(meetings: Sequence[Meeting], zone: ZoneInfo) -> Timezone:
    """Describe a zone for the days of some meetings, and the half year before them.

    Its whole history would be read wrongly by programs that know no long lists of days
    on which clocks change.
    """
    first = min(meeting.start for meeting in meetings).date()
    last = max(meeting.end for meeting in meetings).date()
    return Timezone.from_tzid(
        zone.key,
        first_date=first - dt.timedelta(days=200),
        last_date=last + dt.timedelta(days=2),
    )


def _make_event(meeting: Meeting, zone: ZoneInfo, at: dt.datetime) -> Event:
    event = Event()
    event.add("uid", plain(meeting.uid))
    event.add("sequence", meeting.sequence)
    event.add("dtstamp", at.astimezone(dt.UTC).replace(microsecond=0))
    event.add("dtstart", meeting.start.replace(tzinfo=zone))
    event.add("dtend", meeting.end.replace(tzinfo=zone))
    event.add("status", meeting.status)
    event.add("summary", plain(meeting.summary))
    if meeting.location:
        event.add("location", plain(meeting.location))
    if meeting.description:
        event.add("description", plain_lines(meeting.description))
    if meeting.organizer is not None:
        event.add("organizer", _make_address(meeting.organizer))
    for attendee in meeting.attendees:
        address = _make_address(attendee)
        address.params["ROLE"] = vText("REQ-PARTICIPANT")
        event.add("attendee", address, encode=0)
    return event


def _make_address(mailbox: Mailbox) -> vCalAddress:
    address = vCalAddress(f"mailto:{plain(mailbox.address)}")
    address.params["CN"] = vText(plain(mailbox.name))
    return address
