"""The disk: files that are written whole or not at all, and what a full one says."""

import errno
import os
import stat
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""Errors of a disk, or of somebody's share of it, that is full."""
PRIVATE = 0o600
"""Permissions of a file that only its owner reads."""


def replace_file(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file atomically and durably: nobody ever sees half of it.

    Args:
        path: the file; its folder exists.
        content: all of it.
        mode: its permissions, whatever the process's umask; without one, those of a
            new file under this umask.

    Raises:
        OSError: it could not be written; what was there stays.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        handle = os.open(draft, flags, 0o666 if mode is None else PRIVATE)
        with os.fdopen(handle, "wb") as file:
            if mode is not None and hasattr(os, "fchmod"):
                os.fchmod(handle, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_names(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def replace_private_file(path: Path, content: bytes) -> None:
    """Write a file that is its owner's alone, unless somebody opened it to others.

    A file that is there keeps its permissions; a link leads to the file that is written
    and stays; a device or a pipe is written into, as it cannot be replaced.

    Raises:
        OSError: it could not be written; what was there stays.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = stat.S_IFREG | PRIVATE
    if stat.S_ISREG(mode):
        replace_file(path.resolve(), content, mode=stat.S_IMODE(mode))
        return
    with path.open("wb") as file:
        file.write(content)


def sync_names(folder: Path) -> None:
    """Make new names in a folder durable, on systems that can open folders."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
