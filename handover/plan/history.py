"""How the versions of a plan came about, as the ledger tells it."""

import datetime as dt

from sqlalchemy import Connection, select

from handover.ledger.tables import events, plan_versions
from handover.plan import store
from handover.plan.changes import Made
from handover.plan.model import Plan


def load_made(connection: Connection, plan: Plan, since: int) -> list[Made]:
    """Read the versions of a plan after one of them, up to the plan as it is given."""
    query = (
        select(
            plan_versions.c.version,
            plan_versions.c.cause,
            plan_versions.c.made_by,
            plan_versions.c.made_at,
        )
        .where(
            plan_versions.c.plan_id == plan.id,
            plan_versions.c.version > since,
            plan_versions.c.version <= plan.version,
        )
        .order_by(plan_versions.c.version)
    )
    reasons = read_reasons(connection, plan.id)
    return [
        Made(
            plan=(
                plan
                if row.version == plan.version
                else store.load(connection, plan.id, row.version)
            ),
            cause=row.cause,
            person=row.made_by,
            reason=reasons.get((row.cause, row.version)),
            at=dt.datetime.fromisoformat(row.made_at),
        )
        for row in connection.execute(query).all()
    ]


def read_reasons(connection: Connection, plan_id: str) -> dict[tuple[str, object], str]:
    """Read why versions were made, by what made them and their number."""
    query = select(events.c.kind, events.c.details).where(
        events.c.subject == plan_id, events.c.kind.startswith("plan.")
    )
    found = {}
    for kind, details in connection.execute(query):
        if details and details.get("reason"):
            cause = kind.removeprefix("plan.")
            found[cause, details.get("version")] = details["reason"]
    return found
