"""The append-only log of who decided and did what (reliability P34).

Each event's hash covers its number, time, kind, subject, the hash of its details and
the hash before it. Details can be erased, for a person's sake; the chain still holds.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, insert, select

from handover.ledger.tables import events

BEGINNING = "0" * 64


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
) -> int:
    """Append an event; give its number.

    Args:
        connection: of the transaction that does what the event tells.
        at: when.
        kind: what happened, e.g. ``plan.approved``.
        subject: the id of what it happened to; never a name.
        details: who and how.
    """
    last = connection.execute(
        select(events.c.n, events.c.hash).order_by(events.c.n.desc()).limit(1)
    ).one_or_none()
    n = (last.n if last else 0) + 1
    previous = last.hash if last else BEGINNING
    details_hash = _details_hash(details)
    stamp = at.isoformat()
    connection.execute(
        insert(events).values(
            n=n,
            at=stamp,
            kind=kind,
            subject=subject,
            details=dict(details),
            details_hash=details_hash,
            previous=previous,
            hash=_hash(n, stamp, kind, subject, details_hash, previous),
        )
    )
    return n


def verify(connection: Connection) -> list[BrokenLink]:
    """Walk the chain; give the places where it does not hold."""
    broken: list[BrokenLink] = []
    previous, expected = BEGINNING, 1
    for row in connection.execute(select(events).order_by(events.c.n)):
        if row.n != expected:
            broken.append(BrokenLink(n=expected, what="missing"))
        own = _hash(
            row.n, row.at, row.kind, row.subject, row.details_hash, row.previous
        )
        if row.previous != previous or row.hash != own:
            broken.append(BrokenLink(n=row.n, what="changed"))
        elif row.details is not None and _details_hash(row.details) != row.details_hash:
            broken.append(BrokenLink(n=row.n, what="details"))
        previous, expected = row.hash, row.n + 1
    newest = connection.exec_driver_sql(
        "select seq from sqlite_sequence where name = 'events'"
    ).scalar()
    if newest is not None and newest >= expected:
        broken.append(BrokenLink(n=expected, what="missing"))
    return broken


def _details_hash(details: Mapping[str, object]) -> str:
    return hashlib.sha256(
        orjson.dumps(details, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()


def _hash(*parts: object) -> str:
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()
