"""Reads a list of records: ``error.csv`` of a run, or any CSV with ids."""

import csv
import io
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from handover.paper.inert import plain_cell
from handover.transfer.errors import BadRowsFile, UnknownRows
from handover.transfer.journal import Entry
from handover.transfer.steps import Step

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
    """
    try:
        content = _start_of(path)
    except OSError as error:
        raise BadRowsFile(file=path, detail=error.strerror) from error
    if len(content) > LARGEST:
        raise BadRowsFile(file=path, detail="too large")
    try:
        rows = list(csv.reader(io.StringIO(_text(content), newline="")))
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadRowsFile(file=path, detail=error) from error
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    column = next((header.index(c) for c in ID_COLUMNS if c in header), None)
    if column is None:
        raise BadRowsFile(file=path, detail="no column Id")
    ids = [row[column].strip() for row in rows[1:] if len(row) > column]
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


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp932")
