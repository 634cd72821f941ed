"""A folder of files: finding them by pattern, claiming and replacing one."""

import datetime as dt
import errno
import mmap
import os
import re
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path

from connectors.disk import FULL, sync_names
from connectors.errors import (
    ConnectorError,
    FileChanged,
    FileInUse,
    FolderEmpty,
    FolderFull,
    FolderMissing,
    OutsideFolder,
    ReadOnlyFolder,
    UnreadableFile,
)

READABLE = (".csv", ".xlsx", ".tsv", ".txt")
EXCEL_OWNER = "~$"
"""Excel writes a file with this prefix beside each workbook that it holds open."""

READ_ONLY = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_STAMP = re.compile(
    r"(?<!\d)(?P<y>(?:19|20)\d\d)"
    r"(?:[-_.年]?(?P<m>\d\d)[-_.月]?(?P<d>\d\d)日?"
    r"(?:[-_T .]?(?P<H>[01]\d|2[0-3])[-_:.]?(?P<M>[0-5]\d)(?:[-_:.]?(?P<S>[0-5]\d))?)?"
    r"|[-_.年](?P<m2>\d\d)月?)?(?!\d)"
)
"""A date in a file's name, as exports and people write it."""

LOCKLESS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP})
"""Shares that know no locks: there the lock of the run has to do."""


class Folder:
    """The files of one folder. Names lead nowhere else, nor do links."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> tuple[str, ...]:
        """Name the files that can be read, in alphabetical order.

        Raises:
            FolderMissing: there is no such folder, or we may not enter it.
            FolderEmpty: it has no such file.
        """
        try:
            found = [entry.name for entry in os.scandir(self.path) if _readable(entry)]
        except OSError as error:
            raise FolderMissing(folder=self.path, detail=error.strerror) from None
        if not found:
            raise FolderEmpty(folder=self.path)
        return tuple(sorted(found))

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Name the files that a pattern (``*``, ``?``, ``[..]``) matches in any case.

        Raises:
            OutsideFolder: the pattern, or a link that it matches, leads elsewhere.
        """
        if any(mark in pattern for mark in "/\\") or pattern in {"", ".", ".."}:
            raise OutsideFolder(name=pattern, folder=self.path)
        wanted = _plain(pattern)
        found = [name for name in self.names() if fnmatchcase(_plain(name), wanted)]
        for name in found:
            self.file(name)
        return tuple(found)

    def all_names(self) -> tuple[str, ...]:
        """List all visible files, also those of a kind that we cannot read.

        Raises:
            FolderMissing: there is no such folder, or we may not enter it.
        """
        try:
            found = [
                entry.name
                for entry in os.scandir(self.path)
                if not entry.name.startswith((".", EXCEL_OWNER)) and entry.is_file()
            ]
        except OSError as error:
            raise FolderMissing(folder=self.path, detail=error.strerror) from None
        return tuple(sorted(found))

    def chosen(self, pattern: str) -> str | None:
        """Return the file that a pattern means."""
        return self.newest(pattern)[0]

    def newest(self, pattern: str) -> tuple[str | None, tuple[str, ...]]:
        """Choose the file that a pattern means, and name the others that it matches.

        Of several exports the newest counts: by the date in its name, else by its time.
        A name that says nothing more, like ``accounts.csv``, goes before one that does,
        like ``accounts.old.csv``.

        Raises:
            OutsideFolder: as ``matching`` says.
        """
        found = self.matching(pattern)
        if len(found) < 2:
            return (found[0] if found else None), ()
        stamps = {name: _stamp_in(name) for name in found}
        dated = all(stamps.values())
        chosen = max(
            found,
            key=lambda name: (
                (stamps[name] or "") if dated else -name.count("."),
                self.file(name).stat().st_mtime_ns,
                name,
            ),
        )
        return chosen, tuple(name for name in found if name != chosen)

    def file(self, name: str) -> Path:
        """Give the path of a file, its links followed.

        Raises:
            OutsideFolder: it is a link to somewhere else.
        """
        path = (self.path / name).resolve()
        if path.parent != self.path.resolve():
            raise OutsideFolder(name=name, folder=self.path)
        return path

    def has_workbooks(self) -> bool:
        """Tell whether some file is XLSX."""
        return any(is_workbook(path.name) for path in self.path.glob("[!.~]*"))

    @contextmanager
    def claim(self, name: str) -> Iterator[Path]:
        """Keep a file for ourselves while we look at it and replace it.

        Raises:
            FileInUse: Excel, LibreOffice or another run has it.
            ReadOnlyFolder: we may not write to it.
        """
        path = self.file(name)
        for owner in (f"{EXCEL_OWNER}{name}", f".~lock.{name}#"):
            if (self.path / owner).exists():
                raise FileInUse(file=name, folder=self.path)
        with writable(path), path.open("r+b") as file:
            _lock(file.fileno(), path)
            if sys.platform == "win32":
                file.close()  # or it could not be replaced
            yield path


