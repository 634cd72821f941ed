"""What is hidden from us, told apart from what never was there.

Some CRMs leave hidden fields and objects out of their descriptions, as if there were
none. What the same mapping has read before and does not find now is hidden: unreadable,
and what we knew of it stays. So does what a field held before it was made one of
another type. Files are what they are.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import pyarrow as pa
import pyarrow.parquet as pq

from connectors.base import Connector, Field
from connectors.errors import NotPermitted, UnknownObject
from handover.mirror.generations import Generation, NextGeneration
from handover.mirror.sql import literals
from handover.mirror.watermarks import (
    Mark,
    Unstamped,
    reading_hash,
    visible_hash,
)
from mappings.check import Seen
from mappings.model import Mapping as CrmMapping
from mappings.model import is_file
from mappings.schema import COLUMNS_SCHEMA
from mappings.translate import TranslationSettings

Statuses = Mapping[tuple[str, str], str]
"""What a generation could see, by table and column."""
Types = Mapping[str, Mapping[str, str]]
"""What kind of value each field of an object held when it was read."""
KINDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("int", "double", "currency", "percent", "number"), "number"),
        **dict.fromkeys(("date", "datetime"), "time"),
        **dict.fromkeys(("boolean", "bool"), "yes_no"),
    }
)
"""The CRMs' own types by what their values look like; all others are text."""


def kind_of(field: Field) -> str:
    """Return what a field's values look like."""
    return KINDS.get(field.type.lower(), "text")


def seen_statuses(generation: Generation | None, source: str) -> Statuses:
    """Read what a source showed when it was last synced."""
    file = generation.files.get("columns") if generation else None
    if file is None:
        return {}
    # Not ``read_table``: it imports pandas, a third of a second for every command.
    rows = pq.ParquetFile(file).read().to_pylist()
    return {
        (row["table_name"], row["column_name"]): row["status"]
        for row in rows
        if row["source"] == source
    }


def write_statuses(
    following: NextGeneration, seen: Mapping[str, Sequence[tuple[str, str, str]]]
) -> None:
    """Write what a generation can see, if that is not what the last one saw.

    Args:
        following: the generation being made.
        seen: by source that was read: table, column and status.
    """
    rows = [
        dict(zip(COLUMNS_SCHEMA.names, (source, *column), strict=True))
        for source, found in seen.items()
        for column in found
    ]
    con, old = following.con, following.relation("columns")
    con.register("seen_now", pa.Table.from_pylist(rows, schema=COLUMNS_SCHEMA))
    now = "(from seen_now)"
    if old is not None:
        others = f"from {old} where source not in ({literals(seen)})"
        now = f"(from seen_now union all {others})"
        gained = con.sql(f"from {now} except from {old}")
        lost = con.sql(f"from {old} except from {now}")
        if not len(gained) and not len(lost):
            return
    following.write("columns", now)


@dataclass(frozen=True, kw_only=True)
class Past:
    """What earlier syncs know of a source."""

    source: str
    generation: Generation | None
    marks: Mapping[str, Mark]

    @cached_property
    def statuses(self) -> Statuses:
        """What the last generation could see."""
        return seen_statuses(self.generation, self.source)

    @property
    def types(self) -> Types:
        """What the fields held when they were last read."""
        sources = self.generation.sources if self.generation else {}
        return dict(sources.get(self.source, {}).get("types") or {})

    @property
    def unstamped(self) -> Mapping[str, Unstamped]:
        """The fields whose values change without a stamp, by object."""
        sources = self.generation.sources if self.generation else {}
        known = dict(sources.get(self.source, {}).get("unstamped") or {})
        return {name: Unstamped.of(name, about) for name, about in known.items()}

    def read_at(self, object_name: str) -> dt.datetime | None:
        """Return when all records of an object were last read, where that matters."""
        found = self.unstamped.get(object_name)
        return found.read_at if found else None

    def ids(self, table: str, object_name: str) -> pa.Array:
        """Read the ids of the living records that the mirror has of an object."""
        file = self.generation.files.get(table) if self.generation else None
        if file is None:
            return pa.array([], pa.string())
        wanted = [
            ("source", "=", self.source),
            ("object", "=", object_name),
            ("is_deleted", "=", False),
        ]
        found = pq.read_table(file, columns=["id"], filters=wanted)
        return found["id"].combine_chunks()


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What earlier syncs have read with a mapping; ``types`` as ``Past`` has them."""

    mapping: CrmMapping
    settings: TranslationSettings
    past: Past
    types: Types

    def has_read(self, name: str) -> bool:
        """Return whether an object was read with this very mapping."""
        mark = self.past.marks.get(name)
        ours = reading_hash(self.mapping, self.settings)
        return mark is not None and mark.mapping_hash == ours and not is_file(name)

    def retyped(self, name: str, fields: Mapping[str, Field]) -> frozenset[str]:
        """Return the fields whose values are no longer what they were."""
        known = self.types.get(name, {}) if self.has_read(name) else {}
        return frozenset(
            field
            for field, kind in known.items()
            if field in fields and kind_of(fields[field]) != kind
        )

    def lost(self, name: str, visible: Collection[str]) -> frozenset[str]:
        """Return the fields of an object that were read and are not shown any more."""
        if not self.has_read(name):
            return frozenset()
        unchanged = self.past.marks[name].visible_hash == visible_hash(
            self.mapping, name, visible
        )
        once = {"unreadable"} if unchanged else {"mapped", "unreadable"}
        return frozenset(
            needed
            for table, part in self.mapping.fed_by(name)
            for column, form in part.fields.items()
            if self.past.statuses.get((table, column)) in once
            for needed in form.names
            if needed not in visible and needed.partition(".")[0] not in visible
        )


@dataclass(frozen=True, kw_only=True)
class Describer:
    """Describes a connector's objects in the words of the mappings.

    ``refused`` are objects known to be hidden, whatever the connector says.
    """

    connector: Connector
    refused: Collection[str] = ()
    memory: Memory | None = field(default=None)

    def __call__(self, pattern: str) -> Seen | None:
        """Describe an object or all files of a pattern; None when there is none."""
        names = self.connector.objects(pattern)
        if set(names) & set(self.refused):
            return Seen(refused=True)
        try:
            found = [self.connector.describe(name) for name in names]
        except NotPermitted:
            return Seen(refused=True)
        except UnknownObject:
            found = []
        if not found:
            was_there = self.memory is not None and self.memory.has_read(pattern)
            return Seen(refused=True) if was_there else None
        fields = {n: field for schema in found for n, field in schema.fields.items()}
        hidden = frozenset().union(*(schema.hidden for schema in found))
        if self.memory is None:
            return Seen(fields=frozenset(fields), hidden=hidden)
        retyped = self.memory.retyped(pattern, fields)
        visible = frozenset(fields) - retyped
        hidden |= retyped | self.memory.lost(pattern, visible)
        return Seen(fields=visible, hidden=hidden, retyped=retyped)
