"""Generations: immutable states of the mirror, one of them current.

A generation is a row of the ledger that names one Parquet file per table; the files lie
in ``g000042/`` below the mirror's folder, where a table that did not change keeps the
file of an older generation. The row is inserted in the transaction that moves the
watermarks: that insert is the publication. Readers take the row once and keep it.

Read ``Generation`` first, then how the current one is found and old ones are removed;
``NextGeneration`` writes the files of a new one, and the functions behind it write and
read the rows of the ledger.
"""

import datetime as dt
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from sqlalchemy import Connection, Row, delete, insert, select, update

from handover.errors import NoGeneration, UsageProblem
from handover.ledger import Ledger
from handover.ledger.tables import generations, watermarks
from handover.mirror.sql import literal
from handover.mirror.watermarks import Mark

SCHEMA_VERSION = 1
"""Raised when the files' columns change in a way that old files cannot be cast to."""

LEAST_KEPT = 3
"""Generations that stay, whatever is configured."""

YOUNG = dt.timedelta(hours=24)
"""A reader may still have open what was current so short a time ago."""

ROW_GROUP = "16MB"
"""What each of DuckDB's threads gathers of a table before it writes: never spilled."""

_FOLDER = re.compile(r"g(\d{6,})")


class DamagedMirror(UsageProblem):
    """A file of the mirror is not what was written (``file``, ``table``)."""

    code = "damaged_mirror"


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One consistent state of the mirror.

    ``sources`` tells for each source its ``org_id``, ``org_name``, ``synced_at``,
    ``rejects`` (a number) and ``announcements`` (what is a rule, not a fact).
    ``entries`` is what the ledger knows of each table's file, its digest among it.
    """

    n: int
    folder: Path
    files: Mapping[str, Path]
    sources: Mapping[str, Mapping[str, Any]]
    published_at: dt.datetime
    entries: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def damaged(self) -> Iterator[str]:
        """Yield the tables whose files are missing or not as they were written."""
        for table, entry in self.entries.items():
            file = self.files[table]
            if not file.is_file() or digest(file) != entry.get("sha256"):
                yield table

    def without(self, tables: Collection[str]) -> "Generation":
        """Return it without some tables, as if nothing were known of them."""
        return replace(
            self,
            files={t: file for t, file in self.files.items() if t not in tables},
            entries={t: e for t, e in self.entries.items() if t not in tables},
        )

    def check(self) -> None:
        """Make sure that every file is as it was written.

        Raises:
            DamagedMirror: one is not; a full sync reads everything again.
        """
        for table in self.damaged():
            raise DamagedMirror(file=self.files[table], table=table)


def newest_generation(connection: Connection, folder: Path) -> Generation | None:
    """Find the current generation, if there is one; its files are not looked at."""
    row = connection.execute(
        select(generations).order_by(generations.c.n.desc()).limit(1)
    ).one_or_none()
    return None if row is None else _read(row, folder)


def _read(row: Row[Any], folder: Path) -> Generation:
    return Generation(
        n=row.n,
        folder=folder,
        files={table: folder / entry["file"] for table, entry in row.files.items()},
        sources=row.sources,
        published_at=dt.datetime.fromisoformat(row.published_at),
        entries=row.files,
    )


def current_generation(ledger: Ledger, folder: Path) -> Generation:
    """Return the current generation, whole and sound.

    Args:
        ledger: where its row stands.
        folder: the mirror's folder.

    Raises:
        NoGeneration: nothing was synced yet.
        DamagedMirror: a file is not as it was written.
    """
    with ledger.read() as connection:
        found = newest_generation(connection, folder)
    if found is None:
        raise NoGeneration
    found.check()
    return found


def digest(file: Path) -> str:
    """Return the SHA-256 of a file; 100 MB take a twentieth of a second."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def collect_garbage(
    ledger: Ledger, folder: Path, *, keep: int, now: dt.datetime
) -> list[Path]:
    """Remove files that no kept generation names, and unfinished folders.

    Kept are the newest ``keep`` generations and whatever was current within a day; of
    the others the rows stay, for history, without files. What the system does not let
    us remove, because somebody has it open on Windows, is left for the next night.

    Returns:
        What was removed.
    """
    with ledger.begin() as connection:
        kept, dropped = _sorted_out(connection, keep, now - YOUNG)
        connection.execute(
            generations.update()
            .where(generations.c.n.in_([row.n for row in dropped]))
            .values(files={})
        )
    named = {folder / entry["file"] for row in kept for entry in row.files.values()}
    removed = [*folder.glob(".tmp-*")]
    for draft in removed:
        shutil.rmtree(draft, ignore_errors=True)
    homes = [home for home in folder.glob("g*") if _FOLDER.fullmatch(home.name)]
    for home in homes:
        for file in set(home.iterdir()) - named:
            with suppress(OSError):
                file.unlink()
                removed.append(file)
        with suppress(OSError):  # it is not empty
            home.rmdir()
    return removed


