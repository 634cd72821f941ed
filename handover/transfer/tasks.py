"""Our tasks: which ones a plan asks for, what they say, and the steps to them.

A task has a key of its own, so that the same plan asks for it only once. What is not
there yet is made; what is there and still as we wrote it is dated again, or closed when
the plan no longer asks for it. What a person changed stays as it is, and so does what
is done.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from connectors.base import SetField
from handover.i18n import Words
from handover.ledger.states import Action, Mode
from handover.paper.dates import day
from handover.plan.approval import ApprovedPlan
from handover.plan.model import Plan, Row
from handover.transfer.facts import OurTask
from handover.transfer.steps import Step
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

    def key(self, plan: Plan) -> str:
        """Return its name, which is the same whenever the plan asks for it."""
        return f"{key_prefix(plan)}{self.row.account_id}:{self.purpose}:{self.user_id}"


def key_prefix(plan: Plan) -> str:
    """Return what the keys of all tasks of a plan begin with."""
    return f"handover:{plan.id}:{plan.source}:"


def account_of(key: str, plan: Plan) -> str:
    """Read a task's account out of its key; ids may contain colons themselves."""
    return key.removeprefix(key_prefix(plan)).rsplit(":", 2)[0]


def wanted_tasks(
    plan: Plan, *, preparer: str, must: Collection[str], moved: Collection[str]
) -> tuple[WantedTask, ...]:
    """List the tasks that a plan asks for.

    Args:
        plan: as approved.
        preparer: who gets the information ready: the predecessor, or who stands in.
        must: codes of the policy's must-items.
        moved: accounts that have changed hands; they are held no longer.
    """
    found = [
        task
        for row in plan.rows
        for task in _wanted_of(row, plan, preparer=preparer, must=must, moved=moved)
    ]
    return tuple({task.key(plan): task for task in found}.values())


def _wanted_of(
    row: Row,
    plan: Plan,
    *,
    preparer: str,
    must: Collection[str],
    moved: Collection[str],
) -> Iterator[WantedTask]:
    if row.mode is Mode.EXCLUDE:
        return
    takes_effect = (row.until if row.mode is Mode.HOLD else None) or (
        row.effective or plan.effective
    )
    ready_by = min(plan.end, takes_effect - dt.timedelta(days=1))
    if row.mode is Mode.MEET and row.visit is not None:
        for user in row.visit.attendees:
            yield _task(row, Purpose.VISIT, user, row.visit.date)
    if row.mode is Mode.INFORM:
        yield _task(row, Purpose.PREPARE, preparer, ready_by)
        if row.successor_id is not None:
            yield _task(row, Purpose.ACCEPT, row.successor_id, takes_effect)
    if row.mode is Mode.HOLD and row.account_id not in moved:
        yield _task(row, Purpose.HOLD, plan.predecessor, takes_effect)
    gaps = tuple(g for g in row.gaps if g in must and g not in row.waived)
    if gaps:
        yield replace(_task(row, Purpose.GAPS, preparer, ready_by), gaps=gaps)


def _task(row: Row, purpose: Purpose, user: str, due: dt.date) -> WantedTask:
    return WantedTask(row=row, purpose=purpose, user_id=user, due=due)


def preparer(plan: Plan, delegate: str | None) -> str:
    """Return who gets the information ready.

    The predecessor does; in their absence the manager's delegate, else the manager.
    """
    if not plan.absent:
        return plan.predecessor
    return delegate or plan.manager or plan.predecessor


# What they say

LONGEST = 255
"""Characters of a task's subject (Salesforce, Task.Subject)."""
SAID = {
    Purpose.VISIT: (
        "Handover visit: {account}",
        (
            "{due}, {time}, {place}. {predecessor} introduces {successor}."
            " Please confirm each item with the customer, by open questions."
        ),
    ),
    Purpose.PREPARE: (
        "Prepare the handover: {account}",
        (
            "{account} is handed over from {predecessor} to {successor} by information."
            " Please make it complete by {due}."
        ),
    ),
    Purpose.ACCEPT: (
        "Accept the handover: {account}",
        (
            "You take over {account} from {predecessor}. Please check the information"
            " and say so, or send it back with the reason, by {due}."
        ),
    ),
    Purpose.GAPS: (
        "Complete before the handover: {account}",
        (
            "{successor} takes over {account}. Still needed by {due}: {items}."
            " Please enter it in the CRM."
        ),
    ),
    Purpose.HOLD: (
        "Hand over on {due}: {account}",
        (
            "{account} stays with {predecessor} until {due}; then it is {successor}'s."
            " Please bring what is open to a point where it can be handed over."
        ),
    ),
}
"""Subject and text of each kind of task."""


