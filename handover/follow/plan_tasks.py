"""A plan's tasks in the CRM, by customer: what people ticked off there is done here.

The CRM tells that a task is done and who owns it, not who ticked it off. So a task to
accept a customer that is done is no acceptance, which is the successor's own word: it
is shown as ticked off in the CRM, and no more.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy import Connection

from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.transfer.known_tasks import KnownTask, TaskState, list_known_tasks
from handover.transfer.tasks import Purpose, key_prefix
from handover.transfer.to_crm import ToCrm


@dataclass(frozen=True, kw_only=True)
class PlanTask:
    """One task of a plan: for which customer, what it asks, of whom, and how it stands.

    ``user_id`` is whom the plan asks; ``known.owner_id`` who has the task in the CRM.
    """

    account_id: str
    purpose: Purpose
    user_id: str
    known: KnownTask

    @property
    def state(self) -> TaskState:
        """How it stands."""
        return self.known.state


@dataclass(frozen=True, kw_only=True)
class PlanTasks:
    """All tasks of a plan that were ever made, as the last sync found them.

    Empty where the plan was never published. ``synced_at`` is when the CRM was read.
    """

    plan_id: str
    synced_at: dt.datetime
    tasks: tuple[PlanTask, ...] = ()

    @cached_property
    def by_account(self) -> Mapping[str, Sequence[PlanTask]]:
        """The tasks of each customer that has any, by the account's id."""
        found: dict[str, list[PlanTask]] = {}
        for task in self.tasks:
            found.setdefault(task.account_id, []).append(task)
        return found

    @property
    def counts(self) -> Mapping[TaskState, int]:
        """How many tasks stand how; every state is named."""
        counted = Counter(task.state for task in self.tasks)
        return {state: counted[state] for state in TaskState}

    def in_state(self, *states: TaskState) -> tuple[PlanTask, ...]:
        """List the tasks in some states, the earliest due first."""
        found = [task for task in self.tasks if task.state in states]
        return tuple(sorted(found, key=lambda task: task.known.due or dt.date.max))

    def is_done(self, account_id: str, purpose: Purpose) -> bool:
        """Return whether people ticked off what was asked for: all of it, and any.

        What we withdrew or people deleted does not count on either side.
        """
        states = {
            task.state
            for task in self.by_account.get(account_id, ())
            if task.purpose == purpose
        }
        asked = states - {TaskState.WITHDRAWN, TaskState.DELETED}
        return asked == {TaskState.DONE}


def read_plan_tasks(
    connection: Connection, mirror: Mirror, to_crm: ToCrm, plan: Plan
) -> PlanTasks:
    """Read how a plan's tasks stand in the mirror; the CRM is not asked.

    Args:
        connection: to the ledger, which knows how we wrote them.
        mirror: of the plan's source; its ``as_of`` tells what is overdue.
        to_crm: the CRM's words.
        plan: whose tasks.
    """
    prefix = key_prefix(plan)
    synced_at = mirror.generation.sources[mirror.source]["synced_at"]
    known = (
        list_known_tasks(connection, mirror, to_crm, prefix) if to_crm.has_tasks else ()
    )
    return PlanTasks(
        plan_id=plan.id,
        synced_at=dt.datetime.fromisoformat(synced_at),
        tasks=tuple(_read_key(each, prefix) for each in known),
    )


def _read_key(known: KnownTask, prefix: str) -> PlanTask:
    """Read customer, purpose and person out of a key; ids may contain colons."""
    account, purpose, user = known.key.removeprefix(prefix).rsplit(":", 2)
    return PlanTask(
        account_id=account, purpose=Purpose(purpose), user_id=user, known=known
    )
