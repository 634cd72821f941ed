"""Putting together what people take along to the customers of a plan."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from handover.jobs.day import find_participant
from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.plan import find_plan
from handover.jobs.workspace import Workspace
from handover.ledger.events import record
from handover.ledger.states import Mode
from handover.meeting.calendars import CalendarOffice, PersonCalendar
from handover.meeting.customer import read_customers
from handover.meeting.mails import MailDraft, MailOffice, NoMail
from handover.meeting.pack import (
    EARLY,
    Pack,
    check_may_be_known,
    list_rows,
    make_packs,
)
from handover.mirror.find import account_finder
from handover.plan import store
from handover.plan.model import Plan, Row
from handover.plan.running import check_not_over
from handover.plan.view import Audience
from mappings.text import Placeholders


@dataclass(frozen=True, kw_only=True)
class PlanMails:
    """The mails to a plan's customers, and who gets none."""

    plan: Plan
    drafts: Sequence[MailDraft]
    none: Sequence[NoMail]
    audience: Audience


def find_packs(
    workspace: Workspace,
    text: str,
    accounts: Sequence[str] = (),
    before_announcement: str | None = None,
    day: tuple[str, dt.date] | None = None,
) -> tuple[Plan, list[Pack]]:
    """Put the packs of a plan's customers together, in the order of the visits.

    Returns:
        The plan, and a pack for each of its customers.

    Args:
        workspace: the working folder.
        text: the plan, as it was typed.
        accounts: some customers, as they were typed; none are all.
        before_announcement: why it may not wait for the announcement; that is recorded.
        day: whose visits, as they were typed, of which day; None is all.

    Raises:
        NotAnnounced: the change of people is confidential still.
        NotHandedOver: the plan leaves a customer out.
        NotOfPlan: they have no part in the plan.
        Refusal: the plan is over.
    """
    plan = find_plan(workspace, text)
    rows = find_rows(workspace, plan, accounts)
    if day is not None:
        person = find_participant(workspace, [plan], *day)[plan.source]
        rows = [row for row in rows if _is_visited(row, person, day[1])]
    allow(workspace, plan, rows, "pack", before_announcement)
    generation = workspace.generation()
    with workspace.mirror(plan.source, [row.account_id for row in rows]) as mirror:
        customers = read_customers(mirror, workspace.policy)
    synced_at = dt.datetime.fromisoformat(generation.sources[plan.source]["synced_at"])
    return plan, make_packs(plan, rows, customers, workspace.as_of, synced_at)


def _is_visited(row: Row, person: str, date: dt.date) -> bool:
    visit = row.visit
    return visit is not None and visit.date == date and person in visit.attendees


def write_mails(
    workspace: Workspace,
    text: str,
    accounts: Sequence[str],
    before_announcement: str | None,
    audience: Callable[[str], Audience],
) -> PlanMails:
    """Write the mails to a plan's customers, or to those who are named.

    Args:
        workspace: the working folder.
        text: the plan, as it was typed.
        accounts: some customers, as they were typed; none are all.
        before_announcement: why it may not wait for the announcement; that is recorded.
        audience: words and names, by source.

    Raises:
        NotAnnounced: the change of people is confidential still.
        NotHandedOver: the plan leaves a customer out.
        Refusal: the plan is over.
    """
    plan = find_plan(workspace, text)
    rows = find_rows(workspace, plan, accounts)
    allow(workspace, plan, rows, "mail", before_announcement)
    with workspace.mirror(plan.source, [row.account_id for row in rows]) as mirror:
        customers = read_customers(mirror, workspace.policy)
    office = MailOffice(
        plan=plan,
        people=workspace.people(plan.source),
        audience=audience(plan.source),
        honorific=workspace.config.style.company,
        placeholders=Placeholders(workspace.policy.placeholders.words),
        as_of=workspace.as_of,
    )
    drafts, none = office.write(rows, customers)
    return PlanMails(plan=plan, drafts=drafts, none=none, audience=office.audience)


@dataclass(frozen=True, kw_only=True)
class PlanCalendars:
    """The calendars of those who attend a plan's visits."""

    plan: Plan
    calendars: Sequence[PersonCalendar]
    audience: Audience


def write_calendars(
    workspace: Workspace,
    text: str,
    accounts: Sequence[str],
    before_announcement: str | None,
    audience: Callable[[str], Audience],
) -> PlanCalendars:
    """Write the calendars of a plan; of one that is over, what is cancelled of it.

    Args: as of the mails.

    Raises:
        NotAnnounced: the change of people is confidential still.
    """
    plan = find_plan(workspace, text)
    rows = [row for row in plan.rows if row.mode is not Mode.EXCLUDE]
    allow(workspace, plan, rows, "calendar", before_announcement)
    wanted = find_accounts(workspace, plan, accounts)
    with workspace.ledger.read() as connection:
        earlier = [
            store.load(connection, plan.id, version)
            for version in range(1, plan.version)
        ]
    office = CalendarOffice(
        plan=plan,
        earlier=earlier,
        people=workspace.people(plan.source),
        audience=audience(plan.source),
        zone=workspace.config.zone,
        as_of=workspace.as_of,
    )
    return PlanCalendars(
        plan=plan, calendars=office.write(wanted), audience=office.audience
    )


def find_rows(workspace: Workspace, plan: Plan, accounts: Sequence[str]) -> list[Row]:
    """List the customers of a plan that are handed over, or those who are named."""
    check_not_over(plan)
    if not accounts:
        return list_rows(plan)
    return list_rows(plan, find_accounts(workspace, plan, accounts))


def find_accounts(
    workspace: Workspace, plan: Plan, accounts: Sequence[str]
) -> list[str]:
    """Find the ids of customers by what was typed; of nobody, those of the plan."""
    known = {row.account_id for row in plan.rows}
    if not accounts:
        return sorted(known)
    if known.issuperset(accounts):
        return list(accounts)
    with workspace.mirror(plan.source) as mirror:
        find = account_finder(mirror)
        return [each if each in known else find(each).id for each in accounts]


def allow(
    workspace: Workspace,
    plan: Plan,
    rows: Sequence[Row],
    paper: str,
    before_announcement: str | None,
) -> None:
    """Refuse papers before the announcement, or record who wanted them and why.

    The event has ids alone. Looking ahead (``--as-of``) makes nothing known earlier:
    what counts is the real day, or that of a rehearsal.

    Raises:
        NotAnnounced: it is too early, and no reason is given.
        NoDecider: nobody is named who gives the reason.
    """
    today = workspace.rehearsed_on or workspace.today
    if before_announcement is None or today >= plan.announce:
        check_may_be_known(plan, today)
        return
    by = make_decision(workspace, plan.source, Grounds(reason=before_announcement))
    details = {
        "paper": paper,
        "version": plan.version,
        "accounts": [row.account_id for row in rows],
        "person": by.person_id,
        "actor": by.actor,
        "reason": by.reason,
        "rehearsed_on": by.rehearsed_on and by.rehearsed_on.isoformat(),
    }
    with workspace.ledger.begin() as connection:
        record(connection, by.at, EARLY, plan.id, details)
