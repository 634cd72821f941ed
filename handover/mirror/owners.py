"""Who owned an account before, and who owns one where only a rule says so.

``changed_owners`` compares two generations, ``remember`` keeps what it found: an owner
change that no run of ours explains was made by somebody in the CRM, and is called
unmanaged. ``gone_accounts`` finds customers who are not there any more.
``derived_owners`` is for sources whose accounts name no owner.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
from sqlalchemy import Connection, insert, select

from handover.ledger.events import record
from handover.ledger.tables import owner_history
from handover.ledger.writes import explaining_run
from handover.mirror.sql import literal, same_id
from mappings.model import DerivedOwner


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
    known_as: tuple[str, ...] = ()
    """The new owner's name and e-mail: some CRMs keep owners by these."""

    def as_json(self) -> dict[str, str | None]:
        """Return it as ``sync --json`` and ``audit --json`` list it."""
        row = self.as_row()
        del row["run_id"]
        return row

    def as_row(self) -> dict[str, str | None]:
        """Return it as the history of owners keeps it."""
        row = asdict(self)
        del row["known_as"]
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
        users: in SQL, the newer users: the former owner's team, the new one's names.
        source: whose accounts.
        seen_at: when.
    """
    nobody = (
        "(select null as source, null as id, null as team, null as name,"
        " null as email where false)"
    )
    rows = con.sql(
        f"""select o.id, o.owner_id as before, n.owner_id as after, f.team,
            u.name, u.email
        from read_parquet({literal(old)}) as o
        join read_parquet({literal(new)}) as n on n.source = o.source and n.id = o.id
        left join {users or nobody} as u on u.source = n.source and u.id = n.owner_id
        left join {users or nobody} as f on f.source = o.source and f.id = o.owner_id
        where o.source = {literal(source)} and not coalesce(n.is_deleted, false)
            and o.owner_id is distinct from n.owner_id
            and {same_id("o.owner_id", "n.owner_id")} is not true
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
            known_as=tuple(filter(None, (name, email))),
        )
        for account, before, after, team, name, email in rows
    ]


@dataclass(frozen=True, kw_only=True)
class GoneAccount:
    """A customer who was in the last generation and is not there any more."""

    source: str
    account_id: str
    name: str | None
    owner_id: str | None
    owner: str | None
    """The former owner's name, as far as it is known."""

    def as_json(self) -> dict[str, str | None]:
        """Return it as ``sync --json`` lists it."""
        return asdict(self)


def gone_accounts(
    con: duckdb.DuckDBPyConnection,
    old: Path,
    new: Path,
    users: str | None,
    *,
    source: str,
) -> list[GoneAccount]:
    """Find the customers of a source who are in one generation and not in the next.

    Args:
        con: any DuckDB.
        old: the older generation's accounts.
        new: the newer accounts.
        users: in SQL, users with the names of former owners.
        source: whose accounts.
    """
    nobody = "(select null as source, null as id, null as name where false)"
    mine = f"source = {literal(source)} and not coalesce(is_deleted, false)"
    rows = con.sql(
        f"""select o.id, o.name, o.owner_id, u.name
        from read_parquet({literal(old)}) as o
        left join {users or nobody} as u on u.source = o.source and u.id = o.owner_id
        where o.source = {literal(source)} and not coalesce(o.is_deleted, false)
            and o.id not in (select id from read_parquet({literal(new)}) where {mine})
        order by o.id"""
    ).fetchall()
    return [
        GoneAccount(source=source, account_id=key, name=name, owner_id=owner, owner=who)
        for key, name, owner, who in rows
    ]


CHANGED = "owners.changed"
"""The event of owner changes that a sync saw; its subject is the generation."""


def remember(
    connection: Connection,
    changes: Collection[OwnerChange],
    generation: int,
    at: dt.datetime,
) -> list[OwnerChange]:
    """Write changes into the history; return those that no run of ours explains.

    An event gives them their place among what people decided and runs did.
    """
    unmanaged = []
    for change in changes:
        run_id = explaining_run(
            connection,
            change.source,
            change.account_id,
            change.after,
            change.known_as,
        )
        connection.execute(
            insert(owner_history).values(
                **{**change.as_row(), "run_id": run_id}, generation=generation
            )
        )
        if run_id is None:
            unmanaged.append(change)
    if changes:
        details = {"changes": len(changes), "unmanaged": len(unmanaged)}
        record(connection, at, CHANGED, str(generation), details)
    return unmanaged


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


DATES = {
    "opportunities": "coalesce(close_date, cast(timezone({zone}, created_at) as date))",
    "orders": "date",
}
"""The day of a record that tells of an account's owner, in SQL."""

LONG_AGO = "date '0001-01-01'"
"""Where a record without a date stands."""


def derived_owners(
    accounts: str, records: str, source: str, rule: DerivedOwner, zone: ZoneInfo
) -> str:
    """Return the query for all accounts, with the owners of one source by the rule.

    ``latest``: who owns the latest record; of one day, the larger record id.
    ``most``: who owns most records; of equal numbers, whose latest record is later,
    then has the larger id.

    Args:
        accounts: in SQL, the accounts of all sources.
        records: in SQL, the opportunities or orders of all sources.
        source: whose accounts.
        rule: which records count, and how the owner is picked.
        zone: where days begin, for records that only tell when they were made.
    """
    day = DATES[rule.table].format(zone=literal(zone.key))
    latest = f"max(row(coalesce({day}, {LONG_AGO}), id))"
    order = latest if rule.pick == "latest" else f"(count(*), {latest})"
    return f"""select a.* replace (
            case when a.source = {literal(source)} then p.owner_id
            else a.owner_id end as owner_id)
        from {accounts} as a left join (
            select account_id, owner_id from {records}
            where source = {literal(source)} and not coalesce(is_deleted, false)
                and account_id is not null and owner_id is not null
            group by account_id, owner_id
            qualify row_number() over (
                partition by account_id order by {order} desc) = 1
        ) as p on a.id = p.account_id"""
