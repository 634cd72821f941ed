"""What people decide about a plan as a whole, and the authority that comes of it.

Nobody approves a plan of their own; an approval holds for exactly one content; whoever
decides for somebody else says so.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from handover.i18n import Phrase
from handover.ledger import seals
from handover.ledger.states import OPEN_STATES, PlanState
from handover.ledger.writes import was_carried_out
from handover.mirror.people import People
from handover.plan import errors, store
from handover.plan.build import seal
from handover.plan.dates import prolong
from handover.plan.deciders import (
    check_editor,
    list_approvers,
    list_managers,
)
from handover.plan.decision import Decision
from handover.plan.model import Plan
from handover.plan.naming import name_step
from handover.plan.questions import (
    check_answered,
    check_decided,
    check_leaver,
    check_submittable,
    check_unclaimed,
)
from handover.plan.terms import Circumstances

_KINDS = {
    PlanState.SUBMITTED: "submit",
    PlanState.APPROVED: "approve",
    PlanState.REJECTED: "reject",
    PlanState.VOIDED: "void",
    PlanState.ENDED: "end",
    PlanState.REPORTED: "report",
    PlanState.CLOSED: "close",
}


@dataclass(frozen=True, kw_only=True)
class ApprovedPlan:
    """A plan that may be carried out. ``load_approved`` alone makes one."""

    plan: Plan
    approver_id: str
    approved_at: dt.datetime
    fingerprint: str
    on_behalf: str | None = None
    """Why somebody else typed the approval: ``actor``."""
    actor: str = ""
    rehearsed_on: dt.date | None = None
    """The day that was taken for today, where it was approved in a rehearsal."""


def load_approved(
    connection: Connection, plan_id: str, today: dt.date, now: Circumstances
) -> ApprovedPlan:
    """Return the authority to carry out a plan, as it stands.

    Args:
        connection: to the ledger.
        plan_id: the plan.
        today: the rules' today.
        now: what the plan was approved under has to hold still.

    Raises:
        Voided: a person has ended the plan.
        Ended: a manager ended it early.
        Closed: the handover is over.
        Unapproved: nobody approved this content.
        Expired: the approval no longer counts.
        TermsChanged: what it was approved under is different now.
        LedgerChanged: somebody wrote into the ledger past the product.
    """
    seals.check_plan(connection, plan_id)
    plan = store.load(connection, plan_id)
    if plan.state is PlanState.VOIDED:
        raise errors.Voided(plan=plan.id)
    if plan.state is PlanState.ENDED:
        raise errors.Ended(plan=plan.id)
    if plan.state is PlanState.CLOSED:
        raise errors.Closed(plan=plan.id)
    approval = next(
        (
            each
            for each in reversed(store.list_decisions(connection, plan.id))
            if each.decision == "approve" and each.version == plan.version
        ),
        None,
    )
    if (
        approval is None
        or plan.state is PlanState.SUBMITTED
        or not plan.is_open
        or approval.fingerprint != plan.computed_fingerprint()
    ):
        raise make_unapproved(plan)
    if today > plan.expires:
        raise errors.Expired(plan=plan.id, expired=plan.expires)
    now.check(plan)
    return ApprovedPlan(
        plan=plan,
        approver_id=approval.by.person_id,
        approved_at=approval.by.at,
        fingerprint=approval.fingerprint,
        on_behalf=approval.by.on_behalf,
        rehearsed_on=approval.by.rehearsed_on,
        actor=approval.by.actor,
    )


def submit(
    connection: Connection,
    plan: Plan,
    by: Decision,
    now: Circumstances,
    today: dt.date,
) -> Plan:
    """Hand a plan to the manager; who does so first is its author.

    A draft is submitted; again one that was sent back, if somebody says why it is right
    as it is; and again a plan that was on other terms than those of now, or whose
    approval would count no longer: what was carried out of it stays so. The terms
    become part of its content.

    Raises:
        Refusal: its state, the person, or something undecided stands against it.
    """
    people = now.people
    mine = plan.model_copy(update={"author": plan.author or by.person_id})
    counts = prolong(mine, today, now.policy.plan.expires_days)
    renewed = seal(counts.model_copy(update={"terms": now.read_terms(mine)}))
    is_renewed = (renewed.terms, renewed.expires) != (plan.terms, plan.expires)
    renewable = OPEN_STATES if is_renewed else frozenset[PlanState]()
    first = {PlanState.DRAFT, PlanState.REJECTED}
    check_state(plan, "submit", renewable | first)
    check_editor(plan, "submit", by.person_id, people)
    check_answered(connection, plan, people, by.reason)
    check_submittable(plan, people)
    check_leaver(connection, plan, people)
    check_unclaimed(connection, plan)
    if plan.author is None:
        store.set_author(connection, plan.id, by.person_id)
    if is_renewed:
        mine = renewed.model_copy(update={"version": plan.version + 1})
        origin = store.Origin(
            cause="terms",
            person=by.person_id,
            at=by.at,
            rehearsed_on=by.rehearsed_on,
        )
        store.save_version(connection, mine, origin)
    return decide(connection, mine, PlanState.SUBMITTED, by, people)


def approve(
    connection: Connection, plan: Plan, by: Decision, now: Circumstances
) -> Plan:
    """Approve exactly the content of a submitted plan.

    Raises:
        TermsChanged: it was submitted on other terms than those of now.
        Refusal: its state, the person, or something undecided stands against it.
    """
    check_approver(plan, "approve", by, now)
    now.check(plan)
    check_decided(plan, now.people)
    check_leaver(connection, plan, now.people)
    check_unclaimed(connection, plan)
    state = PlanState.APPROVED
    if was_carried_out(connection, plan.id):
        state = PlanState.IN_PROGRESS
    return decide(connection, plan, state, by, now.people, kind="approve")


def reject(
    connection: Connection, plan: Plan, by: Decision, now: Circumstances
) -> Plan:
    """Send a submitted plan back.

    Raises:
        Refusal: its state or the person stands against it.
    """
    check_approver(plan, "reject", by, now)
    return decide(connection, plan, PlanState.REJECTED, by, now.people)


def void(connection: Connection, plan: Plan, by: Decision, people: People) -> Plan:
    """End a plan of which nothing has been carried out.

    Raises:
        Refusal: its state or the person stands against it.
    """
    check_state(
        plan,
        "void",
        {
            PlanState.DRAFT,
            PlanState.SUBMITTED,
            PlanState.APPROVED,
            PlanState.REJECTED,
        },
    )
    if was_carried_out(connection, plan.id):
        begun = plan.model_copy(update={"state": PlanState.IN_PROGRESS})
        raise make_wrong_state(begun, "void")
    check_editor(plan, "void", by.person_id, people)
    return decide(connection, plan, PlanState.VOIDED, by, people)


def check_approver(plan: Plan, action: str, by: Decision, now: Circumstances) -> None:
    """Refuse whoever may not approve or reject a plan, or not under this login.

    Raises:
        WrongState: the plan is not submitted.
        WrongApprover: it is somebody else's decision.
        OnBehalfNeeded: another person's login, and no reason given.
        OnBehalfForbidden: the policy does not allow it.
    """
    people, policy = now.people, now.policy
    check_state(plan, action, {PlanState.SUBMITTED})
    allowed = list_approvers(plan, people)
    if by.person_id not in allowed:
        raise errors.WrongApprover(
            user=people.name(by.person_id),
            plan=plan.id,
            approvers=", ".join(map(people.name, allowed)) or "-",
        )
    login = people.login_of(by.person_id)
    if login is None or login == by.actor:
        return
    if not policy.transfer.on_behalf:
        raise errors.OnBehalfForbidden(user=people.name(by.person_id), login=by.actor)
    if action == "approve" and not by.on_behalf:
        raise errors.OnBehalfNeeded(user=people.name(by.person_id), login=by.actor)


def check_state(plan: Plan, action: str, allowed: Collection[PlanState]) -> None:
    """Refuse what a plan's state does not allow.

    Raises:
        WrongState: names the state and the action.
    """
    if plan.state not in allowed:
        raise make_wrong_state(plan, action)


def make_wrong_state(plan: Plan, step: str) -> errors.WrongState:
    """Return why a step cannot be taken, in the state that a plan is in."""
    state = Phrase(text=f"state:{plan.state.value}")
    return errors.WrongState(plan=plan.id, state=state, action=name_step(step))


def make_unapproved(plan: Plan) -> errors.Unapproved:
    """Return why a plan counts as not approved, and the command that helps."""
    helps = {
        PlanState.DRAFT: "submit",
        PlanState.REJECTED: "edit",
        PlanState.SUBMITTED: "approve",
    }
    step = helps.get(plan.state)
    why = Phrase(text=f"unapproved:{plan.state.value if step else 'changed'}")
    command = f"handover plan {step or 'submit'} {plan.id}"
    return errors.Unapproved(plan=plan.id, why=why, command=command)


def decide(
    connection: Connection,
    plan: Plan,
    state: PlanState,
    by: Decision,
    people: People,
    *,
    kind: str | None = None,
) -> Plan:
    """Write a decision on a plan, and where it stands then; return it so."""
    kind = kind or _KINDS[state]
    stand_ins = list_managers(plan, people)[1:]
    as_delegate = by.person_id in stand_ins and by.person_id != plan.author
    store.record_decision(
        connection, plan, kind, by, as_delegate=as_delegate, state=state
    )
    return store.load(connection, plan.id)
