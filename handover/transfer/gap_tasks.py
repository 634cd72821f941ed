"""Tasks for what is lacking, of every customer: which there are to be, night by night.

Each customer who lacks must-items has one open task at most, of whoever owns them. It
stands for a round: while its day has not come, there is no other, however it ended. If
it is still open then, the owner's manager gets one too. What is filled in ends both.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from handover.audit.engine import Audit
from handover.audit.findings import to_fill_in
from handover.transfer.known_tasks import KnownTask

_RANKS = {"key": 0, "priority": 1}


class Recipient(StrEnum):
    """Whom a task asks: the customer's owner, or their manager once it is late."""

    OWNER = "owner"
    MANAGER = "manager"


@dataclass(frozen=True, kw_only=True)
class LackingAccount:
    """A customer of whom must-items are to be filled in (``gaps``: their codes)."""

    id: str
    name: str
    owner_id: str | None
    rank: tuple[Any, ...]
    """Its place in the order of importance."""
    gaps: tuple[str, ...]


def list_lacking(
    audit: Audit, owners: Mapping[str, str | None]
) -> list[LackingAccount]:
    """List the customers who lack something that an owner can fill in.

    The most important come first: by class, then the lowest score, then the largest.

    Args:
        audit: of one source.
        owners: whom we made owners since the mirror was read, by account.
    """
    gaps = to_fill_in(audit)
    found = [
        LackingAccount(
            id=row["id"],
            name=row["name"],
            owner_id=owners.get(row["id"], row["owner_id"]),
            rank=_rank(row),
            gaps=tuple(gaps[row["id"]]),
        )
        for row in audit.accounts.to_pylist()
        if gaps.get(row["id"])
    ]
    return sorted(found, key=lambda account: account.rank)


def _rank(row: Mapping[str, Any]) -> tuple[Any, ...]:
    is_known = row["customer_class_state"] == "mapped"
    kind = row["customer_class"] if is_known else row["proposed_class"]
    score = row["score"]
    return (_RANKS.get(kind, len(_RANKS)), score or 0.0, -row["value"], row["id"])


# The tasks there are


def key_prefix(source: str) -> str:
    """Return what the keys of all tasks for gaps of a source begin with."""
    return f"handover:gaps:{source}:"


@dataclass(frozen=True, kw_only=True)
class Round:
    """The latest tasks of a customer: the owner's, and the manager's if it was late."""

    number: int
    tasks: Mapping[Recipient, KnownTask]

    @property
    def owners(self) -> KnownTask | None:
        """The owner's task."""
        return self.tasks.get(Recipient.OWNER)


def list_rounds(known: Iterable[KnownTask], source: str) -> dict[str, Round]:
    """Find the latest round of each customer in our tasks, by the account's id."""
    found: dict[str, Round] = {}
    for task in known:
        account, number, asked = _read_key(task.key, source)
        latest = found.get(account)
        if latest is None or number > latest.number:
            found[account] = Round(number=number, tasks={asked: task})
        elif number == latest.number:
            tasks = {**latest.tasks, asked: task}
            found[account] = Round(number=number, tasks=tasks)
    return found


def _read_key(key: str, source: str) -> tuple[str, int, Recipient]:
    account, number, asked = key.removeprefix(key_prefix(source)).rsplit(":", 2)
    return account, int(number), Recipient(asked)


# The tasks there are to be


@dataclass(frozen=True, kw_only=True)
class GapTask:
    """A task that is to be made, or to say something else than it does.

    ``late_since`` is the day by which the owner was asked; of a manager's task only.
    """

    account: LackingAccount
    number: int
    asked: Recipient
    user_id: str
    due: dt.date
    late_since: dt.date | None = None

    def key(self, source: str) -> str:
        """Return its name, which is the same whoever makes it."""
        return f"{key_prefix(source)}{self.account.id}:{self.number}:{self.asked}"


@dataclass(frozen=True, kw_only=True)
class Night:
    """What decides about one night's tasks.

    ``due``: the day for new ones. ``most_new``: how many new ones somebody gets at
    most. ``manager_of`` and ``can_be_asked`` tell of users by id.
    """

    today: dt.date
    due: dt.date
    most_new: int
    manager_of: Callable[[str], str | None]
    can_be_asked: Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class GapTasks:
    """What is to be done in one night.

    ``kept`` are open tasks with what they should say now. ``waiting`` are customers
    whose task has to wait for a later night, ``unasked`` those whose owner cannot be
    asked, ``untold`` those whose owner is late and has no manager who could be told.
    """

    new: tuple[GapTask, ...] = ()
    kept: tuple[tuple[KnownTask, GapTask], ...] = ()
    closed: tuple[tuple[str, KnownTask], ...] = ()
    """Account and task."""
    waiting: tuple[LackingAccount, ...] = ()
    unasked: tuple[LackingAccount, ...] = ()
    untold: tuple[LackingAccount, ...] = ()


