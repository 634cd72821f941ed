"""The disk: files that are written whole or not at all, and what a full one says."""

import errno
import os
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of a disk, or of somebody's share of it, that is full."""


def replace_file(path: Path, content: bytes, *, mode: int = 0o666) -> None:
    """Write a file atomically and durably: nobody ever sees half of it.

    Args:
        path: the file; its folder exists.
        content: all of it.
        mode: permissions of a new file, before the process's umask.

    Raises:
        OSError: it could not be written; what was there stays.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_names(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def sync_names(folder: Path) -> None:
    """Make new names in a folder durable, on systems that can open folders."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
