"""Our tasks as the last sync found them, and what people made of them since.

The mirror says how a task is, the ledger how we wrote it. What we wrote after the sync
counts as it was written, until the next one reads it.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import Connection

from handover.ledger.writes import TaskWrite, task_writes, tasks_made
from handover.mirror.views import Mirror
from handover.mirror.watermarks import OVERLAP
from handover.transfer.readings import same_value
from handover.transfer.to_crm import CanonicalRecord, CrmRecord, ToCrm

SECOND = dt.timedelta(seconds=1)
"""How exactly the mirror knows when it began to be read."""

Change = Literal["due", "owner"]

_TASKS = """
    select handover_key, object, id, owner_id, is_done, due, url from activities
    where starts_with(handover_key, $prefix) order by id
"""


class TaskState(StrEnum):
    """How a task of ours stands."""

    OPEN = "open"
    OVERDUE = "overdue"
    """It is open, and its day is over."""
    DONE = "done"
    """People ticked it off in the CRM."""
    WITHDRAWN = "withdrawn"
    """We closed it ourselves: the plan does not ask for it any more."""
    DELETED = "deleted"
    """It is gone from the CRM: people deleted it."""


@dataclass(frozen=True, kw_only=True)
class KnownTask:
    """A task of ours: how it is, who has it, by when, and what people changed of that.

    ``asked_of`` and ``asked_by`` are whom we asked and for which day. They are those of
    the CRM, and ``changed`` is empty, where the ledger does not know how we wrote it:
    another machine made it. ``is_read``: the CRM was read since we wrote it last.
    """

    key: str
    record: CrmRecord
    state: TaskState
    due: dt.date | None
    owner_id: str | None
    asked_of: str | None
    asked_by: dt.date | None
    changed: tuple[Change, ...] = ()
    is_read: bool = True
    url: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do it."""
        return self.state in (TaskState.OPEN, TaskState.OVERDUE)


def list_known_tasks(
    connection: Connection, mirror: Mirror, to_crm: ToCrm, prefix: str
) -> list[KnownTask]:
    """List the tasks whose key begins so, by key; of doubles, the one that we made.

    Nothing is asked of the CRM. A task that is missing in the mirror counts as deleted
    when the sync cannot have missed it: it was made well before, and keys are seen.
    """
    made = {
        key: CrmRecord(object=name, id=own_id)
        for key, (name, own_id) in tasks_made(connection, prefix).items()
    }
    wanted = {record.id for record in made.values()}
    writes: dict[str, list[TaskWrite]] = {}
    for write in task_writes(connection, mirror.source, wanted):
        writes.setdefault(write.record_id, []).append(write)
    seen = _read_seen(mirror, to_crm, prefix, made)
    reader = _TaskReader(mirror=mirror, to_crm=to_crm)
    placed = {key: each.record for key, each in seen.items()} | made
    return [
        reader.read(
            _Told(
                key=key,
                record=record,
                row=seen[key].row if key in seen else None,
                writes=writes.get(record.id, ()),
            )
        )
        for key, record in sorted(placed.items())
    ]


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """A task as it stands in the mirror."""

    record: CrmRecord
    row: Mapping[str, Any]


def _read_seen(
    mirror: Mirror, to_crm: ToCrm, prefix: str, made: Mapping[str, CrmRecord]
) -> dict[str, _Seen]:
    """Read the mirror's tasks by key; the record that we made comes before others."""
    found: dict[str, _Seen] = {}
    for seen in _list_seen(mirror, to_crm, prefix):
        key = seen.row["handover_key"]
        if key not in found or made.get(key) == seen.record:
            found[key] = seen
    return found


