"""Whether a handover is under way: approved once, and not over."""

from sqlalchemy import Connection

from handover.ledger import seals
from handover.ledger.states import RUNNING_STATES, PlanState
from handover.plan import store
from handover.plan.errors import Closed, Ended, NotUnderWay, Voided
from handover.plan.model import Plan

OVER = {
    PlanState.VOIDED: Voided,
    PlanState.ENDED: Ended,
    PlanState.CLOSED: Closed,
}
"""Why nothing more is done for a plan, by its state."""


def check_not_over(plan: Plan) -> None:
    """Refuse to go on with a plan that is over.

    Raises:
        Refusal: it was voided, ended or closed.
    """
    if plan.state in OVER:
        raise OVER[plan.state](plan=plan.id)


def check_under_way(connection: Connection, plan: Plan) -> None:
    """Refuse to record for a plan that nobody has approved, or that is over.

    One that is amended is under way while its new version waits.

    Raises:
        NotUnderWay: nobody has approved it yet.
        Refusal: it is over.
        LedgerChanged: somebody wrote into the ledger past the product.
    """
    seals.check_plan(connection, plan.id)
    check_not_over(plan)
    made = store.list_decisions(connection, plan.id)
    was_approved = any(each.decision == "approve" for each in made)
    if plan.state not in RUNNING_STATES and not was_approved:
        raise NotUnderWay(plan=plan.id, state=plan.state.value)
