"""Reading a sheet of an XLSX workbook as text."""

import datetime as dt
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from zipfile import BadZipFile, LargeZipFile, ZipFile

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetVisibleEnum,
)

from connectors.errors import UnreadableFile
from connectors.files.csv_text import Content, checked_header
from connectors.files.table_form import (
    LOOKED_AT,
    Body,
    Expected,
    Line,
    header_among,
    score,
)
from connectors.files.workbook_parts import check_workbook, column_number

EXACT = 1 << 53
"""Whole numbers from here on have lost digits in a spreadsheet."""

DAMAGES = (
    *(CalamineError, BadZipFile, LargeZipFile, zlib.error, EOFError),
    *(KeyError, ValueError, RuntimeError),
)
"""What the libraries raise for parts that are not there, or not what they claim."""

_ERROR_CELL = re.compile(rb'<c\b[^>]*\bt="e"[^>]*>.*?</c>', re.DOTALL)
_PLACE = re.compile(rb'\br="([A-Z]+)(\d+)"')
_SAID = re.compile(rb"<v>([^<]*)</v>")
FailedCells = dict[int, dict[int, str]]
"""What cells show whose formula failed, by row and column counted from 1 and 0."""


def read_workbook(path: Path, expected: Expected) -> Content:
    """Read the first visible sheet that names most of the expected columns.

    Empty rows are no rows. A cell whose formula failed holds what it shows: #N/A.

    Raises:
        UnreadableFile: it is no workbook, is damaged or encrypted, or, as
            ``check_workbook`` says, takes more than it may.
        DuplicateColumn: two columns that are read have one name.
    """
    sheet, errors = _sheet(path, expected)
    begin = list(islice(_rows(sheet, errors), LOOKED_AT))
    titles = header_among(begin, expected)
    rows = _rows(sheet, errors)
    line, first = next(islice(rows, titles, None), (1, []))
    while first and not first[-1]:
        first.pop()
    header = checked_header(first, path.name, line, expected.columns)
    body = Body(header=header, expected=expected, titled=titles > 0)
    fitted = body.rows(_fitted(rows, len(header)))
    return Content(header=header, rows=fitted, body=body, header_line=line)


def _sheet(path: Path, expected: Expected) -> tuple[CalamineSheet, FailedCells]:
    with damage_is_named(path.name):
        check_workbook(path)
        with ZipFile(path) as parts:
            book = CalamineWorkbook.from_path(path)
            visible = [
                about.name
                for about in book.sheets_metadata
                if about.visible == SheetVisibleEnum.Visible
            ]
            sheets = [book.get_sheet_by_name(name) for name in visible]
            if not sheets:
                raise UnreadableFile(file=path.name, line=1, detail="no sheet")
            best = max(sheets, key=lambda sheet: _score(sheet, expected))
            at = book.sheet_names.index(best.name)
            return best, read_failed_cells(parts, at)


@contextmanager
def damage_is_named(name: str) -> Iterator[None]:
    """Turn whatever a damaged workbook does to the libraries into one error.

    Raises:
        UnreadableFile: with the name, and what the library said.
    """
    try:
        yield
    except DAMAGES as error:
        raise UnreadableFile(file=name, line=1, detail=str(error)) from None
    except BaseException as error:
        # A panic of the library in Rust is no Exception, and its class has no name.
        if type(error).__name__ != "PanicException":
            raise
        raise UnreadableFile(file=name, line=1, detail=str(error)) from None


def _score(sheet: CalamineSheet, expected: Expected) -> int:
    """Count the columns that the best of the first rows names."""
    begin = islice(_rows(sheet, {}), LOOKED_AT)
    return max((score(cells, expected) for _, cells in begin), default=0)


def read_failed_cells(parts: ZipFile, at: int) -> FailedCells:
    """Find the cells whose formula failed; the library leaves them empty."""
    workbook = parts.read("xl/workbook.xml")
    ids = re.findall(rb'<(?:\w+:)?sheet\b[^>]*?\br:id="([^"]+)"', workbook)
    links = parts.read("xl/_rels/workbook.xml.rels")
    if at >= len(ids):
        return {}
    pattern = rb'<Relationship\b[^>]*\bId="%s"[^>]*>' % re.escape(ids[at])
    link = re.search(pattern, links)
    target = re.search(rb'\bTarget="([^"]+)"', link[0]) if link else None
    name = target[1].decode().removeprefix("/xl/") if target else ""
    if f"xl/{name}" not in parts.namelist():
        return {}
    found: FailedCells = {}
    for cell in _ERROR_CELL.finditer(parts.read(f"xl/{name}")):
        place, said = _PLACE.search(cell[0]), _SAID.search(cell[0])
        if place and said:
            row = found.setdefault(int(place[2]), {})
            row[column_number(place[1]) - 1] = said[1].decode()
    return found


def _rows(sheet: CalamineSheet, errors: FailedCells) -> Iterator[Line]:
    begin = sheet.start[1] if sheet.start else 0
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [as_text(value) for value in row]
        for column, said in errors.get(number, {}).items():
            if 0 <= column - begin < len(cells):
                cells[column - begin] = said
        if any(cells):
            yield number, cells


def _fitted(rows: Iterator[Line], width: int) -> Iterator[Line]:
    """Drop the empty cells that a sheet's widest row gives to all the others."""
    for number, cells in rows:
        while len(cells) > width and not cells[-1]:
            cells.pop()
        yield number, cells


def as_text(value: object) -> str:
    """Write a cell as a person would type it: ISO dates, whole numbers without .0.

    A number that has lost digits is written like 1.234567890123457E+18: it is right as
    an amount, and no id.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and abs(value) >= EXACT:
        return f"{Decimal(repr(value)).normalize():E}"
    if isinstance(value, float):
        whole = value.is_integer()
        return str(int(value)) if whole else format(Decimal(repr(value)), "f")
    if isinstance(value, dt.datetime) and value.time() == dt.time.min:
        return value.date().isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)
