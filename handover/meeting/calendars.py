"""The visits of a plan as calendars, one for each person.

A visit that an earlier version of the plan had, and that does not take place any more
or without them, is in their calendar as cancelled. Numbers of customers are in none:
calendars are shared.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from handover.ledger.states import PlanState
from handover.meeting.mails import mark
from handover.mirror.people import People
from handover.paper.calendar_file import Meeting, Status
from handover.paper.mail_file import Mailbox
from handover.plan.model import Plan, Row, Visit
from handover.plan.running import OVER
from handover.plan.view import Audience
from mappings.reachable import find_address
from mappings.text import Placeholders


@dataclass(frozen=True, kw_only=True)
class PersonCalendar:
    """The meetings of one person, in their order."""

    person_id: str
    name: str
    meetings: Sequence[Meeting]

    @property
    def cancelled(self) -> int:
        """How many of them do not take place any more."""
        return sum(each.status == "CANCELLED" for each in self.meetings)


@dataclass(frozen=True, kw_only=True)
class CalendarOffice:
    """What the calendars of a plan have in common.

    ``earlier``: its versions before the one that stands, the oldest first.
    """

    plan: Plan
    earlier: Sequence[Plan]
    people: People
    audience: Audience
    zone: ZoneInfo
    as_of: dt.date

    def write(self, accounts: Iterable[str]) -> list[PersonCalendar]:
        """Write the calendars of everybody who attends, or was to attend, a visit."""
        wanted = set(accounts)
        found: dict[str, list[Meeting]] = {}
        for row, visit, person, is_on in self._list_meetings():
            if row.account_id in wanted:
                meeting = self._make_meeting(row, visit, is_on=is_on)
                found.setdefault(person, []).append(meeting)
        return [
            PersonCalendar(
                person_id=person,
                name=self.people.name(person),
                meetings=sorted(found[person], key=lambda m: (m.start, m.uid)),
            )
            for person in sorted(found, key=self.people.name)
        ]

    def _list_meetings(self) -> Iterator[tuple[Row, Visit, str, bool]]:
        """Yield each visit with each person, and whether it takes place with them.

        The visits of the version that stands; then those of earlier ones, the newest of
        each, as far as they lie ahead and are not among them.
        """
        seen: set[tuple[str, str]] = set()
        is_over = self.plan.state in OVER and self.plan.state is not PlanState.CLOSED
        for plan in (self.plan, *reversed(self.earlier)):
            for row in plan.rows:
                if row.visit is None or not row.is_met:
                    continue
                is_on = plan is self.plan and row.visit.takes_place and not is_over
                for person in row.visit.attendees:
                    key = (row.account_id, person)
                    is_news = is_on or row.visit.date >= self.as_of
                    if key not in seen and is_news:
                        yield row, row.visit, person, is_on
                    seen.add(key)

    def _make_meeting(self, row: Row, visit: Visit, *, is_on: bool) -> Meeting:
        words = self.audience.words
        people = [self._find_box(user) for user in visit.attendees]
        boxes = [box for box in people if box is not None]
        place = words("online") if visit.online else visit.place
        summary = words("Handover visit: {account}", account=row.account)
        return Meeting(
            uid=f"{self.plan.id}.{row.source}.{row.account_id}@handover",
            sequence=self.plan.version,
            status=find_status(visit) if is_on else "CANCELLED",
            start=_make_time(visit.date, visit.start),
            end=_make_time(visit.date, visit.end),
            summary=mark(summary, self.audience),
            location=place or "",
            description="\n".join(self._describe(row, visit)),
            organizer=boxes[0] if boxes else None,
            attendees=boxes,
        )

    def _describe(self, row: Row, visit: Visit) -> Iterator[str]:
        """Yield who attends, who hands over to whom, and how long the way is."""
        words, audience = self.audience.words, self.audience
        yield words(
            "{predecessor} → {successor}; {manager}",
            predecessor=audience.person(self.plan.predecessor),
            successor=audience.person(row.successor_id),
            manager=f"{words('Manager')} {audience.person(self.plan.manager)}",
        )
        yield (
            f"{words('Who attends')}: "
            f"{words(', ').join(map(self.people.name, visit.attendees))}"
        )
        if visit.travel_minutes:
            yield words("{n} minutes on the way", n=visit.travel_minutes)
        yield f"{words('Plan')}: {self.plan.id}"

    def _find_box(self, user: str) -> Mailbox | None:
        person = self.people.user(user)
        cell = person.email if person else None
        address = find_address(cell, Placeholders()) if cell else None
        return (
            Mailbox(name=self.people.name(user), address=address) if address else None
        )


def find_status(visit: Visit) -> Status:
    """Return whether the customer has agreed to the date and time of a visit."""
    return "CONFIRMED" if visit.state == "agreed" else "TENTATIVE"


def _make_time(date: dt.date, time: str) -> dt.datetime:
    return dt.datetime.combine(date, dt.time.fromisoformat(time))
