"""A manager's decision to close a handover whose result was reported."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection

from handover.ledger.states import PlanState
from handover.mirror.people import People
from handover.plan import errors
from handover.plan.approval import check_state, decide
from handover.plan.deciders import (
    is_manager,
    list_managers,
    list_reporters,
    name_all,
)
from handover.plan.decision import Decision, RecordedDecision, Waiver
from handover.plan.model import Plan
from handover.plan.naming import name_step

WAIVED = "waive"
"""The kind of decision that does without something that is open."""


def check_close(plan: Plan, by: Decision, people: People) -> None:
    """Refuse to close a plan that was not reported, or on whose word it is not.

    One that was closed already may be closed again: to end what was left open in the
    CRM.

    Raises:
        NotReported: nobody has reported what came of it.
        Refusal: its state or the person stands against it.
    """
    if not is_manager(plan, by.person_id, people):
        raise errors.NotYours(
            user=people.name(by.person_id),
            plan=plan.id,
            option=name_step("close"),
            deciders=name_all(list_managers(plan, people), people),
        )
    if plan.state in (PlanState.APPROVED, PlanState.IN_PROGRESS):
        persons = name_all(list_reporters(plan, people), people)
        raise errors.NotReported(plan=plan.id, persons=persons)
    check_state(plan, "close", {PlanState.REPORTED, PlanState.CLOSED})


def close(
    connection: Connection,
    plan: Plan,
    waivers: Iterable[Waiver],
    by: Decision,
    people: People,
) -> Plan:
    """Close a plan: its accounts are free, and what is done without is on record.

    Whoever calls has made sure that nothing else is open.

    Raises:
        Refusal: its state or the person stands against it.
    """
    check_close(plan, by, people)
    if plan.state is PlanState.CLOSED:
        return plan
    for each in waivers:
        about = {"account": each.account_id, "item": each.item}
        waived = replace(by, reason=each.reason, evidence=by.evidence | about)
        decide(connection, plan, plan.state, waived, people, kind=WAIVED)
    return decide(connection, plan, PlanState.CLOSED, by, people)


def list_waivers(decisions: Iterable[RecordedDecision]) -> list[Waiver]:
    """List what managers did without when they closed a plan."""
    return [
        Waiver(
            account_id=each.by.evidence["account"],
            item=each.by.evidence["item"],
            reason=each.by.reason,
            person_id=each.by.person_id,
        )
        for each in decisions
        if each.decision == WAIVED
    ]
