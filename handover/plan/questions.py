"""What a person has still to decide before a plan can be submitted or approved."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import Connection

from handover.errors import Refusal
from handover.i18n import Phrase
from handover.ledger.states import Mode, PlanState
from handover.mirror.people import People
from handover.plan import errors, store
from handover.plan.claims import list_claimed
from handover.plan.model import Plan, Row
from handover.plan.naming import (
    list_opportunities,
    name_by_class,
    name_first,
    name_loose,
    name_opportunity,
    name_rows,
)
from handover.plan.selection import is_attendance_open

BLOCKING = frozenset({"opportunities", "requests"})
"""Loose records that must not be left undecided."""
OPEN_RECORDS = BLOCKING | {"activities"}
"""Loose records on which somebody has to act: all but contacts."""


def check_answered(
    connection: Connection, plan: Plan, people: People, reason: str | None
) -> None:
    """Refuse a plan that was sent back and is as it was, unless somebody says why.

    Raises:
        RejectedUnchanged: names who sent it back, and their words.
    """
    if plan.state is not PlanState.REJECTED or reason:
        return
    made = store.list_decisions(connection, plan.id)
    sent_back = next(each for each in reversed(made) if each.decision == "reject")
    raise errors.RejectedUnchanged(
        plan=plan.id,
        person=people.name(sent_back.by.person_id),
        reason=sent_back.by.reason or "-",
    )


def check_submittable(plan: Plan, people: People) -> None:
    """Refuse a plan in which something is left open before a manager sees it.

    Raises:
        Refusal: of the class that says what.
    """
    for question in list_open_questions(plan, people):
        raise question


def check_decided(plan: Plan, people: People) -> None:
    """Refuse a plan in which anything is left open that a person has to decide.

    Raises:
        Refusal: of the class that says what.
    """
    check_submittable(plan, people)
    for question in list_approval_questions(plan):
        raise question


def list_approval_questions(plan: Plan) -> Iterator[Refusal]:
    """Yield what whoever approves a plan has to decide, at the latest with that."""
    unattended = [row for row in plan.rows if row.is_left and is_attendance_open(row)]
    if unattended:
        yield errors.CoAttendanceUndecided(
            plan=plan.id,
            accounts=name_by_class(unattended),
            options=write_attendance(unattended),
        )


def write_attendance(rows: Sequence[Row]) -> str:
    """Write the options that decide of some rows whether the manager attends.

    What is proposed is taken; else they attend with key accounts, and not with others.
    """
    attended = [
        row
        for row in rows
        if row.is_attended
        or (row.attendance_proposed is None and row.customer_class == "key")
    ]
    if len(attended) == len(rows):
        return "--attend rest"
    named = Counter(row.account for row in rows)
    names = (r.account if named[r.account] == 1 else r.account_id for r in attended)
    return " ".join(
        [*(f"--attend {shlex.quote(n)}" for n in names), "--no-attend rest"]
    )


def list_open_questions(plan: Plan, people: People) -> Iterator[Refusal]:
    """Yield what a person has still to decide, as what a submission is refused for."""
    rows = [row for row in plan.rows if row.is_left]
    nobody = [row for row in rows if row.successor_id is None]
    if nobody:
        yield errors.SuccessorMissing(plan=plan.id, accounts=name_rows(nobody))
    for successor in sorted({row.successor_id for row in rows if row.successor_id}):
        if not people.is_active(successor):
            yield errors.InactiveSuccessor(user=people.name(successor))
    unplaced = [r for r in rows if r.mode is Mode.MEET and r.visit is None]
    if unplaced:
        yield errors.VisitUndecided(plan=plan.id, accounts=name_rows(unplaced))
    declined = [row for row in rows if row.is_declined]
    if declined:
        yield errors.VisitDeclined(plan=plan.id, accounts=name_rows(declined))
    unowned = {each.id for each in plan.aside if each.hides_owner}
    unread = [each for each in plan.waiting if each in unowned]
    if unread:
        opportunities = name_first(list_opportunities(plan, unread))
        yield errors.OwnerUnread(plan=plan.id, opportunities=opportunities)
    waiting = [each for each in plan.waiting if each not in unowned]
    if waiting:
        opportunities = name_first(list_opportunities(plan, waiting))
        yield errors.OpportunityUndecided(plan=plan.id, opportunities=opportunities)
    loose = [r for r in plan.loose if r.action is None and r.object in BLOCKING]
    if loose:
        records = name_first(map(name_loose, loose))
        yield errors.LooseUndecided(plan=plan.id, records=records)


def check_leaver(connection: Connection, plan: Plan, people: People) -> None:
    """Refuse to forget a customer or anything open of somebody who has left.

    What another open plan hands over is given to somebody. Who is active and cannot
    take part may keep a customer, but only if a person has decided it.

    Raises:
        LeaverKeeps: nobody takes over some of what they own.
        AbsentUndecided: nobody has decided about some of their customers.
    """
    is_active = people.is_active(plan.predecessor)
    if is_active and not plan.absent:
        return
    out = {r.account_id: r.account for r in plan.rows if r.mode is Mode.EXCLUDE}
    given = dict(list_claimed(connection, plan, out))
    kept: list[str | Phrase] = [out[each] for each in out if each not in given]
    if is_active:
        decided = {row.account_id for row in plan.rows if row.mode_by is not None}
        undecided = [out[a] for a in out if a not in given and a not in decided]
        if undecided:
            raise errors.AbsentUndecided(
                user=people.name(plan.predecessor),
                plan=plan.id,
                accounts=name_first(undecided),
            )
        return
    kept += [r.account for r in plan.rows if r.mode is Mode.HOLD and r.is_left]
    kept += [
        name_opportunity(row, opportunity)
        for row in plan.rows
        for opportunity in row.opportunities
        if opportunity.action == "hold" and row.account_id not in out
    ]
    kept += [
        name_loose(record)
        for record in plan.loose
        if record.object in OPEN_RECORDS and record.action != "transfer"
    ]
    if kept:
        raise errors.LeaverKeeps(
            user=people.name(plan.predecessor),
            plan=plan.id,
            records=name_first(kept),
        )


def check_unclaimed(connection: Connection, plan: Plan) -> None:
    """Refuse accounts that another open plan hands over already.

    Raises:
        AlreadyPlanned: there are such accounts.
    """
    names = {r.account_id: r.account for r in plan.rows if r.is_left}
    clashes = dict(list_claimed(connection, plan, names))
    if clashes:
        raise errors.AlreadyPlanned(
            plan=", ".join(sorted(set(clashes.values()))),
            accounts=name_first(names[each] for each in sorted(clashes)),
        )
