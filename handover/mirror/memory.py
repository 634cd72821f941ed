"""How much memory a merge may take: a share of the machine's, or of the container's."""

import os
from collections.abc import Iterator
from pathlib import Path

from handover.errors import TryLater

SHARE = 0.5
"""Of the memory that there is: others work on the machine, too."""
LEAST = 256 << 20
MOST = 1 << 30
"""What does not fit is put on the disk meanwhile: more makes a merge hardly faster."""
V1, V2 = ("memory", "memory.limit_in_bytes"), ("", "memory.max")
"""Folder and file of a control group's limit, in both versions of Linux's interface."""


class OutOfMemory(TryLater):
    """The memory that a merge may take is not enough (``limit``, in MB)."""

    code = "out_of_memory"


def merge_memory(root: Path = Path("/")) -> int:
    """Return how many bytes a merge may hold before it works on the disk.

    Args:
        root: where ``proc`` and ``sys`` lie.
    """
    there = min((*_physical(), *_control_groups(root)), default=MOST)
    return max(LEAST, min(MOST, int(there * SHARE)))


def _physical() -> Iterator[int]:
    """Yield the machine's memory, where the system tells."""
    names = ("SC_PHYS_PAGES", "SC_PAGE_SIZE")
    if set(names) <= set(getattr(os, "sysconf_names", ())):
        pages, size = map(os.sysconf, names)
        if pages > 0 and size > 0:
            yield pages * size


def _control_groups(root: Path) -> Iterator[int]:
    """Yield the limits of the groups that this process is in, and of those above.

    See cgroups(7): a line of ``/proc/self/cgroup`` is ``number:controllers:path``.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return  # not Linux
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        folder, name = V1 if controllers else V2
        top = root / "sys/fs/cgroup" / folder
        home = top / path.strip("/")
        for group in (home, *home.parents):
            yield from _limit(group / name)
            if group == top:
                break


def _limit(file: Path) -> Iterator[int]:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError:
        return  # the path is that of another namespace
    if text.isdigit():  # else it is "max"
        yield int(text)
