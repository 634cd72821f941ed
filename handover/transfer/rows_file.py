"""Reads a list of records: ``error.csv`` of a run, or any CSV with ids."""

import csv
from collections.abc import Collection, Iterable
from pathlib import Path

from handover.transfer.errors import BadRowsFile, UnknownRows
from handover.transfer.steps import Step

ID_COLUMNS = ("id", "record_id", "account_id")
LARGEST = 64 * 1024 * 1024
"""Bytes; a longer file is no list of rows of a plan."""


def read_ids(path: Path) -> frozenset[str]:
    """Read the record ids of a CSV file with an ``Id`` column.

    Raises:
        BadRowsFile: it is no such file.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise BadRowsFile(file=path, detail="too large")
        content = path.read_bytes()
    except OSError as error:
        raise BadRowsFile(file=path, detail=error.strerror) from error
    try:
        rows = list(csv.reader(_text(content).splitlines()))
    except (csv.Error, UnicodeDecodeError) as error:
        raise BadRowsFile(file=path, detail=error) from error
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    column = next((header.index(c) for c in ID_COLUMNS if c in header), None)
    if column is None:
        raise BadRowsFile(file=path, detail="no column Id")
    return frozenset(
        row[column].strip()
        for row in rows[1:]
        if len(row) > column and row[column].strip()
    )


def chosen(
    steps: Iterable[Step], ids: Collection[str], known: Collection[str], file: Path
) -> list[Step]:
    """Keep the steps of these records; an account's id takes all that follows it.

    Args:
        steps: those of the plan.
        ids: as the file names them.
        known: ids that the plan knows, whether or not they have a step now.
        file: for the message.

    Raises:
        UnknownRows: the plan has no such record.
    """
    listed = list(steps)
    strange = set(ids) - set(known) - {step.record_id for step in listed}
    if strange:
        raise UnknownRows(file=file, ids=", ".join(sorted(strange)[:5]))
    return [s for s in listed if s.record_id in ids or s.account_id in ids]


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp932")
