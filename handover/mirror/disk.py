"""Room to work in while a generation is made, and what stops it by its name."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from connectors.disk import FULL
from handover.errors import DiskFull
from handover.interrupts import interruptible
from handover.mirror.memory import OutOfMemory, merge_memory

NO_ROOM_FOR_SPILLING = "max_temp_directory_size"
"""Stands in the message of DuckDB when the disk has no room for what memory lacks."""

THREADS = 4
"""More of them hold more memory, and the disk is what a merge waits for."""


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
        "memory_limit": f"{merge_memory()}B",
        "threads": min(THREADS, os.cpu_count() or 1),
        "temp_directory": str(room),
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
    }
    try:
        with duckdb.connect(config=config) as con, interruptible(con.interrupt):
            yield con
    finally:
        shutil.rmtree(room, ignore_errors=True)


@contextmanager
def lack_of_room_is_named(folder: Path) -> Iterator[None]:
    """Turn what lack of room does to Python, Arrow and DuckDB into one error.

    Raises:
        DiskFull: with the folder.
        OutOfMemory: with the megabytes that were allowed.
    """
    try:
        yield
    except (OSError, MemoryError, duckdb.Error) as error:
        # DuckDB keeps only the system's words, Arrow sometimes.
        if _is_full(error):
            raise DiskFull(file=folder) from error
        if isinstance(error, MemoryError | duckdb.OutOfMemoryException):
            raise OutOfMemory(limit=merge_memory() >> 20) from error
        raise


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in FULL:
        return True
    words = (NO_ROOM_FOR_SPILLING, *map(os.strerror, FULL))
    return any(said in str(error) for said in words)
