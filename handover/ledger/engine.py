"""Open the ledger, bring an older one up to date, and hand out transactions."""

import datetime as dt
import errno
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from handover.errors import DiskFull, HandoverError, TryLater, UsageProblem
from handover.ledger.migrations import HEAD

BUSY_SECONDS = 10.0
"""How long a transaction waits for the one before it; they take milliseconds."""
SEALS_SINCE = "0002"
"""The first version whose chain of events vouches for rows."""
PRIMARY = 0xFF
"""The part of SQLite's error codes that tells the kind; the rest tells the place."""


class NewerLedger(UsageProblem):
    """The ledger was made by a later version (``file``, ``found``, ``known``)."""

    code = "newer_ledger"


class DamagedLedger(UsageProblem):
    """The file is no ledger, or its pages are broken (``file``, ``detail``)."""

    code = "damaged_ledger"


class LedgerBusy(TryLater):
    """Another process has kept the ledger to itself for too long (``file``)."""

    code = "ledger_busy"


class LedgerOutOfReach(TryLater):
    """The system does not let us read or write the file (``file``, ``detail``)."""

    code = "ledger_out_of_reach"


DAMAGE = ("no such table", "no such column", "malformed", "Could not decode")
"""How SQLite's other errors begin or go on that speak of what stands in the file: the
statements are ours, so the tables are not as we made them."""


class Ledger:
    """The ledger of one working folder."""

    _known: ClassVar[dict[int, type[TryLater]]] = {
        sqlite3.SQLITE_FULL: DiskFull,
        # A reader, too, needs a little room for the index of the write-ahead log.
        sqlite3.SQLITE_IOERR_SHMSIZE: DiskFull,
        sqlite3.SQLITE_BUSY: LedgerBusy,
        sqlite3.SQLITE_READONLY: LedgerOutOfReach,
        sqlite3.SQLITE_CANTOPEN: LedgerOutOfReach,
        sqlite3.SQLITE_PERM: LedgerOutOfReach,
        sqlite3.SQLITE_IOERR: LedgerOutOfReach,
    }

    def __init__(self, path: Path, engine: Engine) -> None:
        """Use ``Ledger.open``; this takes an engine that is ready."""
        self.path = path
        self._engine = engine
        self._is_checked = False

    @classmethod
    def open(cls, path: Path) -> "Ledger":
        """Open the ledger, making or migrating it first where needed.

        A migration is one transaction, and a copy of the older file stays beside it.

        Raises:
            NewerLedger: a later version made it.
            DamagedLedger: the file is no ledger, or it is empty where there was one.
            LedgerOutOfReach: the system does not let us open it.
        """
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_there = path.exists()
            is_empty = not is_there or not path.stat().st_size
            if is_empty and _was_used(path.parent):
                detail = "0 bytes" if is_there else os.strerror(errno.ENOENT)
                raise DamagedLedger(file=path, detail=detail)
            if not is_there:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            detail = error.strerror or str(error)
            raise LedgerOutOfReach(file=path, detail=detail) from error
        ledger = cls(path, _engine(path))
        with ledger.read() as connection:
            version = _version(connection)
        if version is None and not is_empty and _holds_tables(ledger):
            raise DamagedLedger(file=path, detail="alembic_version")
        if version is not None and version > HEAD:
            raise NewerLedger(file=path, found=version, known=HEAD)
        if version != HEAD:
            ledger._migrate(version)
        return ledger

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a writing transaction: all of it is on disk at the end, or none.

        Raises:
            DamagedLedger: the file's pages do not hang together; looked at once.
            DiskFull: nothing of the transaction was kept.
            LedgerBusy: another writer did not finish in time.
        """
        self.check()
        with self._transaction(writing=True) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a reading transaction: one state of the ledger, never waiting."""
        with self._transaction(writing=False) as connection:
            yield connection

    def check(self) -> None:
        """Look once, quickly, whether the file's pages hang together.

        A ledger of 100,000 steps (90 MB) takes 0.2 s.

        Raises:
            DamagedLedger: they do not; nothing may be written on the word of it.
        """
        if self._is_checked:
            return
        for fault in self._ask("quick_check(1)"):
            raise DamagedLedger(file=self.path, detail=fault)
        self._is_checked = True

    def damage(self) -> list[str]:
        """List the faults SQLite finds in the file, its indexes among it."""
        return self._ask("integrity_check")

    def _ask(self, pragma: str) -> list[str]:
        with self.read() as connection:
            found = connection.execute(text(f"PRAGMA {pragma}")).scalars().all()
        return [line for line in found if line != "ok"]

    def forget(self) -> list[Path]:
        """Write the file anew, so that nothing of what was erased is left in it.

        Copies from before a migration hold what was erased, and are removed.

        Returns:
            The copies that were removed.

        Raises:
            LedgerBusy: somebody reads it just now; nothing is lost, it can be repeated.
        """
        raw = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            raw.execute("PRAGMA secure_delete=ON")
            raw.execute("VACUUM")
            (is_busy, *_) = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.DatabaseError as error:
            raise self._named(error) or error from None
        finally:
            raw.close()
        if is_busy:
            raise LedgerBusy(file=self.path, detail="wal_checkpoint")
        copies = sorted(
            self.path.parent.glob(f"{self.path.stem}-[0-9]*{self.path.suffix}")
        )
        for copy in copies:
            copy.unlink()
        return copies

    @contextmanager
    def _transaction(self, *, writing: bool) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                connection.execution_options(writing=writing)
                with connection.begin():
                    yield connection
        except DatabaseError as error:
            named = self._named(error.orig)
            if named is None:
                raise
            raise named from error

    def _named(self, error: BaseException | None) -> HandoverError | None:
        """Return an error that says what to do; None if SQLite's own has to stand."""
        said = str(error)
        # What the driver itself finds wrong in a row has no code of SQLite.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        kind = code & PRIMARY
        if kind in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            return DamagedLedger(file=self.path, detail=said)
        if kind == sqlite3.SQLITE_ERROR and any(word in said for word in DAMAGE):
            return DamagedLedger(file=self.path, detail=said)
        known = self._known.get(code) or self._known.get(kind)
        return known(file=self.path, detail=said) if known else None

    def _migrate(self, version: str | None) -> None:
        # Alembic takes a quarter of a second to import: only who migrates pays.
        from handover.ledger.migrations.upgrade import upgrade  # noqa: PLC0415
        from handover.ledger.seals import seal_what_is_there  # noqa: PLC0415

        if version is not None:
            self._keep_copy(version)
        with self.begin() as connection:
            # Two may have opened an old ledger at once: the first has done it.
            if _version(connection) != HEAD:
                upgrade(connection)
                if version is not None and version < SEALS_SINCE:
                    seal_what_is_there(connection, dt.datetime.now(dt.UTC))

    def _keep_copy(self, version: str) -> None:
        copy = self.path.with_name(f"{self.path.stem}-{version}{self.path.suffix}")
        os.close(os.open(copy, os.O_CREAT | os.O_RDWR, 0o600))
        source, target = sqlite3.connect(self.path), sqlite3.connect(copy)
        try:
            source.backup(target)
        except sqlite3.DatabaseError as error:
            raise self._named(error) or error from None
        finally:
            source.close()
            target.close()


