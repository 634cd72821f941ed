"""The files of a run: what it leaves behind, and the list of rows it may be given.

They have Data Loader's columns, and what went wrong can be given to the next run. Ids
and outcomes go into them, no names; cells are inert; only the owner of the folder reads
them.
"""

import csv
import datetime as dt
import io
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import orjson
from sqlalchemy import Connection

from connectors.disk import replace_private_file
from connectors.files.csv_text import open_table
from handover.errors import DiskFull
from handover.ledger.anchors import newest_anchor, write_anchor
from handover.ledger.runs import Entry, Run, counts
from handover.ledger.states import OWNER_CHANGES
from handover.safe_text import cell, plain, plain_cell
from handover.transfer.errors import BadRowsFile, UnknownRows
from handover.transfer.steps import Step

RESERVE = 16 * 1024 * 1024
"""Bytes that stay free, so that the journal can always be kept."""

HEADER = ("Id", "OwnerId", "Object", "Field", "Value", "AccountId", "Action")


def check_reserve(folder: Path) -> None:
    """Refuse to go on while the disk is nearly full.

    Raises:
        DiskFull: less than the reserve is left.
    """
    if shutil.disk_usage(folder).free < RESERVE:
        raise DiskFull(file=folder)


# What a run leaves behind


class RunFolder:
    """The folder of one run."""

    def __init__(self, runs: Path, run_id: str) -> None:
        self.path = runs / run_id
        self._run_id = run_id

    def begin(
        self, run: Run, plan: Mapping[str, object], entries: Iterable[Entry]
    ) -> None:
        """Write what is about to happen, and what stood there before."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write("plan.json", orjson.dumps(plan, option=orjson.OPT_INDENT_2))
        kept = [entry for entry in entries if entry.key is None]
        self._write("before.csv", _table(kept, value=lambda e: e.before))
        self._log(run.started_at, "run_begun", kind=run.kind, plan=run.plan_id)

    def end(self, run: Run, entries: Iterable[Entry]) -> None:
        """Write what came of it; what went wrong can be given to ``--rows``."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        listed = list(entries)
        good = [entry for entry in listed if entry.outcome == "done"]
        bad = [entry for entry in listed if entry.outcome != "done"]
        self._write("success.csv", _table(good, last=("Status", _status)))
        self._write("error.csv", _table(bad, last=("Error", _error)))
        self._log(
            run.finished_at or run.started_at,
            "run_finished",
            state=run.state,
            window_seconds=run.window_seconds,
            **counts(listed),
        )

    def leave_anchor(self, connection: Connection, run: Run) -> None:
        """Write where the ledger's chain of events stands now."""
        write_anchor(self.path, newest_anchor(connection, run.id, run.serial))

    def _write(self, name: str, content: bytes) -> None:
        replace_private_file(self.path / name, content)

    def _log(self, at: dt.datetime, event: str, **details: object) -> None:
        """Add a line to the log."""
        line = {"at": at, "run": self._run_id, "event": event, **details}
        descriptor = os.open(
            self.path / "log.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )
        with os.fdopen(descriptor, "ab") as file:
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


CellReader = Callable[[Entry], str | None]


def _status(entry: Entry) -> str:
    return entry.code or entry.outcome


def _error(entry: Entry) -> str:
    said = ": ".join(filter(None, [entry.outcome, entry.code, entry.message]))
    return plain(said)


def _table(
    entries: Iterable[Entry],
    *,
    value: CellReader = lambda entry: entry.key or entry.after,
    last: tuple[str, CellReader] | None = None,
) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*HEADER, *([last[0]] if last else [])])
    for entry in entries:
        content = value(entry)
        owner = content if entry.action in OWNER_CHANGES else ""
        cells = (
            entry.record_id,
            owner,
            entry.object,
            entry.field,
            content,
            entry.account_id,
            entry.action,
            *([last[1](entry)] if last else []),
        )
        writer.writerow([cell(each or "") for each in cells])
    return text.getvalue().encode("utf-8-sig")


# Which rows to take


ID_COLUMNS = ("id", "record_id", "account_id")
SHORT = 15
"""Characters of an id of Salesforce in its reports; its API adds three."""
LARGEST = 64 * 1024 * 1024
"""Bytes; a longer file is no list of rows of a plan."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The ids of some records, and where they were listed."""

    name: str
    ids: frozenset[str]


def read_rows(path: Path) -> Rows:
    """Read the record ids of a CSV file with an ``Id`` column; ``-`` is stdin.

    Raises:
        BadRowsFile: it is no such file.
        UnreadableFile: it is no CSV, or in an encoding that nobody can tell.
    """
    try:
        content = _start_of(path)
    except OSError as error:
        raise BadRowsFile(file=path, detail=error.strerror) from error
    if len(content) > LARGEST:
        raise BadRowsFile(file=path, detail="too large")
    with open_table(BytesIO(content), path.name) as table:
        header = [name.casefold() for name in table.header]
        column = next((header.index(c) for c in ID_COLUMNS if c in header), None)
        if column is None:
            raise BadRowsFile(file=path, detail="no column Id")
        ids = [row[column].strip() for _, row in table.rows if len(row) > column]
    return Rows(name=str(path), ids=frozenset(map(plain_cell, filter(None, ids))))


def _start_of(path: Path) -> bytes:
    """Read a file as far as it may go, and a byte more if it is longer."""
    if str(path) == "-":
        return sys.stdin.buffer.read(LARGEST + 1)
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def left_open(run_id: str, entries: Iterable[Entry]) -> Rows:
    """Name the records that a run did not bring to an end."""
    ids = (entry.record_id for entry in entries if entry.outcome != "done")
    return Rows(name=run_id, ids=frozenset(filter(None, ids)))


def chosen(steps: Iterable[Step], rows: Rows, known: Collection[str]) -> list[Step]:
    """Keep the steps of these records; an account's id takes all that follows it.

    Args:
        steps: those of the plan.
        rows: what was asked for.
        known: ids that the plan knows, whether or not they have a step now.

    Raises:
        UnknownRows: the plan has no such record.
    """
    listed = list(steps)
    there = {*known, *(step.record_id or "" for step in listed)}
    short = {key[:SHORT]: key for key in there}
    ids = {short.get(i, i) if len(i) == SHORT else i for i in rows.ids}
    strange = ids - there
    if strange:
        raise UnknownRows(file=rows.name, ids=", ".join(sorted(strange)[:5]))
    return [s for s in listed if s.record_id in ids or s.account_id in ids]