def _stamp_in(name: str) -> str:
    """Return the date in a file's name, with the time behind it; empty without one."""
    for found in _STAMP.finditer(name):
        with suppress(ValueError):
            month, day_of = found["m"] or found["m2"] or 1, found["d"] or 1
            day = dt.date(int(found["y"]), int(month), int(day_of))
            return f"{day}{found['H'] or ''}{found['M'] or ''}{found['S'] or ''}"
    return ""


def _readable(entry: os.DirEntry[str]) -> bool:
    name = entry.name
    hidden = name.startswith((".", EXCEL_OWNER))
    return not hidden and name.lower().endswith(READABLE) and entry.is_file()


def is_workbook(name: str) -> bool:
    """Tell an XLSX file by its name."""
    return name.lower().endswith(".xlsx")


def _plain(name: str) -> str:
    """Bring names to one form: macOS decomposes them, Windows ignores case."""
    return unicodedata.normalize("NFC", name).lower()


def _lock(descriptor: int, path: Path) -> None:
    """Lock an open file until it is closed; its path must still lead to it.

    ``flock``, because ``lockf`` lets go when the file is opened and closed a second
    time. On Windows whoever has a file open keeps it from being replaced, which is as
    good.
    """
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415 - not on Windows

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FileInUse(file=path.name, folder=path.parent) from None
        except OSError as error:
            if error.errno not in LOCKLESS:
                raise
        if not os.path.samestat(os.fstat(descriptor), path.stat()):
            raise FileInUse(file=path.name, folder=path.parent)


@contextmanager
def content(path: Path) -> Iterator[bytes | mmap.mmap]:
    """Give the bytes of a file without loading them."""
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            yield b""
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data


def write_draft(path: Path, pieces: Iterator[bytes]) -> Path:
    """Write the next content of a file beside it, safely on disk, as its owner's.

    A draft that a killed run left behind is written again.
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        draft.unlink(missing_ok=True)
        with draft.open("xb") as file:
            file.writelines(pieces)
            file.flush()
            os.fsync(file.fileno())
        _inherit(path, draft)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return draft


def _inherit(path: Path, draft: Path) -> None:
    old, new = path.stat(), draft.stat()
    draft.chmod(old.st_mode & 0o7777)
    if sys.platform != "win32" and (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid):
        with suppress(PermissionError):  # only root gives files away
            os.chown(draft, old.st_uid, old.st_gid)


def publish(draft: Path, path: Path, found: os.stat_result) -> None:
    """Put a draft in the place of its file, atomically and durably.

    Raises:
        FileChanged: the file is not as it was ``found`` when the draft was begun.
    """
    now = path.stat()
    if (now.st_size, now.st_mtime_ns) != (found.st_size, found.st_mtime_ns):
        draft.unlink()
        raise FileChanged(file=path.name, folder=path.parent)
    draft.replace(path)
    sync_names(path.parent)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in our words why a file cannot be read.

    Raises:
        FileInUse: another program has it.
        FileChanged: it has gone in the meantime.
        UnreadableFile: we may not read it.
    """
    try:
        yield
    except FileNotFoundError:
        raise FileChanged(file=path.name, folder=path.parent) from None
    except PermissionError as error:
        if sys.platform == "win32":
            raise FileInUse(file=path.name, folder=path.parent) from error
        raise UnreadableFile(file=path.name, line=1, detail=error.strerror) from error


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Say in our words why a file cannot be written.

    Raises:
        FileInUse: another program has it.
        FileChanged: it has gone in the meantime.
        ReadOnlyFolder: we may not write there.
        FolderFull: the disk is full.
    """
    try:
        yield
    except OSError as error:
        cause = _cause(error)
        if cause is None:
            raise
        raise cause(file=path.name, folder=path.parent) from error


def _cause(error: OSError) -> type[ConnectorError] | None:
    if isinstance(error, FileNotFoundError):
        return FileChanged
    if error.errno in FULL:
        return FolderFull
    if error.errno in READ_ONLY:
        return FileInUse if sys.platform == "win32" else ReadOnlyFolder
    return None
