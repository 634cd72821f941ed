"""Taking a person out of the mirror, and keeping the next sync from bringing them back.

``find_traces`` looks for them in all generations there are; ``write_without`` makes one
generation without them, after which the older ones are dropped. What has to stay empty
is kept in the ledger by hashes of ids, and ``Erased`` blanks it while pages are read.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, insert, select

from handover.ledger.tables import erasures
from handover.mirror.generations import Generation, NextGeneration
from handover.mirror.sql import literal, quoted
from mappings.translate import Translated

WHOLE = "*"
"""Stands for all columns of a record that say anything of a person."""
STAYS = frozenset(
    {"id", "source", "object", "modified_at", "is_deleted", "account_id", "owner_id"}
)
"""Columns of a contact that say where it hangs, and nothing of the person."""
NAMING = ("name", "email", "phone", "mobile")
"""Columns by whose values somebody is known."""
NAMED_ALIKE = frozenset({("accounts", "name")})
"""Columns with the names of others, who may be called so, too."""
NOT_LOOKED_AT = frozenset({"contacts", "users", "columns", "references"})
LEAST = 4
"""Characters of a name in one word that stand for nobody else; in kanji one fewer."""

Cell = tuple[str, str, str]
"""Table, id and column."""


def digest_of(source: str, table: str, key: str) -> str:
    """Return by what a record is known whose id is not kept."""
    return hashlib.sha256(f"{source}\x1f{table}\x1f{key}".encode()).hexdigest()


# While pages are read


@dataclass(frozen=True, kw_only=True)
class Erased:
    """What of a source stays empty: by table and hash of the id, the columns."""

    source: str
    cells: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)

    def blank(self, object_name: str, translated: Translated) -> Translated:
        """Return a page without what was erased."""
        if not self.cells:
            return translated
        tables = {
            table: self._blank_rows(table, rows) if table in self.cells else rows
            for table, rows in translated.tables.items()
        }
        rejects = [
            replace(one, value=None)
            if self._find(one.table, one.id, f"{object_name}:{one.id}")
            else one
            for one in translated.rejects
        ]
        return replace(translated, tables=tables, rejects=rejects)

    def _find(self, table: str, *keys: str | None) -> frozenset[str]:
        known = self.cells.get(table, {})
        found = (known.get(digest_of(self.source, table, k)) for k in keys if k)
        return frozenset(column for each in found if each for column in each)

    def _blank_rows(self, table: str, rows: pa.Table) -> pa.Table:
        found = {
            n: columns
            for n, key in enumerate(rows["id"].to_pylist())
            if (columns := self._find(table, key))
        }
        if not found:
            return rows
        for place, name in enumerate(rows.column_names):
            hit = [n for n, columns in found.items() if _is_blanked(name, columns)]
            if hit:
                chosen = [False] * len(rows)
                for n in hit:
                    chosen[n] = True
                kind = rows.schema.field(place)
                blanked = pc.if_else(
                    pa.array(chosen), pa.scalar(None, kind.type), rows[name]
                )
                rows = rows.set_column(place, kind, blanked)
        return rows


def _is_blanked(name: str, columns: Iterable[str]) -> bool:
    for column in columns:
        if column == WHOLE and name not in STAYS:
            return True
        if name in (column, f"{column}_norm", f"{column}_quality"):
            return True
    return False


def read_erased(connection: Connection, source: str) -> Erased:
    """Read what of a source has to stay empty."""
    found: dict[str, dict[str, set[str]]] = {}
    query = select(erasures).where(erasures.c.source == source)
    for row in connection.execute(query):
        by_digest = found.setdefault(row.table_name, {})
        by_digest.setdefault(row.digest, set()).add(row.column_name)
    return Erased(
        source=source,
        cells={
            table: {key: frozenset(names) for key, names in by_digest.items()}
            for table, by_digest in found.items()
        },
    )


def keep_erased(connection: Connection, source: str, cells: Iterable[Cell]) -> None:
    """Write what of a source has to stay empty from now on."""
    known = read_erased(connection, source).cells
    fresh = [
        {
            "source": source,
            "table_name": table,
            "digest": digest,
            "column_name": column,
        }
        for table, key, column in dict.fromkeys(cells)
        if (digest := digest_of(source, table, key))
        and column not in known.get(table, {}).get(digest, ())
    ]
    if fresh:
        connection.execute(insert(erasures), fresh)


# In the generations there are


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What the mirror has of a person.

    ``words`` are the names, numbers and addresses by which they are known, ``parts``
    those of their name, ``accounts`` where they work. ``texts`` are the cells of other
    records that name them.
    """

    words: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    texts: tuple[Cell, ...] = ()


