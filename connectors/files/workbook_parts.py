"""The parts of a workbook, looked at before a library opens it.

A workbook is a ZIP file that may claim anything: the size of a part, or of a sheet. The
library reserves room for the whole rectangle between the first and the last filled
cell, and ends the process where there is none; so parts are unpacked here first, block
by block, and the rectangle is measured. Excel's own limits: 1,048,576 rows, 16,384
columns (Microsoft, Excel specifications and limits).
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from connectors.errors import (
    CellTooLong,
    EntitiesDeclared,
    SheetTooLarge,
    UnreadableFile,
    WorkbookTooLarge,
)

LARGEST = 512 << 20
"""Bytes of all parts once unpacked."""
MOST_PARTS = 10_000
LONGEST_LIST = 8 << 20
"""Bytes of the list of parts."""
RATIO = 250
"""How far a part of more than ``SMALL`` may be packed: sheets come to 10 to 50."""
SMALL = 32 << 20
MOST_CELLS = 20_000_000
"""Cells of the rectangles of all sheets; each takes some 40 bytes."""
LAST_ROW, LAST_COLUMN = 1_048_576, 16_384

_BLOCK = 1 << 20
_END = struct.Struct("<4s4xHHLL")
_LONGEST_COMMENT = 1 << 16
_PLAIN = re.compile(rb'<c r="([A-Za-z]+)(\d+)"')
"""A cell as spreadsheet programs write it, empty or not."""
_FILLED = re.compile(
    rb"<(?:\w+:)?c\b[^<]*?\br\s*=\s*[\"']([A-Za-z]+)(\d+)[\"'][^<]*?(?<!/)>"
    rb"(?=[^<]*<(?!/))"
)
"""A cell with content, and where it says that it stands."""
_PLACELESS = re.compile(rb"<(?:\w+:)?(?:row|c)(?=[\s/>])(?![^<]*?\br\s*=)")
"""A row or cell that stands behind the one before it."""
_TAG = re.compile(
    rb"<(?:\w+:)?(row|c)(?=[\s/>])"
    rb"(?:[^<]*?\br\s*=\s*[\"']([A-Za-z]*)(\d+)[\"'])?[^<]*(?=(<[^/])?)"
)
_SHEET_DATA = b"sheetData"
_DOCTYPE = b"<!DOCTYPE"


@dataclass
class Rectangle:
    """From where to where the cells of a sheet reach, counted from 1."""

    top: int = LAST_ROW + 1
    bottom: int = 0
    left: int = LAST_COLUMN + 1
    right: int = 0

    def take_in(self, row: int, column: int) -> None:
        """Reach to a cell."""
        self.top, self.bottom = min(self.top, row), max(self.bottom, row)
        self.left, self.right = min(self.left, column), max(self.right, column)

    @property
    def cells(self) -> int:
        """How many cells it has."""
        if not self.bottom:
            return 0
        return (self.bottom - self.top + 1) * (self.right - self.left + 1)


def check_workbook(path: Path) -> None:
    """Make sure that a workbook can be opened within what it may take.

    Raises:
        CellTooLong: a cell of a sheet is longer than a record can be.
        WorkbookTooLarge: it has too many parts, or they unpack to too much.
        SheetTooLarge: its sheets reach too far.
        EntitiesDeclared: a part declares entities, as no spreadsheet program does.
        UnreadableFile: a part is damaged, or packed in a way that Excel knows not.
        BadZipFile: it is no ZIP file.
    """
    try:
        _check_parts(path, strict=False)
    except SheetTooLarge:  # by cells that only have a border or a colour, perhaps
        _check_parts(path, strict=True)


def _check_parts(path: Path, *, strict: bool) -> None:
    """Check all parts; ``strict``: only cells with content count; this takes longer."""
    with path.open("rb") as file:
        _check_list(file, path.name)
        with ZipFile(file) as parts:
            room, cells = LARGEST, 0
            for part in parts.infolist():
                sheet = _PartCheck(path.name, part, strict=strict)
                for block in _unpack(file, path.name, part):
                    room -= len(block)
                    if room < 0:
                        raise _too_large(path.name)
                    sheet.take(block)
                cells += sheet.finish()
                if cells > MOST_CELLS:
                    raise sheet.too_large()


def _check_list(file: BinaryIO, name: str) -> None:
    """Check how long the list of parts is, before it is read as a whole."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END.size - _LONGEST_COMMENT - 2))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END.size > len(tail):
        raise BadZipFile("File is not a zip file")
    _, _, count, length, _ = _END.unpack_from(tail, at)
    if count > MOST_PARTS or length > LONGEST_LIST:
        raise _too_large(name)


def _too_large(name: str) -> WorkbookTooLarge:
    return WorkbookTooLarge(file=name, megabytes=LARGEST >> 20, parts=MOST_PARTS)


