"""The disk while a generation is made: room to work in, and a full one by its name."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from connectors.disk import FULL
from handover.errors import DiskFull

MEMORY = "256MB"
"""What DuckDB may hold before it moves intermediate results to the disk."""


@contextmanager
def open_duckdb(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB in memory that spills beside the generations, not elsewhere.

    Args:
        folder: the mirror's folder; what a killed writer leaves there is garbage that
            the next one removes.
    """
    room = folder / f".tmp-room-{os.getpid()}"
    config: dict[str, str | bool | int | float | list[str]] = {
        "timezone": "UTC",
        "memory_limit": MEMORY,
        "temp_directory": str(room),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
    }
    try:
        with duckdb.connect(config=config) as con:
            yield con
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def full_disk_is_named(folder: Path) -> Iterator[None]:
    """Turn what a full disk does to Python, Arrow and DuckDB into one error.

    Raises:
        DiskFull: with the folder.
    """
    try:
        yield
    except (OSError, duckdb.Error) as error:
        if not _is_full(error):
            raise
        raise DiskFull(file=folder) from error


def _is_full(error: OSError | duckdb.Error) -> bool:
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    # DuckDB keeps only the system's words, Arrow sometimes.
    return any(os.strerror(number) in str(error) for number in FULL)
