"""One source of one generation as DuckDB views: what every reader of facts opens.

The canonical tables have all columns of the schema, whatever their files hold; absent
tables are empty. ``views.sql`` derives from them what hangs together.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from connectors.base import LONG_ID, SHORT_ID
from handover.interrupts import interruptible
from handover.mirror.generations import Generation
from handover.mirror.sql import cast_list, literal, quoted
from mappings.aside import NOTHING_LOST
from mappings.schema import (
    ASIDE_SCHEMA,
    COLUMNS_SCHEMA,
    EXTRA,
    REFERENCES_SCHEMA,
    TABLES,
    TARGETS,
    arrow_schema,
)

KINDS = {table: kind for kind, table in TARGETS.items()}
VIEWS = Path(__file__).with_suffix(".sql")

CONFIRMATIONS_SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("account_id", pa.string()),
        ("item", pa.string()),
        ("record_id", pa.string()),
        ("result", pa.string()),
        ("person", pa.string()),
        ("recorded_by", pa.string()),
        ("happened_at", pa.timestamp("us", tz="UTC")),
        ("on_date", pa.date32()),
    ]
)
"""What customers confirmed, as the ledger has it; ``on_date`` is the local day."""

_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "timezone": "UTC",
    "preserve_insertion_order": False,
    "autoinstall_known_extensions": False,
}


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """An open source: the views stand in ``con`` until the context ends."""

    con: duckdb.DuckDBPyConnection
    source: str
    generation: Generation
    as_of: dt.date
    zone: ZoneInfo

    def table(self, query: str, **values: object) -> pa.Table:
        """Ask the views; ``$name`` in the query takes the value of that name."""
        return self.con.sql(query, params=values or None).to_arrow_table()

    def rows(self, query: str, **values: object) -> list[dict[str, Any]]:
        """Ask the views for a few rows."""
        return list(self.table(query, **values).to_pylist())

    def sees(self, table: str, column: str) -> bool:
        """Return whether a column, or a table as ``*``, is mapped and visible."""
        return self._status(table, column) == "mapped"

    def hides(self, table: str) -> bool:
        """Return whether a table as a whole may not be read."""
        return self._status(table, "*") == "unreadable"

    def _status(self, table: str, column: str) -> str | None:
        found = self.rows(
            "select status from seen_columns "
            "where table_name = $table_name and column_name = $column_name",
            table_name=table,
            column_name=column,
        )
        return found[0]["status"] if found else None


@contextmanager
def open_mirror(  # noqa: PLR0913 - all but the first two are settings, by name
    generation: Generation,
    source: str,
    *,
    as_of: dt.date,
    zone: ZoneInfo,
    currency: str,
    accounts: Collection[str] | None = None,
    confirmations: Sequence[Mapping[str, object]] = (),
) -> Iterator[Mirror]:
    """Open one source of a generation.

    Args:
        generation: the files to read.
        source: the connector's name.
        as_of: the rules' today; later interactions have not happened yet.
        zone: where days begin.
        currency: the one in which customers' values are added up.
        accounts: narrows everything that belongs to accounts to these; None is all.
        confirmations: see ``CONFIRMATIONS_SCHEMA``; they count as interactions.
    """
    with duckdb.connect(config=_SETTINGS) as con, interruptible(con.interrupt):
        con.execute(
            "create table settings as "
            "select cast($1 as date) as as_of, $2 as zone, $3 as currency",
            [as_of, zone.key, currency],
        )
        _fill_table(con, "confirmations", confirmations, CONFIRMATIONS_SCHEMA)
        files = generation.files
        _base_views(con, files, source)
        _narrow(con, accounts)
        con.execute(_seen_columns(files.get("columns"), source))
        asides = _rows_of(con, "all_asides", ASIDE_SCHEMA, files.get("aside"), source)
        con.execute(asides)
        kept = ", ".join(map(literal, sorted(NOTHING_LOST)))
        con.execute(
            f"create view aside as from all_asides where reason not in ({kept})"
        )
        con.execute(_account_texts(con))
        con.execute(VIEWS.read_text(encoding="utf-8"))
        yield Mirror(
            con=con, source=source, generation=generation, as_of=as_of, zone=zone
        )


def _fill_table(
    con: duckdb.DuckDBPyConnection,
    name: str,
    rows: Sequence[Mapping[str, object]],
    schema: pa.Schema,
) -> None:
    """Create a table of a few rows that we have as Python values.

    Handed over as parameters: an Arrow table made of Python values, or registered with
    DuckDB, imports pandas, which takes longer than many a command.
    """
    stored = schema.names if rows else ()
    columns = cast_list(schema, stored)
    origin = "(select unnest($rows, recursive := true))" if rows else "range(0)"
    con.execute(
        f"create table {quoted(name)} as select {columns} from {origin}",
        {"rows": list(rows)} if rows else None,
    )


def _narrow(con: duckdb.DuckDBPyConnection, accounts: Collection[str] | None) -> None:
    if accounts is None:
        con.execute("create view accounts as from all_accounts")
        return
    chosen = [{"id": account} for account in sorted(accounts)]
    _fill_table(con, "chosen", chosen, pa.schema([("id", pa.string())]))
    con.execute(
        "create view accounts as "
        "from all_accounts where id in (select chosen.id from chosen)"
    )


def _base_views(
    con: duckdb.DuckDBPyConnection, files: Mapping[str, Path], source: str
) -> None:
    """Make the views of the canonical tables: every column of the schema, cast."""
    con.execute(
        _rows_of(con, "pointing", REFERENCES_SCHEMA, files.get("references"), source)
    )
    short = con.sql(
        "select table_name, column_name, refers from pointing where by_prefix > 0"
    ).fetchall()
    _list_short_ids(con, files, source, {refers for _, _, refers in short})
    for table in TABLES:
        name = "all_accounts" if table == "accounts" else table
        file = files.get(table)
        schema = arrow_schema(
            table, _own_columns(con, file) if table == "accounts" else ()
        )
        columns = [(column, refers) for t, column, refers in short if t == table]
        first = f"{name}_as_read" if columns else name
        con.execute(_rows_of(con, first, schema, file, source))
        if columns:
            con.execute(f"create view {name} as {_following(first, columns)}")


def _rows_of(
    con: duckdb.DuckDBPyConnection,
    name: str,
    schema: pa.Schema,
    file: Path | None,
    source: str,
) -> str:
    """Return the view of one source's living rows in a file."""
    stored = _stored_columns(con, file)
    columns = cast_list(schema, stored)
    if file is None:
        return f"create view {name} as select {columns} where false"
    living = " and not coalesce(is_deleted, false)" if "is_deleted" in stored else ""
    return (
        f"create view {name} as select {columns} from read_parquet({literal(file)}) "
        f"where source = {literal(source)}{living}"
    )


