"""Plans, their versions and the decisions on them, in the ledger.

A version is written once and never changed. Where the plan stands, and who submitted it
first, is kept beside the versions.
"""

import datetime as dt
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from handover.answers.agreements import list_agreements
from handover.errors import AmbiguousName, UnknownName
from handover.i18n import Phrase
from handover.ledger import seals
from handover.ledger.events import record
from handover.ledger.states import OPEN_STATES, Mode, PlanState
from handover.ledger.tables import (
    decisions,
    events,
    plan_versions,
    plans,
)
from handover.ledger.writes import accounts_handed_over
from handover.plan.answered import join_answers
from handover.plan.decision import Decision, RecordedDecision
from handover.plan.model import CARRIED_OUT, Plan, Row
from mappings.toml_file import nearest

PLAN = Phrase(text="plan")
JOINED: Mapping[str, Any] = {
    "rows": {"__all__": {"visit": {"state", "moved", "answer_reason"}}}
}
"""What is no part of a version: it is joined in when a plan is read."""
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")

DRAWN_UP = (
    select(events.c.subject, func.min(events.c.n).label("n"))
    .where(events.c.kind == "plan.new")
    .group_by(events.c.subject)
    .subquery()
)
"""When plans were drawn up, as the chain counts it: a clock may be set back."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """How a version of a plan came about.

    Through what, by whom, when, and why in their words, if that is known; ``amend`` is
    an edit inside an approval, ``terms`` a submission on other terms.
    """

    cause: Literal["new", "edit", "amend", "import", "terms"]
    person: str | None
    at: dt.datetime
    reason: str | None = None
    rehearsed_on: dt.date | None = None


def save_version(connection: Connection, plan: Plan, origin: Origin) -> None:
    """Write a plan's version and where the plan stands, with the event of it."""
    standing = {
        "version": plan.version,
        "state": plan.state.value,
        "reorganisation": plan.reorganisation,
    }
    if plan.version == 1:
        connection.execute(
            insert(plans).values(
                id=plan.id,
                source=plan.source,
                predecessor_id=plan.predecessor,
                author_id=plan.author,
                created_at=origin.at.isoformat(),
                **standing,
            )
        )
    else:
        connection.execute(
            update(plans).where(plans.c.id == plan.id).values(**standing)
        )
    connection.execute(
        insert(plan_versions).values(
            plan_id=plan.id,
            version=plan.version,
            content=plan.model_dump(mode="json", exclude=JOINED),
            fingerprint=plan.fingerprint,
            policy_hash=plan.policy_hash,
            generation=plan.generation,
            made_by=origin.person,
            made_at=origin.at.isoformat(),
            cause=origin.cause,
            rehearsed_on=origin.rehearsed_on and origin.rehearsed_on.isoformat(),
        )
    )
    details = {
        "version": plan.version,
        "fingerprint": plan.fingerprint,
        "person": origin.person,
        "reason": origin.reason,
    }
    sealed = seals.of_version(connection, plan.id, plan.version)
    record(connection, origin.at, f"plan.{origin.cause}", plan.id, details, sealed)


def load(connection: Connection, plan_id: str, version: int | None = None) -> Plan:
    """Read a plan as it stands, or an earlier version of it.

    With what customers have answered to its dates; of an earlier version, with what
    they had when it was last decided on.

    Raises:
        UnknownName: there is no such plan or version.
    """
    shown = plan_versions.c.version.label("shown")
    query = select(plan_versions.c.content, shown, plans).join(
        plans, plans.c.id == plan_versions.c.plan_id
    )
    query = query.where(
        plans.c.id == plan_id,
        plan_versions.c.version == (plans.c.version if version is None else version),
    )
    found = connection.execute(query).mappings().one_or_none()
    if found is None:
        name = plan_id if version is None else f"{plan_id} v{version}"
        raise UnknownName(kind=PLAN, name=name, suggestion="-")
    until = None
    if version not in (None, found["version"]):
        until = _find_last_decided(connection, plan_id, found["shown"])
    answers = list_agreements(connection, plan_id, until)[plan_id]
    plan = _read_plan(found, accounts_handed_over(connection))
    return join_answers(plan, answers)


