"""Our tasks: which ones a plan asks for, and the steps to them.

A task has a key of its own, so that the same plan asks for it only once. What is not
there yet is made; what is there and still as we wrote it is dated again, or closed when
the plan no longer asks for it. What a person changed stays as it is, and so does what
is done.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from connectors.base import SetField
from handover.ledger.states import Action, Mode
from handover.plan.approval import ApprovedPlan
from handover.plan.model import Plan, PlannedOpportunity, Row
from handover.plan.scheduler.calendar import WorkingDays
from handover.transfer.facts import OurTask
from handover.transfer.steps import Authority, Step
from handover.transfer.to_crm import NewTask, ToCrm

# Which tasks there are to be


class Purpose(StrEnum):
    """What a task asks for."""

    VISIT = "visit"
    PREPARE = "prepare"
    ACCEPT = "accept"
    GAPS = "gaps"
    HOLD = "hold"


@dataclass(frozen=True, kw_only=True)
class WantedTask:
    """One task that the plan asks of one person."""

    row: Row
    purpose: Purpose
    user_id: str
    due: dt.date
    gaps: tuple[str, ...] = ()
    """Items that are still to be entered."""
    held: tuple[PlannedOpportunity, ...] = ()
    """Opportunities that the predecessor keeps for a while."""

    def key(self, plan: Plan) -> str:
        """Return its name, which is the same whenever the plan asks for it."""
        return f"{key_prefix(plan)}{self.row.account_id}:{self.purpose}:{self.user_id}"


def key_prefix(plan: Plan) -> str:
    """Return what the keys of all tasks of a plan begin with."""
    return f"handover:{plan.id}:{plan.source}:"


def account_of(key: str, plan: Plan) -> str:
    """Read a task's account out of its key; ids may contain colons themselves."""
    return key.removeprefix(key_prefix(plan)).rsplit(":", 2)[0]


@dataclass(frozen=True, kw_only=True)
class Preparing:
    """By whom and by when the information is to be ready.

    ``preparer``: the predecessor, or who stands in. ``must``: codes of the policy's
    must-items. ``prepare_days``: working days of the company between the day on which
    the information is ready and the customer's visit.
    """

    preparer: str
    must: Collection[str]
    company: WorkingDays
    prepare_days: int


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Ids of what has changed hands already; it is held no longer."""

    accounts: Collection[str] = ()
    opportunities: Collection[str] = ()


def everything(plan: Plan) -> Moved:
    """Return what a plan will have moved in the end."""
    return Moved(
        accounts=[row.account_id for row in plan.rows],
        opportunities=[each.id for row in plan.rows for each in row.opportunities],
    )


def wanted_tasks(plan: Plan, rules: Preparing, moved: Moved) -> tuple[WantedTask, ...]:
    """List the tasks that a plan asks for, one for each person, purpose and customer.

    Args:
        plan: as approved.
        rules: by whom and by when the information is ready.
        moved: what has changed hands.
    """
    found = [
        task for row in plan.rows for task in _list_wanted(row, plan, rules, moved)
    ]
    return tuple({task.key(plan): task for task in found}.values())


def _list_wanted(
    row: Row, plan: Plan, rules: Preparing, moved: Moved
) -> Iterator[WantedTask]:
    if row.mode is Mode.EXCLUDE:
        return
    takes_effect = _find_effective(row, plan)
    if row.visit is not None and row.visit.takes_place:
        for user in row.visit.attendees:
            yield _task(row, Purpose.VISIT, user, row.visit.date)
    if row.mode is Mode.INFORM and row.successor_id is not None:
        yield _task(row, Purpose.ACCEPT, row.successor_id, takes_effect)
    yield from _list_preparing(row, plan, rules)
    yield from _list_holding(row, plan, moved)


def _list_preparing(row: Row, plan: Plan, rules: Preparing) -> Iterator[WantedTask]:
    """Yield what gets a customer's information ready: one task, if any.

    Where there are gaps it is the task of the gaps, which names them: a plan that was
    published when preparing was a task of its own has that one as well, and only the
    other one is closed.
    """
    met = row.visit.date if row.visit else _find_effective(row, plan)
    ready_by = max(rules.company.before(met, rules.prepare_days), plan.announce)
    gaps = tuple(g for g in row.gaps if g in rules.must and g not in row.waived)
    if gaps:
        yield WantedTask(
            row=row,
            purpose=Purpose.GAPS,
            user_id=rules.preparer,
            due=ready_by,
            gaps=gaps,
        )
    elif row.mode is Mode.INFORM:
        yield _task(row, Purpose.PREPARE, rules.preparer, ready_by)


def _list_holding(row: Row, plan: Plan, moved: Moved) -> Iterator[WantedTask]:
    """Yield what reminds both of what the predecessor keeps, by its first day."""
    held = tuple(
        each
        for each in row.opportunities
        if each.action == "hold" and each.id not in moved.opportunities
    )
    days = [each.until for each in held if each.until is not None]
    if row.mode is Mode.HOLD and row.account_id not in moved.accounts:
        days.append(_find_effective(row, plan))
    if not days:
        return
    for user in (plan.predecessor, row.successor_id):
        if user is not None:
            yield WantedTask(
                row=row, purpose=Purpose.HOLD, user_id=user, due=min(days), held=held
            )


def _find_effective(row: Row, plan: Plan) -> dt.date:
    """Find when an account changes hands: what is held, at the end of the hold."""
    until = row.until if row.mode is Mode.HOLD else None
    return until or row.effective or plan.effective


def _task(row: Row, purpose: Purpose, user: str, due: dt.date) -> WantedTask:
    return WantedTask(row=row, purpose=purpose, user_id=user, due=due)


def preparer(plan: Plan, delegate: str | None) -> str:
    """Return who gets the information ready.

    The predecessor does; in their absence the manager's delegate, else the manager.
    """
    if not plan.absent:
        return plan.predecessor
    return delegate or plan.manager or plan.predecessor


class WritesTasks(Protocol):
    """Whatever puts a task into words."""

    def words(self, task: WantedTask) -> tuple[str, str]:
        """Write a task's subject and text."""


