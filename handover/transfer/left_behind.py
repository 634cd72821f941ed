"""What owner changes of earlier runs did to others, and nobody has put right yet.

A run that dies between the two leaves steps behind that no later owner change would
bring up again: the account has its new owner already.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from handover.ledger.tables import runs, steps
from handover.transfer.journal import Entry, entries_of
from handover.transfer.steps import Action


@dataclass(frozen=True, kw_only=True)
class Latest:
    """The latest step of a kind on a record; ``needed`` by an owner change so far."""

    entry: Entry
    needed: bool

    @property
    def is_left(self) -> bool:
        """Tell whether it has still to be taken."""
        return self.needed and self.entry.outcome != "done"


def latest_steps(connection: Connection, plan_id: str, action: Action) -> list[Latest]:
    """Give the latest step of a kind for each record that runs of a plan touched."""
    found: dict[str, Latest] = {}
    for entries in _runs_with(connection, plan_id, action):
        changed = {
            entry.account_id
            for entry in entries
            if entry.action == Action.ACCOUNT_OWNER and entry.outcome == "done"
        }
        for entry in entries:
            if entry.action != action:
                continue
            name = entry.key or entry.record_id or ""
            before = found.get(name)
            needed = entry.account_id in changed or (
                before is not None and before.is_left
            )
            found[name] = Latest(entry=entry, needed=needed)
    return list(found.values())


def _runs_with(
    connection: Connection, plan_id: str, action: Action
) -> Iterator[list[Entry]]:
    """Yield the steps of each run of a plan that has such steps, the oldest first."""
    having = select(steps.c.run_id).where(steps.c.action == action)
    query = (
        select(runs.c.id)
        .where(runs.c.plan_id == plan_id, runs.c.id.in_(having))
        .order_by(runs.c.started_at)
    )
    for run_id in connection.execute(query).scalars().all():
        yield entries_of(connection, run_id)
