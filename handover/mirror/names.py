"""By which names users and customers were known, kept when the CRM forgets them.

Plans, runs and answers name people and customers by ids. Whoever reads them years later
asks for names that the CRM may not have any more, so each sync keeps those of all
users, and of the customers who changed hands or are gone.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import duckdb
from sqlalchemy import Connection, insert, select

from handover.ledger.tables import names as table
from handover.mirror.owners import GoneAccount, OwnerChange
from handover.mirror.sql import literal

Named = Literal["users", "accounts"]
Place = tuple[str, Named, str]
"""Whose name it is: source, canonical table, id."""


@dataclass(frozen=True, kw_only=True)
class Relations:
    """Where a generation being made has its users and accounts, in SQL."""

    users: str | None
    accounts: str | None


def read_names(
    con: duckdb.DuckDBPyConnection,
    at: Relations,
    sources: Collection[str],
    changes: Iterable[OwnerChange],
    gone: Iterable[GoneAccount],
) -> dict[Place, str]:
    """Read the names to keep: of all users, and of customers who moved or are gone.

    Args:
        con: any DuckDB.
        at: where to read them.
        sources: those that were just read.
        changes: the accounts with another owner than before.
        gone: those that are not there any more.
    """
    found: dict[Place, str] = {
        (each.source, "accounts", each.account_id): each.name
        for each in gone
        if each.name
    }
    moved: dict[str, list[str]] = {}
    for change in changes:
        moved.setdefault(change.source, []).append(change.account_id)
    for source in sources:
        if at.users is not None:
            for key, name in _read(con, at.users, source):
                found[source, "users", key] = name
        if at.accounts is not None and source in moved:
            for key, name in _read(con, at.accounts, source, moved[source]):
                found[source, "accounts", key] = name
    return found


def _read(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    source: str,
    ids: Collection[str] | None = None,
) -> Iterator[tuple[str, str]]:
    wanted = con.sql(f"from {relation}").filter(f"source = {literal(source)}")
    named = wanted.filter("name is not null")
    if ids is not None:
        named = named.filter(f"id in ({', '.join(map(literal, sorted(ids)))})")
    yield from named.project("id, name").fetchall()


def keep_names(
    connection: Connection, found: Mapping[Place, str], generation: int
) -> None:
    """Write the names that are not those which were known last."""
    known = _read_last(connection, {place[0] for place in found})
    fresh = [
        {
            "source": source,
            "table_name": named,
            "record_id": key,
            "generation": generation,
            "name": name,
        }
        for (source, named, key), name in found.items()
        if known.get((source, named, key)) != name
    ]
    if fresh:
        connection.execute(insert(table), fresh)


def _read_last(
    connection: Connection, sources: Collection[str]
) -> dict[tuple[str, str, str], str]:
    query = (
        select(table).where(table.c.source.in_(sources)).order_by(table.c.generation)
    )
    return {
        (row.source, row.table_name, row.record_id): row.name
        for row in connection.execute(query)
    }


def last_names(connection: Connection, source: str, named: Named) -> dict[str, str]:
    """Return by id how a source's users or accounts were called last."""
    found = _read_last(connection, [source])
    return {key: name for (_, kind, key), name in found.items() if kind == named}
