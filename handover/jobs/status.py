"""Finding where plans stand, whom they wait for and what is late."""

from sqlalchemy import Connection

from handover.answers.acceptances import list_last_words
from handover.answers.confirmations import list_confirmations
from handover.answers.remarks import list_remarks
from handover.follow.heard import Heard
from handover.follow.status import PlanStatus, find_status
from handover.jobs.desk import list_waiting
from handover.jobs.plan import find_plan, list_plans
from handover.jobs.workspace import Workspace
from handover.ledger.states import OVER_STATES
from handover.plan.model import Plan


def find_statuses(workspace: Workspace, text: str | None = None) -> list[PlanStatus]:
    """Find where a plan stands, or all plans that are not over, the oldest first.

    Only of a plan that is named the mirror is opened, for what is still to be asked.

    Raises:
        UnknownName: no plan is called so.
        AmbiguousName: several begin so.
    """
    if text is None:
        plans = [p for p in list_plans(workspace) if p.state not in OVER_STATES]
    else:
        plans = [find_plan(workspace, text)]
    waiting = list_waiting(workspace, plans)
    with workspace.ledger.read() as connection:
        heard = {plan.id: read_heard(workspace, connection, plan) for plan in plans}
    return [
        find_status(
            plan,
            [each for each in waiting if each.plan.id == plan.id],
            heard[plan.id],
            workspace.as_of,
            workspace.config.zone,
            None if text is None else _count_open(workspace, plan),
        )
        for plan in plans
    ]


def read_heard(workspace: Workspace, connection: Connection, plan: Plan) -> Heard:
    """Read what people told us of a plan's customers; rehearsals count in rehearsals.

    Raises:
        LedgerChanged: somebody wrote into the ledger past the product.
    """
    rehearsed = bool(workspace.rehearsed_on)
    return Heard(
        made=list_confirmations(connection, plan.id, rehearsed=rehearsed),
        remarks=list_remarks(connection, plan.id, rehearsed=rehearsed),
        words=list_last_words(connection, plan.id, rehearsed=rehearsed),
    )


def _count_open(workspace: Workspace, plan: Plan) -> int | None:
    """Count the items that are still to be asked of those who are met."""
    if plan.state in OVER_STATES:
        return None
    from handover.jobs.recording import list_progress  # noqa: PLC0415 - takes long

    met = {row.account_id for row in plan.rows if row.is_met}
    progress = list_progress(workspace, plan)
    return sum(len(each.open) for each in progress if each.account_id in met)
