"""Confirmations, as the audit reads them from the ledger."""

import datetime as dt
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, select

from handover.ledger.states import OVER_STATES, Mode
from handover.ledger.tables import confirmations as table
from handover.ledger.tables import decisions, plan_versions, plans

HANDED_OVER = (Mode.MEET, Mode.INFORM)
"""Modes of the rows that are handed over now."""
ANSWERED = ("confirmed", "corrected", "not_applicable")
"""Results that tell what holds; ``unknown`` does not."""


def confirmations(
    connection: Connection, source: str, zone: ZoneInfo
) -> list[dict[str, object]]:
    """Read all confirmations of a source, with the local day of each.

    Returns:
        Rows of the columns that ``CONFIRMATIONS_SCHEMA`` of the mirror names.
    """
    rows: list[dict[str, object]] = []
    query = select(table).where(table.c.source == source).order_by(table.c.id)
    for row in connection.execute(query):
        at = dt.datetime.fromisoformat(row.at)
        rows.append(
            {
                "id": row.id,
                "account_id": row.account_id,
                "item": row.item,
                "record_id": row.record_id,
                "result": row.result,
                "person": row.person,
                "recorded_by": row.recorded_by,
                "happened_at": at,
                "on_date": at.astimezone(zone).date(),
            }
        )
    return rows


def answered_items(connection: Connection, source: str) -> dict[str, frozenset[str]]:
    """List the items that customers answered in the handovers under way.

    A handover is under way from its first approval until it is over, also while an
    amendment of it waits for the next approval.

    Returns:
        The items of each account that is being handed over, none for one that was not
        asked yet.
    """
    running = select(plans.c.id, plan_versions.c.content).join(
        plan_versions,
        and_(
            plan_versions.c.plan_id == plans.c.id,
            plan_versions.c.version == plans.c.version,
        ),
    )
    approved = select(decisions.c.plan_id).where(decisions.c.decision == "approve")
    running = running.where(
        plans.c.source == source,
        plans.c.state.not_in(OVER_STATES),
        plans.c.id.in_(approved),
    )
    found: dict[str, set[str]] = {}
    plan_ids = []
    for plan_id, content in connection.execute(running):
        plan_ids.append(plan_id)
        for row in content["rows"]:
            if row["mode"] in HANDED_OVER:
                found[row["account_id"]] = set()
    answers = select(table.c.account_id, table.c.item).where(
        table.c.plan_id.in_(plan_ids), table.c.result.in_(ANSWERED)
    )
    for account, item in connection.execute(answers):
        if account in found:
            found[account].add(item)
    return {account: frozenset(items) for account, items in found.items()}
