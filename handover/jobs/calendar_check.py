"""Looking into a calendar from elsewhere for days with too many visits."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from handover.errors import UnknownName
from handover.jobs.plan import list_plans
from handover.jobs.workspace import Workspace
from handover.ledger.states import OPEN_STATES, Mode
from handover.meeting.visit_days import KnownCustomer, VisitDays, find_visit_days
from handover.mirror.calendar_events import BadCalendar, Occurrence, read_occurrences
from handover.mirror.find import find_user
from handover.mirror.people import People
from mappings.reachable import find_address
from mappings.text import Placeholders

AROUND = dt.timedelta(days=400)
"""How far back and ahead a calendar is read: longer than any handover."""
_CUSTOMERS = "select id, name, owner_id from accounts order by id"
_EMAILS = "select account_id, email from people where email is not null"


@dataclass(frozen=True, kw_only=True)
class CalendarCheck:
    """What a calendar holds of one source's customers, from ``first`` to ``last``."""

    source: str
    first: dt.date
    last: dt.date
    found: VisitDays


def check_calendar(workspace: Workspace, file: Path) -> list[CalendarCheck]:
    """Find the visits in a calendar file, in each source that knows whose it is.

    It is the calendar of who is named with ``--as``, else of the user whose name or
    e-mail it bears, else each event is of those of ours who attend.

    Raises:
        BadCalendar: it is no calendar, or of nobody we know.
        UnknownName, AmbiguousName: nobody is called so, or several are.
    """
    checks: list[CalendarCheck] = []
    unknown: BadCalendar | UnknownName | None = None
    first, last = workspace.as_of - AROUND, workspace.as_of + AROUND
    for source in workspace.sources():
        people = workspace.people(source)
        try:
            owner = _find_owner(workspace, people)
            events = read_occurrences(file, people, first, last, owner)
        except (BadCalendar, UnknownName) as error:
            unknown = unknown or error
            continue
        found = find_visit_days(
            events,
            _read_customers(workspace, source, events),
            source,
            workspace.policy.plan,
            workspace.config.zone,
        )
        checks.append(CalendarCheck(source=source, first=first, last=last, found=found))
    if unknown is not None and not checks:
        raise unknown
    return checks


def _find_owner(workspace: Workspace, people: People) -> str | None:
    return find_user(people, workspace.as_user).id if workspace.as_user else None


def _read_customers(
    workspace: Workspace, source: str, events: Iterable[Occurrence]
) -> Mapping[str, Sequence[KnownCustomer]]:
    """Read whom the people of some events may visit: own customers, those of plans."""
    persons = {person for event in events for person in event.persons}
    planned = _list_planned(workspace, source)
    emails: dict[str, set[str]] = defaultdict(set)
    known: dict[str, list[KnownCustomer]] = defaultdict(list)
    with workspace.mirror(source) as mirror:
        for row in mirror.rows(_EMAILS):
            address = find_address(row["email"], Placeholders())
            if address:
                emails[row["account_id"]].add(address.lower())
        for row in mirror.rows(_CUSTOMERS):
            customer = KnownCustomer(
                id=row["id"],
                name=row["name"] or "",
                emails=frozenset(emails[row["id"]]),
            )
            for person in persons & {row["owner_id"], *planned[row["id"]]}:
                known[person].append(customer)
    return known


def _list_planned(workspace: Workspace, source: str) -> Mapping[str, set[str]]:
    """List who has a part in the handover of which customer, in plans that are open."""
    found: dict[str, set[str]] = defaultdict(set)
    for plan in list_plans(workspace):
        if plan.source != source or plan.state not in OPEN_STATES:
            continue
        for row in plan.rows:
            if row.mode is not Mode.EXCLUDE:
                attending = row.visit.attendees if row.visit else ()
                named = {plan.predecessor, row.successor_id, *attending}
                found[row.account_id] |= {person for person in named if person}
    return found