def load_all(
    connection: Connection, states: Collection[PlanState] = tuple(PlanState)
) -> list[Plan]:
    """Read all plans in some states as they stand, the oldest first."""
    query = (
        select(plan_versions.c.content, plans)
        .join(
            plans,
            (plans.c.id == plan_versions.c.plan_id)
            & (plans.c.version == plan_versions.c.version),
        )
        .outerjoin(DRAWN_UP, DRAWN_UP.c.subject == plans.c.id)
        .where(plans.c.state.in_([state.value for state in states]))
        .order_by(DRAWN_UP.c.n, plans.c.id)
    )
    found = connection.execute(query).mappings().all()
    handed_over = accounts_handed_over(connection)
    answers = list_agreements(connection)
    return [
        join_answers(_read_plan(each, handed_over), answers.get(each["id"], ()))
        for each in found
    ]


def _find_last_decided(connection: Connection, plan_id: str, version: int) -> str:
    """Find when a version was last decided on; when it was made, if it never was."""
    made = select(plan_versions.c.made_at).where(
        plan_versions.c.plan_id == plan_id, plan_versions.c.version == version
    )
    decided = select(func.max(decisions.c.at)).where(
        decisions.c.plan_id == plan_id, decisions.c.version == version
    )
    found: str | None = connection.execute(decided).scalar()
    return found or str(connection.execute(made).scalar_one())


def _read_plan(found: RowMapping, handed_over: Mapping[str, Collection[str]]) -> Plan:
    """Read a plan as it stands; ``handed_over`` are the accounts given away, by plan.

    Raises:
        LedgerChanged: what stands there is no plan of ours.
    """
    try:
        plan = Plan.model_validate(found["content"])
        state = PlanState(found["state"])
    except ValueError as error:
        raise seals.LedgerChanged(row=f"plans:{found['id']}") from error
    changed = handed_over.get(plan.id, ())
    rows = tuple(
        row.model_copy(update={"state": _find_row_state(row, state, changed)})
        for row in plan.rows
    )
    return plan.model_copy(
        update={"state": state, "author": found["author_id"], "rows": rows}
    )


def _find_row_state(row: Row, state: PlanState, changed: Collection[str]) -> str:
    """Find how far an account has come; its mode is where it is to go."""
    if row.mode is Mode.EXCLUDE:
        return "excluded"
    if row.account_id in changed:
        return CARRIED_OUT
    if row.mode is Mode.HOLD:
        return "held"
    return "approved" if state in OPEN_STATES - {PlanState.SUBMITTED} else "proposed"


def find_plan(connection: Connection, text: str) -> str:
    """Find a plan's id by its id or the beginning of it.

    Raises:
        UnknownName: no plan's id begins so.
        AmbiguousName: several do.
    """
    query = select(plans.c.id).order_by(plans.c.id)
    ids: list[str] = list(connection.execute(query).scalars())
    if text in ids:
        return text
    found = [each for each in ids if text and each.startswith(text)]
    if not found:
        raise UnknownName(kind=PLAN, name=text, suggestion=nearest(text, ids) or "-")
    if len(found) > 1:
        raise AmbiguousName(kind=PLAN, name=text, candidates=", ".join(found))
    return found[0]


def find_unused_id(
    connection: Connection, wanted: str, drawn: Iterable[Plan] = ()
) -> str:
    """Find the wanted id unused, with a number behind it if it is taken.

    ``drawn`` are plans that are about to be kept.

    A month that names nobody always has a number.
    """
    query = select(plans.c.id).where(plans.c.id.startswith(wanted, autoescape=True))
    taken = {*connection.execute(query).scalars(), *(plan.id for plan in drawn)}
    candidate, number = wanted, 2
    if _MONTH.fullmatch(wanted):
        candidate, number = f"{wanted}-1", 2
    while candidate in taken:
        candidate, number = f"{wanted}-{number}", number + 1
    return candidate


def set_state(
    connection: Connection, plan_id: str, state: PlanState, at: dt.datetime
) -> None:
    """Write where a plan stands, with the event that tells it."""
    _write_state(connection, plan_id, state)
    sealed = seals.of_plan(connection, plan_id)
    record(connection, at, f"plan.{state.value}", plan_id, {}, sealed)


