"""Reading CSV as text, row by row, with the line each row begins on."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from connectors.errors import (
    CellTooLong,
    DuplicateColumn,
    FileTooLarge,
    RowTooWide,
    UnreadableFile,
    UnreadableQuoting,
    WrongEncoding,
)
from connectors.files.csv_bytes import names
from connectors.files.encoding import Encoding, find_encoding
from connectors.files.table_form import (
    LOOKED_AT,
    Body,
    Expected,
    Line,
    header_among,
    score,
)

LONGEST_CELL = 16 << 20
"""Characters in one cell, so that a lost quote does not swallow the memory."""

WIDEST_ROW = 16_384
"""Cells in one row: the columns of a spreadsheet (Microsoft, Excel specifications)."""
LARGEST_SMALL, LONGEST_SMALL = 32 << 20, 300_000
"""Bytes and rows of a file that people write: who moves, who is away."""

SEPARATORS = (",", ";", "\t")
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE | re.DOTALL)

WRAPPED = re.compile(r'="(.*)"', re.DOTALL)
"""How people keep a spreadsheet from taking 0012 for a number."""


@dataclass(frozen=True, kw_only=True)
class CsvForm:
    """How a file is written.

    ``titles`` are the rows above the header; blank lines are no rows. ``says_so``: the
    first of them names the separator. ``wrapped``: some cells are guarded like
    ``="0012"``.
    """

    encoding: Encoding
    separator: str = ","
    titles: int = 0
    says_so: bool = False
    wrapped: bool = False


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a file holds: its columns, and its rows with their line numbers."""

    header: tuple[str, ...]
    rows: Iterator[Line]
    body: Body
    header_line: int = 1


def find_form(file: BinaryIO, name: str, expected: Expected) -> CsvForm:
    """Find how an open file is written.

    Raises:
        UnreadableFile: as ``find_encoding`` says.
    """
    encoding = (
        Encoding(codec=expected.encoding)
        if expected.encoding
        else find_encoding(file, name)
    )
    said = _SEPARATOR_LINE.fullmatch(_first_line(file, encoding))
    separators = (said[1],) if said else SEPARATORS
    separator, rows = _separated(file, encoding, expected, separators)
    return CsvForm(
        encoding=encoding,
        separator=separator,
        titles=header_among(rows, expected),
        says_so=said is not None,
        wrapped=_holds(file, '="'.encode(encoding.codec)[-2:], encoding),
    )


def _separated(
    file: BinaryIO, encoding: Encoding, expected: Expected, separators: Iterable[str]
) -> tuple[str, list[Line]]:
    """Find the separator by the columns it gives, and the first rows with it."""
    found = {one: _begin(file, encoding, one) for one in separators}

    def columns_found(separator: str) -> int:
        scores = (score(cells, expected) for _, cells in found[separator])
        return max(scores, default=0)

    best = max(found, key=columns_found)
    return best, found[best]


@contextmanager
def _opened(file: BinaryIO, encoding: Encoding) -> Iterator[TextIOWrapper]:
    """Read an open file as text, without closing it."""
    file.seek(0)
    text = TextIOWrapper(file, encoding=encoding.codec, newline="")
    try:
        yield text
    finally:
        text.detach()


def _first_line(file: BinaryIO, encoding: Encoding) -> str:
    with _opened(file, encoding) as text:
        try:
            return text.readline(100).rstrip("\r\n")
        except UnicodeDecodeError:  # said when the rows are read
            return ""


def _begin(file: BinaryIO, encoding: Encoding, separator: str) -> list[Line]:
    """Read the first rows, as far as they can be read."""
    rows: list[Line] = []
    with _opened(file, encoding) as text:
        try:
            rows.extend(islice(_rows(text, "", separator), LOOKED_AT))
        except (UnreadableFile, UnicodeDecodeError):
            return rows
    return rows


def _holds(file: BinaryIO, mark: bytes, encoding: Encoding) -> bool:
    if encoding.codec.startswith("utf-16"):
        return True  # looked for cell by cell
    file.seek(0)
    before = b""
    while chunk := file.read(1 << 20):
        if mark in before + chunk:
            return True
        before = chunk[-1:]
    return False


