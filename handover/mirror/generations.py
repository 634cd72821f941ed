"""Generations: immutable states of the mirror, one of them current.

A generation is a row of the ledger that names one Parquet file per table; the files lie
in ``g000042/`` below the mirror's folder, where a table that did not change keeps the
file of an older generation. The row is inserted in the transaction that moves the
watermarks: that insert is the publication. Readers take the row once and keep it.
"""

import datetime as dt
import hashlib
import re
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from handover.errors import NoGeneration, UsageProblem
from handover.ledger import Ledger
from handover.ledger.tables import generations

SCHEMA_VERSION = 1
"""Raised when the files' columns change in a way that old files cannot be cast to."""
LEAST_KEPT = 3
YOUNG = dt.timedelta(hours=24)
"""A reader may still have open what was current so short a time ago."""
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
        """Name the tables whose files are missing or not as they were written."""
        for table, entry in self.entries.items():
            file = self.files[table]
            if not file.is_file() or digest(file) != entry.get("sha256"):
                yield table

    def without(self, tables: Collection[str]) -> "Generation":
        """Leave some tables out, as if nothing were known of them."""
        return replace(
            self,
            files={t: file for t, file in self.files.items() if t not in tables},
            entries={t: e for t, e in self.entries.items() if t not in tables},
        )

    def check(self) -> None:
        """Make sure that every file is as it was written (reliability P26).

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
    if row is None:
        return None
    return Generation(
        n=row.n,
        folder=folder,
        files={table: folder / entry["file"] for table, entry in row.files.items()},
        sources=row.sources,
        published_at=dt.datetime.fromisoformat(row.published_at),
        entries=row.files,
    )


def current_generation(ledger: Ledger, folder: Path) -> Generation:
    """Give the current generation, whole and sound.

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
    """Give the SHA-256 of a file; a hundred megabytes take a twentieth of a second."""
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


def _sorted_out(
    connection: Connection, keep: int, edge: dt.datetime
) -> tuple[Sequence[Row[Any]], Sequence[Row[Any]]]:
    """Tell the generations to keep from those to drop.

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
