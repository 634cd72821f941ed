"""Writing the next generation, so that it exists as a whole or not at all.

The files are written into a fresh folder, synced to the disk and renamed; then one
ledger transaction inserts the generation and moves the watermarks. A writer killed at
any point leaves the old generation current and garbage that the next one removes.
"""

import datetime as dt
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Connection, delete, insert

from handover.ledger.tables import generations, watermarks
from handover.mirror.generations import SCHEMA_VERSION, Generation, digest
from handover.mirror.jobs import Mark
from handover.mirror.merging import literal

POINTS = ("written", "renamed", "published")
"""Where a test kills the writer."""


@dataclass(kw_only=True)
class NextGeneration:
    """The generation being made, in a folder of its own until it is whole.

    ``written`` names the newest draft of each table that changed; all others keep the
    old generation's file.
    """

    con: duckdb.DuckDBPyConnection
    folder: Path
    before: Generation | None
    reached: Callable[[str], None] = lambda _point: None
    written: dict[str, Path] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def n(self) -> int:
        """Its number."""
        return (self.before.n if self.before else 0) + 1

    @property
    def _draft(self) -> Path:
        return self.folder / f".tmp-{self.n:06d}-{os.getpid()}"

    def old_file(self, table: str) -> Path | None:
        """Give the current generation's file of a table."""
        return self.before.files.get(table) if self.before else None

    def relation(self, table: str) -> str | None:
        """Name in SQL what holds a table's rows so far; None when nothing does."""
        file = self.written.get(table) or self.old_file(table)
        return f"read_parquet({literal(file)})" if file else None

    def write(self, table: str, rows: str) -> None:
        """Write a table anew, from a view or query that may read its last draft."""
        if not self.written:
            self.discard()
            self._draft.mkdir(mode=0o700, parents=True)
        last = self.written.get(table)
        file = self._draft / f"{table}.{next(self._numbers)}.parquet"
        self.con.execute(
            f"copy (from {rows}) to {literal(file)} (format parquet, compression zstd)"
        )
        self.written[table] = file
        if last is not None:
            last.unlink()

    def finish(self) -> dict[str, Any]:
        """Bring the files to where they stay; give the ledger's ``files``."""
        entries = dict(self.before.entries) if self.before else {}
        home = self.folder / f"g{self.n:06d}"
        for table, draft in self.written.items():
            file = draft.rename(draft.with_name(f"{table}.parquet"))
            _sync(file)
            entries[table] = {
                "file": f"{home.name}/{file.name}",
                "rows": len(self.con.sql(f"from read_parquet({literal(file)})")),
                "bytes": file.stat().st_size,
                "sha256": digest(file),
            }
        _sync(self._draft)
        self.reached("written")
        # An orphan of this number was never published: nobody reads it.
        shutil.rmtree(home, ignore_errors=True)
        self._draft.rename(home)
        _sync(self.folder)
        self.reached("renamed")
        return entries

    def discard(self) -> None:
        """Leave nothing behind of what was not finished."""
        shutil.rmtree(self._draft, ignore_errors=True)


def publish(
    connection: Connection,
    *,
    n: int,
    files: Mapping[str, Any],
    sources: Mapping[str, Any],
    now: dt.datetime,
) -> None:
    """Make a generation current; the caller's transaction moves the marks, too."""
    connection.execute(
        insert(generations).values(
            n=n,
            published_at=now.isoformat(),
            schema_version=SCHEMA_VERSION,
            files=dict(files),
            sources=dict(sources),
        )
    )


def move_marks(
    connection: Connection, source: str, marks: Mapping[str, Mark], generation: int
) -> None:
    """Replace the watermarks of a source's objects."""
    for name, mark in marks.items():
        connection.execute(
            delete(watermarks).where(
                watermarks.c.source == source, watermarks.c.object == name
            )
        )
        connection.execute(
            insert(watermarks).values(
                source=source,
                object=name,
                mark=mark.mark.isoformat() if mark.mark else None,
                mapping_hash=mark.mapping_hash,
                translation_version=mark.translation_version,
                visible_hash=mark.visible_hash,
                swept_at=mark.swept_at.isoformat() if mark.swept_at else None,
                generation=generation,
            )
        )


def _sync(path: Path) -> None:
    """Put a file or folder on the disk for good."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot sync folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
