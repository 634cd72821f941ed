"""Writing the next generation, so that it exists as a whole or not at all.

The files are written into a fresh folder, synced to the disk and renamed; then one
ledger transaction inserts the generation and moves the watermarks. A writer killed at
any point leaves the old generation current and garbage that the next one removes.
"""

import datetime as dt
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Connection, delete, insert

from handover.ledger.tables import generations, watermarks
from handover.mirror.generations import SCHEMA_VERSION, Generation
from handover.mirror.merging import literal
from handover.mirror.pulling import Mark

POINTS = ("written", "renamed", "published")
"""Where a test kills the writer."""


@dataclass(kw_only=True)
class NextGeneration:
    """The generation being made: tables in DuckDB that have to be written anew.

    ``written`` maps a canonical table to the DuckDB table with all its rows; tables not
    in it keep the old generation's file.
    """

    con: duckdb.DuckDBPyConnection
    folder: Path
    before: Generation | None
    reached: Callable[[str], None] = lambda _point: None
    written: dict[str, str] = field(default_factory=dict)

    @property
    def n(self) -> int:
        """Its number."""
        return (self.before.n if self.before else 0) + 1

    def old_file(self, table: str) -> Path | None:
        """Give the current generation's file of a table."""
        return self.before.files.get(table) if self.before else None

    def relation(self, table: str) -> str | None:
        """Name in SQL what holds a table's rows so far; None when nothing does."""
        if table in self.written:
            return self.written[table]
        file = self.old_file(table)
        return f"read_parquet({literal(file)})" if file else None

    def write_files(self) -> dict[str, Any]:
        """Write what changed; give the ledger's ``files`` for all tables."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.folder / f".tmp-{self.n:06d}-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        home = self.folder / f"g{self.n:06d}"
        entries = self._kept()
        for table, name in self.written.items():
            entries[table] = self._write(table, name, draft, home)
        _sync(draft)
        self.reached("written")
        # An orphan of this number was never published: nobody reads it.
        shutil.rmtree(home, ignore_errors=True)
        draft.rename(home)
        _sync(self.folder)
        self.reached("renamed")
        return entries

    def _kept(self) -> dict[str, Any]:
        if self.before is None:
            return {}
        return {
            table: {
                "file": file.relative_to(self.folder).as_posix(),
                "rows": _rows(self.con, file),
                "bytes": file.stat().st_size,
            }
            for table, file in self.before.files.items()
            if table not in self.written
        }

    def _write(self, table: str, name: str, draft: Path, home: Path) -> dict[str, Any]:
        file = draft / f"{table}.parquet"
        self.con.execute(
            f"copy (from {name}) to {literal(file)} (format parquet, compression zstd)"
        )
        _sync(file)
        return {
            "file": (home / file.name).relative_to(self.folder).as_posix(),
            "rows": _rows(self.con, file),
            "bytes": file.stat().st_size,
        }


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


def _rows(con: duckdb.DuckDBPyConnection, file: Path) -> int:
    return len(con.sql(f"from read_parquet({literal(file)})"))


def _sync(path: Path) -> None:
    """Put a file or folder on the disk for good."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot sync folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
