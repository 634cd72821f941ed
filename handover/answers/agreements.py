"""What customers answered to the dates that were proposed to them.

An answer is no decision: no approval is lost by it. It holds for the date and time that
the visit had; a visit that is moved afterwards has to be agreed again.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, RowMapping, insert, select

from handover.ledger import seals
from handover.ledger.events import record
from handover.ledger.tables import agreements as table

Answer = Literal["agreed", "declined"]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """A customer's answer to one date; ``by`` is the user who says so.

    ``start`` is ``HH:MM`` in the configured zone. ``at`` is when they answered.
    """

    source: str
    plan_id: str
    account_id: str
    answer: Answer
    date: dt.date
    start: str
    reason: str | None = None
    at: dt.datetime
    by: str
    recorded_at: dt.datetime
    rehearsed_on: dt.date | None = None


def record_agreement(connection: Connection, made: Agreement) -> None:
    """Write an answer, with the event that seals it."""
    day = made.rehearsed_on
    written = connection.execute(
        insert(table).values(
            source=made.source,
            plan_id=made.plan_id,
            account_id=made.account_id,
            answer=made.answer,
            date=made.date.isoformat(),
            start=made.start,
            reason=made.reason,
            at=made.at.isoformat(),
            by=made.by,
            recorded_at=made.recorded_at.isoformat(),
            rehearsed_on=None if day is None else day.isoformat(),
        )
    )
    details = {
        "account": made.account_id,
        "date": made.date.isoformat(),
        "start": made.start,
        "person": made.by,
        "reason": made.reason,
    }
    number = written.inserted_primary_key[0] if written.inserted_primary_key else 0
    sealed = seals.of_agreement(connection, number)
    kind = f"visit.{made.answer}"
    record(connection, made.recorded_at, kind, made.plan_id, details, sealed)


def list_agreements(
    connection: Connection, plan_id: str | None = None, until: str | None = None
) -> Mapping[str, Sequence[Agreement]]:
    """List the answers, by plan, the oldest first.

    Args:
        connection: to the ledger.
        plan_id: of this plan alone.
        until: recorded by then (ISO 8601 in UTC), where a past state is asked for.

    Raises:
        LedgerChanged: what stands there is no answer of ours.
    """
    query = select(table).order_by(table.c.id)
    if plan_id is not None:
        query = query.where(table.c.plan_id == plan_id)
    if until is not None:
        query = query.where(table.c.recorded_at <= until)
    found: dict[str, list[Agreement]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["plan_id"]].append(_read_agreement(row))
    return found


def _read_agreement(row: RowMapping) -> Agreement:
    day = row["rehearsed_on"]
    try:
        return Agreement(
            source=row["source"],
            plan_id=row["plan_id"],
            account_id=row["account_id"],
            answer=row["answer"],
            date=dt.date.fromisoformat(row["date"]),
            start=row["start"],
            reason=row["reason"],
            at=dt.datetime.fromisoformat(row["at"]),
            by=row["by"],
            recorded_at=dt.datetime.fromisoformat(row["recorded_at"]),
            rehearsed_on=None if day is None else dt.date.fromisoformat(day),
        )
    except (TypeError, ValueError) as error:
        name = f"agreements:{row['plan_id']}:{row['id']}"
        raise seals.LedgerChanged(row=name) from error
