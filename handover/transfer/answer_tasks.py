"""Tasks for what customers' answers leave to people.

What a customer corrected and no field of the CRM takes from us, somebody has to enter;
what a customer did not know, somebody has to find out. The predecessor is asked as long
as they can be reached, then the successor. A later answer ends the task.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from handover.answers.confirmations import Confirmation
from handover.ledger.states import Action
from handover.plan.model import Plan, Row
from handover.transfer.checks import Site
from handover.transfer.facts import OurTask
from handover.transfer.known_tasks import KnownTask
from handover.transfer.our_tasks import read_tasks
from handover.transfer.steps import PlanAnswers, Step
from handover.transfer.tasks import close, guard, is_in_our_hands
from handover.transfer.to_crm import NewTask


class Left(StrEnum):
    """What an answer leaves to do."""

    ENTER = "enter"
    ASK = "ask"


@dataclass(frozen=True, kw_only=True)
class AnswerTask:
    """A task that an answer asks of somebody."""

    made: Confirmation
    row: Row
    left: Left
    user_id: str
    due: dt.date

    @property
    def key(self) -> str:
        """Return its name, which is the same whoever makes it."""
        made = self.made
        prefix = key_prefix(made.plan_id, made.source)
        return f"{prefix}{made.account_id}:{made.number}:{self.left}:{self.user_id}"


def key_prefix(plan_id: str, source: str) -> str:
    """Return what the keys of all tasks of a plan's answers begin with."""
    return f"handover:answers:{plan_id}:{source}:"


def account_of(key: str, plan_id: str, source: str) -> str:
    """Read a task's account out of its key; ids may contain colons themselves."""
    return key.removeprefix(key_prefix(plan_id, source)).rsplit(":", 3)[0]


def find_asked(
    plan: Plan,
    row: Row,
    today: dt.date,
    *,
    grace: int,
    is_active: Callable[[str], bool],
) -> str | None:
    """Find who is asked for what a customer did not know; None where nobody is left.

    Args:
        plan: whose customer.
        row: the customer's.
        today: the day.
        grace: days after the change of owner for which the predecessor can be reached.
        is_active: tells of users whether they are still there.
    """
    until = row.until if row.until is not None else row.effective or plan.effective
    reachable = today <= until + dt.timedelta(days=grace)
    if reachable and not plan.absent and is_active(plan.predecessor):
        return plan.predecessor
    return row.successor_id


def list_task_steps(
    site: Site,
    connection: Connection,
    known: Iterable[KnownTask],
    wanted: Iterable[AnswerTask],
    words: Callable[[AnswerTask], tuple[str, str]],
    authority: PlanAnswers,
) -> Iterator[Step]:
    """Yield the steps that make the tasks asked for, and close those that are not.

    Args:
        site: where we are.
        connection: to the ledger.
        known: those there are.
        wanted: those there are to be.
        words: writes a task's subject and text.
        authority: whose answers.
    """
    asked, there = {task.key: task for task in wanted}, {t.key: t for t in known}
    for key, task in asked.items():
        if key not in there:
            yield _make(site, task, words(task), authority)
    over = {
        key: task.record
        for key, task in there.items()
        if key not in asked and task.is_open
    }
    for key, now in read_tasks(site, connection, over).items():
        if is_in_our_hands(now, site.to_crm):
            yield _close(site, key, now, authority)


def _make(
    site: Site, task: AnswerTask, said: tuple[str, str], authority: PlanAnswers
) -> Step:
    subject, text = said
    wanted = NewTask(
        key=task.key,
        account_id=task.made.account_id,
        owner_id=task.user_id,
        subject=subject,
        text=text,
        due=task.due.isoformat(),
    )
    return Step(
        source=task.made.source,
        account_id=task.made.account_id,
        action=Action.CREATE_TASK,
        change=site.to_crm.new_task(wanted),
        authority=authority,
    )


def _close(site: Site, key: str, task: OurTask, authority: PlanAnswers) -> Step:
    """Return the step that closes a task; what people have in hand stays open."""
    change = close(task, site.to_crm)
    return Step(
        source=site.source,
        account_id=account_of(key, authority.plan_id, site.source),
        action=Action.CLOSE_TASK,
        change=change,
        authority=authority,
        expects=guard(task, change, site.to_crm),
    )
