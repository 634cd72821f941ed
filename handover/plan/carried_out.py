"""What was carried out of a plan besides its accounts, which say so themselves."""

import datetime as dt

from sqlalchemy import Connection

from handover.ledger.writes import records_handed_over
from handover.plan import store
from handover.plan.model import Plan


def find_visited(connection: Connection, plan: Plan, today: dt.date) -> frozenset[str]:
    """Find the accounts whose visit was approved, and is over."""
    approved = store.load_last_approved(connection, plan.id)
    days = {
        row.account_id: row.visit.date
        for row in (approved.rows if approved else ())
        if row.visit is not None and row.visit.takes_place and row.visit.date < today
    }
    return frozenset(
        row.account_id
        for row in plan.rows
        if row.visit is not None
        and row.visit.takes_place
        and days.get(row.account_id) == row.visit.date
    )


def find_given(connection: Connection, plan: Plan) -> frozenset[tuple[str, str]]:
    """Find the loose records that were handed over; some ids name the CRM's object."""
    loose = {(each.object, each.id) for each in plan.loose}
    return frozenset(list_given(connection, plan.id) & loose)


def list_given(connection: Connection, plan_id: str) -> set[tuple[str, str]]:
    """List the records that runs gave away, by table and id, in both forms of an id."""
    given = records_handed_over(connection, plan_id)
    ids = {(table, own) for table, _, own in given}
    return ids | {(table, f"{name}:{own}") for table, name, own in given}
