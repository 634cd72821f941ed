"""Who owned an account before: kept night by night, and compared with our own runs.

An owner change that no run of ours explains was made by somebody in the CRM: unmanaged
(R2).
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import duckdb
from sqlalchemy import Connection, insert, select

from handover.ledger.tables import owner_history, runs, steps
from handover.mirror.merging import literal

OWNER_STEP = "account_owner"
"""What the transfer calls the step that sets an account's owner."""

OWNER_STEP = "account_owner"
"""The action of a step that changes an account's owner."""


@dataclass(frozen=True, kw_only=True)
class OwnerChange:
    """One account with another owner than in the generation before."""

    source: str
    account_id: str
    before: str | None
    after: str | None
    seen_at: str
    team: str | None
    run_id: str | None = None

    def as_json(self) -> dict[str, str | None]:
        """Give the names of design §12."""
        row = asdict(self)
        del row["run_id"]
        return row


def changed_owners(
    con: duckdb.DuckDBPyConnection,
    old: Path,
    new: Path,
    users: str | None,
    *,
    source: str,
    seen_at: dt.datetime,
) -> list[OwnerChange]:
    """Compare the accounts of two generations.

    Args:
        con: any DuckDB.
        old: the older generation's accounts.
        new: the newer accounts.
        users: in SQL, the newer users, for the team of the new owner.
        source: whose accounts.
        seen_at: when.
    """
    nobody = "(select null as source, null as id, null as team where false)"
    rows = con.sql(
        f"""select o.id, o.owner_id as before, n.owner_id as after, u.team
        from read_parquet({literal(old)}) as o
        join read_parquet({literal(new)}) as n on n.source = o.source and n.id = o.id
        left join {users or nobody} as u on u.source = n.source and u.id = n.owner_id
        where o.source = {literal(source)} and not coalesce(n.is_deleted, false)
            and o.owner_id is distinct from n.owner_id
        order by o.id"""
    ).fetchall()
    return [
        OwnerChange(
            source=source,
            account_id=account,
            before=before,
            after=after,
            seen_at=seen_at.isoformat(),
            team=team,
        )
        for account, before, after, team in rows
    ]


def remember(
    connection: Connection, changes: Collection[OwnerChange], generation: int
) -> list[OwnerChange]:
    """Write changes into the history; give those that no run of ours explains."""
    unmanaged = []
    for change in changes:
        run_id = _explaining_run(connection, change)
        connection.execute(
            insert(owner_history).values(
                **{**asdict(change), "run_id": run_id}, generation=generation
            )
        )
        if run_id is None:
            unmanaged.append(change)
    return unmanaged


def _explaining_run(connection: Connection, change: OwnerChange) -> str | None:
    """Find the newest run that gave this account this owner.

    A run explains one change: whoever brings the same owner back later did it himself.
    """
    told = (
        select(owner_history.c.run_id)
        .where(
            owner_history.c.source == change.source,
            owner_history.c.account_id == change.account_id,
            owner_history.c.run_id == steps.c.run_id,
        )
        .exists()
    )
    found: str | None = connection.execute(
        select(steps.c.run_id)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(
            steps.c.source == change.source,
            steps.c.account_id == change.account_id,
            steps.c.action == OWNER_STEP,
            steps.c.after == change.after,
            steps.c.outcome == "done",
            ~told,
        )
        .order_by(runs.c.started_at.desc())
        .limit(1)
    ).scalar()
    return found


def unmanaged_changes(
    connection: Connection, sources: Mapping[str, object] | Collection[str]
) -> list[OwnerChange]:
    """List all changes that no run of ours explains, newest first."""
    rows = connection.execute(
        select(owner_history)
        .where(owner_history.c.run_id.is_(None), owner_history.c.source.in_(sources))
        .order_by(owner_history.c.generation.desc(), owner_history.c.account_id)
    )
    return [
        OwnerChange(
            source=row.source,
            account_id=row.account_id,
            before=row.before,
            after=row.after,
            seen_at=row.seen_at,
            team=row.team,
        )
        for row in rows
    ]
