"""Sheets of questions: put together for those who go to customers, and read back."""

import datetime as dt
from collections.abc import Sequence

from handover.answers.confirmations import list_confirmations
from handover.jobs.meeting_papers import allow, find_rows
from handover.jobs.plan import find_plan
from handover.jobs.workspace import Workspace
from handover.meeting.customer import read_customers
from handover.meeting.questions import read_questions
from handover.meeting.sheet import MeetingSheet, SheetFacts, make_sheets
from handover.plan.model import Plan, Row


def find_sheets(
    workspace: Workspace,
    text: str,
    accounts: Sequence[str] = (),
    before_announcement: str | None = None,
) -> tuple[Plan, list[MeetingSheet]]:
    """Put the sheets of a plan's customers together, in the order of the visits.

    Args:
        workspace: the working folder.
        text: the plan, as it was typed.
        accounts: some customers, as they were typed; none are all.
        before_announcement: why it may not wait for the announcement; that is recorded.

    Raises:
        NotAnnounced: the change of people is confidential still.
        NotHandedOver: the plan leaves a customer out.
        Refusal: the plan is over.
    """
    plan = find_plan(workspace, text)
    rows = find_rows(workspace, plan, accounts)
    allow(workspace, plan, rows, "sheet", before_announcement)
    return plan, read_sheets(workspace, plan, rows)


def read_sheets(
    workspace: Workspace, plan: Plan, rows: Sequence[Row]
) -> list[MeetingSheet]:
    """Read what some customers of a plan are asked, as the CRM and answers stand."""
    generation = workspace.generation()
    with workspace.mirror(plan.source, [row.account_id for row in rows]) as mirror:
        questions = read_questions(mirror, workspace.policy)
        customers = read_customers(mirror, workspace.policy)
    with workspace.ledger.read() as connection:
        rehearsed = bool(workspace.rehearsed_on)
        made = list_confirmations(connection, plan.id, rehearsed=rehearsed)
    synced_at = generation.sources[plan.source]["synced_at"]
    known = SheetFacts(
        questions=questions,
        customers=customers,
        made=made,
        synced_at=dt.datetime.fromisoformat(synced_at),
    )
    return make_sheets(plan, rows, known, workspace.policy, workspace.as_of)
