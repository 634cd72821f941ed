"""From the old tables and the staged pages to the tables of the next generation.

One table of one source at a time, in DuckDB: the old rows that were not read again,
then the rows that were. A record that did not come with a full pull has vanished: it is
kept and marked as deleted, never removed. One that is put aside now keeps what was
known of it. Held in memory are ids and a hash of each record that was read: all else
are queries over files, and the result is written straight into the next file.
"""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from handover.mirror.deltas import Delta
from handover.mirror.losses import (
    LOST_ALL,
    LOST_CELLS,
    SHRINK_ROWS,
    SHRINK_SHARE,
    CellsLost,
    NothingLeft,
    Shrunk,
)
from handover.mirror.sql import cast_list, literal, literals, quoted
from mappings.load import REQUIRED_TABLES
from mappings.schema import EXTRA, LINK_TABLES, arrow_schema

JOINED = {
    "contact_links": (("'contacts'", "contact_id"), ("'accounts'", "account_id")),
    "activity_links": (
        ("'activities'", "activity_id"),
        ("if(target = 'opportunity', 'opportunities', target || 's')", "target_id"),
    ),
    "account_team": (("'accounts'", "record_id"), ("'users'", "user_id")),
    "opportunity_team": (("'opportunities'", "record_id"), ("'users'", "user_id")),
}
"""What each link joins, in SQL: the table and the column with the record's id."""
NOT_CONTENT = frozenset({"modified_at"})
"""Columns whose change alone does not make a record changed."""


@dataclass(kw_only=True)
class Counts:
    """What became of the rows read for one table."""

    read: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    deleted: int = 0
    """Read as deleted, and living in the last generation: a deletion counts once."""
    rejected: int = 0
    """Records put aside."""
    cells_rejected: int = 0
    """Cells put aside; their records are counted above."""
    vanished: int = 0
    unlinked: int = 0
    """Links that a record has no more."""

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            **{name: getattr(self, name) + getattr(other, name) for name in vars(self)}
        )

    @property
    def changes_anything(self) -> bool:
        """Whether the table has to be written again."""
        return bool(
            self.new or self.changed or self.deleted or self.vanished or self.unlinked
        )

    def as_json(self) -> dict[str, int]:
        """Return the counts that ``sync --json`` names for each table."""
        names = (
            *("read", "new", "changed", "same", "deleted", "rejected"),
            "cells_rejected",
        )
        return {name: getattr(self, name) for name in names}


