"""Deciding by reading what became of a write, whether or not the CRM replied.

A reply is no proof: a trigger, a flow or a rule of the CRM may keep the old value or
set a third one in the same save, and the CRM says success all the same. So what it says
is done is read back (``read_back``), and done only when it holds what was written.

A reply may be lost as well (``settle``): an owner is known by its value, a task by its
key. What reading shows not to have taken effect may be sent again: a value set twice is
the same value, a keyed create cannot double, and nobody is on a team twice. Any other
create is never sent again; it stays in doubt until it is found. The walk asks for its
own steps, ``recover`` for those that earlier runs left open; what neither finds, a
person may say was not made (``release``).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.base import Capability, Change, Connector, Create, Row, SetField
from handover.ledger import Ledger, runs, seals
from handover.ledger.events import record
from handover.ledger.runs import INTERRUPTED, OVERRULED, UNREAD, Entry, StepResult
from handover.ledger.under_way import UNDER_WAY
from handover.transfer.crash_points import Reached
from handover.transfer.readings import CHANGED, GONE, held, holds, lacks_links
from mappings.text import as_text

IN_DOUBT = StepResult(outcome="in_doubt", code="reply_lost")
NOT_SENT = StepResult(outcome="skipped", code="without_effect")
NOT_MADE = StepResult(outcome="skipped", code="said_not_made")
LEFT = StepResult(outcome="skipped", code=INTERRUPTED)


def settle(connector: Connector, changes: Sequence[Change]) -> list[StepResult | None]:
    """Read what changes in doubt have come to; None for one without effect.

    Raises:
        ConnectorError: the CRM cannot be read now either; all stay in doubt.
    """
    rows = _rows(connector, [c for c in changes if isinstance(c, SetField)])
    creates = [c for c in changes if isinstance(c, Create)]
    found = _found(connector, creates)
    keyed = Capability.KEYED_CREATES in connector.capabilities
    return [
        _created(change, found.get(change.key), keyed=keyed)
        if isinstance(change, Create)
        else _set(change, rows.get((change.object, change.id)))
        for change in changes
    ]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A change that the CRM says it made, and the record that it names for it."""

    change: Change
    record_id: str | None

    @property
    def place(self) -> tuple[str, str] | None:
        """The CRM's object and id; None where the CRM named no record."""
        own_id = self.record_id
        if isinstance(self.change, SetField):
            own_id = self.change.id
        return None if own_id is None else (self.change.object, own_id)


def read_back(connector: Connector, sent: Sequence[Sent]) -> list[StepResult]:
    """Read what the CRM says it wrote: done, or refused with what it holds instead.

    Raises:
        ConnectorError: the CRM cannot be read.
    """
    ids: dict[str, dict[str, None]] = defaultdict(dict)
    fields: dict[str, set[str]] = defaultdict(set)
    for one in sent:
        if one.place is not None:
            name, own_id = one.place
            ids[name][own_id] = None
            fields[name] |= _written(one.change).keys()
    rows = {
        (name, own_id): row
        for name, wanted in ids.items()
        for own_id, row in connector.read(name, [*wanted], sorted(fields[name])).items()
    }
    return [_proved(one, one.place and rows.get(one.place)) for one in sent]


def _proved(sent: Sent, row: Row | None) -> StepResult:
    if sent.place is None:
        return StepResult(outcome="done")
    if row is None:
        return GONE
    values = _written(sent.change)
    other = {
        field: held(row, field)
        for field, value in values.items()
        if not holds(row, field, value)
    }
    if not other:
        return StepResult(outcome="done", record_id=sent.record_id)
    text: str | None = ", ".join(f"{name}={value}" for name, value in other.items())
    if isinstance(sent.change, SetField):
        text = other[sent.change.field]
    return StepResult(
        outcome="refused", code=OVERRULED, message=text, record_id=sent.record_id
    )


def _written(change: Change) -> Mapping[str, str | None]:
    """Return the values that have to be found when a change is read back."""
    if isinstance(change, SetField):
        return {change.field: change.after}
    names = change.proof or tuple(change.values)
    return {name: change.values[name] for name in names}


def _found(connector: Connector, creates: Sequence[Create]) -> Mapping[str, Row]:
    """Find records by the key field, else by the mark of a time before it was made."""
    found = connector.find(creates) if creates else {}
    unseen = [c for c in creates if c.key_field and c.key not in found]
    if not unseen:
        return found
    return {**found, **connector.find([replace(c, key_field=None) for c in unseen])}


