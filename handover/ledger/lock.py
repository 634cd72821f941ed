"""One writing run at a time: sync, publish, reassign, undo and adopt share a lock.

The lock is the operating system's, so it dies with its process; the note beside it
tells the second run whom it is waiting for.
"""

import datetime as dt
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from connectors.disk import replace_file
from handover.errors import Locked

LOCK = "run.lock"
HOLDER = "run.json"
SYNC = "sync"
"""The command that holds the lock and writes to no CRM."""
PATIENCE = 0.3
"""Seconds to wait: a run that is just ending may end, one just begun signs its note."""


@contextmanager
def run_lock(folder: Path, command: str, now: dt.datetime) -> Iterator[None]:
    """Hold the lock of a data folder.

    Args:
        folder: the data folder.
        command: what is running, for whoever comes second.
        now: since when.

    Raises:
        Locked: another run holds it; says which, where and since when.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=PATIENCE, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise Locked(data=None, **holder(folder)) from None
    note = folder / HOLDER
    try:
        _sign(note, command, now)
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def is_held(folder: Path) -> bool:
    """Return whether a command holds the lock now; asking takes it for a moment."""
    lock = FileLock(folder / LOCK, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False


def _sign(note: Path, command: str, now: dt.datetime) -> None:
    """Write down who holds the lock."""
    content = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": now.isoformat(timespec="seconds"),
        "command": command,
    }
    replace_file(note, orjson.dumps(content), mode=0o600)


def holder(folder: Path) -> dict[str, object]:
    """Return who holds the lock, as far as is known."""
    unknown: dict[str, object] = dict.fromkeys(("pid", "host", "since", "command"), "?")
    try:
        found = orjson.loads((folder / HOLDER).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return unknown  # it is just being taken or given back
    return unknown | found if isinstance(found, dict) else unknown
