"""Generations: immutable states of the mirror, one of them current.

A generation is a row of the ledger that names one Parquet file per table; the files lie
in ``g000042/`` below the mirror's folder, where a table that did not change keeps the
file of an older generation. The row is inserted in the transaction that moves the
watermarks: that insert is the publication. Readers take the row once and keep it.
"""

import datetime as dt
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from handover.errors import NoGeneration
from handover.ledger import Ledger
from handover.ledger.tables import generations

SCHEMA_VERSION = 1
"""Raised when the files' columns change in a way that old files cannot be cast to."""
LEAST_KEPT = 3
YOUNG = dt.timedelta(hours=24)
"""A reader may still have a generation open that is younger than this."""
_FOLDER = re.compile(r"g(\d{6,})")


@dataclass(frozen=True, kw_only=True)
class Generation:
    """One consistent state of the mirror.

    ``sources`` tells for each source its ``org_id``, ``org_name``, ``synced_at``,
    ``rejects`` (a number) and ``announcements`` (what is a rule, not a fact).
    """

    n: int
    folder: Path
    files: Mapping[str, Path]
    sources: Mapping[str, Mapping[str, Any]]
    published_at: dt.datetime


def newest_generation(connection: Connection, folder: Path) -> Generation | None:
    """Find the current generation, if there is one."""
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
    )


def current_generation(ledger: Ledger, folder: Path) -> Generation:
    """Give the current generation.

    Args:
        ledger: where its row stands.
        folder: the mirror's folder.

    Raises:
        NoGeneration: nothing was synced yet.
    """
    with ledger.read() as connection:
        found = newest_generation(connection, folder)
    if found is None:
        raise NoGeneration
    return found


def collect_garbage(
    connection: Connection, folder: Path, *, keep: int, now: dt.datetime
) -> list[Path]:
    """Remove files that no kept generation names, and unfinished folders.

    Kept are the newest ``keep`` generations and whatever is younger than a day.

    Returns:
        What was removed.
    """
    rows = connection.execute(
        select(generations).order_by(generations.c.n.desc())
    ).all()
    edge = (now - YOUNG).isoformat()
    kept = [
        row
        for place, row in enumerate(rows)
        if place < max(keep, LEAST_KEPT) or row.published_at > edge
    ]
    named = {folder / entry["file"] for row in kept for entry in row.files.values()}
    unfinished = list(folder.glob(".tmp-*"))
    for draft in unfinished:
        shutil.rmtree(draft, ignore_errors=True)
    removed = [*unfinished]
    for home in sorted(folder.iterdir() if folder.exists() else ()):
        if not _FOLDER.fullmatch(home.name):
            continue
        for file in home.glob("*.parquet"):
            if file not in named:
                file.unlink(missing_ok=True)
                removed.append(file)
        if not any(home.iterdir()):
            home.rmdir()
    dropped = [row.n for row in rows if row not in kept]
    if dropped:
        _forget(connection, dropped)
    return removed


def _forget(connection: Connection, numbers: list[int]) -> None:
    """Keep the rows of old generations, for history, without their files."""
    connection.execute(
        generations.update().where(generations.c.n.in_(numbers)).values(files={})
    )