ALONE = (
    "{due}, {time}, {place}. {successor} takes over from {predecessor}, who cannot"
    " come. Please confirm each item with the customer, by open questions."
)
"""Text of a visit without the predecessor."""


@dataclass(frozen=True, kw_only=True)
class TaskWriter:
    """Puts the tasks of a plan into the configured language.

    ``person`` and ``item`` give the names of a user and of an item of the policy.
    """

    plan: Plan
    spoken: Words
    person: Callable[[str], str]
    item: Callable[[str], str]

    def words(self, task: WantedTask) -> tuple[str, str]:
        """Write a task's subject and text."""
        words, row = self.spoken, task.row
        told = {
            "account": row.account,
            "predecessor": self.person(self.plan.predecessor),
            "successor": self.person(row.successor_id or ""),
            "due": day(task.due, words.language),
            "time": _time(task),
            "place": _place(task, words),
            "items": words(", ").join(map(self.item, task.gaps)),
        }
        subject, text = SAID[task.purpose]
        if task.purpose is Purpose.VISIT and not self._introduces(task):
            text = ALONE
        return _short(words(subject, **told)), words(text, **told)

    def _introduces(self, task: WantedTask) -> bool:
        visit = task.row.visit
        return visit is not None and self.plan.predecessor in visit.attendees


def _short(subject: str) -> str:
    """Cut a subject that no CRM would take whole; the text has the whole name."""
    return subject if len(subject) <= LONGEST else subject[: LONGEST - 1] + "…"


def _time(task: WantedTask) -> str:
    visit = task.row.visit
    return f"{visit.start}-{visit.end}" if visit else ""


def _place(task: WantedTask, words: Words) -> str:
    visit = task.row.visit
    if visit is None or visit.online:
        return words("online")
    return visit.place or words("at the customer's")


# Steps


def new_tasks(
    approved: ApprovedPlan,
    tasks: Iterable[WantedTask],
    known: Iterable[OurTask],
    to_crm: ToCrm,
    writer: TaskWriter,
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


def _new_task(task: WantedTask, plan: Plan, writer: TaskWriter) -> NewTask:
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
    approved: ApprovedPlan,
    tasks: Iterable[WantedTask],
    known: Iterable[OurTask],
    to_crm: ToCrm,
) -> list[Step]:
    """List the steps that date our open tasks again, or close those not asked for."""
    plan = approved.plan
    asked = {task.key(plan): task for task in tasks}
    status = to_crm.task.status
    steps: list[Step] = []
    for task in known:
        if task.status != status.open or not _is_ours(task):
            continue
        still = asked.get(task.key)
        change = _close(task, to_crm) if still is None else _amend(task, still, to_crm)
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
                authority=approved,
                follows=(account,),
                expects=_guard(task, change, to_crm),
            )
        )
    return steps


def _is_ours(task: OurTask) -> bool:
    """Tell whether a task still holds what we wrote, as far as we know."""
    now = {"due": task.due, "owner_id": task.owner_id}
    return task.written is None or task.written == now


def _close(task: OurTask, to_crm: ToCrm) -> SetField:
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


def _guard(task: OurTask, change: SetField, to_crm: ToCrm) -> Mapping[str, str | None]:
    """Name the fields that show whether a person has taken the task in hand."""
    fields = to_crm.task
    expected = {
        fields.due: task.due,
        fields.owner_id: task.owner_id,
        fields.status.field: fields.status.open,
    }
    return {name: value for name, value in expected.items() if name != change.field}
