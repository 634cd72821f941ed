"""Whether what the ledger says of runs adds up, and still stands in the CRM.

The first needs nothing but the ledger. The second asks the CRM for every record that
runs wrote, and compares it with what was written last.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from connectors.base import Connector, Create, SetField
from handover.i18n import Phrase
from handover.ledger import anchors, events, seals
from handover.ledger.anchors import BrokenAnchor
from handover.ledger.runs import ERASED, Entry, Run, all_runs, counts, entries_of
from handover.transfer.doubles import find_doubles
from handover.transfer.readings import held

ENDED = ("done", "skipped", "refused", "in_doubt")


@dataclass(frozen=True, kw_only=True)
class LastWrite:
    """The last that runs wrote of a record, and which step of which run it was."""

    run_id: str
    entry: Entry


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that is not as it should be.

    ``kind``: ``event row anchor run record``.
    """

    kind: str
    id: int | str
    what: str
    details: dict[str, object] = field(default_factory=dict)

    @property
    def phrase(self) -> Phrase:
        """Its words."""
        if self.kind == "record":
            params = {"record": self.id, **self.details}
            return Phrase(text=f"fault:{self.what}", params=params)
        row = self.id if self.kind == "row" else f"{self.kind}:{self.id}"
        params = {"row": row, **self.details}
        return Phrase(text=f"ledger-fault:{self.what}", params=params)


def ledger_faults(connection: Connection, runs_folder: Path) -> Iterator[Fault]:
    """Yield where the chain of events breaks, and the runs that do not add up.

    The files of runs, in their folder, tell where the chain stood when they ended.
    """
    for one in events.verify(connection):
        yield Fault(kind="event", id=one.n, what=one.what)
    for each in anchors.list_broken(connection, runs_folder):
        yield anchor_fault(each)
    for broken in seals.list_broken(connection):
        yield Fault(kind="row", id=broken.row, what=broken.what)
    for run in all_runs(connection):
        found = counts(entries_of(connection, run.id))
        ended = sum(found[name] for name in ENDED)
        if run.state != "running" and found["planned"] != ended:
            yield Fault(kind="run", id=run.id, what="sum")


def anchor_fault(broken: BrokenAnchor) -> Fault:
    """Return the fault that a run's files, or a CRM, tell of another chain."""
    details: dict[str, object] = {"n": broken.n}
    return Fault(kind="anchor", id=broken.run_id, what=broken.what, details=details)


def last_writes(
    connection: Connection, only: Run | None = None
) -> dict[str, list[LastWrite]]:
    """List what runs wrote last of each record and field, by source.

    Args:
        connection: to the ledger.
        only: leave out what another run wrote last.
    """
    found: dict[tuple[str, str, str], LastWrite] = {}
    for run in reversed(all_runs(connection)):
        for entry in entries_of(connection, run.id):
            if entry.outcome == "done" and entry.record_id:
                name = entry.key or f"{entry.record_id}.{entry.field}"
                place = (entry.source, entry.object, name)
                found[place] = LastWrite(run_id=run.id, entry=entry)
    by_source: dict[str, list[LastWrite]] = defaultdict(list)
    for written in found.values():
        if written.entry.code == ERASED:  # nobody knows any more what it was
            continue
        if only is None or written.run_id == only.id:
            by_source[written.entry.source].append(written)
    return by_source


def record_faults(
    connector: Connector, written: Iterable[LastWrite]
) -> Iterator[Fault]:
    """Yield the records that no longer hold what was written, or stand twice.

    Raises:
        ConnectorError: the CRM cannot be asked.
    """
    by_object: dict[str, list[LastWrite]] = defaultdict(list)
    for one in written:
        by_object[one.entry.object].append(one)
    for name, group in by_object.items():
        ids = list(dict.fromkeys(one.entry.record_id or "" for one in group))
        fields = sorted({one.entry.field for one in group if one.entry.field})
        rows = connector.read(name, ids, fields)
        for one in group:
            row, change = rows.get(one.entry.record_id or ""), one.entry.change
            if row is None:
                yield _fault(one, "gone", None)
            elif isinstance(change, SetField):
                value = held(row, change.field)
                if value != (change.after or None):
                    yield _fault(one, "changed", value)
        made = {one.entry.key: one for one in group if one.entry.key is not None}
        creates = [c for one in group if isinstance(c := one.entry.change, Create)]
        for key, others in find_doubles(connector, creates).items():
            yield _fault(made[key], "doubled", ", ".join(others))


def _fault(written: LastWrite, what: str, found: str | None) -> Fault:
    entry = written.entry
    details = {
        "run": written.run_id,
        "n": entry.n,
        "source": entry.source,
        "object": entry.object,
        "field": entry.field,
        "written": entry.after or entry.key,
        "found": found,
    }
    return Fault(kind="record", id=entry.record_id or "", what=what, details=details)