class Merger:
    """Merges the tables of one new generation, one after the other.

    ``merge`` judges and counts; until the next call, ``ROWS`` is the view of the
    table's new rows, those of all sources.
    """

    ROWS = "merged"

    def __init__(self, con: duckdb.DuckDBPyConnection, *, allow_shrink: bool) -> None:
        """Work in a DuckDB connection."""
        self.con = con
        self.allow_shrink = allow_shrink
        con.execute(
            "create or replace temp table dead (table_name varchar, id varchar)"
        )

    def merge(self, old: str | None, delta: Delta) -> Counts:
        """Merge one table.

        Args:
            old: in SQL, what holds the rows of all sources so far.
            delta: what was read.

        Raises:
            TooMuchLost: nothing may be published before somebody has looked.
        """
        schema = self._schema(delta, old)
        self._load_old(old, schema)
        looked_for = _gone(delta) or delta.origins
        if not delta.read and (old is None or not looked_for):
            self._note_dead(delta, f"old_rows where {_mine(delta)} and is_deleted")
            return Counts()
        self._load_lists(delta)
        self._load_came(delta, schema)
        counts = self._count(delta, schema)
        if not self.allow_shrink:
            self._check_rows(delta, counts)
            self._check_cells(delta)
        gone = _gone(delta) or "false"
        for rows in (
            "came where is_deleted",
            f"{_untouched(delta)} where {_mine(delta)} and (is_deleted or {gone})",
        ):
            self._note_dead(delta, rows)
        self._show_rows(delta, schema)
        return counts

    def _check_rows(self, delta: Delta, counts: Counts) -> None:
        lost = counts.vanished + counts.deleted
        if lost >= SHRINK_ROWS and delta.table in LINK_TABLES:
            lost = self._count_lost_links(delta)
        needed = delta.table in REQUIRED_TABLES
        if lost < LOST_ALL and not needed:
            return
        before = self._count_living("old_rows", delta)
        much = lost >= SHRINK_ROWS and lost > SHRINK_SHARE * before
        every = LOST_ALL <= counts.vanished == before
        if much or (every and delta.table not in {*LINK_TABLES, *REQUIRED_TABLES}):
            raise Shrunk(
                source=delta.source, table=delta.table, before=before, vanished=lost
            )
        was_any = before or delta.rejected
        if needed and was_any and not self._count_left(delta):
            raise NothingLeft(
                source=delta.source, table=delta.table, before=before, read=delta.read
            )

    def _check_cells(self, delta: Delta) -> None:
        column, lost = max(
            delta.cells_lost.items(), key=lambda one: one[1], default=("", 0)
        )
        if lost < LOST_CELLS:
            return
        rows = self._count_left(delta)
        if lost > SHRINK_SHARE * rows:
            raise CellsLost(
                source=delta.source,
                table=delta.table,
                column=column,
                rows=rows,
                lost=lost,
            )

    def _count_lost_links(self, delta: Delta) -> int:
        """Count the links that are gone although what they joined is still there."""
        ends = (
            f"({table}, {key}) in (select (table_name, id) from dead)"
            for table, key in JOINED[delta.table]
        )
        return _one(
            self.con,
            f"select count(*) from {_untouched(delta)} where not is_deleted "
            f"and {_gone(delta) or 'false'} and not ({' or '.join(ends)})",
        )

    def _note_dead(self, delta: Delta, rows: str) -> None:
        """Remember which records are deleted, as their links go with them."""
        if delta.table not in LINK_TABLES:
            self.con.execute(
                f"insert into dead select {literal(delta.table)}, id from {rows}"
            )

    def _count_left(self, delta: Delta) -> int:
        """Count the source's records that will not be deleted."""
        came = _one(self.con, "select count(*) from came where not is_deleted")
        gone = _gone(delta)
        kept = f"{_untouched(delta)} where not ({gone})" if gone else _untouched(delta)
        return came + self._count_living(f"(from {kept})", delta)

    def _count_living(self, rows: str, delta: Delta) -> int:
        """Count the source's records in some rows that are not deleted."""
        return _one(
            self.con,
            f"select count(*) from {rows} where {_mine(delta)} and not is_deleted",
        )

    def _schema(self, delta: Delta, old: str | None) -> pa.Schema:
        """Return the table's columns: ours, and the company's own, old and new."""
        if delta.table != "accounts":
            return arrow_schema(delta.table)
        names = list(delta.rows.schema.names)
        if old is not None:
            names += self.con.sql(f"from {old} limit 0").columns
        own = dict.fromkeys(
            name
            for name in names
            if name.startswith(EXTRA) and not name.endswith("_norm")
        )
        return arrow_schema(delta.table, tuple(own))

    # What comes in

    def _load_old(self, old: str | None, schema: pa.Schema) -> None:
        if old is None:
            query = f"select {cast_list(schema, ())} where false"
        else:
            stored = self.con.sql(f"from {old} limit 0").columns
            query = f"select {cast_list(schema, stored)} from {old}"
        self.con.execute(f"create or replace temp view old_rows as {query}")

    def _load_lists(self, delta: Delta) -> None:
        self._take("put_aside", pa.array({key for key in delta.rejected_ids if key}))
        self._take("origins", pa.array(list(delta.origins)))
        self.con.execute(
            "create or replace temp table swept (object varchar, id varchar)"
        )
        for name, keys in delta.swept.items():
            self._take("found", keys)
            self.con.execute(f"insert into swept select {literal(name)}, id from found")

    def _take(self, table: str, ids: pa.Array) -> None:
        self.con.register("taken", pa.table({"id": ids.cast(pa.string())}))
        self.con.execute(f"create or replace temp table {table} as from taken")
        self.con.unregister("taken")

    def _load_came(self, delta: Delta, schema: pa.Schema) -> None:
        """Make ``came``: each record that was read, with a hash of its content.

        One record may have been read twice: its newest state counts.
        """
        self.con.execute(
            "create or replace temp table came as select id, place, modified_at, "
            f"is_deleted, {_content(delta, schema)} as content "
            f"from {self._read(delta, schema)}"
        )
        self.con.execute(
            "create or replace temp table outdated as select id, place from came "
            "where id in (select id from came group by id having count(*) > 1) "
            "qualify row_number() over (partition by id "
            "order by modified_at desc nulls last, place desc) > 1"
        )
        self.con.execute(
            "delete from came where (id, place) in (select (id, place) from outdated)"
        )

    def _read(self, delta: Delta, schema: pa.Schema) -> str:
        """Open the staged rows for one query; return in SQL what they are."""
        self.con.register("staged", delta.rows.open())
        names = cast_list(schema, delta.rows.schema.names)
        return (
            f"(select * replace (coalesce(is_deleted, false) as is_deleted) "
            f"from (select {names}, place from staged))"
        )

    # What becomes of it

    def _count(self, delta: Delta, schema: pa.Schema) -> Counts:
        counts = Counts(
            read=delta.read,
            rejected=delta.rejected,
            cells_rejected=delta.cells_rejected,
        )
        self._count_came(delta, schema, counts)
        gone = _gone(delta)
        lost = {
            "vanished": gone and f"not is_deleted and {gone}",
            "unlinked": delta.table in LINK_TABLES and _unlinked(delta),
        }
        for name, condition in lost.items():
            if condition:
                query = f"select count(*) from {_untouched(delta)} where {condition}"
                setattr(counts, name, _one(self.con, query))
        return counts

    def _count_came(self, delta: Delta, schema: pa.Schema, counts: Counts) -> None:
        """Compare what was read with what was there, by the hashes of both."""
        counts.new, counts.changed, counts.deleted = self.con.sql(
            f"""select
                count(*) filter (where b.id is null and not d.is_deleted),
                count(*) filter (where b.id is not null and not d.is_deleted
                    and d.content <> b.content),
                count(*) filter (where d.is_deleted and not b.is_deleted)
            from came as d left join (
                select id, is_deleted, {_content(delta, schema)} as content
                from old_rows where {_mine(delta)}
            ) as b on b.id = d.id"""
        ).fetchall()[0]
        standing = delta.read - delta.rejected
        counts.same = standing - counts.new - counts.changed - counts.deleted

    def _show_rows(self, delta: Delta, schema: pa.Schema) -> None:
        """Make ``ROWS``: what was not read and is kept, and what was read."""
        gone = _gone(delta)
        kept = f"from {_untouched(delta)}"
        if delta.table in LINK_TABLES:
            # Links are no records: those that did not come again are no more.
            lost = " or ".join(filter(None, (gone, _unlinked(delta))))
            kept += f" where not ({lost})"
        elif gone:
            kept = f"select * replace (is_deleted or {gone} as is_deleted) {kept}"
        self.con.execute(
            f"create or replace temp view {self.ROWS} as "
            f"{kept} union all by name {self._came_whole(delta, schema)}"
        )

    def _came_whole(self, delta: Delta, schema: pa.Schema) -> str:
        """Return the query for the rows that were read, once each.

        A deleted or hidden value is what we knew of it. Only those old rows are joined
        that have one, and of them only the columns that are needed.
        """
        mine = f"from old_rows where {_mine(delta)}"
        query = f"{self._read(delta, schema)} as d anti join outdated using (id, place)"
        knows: dict[str, str] = {}
        if delta.hidden:
            columns = ", ".join(map(quoted, ("id", *sorted(delta.hidden))))
            query += f" left join (select {columns} {mine}) as h on h.id = d.id"
            knows |= {
                name: f"coalesce(d.{quoted(name)}, h.{quoted(name)})"
                for name in delta.hidden
            }
        if _one(self.con, "select count(*) from came where is_deleted"):
            deleted = "id in (select id from came where is_deleted)"
            query += f" left join ({mine} and {deleted}) as g on g.id = d.id"
            # What was gone before we ever had it is no record of ours.
            query += " where not d.is_deleted or g.id is not null"
            knows |= {
                name: f"if(d.is_deleted, coalesce(d.{quoted(name)}, "
                f"g.{quoted(name)}), {knows.get(name, f'd.{quoted(name)}')})"
                for name in schema.names
            }
        selected = ", ".join(
            f"{knows.get(name, f'd.{quoted(name)}')} as {quoted(name)}"
            for name in schema.names
        )
        return f"select {selected} from {query}"