# Steps


def new_tasks(
    approved: ApprovedPlan,
    tasks: Iterable[WantedTask],
    known: Iterable[OurTask],
    to_crm: ToCrm,
    writer: WritesTasks,
) -> list[Step]:
    """List the steps that create what is not there yet."""
    plan = approved.plan
    there = {task.key for task in known}
    return [
        Step(
            source=plan.source,
            account_id=task.row.account_id,
            action=Action.CREATE_TASK,
            change=to_crm.new_task(_new_task(task, plan, writer)),
            authority=approved,
        )
        for task in tasks
        if task.key(plan) not in there
    ]


def _new_task(task: WantedTask, plan: Plan, writer: WritesTasks) -> NewTask:
    subject, text = writer.words(task)
    return NewTask(
        key=task.key(plan),
        account_id=task.row.account_id,
        owner_id=task.user_id,
        subject=subject,
        text=text,
        due=task.due.isoformat(),
    )


def changed_tasks(
    plan: Plan,
    authority: Authority,
    tasks: Iterable[WantedTask],
    known: Iterable[OurTask],
    to_crm: ToCrm,
) -> list[Step]:
    """List the steps that date our open tasks again, or close those not asked for."""
    asked = {task.key(plan): task for task in tasks}
    steps: list[Step] = []
    for task in known:
        if not is_in_our_hands(task, to_crm):
            continue
        still = asked.get(task.key)
        change = close(task, to_crm) if still is None else _amend(task, still, to_crm)
        if change is None:
            continue
        account = account_of(task.key, plan)
        action = Action.CLOSE_TASK if still is None else Action.CHANGE_TASK
        steps.append(
            Step(
                source=plan.source,
                account_id=account,
                action=action,
                change=change,
                authority=authority,
                follows=(account,),
                expects=guard(task, change, to_crm),
            )
        )
    return steps


def is_in_our_hands(task: OurTask, to_crm: ToCrm) -> bool:
    """Tell whether a task is open and holds what we wrote, as far as we know."""
    now = {"due": task.due, "owner_id": task.owner_id}
    is_open = task.status == to_crm.task.status.open
    return is_open and (task.written is None or task.written == now)


def close(task: OurTask, to_crm: ToCrm) -> SetField:
    """Return the change that closes an open task."""
    status = to_crm.task.status
    return SetField(
        object=task.object,
        id=task.id,
        field=status.field,
        before=status.open,
        after=status.done,
    )


def _amend(task: OurTask, asked: WantedTask, to_crm: ToCrm) -> SetField | None:
    if task.written is None or task.due == asked.due.isoformat():
        return None
    return SetField(
        object=task.object,
        id=task.id,
        field=to_crm.task.due,
        before=task.due,
        after=asked.due.isoformat(),
    )


def guard(task: OurTask, change: SetField, to_crm: ToCrm) -> Mapping[str, str | None]:
    """Name the fields that show whether a person has taken the task in hand."""
    fields = to_crm.task
    expected = {
        fields.due: task.due,
        fields.owner_id: task.owner_id,
        fields.status.field: fields.status.open,
    }
    return {name: value for name, value in expected.items() if name != change.field}
