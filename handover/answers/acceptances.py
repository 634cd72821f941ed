"""What successors say to taking customers over: they accept them, or return them.

The last word counts, as long as the customer is to go to the one who said it.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, RowMapping, insert, select

from handover.ledger import seals
from handover.ledger.events import record
from handover.ledger.tables import acceptances as table

Word = Literal["accepted", "returned"]


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """A successor's word on one customer; ``recorded_by`` is the successor."""

    source: str
    plan_id: str
    account_id: str
    answer: Word
    reason: str | None = None
    recorded_by: str
    recorded_at: dt.datetime
    actor: str
    rehearsed_on: dt.date | None = None


def record_acceptance(connection: Connection, made: Acceptance) -> None:
    """Write a successor's word, with the event that seals it."""
    day = made.rehearsed_on
    written = connection.execute(
        insert(table).values(
            source=made.source,
            plan_id=made.plan_id,
            account_id=made.account_id,
            answer=made.answer,
            reason=made.reason,
            recorded_by=made.recorded_by,
            recorded_at=made.recorded_at.isoformat(),
            actor=made.actor,
            rehearsed_on=None if day is None else day.isoformat(),
        )
    )
    number = int(written.inserted_primary_key[0]) if written.inserted_primary_key else 0
    details = {
        "account": made.account_id,
        "person": made.recorded_by,
        "actor": made.actor,
    }
    sealed = seals.of_acceptance(connection, number)
    kind = f"customer.{made.answer}"
    record(connection, made.recorded_at, kind, made.plan_id, details, sealed)


def list_last_words(
    connection: Connection, plan_id: str, *, rehearsed: bool
) -> dict[str, Acceptance]:
    """Return the last word on each customer of a plan, by account.

    Args:
        connection: to the ledger.
        plan_id: whose customers.
        rehearsed: whether what was said in a rehearsal counts.

    Raises:
        LedgerChanged: what stands there is no word of ours.
    """
    return {
        each.account_id: each
        for each in list_acceptances(connection, plan_id)
        if rehearsed or each.rehearsed_on is None
    }


def list_acceptances(connection: Connection, plan_id: str) -> list[Acceptance]:
    """List all that successors said to a plan's customers, the oldest first.

    Raises:
        LedgerChanged: what stands there is no word of ours.
    """
    query = select(table).where(table.c.plan_id == plan_id).order_by(table.c.id)
    return [_read(row) for row in connection.execute(query).mappings()]


def find_accepted(
    connection: Connection, plan_id: str, *, rehearsed: bool
) -> dict[str, str]:
    """Return who accepted which customer of a plan, by account."""
    words = list_last_words(connection, plan_id, rehearsed=rehearsed)
    return {
        account: word.recorded_by
        for account, word in words.items()
        if word.answer == "accepted"
    }


def _read(row: RowMapping) -> Acceptance:
    day = row["rehearsed_on"]
    try:
        return Acceptance(
            source=row["source"],
            plan_id=row["plan_id"],
            account_id=row["account_id"],
            answer=row["answer"],
            reason=row["reason"],
            recorded_by=row["recorded_by"],
            recorded_at=dt.datetime.fromisoformat(row["recorded_at"]),
            actor=row["actor"],
            rehearsed_on=None if day is None else dt.date.fromisoformat(day),
        )
    except (TypeError, ValueError) as error:
        name = f"acceptances:{row['plan_id']}:{row['id']}"
        raise seals.LedgerChanged(row=name) from error