@lru_cache(maxsize=4)
def _engine(path: Path) -> Engine:
    """Return the engine of a file; it holds no connection, but compiled statements."""
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"timeout": BUSY_SECONDS},
        json_deserializer=_json_reader(path),
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _was_used(folder: Path) -> bool:
    """Tell whether a data folder holds what only a ledger can have led to."""
    return any((folder / name).exists() for name in ("mirror", "runs"))


def _holds_tables(ledger: Ledger) -> bool:
    """Tell whether a file without our version has tables all the same."""
    with ledger.read() as connection:
        return (
            connection.execute(text("SELECT 1 FROM sqlite_master")).first() is not None
        )


def _json_reader(path: Path) -> Callable[[str], Any]:
    """Return what reads columns of JSON; what is none can only be damage."""

    def read(content: str) -> Any:  # noqa: ANN401 - JSON may be anything
        try:
            return json.loads(content)
        except ValueError as error:
            raise DamagedLedger(file=path, detail=str(error)) from error

    return read


def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401
    # The driver would begin transactions late and end them early; we do it ourselves.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    # A writer that began as a reader could be refused at its first write.
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _version(connection: Connection) -> str | None:
    known = text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
    if connection.execute(known).first() is None:
        return None
    version = connection.execute(text("SELECT version_num FROM alembic_version"))
    found: str | None = version.scalar()
    return found
