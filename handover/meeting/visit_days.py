"""Visits in calendars from elsewhere, and the days that hold more of them than one can.

An event is a visit where it is one of ours, where somebody of a customer is invited, or
where its title or place names a customer. What else stands in a calendar is counted by
why it is none, and not looked at.
"""

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from handover.meeting.flags import FullDay
from handover.mirror.calendar_events import OURS, Occurrence, localize
from handover.policy import PlanRules
from mappings.text import one_form

LEGAL_FORMS = re.compile(
    r"株式会社|有限会社|合同会社|合資会社|合名会社|一般社団法人|\((?:株|有|同)\)"
    r"|\b(?:inc|ltd|llc|corp|co|gmbh|plc)\b\.?"
)
"""What people leave out when they call a customer by its name."""
LEAST = 2
"""Characters of a name; a shorter one would be found in every title."""

How = Literal["ours", "invited", "named"]
WhyNot = Literal["cancelled", "all_day", "free", "no_customer"]


@dataclass(frozen=True, kw_only=True)
class KnownCustomer:
    """A customer whom somebody of ours may visit, with the addresses of its people."""

    id: str
    name: str
    emails: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class CountedVisit:
    """One visit that was found; ``people`` of the customer are invited."""

    person_id: str
    account_id: str
    date: dt.date
    how: How
    emails: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class VisitDays:
    """What a calendar holds: the visits, the days that have some, and what is none."""

    visits: Sequence[CountedVisit]
    days: Sequence[FullDay]
    left_out: Mapping[WhyNot, int]

    @property
    def too_full(self) -> list[FullDay]:
        """The days with more than a day holds."""
        return [day for day in self.days if day.is_too_full]


def find_visit_days(
    events: Iterable[Occurrence],
    customers: Mapping[str, Sequence[KnownCustomer]],
    source: str,
    rules: PlanRules,
    zone: ZoneInfo,
) -> VisitDays:
    """Find the visits in a calendar, and how full each day is.

    Args:
        events: of the calendar.
        customers: whom each of ours may visit, by user.
        source: whose ids these are.
        rules: how much a day holds.
        zone: where days begin.
    """
    visits: list[CountedVisit] = []
    left_out: Counter[WhyNot] = Counter()
    for event in events:
        why = _find_why_not(event)
        found = [] if why else list(_list_visits(event, customers, source, zone))
        visits += found
        if not found:
            left_out[why or "no_customer"] += 1
    return VisitDays(
        visits=visits, days=_list_days(visits, rules), left_out=dict(left_out)
    )


def _find_why_not(event: Occurrence) -> WhyNot | None:
    if event.is_cancelled:
        return "cancelled"
    if not event.has_time:
        return "all_day"
    return "free" if event.is_free else None


def _list_visits(
    event: Occurrence,
    customers: Mapping[str, Sequence[KnownCustomer]],
    source: str,
    zone: ZoneInfo,
) -> Iterator[CountedVisit]:
    """Yield an event as the visit of each of ours to each customer it is about."""
    start = event.start
    assert isinstance(start, dt.datetime)  # noqa: S101 - it has a time
    for person in sorted(event.persons):
        how, found = _find_customers(event, customers.get(person, ()), source)
        for customer in found:
            yield CountedVisit(
                person_id=person,
                account_id=customer.id,
                date=localize(start, zone).date(),
                how=how,
                emails=customer.emails & {*event.emails},
            )


def _find_customers(
    event: Occurrence, known: Sequence[KnownCustomer], source: str
) -> tuple[How, list[KnownCustomer]]:
    """Find whom an event is about: by our own mark, else by who comes, else by name."""
    if event.uid.endswith(OURS):
        ours = [c for c in known if event.uid.endswith(f".{source}.{c.id}{OURS}")]
        if ours:
            return "ours", ours
    invited = [c for c in known if c.emails & {*event.emails}]
    if invited:
        return "invited", invited
    said = f"{_compare(event.summary)}\n{_compare(event.location)}"
    names = {c.id: _shorten(c.name) for c in known}
    named = [c for c in known if len(names[c.id]) >= LEAST and names[c.id] in said]
    # A name that is a part of another one that is said as well names nobody more.
    return "named", [
        c
        for c in named
        if not any(
            names[c.id] != names[o.id] and names[c.id] in names[o.id] for o in named
        )
    ]


def _compare(text: str) -> str:
    """Take away width, case, blanks and variants of a text."""
    return re.sub(r"\s+", "", one_form(text)).casefold()


def _shorten(name: str) -> str:
    """Return a customer's name as people say it, without its legal form."""
    return _compare(LEGAL_FORMS.sub(" ", one_form(name).casefold())).strip(".,・")


def _list_days(visits: Iterable[CountedVisit], rules: PlanRules) -> list[FullDay]:
    """List the days with visits, with how many customers and people each has."""
    days: dict[tuple[dt.date, str], dict[str, set[str]]] = defaultdict(dict)
    for visit in visits:
        met = days[visit.date, visit.person_id].setdefault(visit.account_id, set())
        met |= visit.emails
    return [
        FullDay(
            date=date,
            person_id=person,
            accounts=tuple(sorted(met)),
            people=sum(max(len(emails), 1) for emails in met.values()),
            most_visits=rules.visits,
            most_people=rules.people,
        )
        for (date, person), met in sorted(days.items())
    ]
