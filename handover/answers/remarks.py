"""What was heard at customers beyond the items: notes, needs, and visits missed.

Their texts are about people and can be erased; that something was recorded stays.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, insert, select

from handover.answers.confirmations import Confirmation
from handover.ledger.events import record
from handover.ledger.seals import LedgerChanged
from handover.ledger.tables import remarks as table

Kind = Literal["note", "need", "missed"]


@dataclass(frozen=True, kw_only=True)
class Remark:
    """Something that somebody wrote down after a visit, or instead of one.

    ``need``: what the customer could use; ``amount`` is what it may be worth, in the
    default currency. ``missed``: why the visit did not take place. ``text`` is None
    once it was erased.
    """

    source: str
    plan_id: str
    account_id: str
    kind: Kind
    text: str | None
    amount: Decimal | None = None
    at: dt.datetime
    recorded_by: str
    recorded_at: dt.datetime
    actor: str
    rehearsed_on: dt.date | None = None


def record_remark(connection: Connection, made: Remark) -> None:
    """Write a remark, with an event that tells its kind and none of its words."""
    day = made.rehearsed_on
    connection.execute(
        insert(table).values(
            source=made.source,
            plan_id=made.plan_id,
            account_id=made.account_id,
            kind=made.kind,
            text=made.text,
            amount=None if made.amount is None else str(made.amount),
            at=made.at.isoformat(),
            recorded_by=made.recorded_by,
            recorded_at=made.recorded_at.isoformat(),
            actor=made.actor,
            rehearsed_on=None if day is None else day.isoformat(),
        )
    )
    details = {
        "account": made.account_id,
        "person": made.recorded_by,
        "actor": made.actor,
    }
    record(connection, made.recorded_at, f"visit.{made.kind}", made.plan_id, details)


def list_remarks(
    connection: Connection, plan_id: str, *, rehearsed: bool
) -> Mapping[str, Sequence[Remark]]:
    """List the remarks on a plan's customers by account, the oldest first.

    Args:
        connection: to the ledger.
        plan_id: whose customers.
        rehearsed: whether those of a rehearsal count.

    Raises:
        LedgerChanged: what stands there is no remark of ours.
    """
    found: dict[str, list[Remark]] = defaultdict(list)
    query = select(table).where(table.c.plan_id == plan_id).order_by(table.c.id)
    for row in connection.execute(query).mappings():
        if rehearsed or row["rehearsed_on"] is None:
            found[row["account_id"]].append(_read_remark(row))
    return found


def is_missed(
    day: dt.date,
    zone: ZoneInfo,
    made: Sequence[Confirmation],
    remarks: Sequence[Remark],
) -> bool:
    """Return whether a visit did not take place, and nothing made up for it.

    Args:
        day: of the visit as it is planned now.
        zone: where days begin.
        made: the customer's answers.
        remarks: on the customer, the oldest first.
    """
    missed = [each for each in remarks if each.kind == "missed"]
    if not missed:
        return False
    last = missed[-1]
    is_later = last.at.astimezone(zone).date() < day
    return not (is_later or any(a.recorded_at > last.recorded_at for a in made))


def _read_remark(row: RowMapping) -> Remark:
    day = row["rehearsed_on"]
    try:
        return Remark(
            source=row["source"],
            plan_id=row["plan_id"],
            account_id=row["account_id"],
            kind=row["kind"],
            text=row["text"],
            amount=None if row["amount"] is None else Decimal(row["amount"]),
            at=dt.datetime.fromisoformat(row["at"]),
            recorded_by=row["recorded_by"],
            recorded_at=dt.datetime.fromisoformat(row["recorded_at"]),
            actor=row["actor"],
            rehearsed_on=None if day is None else dt.date.fromisoformat(day),
        )
    except (TypeError, ValueError, InvalidOperation) as error:
        raise LedgerChanged(row=f"remarks:{row['plan_id']}:{row['id']}") from error
