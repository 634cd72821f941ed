"""Putting together somebody's day: the visits of all plans, and what else is due."""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

from handover.errors import UnknownName
from handover.jobs.workspace import Workspace
from handover.ledger.states import RUNNING_STATES
from handover.meeting import day as days
from handover.meeting.customer import read_customers
from handover.meeting.day import PersonDay
from handover.meeting.errors import NotOfPlan
from handover.mirror.find import find_user
from handover.plan.calendars import list_company_days
from handover.plan.claims import load_claiming
from handover.plan.model import Plan
from handover.transfer.site_tasks import find_preparing
from handover.transfer.tasks import Moved, wanted_tasks


def find_days(
    workspace: Workspace, text: str, date: dt.date, plans: Sequence[Plan] = ()
) -> list[PersonDay]:
    """Find somebody's day in each source that knows them, across all plans.

    Counted are the plans that claim people's days, and those that are named.

    Args:
        workspace: the working folder.
        text: who, as it was typed.
        date: which day.
        plans: those that are named, if any: then their source alone is looked at.

    Raises:
        UnknownName: no source knows them.
        AmbiguousName: several of one source are called so.
        NotOfPlan: they have no part in the plans that are named.
    """
    found = find_participant(workspace, plans, text, date)
    return [_read(workspace, s, person, date, plans) for s, person in found.items()]


def find_participant(
    workspace: Workspace, plans: Sequence[Plan], text: str, date: dt.date
) -> dict[str, str]:
    """Find the id of somebody, by source; of those of the plans, where some are named.

    Args:
        workspace: the working folder.
        plans: in which they have a part; none are all sources.
        text: who, as it was typed.
        date: the day that is asked for.

    Raises:
        UnknownName: no source knows them.
        AmbiguousName: several of one source are called so.
        NotOfPlan: they have no part in the plans.
    """
    found: dict[str, str] = {}
    unknown: UnknownName | None = None
    named = {plan.source for plan in plans}
    for source in sorted(named or workspace.generation().sources):
        try:
            found[source] = find_user(workspace.people(source), text).id
        except UnknownName as error:
            unknown = unknown or error
    if unknown is not None and not found:
        raise unknown
    if plans:
        _check_part(workspace, plans, found, date)
    return found


def _check_part(
    workspace: Workspace, plans: Sequence[Plan], persons: dict[str, str], date: dt.date
) -> None:
    """Refuse to look for somebody in plans in which they have no part."""
    known: dict[str, set[str]] = defaultdict(set)
    for plan in plans:
        known[plan.source] |= list_people(plan)
    if any(persons.get(source) in people for source, people in known.items()):
        return
    source, people = plans[0].source, workspace.people(plans[0].source)
    raise NotOfPlan(
        plan=", ".join(plan.id for plan in plans),
        user=people.name(persons[source]),
        people=tuple(sorted(map(people.name, known[source]))),
        date=date,
    )


def list_people(plan: Plan) -> set[str]:
    """List who has a part in a plan: who hands over, takes over, decides, attends."""
    visits = (row.visit for row in plan.rows if row.visit is not None)
    return {
        plan.predecessor,
        *plan.successors,
        *(row.successor_id for row in plan.rows if row.successor_id),
        *([plan.manager] if plan.manager else []),
        *(user for visit in visits for user in visit.attendees),
    }


def _read(
    workspace: Workspace,
    source: str,
    person: str,
    date: dt.date,
    named: Sequence[Plan],
) -> PersonDay:
    with workspace.ledger.read() as connection:
        claiming = [p for p in load_claiming(connection) if p.source == source]
    own = {plan.id: plan for plan in (*claiming, *named) if plan.source == source}
    plans = list(own.values())
    company = list_company_days(workspace.config, workspace.policy)
    visits = days.list_visits(plans, person)
    today = [each for each in visits if each.visit.date == date]
    accounts = {each.row.account_id for each in today}
    with workspace.mirror(source, accounts) as mirror:
        customers = read_customers(mirror, workspace.policy) if accounts else {}
        entries, done = days.read_own(mirror, person, date), days.read_done(mirror)
    people, policy = workspace.people(source), workspace.policy
    wanted = [
        (
            plan,
            wanted_tasks(
                plan,
                find_preparing(plan, people, policy, company),
                Moved(accounts=[r.account_id for r in plan.rows if r.is_carried_out]),
            ),
        )
        for plan in plans
        if plan.state in RUNNING_STATES
    ]
    return PersonDay(
        source=source,
        person_id=person,
        date=date,
        as_of=workspace.as_of,
        works=date in company,
        visits=days.fill_visits(today, customers),
        tasks=list(days.list_due(wanted, person, date, done)),
        own=entries,
        prepare=days.find_prepared(visits, date, company),
        elsewhere=days.find_elsewhere(visits, date),
    )
