"""What is new, moved or over among the tasks of a plan."""

from collections.abc import Iterable
from collections.abc import Mapping as Map

from connectors.base import SetField
from handover.plan.approval import ApprovedPlan
from handover.transfer.address import task_create, task_mapping
from handover.transfer.facts import OurTask
from handover.transfer.steps import Action, Step
from handover.transfer.task_text import TaskWriter
from handover.transfer.wanted import Wanted, account_of
from mappings.model import Mapping


def new_tasks(
    approved: ApprovedPlan,
    tasks: Iterable[Wanted],
    known: Iterable[OurTask],
    mapping: Mapping,
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
            change=task_create(
                mapping, task.key(plan), _parts(task, writer), task.row.account_id
            ),
            authority=approved,
        )
        for task in tasks
        if task.key(plan) not in there
    ]


def _parts(task: Wanted, writer: TaskWriter) -> dict[str, str]:
    subject, text = writer.words(task)
    return {
        "subject": subject,
        "text": text,
        "due": task.due.isoformat(),
        "owner_id": task.user_id,
    }


def changed_tasks(
    approved: ApprovedPlan,
    tasks: Iterable[Wanted],
    known: Iterable[OurTask],
    mapping: Mapping,
) -> list[Step]:
    """List the steps that re-date our open tasks, or close those no longer asked for.

    What a person changed stays as it is; so does what is done.
    """
    plan = approved.plan
    asked = {task.key(plan): task for task in tasks}
    status = task_mapping(mapping).status
    steps: list[Step] = []
    for task in known:
        if task.status != status.open or not _is_ours(task):
            continue
        still = asked.get(task.key)
        change = (
            _close(task, mapping) if still is None else _amend(task, still, mapping)
        )
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
                expects=_guard(task, change, mapping),
            )
        )
    return steps


def _is_ours(task: OurTask) -> bool:
    """Tell whether a task still holds what we wrote, as far as we know."""
    now = {"due": task.due, "owner_id": task.owner_id}
    return task.written is None or task.written == now


def _close(task: OurTask, mapping: Mapping) -> SetField:
    status = task_mapping(mapping).status
    return SetField(
        object=task.object,
        id=task.id,
        field=status.field,
        before=status.open,
        after=status.done,
    )


def _amend(task: OurTask, asked: Wanted, mapping: Mapping) -> SetField | None:
    if task.written is None or task.due == asked.due.isoformat():
        return None
    return SetField(
        object=task.object,
        id=task.id,
        field=task_mapping(mapping).due,
        before=task.due,
        after=asked.due.isoformat(),
    )


def _guard(task: OurTask, change: SetField, mapping: Mapping) -> Map[str, str | None]:
    """Name the fields that show whether a person has taken the task in hand."""
    fields = task_mapping(mapping)
    expected = {
        fields.due: task.due,
        fields.owner_id: task.owner_id,
        fields.status.field: fields.status.open,
    }
    return {name: value for name, value in expected.items() if name != change.field}
