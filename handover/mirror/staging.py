"""Pages on their way into a generation, kept so that a killed sync can go on.

``staging/<source>/<object>/00001/`` holds one page: an Arrow file for each table and
``page.json`` with the cursor behind it. A page's folder appears at one stroke. ``key``
tells what the pages were read for; pages of another key are thrown away.
"""

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Note, Page
from handover.mirror.merging import PLACE
from mappings.translate import Reject, Translated

PAGE = "page.json"
KEY = "key"
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


class Staging:
    """The staged pages of one object."""

    def __init__(self, folder: Path, object_name: str, key: str) -> None:
        """Open the pages of an object, or begin anew if they were for something else.

        Args:
            folder: the source's staging folder.
            object_name: the CRM's object; any text.
            key: mapping, translation, visible fields and window of the pull.
        """
        slug = "".join(c if c.isalnum() else "-" for c in object_name)[:40]
        digest = hashlib.sha256(object_name.encode()).hexdigest()[:8]
        self.folder = folder / f"{slug}-{digest}"
        self._key = key
        for draft in self.folder.glob(".tmp-*"):
            shutil.rmtree(draft)
        if not self._is_for(key) or not self._is_sound():
            self.clear()

    def _is_for(self, key: str) -> bool:
        marker = self.folder / KEY
        return marker.exists() and marker.read_text(encoding="utf-8") == key

    def _is_sound(self) -> bool:
        """Tell whether the pages can be read: a power cut may leave empty files."""
        try:
            list(self._notes())
            for page in self._folders():
                for file in page.glob("*.arrow"):
                    with pa.memory_map(str(file)) as opened:
                        pa.ipc.open_file(opened)
        except (OSError, pa.ArrowInvalid, orjson.JSONDecodeError):
            return False
        return True

    def clear(self) -> None:
        """Begin anew."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700, parents=True)
        (self.folder / KEY).write_text(self._key, encoding="utf-8")

    def reopen(self) -> None:
        """Take the last page back if it was the end, so that it is read again."""
        pages = list(self._folders())
        if pages and self.progress().done:
            shutil.rmtree(pages[-1])

    def progress(self) -> Progress:
        """Tell how far it has come."""
        notes = list(self._notes())
        if not notes:
            return Progress()
        first, last = notes[0], notes[-1]
        stamp = first["server_time"]
        return Progress(
            pages=len(notes),
            cursor=last["cursor"],
            server_time=datetime.fromisoformat(stamp) if stamp else None,
            promised=first["promised"],
            rows=sum(note["rows"] for note in notes),
            done=last["cursor"] is None,
        )

    def add(self, page: Page, translated: Translated) -> None:
        """Keep a page."""
        number = sum(1 for _ in self._folders()) + 1
        draft = self.folder / f".tmp-{number:05d}"
        draft.mkdir()
        for table, rows in translated.tables.items():
            places = range(number * PLACES, number * PLACES + len(rows))
            placed = rows.append_column(PLACE, pa.array(places, PLACE.type))
            with (
                pa.OSFile(str(draft / f"{table}.arrow"), "wb") as file,
                pa.ipc.new_file(file, placed.schema, options=_LZ4) as writer,
            ):
                writer.write_table(placed)
        note = {
            "cursor": page.cursor,
            "server_time": page.server_time,
            "promised": page.promised,
            "rows": len(page.rows),
            "read": translated.read,
            "origins": translated.origins,
            "rejects": [asdict(reject) for reject in translated.rejects],
            "notes": [asdict(note) for note in page.notes],
        }
        (draft / PAGE).write_bytes(orjson.dumps(note))
        os.replace(draft, self.folder / f"{number:05d}")  # noqa: PTH105

    def files(self, table: str) -> list[Path]:
        """Name the files with a table's rows, in the order they came."""
        files = (page / f"{table}.arrow" for page in self._folders())
        return [file for file in files if file.exists()]

    def rejects(self) -> list[Reject]:
        """List the rows put aside."""
        return [Reject(**r) for note in self._notes() for r in note["rejects"]]

    def notes(self) -> list[Note]:
        """List what came to notice while reading, each once."""
        found = [Note(**one) for note in self._notes() for one in note["notes"]]
        return [note for n, note in enumerate(found) if note not in found[:n]]

    def read(self) -> dict[str, int]:
        """Count the rows read, by table."""
        counts: dict[str, int] = {}
        for note in self._notes():
            for table, count in note["read"].items():
                counts[table] = counts.get(table, 0) + count
        return counts

    def origins(self) -> dict[str, set[str]]:
        """Name, by link table, the records whose links were read."""
        found: dict[str, set[str]] = {}
        for note in self._notes():
            for table, names in note["origins"].items():
                found.setdefault(table, set()).update(names)
        return found

    def ids(self, table: str, before: datetime | None = None) -> set[str]:
        """Name the records of a table that stand already; those last changed before."""
        found: set[str] = set()
        for file in self.files(table):
            with pa.memory_map(str(file)) as opened:
                rows = pa.ipc.open_file(opened).read_all()
            if before is not None:
                rows = rows.filter(pc.field("modified_at") < before)
            found.update(rows["id"].to_pylist())
        return found

    def _folders(self) -> Iterator[Path]:
        yield from sorted(p for p in self.folder.iterdir() if p.name.isdigit())

    def _notes(self) -> Iterator[Mapping[str, Any]]:
        for page in self._folders():
            yield orjson.loads((page / PAGE).read_bytes())


def drop(folder: Path, sources: Iterable[str]) -> None:
    """Throw away the staged pages of sources that have been published."""
    for source in sources:
        shutil.rmtree(folder / source, ignore_errors=True)