def _own_columns(con: duckdb.DuckDBPyConnection, file: Path | None) -> tuple[str, ...]:
    """List the company's own columns of a file of accounts."""
    stored = _stored_columns(con, file)
    own = (name for name in stored if name.startswith(EXTRA))
    return tuple(name for name in own if not name.endswith("_norm"))


def _list_short_ids(
    con: duckdb.DuckDBPyConnection,
    files: Mapping[str, Path],
    source: str,
    tables: Collection[str],
) -> None:
    """Make ``short_ids``: the ids of 15 or 18 characters, by the first 15."""
    con.execute(
        "create table short_ids "
        "(table_name varchar, id varchar, short varchar, other_length bigint)"
    )
    for table in tables:
        con.execute(
            f"""insert into short_ids
            select {literal(table)}, any_value(id), left(id, {SHORT_ID}) as short,
                {SHORT_ID + LONG_ID} - any_value(len(id))
            from read_parquet({literal(files[table])})
            where source = {literal(source)} and not coalesce(is_deleted, false)
                and len(id) in ({SHORT_ID}, {LONG_ID})
            group by short having count(*) = 1"""
        )


def _following(rows: str, columns: Sequence[tuple[str, str]]) -> str:
    """Return the query for rows whose references are the ids that they mean."""
    query = f"from {rows} as t"
    found: dict[str, list[str]] = {}
    for n, (column, refers) in enumerate(columns):
        meant = f"s{n}.table_name = {literal(refers)}"
        if column == "target_id":
            meant += f" and t.target = {literal(KINDS[refers])}"
        query += (
            f" left join short_ids as s{n} on {meant} "
            f"and s{n}.short = left(t.{quoted(column)}, {SHORT_ID}) "
            f"and s{n}.other_length = len(t.{quoted(column)})"
        )
        found.setdefault(column, []).append(f"s{n}.id")
    replaced = ", ".join(
        f"coalesce({', '.join(ids)}, t.{quoted(column)}) as {quoted(column)}"
        for column, ids in found.items()
    )
    return f"select t.* replace ({replaced}) {query}"


def _stored_columns(
    con: duckdb.DuckDBPyConnection, file: Path | None
) -> tuple[str, ...]:
    if file is None:
        return ()
    return tuple(con.sql(f"from read_parquet({literal(file)}) limit 0").columns)


def _seen_columns(file: Path | None, source: str) -> str:
    """Return the view of what the generation could see; the worst sight counts."""
    names = COLUMNS_SCHEMA.names[1:]
    if file is None:
        nothing = ", ".join(f"cast(null as varchar) as {name}" for name in names)
        return f"create view seen_columns as select {nothing} where false"
    return f"""create view seen_columns as
        select table_name, column_name, case
            when bool_or(status = 'unreadable') then 'unreadable'
            when bool_or(status = 'mapped') then 'mapped'
            else 'unmapped' end as status
        from read_parquet({literal(file)})
        where source = {literal(source)}
        group by table_name, column_name"""


def _account_texts(con: duckdb.DuckDBPyConnection) -> str:
    """Return the view of the company's own columns: one row per account and column."""
    own = [
        name.removesuffix("_norm")
        for name in con.sql("from all_accounts limit 0").columns
        if name.startswith(EXTRA) and name.endswith("_norm")
    ]
    parts = [
        f"select id as account_id, {literal(name)} as column_name, "
        f"{quoted(name)} as value, {quoted(name + '_norm')} as value_norm "
        "from accounts"
        for name in own
    ]
    nothing = ", ".join(
        f"cast(null as varchar) as {name}"
        for name in ("account_id", "column_name", "value", "value_norm")
    )
    parts.append(f"select {nothing} where false")
    return "create view account_texts as " + " union all ".join(parts)
