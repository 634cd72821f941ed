"""One writing run at a time: sync, publish, reassign, tasks and undo share a lock.

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

from handover.errors import Locked

LOCK = "run.lock"
HOLDER = "run.json"


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
    lock = FileLock(folder / LOCK, timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise Locked(data=None, **holder(folder)) from None
    note = folder / HOLDER
    try:
        draft = note.with_suffix(f".{os.getpid()}")
        draft.write_bytes(
            orjson.dumps(
                {
                    "pid": os.getpid(),
                    "host": socket.gethostname(),
                    "since": now.isoformat(timespec="seconds"),
                    "command": command,
                }
            )
        )
        draft.replace(note)
        yield
    finally:
        note.unlink(missing_ok=True)
        lock.release()


def holder(folder: Path) -> dict[str, object]:
    """Tell who holds the lock, as far as is known."""
    unknown: dict[str, object] = dict.fromkeys(("pid", "host", "since", "command"), "?")
    try:
        found = orjson.loads((folder / HOLDER).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return unknown  # it is just being taken or given back
    return unknown | found if isinstance(found, dict) else unknown