def find_traces(
    con: duckdb.DuckDBPyConnection,
    generations: Sequence[Generation],
    source: str,
    contact: str,
) -> Traces:
    """Look for a person in all generations whose files there are, the newest first."""
    values: dict[str, set[str]] = {name: set() for name in (*NAMING, "account_id")}
    for each in generations:
        file = each.files.get("contacts")
        if file is None or not file.is_file():
            continue
        rows = con.sql(f"from read_parquet({literal(file)})").filter(
            f"source = {literal(source)} and id = {literal(contact)}"
        )
        for row in rows.project(", ".join(values)).fetchall():
            for name, value in zip(values, row, strict=True):
                if value:
                    values[name].add(value)
    names = values["name"]
    words = {
        form
        for name in NAMING
        for value in values[name]
        for form in _list_forms(name, value)
    }
    ordered = tuple(sorted(words, key=lambda word: (-len(word), word)))
    return Traces(
        words=ordered,
        parts=tuple(sorted({p for n in names for p in n.split() if len(p) > 1})),
        accounts=tuple(sorted(values["account_id"])),
        texts=tuple(sorted(set(_find_texts(con, generations[:1], source, ordered)))),
    )


def _list_forms(column: str, value: str) -> Iterator[str]:
    """Yield the forms in which a value may stand in a text."""
    for text in {value, value.strip(), unicodedata.normalize("NFKC", value)}:
        if column == "name":
            parts = text.split()
            forms = {text, *(mark.join(parts) for mark in ("", " ", "\u3000"))}
            least = LEAST if text.isascii() else LEAST - 1
            yield from (each for each in forms if len(each) >= least)
        elif column == "email":
            yield from {text, text.casefold()}
        else:
            digits = re.sub(r"\D", "", text)
            yield from (each for each in {text, digits} if len(each) > LEAST)


def _find_texts(
    con: duckdb.DuckDBPyConnection,
    generations: Sequence[Generation],
    source: str,
    words: Sequence[str],
) -> Iterator[Cell]:
    """Yield the cells of other records in which one of the words stands."""
    if not words:
        return
    for generation in generations:
        for table, file in generation.files.items():
            if table not in NOT_LOOKED_AT and table != "aside":
                rows = con.sql(f"from read_parquet({literal(file)})")
                rows = rows.filter(f"source = {literal(source)}")
                for name, kind in zip(rows.columns, rows.types, strict=True):
                    is_text = str(kind) == "VARCHAR" and name not in STAYS
                    if not is_text or (table, name) in NAMED_ALIKE:
                        continue
                    hit = rows.filter(_names(name, words))
                    base = name.removesuffix("_norm")
                    yield from (
                        (table, k, base) for (k,) in hit.project("id").fetchall()
                    )


def _names(column: str, words: Sequence[str]) -> str:
    return " or ".join(f"contains({quoted(column)}, {literal(w)})" for w in words)


def write_without(
    following: NextGeneration,
    source: str,
    contact: str,
    traces: Traces,
) -> None:
    """Write the tables of a generation anew in which a person was."""
    blanked: dict[str, dict[str, set[str]]] = {"contacts": {WHOLE: {contact}}}
    for table, key, column in traces.texts:
        blanked.setdefault(table, {}).setdefault(column, set()).add(key)
    for table, columns in blanked.items():
        relation = following.relation(table)
        if relation is not None:
            _write_blanked(following, table, relation, source, columns)
    relation = following.relation("aside")
    if relation is not None:
        named = _names("value", traces.words) if traces.words else "false"
        own = f"table_name = 'contacts' and id = {literal(contact)}"
        value = (
            f"case when source = {literal(source)} and (({own}) or {named}) "
            "then null else value end as value"
        )
        following.write("aside", f"(from {relation} select * replace ({value}))")


def _write_blanked(
    following: NextGeneration,
    table: str,
    relation: str,
    source: str,
    columns: Mapping[str, set[str]],
) -> None:
    cells = []
    for name in following.con.sql(f"from {relation}").columns:
        ids = {
            key
            for column, keys in columns.items()
            if _is_blanked(name, [column])
            for key in keys
        }
        if ids:
            listed = ", ".join(map(literal, sorted(ids)))
            cells.append(
                f"case when source = {literal(source)} and id in ({listed}) "
                f"then null else {quoted(name)} end as {quoted(name)}"
            )
    if cells:
        rows = f"(from {relation} select * replace ({', '.join(cells)}))"
        following.write(table, rows)
