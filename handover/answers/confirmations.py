"""What customers confirmed, item by item, with who said so and when.

A later answer to the same question counts instead of an earlier one; both are kept.
What was recorded in a rehearsal counts in a rehearsal only.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, Select, and_, insert, select

from handover.ledger import seals
from handover.ledger.events import record
from handover.ledger.states import OVER_STATES, Mode
from handover.ledger.tables import confirmations as table
from handover.ledger.tables import decisions, plan_versions, plans

HANDED_OVER = (Mode.MEET, Mode.INFORM)
"""Modes of the rows that are handed over now."""

Outcome = Literal["confirmed", "corrected", "unknown", "not_applicable"]
ANSWERED = ("confirmed", "corrected", "not_applicable")
"""Results that tell what holds; ``unknown`` does not."""


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """A customer's answer to one question: an item, of one record where it has several.

    ``column`` is the canonical one that was corrected, ``before`` what the CRM had in
    it, ``value`` what holds instead, both in canonical words. ``person`` is the
    contact's id, ``at`` when they said so, ``recorded_by`` the user who typed it.
    ``number`` is the answer's in the ledger, 0 before it is there.
    """

    source: str
    plan_id: str
    account_id: str
    item: str
    table: str | None = None
    record_id: str | None = None
    column: str | None = None
    result: Outcome
    before: str | None = None
    value: str | None = None
    person: str
    at: dt.datetime
    recorded_by: str
    recorded_at: dt.datetime
    actor: str
    rehearsed_on: dt.date | None = None
    number: int = 0

    def replaces(self, earlier: "Confirmation") -> bool:
        """Return whether an earlier answer no longer counts beside this one.

        One to a whole item replaces all to it, one to a record those to that record;
        corrections of several columns stand side by side.
        """
        if self.item != earlier.item:
            return False
        if self.record_id is None:
            return True
        same = (self.table, self.record_id) == (earlier.table, earlier.record_id)
        are_corrections = self.result == earlier.result == "corrected"
        return same and not (are_corrections and self.column != earlier.column)


def record_confirmation(connection: Connection, made: Confirmation) -> int:
    """Write an answer, with the event that seals it; return its number.

    The event tells which item and result, and no word of the customer's.
    """
    day = made.rehearsed_on
    written = connection.execute(
        insert(table).values(
            source=made.source,
            plan_id=made.plan_id,
            account_id=made.account_id,
            item=made.item,
            table_name=made.table,
            record_id=made.record_id,
            column_name=made.column,
            result=made.result,
            before=made.before,
            value=made.value,
            person=made.person,
            at=made.at.isoformat(),
            recorded_by=made.recorded_by,
            recorded_at=made.recorded_at.isoformat(),
            actor=made.actor,
            rehearsed_on=None if day is None else day.isoformat(),
        )
    )
    number = int(written.inserted_primary_key[0]) if written.inserted_primary_key else 0
    details = {
        "account": made.account_id,
        "item": made.item,
        "record": made.record_id,
        "result": made.result,
        "person": made.recorded_by,
        "actor": made.actor,
    }
    sealed = seals.of_confirmation(connection, number)
    record(connection, made.recorded_at, "item.answered", made.plan_id, details, sealed)
    return number


def list_confirmations(
    connection: Connection, plan_id: str, *, rehearsed: bool
) -> Mapping[str, Sequence[Confirmation]]:
    """List the answers to a plan's questions by account, the oldest first.

    Args:
        connection: to the ledger.
        plan_id: whose customers.
        rehearsed: whether those of a rehearsal count.

    Raises:
        LedgerChanged: what stands there is no answer of ours.
    """
    found: dict[str, list[Confirmation]] = defaultdict(list)
    query = select(table).where(table.c.plan_id == plan_id).order_by(table.c.id)
    for row in connection.execute(query).mappings():
        if rehearsed or row["rehearsed_on"] is None:
            found[row["account_id"]].append(_read_confirmation(row))
    return found


def list_corrections(
    connection: Connection, plan_id: str, *, rehearsed: bool
) -> Mapping[int, Confirmation]:
    """List the corrections of a plan's customers that count, by number.

    Of several to one value, whatever item they answer, the last one counts. One whose
    values were erased has no column any more, and nothing that could be written.
    """
    latest: dict[tuple[object, ...], Confirmation] = {}
    every = list_confirmations(connection, plan_id, rehearsed=rehearsed)
    for made in every.values():
        for each in list_standing(made):
            if each.result == "corrected" and each.column is not None:
                place = (each.table, each.record_id, each.column)
                if place not in latest or latest[place].number < each.number:
                    latest[place] = each
    return {each.number: each for each in latest.values()}


def list_standing(made: Iterable[Confirmation]) -> list[Confirmation]:
    """List the answers that count: those that no later one replaces."""
    standing: list[Confirmation] = []
    for each in made:
        standing = [one for one in standing if not each.replaces(one)]
        standing.append(each)
    return standing


def is_same(one: Confirmation, other: Confirmation) -> bool:
    """Return whether two answers say the same: the one was recorded twice."""
    names = ("item", "table", "record_id", "column", "result", "value", "person", "at")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _read_confirmation(row: RowMapping) -> Confirmation:
    day = row["rehearsed_on"]
    try:
        return Confirmation(
            number=row["id"],
            source=row["source"],
            plan_id=row["plan_id"],
            account_id=row["account_id"],
            item=row["item"],
            table=row["table_name"],
            record_id=row["record_id"],
            column=row["column_name"],
            result=row["result"],
            before=row["before"],
            value=row["value"],
            person=row["person"],
            at=dt.datetime.fromisoformat(row["at"]),
            recorded_by=row["recorded_by"],
            recorded_at=dt.datetime.fromisoformat(row["recorded_at"]),
            actor=row["actor"] or "",
            rehearsed_on=None if day is None else dt.date.fromisoformat(day),
        )
    except (TypeError, ValueError) as error:
        name = f"confirmations:{row['plan_id']}:{row['id']}"
        raise seals.LedgerChanged(row=name) from error


# What the audit reads


def confirmations(
    connection: Connection, source: str, zone: ZoneInfo, *, rehearsed: bool
) -> list[dict[str, object]]:
    """Read all confirmations of a source, with the local day of each.

    Args:
        connection: to the ledger.
        source: the connector's name.
        zone: where days begin.
        rehearsed: whether those of a rehearsal count.

    Returns:
        Rows of the columns that ``CONFIRMATIONS_SCHEMA`` of the mirror names.
    """
    return [
        _row_of_mirror(row, zone)
        for row in connection.execute(_counting(source, rehearsed=rehearsed)).mappings()
    ]


def _counting(source: str, *, rehearsed: bool) -> Select[tuple[object, ...]]:
    query = select(table).where(table.c.source == source).order_by(table.c.id)
    return query if rehearsed else query.where(table.c.rehearsed_on.is_(None))


def _row_of_mirror(row: RowMapping, zone: ZoneInfo) -> dict[str, object]:
    at = dt.datetime.fromisoformat(row["at"])
    return {
        "id": row["id"],
        "account_id": row["account_id"],
        "item": row["item"],
        "record_id": row["record_id"],
        "result": row["result"],
        "person": row["person"],
        "recorded_by": row["recorded_by"],
        "happened_at": at,
        "on_date": at.astimezone(zone).date(),
    }


def answered_items(
    connection: Connection, source: str, *, rehearsed: bool
) -> dict[str, frozenset[str]]:
    """List the items that customers answered in the handovers under way.

    Returns:
        The items of each account that is being handed over, none for one that was not
        asked yet.
    """
    found: dict[str, list[Confirmation]] = {}
    plan_of: dict[str, str] = {}
    for plan_id, account in _list_handed_over(connection, source):
        found[account], plan_of[account] = [], plan_id
    for row in connection.execute(_counting(source, rehearsed=rehearsed)).mappings():
        if plan_of.get(row["account_id"]) == row["plan_id"]:
            found[row["account_id"]].append(_read_confirmation(row))
    return {
        account: frozenset(
            each.item for each in list_standing(made) if each.result in ANSWERED
        )
        for account, made in found.items()
    }


def _list_handed_over(connection: Connection, source: str) -> Iterator[tuple[str, str]]:
    """Yield the plans under way of a source, each with every account it hands over.

    A handover is under way from its first approval until it is over, also while an
    amendment of it waits for the next approval.
    """
    approved = select(decisions.c.plan_id).where(decisions.c.decision == "approve")
    running = select(plans.c.id, plan_versions.c.content).join(
        plan_versions,
        and_(
            plan_versions.c.plan_id == plans.c.id,
            plan_versions.c.version == plans.c.version,
        ),
    )
    running = running.where(
        plans.c.source == source,
        plans.c.state.not_in(OVER_STATES),
        plans.c.id.in_(approved),
    )
    for plan_id, content in connection.execute(running):
        for row in content["rows"]:
            if row["mode"] in HANDED_OVER:
                yield plan_id, row["account_id"]
