"""Keep an amended plan as its next version."""

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import Connection

from handover.ledger.events import record
from handover.mirror.people import People
from handover.plan import errors, store
from handover.plan.approval import is_manager, may_amend
from handover.plan.drafting import Setting, ground
from handover.plan.edits import Amender, Amendments, amend
from handover.plan.model import Plan, PlanState

AMENDABLE = frozenset(
    {PlanState.DRAFT, PlanState.SUBMITTED, PlanState.APPROVED, PlanState.REJECTED}
)


def revise(
    connection: Connection,
    setting: Setting,
    plan: Plan,
    amendments: Amendments,
    *,
    person: str,
    at: dt.datetime,
) -> Plan:
    """Amend a plan and keep it as a draft, which voids an approval.

    Raises:
        Refusal: its state does not allow it, or it is not this person's to decide.
        UsageProblem: the amendments are incomplete or name what is not in the plan.
    """
    if plan.state not in AMENDABLE:
        raise errors.WrongState(plan=plan.id, state=plan.state.value, action="edit")
    return _kept(connection, setting, plan, amendments, (person, at, "edit"))


def revise_submitted(
    connection: Connection,
    setting: Setting,
    plan: Plan,
    amendments: Amendments,
    *,
    person: str,
    at: dt.datetime,
) -> Plan:
    """Amend a submitted plan inside its approval; it stays submitted."""
    revised = _kept(connection, setting, plan, amendments, (person, at, "amend"))
    store.set_state(connection, plan.id, PlanState.SUBMITTED)
    return revised.model_copy(update={"state": PlanState.SUBMITTED})


def _kept(
    connection: Connection,
    setting: Setting,
    plan: Plan,
    amendments: Amendments,
    how: tuple[str, dt.datetime, str],
) -> Plan:
    person, at, cause = how
    if amendments.is_empty:
        raise errors.NothingToAmend(plan=plan.id)
    if not may_amend(plan, person, setting.people):
        raise errors.NotYours(
            user=setting.people.name(person), plan=plan.id, option=cause
        )
    newcomers = sorted(set(amendments.successors.values()))
    _check_successors(plan, newcomers, setting.people)
    _check_dates(amendments, setting.as_of)
    revised = amend(
        plan,
        amendments,
        Amender(
            person_id=person,
            name=setting.people.name(person),
            is_manager=is_manager(plan, person, setting.people),
        ),
        ground(connection, setting, plan, newcomers),
        owner_is_active=setting.people.is_active(plan.predecessor),
    )
    revised = revised.model_copy(update={"generation": setting.generation})
    store.keep_policy(connection, setting.policy, at)
    store.save_version(
        connection, revised, cause=cause, made_by=person, at=at.isoformat()
    )
    record(
        connection,
        at,
        f"plan.{cause}",
        plan.id,
        {
            "version": revised.version,
            "fingerprint": revised.fingerprint,
            "person": person,
            "reason": amendments.reason,
        },
    )
    return revised


def _check_successors(plan: Plan, users: Iterable[str], people: People) -> None:
    for user in users:
        if user == plan.predecessor:
            raise errors.SameUser(user=people.name(user))
        if not people.is_active(user):
            raise errors.InactiveSuccessor(user=people.name(user))


def _check_dates(amendments: Amendments, today: dt.date) -> None:
    """Refuse to hold something until a day that is past."""
    fates = (*amendments.opportunities.values(), *amendments.loose.values())
    for until in (amendments.until, *(fate.until for fate in fates)):
        if until is not None and until < today:
            raise errors.BadPeriod(earlier=f"--as-of {today}", later=f"hold {until}")