def _content(delta: Delta, schema: pa.Schema) -> str:
    """Return in SQL a hash of all that makes a record another one when it changes."""
    skipped = NOT_CONTENT | delta.ignored | delta.hidden
    names = (quoted(name) for name in schema.names if name not in skipped)
    return f"hash({', '.join(names)})"


def _mine(delta: Delta) -> str:
    return f"source = {literal(delta.source)}"


def _untouched(delta: Delta) -> str:
    """Return in SQL which old rows, of all sources, were not read."""
    return (
        f"(from old_rows anti join (select {literal(delta.source)} as source, id "
        "from came) using (source, id))"
    )


def _gone(delta: Delta) -> str:
    """Return in SQL which untouched rows were looked for; empty when none was.

    What is put aside was there, and keeps what we knew of it.
    """
    looked_for = []
    if delta.full_objects:
        looked_for.append(f"object in ({literals(delta.full_objects)})")
    if delta.swept:
        # A link is there as long as the record is that it was read from.
        key = "origin" if delta.table in LINK_TABLES else "id"
        objects = literals(delta.swept)
        looked_for.append(
            f"(object in ({objects}) "
            f"and (object, {key}) not in (select (object, id) from swept))"
        )
    where = "true" if delta.whole else " or ".join(looked_for)
    if not where:
        return ""
    came = "id not in (select id from put_aside)"
    return f"({_mine(delta)} and {came} and ({where}))"


def _unlinked(delta: Delta) -> str:
    """Return in SQL which untouched links hung on records that were read again."""
    return f"({_mine(delta)} and origin in (select id from origins))"


def _one(con: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(con.sql(query).fetchall()[0][0])
