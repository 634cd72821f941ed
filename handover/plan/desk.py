"""The desk: what every plan waits for, of whom, by when, and what stands against it."""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from handover.answers.acceptances import list_last_words
from handover.answers.confirmations import list_confirmations
from handover.answers.remarks import is_missed, list_remarks
from handover.errors import HandoverError, Refusal
from handover.ledger.states import OVER_STATES, RUNNING_STATES, PlanState
from handover.plan.approval import load_approved
from handover.plan.deciders import list_approvers, list_managers, list_reporters
from handover.plan.errors import (
    CoAttendanceUndecided,
    CustomerReturned,
    VisitDeclined,
    VisitMissed,
)
from handover.plan.model import Plan
from handover.plan.naming import name_rows
from handover.plan.questions import (
    check_answered,
    check_leaver,
    check_unclaimed,
    list_approval_questions,
    list_open_questions,
)
from handover.plan.terms import Circumstances

Step = Literal[
    "submit",
    "approve",
    "publish",
    "reassign",
    "report",
    "close",
    "rearrange",
    "name_other",
    "make_up",
]
FOR_MANAGERS = frozenset({"visit_undecided"})
"""Codes of what only a manager decides before a plan is submitted."""
WITH_APPROVAL = frozenset({CoAttendanceUndecided.code})
"""Codes of what is decided by whoever approves, in one step with that."""
ANSWERS = {
    "visit_undecided": "--inform rest --reason T",
    "visit_declined": "--date CUSTOMER=YYYY-MM-DD",
    "visit_missed": "--date CUSTOMER=YYYY-MM-DD",
    "customer_returned": "--successor CUSTOMER=U",
    "opportunity_undecided": "--opportunity rest=transfer",
    "owner_unread": "--opportunity ID=leave",
    "successor_missing": "--successor rest=U",
    "inactive_successor": "--successor CUSTOMER=U",
    "rejected_unchanged": "",
}
"""The option of ``plan edit`` that answers a question, by its code."""


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """What a plan waits for.

    ``persons`` are the users of whom one has to act, ``by`` is the day by which (of a
    reassignment the day on which), ``blocked`` is what stands against the step.
    """

    plan: Plan
    step: Step
    persons: tuple[str, ...]
    by: dt.date | None
    blocked: tuple[HandoverError, ...]

    @property
    def expires(self) -> dt.date | None:
        """The last day on which the approval counts, where there is one."""
        return self.plan.expires if self.step in ("publish", "reassign") else None

    @property
    def is_to_be_settled(self) -> bool:
        """Whether something has to be decided before the step, not just with it."""
        open_ones = {error.code for error in self.blocked} - WITH_APPROVAL
        return bool(open_ones) and self.step in ("submit", "approve")

    @property
    def command(self) -> str:
        """The command to try next: of the first blocker, else the step itself."""
        return find_next_command(self.plan, self.step, self.blocked)


def find_next_command(
    plan: Plan, step: Step, blocked: Sequence[HandoverError] = ()
) -> str:
    """Return the command that answers the first open question, else takes the step."""
    for error in blocked:
        if error.code == "loose_undecided":
            tables = (each.object for each in plan.loose if each.action is None)
            table = next(tables, "opportunities")
            return f"handover plan edit {plan.id} --loose {table}=transfer"
        if error.code == CoAttendanceUndecided.code:
            options = error.params["options"]
            return f"handover plan approve {plan.id} {options}"
        if error.code in ANSWERS:
            return f"handover plan edit {plan.id} {ANSWERS[error.code]}".strip()
    is_short = step in ("reassign", "report", "close")
    command = step if is_short else f"plan {step}"
    return f"handover {command} {plan.id}"


def find_waiting(
    connection: Connection, plan: Plan, today: dt.date, now: Circumstances
) -> Waiting | None:
    """Return what a plan waits for; None where nothing is left to be done."""
    step = _find_step(plan)
    if step is None:
        return None
    by = _find_day(plan, step)
    blocked = tuple(_list_blockers(connection, plan, step, today, now))
    persons = _list_persons(plan, step, blocked, now)
    return Waiting(plan=plan, step=step, persons=persons, by=by, blocked=blocked)


def find_declined(plan: Plan, now: Circumstances) -> Waiting | None:
    """Return that customers declined visits of a plan that runs; None if none did.

    Before that it is one of the open questions. Any of those who may edit the plan
    sets another date; the manager alone decides not to meet whom the rules demand.
    """
    declined = [row for row in plan.rows if row.is_left and row.is_declined]
    if plan.state not in RUNNING_STATES or not declined:
        return None
    own = (None if plan.absent else plan.predecessor, plan.author, plan.prepared_by)
    able = [each for each in own if each and now.people.is_active(each)]
    return Waiting(
        plan=plan,
        step="rearrange",
        persons=tuple(dict.fromkeys([*able, *list_managers(plan, now.people)])),
        by=min(row.visit.date for row in declined if row.visit is not None),
        blocked=(VisitDeclined(plan=plan.id, accounts=name_rows(declined)),),
    )


