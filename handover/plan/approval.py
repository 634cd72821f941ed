"""What people decide about a plan as a whole, and the authority that comes of it.

Nobody approves a plan of their own; an approval holds for exactly one content; whoever
decides for somebody else says so.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from handover.ledger import seals
from handover.ledger.states import Mode, PlanState
from handover.mirror.people import People
from handover.plan import errors, store
from handover.plan.model import Plan
from handover.plan.selection import is_key_or_priority
from handover.plan.store import Decision
from handover.policy import Policy

_KINDS = {
    PlanState.SUBMITTED: "submit",
    PlanState.APPROVED: "approve",
    PlanState.REJECTED: "reject",
    PlanState.VOIDED: "void",
}
BLOCKING = frozenset({"opportunities", "requests"})
"""Loose records that must not be left undecided."""


@dataclass(frozen=True, kw_only=True)
class ApprovedPlan:
    """A plan that may be carried out. ``load_approved`` alone makes one."""

    plan: Plan
    approver_id: str
    approved_at: dt.datetime
    fingerprint: str
    on_behalf: str | None = None


def load_approved(connection: Connection, plan_id: str, today: dt.date) -> ApprovedPlan:
    """Return the authority to carry out a plan, as it stands.

    Raises:
        Voided: a person has ended the plan.
        Closed: the handover is over.
        Unapproved: nobody approved this content.
        Expired: the approval no longer counts.
        LedgerChanged: somebody wrote into the ledger past the product.
    """
    seals.check_plan(connection, plan_id)
    plan = store.load(connection, plan_id)
    if plan.state is PlanState.VOIDED:
        raise errors.Voided(plan=plan.id)
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
        raise errors.Unapproved(plan=plan.id, state=plan.state.value)
    if today > plan.expires:
        raise errors.Expired(plan=plan.id, expired=plan.expires)
    return ApprovedPlan(
        plan=plan,
        approver_id=approval.by.person_id,
        approved_at=approval.by.at,
        fingerprint=approval.fingerprint,
        on_behalf=approval.by.on_behalf,
    )


def list_managers(plan: Plan, people: People) -> tuple[str, ...]:
    """List those who decide as managers: the manager and their delegate."""
    if plan.manager is None:
        return ()
    delegate = people.delegate_of(plan.manager)
    return (plan.manager, delegate) if delegate else (plan.manager,)


def list_approvers(plan: Plan, people: People) -> tuple[str, ...]:
    """List those who may approve: never the author, never the predecessor.

    If the manager is the author: their delegate, else their own manager.
    """
    chain = [list_managers(plan, people)]
    if plan.manager is not None:
        chain.append((people.manager_of(plan.manager) or "",))
    barred = {plan.author, plan.predecessor, ""}
    for candidates in chain:
        allowed = tuple(c for c in candidates if _may(c, barred, people))
        if allowed:
            return allowed
    return ()


def _may(candidate: str, barred: Collection[str | None], people: People) -> bool:
    return candidate not in barred and people.is_active(candidate)


def submit(connection: Connection, plan: Plan, by: Decision, people: People) -> Plan:
    """Hand a draft to the manager; who does so first is its author.

    Raises:
        Refusal: its state, the person, or something undecided stands against it.
    """
    _check_state(plan, "submit", {PlanState.DRAFT})
    if plan.author is not None and not may_edit(plan, by.person_id, people):
        raise errors.NotYours(
            user=people.name(by.person_id), plan=plan.id, option="submit"
        )
    check_decided(plan, people)
    check_leaver(connection, plan, people)
    check_unclaimed(connection, plan)
    if plan.author is None:
        store.set_author(connection, plan.id, by.person_id)
        plan = plan.model_copy(update={"author": by.person_id})
    return _decide(connection, plan, PlanState.SUBMITTED, by, people)


def approve(
    connection: Connection, plan: Plan, by: Decision, people: People, policy: Policy
) -> Plan:
    """Approve exactly the content of a submitted plan.

    Raises:
        Refusal: its state, the person, or something undecided stands against it.
    """
    check_approver(plan, "approve", by, people, policy)
    check_decided(plan, people)
    check_leaver(connection, plan, people)
    check_unclaimed(connection, plan)
    return _decide(connection, plan, PlanState.APPROVED, by, people)


def reject(
    connection: Connection, plan: Plan, by: Decision, people: People, policy: Policy
) -> Plan:
    """Send a submitted plan back.

    Raises:
        Refusal: its state or the person stands against it.
    """
    check_approver(plan, "reject", by, people, policy)
    return _decide(connection, plan, PlanState.REJECTED, by, people)


def void(connection: Connection, plan: Plan, by: Decision, people: People) -> Plan:
    """End a plan of which nothing has been carried out.

    Raises:
        Refusal: its state or the person stands against it.
    """
    _check_state(
        plan,
        "void",
        {
            PlanState.DRAFT,
            PlanState.SUBMITTED,
            PlanState.APPROVED,
            PlanState.REJECTED,
        },
    )
    if not may_edit(plan, by.person_id, people):
        raise errors.NotYours(
            user=people.name(by.person_id), plan=plan.id, option="void"
        )
    return _decide(connection, plan, PlanState.VOIDED, by, people)


def may_edit(plan: Plan, person: str, people: People) -> bool:
    """Return whether a person has a say in a plan at all.

    Its author and its predecessor do, the managers do, and as long as a draft has no
    author everybody may work on it.
    """
    return (
        plan.author in (None, person)
        or person == plan.predecessor
        or is_manager(plan, person, people)
    )


def is_manager(plan: Plan, person: str, people: People) -> bool:
    """Return whether a person decides about a plan as a manager."""
    return person in list_managers(plan, people) or person in list_approvers(
        plan, people
    )


def check_approver(
    plan: Plan, action: str, by: Decision, people: People, policy: Policy
) -> None:
    """Refuse whoever may not approve or reject a plan, or not under this login.

    Raises:
        WrongState: the plan is not submitted.
        WrongApprover: it is somebody else's decision.
        OnBehalfNeeded: another person's login, and no reason given.
        OnBehalfForbidden: the policy does not allow it.
    """
    _check_state(plan, action, {PlanState.SUBMITTED})
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


def check_decided(plan: Plan, people: People) -> None:
    """Refuse a plan in which something is left open that a person has to decide.

    Raises:
        Refusal: of the class that says what.
    """
    rows = [row for row in plan.rows if row.mode is not Mode.EXCLUDE]
    open_rows = [r for r in rows if r.mode is Mode.MEET and r.visit is None]
    unattended = [
        row
        for row in rows
        if row.mode is Mode.MEET
        and row.co_attendance == "undecided"
        and is_key_or_priority(row.reasons)
    ]
    nobody = [row for row in rows if row.successor_id is None]
    loose = [r for r in plan.loose if r.action is None and r.object in BLOCKING]
    if nobody:
        raise errors.SuccessorMissing(plan=plan.id, accounts=_names(nobody))
    for successor in sorted({row.successor_id for row in rows if row.successor_id}):
        if not people.is_active(successor):
            raise errors.InactiveSuccessor(user=people.name(successor))
    if open_rows:
        raise errors.VisitUndecided(plan=plan.id, accounts=_names(open_rows))
    if unattended:
        raise errors.CoAttendanceUndecided(plan=plan.id, accounts=_names(unattended))
    unowned = {each.id for each in plan.aside if each.hides_owner}
    unread = [each for each in plan.waiting if each in unowned]
    if unread:
        raise errors.OwnerUnread(plan=plan.id, opportunities=", ".join(unread))
    if plan.waiting:
        names = ", ".join(plan.waiting)
        raise errors.OpportunityUndecided(plan=plan.id, opportunities=names)
    if loose:
        ids = ", ".join(f"{record.object}:{record.id}" for record in loose)
        raise errors.LooseUndecided(plan=plan.id, records=ids)


def check_leaver(connection: Connection, plan: Plan, people: People) -> None:
    """Refuse to let somebody who has left keep a customer or an open opportunity.

    What another open plan hands over is given to somebody.

    Raises:
        LeaverKeeps: nobody takes over some of what they own.
    """
    if people.is_active(plan.predecessor):
        return
    out = {r.account_id: r.account for r in plan.rows if r.mode is Mode.EXCLUDE}
    given = dict(store.list_claimed(connection, plan.source, out, but=plan.id))
    kept = [out[account] for account in out if account not in given]
    kept += [row.account for row in plan.rows if row.mode is Mode.HOLD]
    kept += [
        opportunity.id
        for row in plan.rows
        for opportunity in row.opportunities
        if opportunity.action == "hold" and row.account_id not in out
    ]
    kept += [
        record.name or record.id
        for record in plan.loose
        if record.object == "opportunities" and record.action != "transfer"
    ]
    if kept:
        raise errors.LeaverKeeps(
            user=people.name(plan.predecessor), plan=plan.id, records=", ".join(kept)
        )


def _names(rows: Collection[object]) -> str:
    return ", ".join(str(getattr(row, "account_id", row)) for row in rows)


def _check_state(plan: Plan, action: str, allowed: Collection[PlanState]) -> None:
    if plan.state not in allowed:
        raise errors.WrongState(plan=plan.id, state=plan.state.value, action=action)


def check_unclaimed(connection: Connection, plan: Plan) -> None:
    """Refuse accounts that another open plan hands over already.

    Raises:
        AlreadyPlanned: there are such accounts.
    """
    accounts = [r.account_id for r in plan.rows if r.mode is not Mode.EXCLUDE]
    clashes = dict(store.list_claimed(connection, plan.source, accounts, but=plan.id))
    if clashes:
        raise errors.AlreadyPlanned(
            plan=", ".join(sorted(set(clashes.values()))),
            accounts=", ".join(sorted(clashes)),
        )


def _decide(
    connection: Connection,
    plan: Plan,
    state: PlanState,
    by: Decision,
    people: People,
) -> Plan:
    kind = _KINDS[state]
    stand_ins = list_managers(plan, people)[1:]
    as_delegate = by.person_id in stand_ins and by.person_id != plan.author
    store.record_decision(
        connection, plan, kind, by, as_delegate=as_delegate, state=state
    )
    return store.load(connection, plan.id)
