"""Marks of cells as they were written, so that a reader knows which ones were changed.

A mark is a digest, not the value: who takes a column out before passing a workbook on
has taken it out.
"""

import datetime as dt
import hashlib
import unicodedata
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, get_args

from handover.paper.typed_cells import FailedCell, read_day, read_time
from handover.safe_text import plain, plain_cell

Kind = Literal["text", "number", "day", "time"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MARKS = "marks"
"""The column of the marks; behind its name stand all columns with their kinds."""
HEADINGS = "headings"
"""Stands in that column in the row of headings, which is no record."""
_BYTES = 6
_SIGNS = b"._"
"""In place of + and /: with a + or a - a formula would begin."""
_READERS: dict[Kind, Callable[[Any], object]] = {
    "day": lambda value: read_day(value, dt.date.max),
    "time": read_time,
}
_COMPARED = 30_000
"""Characters of a text that are compared; a longer one does not fit into a cell."""


def name_columns(kinds: Mapping[str, Kind]) -> str:
    """Write the columns and their kinds, in the order of the marks of a row."""
    return " ".join(f"{name}:{kind}" for name, kind in kinds.items())


def read_columns(text: str) -> dict[str, Kind]:
    """Read what ``name_columns`` wrote; what it never wrote is left out."""
    pairs = (part.partition(":") for part in text.split())
    known = {kind: kind for kind in KINDS}
    return {name: known[kind] for name, _, kind in pairs if kind in known}


def write_marks(kinds: Mapping[str, Kind], row: Sequence[object]) -> str:
    """Write the marks of a row's cells, in the order of its columns."""
    pairs = zip(kinds.items(), row, strict=True)
    return " ".join(mark(name, value, kind) for (name, kind), value in pairs)


def mark(name: str, value: object, kind: Kind) -> str:
    """Return the mark of one cell of a column."""
    content = f"{name}\n{describe(value, kind)}".encode()
    digest = hashlib.blake2b(content, digest_size=_BYTES).digest()
    return b64encode(digest, altchars=_SIGNS).decode()


def describe(value: Any, kind: Kind) -> str:  # noqa: ANN401 - written or read
    """Describe a value so that all ways in which programs keep it are one."""
    if value is None or isinstance(value, FailedCell):
        return str(value or "")
    if isinstance(value, str):
        # A program may keep letters and their marks apart, and blanks differently.
        shown = unicodedata.normalize("NFC", plain(plain_cell(value)))
        return " ".join(shown.split())[:_COMPARED]
    read = _READERS.get(kind)
    if read is not None:
        try:
            return str(read(value))
        except ValueError:
            return str(value)
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return f"{float(value):.4f}" if is_number else str(value)


def column_letters(number: int) -> str:
    """Return the letters of a column, counted from 0."""
    letters, left = "", number + 1
    while left:
        left, rest = divmod(left - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
