"""Confirmations, as the audit reads them from the ledger (R29)."""

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pyarrow as pa
from sqlalchemy import Connection, select

from handover.ledger.tables import confirmations as table
from handover.ledger.tables import plans
from handover.mirror.views import CONFIRMATIONS_SCHEMA
from handover.policy import Policy

RUNNING = ("approved", "in_progress", "reported")
"""States of a plan whose handover is under way."""
ANSWERED = ("confirmed", "corrected", "not_applicable")
"""Results that tell what holds; ``unknown`` does not."""


def confirmations(connection: Connection, source: str, zone: ZoneInfo) -> pa.Table:
    """Read all confirmations of a source, with the local day of each."""
    rows = []
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
    return pa.Table.from_pylist(rows, schema=CONFIRMATIONS_SCHEMA)


def confirmed_shares(
    connection: Connection, source: str, policy: Policy
) -> Mapping[str, float]:
    """Give each account's share of must-items confirmed in its running handover.

    Accounts without a running handover, or without an answer yet, are not in it.
    """
    musts = {item.code for item in policy.enabled if item.level == "must"}
    query = (
        select(table.c.account_id, table.c.item)
        .distinct()
        .join(plans, plans.c.id == table.c.plan_id)
        .where(
            table.c.source == source,
            table.c.result.in_(ANSWERED),
            plans.c.state.in_(RUNNING),
        )
    )
    answered: dict[str, int] = {}
    for account, item in connection.execute(query):
        if item in musts:
            answered[account] = answered.get(account, 0) + 1
    return {account: count / len(musts) for account, count in answered.items()}