def _rows(
    connector: Connector, changes: Sequence[SetField]
) -> Mapping[tuple[str, str], Row]:
    wanted: dict[str, list[SetField]] = defaultdict(list)
    for change in changes:
        wanted[change.object].append(change)
    rows = {}
    for name, group in wanted.items():
        ids = list(dict.fromkeys(change.id for change in group))
        fields = sorted({change.field for change in group})
        for key, row in connector.read(name, ids, fields).items():
            rows[name, key] = row
    return rows


def _set(change: SetField, row: Row | None) -> StepResult | None:
    if row is None:
        return GONE
    value = held(row, change.field)
    if holds(row, change.field, change.after):
        return StepResult(outcome="done", code="settled", record_id=change.id)
    return None if value == change.before else CHANGED


def _created(change: Create, row: Row | None, *, keyed: bool) -> StepResult | None:
    again = keyed if change.key_field else is_member(change)
    if row is None:
        return None if again else IN_DOUBT
    if again and lacks_links(change, row):
        return None
    return StepResult(outcome="done", code="settled", record_id=as_text(row.get("id")))


def is_member(change: Create) -> bool:
    """Tell a team's member from a task: it hangs on nothing but its own fields."""
    return not change.links


def recover(
    ledger: Ledger,
    connector: Connector,
    source: str,
    at: dt.datetime,
    reached: Reached = lambda _point: None,
) -> tuple[str, ...]:
    """Settle the open steps of earlier runs on a source; return the runs' ids.

    Raises:
        ConnectorError: the CRM cannot be read; nothing was settled.
        LedgerChanged: the chain of events does not vouch for a step of theirs.
    """
    with ledger.read() as connection:
        found = runs.open_runs(connection, source)
        seals.check_rows_of(connection, [run_id for run_id, _ in found])
        known = {n: runs.entries_of(connection, n) for n, _ in found}
    for run_id, state in found:
        results = _settled(connector, known[run_id], at)
        with ledger.begin() as connection:
            runs.record_results(connection, run_id, results, at)
            if state == "running":
                runs.finish(connection, run_id, "interrupted", at)
        reached("doubt_settled")
    return tuple(run_id for run_id, _ in found)


def _settled(
    connector: Connector, entries: Iterable[Entry], at: dt.datetime
) -> dict[int, StepResult]:
    listed = list(entries)
    left = {e.n: LEFT for e in listed if e.outcome == "planned"}
    unread = [e for e in listed if e.outcome == "done" and e.code == UNREAD]
    sent = [Sent(change=e.change, record_id=e.record_id) for e in unread]
    left |= {
        entry.n: result
        for entry, result in zip(unread, read_back(connector, sent), strict=True)
    }
    doubtful = [e for e in listed if e.outcome in ("intent", "in_doubt")]
    if not doubtful:
        return left
    found = settle(connector, [e.change for e in doubtful])
    sure = Capability.SURE_FIND in connector.capabilities
    return left | {
        entry.n: NOT_SENT
        if result is None or (result is IN_DOUBT and sure and _is_over(entry, at))
        else result
        for entry, result in zip(doubtful, found, strict=True)
    }


def _is_over(entry: Entry, at: dt.datetime) -> bool:
    """Tell whether a call was so long ago that it has had its effect, or none."""
    if entry.intended_at is None:
        return False
    try:
        return at - dt.datetime.fromisoformat(entry.intended_at) > UNDER_WAY
    except ValueError:
        return False  # it was changed: nothing is sure


@dataclass(frozen=True, kw_only=True)
class Released:
    """What a person said was not made, and what may still be under way."""

    steps: Sequence[Entry]
    left: Sequence[Entry]


def release(
    ledger: Ledger, run_id: str, at: dt.datetime, by: Mapping[str, object]
) -> Released:
    """Count as not made what a run may have made and reading does not find.

    Whoever says so has looked for it in the CRM: a later run makes it. The CRM has been
    read just before (``recover``). A call of the last minutes may still take effect, so
    its steps stay in doubt.

    Args:
        ledger: where the run is on record.
        run_id: the run.
        at: when, in UTC.
        by: who says so, and why.
    """
    with ledger.begin() as connection:
        entries = runs.entries_of(connection, run_id)
        doubtful = [e for e in entries if e.outcome == "in_doubt" and e.key is not None]
        steps = [entry for entry in doubtful if _is_over(entry, at)]
        left = [entry for entry in doubtful if entry not in steps]
        if steps:
            numbers = [entry.n for entry in steps]
            record(connection, at, "run.released", run_id, {**by, "steps": numbers})
            results = dict.fromkeys(numbers, NOT_MADE)
            runs.record_results(connection, run_id, results, at)
    return Released(steps=steps, left=left)
