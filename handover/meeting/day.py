"""The day of one salesperson: whom they visit, across all plans, and what else is due.

Built from the plans that claim people's days and from the mirror. It decides nothing.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from handover.meeting.customer import CustomerFacts, CustomerPerson
from handover.mirror.views import Mirror
from handover.plan.model import Plan, Row, Visit
from handover.plan.scheduler.calendar import WorkingDays
from handover.transfer.tasks import Purpose, WantedTask

OTHERS = Path(__file__).parent / "queries" / "own_day.sql"


@dataclass(frozen=True, kw_only=True)
class PlannedVisit:
    """A visit of some plan; ``customer`` is None where the CRM has them no more."""

    plan: Plan
    row: Row
    visit: Visit
    customer: CustomerFacts | None = None

    @property
    def contacts(self) -> list[CustomerPerson]:
        """Whom they meet."""
        return self.customer.list_met(self.visit.contact_ids) if self.customer else []

    @property
    def place(self) -> str | None:
        """Where it is; None online, or where nobody said."""
        if self.visit.online:
            return None
        if self.visit.place or self.customer is None:
            return self.visit.place
        return self.customer.place


@dataclass(frozen=True, kw_only=True)
class DueTask:
    """Something that a plan asks of somebody for a customer, besides visits."""

    plan: Plan
    task: WantedTask


@dataclass(frozen=True, kw_only=True)
class OwnEntry:
    """A task or an appointment of the person that the CRM has for the day."""

    id: str
    kind: Literal["task", "appointment"]
    subject: str | None
    account: str | None
    time: str | None
    """``HH:MM`` in the configured zone; None for what has no time."""


@dataclass(frozen=True, kw_only=True)
class PersonDay:
    """What somebody does on one day.

    ``prepare``: the visits of their next working day, to be prepared on this one.
    ``elsewhere``: the days around it on which they have visits, the nearest first.
    """

    source: str
    person_id: str
    date: dt.date
    as_of: dt.date
    works: bool
    visits: Sequence[PlannedVisit] = ()
    tasks: Sequence[DueTask] = ()
    own: Sequence[OwnEntry] = ()
    prepare: Sequence[PlannedVisit] = ()
    elsewhere: Sequence[dt.date] = ()

    @property
    def is_empty(self) -> bool:
        """Return whether nothing is known of that day."""
        return not (self.visits or self.tasks or self.own or self.prepare)


def list_visits(plans: Iterable[Plan], person_id: str) -> list[PlannedVisit]:
    """List the visits at which somebody attends, in the order of time.

    What was met is still a visit of its day, whoever owns the customer now.
    """
    found = [
        PlannedVisit(plan=plan, row=row, visit=row.visit)
        for plan in plans
        for row in plan.rows
        if row.visit is not None
        and (row.is_met and row.visit.takes_place)
        and person_id in row.visit.attendees
    ]
    return sorted(found, key=lambda v: (v.visit.date, v.visit.start, v.row.account_id))


def list_due(
    wanted: Iterable[tuple[Plan, Sequence[WantedTask]]],
    person_id: str,
    date: dt.date,
    done: Iterable[str],
) -> Iterator[DueTask]:
    """Yield what plans ask of somebody by a day, but visits and what is done.

    Args:
        wanted: the tasks of each plan.
        person_id: of whom.
        date: by when.
        done: the keys of those of our tasks that the CRM has as done.
    """
    ended = set(done)
    for plan, tasks in wanted:
        for task in tasks:
            is_theirs = task.user_id == person_id and task.due == date
            is_open = task.key(plan) not in ended
            if is_theirs and is_open and task.purpose is not Purpose.VISIT:
                yield DueTask(plan=plan, task=task)


def find_elsewhere(visits: Iterable[PlannedVisit], date: dt.date) -> list[dt.date]:
    """Find the next day with visits after a day, and the last one before it."""
    days = {each.visit.date for each in visits}
    after = min((day for day in days if day > date), default=None)
    before = max((day for day in days if day < date), default=None)
    return [day for day in (after, before) if day is not None]


def find_prepared(
    visits: Iterable[PlannedVisit], date: dt.date, company: WorkingDays
) -> list[PlannedVisit]:
    """Find the visits of the next working day; they are prepared the day before."""
    if date not in company:
        return []
    following = company.after(date)
    return [each for each in visits if each.visit.date == following]


def read_own(mirror: Mirror, person_id: str, date: dt.date) -> list[OwnEntry]:
    """Read what the CRM has for somebody's day, apart from the handover's tasks."""
    query = OTHERS.read_text(encoding="utf-8")
    rows = mirror.rows(query, person=person_id, day=date)
    return [OwnEntry(**row) for row in rows]


def read_done(mirror: Mirror) -> list[str]:
    """Read the keys of our tasks that the CRM has as done."""
    query = """
        select handover_key as key from activities
        where handover_key is not null and is_done
    """
    return [row["key"] for row in mirror.rows(query)]


def fill_visits(
    visits: Iterable[PlannedVisit], customers: Mapping[str, CustomerFacts]
) -> list[PlannedVisit]:
    """Put the customers into their visits."""
    return [
        PlannedVisit(
            plan=each.plan,
            row=each.row,
            visit=each.visit,
            customer=customers.get(each.row.account_id),
        )
        for each in visits
    ]