def _list_seen(mirror: Mirror, to_crm: ToCrm, prefix: str) -> Iterator[_Seen]:
    for row in mirror.rows(_TASKS, prefix=prefix):
        canonical = CanonicalRecord(
            table="activities", id=row["id"], object=row["object"]
        )
        yield _Seen(record=to_crm.record(canonical), row=row)


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What mirror and ledger tell of a task: its row, and our writes in their order."""

    key: str
    record: CrmRecord
    row: Mapping[str, Any] | None
    writes: Sequence[TaskWrite]

    @cached_property
    def written(self) -> Mapping[str, str | None]:
        """What we wrote last into each field; empty where we did not make it."""
        found: dict[str, str | None] = {}
        for write in self.writes:
            found |= write.fields
        return found

    def is_withdrawn(self, status: str) -> bool:
        """Tell whether we closed it: its status is not the one it was made with.

        The words of the states are the CRM's own, which would have to be asked for
        them.
        """
        made = next((w.fields for w in self.writes if len(w.fields) > 1), {})
        return self.written.get(status) != made.get(status)


class _TaskReader:
    """Judges tasks by what the mirror has of them and what we wrote."""

    def __init__(self, *, mirror: Mirror, to_crm: ToCrm) -> None:
        self._mirror = mirror
        self._to_crm = to_crm
        text = mirror.generation.sources[mirror.source]["synced_at"]
        self._synced_at = dt.datetime.fromisoformat(text)
        self._sees_keys = mirror.sees("activities", "handover_key")

    def read(self, told: _Told) -> KnownTask:
        """Return how a task is."""
        writes = told.writes
        if told.row is None:
            task = self._take_written(told)
            is_old = bool(writes) and writes[0].at < self._synced_at - OVERLAP
            if is_old and self._sees_keys:
                return replace(task, state=TaskState.DELETED, is_read=True)
            return task
        if writes and writes[-1].at > self._synced_at + SECOND:
            return replace(self._take_written(told), url=told.row["url"])
        return self._take_seen(told, told.row)

    def _take_written(self, told: _Told) -> KnownTask:
        fields, written = self._to_crm.task, told.written
        due, owner = _read_day(written.get(fields.due)), written.get(fields.owner_id)
        user = self._find_user(owner) if owner else None
        is_closed = told.is_withdrawn(fields.status.field)
        return KnownTask(
            key=told.key,
            record=told.record,
            state=TaskState.WITHDRAWN if is_closed else self._judge_open(due),
            due=due,
            owner_id=user,
            asked_of=user,
            asked_by=due,
            is_read=False,
        )

    def _take_seen(self, told: _Told, row: Mapping[str, Any]) -> KnownTask:
        fields, written = self._to_crm.task, told.written
        ours = _read_day(written.get(fields.due))
        due = ours if self._is_day(row["due"], ours) else row["due"]
        owner = self._to_crm.user_id(row["owner_id"]) if row["owner_id"] else None
        changed: list[Change] = []
        if fields.due in written and due != ours:
            changed.append("due")
        if not same_value(owner, written.get(fields.owner_id, owner)):
            changed.append("owner")
        asked_of = written.get(fields.owner_id)
        is_closed = told.is_withdrawn(fields.status.field)
        ended = TaskState.WITHDRAWN if is_closed else TaskState.DONE
        return KnownTask(
            key=told.key,
            record=told.record,
            state=ended if row["is_done"] else self._judge_open(due),
            due=due,
            owner_id=row["owner_id"],
            asked_of=self._find_user(asked_of) if asked_of else row["owner_id"],
            asked_by=ours or due,
            changed=tuple(changed),
            url=row["url"],
        )

    def _judge_open(self, due: dt.date | None) -> TaskState:
        is_late = due is not None and due < self._mirror.as_of
        return TaskState.OVERDUE if is_late else TaskState.OPEN

    def _find_user(self, own_id: str) -> str:
        name = next(iter(self._to_crm.objects("users")), "")
        return self._to_crm.canonical_id("users", CrmRecord(object=name, id=own_id))

    def _is_day(self, found: dt.date | None, ours: dt.date | None) -> bool:
        """Tell whether the mirror's day is ours.

        A CRM that keeps days as midnight in UTC gives them back as the evening before,
        west of it.
        """
        if found is None or ours is None:
            return found == ours
        midnight = dt.datetime.combine(ours, dt.time(), dt.UTC)
        return found in (ours, midnight.astimezone(self._mirror.zone).date())


def _read_day(text: str | None) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None