def _write_state(connection: Connection, plan_id: str, state: PlanState) -> None:
    connection.execute(
        update(plans).where(plans.c.id == plan_id).values(state=state.value)
    )


def note_progress(connection: Connection, plan_id: str | None, at: dt.datetime) -> None:
    """Write that a plan is being carried out: from now on it cannot be voided."""
    changed = connection.execute(
        update(plans)
        .where(plans.c.id == plan_id, plans.c.state == PlanState.APPROVED.value)
        .values(state=PlanState.IN_PROGRESS.value)
    )
    if plan_id is not None and changed.rowcount:
        sealed = seals.of_plan(connection, plan_id)
        record(connection, at, "plan.in_progress", plan_id, {}, sealed)


def set_author(connection: Connection, plan_id: str, person_id: str) -> None:
    """Write who submitted a plan first."""
    connection.execute(
        update(plans).where(plans.c.id == plan_id).values(author_id=person_id)
    )


def record_decision(
    connection: Connection,
    plan: Plan,
    kind: str,
    by: Decision,
    *,
    as_delegate: bool,
    state: PlanState,
) -> None:
    """Write a decision on exactly one content of a plan, and where the plan stands."""
    _write_state(connection, plan.id, state)
    made = connection.execute(
        insert(decisions).values(
            plan_id=plan.id,
            version=plan.version,
            fingerprint=plan.fingerprint,
            decision=kind,
            person_id=by.person_id,
            as_delegate=as_delegate,
            actor=by.actor,
            host=by.host,
            tool_version=by.tool_version,
            evidence=by.evidence,
            on_behalf=by.on_behalf,
            reason=by.reason,
            at=by.at.isoformat(),
            rehearsed_on=by.rehearsed_on and by.rehearsed_on.isoformat(),
        )
    )
    details = {
        "version": plan.version,
        "fingerprint": plan.fingerprint,
        "person": by.person_id,
        "reason": by.reason,
        "on_behalf": by.on_behalf,
    }
    number = made.inserted_primary_key[0] if made.inserted_primary_key else 0
    sealed = seals.of_decision(connection, plan.id, number)
    record(connection, by.at, f"plan.{kind}", plan.id, details, sealed)


def list_decisions(connection: Connection, plan_id: str) -> list[RecordedDecision]:
    """List the decisions on a plan, the oldest first."""
    query = (
        select(decisions).where(decisions.c.plan_id == plan_id).order_by(decisions.c.id)
    )
    return [_read_decision(row) for row in connection.execute(query).mappings()]


def find_version_seen(connection: Connection, plan: Plan) -> int | None:
    """Find the number of the last version before this one that was decided on.

    The last approved one, else the last submitted one; of a plan that nobody has seen
    the first.
    """
    made = [d for d in list_decisions(connection, plan.id) if d.version < plan.version]
    for kind in ("approve", "submit"):
        seen = [each.version for each in made if each.decision == kind]
        if seen:
            return max(seen)
    return 1 if plan.version > 1 else None


def load_last_approved(connection: Connection, plan_id: str) -> Plan | None:
    """Read the last version of a plan that was approved, if one was."""
    made = list_decisions(connection, plan_id)
    approved = [each.version for each in made if each.decision == "approve"]
    return load(connection, plan_id, approved[-1]) if approved else None


def _read_decision(row: RowMapping) -> RecordedDecision:
    by: dict[str, Any] = {
        name: row[name]
        for name in (
            "person_id",
            "actor",
            "host",
            "tool_version",
            "reason",
            "evidence",
            "on_behalf",
        )
    }
    day = row["rehearsed_on"]
    try:
        at = dt.datetime.fromisoformat(row["at"])
        rehearsed = None if day is None else dt.date.fromisoformat(day)
    except (TypeError, ValueError) as error:
        row_name = f"decisions:{row['plan_id']}:{row['id']}"
        raise seals.LedgerChanged(row=row_name) from error
    return RecordedDecision(
        decision=row["decision"],
        version=row["version"],
        fingerprint=row["fingerprint"],
        as_delegate=row["as_delegate"],
        by=Decision(at=at, rehearsed_on=rehearsed, **by),
    )
