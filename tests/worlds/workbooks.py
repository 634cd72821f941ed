"""Workbooks as other programs keep them: read, changed, and written again."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import xlsxwriter
from python_calamine import CalamineWorkbook

Rows = list[list[Any]]
Sheets = dict[str, Rows]
FORMS = ((dt.datetime, "yyyy-mm-dd hh:mm"), (dt.date, "yyyy-mm-dd"), (dt.time, "h:mm"))
NAMES, HEADINGS = 0, 1


def read_sheets(path: Path) -> Sheets:
    """Read all cells of all sheets, the hidden ones, too."""
    book = CalamineWorkbook.from_path(path)
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def write_sheets(path: Path, sheets: Sheets) -> None:
    """Write cells, and nothing that was around them."""
    book = xlsxwriter.Workbook(str(path), {"strings_to_formulas": False})
    forms = [(kind, book.add_format({"num_format": form})) for kind, form in FORMS]
    for name, rows in sheets.items():
        page = book.add_worksheet(name)
        for n, row in enumerate(rows):
            for k, value in enumerate(row):
                form = next(
                    (form for kind, form in forms if isinstance(value, kind)), None
                )
                if value not in ("", None):
                    page.write(n, k, value, *([form] if form else []))
    book.close()


def save_again(path: Path, change: Callable[[Sheets], None] = lambda _: None) -> Path:
    """Save a workbook as another program would, with some cells changed."""
    sheets = read_sheets(path)
    change(sheets)
    write_sheets(path, sheets)
    return path


def find_column(rows: Rows, name: str) -> int:
    """Return where a column stands, by its hidden name."""
    return next(
        n for n, cell in enumerate(rows[NAMES]) if str(cell).endswith(f".{name}")
    )


def find_row(rows: Rows, key: Sequence[str]) -> int:
    """Return where the row stands that has some texts in its cells."""
    return next(n for n, row in enumerate(rows) if {*key} <= {str(c) for c in row})


def fill_in(sheets: Sheets, key: Sequence[str], column: str, value: object) -> None:
    """Write into the cell of a row, which is found by its key wherever it stands."""
    for rows in sheets.values():
        named = any(str(cell).endswith(f".{column}") for cell in rows[NAMES] if rows)
        if named and any({*key} <= {str(c) for c in row} for row in rows):
            rows[find_row(rows, key)][find_column(rows, column)] = value
            return
    raise LookupError(key, column)
