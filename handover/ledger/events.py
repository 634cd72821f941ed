"""The append-only log of who decided and did what.

Each event's hash covers its number, time, kind, subject, the hash of its details, the
rows it seals and the hash before it. Details can be erased, for a person's sake; the
chain still holds.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import orjson
from sqlalchemy import Connection, func, insert, select

from handover.ledger.tables import events, seals

BEGINNING = "0" * 64
RUN_BEGUN, STEPS_SETTLED = "run_begun", "steps_settled"
"""Kinds of events of runs; their subject is the run."""


@dataclass(frozen=True, kw_only=True)
class BrokenLink:
    """The first place where the chain does not hold."""

    n: int
    what: str


def record(
    connection: Connection,
    at: dt.datetime,
    kind: str,
    subject: str,
    details: Mapping[str, object],
    sealed: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Append an event and return its number.

    Args:
        connection: of the transaction that does what the event tells.
        at: when.
        kind: what happened, e.g. ``plan.approved``.
        subject: the id of what it happened to; never a name.
        details: who and how.
        sealed: the rows it tells of and the hash of their content (``ledger.seals``).
    """
    last = connection.execute(
        select(events.c.n, events.c.hash).order_by(events.c.n.desc()).limit(1)
    ).one_or_none()
    n = (last.n if last else 0) + 1
    previous = last.hash if last else BEGINNING
    details_hash = _details_hash(details)
    stamp = at.isoformat()
    seals_hash = _seals_hash(sealed) if sealed else None
    connection.execute(
        insert(events).values(
            n=n,
            at=stamp,
            kind=kind,
            subject=subject,
            details=dict(details),
            details_hash=details_hash,
            previous=previous,
            hash=_hash(n, stamp, kind, subject, details_hash, previous, seals_hash),
            seals_hash=seals_hash,
        )
    )
    if sealed:
        rows = [{"event_n": n, "subject": s, "hash": h} for s, h in sealed.items()]
        connection.execute(insert(seals), rows)
    return n


def newest(connection: Connection) -> dt.datetime | None:
    """Return the latest time that an event tells; None where nothing has happened."""
    found: str | None = connection.execute(select(func.max(events.c.at))).scalar()
    return None if found is None else dt.datetime.fromisoformat(found)


def verify(connection: Connection) -> list[BrokenLink]:
    """Walk the chain and return the places where it does not hold."""
    broken: list[BrokenLink] = []
    sealed = _seals(connection)
    previous, expected = BEGINNING, 1
    for row in connection.execute(select(events).order_by(events.c.n)):
        if row.n != expected:
            broken.append(BrokenLink(n=expected, what="missing"))
        own = _hash(
            *(row.n, row.at, row.kind, row.subject, row.details_hash, row.previous),
            row.seals_hash,
        )
        its_own = sealed.pop(row.n, {})
        if row.previous != previous or row.hash != own:
            broken.append(BrokenLink(n=row.n, what="changed"))
        elif row.details is not None and _details_hash(row.details) != row.details_hash:
            broken.append(BrokenLink(n=row.n, what="details"))
        elif (_seals_hash(its_own) if its_own else None) != row.seals_hash:
            broken.append(BrokenLink(n=row.n, what="seals"))
        previous, expected = row.hash, row.n + 1
    newest = connection.exec_driver_sql(
        "select seq from sqlite_sequence where name = 'events'"
    ).scalar()
    if newest is not None and newest >= expected:
        broken.append(BrokenLink(n=expected, what="missing"))
    broken += [BrokenLink(n=n, what="seals") for n in sorted(sealed, key=str)]
    return broken


def _seals(connection: Connection) -> dict[int, dict[str, str]]:
    """Read which rows each event seals."""
    found: dict[int, dict[str, str]] = {}
    for row in connection.execute(select(seals)):
        found.setdefault(row.event_n, {})[row.subject] = row.hash
    return found


def _seals_hash(sealed: Mapping[str, str]) -> str:
    return _hash(*(part for pair in sorted(sealed.items()) for part in pair))


def _details_hash(details: Mapping[str, object]) -> str:
    return hashlib.sha256(
        orjson.dumps(details, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()


def _hash(*parts: object) -> str:
    """Hash parts in their order; a last one that is None counts as not there."""
    if parts and parts[-1] is None:
        parts = parts[:-1]
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
