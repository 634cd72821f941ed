"""Pages on their way into a generation, kept so that a killed sync can be resumed.

``staging/<source>/<object>/00001/`` holds one page: an Arrow file for each table, one
for what was put aside, one for the records whose links were read, and ``page.json``
with the cursor behind it. A page's folder appears atomically. ``key`` says what the
pages were read for; pages of another key are thrown away.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Note, Page
from mappings.translate import Reject, Translated

NOTE = "page.json"
KEY = "key"
ASIDE = "_aside"
"""Among a page's files, the one with what was put aside."""
ORIGINS = "_origins"
"""Among a page's files, the one with the records whose links were read."""
ASIDE_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("table", "id", "column", "field", "value")),
        ("reason", pa.string()),
        ("whole", pa.bool_()),
        ("row", pa.int64()),
    ]
)
"""A ``Reject`` as a row."""
ORIGINS_SCHEMA = pa.schema([("table", pa.string()), ("id", pa.string())])
PLACE = pa.field("place", pa.int64())
"""Where a staged row stands among all that were read of its object."""
PLACES = 1 << 32
"""Room for the rows of one page among the places of all."""
_LZ4 = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far the pages of one object have come."""

    pages: int = 0
    cursor: str | None = None
    server_time: datetime | None = None
    promised: int | None = None
    rows: int = 0
    done: bool = False


@dataclass(frozen=True, kw_only=True)
class _StagedPage:
    """One page: its folder, and what ``page.json`` says of it."""

    folder: Path
    note: Mapping[str, Any]

    @property
    def number(self) -> int:
        """Its place among all, from 1."""
        return int(self.folder.name)

    def file(self, name: str) -> Path:
        """Return where the rows of a table stand, if it has any."""
        return self.folder / f"{name}.arrow"


class Staging:
    """The staged pages of one object; the folder is listed once, when it is opened."""

    def __init__(self, folder: Path, object_name: str, key: str) -> None:
        """Open the pages of an object; drop them if they were for something else.

        Args:
            folder: the source's staging folder.
            object_name: the CRM's object; any text.
            key: mapping, translation, visible fields and window of the pull.
        """
        slug = "".join(c if c.isalnum() else "-" for c in object_name)[:40]
        digest = hashlib.sha256(object_name.encode()).hexdigest()[:8]
        self.folder = folder / f"{slug}-{digest}"
        self._key = key
        self._pages: list[_StagedPage] = []
        for draft in self.folder.glob(".tmp-*"):
            shutil.rmtree(draft)
        try:
            self._open()
        except (OSError, pa.ArrowInvalid, orjson.JSONDecodeError):
            self.clear()  # a power cut may leave empty files

    def _open(self) -> None:
        """List the pages that are there, and make sure that they can be read."""
        marker = self.folder / KEY
        if not marker.exists() or marker.read_text(encoding="utf-8") != self._key:
            self.clear()
            return
        for page in sorted(p for p in self.folder.iterdir() if p.name.isdigit()):
            for file in page.glob("*.arrow"):
                with pa.memory_map(str(file)) as opened:
                    pa.ipc.open_file(opened)
            note = orjson.loads((page / NOTE).read_bytes())
            self._pages.append(_StagedPage(folder=page, note=note))

    def clear(self) -> None:
        """Throw all pages away."""
        self._pages = []
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        (self.folder / KEY).write_text(self._key, encoding="utf-8")

    def reopen(self) -> None:
        """Take the last page back if it was the end, so that it is read again."""
        if self.progress().done:
            shutil.rmtree(self._pages.pop().folder)

    def progress(self) -> Progress:
        """Return how far it has come."""
        if not self._pages:
            return Progress()
        first, last = self._pages[0].note, self._pages[-1].note
        stamp = first["server_time"]
        return Progress(
            pages=len(self._pages),
            cursor=last["cursor"],
            server_time=datetime.fromisoformat(stamp) if stamp else None,
            promised=first["promised"],
            rows=sum(page.note["rows"] for page in self._pages),
            done=last["cursor"] is None,
        )

    def add(self, page: Page, translated: Translated) -> None:
        """Keep a page."""
        number = self._pages[-1].number + 1 if self._pages else 1
        draft = self.folder / f".tmp-{number:05d}"
        draft.mkdir()
        for table, rows in translated.tables.items():
            places = range(number * PLACES, number * PLACES + len(rows))
            placed = rows.append_column(PLACE, pa.array(places, PLACE.type))
            _write(draft / f"{table}.arrow", placed)
        aside = [asdict(reject) for reject in translated.rejects]
        if aside:
            rows = pa.Table.from_pylist(aside, schema=ASIDE_SCHEMA)
            _write(draft / f"{ASIDE}.arrow", rows)
        if translated.origins:
            origins = _origins(translated.origins)
            _write(draft / f"{ORIGINS}.arrow", origins)
        note = {
            "cursor": page.cursor,
            "server_time": page.server_time,
            "promised": page.promised,
            "rows": len(page.rows),
            "read": translated.read,
            "notes": [asdict(note) for note in page.notes],
        }
        written = orjson.dumps(note)
        (draft / NOTE).write_bytes(written)
        folder = self.folder / f"{number:05d}"
        os.replace(draft, folder)  # noqa: PTH105
        self._pages.append(_StagedPage(folder=folder, note=orjson.loads(written)))

    def files(self, table: str) -> list[Path]:
        """List the files with a table's rows, in the order they came."""
        files = (page.file(table) for page in self._pages)
        return [file for file in files if file.exists()]

    def rejects(self) -> Iterator[Reject]:
        """Read what was put aside."""
        for rows in map(_read, self.files(ASIDE)):
            for row in rows.to_pylist():
                yield Reject(**row)

    def notes(self) -> list[Note]:
        """List what came to notice while reading, each once."""
        found = [Note(**one) for page in self._pages for one in page.note["notes"]]
        return [note for n, note in enumerate(found) if note not in found[:n]]

    def read(self, table: str) -> int:
        """Count the rows that were read for a table."""
        return sum(page.note["read"].get(table, 0) for page in self._pages)

    def origins(self, table: str) -> set[str]:
        """Read of which records the rows of a link table were read."""
        found: set[str] = set()
        for rows in map(_read, self.files(ORIGINS)):
            found.update(rows.filter(pc.field("table") == table)["id"].to_pylist())
        return found

    def ids(self, table: str, before: datetime | None = None) -> pa.Array:
        """Read the ids of a table's rows; of those last changed before a time."""
        found = []
        for file in self.files(table):
            rows = _read(file, "id", "modified_at")
            kept = rows.filter(pc.field("modified_at") < before) if before else rows
            found.append(kept["id"].combine_chunks())
        return pa.concat_arrays(found) if found else pa.array([], pa.string())

    def deleted(self, table: str) -> set[str]:
        """Read the ids of a table's rows that are marked as deleted."""
        found: set[str] = set()
        for file in self.files(table):
            rows = _read(file, "id", "is_deleted")
            found.update(rows.filter(pc.field("is_deleted"))["id"].to_pylist())
        return found


