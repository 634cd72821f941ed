"""A manager's decision to end a plan early."""

from typing import Literal

from sqlalchemy import Connection

from handover.ledger import seals
from handover.ledger.states import PlanState
from handover.mirror.people import People
from handover.plan import errors, store
from handover.plan.approval import check_state, decide
from handover.plan.deciders import is_manager, list_managers, name_all
from handover.plan.decision import Decision
from handover.plan.model import Plan
from handover.plan.naming import name_step


def check_end(plan: Plan, by: Decision, people: People) -> None:
    """Refuse to end a plan that is over, or on the word of who does not manage it.

    One that was ended already may be ended again: to close what was left open.

    Raises:
        Refusal: its state or the person stands against it.
    """
    check_state(plan, "end", set(PlanState) - {PlanState.CLOSED, PlanState.VOIDED})
    if not is_manager(plan, by.person_id, people):
        raise errors.NotYours(
            user=people.name(by.person_id),
            plan=plan.id,
            option=name_step("end"),
            deciders=name_all(list_managers(plan, people), people),
        )


def end(connection: Connection, plan: Plan, by: Decision, people: People) -> Plan:
    """End a plan early: what is not carried out of it is free for another plan.

    Raises:
        Refusal: its state or the person stands against it.
    """
    check_end(plan, by, people)
    if plan.state is PlanState.ENDED:
        return plan
    return decide(connection, plan, PlanState.ENDED, by, people)


def check_ended(
    connection: Connection, plan_id: str, kind: Literal["end", "close"]
) -> None:
    """Refuse to close the tasks of a plan that nobody has ended, or closed.

    Raises:
        WrongState: it is not.
        LedgerChanged: somebody wrote into the ledger past the product.
    """
    seals.check_plan(connection, plan_id)
    states = {"end": PlanState.ENDED, "close": PlanState.CLOSED}
    check_state(store.load(connection, plan_id), kind, {states[kind]})
