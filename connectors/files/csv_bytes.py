"""Changing single cells of a CSV file and leaving every other byte as it is.

Separators, quotes and line ends are the same bytes in UTF-8, cp932 and Windows-1252,
and none of them is ever part of a longer character there, so cells are found in the
bytes and only their own text is decoded. A cell ends where Python's strict
``csv.reader`` ends it.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from mmap import mmap

from connectors.errors import UnreadableQuoting

Bytes = bytes | mmap

BOM = b"\xef\xbb\xbf"

_END = rb"(?:\r\n|\r|\n)"
_LINE_END = re.compile(_END)
_WRAPPED = re.compile(rb'="(.*)"', re.DOTALL)
"""A cell that is guarded against spreadsheets: ``="0012"`` is 0012."""


@cache
def _patterns(separator: bytes) -> tuple[bytes, re.Pattern[bytes], re.Pattern[bytes]]:
    """Return what a cell looks like, and how one and a whole row are found."""
    between = re.escape(separator)
    cell = rb'(?:"[^"]*+(?:""[^"]*+)*+"|(?!")[^%s\r\n]*+)' % between
    row = rb"(%s(?:%s%s)*+)(%s|\Z)" % (cell, between, cell, _END)
    return cell, re.compile(cell), re.compile(row)


@dataclass(frozen=True, kw_only=True)
class Record:
    """One row: where its cells stand in the file, quotes included."""

    spans: tuple[tuple[int, int], ...]

    @property
    def end(self) -> int:
        """Where the last cell ends."""
        return self.spans[-1][1]


class Sheet:
    """The bytes of a CSV file, and the changes that are wanted.

    ``header`` names the columns. Nothing is changed in place: ``pieces`` yields the new
    content.

    Raises:
        UnreadableQuoting: a quote is not closed, or something follows a closed one.
    """

    def __init__(
        self,
        data: Bytes,
        *,
        encoding: str,
        file: str,
        separator: str = ",",
        titles: int = 0,
    ) -> None:
        """Find the header.

        Args:
            data: the file's bytes.
            encoding: one in which separators, quotes and line ends are single bytes.
            file: its name, for messages.
            separator: what stands between cells.
            titles: rows above the header, blank lines not counted.
        """
        self._data = data
        self._separator = separator.encode()
        self._cell, self._next_cell, self._row = _patterns(self._separator)
        self._titles = titles
        self._encoding = "utf-8" if encoding == "utf-8-sig" else encoding
        self._file = file
        self._body = 3 if data[:3] == BOM else 0
        self._line_end = b"\r\n"
        self._texts: dict[Record, dict[int, bytes]] = {}
        self._added: list[bytes] = []
        self.header = self._read_header()

    def column(self, name: str) -> int | None:
        """Tell the position of a column, None where there is none of this name."""
        return self.header.index(name) if name in self.header else None

    def find(self, column: int, wanted: Collection[str]) -> dict[str, Record]:
        """Find the rows that hold one of some texts in a column, the first of each."""
        keys = {raw: text for text in wanted if (raw := self._key(text)) is not None}
        found: dict[str, Record] = {}
        parts = (self._cell, re.escape(self._separator), column, self._cell)
        pick = re.compile(rb"(?:%s%s){%d}(%s)" % parts)
        for start, end in self._rows(self._body):
            if len(found) == len(keys):
                break
            cell = pick.match(self._data, start, end)
            key = keys.get(_plain(cell[1]).strip()) if cell else None
            if key is not None and key not in found:
                found[key] = self._record(start, end)
        return found

    def find_joined(
        self,
        columns: Sequence[int],
        wanted: Collection[str],
        joined: Callable[[Iterable[str]], str],
    ) -> dict[str, Record]:
        """Find the rows whose joined cells are one of some texts, the first of each."""
        found: dict[str, Record] = {}
        for start, end in self._rows(self._body):
            if len(found) == len(wanted):
                break
            record = self._record(start, end)
            key = joined(self.text(record, column) for column in columns)
            if key in wanted:
                found.setdefault(key, record)
        return found

    def text(self, record: Record, column: int) -> str:
        """Read a cell, as it will be after the changes; a missing one is empty."""
        changed = self._texts.get(record, {}).get(column)
        if changed is not None:
            return changed.decode(self._encoding)
        if column >= len(record.spans):
            return ""
        start, end = record.spans[column]
        return _plain(self._data[start:end]).decode(self._encoding)

    def set(self, record: Record, column: int, text: str) -> None:
        """Want another text in a cell.

        Raises:
            UnicodeEncodeError: the file's encoding has no such character.
        """
        self._texts.setdefault(record, {})[column] = text.encode(self._encoding)

    def append(self, values: Mapping[str, str]) -> None:
        """Want one more row at the end; columns without a value stay empty.

        Raises:
            UnicodeEncodeError: the file's encoding has no such character.
        """
        texts = [values.get(name, "").encode(self._encoding) for name in self.header]
        self._added.append(joined(texts, self._separator))

    @property
    def is_changed(self) -> bool:
        """Something is wanted."""
        return bool(self._texts or self._added)

    def pieces(self) -> Iterator[bytes]:
        """Yield the new content: the old bytes, with the wanted cells in place."""
        done = 0
        for start, end, new in sorted(self._edits()):
            yield from self._slices(done, start)
            yield new
            done = end
        yield from self._slices(done, len(self._data))
        yield from self._additions()

    def _edits(self) -> Iterator[tuple[int, int, bytes]]:
        for record, texts in self._texts.items():
            count = len(record.spans)
            alone = count == 1 and max(texts) == 0
            for column in sorted(c for c in texts if c < count):
                start, end = record.spans[column]
                blank = alone and not texts[column]  # would be no row any more
                yield start, end, self._like(start, end, texts[column], blank=blank)
            if max(texts) >= count:
                missing = range(count, max(texts) + 1)
                tail = b"".join(
                    self._separator + cell(texts.get(c, b""), self._separator)
                    for c in missing
                )
                yield record.end, record.end, tail

    def _like(self, start: int, end: int, text: bytes, *, blank: bool) -> bytes:
        """Write a cell as the one was written in whose place it comes."""
        old = bytes(self._data[start:end])
        guarded = _WRAPPED.fullmatch(_unquoted(old)) is not None
        if guarded and old[:1] == b"=" and b'"' not in text:
            return b'="' + text + b'"'
        new = b'="' + text + b'"' if guarded else text
        return cell(new, self._separator, quoted=blank or old[:1] == b'"')

    def _additions(self) -> Iterator[bytes]:
        if not self._added:
            return
        line_end = self._line_end
        if self._data[len(self._data) - 1 :] not in {b"\r", b"\n"}:
            yield line_end
        for row in self._added:
            yield row + line_end

    def _slices(self, start: int, end: int, step: int = 1 << 20) -> Iterator[bytes]:
        for at in range(start, end, step):
            yield self._data[at : min(at + step, end)]

    def _read_header(self) -> tuple[str, ...]:
        for start, end in islice(self._rows(self._body), self._titles, None):
            self._body = end
            if found := _LINE_END.match(self._data, end):
                self._line_end = found[0]
            cells = [self._data[a:b] for a, b in self._record(start, end).spans]
            return names(_plain(raw).decode(self._encoding) for raw in cells)
        return ()

    def _rows(self, at: int) -> Iterator[tuple[int, int]]:
        """Yield where each row begins and ends, line ends and blank lines left out."""
        size = len(self._data)
        while at < size:
            row = self._row.match(self._data, at)
            if row is None:
                raise UnreadableQuoting(file=self._file, line=self._line(at))
            start, end = row.span(1)
            if start < end:
                yield start, end
            at = row.end()

    def _record(self, start: int, end: int) -> Record:
        spans: list[tuple[int, int]] = []
        while start <= end:
            found = self._next_cell.match(self._data, start, end)
            span = found.span() if found else (start, end)
            spans.append(span)
            start = span[1] + 1
        return Record(spans=tuple(spans))

    def _line(self, at: int) -> int:
        return 1 + sum(1 for _ in _LINE_END.finditer(self._data, 0, at))

    def _key(self, text: str) -> bytes | None:
        try:
            return text.strip().encode(self._encoding)
        except UnicodeEncodeError:
            return None


def names(cells: Iterator[str] | Sequence[str]) -> tuple[str, ...]:
    """Name the columns of a header row: without surrounding blanks."""
    return tuple(name.strip() for name in cells)


def cell(text: bytes, separator: bytes = b",", *, quoted: bool = False) -> bytes:
    """Write a cell, in quotes where its text or its predecessor asks for them."""
    if quoted or any(mark in text for mark in (separator, b'"', b"\r", b"\n")):
        return b'"' + text.replace(b'"', b'""') + b'"'
    return text


def joined(texts: Sequence[bytes], separator: bytes = b",") -> bytes:
    """Write a row without its line end; a lone empty cell is no blank line."""
    row = separator.join(cell(text, separator) for text in texts)
    return row or (b'""' if len(texts) == 1 else b"")


def _plain(raw: bytes) -> bytes:
    """Take quotes off, and the guard against spreadsheets."""
    text = _unquoted(raw)
    guarded = _WRAPPED.fullmatch(text) if text[:2] == b'="' else None
    return guarded[1] if guarded else text


def _unquoted(raw: bytes) -> bytes:
    return raw[1:-1].replace(b'""', b'"') if raw[:1] == b'"' else raw
