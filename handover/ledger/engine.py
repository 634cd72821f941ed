"""Open the ledger, bring an older one up to date, and hand out transactions."""

import datetime as dt
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
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


class Ledger:
    """The ledger of one working folder."""

    _known: ClassVar[dict[int, type[TryLater]]] = {
        sqlite3.SQLITE_FULL: DiskFull,
        # A reader, too, needs a little room for the index of the write-ahead log.
        sqlite3.SQLITE_IOERR_SHMSIZE: DiskFull,
        sqlite3.SQLITE_BUSY: LedgerBusy,
    }

    def __init__(self, path: Path, engine: Engine) -> None:
        """Use ``Ledger.open``; this takes an engine that is ready."""
        self.path = path
        self._engine = engine

    @classmethod
    def open(cls, path: Path) -> "Ledger":
        """Open the ledger, making or migrating it first where needed.

        A migration is one transaction, and a copy of the older file stays beside it.

        Raises:
            NewerLedger: a later version made it.
            DamagedLedger: the file is no ledger.
        """
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        ledger = cls(path, _engine(path))
        with ledger.read() as connection:
            version = _version(connection)
        if version is not None and version > HEAD:
            raise NewerLedger(file=path, found=version, known=HEAD)
        if version != HEAD:
            ledger._migrate(version)
        return ledger

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """Open a writing transaction: all of it is on disk at the end, or none.

        Raises:
            DiskFull: nothing of the transaction was kept.
            LedgerBusy: another writer did not finish in time.
        """
        with self._transaction(writing=True) as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a reading transaction: one state of the ledger, never waiting."""
        with self._transaction(writing=False) as connection:
            yield connection

    def damage(self) -> list[str]:
        """Name the faults SQLite finds in the file; empty when it is sound."""
        with self.read() as connection:
            found = connection.execute(text("PRAGMA quick_check")).scalars().all()
        return [line for line in found if line != "ok"]

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
        """Give an error that says what to do; None if SQLite's own has to stand."""
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return None
        kind = code & PRIMARY
        if kind in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
            return DamagedLedger(file=self.path, detail=str(error))
        known = self._known.get(code) or self._known.get(kind)
        return known(file=self.path) if known else None

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


def _engine(path: Path) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"timeout": BUSY_SECONDS},
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


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
