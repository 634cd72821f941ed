"""Which working folder a ledger belongs to.

A copy of a folder, or one put back from a backup, has a ledger that does not know what
was written since. It is noticed by the ledger's file being another one than the ledger
says of itself, by run folders that it has never heard of, and by run folders that tell
of a chain of events that it does not have. A ledger that was moved, or is reached by
another path, is still the same file.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path

from sqlalchemy import Connection, select

from handover.errors import Refusal
from handover.ledger import Ledger, anchors, seals
from handover.ledger.events import record
from handover.ledger.tables import events, runs

BOUND = "ledger.bound"
"""The event that binds a ledger to a file; its subject is the file's number."""


class LedgerBehind(Refusal):
    """The ledger is a copy or was put back (``file``, and ``run``: a newer one or -).

    ``run`` is the newest run whose folder lies there and that the ledger does not know.
    """

    code = "ledger_behind"


class ChainDiffers(Refusal):
    """A run's files tell of another chain of events (``file``, ``run``, ``n``)."""

    code = "chain_differs"


def bind_new(ledger: Ledger, at: dt.datetime) -> None:
    """Bind a ledger that says nothing of its file yet to the file it is in."""
    with ledger.read() as connection:
        if _bound_to(connection) is not None:
            return
    with ledger.begin() as connection:
        if _bound_to(connection) is None:
            record(connection, at, BOUND, _number(ledger.path), {})


def check_home(ledger: Ledger, runs_folder: Path) -> None:
    """Refuse to write on the word of a ledger that is damaged, changed or behind.

    Raises:
        DamagedLedger: its pages do not hang together.
        LedgerChanged: its chain of events is broken.
        LedgerBehind: it is another file than the one it was bound to, or knows less
            than the run folders beside it.
        ChainDiffers: a run that it knows left files that tell of another chain.
    """
    ledger.check()
    with ledger.read() as connection:
        seals.check_chain(connection)
        bound = _bound_to(connection)
        unknown = _unknown_runs(connection, runs_folder)
        broken = [*anchors.list_broken(connection, runs_folder)]
    if bound != _number(ledger.path) or unknown:
        newest = unknown[-1] if unknown else "-"
        raise LedgerBehind(file=ledger.path, run=newest)
    for each in broken:
        raise ChainDiffers(file=ledger.path, run=each.run_id, n=each.n)


def adopt(
    ledger: Ledger,
    runs_folder: Path,
    at: dt.datetime,
    by: Mapping[str, object],
    told: Iterable[anchors.BrokenAnchor] = (),
) -> list[str]:
    """Bind a ledger to the file it is in now, on a person's word.

    Args:
        ledger: to be bound.
        runs_folder: where the folders of runs lie.
        at: when, in UTC.
        by: who says so, and why.
        told: what CRMs tell of runs that the ledger does not know.

    Returns:
        The runs that folders or CRMs tell of and that the ledger does not know. They
        count as known from now on; what they wrote is found in the CRM.
    """
    with ledger.begin() as connection:
        lying = anchors.list_broken(connection, runs_folder)
        seen = {
            each.run_id: {"events": each.n, "hash": each.hash}
            for each in (*lying, *told)
        }
        known = {*connection.execute(select(runs.c.id)).scalars()}
        unknown = sorted(
            {*_unknown_runs(connection, runs_folder), *(seen.keys() - known)}
        )
        details = {**by, "unknown_runs": unknown}
        record(connection, at, BOUND, _number(ledger.path), details)
        for run_id in sorted({*unknown, *seen}):
            record(connection, at, anchors.ADOPTED, run_id, seen.get(run_id, {}))
    return unknown


def _bound_to(connection: Connection) -> str | None:
    latest = (
        select(events.c.subject)
        .where(events.c.kind == BOUND)
        .order_by(events.c.n.desc())
        .limit(1)
    )
    found: str | None = connection.execute(latest).scalar()
    return found


def _number(path: Path) -> str:
    """Return what the file system knows a file by, whatever it is called."""
    return str(path.stat().st_ino)


def _unknown_runs(connection: Connection, runs_folder: Path) -> list[str]:
    """List the runs that left a folder and that the ledger does not know, by name."""
    there = {
        path.parent.name
        for path in runs_folder.glob("*/before.csv")  # only runs that write leave one
    }
    known = {*connection.execute(select(runs.c.id)).scalars()}
    adopted = select(events.c.subject).where(events.c.kind == anchors.ADOPTED)
    return sorted(there - known - {*connection.execute(adopted).scalars()})
