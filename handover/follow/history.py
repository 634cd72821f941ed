"""All that the ledger tells of one customer, in the order in which it was written down.

``read_history`` gathers it: how plans came to give the customer to somebody, who
decided, what visits and customers brought, what runs wrote and took back, and owners
that others changed. Each entry carries the ledger's own record of it; ``history_view``
puts them into words. Nothing is asked of a CRM, and little of the mirror: it has to be
readable when customer, user and plan are long gone.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from handover.answers.acknowledgements import ACKNOWLEDGED, list_acknowledgements
from handover.answers.confirmations import Confirmation
from handover.follow.entries import (
    HistoryEntry,
    Places,
    PlannedSo,
    RunPart,
    read_places,
)
from handover.follow.planned import list_plan, read_planned
from handover.ledger import runs
from handover.ledger.events import RUN_BEGUN
from handover.ledger.tables import owner_history, steps
from handover.mirror.owners import CHANGED, OwnerChange


@dataclass(frozen=True, kw_only=True)
class Ownership:
    """A customer given from one owner to another; ``run`` is None where others did it.

    ``before`` and ``after`` are ids as the CRM has them, None is nobody.
    """

    before: str | None
    after: str | None
    at: dt.datetime
    plan: str | None
    run: str | None
    rehearsed_on: dt.date | None


@dataclass(frozen=True, kw_only=True)
class AccountHistory:
    """What is known of a customer, the oldest first.

    ``name`` is None where only the ledger knows them, by their id. ``owner_id`` is the
    owner in the mirror; ``is_gone``: the CRM has no such customer any more.
    """

    source: str
    account_id: str
    name: str | None
    is_gone: bool
    owner_id: str | None
    entries: tuple[HistoryEntry, ...]

    @property
    def persons(self) -> list[str]:
        """The ids of the customer's people who answered something."""
        told = (entry.told for entry in self.entries)
        return sorted({each.person for each in told if isinstance(each, Confirmation)})

    @property
    def planned_as(self) -> str | None:
        """How the customer was called in the last plan that names them."""
        told = (entry.told for entry in reversed(self.entries))
        return next((e.row.account for e in told if isinstance(e, PlannedSo)), None)

    @property
    def owners(self) -> list[Ownership]:
        """The chain of owners, as far as it was seen to change."""
        found: list[Ownership] = []
        for entry in self.entries:
            told = entry.told
            if isinstance(told, RunPart) and told.owner is not None:
                before, after = told.owner.before, told.owner.after
            elif isinstance(told, OwnerChange):
                before, after = told.before, told.after
            else:
                continue
            found.append(
                Ownership(
                    before=before,
                    after=after,
                    at=entry.at,
                    plan=entry.plan,
                    run=entry.run,
                    rehearsed_on=entry.rehearsed_on,
                )
            )
        return found


def read_history(
    connection: Connection, source: str, account_id: str
) -> tuple[HistoryEntry, ...]:
    """Read what the ledger tells of a customer, in the order of its own chain.

    Raises:
        LedgerChanged: what stands there is nothing of ours.
    """
    planned = read_planned(connection, source, account_id)
    parts = _read_runs(connection, source, account_id)
    named = [*planned, *(part.run.id for part in parts), f"{source}:{account_id}"]
    places = read_places(connection, named)
    entries = [
        *_list_runs(parts, places),
        *_list_owners(connection, source, account_id, parts, places),
        *_list_acknowledged(connection, source, account_id, places),
    ]
    for plan_id, versions in planned.items():
        entries += list_plan(connection, plan_id, account_id, versions, places)
    return tuple(sorted(entries, key=lambda entry: entry.n))


def is_named(connection: Connection, source: str, account_id: str) -> bool:
    """Return whether the ledger tells anything of a customer."""
    found = select(owner_history.c.account_id).where(
        owner_history.c.source == source, owner_history.c.account_id == account_id
    )
    written = select(steps.c.n).where(
        steps.c.source == source, steps.c.account_id == account_id
    )
    return (
        connection.execute(found.limit(1)).first() is not None
        or connection.execute(written.limit(1)).first() is not None
        or bool(read_planned(connection, source, account_id))
    )


# Owners


def _read_runs(connection: Connection, source: str, account_id: str) -> list[RunPart]:
    query = select(steps.c.run_id).where(
        steps.c.source == source, steps.c.account_id == account_id
    )
    wanted = set(connection.execute(query).scalars())
    return [
        RunPart(
            run=run,
            entries=tuple(
                entry
                for entry in runs.entries_of(connection, run.id)
                if (entry.source, entry.account_id) == (source, account_id)
            ),
        )
        for run in runs.all_runs(connection)
        if run.id in wanted
    ]


def _list_runs(parts: Iterable[RunPart], places: Places) -> Iterator[HistoryEntry]:
    for part in parts:
        run = part.run
        yield HistoryEntry(
            n=places.find(run.id, RUN_BEGUN, run.started_at),
            at=run.started_at,
            kind=f"run.{run.kind}",
            told=part,
            plan=run.plan_id,
            run=run.id,
            rehearsed_on=run.rehearsed_on,
        )


def _list_owners(
    connection: Connection,
    source: str,
    account_id: str,
    parts: Iterable[RunPart],
    places: Places,
) -> Iterator[HistoryEntry]:
    """Yield the owner changes that a sync saw; those of runs are told by the runs."""
    told = {part.run.id for part in parts if part.owner is not None}
    query = (
        select(owner_history)
        .where(
            owner_history.c.source == source, owner_history.c.account_id == account_id
        )
        .order_by(owner_history.c.generation)
    )
    for row in connection.execute(query):
        if row.run_id in told:
            continue
        at = dt.datetime.fromisoformat(row.seen_at)
        n = places.told.get((str(row.generation), CHANGED, None))
        yield HistoryEntry(
            n=places.before(at) if n is None else n,
            at=at,
            kind="owner.changed",
            told=OwnerChange(
                source=row.source,
                account_id=row.account_id,
                before=row.before,
                after=row.after,
                seen_at=row.seen_at,
                team=row.team,
                run_id=row.run_id,
            ),
            run=row.run_id,
        )


def _list_acknowledged(
    connection: Connection, source: str, account_id: str, places: Places
) -> Iterator[HistoryEntry]:
    for made in list_acknowledgements(connection, source, rehearsed=True):
        if made.account_id == account_id:
            yield HistoryEntry(
                n=places.find(made.subject, ACKNOWLEDGED, made.recorded_at),
                at=made.recorded_at,
                kind=ACKNOWLEDGED,
                told=made,
                rehearsed_on=made.rehearsed_on,
            )
