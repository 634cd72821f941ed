"""The successor's word on the customers of a plan: accepted, or returned with why."""

from collections.abc import Sequence
from dataclasses import dataclass

from handover.answers.acceptances import Acceptance, Word, record_acceptance
from handover.i18n import Phrase
from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.meeting_papers import find_rows
from handover.jobs.plan import find_plan
from handover.jobs.recording import list_progress
from handover.jobs.workspace import Workspace
from handover.ledger.states import Mode
from handover.meeting.errors import NotReady
from handover.meeting.pack import check_may_be_known
from handover.mirror.people import People
from handover.plan import store
from handover.plan.deciders import name_all
from handover.plan.errors import NotYours
from handover.plan.model import Plan, Row
from handover.plan.running import check_under_way


@dataclass(frozen=True, kw_only=True)
class Said:
    """A successor's word on some customers of a plan."""

    plan: Plan
    rows: tuple[Row, ...]
    answer: Word
    reason: str | None


def accept(
    workspace: Workspace,
    text: str,
    accounts: Sequence[str],
    reason: str | None = None,
    on_behalf: str | None = None,
) -> Said:
    """Record that a successor takes customers over; all of them or none.

    Raises:
        NotReady: what has to be known of a customer handed over by information only is
            missing, and nobody declared it unknown.
        NotYours: somebody else takes a customer over.
        Refusal: the plan is not under way, or not announced yet.
    """
    return _say(workspace, text, accounts, "accepted", reason, on_behalf)


def give_back(
    workspace: Workspace,
    text: str,
    accounts: Sequence[str],
    reason: str,
    on_behalf: str | None = None,
) -> Said:
    """Record that a successor returns customers, and why; their manager decides then.

    Raises:
        NotYours: somebody else takes a customer over.
        Refusal: the plan is not under way, or not announced yet.
    """
    return _say(workspace, text, accounts, "returned", reason, on_behalf)


def _say(
    workspace: Workspace,
    text: str,
    accounts: Sequence[str],
    answer: Word,
    reason: str | None,
    on_behalf: str | None,
) -> Said:
    plan = find_plan(workspace, text)
    rows = find_rows(workspace, plan, accounts)
    grounds = Grounds(reason=reason, on_behalf=on_behalf)
    by = make_decision(workspace, plan.source, grounds)
    people = workspace.people(plan.source)
    check_may_be_known(plan, workspace.rehearsed_on or workspace.today)
    if not accounts:
        rows = [row for row in rows if row.successor_id == by.person_id]
    _check_own(plan, rows, by.person_id, people)
    if answer == "accepted":
        _check_ready(workspace, plan, rows)
    with workspace.ledger.begin() as connection:
        check_under_way(connection, store.load(connection, plan.id))
        for row in rows:
            made = Acceptance(
                source=plan.source,
                plan_id=plan.id,
                account_id=row.account_id,
                answer=answer,
                reason=reason,
                recorded_by=by.person_id,
                recorded_at=by.at,
                actor=by.actor,
                rehearsed_on=by.rehearsed_on,
            )
            record_acceptance(connection, made)
    return Said(plan=plan, rows=tuple(rows), answer=answer, reason=reason)


def _check_own(plan: Plan, rows: Sequence[Row], person: str, people: People) -> None:
    """Refuse whoever does not take every one of the customers over."""
    others = [row.successor_id for row in rows if row.successor_id != person]
    if others or not rows:
        having = others or [row.successor_id for row in plan.rows]
        raise NotYours(
            user=people.name(person),
            plan=plan.id,
            option=Phrase(text="say:accept"),
            deciders=name_all(having, people),
        )


def _check_ready(workspace: Workspace, plan: Plan, rows: Sequence[Row]) -> None:
    """Refuse customers of whom too little is known: nobody will ask them any more."""
    informed = {row.account_id: row for row in rows if row.mode is Mode.INFORM}
    for visit in list_progress(workspace, plan):
        row = informed.get(visit.account_id)
        declared = {answer.item for answer in visit.answers}
        missing = [gap for gap in visit.gaps if gap not in declared]
        if row is not None and missing:
            raise NotReady(plan=plan.id, account=row.account, items=tuple(missing))