def _unpack(file: BinaryIO, name: str, part: ZipInfo) -> Iterator[bytes]:
    """Unpack a part, as far as it really goes, whatever size it claims."""
    is_packed = part.compress_type == ZIP_DEFLATED
    if part.flag_bits & 1 or (not is_packed and part.compress_type != ZIP_STORED):
        raise _damaged(name, part, "encrypted, or packed in an unknown way")
    file.seek(max(part.header_offset, 0))
    head = file.read(30)
    if len(head) < 30 or head[:4] != b"PK\x03\x04":
        raise _damaged(name, part, "not where the list of parts says")
    file.seek(sum(struct.unpack("<HH", head[26:])), 1)
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    left, came = part.compress_size, 0
    while left > 0 and (packed := file.read(min(_BLOCK, left))):
        left -= len(packed)
        while packed:
            block = packed
            if is_packed:
                block = _inflate(unpacker, packed, name, part)
                packed = unpacker.unconsumed_tail
            else:
                packed = b""
            came += len(block)
            if came > SMALL and came > RATIO * part.compress_size:
                raise _too_large(name)
            yield block


def _inflate(
    unpacker: "zlib._Decompress", packed: bytes, name: str, part: ZipInfo
) -> bytes:
    try:
        return unpacker.decompress(packed, _BLOCK)
    except zlib.error as error:
        raise _damaged(name, part, str(error)) from None


def _damaged(name: str, part: ZipInfo, detail: str) -> UnreadableFile:
    return UnreadableFile(file=name, line=1, detail=f"{part.filename}: {detail}")


class _PartCheck:
    """Looks at one part as it is unpacked."""

    def __init__(self, file: str, part: ZipInfo, *, strict: bool) -> None:
        self._file = file
        self._strict = strict
        self._part = part
        self._is_markup = part.filename.lower().endswith((".xml", ".rels"))
        self._is_sheet = False
        self._begun = False
        self._rest = b""
        self._reach = Rectangle()
        self._at = (0, 0)
        """Row and column of the last cell, where cells do not say where they stand."""

    def take(self, block: bytes) -> None:
        """Look at the next bytes, as far as whole tags go."""
        if self._is_markup and not self._begun:
            self._begun = True
            if _DOCTYPE in block[:_LONGEST_COMMENT]:
                raise EntitiesDeclared(file=self._file, part=self._part.filename)
        text = self._rest + block
        self._is_sheet = self._is_sheet or _SHEET_DATA in text
        # What a cell holds follows its own tag: two tags wait for the next block.
        end = max(text.rfind(b"<", 0, max(text.rfind(b"<"), 0)), 0)
        self._rest = text[end:]
        if not self._is_sheet:
            self._rest = self._rest[-len(_SHEET_DATA) :]
        elif len(self._rest) > 2 * _BLOCK:
            place = _PLAIN.match(self._rest[:_LONGEST_COMMENT])
            row = int(place[2]) if place else max(self._reach.bottom, 1)
            raise CellTooLong(file=self._file, line=row)
        else:
            self._measure(text[: end + 2])

    def finish(self) -> int:
        """Look at what is left; return how many cells the sheet reaches over.

        Raises:
            SheetTooLarge: it reaches further than any sheet.
        """
        if self._is_sheet:
            self._measure(self._rest)
        if self._reach.bottom > LAST_ROW or self._reach.right > LAST_COLUMN:
            raise self.too_large()
        return self._reach.cells

    def too_large(self) -> SheetTooLarge:
        """Return the error of a sheet that reaches too far."""
        return SheetTooLarge(
            file=self._file,
            sheet=self._part.filename,
            rows=self._reach.bottom,
            columns=self._reach.right,
            cells=MOST_CELLS,
        )

    def _measure(self, text: bytes) -> None:
        is_plain = _is_plain(text)
        if self._at != (0, 0) or not (is_plain or not _PLACELESS.search(text)):
            self._walk(text)
            return
        found = (_PLAIN if is_plain and not self._strict else _FILLED).findall(text)
        columns = [column_number(letters) for letters in {c for c, _ in found}]
        rows = [_row_number(digits) for digits in {r for _, r in found}]
        if columns and rows:
            self._reach.take_in(min(rows), min(columns))
            self._reach.take_in(max(rows), max(columns))

    def _walk(self, text: bytes) -> None:
        """Go from cell to cell: some do not say where they stand."""
        row, column = self._at
        for tag, letters, digits, content in _TAG.findall(text):
            if tag == b"row":
                row, column = _row_number(digits) if digits else row + 1, 0
                continue
            if letters:
                row, column = _row_number(digits), column_number(letters)
            else:
                column += 1
            if content:
                self._reach.take_in(max(row, 1), column)
        self._at = (max(row, 1), column)


def _is_plain(text: bytes) -> bool:
    """Return whether all rows and cells are written as spreadsheet programs do."""
    count = text.count
    cells = sum(map(count, (b"<c ", b"<c>", b"<c/", b"<c\t", b"<c\r", b"<c\n")))
    return (
        cells == count(b'<c r="')
        and count(b"<row") == count(b'<row r="')
        and not (count(b":c ") or count(b":row"))
    )


def _row_number(digits: bytes) -> int:
    return int(digits) if len(digits) < 10 else LAST_ROW + 1


def column_number(letters: bytes) -> int:
    """Return the number of a column, A is 1; beyond the last one for nonsense."""
    if len(letters) > 3:
        return LAST_COLUMN + 1
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number
