"""Which plan an account belongs to, so that no two plans hand it over."""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection

from handover.ledger.states import OPEN_STATES, REOPENED_STATES
from handover.ledger.writes import was_carried_out, was_taken_back
from handover.plan import store
from handover.plan.model import Plan


def list_claimed(
    connection: Connection, mine: Plan, accounts: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield the accounts that another plan is to hand over, with that plan's id.

    An account belongs to a plan while its row is left and it is its predecessor's: who
    draws up a plan of somebody else's accounts found them with that owner. A plan that
    was begun claims them also while it waits to be approved again; one that was taken
    back in whole claims nothing.
    """
    wanted = set(accounts)
    for plan in load_claiming(connection):
        owners = (plan.source, plan.predecessor)
        if plan.id == mine.id or owners != (mine.source, mine.predecessor):
            continue
        for row in plan.rows:
            if row.account_id in wanted and row.is_left:
                yield row.account_id, plan.id


def load_claiming(connection: Connection) -> list[Plan]:
    """Read the plans that claim accounts and people's days, the oldest first."""
    return [
        plan
        for plan in store.load_all(connection, OPEN_STATES | REOPENED_STATES)
        if (plan.is_open or was_carried_out(connection, plan.id))
        and not was_taken_back(connection, plan.id)
    ]
