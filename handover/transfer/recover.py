"""Settles what earlier runs left open, before anything new is written.

Whoever holds the lock knows that a run still marked as running has died. What it had
sent is decided by reading; what it had not is left to the next run, which sees the same
plan and the same facts and therefore takes the same steps.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select

from connectors.base import Capability, Connector
from handover.ledger import Ledger
from handover.ledger.tables import runs, steps
from handover.transfer import points
from handover.transfer.apply import INTERRUPTED
from handover.transfer.journal import (
    Entry,
    entries_of,
    finish,
    record_results,
)
from handover.transfer.live import Result
from handover.transfer.settle import IN_DOUBT, settle

UNDER_WAY = dt.timedelta(minutes=3)
"""How long a call whose reply was lost may still take effect; we wait two minutes for a
reply, and CRMs give up before that."""
NOT_SENT = Result(outcome="skipped", code="without_effect")
LEFT = Result(outcome="skipped", code=INTERRUPTED)


def recover(
    ledger: Ledger, connector: Connector, source: str, at: dt.datetime
) -> tuple[str, ...]:
    """Settle the open steps of earlier runs on a source; name the runs.

    Raises:
        ConnectorError: the CRM cannot be read; nothing was settled.
    """
    with ledger.read() as connection:
        open_runs = _open_runs(connection, source)
        known = {run_id: entries_of(connection, run_id) for run_id, _ in open_runs}
    for run_id, state in open_runs:
        results = _settled(connector, known[run_id], at)
        with ledger.begin() as connection:
            record_results(connection, run_id, results, at)
            if state == "running":
                finish(connection, run_id, "interrupted", at)
        points.reached("doubt_settled")
    return tuple(run_id for run_id, _ in open_runs)


def doubtful_keys(connection: Connection, source: str) -> frozenset[str]:
    """Name the records that we may have created and cannot find."""
    wanted = select(steps.c.key).where(
        steps.c.source == source,
        steps.c.outcome == "in_doubt",
        steps.c.key.is_not(None),
    )
    return frozenset(connection.execute(wanted).scalars())


def _open_runs(connection: Connection, source: str) -> Sequence[tuple[str, str]]:
    doubtful = select(steps.c.run_id).where(steps.c.outcome.in_(["intent", "in_doubt"]))
    wanted = (
        select(runs.c.id, runs.c.state)
        .where(runs.c.source == source)
        .where((runs.c.state == "running") | runs.c.id.in_(doubtful))
        .order_by(runs.c.started_at)
    )
    return [(row.id, row.state) for row in connection.execute(wanted)]


def _settled(
    connector: Connector, entries: Iterable[Entry], at: dt.datetime
) -> dict[int, Result]:
    listed = list(entries)
    left = {e.n: LEFT for e in listed if e.outcome == "planned"}
    doubtful = [e for e in listed if e.outcome in ("intent", "in_doubt")]
    if not doubtful:
        return left
    found = settle(connector, [e.change for e in doubtful])
    sure = Capability.SURE_FIND in connector.capabilities
    return left | {
        entry.n: NOT_SENT
        if result is None or (result is IN_DOUBT and sure and _is_over(entry, at))
        else result
        for entry, result in zip(doubtful, found, strict=True)
    }


def _is_over(entry: Entry, at: dt.datetime) -> bool:
    """Tell whether a call was so long ago that it has had its effect, or none."""
    sent = entry.intended_at
    return sent is not None and at - dt.datetime.fromisoformat(sent) > UNDER_WAY