@contextmanager
def open_table(
    source: Path | BytesIO, name: str = "", columns: Iterable[str] = ()
) -> Iterator[Content]:
    """Read a small file that people write, in whatever form they saved it.

    Args:
        source: a file, or its bytes.
        name: how messages call it; a file is called by its own name.
        columns: those that are looked for.

    Raises:
        OSError: it cannot be opened.
        FileTooLarge: it has more bytes or rows than people write.
        UnreadableFile: as ``find_form`` and ``open_csv`` say.
    """
    name = name or getattr(source, "name", "")
    content = source if isinstance(source, BytesIO) else BytesIO(_read_small(source))
    expected = Expected(columns=frozenset(columns), id_columns=())
    form = find_form(content, name, expected)
    try:
        with _opened(content, form.encoding) as file:
            found = _content(file, name, form, expected)
            yield replace(found, rows=_few(found.rows, name))
    except UnicodeDecodeError as error:
        raise WrongEncoding(file=name, encoding=form.encoding.codec) from error


def _read_small(path: Path) -> bytes:
    """Read a file as far as people write any."""
    with path.open("rb") as file:
        content = file.read(LARGEST_SMALL + 1)
    if len(content) > LARGEST_SMALL:
        raise _too_large(path.name)
    return content


def _few(rows: Iterator[Line], name: str) -> Iterator[Line]:
    for count, row in enumerate(rows):
        if count >= LONGEST_SMALL:
            raise _too_large(name)
        yield row


def _too_large(name: str) -> FileTooLarge:
    limits = {"megabytes": LARGEST_SMALL >> 20, "rows": LONGEST_SMALL}
    return FileTooLarge(file=name, line=1, **limits)


@contextmanager
def open_csv(path: Path, form: CsvForm, expected: Expected) -> Iterator[Content]:
    """Read a file whose form is known.

    Blank lines are no rows. The rows must be taken before the context is left.

    Raises:
        DuplicateColumn: two columns that are read have one name.
        UnreadableQuoting: a quoted cell is not closed, or goes on behind its end.
        CellTooLong: a cell is longer than 16 Mi characters.
        RowTooWide: a row has more cells than a spreadsheet has columns.
        UnicodeDecodeError: it is not in the encoding that the mapping names.
    """
    with path.open(encoding=form.encoding.codec, newline="") as file:
        yield _content(file, path.name, form, expected)


def _content(
    file: Iterable[str], name: str, form: CsvForm, expected: Expected
) -> Content:
    """Read the header of a CSV text; its rows are read as they are taken."""
    rows = _rows(file, name, form.separator)
    if form.wrapped:
        rows = _unwrapped(rows)
    line, first = next(islice(rows, form.titles, None), (1, []))
    header = checked_header(first, name, line, expected.columns)
    body = Body(header=header, expected=expected, titled=form.titles > form.says_so)
    return Content(header=header, rows=body.rows(rows), body=body, header_line=line)


def _rows(file: Iterable[str], name: str, separator: str) -> Iterator[Line]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(file, strict=True, delimiter=separator)
    line = 1
    try:
        for row in reader:
            if len(row) > WIDEST_ROW:
                raise RowTooWide(file=name, line=line, cells=WIDEST_ROW)
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        too_long = "field limit" in str(error)
        cause = CellTooLong if too_long else UnreadableQuoting
        raise cause(file=name, line=line) from None


def _unwrapped(rows: Iterable[Line]) -> Iterator[Line]:
    for line, cells in rows:
        yield line, [unwrapped(cell) if cell[:2] == '="' else cell for cell in cells]


def unwrapped(cell: str) -> str:
    """Take a guard against spreadsheets off: ``="0012"`` is 0012."""
    found = WRAPPED.fullmatch(cell)
    return found[1] if found else cell


def checked_header(
    cells: list[str], file: str, line: int, wanted: frozenset[str] = frozenset()
) -> tuple[str, ...]:
    """Name the columns; several may be nameless, as spreadsheets leave them.

    Args:
        cells: of the header.
        file: its name.
        line: where it stands.
        wanted: the columns that are read; empty are all.

    Raises:
        DuplicateColumn: two columns that are read have one name.
    """
    header = names(cells)
    for name, count in Counter(header).items():
        if name and count > 1 and (name in wanted or not wanted):
            raise DuplicateColumn(file=file, line=line, column=name)
    return header
