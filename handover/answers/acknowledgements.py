"""What managers said to owner changes that others made in the CRM: taken note of.

An acknowledged change is no longer open; it stays in the history of its customer.
"""

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, insert, select

from handover.ledger.events import record
from handover.ledger.seals import LedgerChanged
from handover.ledger.tables import acknowledgements as table

ACKNOWLEDGED = "owner.acknowledged"
"""The kind of event of an acknowledgement; its subject is the customer."""


@dataclass(frozen=True, kw_only=True)
class Acknowledgement:
    """A manager's word on one owner change; ``seen_at`` is when a sync saw it."""

    source: str
    account_id: str
    seen_at: str
    reason: str | None
    recorded_by: str
    recorded_at: dt.datetime
    actor: str
    rehearsed_on: dt.date | None = None

    @property
    def subject(self) -> str:
        """Whom the event tells of."""
        return f"{self.source}:{self.account_id}"


def record_acknowledgement(connection: Connection, made: Acknowledgement) -> None:
    """Write that somebody has taken note of a change, with the event that tells it."""
    day = made.rehearsed_on
    connection.execute(
        insert(table).values(
            source=made.source,
            account_id=made.account_id,
            seen_at=made.seen_at,
            reason=made.reason,
            recorded_by=made.recorded_by,
            recorded_at=made.recorded_at.isoformat(),
            actor=made.actor,
            rehearsed_on=None if day is None else day.isoformat(),
        )
    )
    details = {
        "seen_at": made.seen_at,
        "person": made.recorded_by,
        "actor": made.actor,
        "reason": made.reason,
    }
    record(connection, made.recorded_at, ACKNOWLEDGED, made.subject, details)


def list_acknowledgements(
    connection: Connection, source: str, *, rehearsed: bool
) -> list[Acknowledgement]:
    """List the acknowledgements of a source's customers, the oldest first.

    Args:
        connection: to the ledger.
        source: whose customers.
        rehearsed: whether those of a rehearsal count.

    Raises:
        LedgerChanged: what stands there is none of ours.
    """
    query = select(table).where(table.c.source == source).order_by(table.c.id)
    made = [_read(row) for row in connection.execute(query).mappings()]
    return [each for each in made if rehearsed or each.rehearsed_on is None]


def _read(row: RowMapping) -> Acknowledgement:
    day = row["rehearsed_on"]
    try:
        return Acknowledgement(
            source=row["source"],
            account_id=row["account_id"],
            seen_at=row["seen_at"],
            reason=row["reason"],
            recorded_by=row["recorded_by"],
            recorded_at=dt.datetime.fromisoformat(row["recorded_at"]),
            actor=row["actor"],
            rehearsed_on=None if day is None else dt.date.fromisoformat(day),
        )
    except (TypeError, ValueError) as error:
        raise LedgerChanged(row=f"acknowledgements:{row['id']}") from error
