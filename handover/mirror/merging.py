"""From the old tables and the staged pages to the tables of the next generation.

One table of one source at a time, in DuckDB: the old rows that were not read again,
then the rows that were. A record that did not come with a full pull has vanished: it is
kept and marked as deleted, never removed. A row that was put aside is in no table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from handover.errors import Refusal
from mappings.schema import EXTRA, LINK_TABLES, arrow_schema

SHRINK_SHARE = 0.2
SHRINK_ROWS = 50
"""An object that loses more than this share and at least this many rows stops the sync:
a lost permission looks just like a mass deletion (reliability P8)."""

_TYPES = {
    pa.string(): "varchar",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamptz",
    pa.decimal128(18, 4): "decimal(18, 4)",
}
NOT_CONTENT = frozenset({"modified_at"})
"""Columns whose change alone does not make a record changed."""


class Shrunk(Refusal):
    """Too much vanished at once (``source``, ``table``, ``before``, ``vanished``)."""

    code = "shrunk"


@dataclass(kw_only=True)
class Counts:
    """What became of the rows read for one table (reliability P36)."""

    read: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    deleted: int = 0
    rejected: int = 0
    vanished: int = 0
    gone_now: int = 0
    """Of the deleted ones, those that the last generation had as living."""
    dropped: int = 0
    """Rows of the last generation that are put aside now."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            **{name: getattr(self, name) + getattr(other, name) for name in vars(self)}
        )

    @property
    def changes_anything(self) -> bool:
        """Tell whether the table has to be written anew."""
        return bool(
            self.new or self.changed or self.gone_now or self.vanished or self.dropped
        )

    def as_json(self) -> dict[str, int]:
        """Give the names of design §12; what has vanished is added up elsewhere."""
        names = ("read", "new", "changed", "same", "deleted", "rejected")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, kw_only=True)
class Delta:
    """What was read of one table of one source.

    ``whole``: every object that feeds it was read in full; ``full_objects`` names those
    that were. ``origins`` are, for link tables, the records whose links were read.
    """

    table: str
    source: str
    rows: Sequence[pa.Table]
    read: int = 0
    rejected: int = 0
    rejected_ids: Sequence[str] = ()
    whole: bool = False
    full_objects: Sequence[str] = ()
    origins: Iterable[str] = ()
    gone: Sequence[str] = ()
    """Ids that a sweep did not find."""
    ignored: frozenset[str] = field(default_factory=frozenset)
    """Columns that a rule fills later, so that they do not count as changed."""


