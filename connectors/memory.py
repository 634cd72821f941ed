"""A CRM in dictionaries: small, complete, and able to misbehave when asked.

It serves property tests of everything above the connectors. ``commits`` records every
write that took effect and is the judge of what was really done, whatever the caller
was told. ``faults`` says what goes wrong next.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fnmatch import filter as matching
from itertools import groupby

from connectors.base import (
    Capability,
    Change,
    Create,
    Field,
    Identity,
    Member,
    ObjectSchema,
    Outcome,
    Page,
    Pull,
    Row,
    SetField,
    put_found,
)
from connectors.errors import NotPermitted, UnknownObject, Unreachable

DAWN = datetime(2026, 1, 5, tzinfo=UTC)
"""When the server's clock starts; it ticks a second with each commit."""

TICK = timedelta(seconds=1)
KEY_FIELD = "handover_key"
SYSTEM = frozenset({"id", "modified_at", "is_deleted", KEY_FIELD})
"""Fields that a record gets by itself."""

Cells = dict[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Commit:
    """One write that took effect, and when on the server's clock."""

    at: datetime
    change: Change
    id: str


@dataclass(kw_only=True)
class Faults:
    """What goes wrong. Counters and flags of one call are used up by it.

    ``refuse``: gives the code with which a change is refused, or None.
    ``lose_before``, ``lose_after``: that many writes lose their reply, before or after
    they took effect. ``answer_only``: only so many changes of the next batch are
    answered, though all took effect. ``unreachable_after``: so many more pages are
    read, then none. ``unseen``: keys that ``find`` does not see yet (search lag).
    ``hidden``: objects, or (object, field), that we may not see. ``overrule``: gives
    the values that an automation of the CRM sets in the same save as a change.
    """

    refuse: Callable[[Change], str | None] = lambda _change: None
    lose_before: int = 0
    lose_after: int = 0
    answer_only: int | None = None
    unreachable_after: int | None = None
    overrule: Callable[[Change], Mapping[str, str | None]] = lambda _change: {}
    unseen: set[str] = field(default_factory=set)
    hidden: set[str | tuple[str, str]] = field(default_factory=set)


class MemoryCRM:
    """A CRM in memory.

    Records have an ``id``, ``modified_at`` by the server's clock and, once deleted,
    ``is_deleted``; all values are text. What an object's teams are called is told by
    ``teams``: changing ``owner_id`` of a record drops the rows that name it as
    ``record_id``, as an owner change in Salesforce does.

    Args:
        records: rows of each object; each has an ``id``.
        capabilities: what it can do; by default everything.
        identity: who it says it is.
        page_size: rows of a page.
        batch_size: changes of a batch.
        teams: object to the object of its teams.
    """

    name = "memory"

    def __init__(
        self,
        records: Mapping[str, Iterable[Mapping[str, str | None]]] | None = None,
        *,
        capabilities: Collection[Capability] = tuple(Capability),
        identity: Identity | None = None,
        page_size: int = 100,
        batch_size: int = 200,
        teams: Mapping[str, str] | None = None,
    ) -> None:
        self.capabilities = frozenset(capabilities)
        self.calls = 0
        self.now = DAWN
        self.commits: list[Commit] = []
        self.faults = Faults()
        self.page_size = page_size
        self.batch_size = batch_size
        self.identity = identity or Identity(
            org_id="memory:1", org_name="Memory", production=False, local=True
        )
        self._teams = teams or {}
        self._records: dict[str, dict[str, Cells]] = {}
        for name, rows in (records or {}).items():
            self._records[name] = {}
            for row in rows:
                self.put(name, str(row["id"]), **row)

    # What people do in the CRM, unknown to us.

    def put(self, object_name: str, record_id: str, /, **values: str | None) -> None:
        """Create or change a record, as somebody else would."""
        row = self._records.setdefault(object_name, {}).setdefault(record_id, {})
        row.update(values)
        self._stamp(row, record_id)

    def delete(self, object_name: str, record_id: str) -> None:
        """Delete a record so that readers of changes still hear of it."""
        row = self._records[object_name][record_id]
        row["is_deleted"] = "true"
        self._stamp(row, record_id)

    def erase(self, object_name: str, record_id: str) -> None:
        """Delete a record without a trace; only a sweep can tell."""
        del self._records[object_name][record_id]

    def rows(self, object_name: str) -> dict[str, Row]:
        """Look at the records that exist, for judging; this is no call."""
        found = self._records.get(object_name, {})
        return {key: dict(row) for key, row in found.items() if _lives(row)}

    def pass_time(self, time: timedelta) -> None:
        """Move the server's clock."""
        self.now += time

    def _stamp(self, row: Cells, record_id: str) -> None:
        self.now += TICK
        row["id"] = record_id
        row["modified_at"] = _stamped(self.now)

    # What a connector does.

    def identify(self) -> Identity:
        """Return who it was made to be."""
        self.calls += 1
        return self.identity

    def objects(self, pattern: str) -> Sequence[str]:
        """List the objects that a pattern matches."""
        return tuple(sorted(matching(self._records, pattern)))

    def describe(self, object_name: str) -> ObjectSchema:
        """List the fields that some record has and that are not hidden."""
        self.calls += 1
        rows = self._table(object_name).values()
        names = {name: None for row in rows for name in row}
        hidden = {name for name in names if (object_name, name) in self.faults.hidden}
        fields = {
            n: Field(name=n, writable=n != "id") for n in names if n not in hidden
        }
        return ObjectSchema(name=object_name, fields=fields, hidden=frozenset(hidden))

    def pull(self, request: Pull) -> Iterator[Page]:
        """Read records in the order of their changes, or of their ids without since."""
        incremental = Capability.INCREMENTAL in self.capabilities
        since = _stamped(request.since) if request.since and incremental else ""
        begun = self.now
        wanted = sorted(
            (str(row["modified_at"]) if since else "", key)
            for key, row in self._table(request.object).items()
            if str(row["modified_at"]) >= since and (since or _lives(row))
        )
        resume = _place(request.resume)
        places = [place for place in wanted if place > resume]
        for at in range(0, max(len(places), 1), self.page_size):
            self._count_page()
            part = places[at : at + self.page_size]
            is_last = at + self.page_size >= len(places)
            yield Page(
                rows=[
                    self._seen(request.object, key, request.fields) for _, key in part
                ],
                cursor=None if is_last else "|".join(part[-1]),
                server_time=begun,
                promised=len(places),
            )

    def identifiers(self, object_name: str) -> Iterator[Page]:
        """Read the ids of all records that exist."""
        ids = sorted(
            key for key, row in self._table(object_name).items() if _lives(row)
        )
        for at in range(0, max(len(ids), 1), self.page_size):
            self._count_page()
            part = ids[at : at + self.page_size]
            is_last = at + self.page_size >= len(ids)
            yield Page(
                rows=[{"id": key} for key in part],
                cursor=None if is_last else part[-1],
                server_time=self.now,
                promised=len(ids),
            )

    def read(
        self,
        object_name: str,
        ids: Sequence[str],
        fields: Sequence[str],
    ) -> Mapping[str, Row]:
        """Read some records as they are now."""
        self.calls += 1
        table = self._table(object_name)
        alive = [key for key in ids if key in table and _lives(table[key])]
        return {key: self._seen(object_name, key, fields) for key in alive}

    def batches(self, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
        """Cut changes by object and size."""
        for _, group in groupby(changes, key=lambda change: change.object):
            part = list(group)
            for at in range(0, len(part), self.batch_size):
                yield part[at : at + self.batch_size]

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Write a batch, change by change; a refused one does not stop the others."""
        self.calls += 1
        lost = [Outcome(state="in_doubt", code="no_reply") for _ in batch]
        if self.faults.lose_before:
            self.faults.lose_before -= 1
            return lost
        outcomes = [self._commit(change) for change in batch]
        if self.faults.lose_after:
            self.faults.lose_after -= 1
            return lost
        answered, self.faults.answer_only = self.faults.answer_only, None
        count = len(batch) if answered is None else answered
        return outcomes[:count] + lost[count:]

    def find(self, creates: Sequence[Create]) -> Mapping[str, Row]:
        """Find records by key, as far as they are seen already."""
        self.calls += 1
        found: dict[str, Row] = {}
        for create in creates:
            rows = self._records.get(create.object, {}).values()
            name = create.key_field or KEY_FIELD
            for row in rows if create.key not in self.faults.unseen else ():
                if row.get(name) == create.key:
                    put_found(found, create.key, dict(row))
        return found

    def members(self, object_name: str, ids: Sequence[str]) -> Sequence[Member]:
        """List who is on the teams of some records."""
        self.calls += 1
        name = self._teams.get(object_name, "")
        return [
            _member(name, key, row)
            for key, row in self._records.get(name, {}).items()
            if _lives(row) and row.get("record_id") in ids
        ]

    def prepare(self, *, create: bool = False) -> Sequence[str]:  # noqa: ARG002
        """Need nothing: any record takes any field."""
        return ()

    def _table(self, name: str) -> dict[str, Cells]:
        if name in self.faults.hidden:
            raise NotPermitted(source=self.name, object=name)
        if name not in self._records:
            raise UnknownObject(
                source=self.name, object=name, known=", ".join(self._records)
            )
        return self._records[name]

    def _count_page(self) -> None:
        self.calls += 1
        left = self.faults.unreachable_after
        if left is not None:
            if left <= 0:
                raise Unreachable(source=self.name, detail="switched off")
            self.faults.unreachable_after = left - 1

    def _seen(self, name: str, key: str, fields: Sequence[str]) -> Row:
        row = self._records[name][key]
        visible = [f for f in fields if (name, f) not in self.faults.hidden]
        return {"id": key} | {f: row.get(f) for f in visible}

    def _commit(self, change: Change) -> Outcome:
        code = self.faults.refuse(change)
        if code is not None:
            return Outcome(state="refused", code=code, message="as asked")
        if isinstance(change, SetField):
            return self._set(change)
        return self._create(change)

    def _set(self, change: SetField) -> Outcome:
        row = self._records.get(change.object, {}).get(change.id)
        if row is None or not _lives(row):
            return Outcome(state="refused", id=change.id, code="not_found")
        current = row.get(change.field) or None
        if current == (change.after or None):
            return Outcome(state="done", id=change.id, code="already")
        if current != (change.before or None):
            return Outcome(
                state="refused", id=change.id, code="changed", message=current
            )
        row[change.field] = change.after
        row.update(self.faults.overrule(change))
        self._stamp(row, change.id)
        self._record(change, change.id)
        if change.field == "owner_id" and Capability.TEAMS in self.capabilities:
            self._drop_team(change)
        return Outcome(state="done", id=change.id)

    def _drop_team(self, change: SetField) -> None:
        team = self._records.get(self._teams.get(change.object, ""), {})
        for key in [k for k, row in team.items() if row.get("record_id") == change.id]:
            del team[key]

    def _create(self, create: Create) -> Outcome:
        existing = self._by_key(create)
        if existing is not None and Capability.KEYED_CREATES in self.capabilities:
            return Outcome(state="done", id=existing, code="already")
        record_id = f"new-{len(self.commits) + 1}"
        links = {f"{kind}_id": target for kind, target in create.links.items()}
        key = {create.key_field or KEY_FIELD: create.key}
        overruled = self.faults.overrule(create)
        values = {**create.values, **links, **key, **overruled}
        self.put(create.object, record_id, **values)
        self._record(create, record_id)
        return Outcome(state="done", id=record_id)

    def _by_key(self, create: Create) -> str | None:
        name = create.key_field or KEY_FIELD
        rows = self._records.get(create.object, {}).items()
        return next((k for k, row in rows if row.get(name) == create.key), None)

    def _record(self, change: Change, record_id: str) -> None:
        self.commits.append(Commit(at=self.now, change=change, id=record_id))


def _member(name: str, key: str, row: Cells) -> Member:
    record, user = str(row["record_id"]), row.get("user_id")
    values = {n: v for n, v in row.items() if n not in SYSTEM}
    again = Create(
        object=name,
        key=f"handover:team:{record}:{user}",
        key_field=None,
        values=values,
    )
    return Member(id=key, record_id=record, again=again)


def _stamped(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def _lives(row: Row) -> bool:
    return row.get("is_deleted") != "true"


def _place(cursor: str | None) -> tuple[str, str]:
    stamp, _, key = (cursor or "|").partition("|")
    return stamp, key
