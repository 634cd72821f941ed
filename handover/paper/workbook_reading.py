"""Reading back a workbook that ``workbook`` wrote and people have filled in.

Rows may be sorted, filtered, hidden or parted by empty ones, sheets renamed, columns
moved: each table is found by the hidden names of its columns.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

from python_calamine import CalamineSheet, CalamineWorkbook

from connectors.files.workbook import (
    FailedCells,
    damage_is_named,
    read_failed_cells,
)
from connectors.files.workbook_parts import check_workbook
from handover.errors import UsageProblem
from handover.i18n import Phrase
from handover.paper.typed_cells import Cell, FailedCell
from handover.paper.workbook_marks import (
    HEADINGS,
    MARKS,
    Kind,
    column_letters,
    mark,
    read_columns,
)
from handover.safe_text import plain, plain_cell

_NAME = re.compile(r"([a-z_]+)\.([a-z_]+)(?: (.+))?")
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
"""How compound files begin: .xls, and whatever is locked with a password."""
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
FileKind = Literal["text", "xls", "password", "ods", "xlsb", "zip", "other", "empty"]


class NotAWorkbook(UsageProblem):
    """A file is no XLSX workbook but something else (``file``, ``what``)."""

    code = "not_a_workbook"


@dataclass(frozen=True, kw_only=True)
class ReadLine:
    """One filled row of a table; ``number`` is what the program shows beside it.

    ``touched`` are the columns whose cells are not as they were written.
    """

    number: int
    cells: Mapping[str, Cell]
    touched: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class ReadTable:
    """A table as it came back.

    ``columns`` gives each column's letters by its name, ``missing`` the columns that
    somebody deleted. ``strays`` are filled cells in no column, ``doubled`` columns
    that stand there twice, ``merged`` are cells that were made one, by their places.
    ``copies`` are further sheets with the same table.
    """

    sheet: str
    columns: Mapping[str, str]
    lines: Sequence[ReadLine]
    missing: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    doubled: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()

    def place(self, line: ReadLine, name: str | None = None) -> str:
        """Return where a row is, or a cell of it, as people find it."""
        letters = self.columns.get(name or "", "")
        return f"{plain(self.sheet)}!{letters}{line.number}"


def read_book(path: Path) -> dict[str, ReadTable]:
    """Read the tables of a workbook by their names.

    Raises:
        NotAWorkbook: it is something else; names what.
        UnreadableFile: it is damaged, or takes more than it may.
        OSError: it cannot be opened.
    """
    kind = find_kind(path)
    if kind is not None:
        raise NotAWorkbook(file=path.name, what=Phrase(text=f"book-kind:{kind}"))
    with damage_is_named(path.name):
        check_workbook(path)
        with ZipFile(path) as parts:
            book = CalamineWorkbook.from_path(path)
            found: dict[str, ReadTable] = {}
            for n, name in enumerate(book.sheet_names):
                sheet = book.get_sheet_by_index(n)
                table = _Reader(sheet, name).read(read_failed_cells(parts, n))
                if table is None:
                    continue
                before = found.get(table[0])
                if before is None:
                    found[table[0]] = table[1]
                else:
                    copies = (*before.copies, plain(name))
                    found[table[0]] = replace(before, copies=copies)
            return found


def find_kind(path: Path) -> FileKind | None:
    """Find out what a file is that is no XLSX workbook; None where it is one.

    Raises:
        OSError: it cannot be opened.
    """
    with path.open("rb") as file:
        begin = file.read(8)
        if not begin:
            return "empty"
        if begin == _OLE:
            rest = file.read(1 << 20)
            return "password" if _ENCRYPTED in rest else "xls"
    if not begin.startswith(b"PK"):
        return "other" if b"\0" in begin else "text"
    with damage_is_named(path.name):
        check_workbook(path)
        with ZipFile(path) as parts:
            names = set(parts.namelist())
    if "xl/workbook.xml" in names:
        return None
    if "xl/workbook.bin" in names:
        return "xlsb"
    return "ods" if "content.xml" in names else "zip"


@dataclass(kw_only=True)
class _Found:
    """What the hidden row of a table says about its columns."""

    table: str
    at: dict[int, str]
    """Names by column, counted from 0."""
    kinds: dict[str, Kind]
    doubled: tuple[str, ...]


@dataclass
class _Reader:
    """Reads one sheet."""

    sheet: CalamineSheet
    title: str
    _strays: list[str] = field(default_factory=list)

    def read(self, failed: FailedCells) -> tuple[str, ReadTable] | None:
        """Return the table that stands here and its name; None where none does."""
        rows = self._list_rows(failed)
        found = None
        for _, cells in rows:
            found = self._find_columns(cells)
            if found is not None:
                break
        if found is None:
            return None
        lines = [
            line
            for number, cells in rows
            if (line := self._read_line(found, number, cells))
        ]
        names = {*found.at.values()}
        table = ReadTable(
            sheet=self.title,
            columns={name: column_letters(n) for n, name in found.at.items()},
            lines=lines,
            missing=tuple(name for name in found.kinds if name not in names),
            strays=tuple(self._strays),
            doubled=found.doubled,
            merged=self._list_merged(),
        )
        return found.table, table

    def _list_rows(self, failed: FailedCells) -> Iterator[tuple[int, dict[int, Cell]]]:
        """Yield each filled row's number and its filled cells by column."""
        begin = self.sheet.start[1] if self.sheet.start else 0
        for number, row in enumerate(self.sheet.iter_rows(), 1):
            cells: dict[int, Cell] = {
                begin + n: value for n, value in enumerate(row) if value != ""
            }
            for column, said in failed.get(number, {}).items():
                cells[column] = FailedCell(shows=said)
            filled = {n: v for n, v in cells.items() if not _is_blank(v)}
            if filled:
                yield number, filled

    def _find_columns(self, cells: Mapping[int, Cell]) -> _Found | None:
        """Find the names of columns in a row, if it is the one that has them."""
        named = {
            n: match
            for n, value in cells.items()
            if isinstance(value, str) and (match := _NAME.fullmatch(value))
        }
        marks = [m for m in named.values() if m[2] == MARKS and m[3]]
        if not marks:
            return None
        table, kinds = marks[0][1], read_columns(marks[0][3])
        at: dict[int, str] = {}
        doubled = []
        for n, match in named.items():
            if match[1] == table and match[2] in {*kinds, MARKS}:
                if match[2] in at.values():
                    doubled.append(f"{plain(self.title)}!{column_letters(n)}")
                at[n] = match[2]
        return _Found(table=table, at=at, kinds=kinds, doubled=tuple(doubled))

    def _read_line(
        self, found: _Found, number: int, cells: Mapping[int, Cell]
    ) -> ReadLine | None:
        own = {found.at[n]: value for n, value in cells.items() if n in found.at}
        if own.get(MARKS) == HEADINGS:
            return None
        strays = [n for n in cells if n not in found.at]
        self._strays += [
            f"{plain(self.title)}!{column_letters(n)}{number}" for n in strays
        ]
        # Earlier versions wrote a - in place of the dot.
        marks = str(own.pop(MARKS, "")).replace("-", ".").split()
        if not own:
            return None
        written = dict(zip(found.kinds, marks, strict=False))
        touched = {
            name
            for name, kind in found.kinds.items()
            if name in found.at.values()
            and written.get(name) != mark(name, own.get(name), kind)
        }
        values = {name: _unmark(value) for name, value in own.items()}
        return ReadLine(number=number, cells=values, touched=frozenset(touched))

    def _list_merged(self) -> tuple[str, ...]:
        ranges = self.sheet.merged_cell_ranges or []
        return tuple(
            f"{plain(self.title)}!{column_letters(left)}{top + 1}:"
            f"{column_letters(right)}{bottom + 1}"
            for (top, left), (bottom, right) in ranges
        )


def _is_blank(value: Cell) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _unmark(value: Cell) -> Cell:
    """Take off a text what made it inert, and the blanks around it."""
    if isinstance(value, str):
        return " ".join(plain(plain_cell(value)).split())
    return value