@dataclass(frozen=True, kw_only=True)
class StagedRows:
    """The staged rows of one table: read page by page, as often as somebody asks.

    ``schema`` has all columns of the table and ``place``; a page may lack some.
    """

    schema: pa.Schema
    files: Sequence[Path]

    def open(self) -> pa.RecordBatchReader:
        """Return a reader that holds one page at a time; it can be read once."""
        return pa.RecordBatchReader.from_batches(self.schema, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        for file in self.files:
            for batch in _read(file).to_batches():
                columns = [
                    batch[field.name]
                    if field.name in batch.schema.names
                    else pa.nulls(len(batch), field.type)
                    for field in self.schema
                ]
                yield pa.RecordBatch.from_arrays(columns, schema=self.schema)


def drop(folder: Path, sources: Iterable[str]) -> None:
    """Throw away the staged pages of sources that have been published."""
    for source in sources:
        shutil.rmtree(folder / source, ignore_errors=True)


def _origins(named: Mapping[str, Iterable[str]]) -> pa.Table:
    rows = [
        {"table": table, "id": key} for table, keys in named.items() for key in keys
    ]
    return pa.Table.from_pylist(rows, schema=ORIGINS_SCHEMA)


def _write(file: Path, rows: pa.Table) -> None:
    with (
        pa.OSFile(str(file), "wb") as opened,
        pa.ipc.new_file(opened, rows.schema, options=_LZ4) as writer,
    ):
        writer.write_table(rows)


def _read(file: Path, *columns: str) -> pa.Table:
    """Read a page's rows; only some columns cost a part of the time."""
    with pa.memory_map(str(file)) as opened:
        reader = pa.ipc.open_file(opened)
        if columns:
            wanted = [reader.schema.get_field_index(name) for name in columns]
            options = pa.ipc.IpcReadOptions(included_fields=wanted)
            reader = pa.ipc.open_file(opened, options=options)
        return reader.read_all()
