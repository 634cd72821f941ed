"""Tells what is hidden from us from what never was there.

Some CRMs leave hidden fields and objects out of their descriptions, as if there were
none. What the same mapping has read before and does not find now is hidden: unreadable,
and what we knew of it stays (reliability P9). Files are what they are.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pyarrow.parquet as pq

from connectors.base import Connector
from connectors.errors import NotPermitted, UnknownObject
from handover.mirror.generations import Generation
from handover.mirror.jobs import Mark, reading_hash, visible_hash
from mappings.check import Seen
from mappings.model import Mapping as CrmMapping
from mappings.model import is_file
from mappings.translate import TranslationSettings

Statuses = Mapping[tuple[str, str], str]
"""What a generation could see, by table and column."""


def seen_statuses(generation: Generation | None, source: str) -> Statuses:
    """Look up what a source showed when it was last read."""
    file = generation.files.get("columns") if generation else None
    if file is None:
        return {}
    rows = pq.read_table(file, filters=[("source", "=", source)]).to_pylist()
    return {(row["table_name"], row["column_name"]): row["status"] for row in rows}


@dataclass(frozen=True, kw_only=True)
class Memory:
    """What earlier syncs have read with a mapping."""

    mapping: CrmMapping
    settings: TranslationSettings
    marks: Mapping[str, Mark]
    statuses: Statuses

    def has_read(self, name: str) -> bool:
        """Tell whether an object was read with this very mapping."""
        mark = self.marks.get(name)
        ours = reading_hash(self.mapping, self.settings)
        return mark is not None and mark.mapping_hash == ours and not is_file(name)

    def lost(self, name: str, visible: Collection[str]) -> frozenset[str]:
        """Name the fields of an object that were read and are not shown any more."""
        if not self.has_read(name):
            return frozenset()
        unchanged = self.marks[name].visible_hash == visible_hash(
            self.mapping, name, visible
        )
        once = {"unreadable"} if unchanged else {"mapped", "unreadable"}
        return frozenset(
            needed
            for table, part in self.mapping.feeds(name)
            for column, form in part.fields.items()
            if self.statuses.get((table, column)) in once
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
        visible = frozenset().union(*(schema.fields for schema in found))
        hidden = frozenset().union(*(schema.hidden for schema in found))
        lost = self.memory.lost(pattern, visible) if self.memory else frozenset()
        return Seen(fields=visible, hidden=hidden | lost)