def plan_night(
    lacking: Sequence[LackingAccount], rounds: Mapping[str, Round], night: Night
) -> GapTasks:
    """Decide which tasks are made, kept and closed.

    Args:
        lacking: customers who lack something and are to be asked about here, the most
            important first.
        rounds: the latest tasks, by account.
        night: the day, and whom one can ask.
    """
    planner = _Planner(rounds, night)
    for account in lacking:
        planner.add(account)
    asked = {account.id for account in lacking}
    for account_id, latest in rounds.items():
        if account_id not in asked:
            planner.close(account_id, latest.tasks.values())
    return planner.result()


class _Planner:
    """Goes through the customers and counts what people get."""

    def __init__(self, rounds: Mapping[str, Round], night: Night) -> None:
        self._rounds = rounds
        self._night = night
        self._given = Counter(
            task.asked_of
            for latest in rounds.values()
            for task in latest.tasks.values()
            if task.asked_by == night.due
        )
        self._new: list[GapTask] = []
        self._kept: list[tuple[KnownTask, GapTask]] = []
        self._closed: list[tuple[str, KnownTask]] = []
        self._put_aside: dict[str, list[LackingAccount]] = {}

    def result(self) -> GapTasks:
        """Return what was decided."""
        aside = {why: tuple(found) for why, found in self._put_aside.items()}
        return GapTasks(
            new=tuple(self._new),
            kept=tuple(self._kept),
            closed=tuple(self._closed),
            **aside,
        )

    def close(self, account_id: str, tasks: Iterable[KnownTask]) -> None:
        """Have those of a customer's tasks closed that are open."""
        self._closed += [(account_id, task) for task in tasks if task.is_open]

    def add(self, account: LackingAccount) -> None:
        """Decide about a customer who lacks something."""
        owner, latest = account.owner_id, self._rounds.get(account.id)
        tasks = latest.tasks.values() if latest else ()
        if owner is None or not self._night.can_be_asked(owner):
            self._set_aside("unasked", account)
            self.close(account.id, tasks)
            return
        task = latest.owners if latest else None
        if latest is None or task is None or self._is_over(task, owner):
            self._begin(account, owner, latest)
        elif task.is_open:
            self._keep(account, owner, latest, task)

    def _is_over(self, task: KnownTask, owner: str) -> bool:
        """Tell whether a customer needs another task: the day of the last one is over.

        One that is still open is left to its manager, unless the customer is somebody
        else's now; and one of theirs that nobody has touched is not waited for.
        """
        is_late = task.asked_by is None or task.asked_by < self._night.today
        if not task.is_open:
            return is_late
        is_theirs = owner in {task.asked_of, task.owner_id}
        return not is_theirs and (is_late or not task.changed)

    def _begin(self, account: LackingAccount, owner: str, latest: Round | None) -> None:
        """Make a customer's next task, as soon as its owner can have one more."""
        number = latest.number + 1 if latest else 1
        if latest is not None and latest.owners is None:
            number = latest.number
        made = self._make(
            GapTask(
                account=account,
                number=number,
                asked=Recipient.OWNER,
                user_id=owner,
                due=self._night.due,
            )
        )
        if made and latest is not None:
            self.close(account.id, latest.tasks.values())

    def _keep(
        self, account: LackingAccount, owner: str, latest: Round, task: KnownTask
    ) -> None:
        """Let a task stand with what it says now; tell the manager if it is late."""
        asked_by = task.asked_by or self._night.due
        kept = GapTask(
            account=account,
            number=latest.number,
            asked=Recipient.OWNER,
            user_id=owner,
            due=asked_by,
        )
        self._kept.append((task, kept))
        told = latest.tasks.get(Recipient.MANAGER)
        if asked_by >= self._night.today:
            return
        manager = self._night.manager_of(owner)
        escalated = GapTask(
            account=account,
            number=latest.number,
            asked=Recipient.MANAGER,
            user_id=manager or "",
            due=(told and told.asked_by) or self._night.due,
            late_since=asked_by,
        )
        if told is not None:
            self._kept += [(told, escalated)] if told.is_open else []
        elif manager is None or not self._night.can_be_asked(manager):
            self._set_aside("untold", account)
        else:
            self._make(escalated)

    def _make(self, task: GapTask) -> bool:
        """Have a task made unless whom it asks has got enough of them tonight."""
        if self._given[task.user_id] >= self._night.most_new:
            self._set_aside("waiting", task.account)
            return False
        self._given[task.user_id] += 1
        self._new.append(task)
        return True

    def _set_aside(self, why: str, account: LackingAccount) -> None:
        self._put_aside.setdefault(why, []).append(account)
