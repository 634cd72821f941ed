"""What this machine lacks, told by the same errors whichever library met the lack.

Python, DuckDB, Arrow and the system's loader each say it in a way of their own, the
latter two in words alone.
"""

import errno
import os
import sys
from collections.abc import Iterator

from handover.errors import KNOWN_ERRORS, FewHandles, LittleMemory

LEAST_ADDRESSES = 1 << 30
"""Bytes of addresses that the libraries take for their code, threads and buffers. With
fewer they may end the process from within, which nobody could tell in words."""
_NO_MEMORY = (
    os.strerror(errno.ENOMEM),
    "Failed to launch worker thread",
    "can't start new thread",
    "failed to map segment",
    "bad allocation",
    "bad_alloc",
)
_NO_HANDLES = (os.strerror(errno.EMFILE), os.strerror(errno.ENFILE))
_INTERRUPTED = "Query interrupted"
_WORDS = 200


def check_address_space() -> None:
    """Make sure that this process may use as many addresses as our libraries take.

    Raises:
        LittleMemory: a limit (``ulimit -v``) is below that.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on Windows

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if 0 <= limit < LEAST_ADDRESSES:
        here, least = limit >> 20, LEAST_ADDRESSES >> 20
        raise LittleMemory(detail=f"ulimit -v: {here} MB < {least} MB")


def name_lack(error: BaseException) -> BaseException:
    """Return what an error says of this machine, or of somebody who interrupted us.

    An error that has a name of its own, or says nothing of that kind, comes back as it
    is.
    """
    if isinstance(error, KNOWN_ERRORS):
        return error
    for one in _chain(error):
        if _INTERRUPTED in str(one) or type(one).__name__ == "InterruptException":
            return KeyboardInterrupt()
        words = f"{type(one).__name__}: {one}".partition("\n")[0][:_WORDS]
        if _is(one, {errno.EMFILE, errno.ENFILE}, _NO_HANDLES):
            return FewHandles(detail=words)
        is_memory = isinstance(one, MemoryError)
        is_memory |= type(one).__name__ == "OutOfMemoryException"  # DuckDB's
        if is_memory or _is(one, {errno.ENOMEM}, _NO_MEMORY):
            return LittleMemory(detail=words)
    return error


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those that it came from."""
    while error is not None:
        yield error
        error = error.__cause__


def _is(error: BaseException, codes: set[int], words: tuple[str, ...]) -> bool:
    if isinstance(error, OSError):
        return error.errno in codes
    return isinstance(error, Exception) and any(one in str(error) for one in words)
