"""Reading the first sheet of an XLSX workbook as text."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from connectors.errors import UnreadableFile
from connectors.files.csv_text import Content, checked_header

LARGEST = 1 << 30
"""Bytes that a workbook may have once unpacked."""


def read_workbook(path: Path) -> Content:
    """Read the first sheet; empty rows are no rows.

    Raises:
        UnreadableFile: it is no workbook, is damaged, encrypted or far too large.
        DuplicateColumn: two columns have one name.
    """
    sheet = _first_sheet(path)
    rows = _rows(sheet)
    line, first = next(rows, (1, []))
    while first and not first[-1]:
        first.pop()
    header = checked_header(first, path.name, line)
    return Content(header=header, rows=_fitted(rows, len(header)))


def _first_sheet(path: Path) -> CalamineSheet:
    try:
        with ZipFile(path) as parts:
            size = sum(part.file_size for part in parts.infolist())
        if size > LARGEST:
            raise UnreadableFile(file=path.name, line=1, detail=f"{size} bytes")
        return CalamineWorkbook.from_path(path).get_sheet_by_index(0)
    except (CalamineError, BadZipFile) as error:
        raise UnreadableFile(file=path.name, line=1, detail=str(error)) from None


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [as_text(value) for value in row]
        if any(cells):
            yield number, cells


def _fitted(
    rows: Iterator[tuple[int, list[str]]], width: int
) -> Iterator[tuple[int, list[str]]]:
    """Drop the empty cells that a sheet's widest row gives to all the others."""
    for number, cells in rows:
        while len(cells) > width and not cells[-1]:
            cells.pop()
        yield number, cells


def as_text(value: object) -> str:
    """Write a cell as a person would type it: ISO dates, whole numbers without .0."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        whole = value.is_integer()
        return str(int(value)) if whole else format(Decimal(repr(value)), "f")
    if isinstance(value, dt.datetime) and value.time() == dt.time.min:
        return value.date().isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)