def find_returned(
    connection: Connection, plan: Plan, now: Circumstances, *, rehearsed: bool
) -> Waiting | None:
    """Return that successors returned customers of a plan; None if none did.

    Their manager names somebody else, or talks the successor round.
    """
    words = list_last_words(connection, plan.id, rehearsed=rehearsed)
    returned = [
        row
        for row in plan.rows
        if row.is_left
        and (said := words.get(row.account_id)) is not None
        and (said.answer, said.recorded_by) == ("returned", row.successor_id)
    ]
    if plan.state in OVER_STATES or not returned:
        return None
    return Waiting(
        plan=plan,
        step="name_other",
        persons=list_managers(plan, now.people),
        by=min(row.until or row.effective or plan.effective for row in returned),
        blocked=(CustomerReturned(plan=plan.id, accounts=name_rows(returned)),),
    )


def find_missed(
    connection: Connection,
    plan: Plan,
    now: Circumstances,
    zone: ZoneInfo,
    *,
    rehearsed: bool,
) -> Waiting | None:
    """Return that visits of a plan did not take place; None if all were made up for.

    Another date, an answer of the customer or information only makes up for one.
    """
    remarks = list_remarks(connection, plan.id, rehearsed=rehearsed)
    made = list_confirmations(connection, plan.id, rehearsed=rehearsed)
    missed = [
        row
        for row in plan.rows
        if row.is_left
        and row.visit is not None
        and is_missed(
            row.visit.date,
            zone,
            made.get(row.account_id, ()),
            remarks.get(row.account_id, ()),
        )
    ]
    if plan.state in OVER_STATES or not missed:
        return None
    return Waiting(
        plan=plan,
        step="make_up",
        persons=list_managers(plan, now.people),
        by=min(row.until or row.effective or plan.effective for row in missed),
        blocked=(VisitMissed(plan=plan.id, accounts=name_rows(missed)),),
    )


def _find_step(plan: Plan) -> Step | None:
    steps: dict[PlanState, Step] = {
        PlanState.DRAFT: "submit",
        PlanState.REJECTED: "submit",
        PlanState.SUBMITTED: "approve",
        PlanState.APPROVED: "publish",
        PlanState.IN_PROGRESS: "report",
        PlanState.REPORTED: "close",
    }
    step = steps.get(plan.state)
    is_carried_out = not any(row.is_left for row in plan.rows)
    return step if step not in ("report", "close") or is_carried_out else "reassign"


def _find_day(plan: Plan, step: Step) -> dt.date | None:
    """Find the day by which a step is needed: the first visit, or the next change."""
    if step in ("report", "close"):
        return None
    left = [row for row in plan.rows if row.is_left]
    due = [row.until or row.effective or plan.effective for row in left]
    if step == "reassign":
        return min(due, default=None)
    visits = [row.visit.date for row in left if row.visit is not None]
    return min([*visits, *due], default=plan.start)


def _list_blockers(
    connection: Connection,
    plan: Plan,
    step: Step,
    today: dt.date,
    now: Circumstances,
) -> list[HandoverError]:
    """List what the step would be refused for, the first one first."""
    found: list[HandoverError] = []
    if step in ("report", "close"):
        return found
    if step in ("publish", "reassign"):
        try:
            load_approved(connection, plan.id, today, now)
        except HandoverError as error:
            found.append(error)
        return found
    found += list_open_questions(plan, now.people)
    checks: list[Callable[[], None]] = [
        partial(check_answered, connection, plan, now.people, None),
        partial(check_leaver, connection, plan, now.people),
        partial(check_unclaimed, connection, plan),
    ]
    if step == "approve":
        checks.insert(0, partial(now.check, plan))
        found += list_approval_questions(plan)
    for check in checks:
        try:
            check()
        except Refusal as error:
            found.append(error)
    return found


def _list_persons(
    plan: Plan, step: Step, blocked: Sequence[HandoverError], now: Circumstances
) -> tuple[str, ...]:
    """List those of whom one has to act now."""
    people = now.people
    managers = list_managers(plan, people)
    if step == "approve" and {error.code for error in blocked} <= WITH_APPROVAL:
        return list_approvers(plan, people)
    if step == "close" or (blocked and blocked[0].code in FOR_MANAGERS):
        return managers
    if step == "report":
        return list_reporters(plan, people) or managers
    own = (plan.author, plan.prepared_by, None if plan.absent else plan.predecessor)
    able = dict.fromkeys(each for each in own if each and people.is_active(each))
    return tuple(able) or managers
