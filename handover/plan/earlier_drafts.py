"""The draft of a predecessor, as it was drawn up, and who has edited it since."""

from sqlalchemy import Connection, func, select

from handover.ledger.states import PlanState
from handover.ledger.tables import plan_versions, plans
from handover.ledger.writes import was_carried_out
from handover.plan import store
from handover.plan.model import Plan


def find_draft(connection: Connection, source: str, predecessor: str) -> Plan | None:
    """Find the plan of a predecessor that nobody has submitted yet.

    One of which something was carried out is no draft to be drawn up again.
    """
    query = (
        select(plans.c.id)
        .outerjoin(store.DRAWN_UP, store.DRAWN_UP.c.subject == plans.c.id)
        .where(
            plans.c.source == source,
            plans.c.predecessor_id == predecessor,
            plans.c.state == PlanState.DRAFT.value,
        )
        .order_by(store.DRAWN_UP.c.n.desc())
    )
    for found in connection.execute(query).scalars().all():
        if not was_carried_out(connection, found):
            return store.load(connection, found)
    return None


def load_drawn_up(connection: Connection, plan_id: str) -> Plan | None:
    """Read a plan as it was last drawn up, before anybody edited it."""
    query = select(func.max(plan_versions.c.version)).where(
        plan_versions.c.plan_id == plan_id, plan_versions.c.cause == "new"
    )
    found = connection.execute(query).scalar()
    return None if found is None else store.load(connection, plan_id, found)


def list_editors(connection: Connection, plan_id: str, since: int) -> list[str]:
    """List who made the versions of a plan after one of them, each once."""
    query = (
        select(plan_versions.c.made_by)
        .where(plan_versions.c.plan_id == plan_id, plan_versions.c.version > since)
        .order_by(plan_versions.c.version)
    )
    made = connection.execute(query).scalars()
    return list(dict.fromkeys(each or "-" for each in made))