class Merger:
    """Merges the tables of one new generation."""

    def __init__(self, con: duckdb.DuckDBPyConnection, *, allow_shrink: bool) -> None:
        """Work in a DuckDB connection."""
        self.con = con
        self.allow_shrink = allow_shrink

    def merge(self, old: str | None, delta: Delta, result: str) -> Counts:
        """Merge one table; ``result`` is the DuckDB table that takes all rows.

        Args:
            old: in SQL, what holds the rows of all sources so far.
            delta: what was read.
            result: its name; made anew.

        Raises:
            Shrunk: too much has vanished.
        """
        schema = self._schema(delta, old)
        self._load(old, delta, schema)
        counts = self._count(delta, schema)
        living = _one(self.con, "select count(*) from before where not is_deleted")
        if counts.vanished >= SHRINK_ROWS and counts.vanished > SHRINK_SHARE * living:
            self._refuse(delta, living, counts.vanished)
        self._write(delta, schema, result)
        return counts

    def _refuse(self, delta: Delta, living: int, vanished: int) -> None:
        if not self.allow_shrink:
            raise Shrunk(
                source=delta.source, table=delta.table, before=living, vanished=vanished
            )

    def _schema(self, delta: Delta, old: str | None) -> pa.Schema:
        """Give the table's columns: ours, and the company's own of old and new rows."""
        names = [name for part in delta.rows for name in part.schema.names]
        if old is not None:
            names += self.con.sql(f"from {old} limit 0").columns
        extra = dict.fromkeys(
            name
            for name in names
            if name.startswith(EXTRA) and not name.endswith("_norm")
        )
        own = tuple(extra) if delta.table == "accounts" else ()
        return arrow_schema(delta.table, own)

    def _load(self, old: str | None, delta: Delta, schema: pa.Schema) -> None:
        """Make ``others``, ``before`` (this source's old rows) and ``delta``."""
        mine = f"source = {literal(delta.source)}"
        parts = {"before": mine, "others": f"not ({mine})"}
        for name, condition in parts.items():
            if old is None:
                query = f"select {cast_list(schema, ())} where false"
            else:
                stored = self.con.sql(f"from {old} limit 0").columns
                query = (
                    f"select {cast_list(schema, stored)} from {old} where {condition}"
                )
            self.con.execute(f"create or replace temp table {name} as {query}")
        self._load_delta(delta, schema)

    def _load_delta(self, delta: Delta, schema: pa.Schema) -> None:
        parts = [_fitted(part, schema) for part in delta.rows]
        read = pa.concat_tables(parts) if parts else schema.empty_table()
        numbered = read.append_column("place", pa.array(range(len(read)), pa.int64()))
        self.con.register("read_rows", numbered)
        # One record may have been read twice: its newest state counts.
        self.con.execute(
            "create or replace temp table delta as "
            "select * exclude (place) from read_rows qualify row_number() over "
            "(partition by id order by modified_at desc nulls last, place desc) = 1"
        )
        self.con.unregister("read_rows")
        for name, values in (
            ("put_aside", delta.rejected_ids),
            ("full_objects", delta.full_objects),
            ("origins", delta.origins),
            ("gone", delta.gone),
        ):
            rows = pa.table(
                {"id": pa.array(sorted({v for v in values if v}), pa.string())}
            )
            self.con.register("taken", rows)
            self.con.execute(f"create or replace temp table {name} as from taken")
            self.con.unregister("taken")

    def _count(self, delta: Delta, schema: pa.Schema) -> Counts:
        content = [
            name
            for name in schema.names
            if name not in NOT_CONTENT and name not in delta.ignored
        ]
        left = ", ".join(f"d.{quoted(name)}" for name in content)
        right = ", ".join(f"b.{quoted(name)}" for name in content)
        new, changed, deleted, gone_now = self.con.sql(
            f"""select
                count(*) filter (where b.id is null and not d.is_deleted),
                count(*) filter (where b.id is not null and not d.is_deleted
                    and row({left}) is distinct from row({right})),
                count(*) filter (where d.is_deleted),
                count(*) filter (where d.is_deleted
                    and (b.id is null or not b.is_deleted))
            from delta as d left join before as b using (id)"""
        ).fetchall()[0]
        vanished = _one(
            self.con,
            f"select count(*) from before where not is_deleted and {self._gone(delta)}",
        )
        standing = delta.read - delta.rejected
        return Counts(
            read=delta.read,
            new=new,
            changed=changed,
            deleted=deleted,
            gone_now=gone_now,
            same=standing - new - changed - deleted,
            rejected=delta.rejected,
            vanished=vanished,
            dropped=_one(
                self.con, "select count(*) from before semi join put_aside using (id)"
            ),
        )

    def _gone(self, delta: Delta) -> str:
        """Say in SQL which old rows were looked for and not found."""
        if delta.whole:
            looked_for = "true"
        else:
            looked_for = (
                "(object in (select id from full_objects) "
                "or id in (select id from gone))"
            )
        return (
            f"{looked_for} and id not in (select id from delta) "
            "and id not in (select id from put_aside)"
        )

    def _write(self, delta: Delta, schema: pa.Schema, result: str) -> None:
        names = ", ".join(map(quoted, schema.names))
        gone = self._gone(delta)
        if delta.table in LINK_TABLES:
            # Links are no records: those that did not come again are no more.
            kept = f"not ({gone}) and origin not in (select id from origins)"
            shown = "*"
        else:
            kept = "true"
            shown = f"* replace (is_deleted or ({gone}) as is_deleted)"
        self.con.execute(
            f"""create or replace temp table {result} as
            select {names} from others
            union all by name
            select {names} from (select {shown} from before where {kept}
                and id not in (select id from delta)
                and id not in (select id from put_aside))
            union all by name
            select {names} from delta"""
        )


def cast_list(schema: pa.Schema, stored: Sequence[str]) -> str:
    """Select every column of a schema with its type, whatever a file has."""
    return ", ".join(
        f"cast({quoted(f.name) if f.name in stored else 'null'} as {_TYPES[f.type]}) "
        f"as {quoted(f.name)}"
        for f in schema
    )


def _fitted(part: pa.Table, schema: pa.Schema) -> pa.Table:
    have = set(part.schema.names)
    return pa.table(
        [
            part[f.name] if f.name in have else pa.nulls(len(part), f.type)
            for f in schema
        ],
        schema=schema,
    )


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.sql(query).fetchall()[0][0])


def quoted(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """Quote a text."""
    return "'" + str(text).replace("'", "''") + "'"