def list_generations(connection: Connection, folder: Path) -> list[Generation]:
    """List the generations whose files are kept, the newest first."""
    rows = connection.execute(
        select(generations).order_by(generations.c.n.desc())
    ).all()
    return [_read(row, folder) for row in rows if row.files]


def drop_older(connection: Connection, n: int) -> None:
    """Keep no files of the generations before one; ``remove_unnamed`` removes them."""
    older = update(generations).where(generations.c.n < n)
    connection.execute(older.values(files={}))


def remove_unnamed(ledger: Ledger, folder: Path) -> list[Path]:
    """Remove all files that no generation names; return those that could not be."""
    with ledger.read() as connection:
        kept = list_generations(connection, folder)
    named = {file for each in kept for file in each.files.values()}
    left = []
    for file in set(folder.rglob("*.parquet")) - named:
        try:
            file.unlink()
        except OSError:  # somebody has it open on Windows
            left.append(file)
    return sorted(left)


def _sorted_out(
    connection: Connection, keep: int, edge: dt.datetime
) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
    """Return the generations to keep, and those to drop.

    A generation was current until the next one was published.
    """
    rows = connection.execute(
        select(generations).order_by(generations.c.n.desc())
    ).all()
    least = max(keep, LEAST_KEPT)
    old = {
        row.n
        for following, row in pairwise(rows)
        if following.published_at <= edge.isoformat()
    } & {row.n for row in rows[least:]}
    return (
        [row for row in rows if row.n not in old],
        [row for row in rows if row.n in old and row.files],
    )


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
        """Return the current generation's file of a table."""
        return self.before.files.get(table) if self.before else None

    def relation(self, table: str) -> str | None:
        """Return in SQL what holds a table's rows so far; None when nothing does."""
        file = self.written.get(table) or self.old_file(table)
        return f"read_parquet({literal(file)})" if file else None

    def write(self, table: str, rows: str) -> None:
        """Write a table again, from a view or query that may read its last draft."""
        if not self.written:
            self.discard()
            self._draft.mkdir(mode=0o700, parents=True)
        last = self.written.get(table)
        file = self._draft / f"{table}.{next(self._numbers)}.parquet"
        self.con.execute(
            f"copy (from {rows}) to {literal(file)} (format parquet, compression zstd, "
            f"row_group_size_bytes '{ROW_GROUP}')"
        )
        self.written[table] = file
        if last is not None:
            last.unlink()

    def finish(self) -> dict[str, Any]:
        """Bring the files to where they stay; return the ledger's ``files``."""
        entries = dict(self.before.entries) if self.before else {}
        home = self.folder / f"g{self.n:06d}"
        for table, draft in self.written.items():
            file = draft.rename(draft.with_name(f"{table}.parquet"))
            _sync(file)
            entries[table] = {
                "file": f"{home.name}/{file.name}",
                "rows": pq.ParquetFile(file).metadata.num_rows,
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
        """Remove what was not finished."""
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


def note_sources(connection: Connection, n: int, sources: Mapping[str, object]) -> None:
    """Keep when the sources were last read, though nothing has changed."""
    connection.execute(
        update(generations).where(generations.c.n == n).values(sources=dict(sources))
    )


def read_marks(connection: Connection, source: str) -> dict[str, Mark]:
    """Read the watermarks of a source's objects."""
    rows = connection.execute(select(watermarks).where(watermarks.c.source == source))
    return {
        row.object: Mark(
            mark=dt.datetime.fromisoformat(row.mark) if row.mark else None,
            mapping_hash=row.mapping_hash,
            translation_version=row.translation_version,
            visible_hash=row.visible_hash,
            swept_at=dt.datetime.fromisoformat(row.swept_at) if row.swept_at else None,
        )
        for row in rows
    }


def _sync(path: Path) -> None:
    """Put a file or folder on the disk, so that it outlives a power cut."""
    if os.name == "nt" and path.is_dir():
        return  # Windows cannot sync folders
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
