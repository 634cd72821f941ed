"""Reading CSV as text, row by row, with the line each row begins on."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, TextIOWrapper
from pathlib import Path
from typing import BinaryIO

from connectors.errors import (
    CellTooLong,
    DuplicateColumn,
    NulByte,
    UnknownEncoding,
    UnreadableQuoting,
)
from connectors.files.csv_bytes import BOM, names

LONGEST_CELL = 16 << 20
"""Characters in one cell, so that a lost quote does not swallow the memory."""

LONGEST_LINE = 64 << 20
"""Bytes between two line ends."""

FIRST_CJK = "\u3000"

STRAY = re.compile("[\x80\xa0\uf8f0-\uf8f3]")
"""What Python makes of bytes that are no characters in cp932."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a file holds: its columns, and its rows with their line numbers."""

    header: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]


@contextmanager
def open_table(source: Path | BytesIO, name: str = "") -> Iterator[Content]:
    """Read a small file that people write: UTF-8 with or without BOM, or cp932.

    Args:
        source: a file, or its bytes.
        name: how messages call it; a file is called by its own name.

    Raises:
        OSError: it cannot be opened.
        UnreadableFile: as ``encoding_of`` and ``open_csv`` say.
    """
    name = name or getattr(source, "name", "")
    content = source if isinstance(source, BytesIO) else BytesIO(source.read_bytes())
    encoding = encoding_in(content, name)
    content.seek(0)
    with TextIOWrapper(content, encoding=encoding, newline="") as file:
        yield content_of(file, name)


@contextmanager
def open_csv(path: Path, encoding: str) -> Iterator[Content]:
    """Read a file whose encoding is known.

    Blank lines are no rows. The rows must be taken before the context is left.

    Raises:
        DuplicateColumn: two columns have one name.
        UnreadableQuoting: a quoted cell is not closed, or goes on behind its end.
        CellTooLong: a cell is longer than 16 Mi characters.
    """
    with path.open(encoding=encoding, newline="") as file:
        yield content_of(file, path.name)


def content_of(file: Iterable[str], name: str) -> Content:
    """Read the header of a CSV text; its rows are read as they are taken."""
    csv.field_size_limit(LONGEST_CELL)
    rows = _rows(file, name)
    line, first = next(rows, (1, []))
    return Content(header=checked_header(first, name, line), rows=rows)


def _rows(file: Iterable[str], name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(file, strict=True)
    line = 1
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        too_long = "field limit" in str(error)
        cause = CellTooLong if too_long else UnreadableQuoting
        raise cause(file=name, line=line) from None


def checked_header(cells: list[str], file: str, line: int) -> tuple[str, ...]:
    """Name the columns; several may be nameless, as spreadsheets leave them.

    Raises:
        DuplicateColumn: two columns have one name.
    """
    header = names(cells)
    for name, count in Counter(header).items():
        if name and count > 1:
            raise DuplicateColumn(file=file, line=line, column=name)
    return header


def encoding_of(path: Path) -> str:
    """Find the encoding of a whole file: UTF-8, with or without BOM, else cp932.

    Raises:
        NulByte: the file holds one.
        CellTooLong: a line is longer than 64 MiB.
        UnknownEncoding: it is neither, or has lines of both.
    """
    with path.open("rb") as file:
        return encoding_in(file, path.name)


def encoding_in(file: BinaryIO, name: str) -> str:
    """Find the encoding of an open file, as ``encoding_of`` does."""
    _refuse_binary(file, name)
    broken = _first_line_not(file, _is_utf8)
    if broken is None:
        return "utf-8-sig"
    if _has_bom(file) or _has_japanese_utf8(file):
        raise UnknownEncoding(file=name, line=broken)
    if _first_line_not(file, _is_euc) is None:
        # Japanese in Shift_JIS never fits, but EUC would be read as rubbish.
        raise UnknownEncoding(file=name, line=broken)
    broken = _first_line_not(file, _is_cp932)
    if broken is not None:
        raise UnknownEncoding(file=name, line=broken)
    return "cp932"


def _refuse_binary(file: BinaryIO, name: str) -> None:
    line, since_line_end = 1, 0
    while chunk := file.read(1 << 20):
        at = chunk.find(b"\0")
        if at >= 0:
            raise NulByte(file=name, line=line + chunk.count(b"\n", 0, at))
        line += chunk.count(b"\n")
        has_end = b"\n" in chunk or b"\r" in chunk
        since_line_end = 0 if has_end else since_line_end + len(chunk)
        if since_line_end > LONGEST_LINE:
            raise CellTooLong(file=name, line=line)


def _first_line_not(file: BinaryIO, fits: Callable[[bytes], bool]) -> int | None:
    file.seek(0)
    return next((at for at, line in enumerate(file, 1) if not fits(line)), None)


def _has_bom(file: BinaryIO) -> bool:
    file.seek(0)
    return file.read(len(BOM)) == BOM


def _has_japanese_utf8(file: BinaryIO) -> bool:
    """Tell whether some line is Japanese in UTF-8; cp932 never looks like that."""
    file.seek(0)
    lines = (line for line in file if not line.isascii())
    return any(max(_decoded(line, "utf-8") or "\0") >= FIRST_CJK for line in lines)


def _is_utf8(line: bytes) -> bool:
    return _decoded(line, "utf-8") is not None


def _is_euc(line: bytes) -> bool:
    return _decoded(line, "euc_jp") is not None


def _is_cp932(line: bytes) -> bool:
    text = _decoded(line, "cp932")
    return text is not None and (line.isascii() or not STRAY.search(text))


def _decoded(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None
