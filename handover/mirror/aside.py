"""Rows put aside stay known until their record is read again and fits.

A night that reads only what changed does not meet them again; without this list the
audit would fall silent about a record that the mirror lacks (design §7).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

import pyarrow as pa

from handover.mirror.deltas import SourceOutcome, canonical_id
from handover.mirror.generations import Generation
from handover.mirror.pulling import Pulled
from mappings.model import Mapping as CrmMapping
from mappings.schema import LINK_TABLES
from mappings.translate import Reject

FILE = "rejects"
"""Under what name the list stands among a generation's files."""
_TEXT = ("source", "object", "table", "id", "field", "value", "reason")
SCHEMA = pa.schema([*((name, pa.string()) for name in _TEXT), ("row", pa.int64())])


@dataclass(frozen=True, kw_only=True)
class Aside:
    """A row put aside: of which source and object."""

    source: str
    object: str
    reject: Reject


def known_asides(before: Generation | None) -> list[Aside]:
    """List what the last generation lacks."""
    from pyarrow import parquet  # noqa: PLC0415 - it takes long to import

    file = before.files.get(FILE) if before else None
    rows = parquet.read_table(file).to_pylist() if file else []
    return [
        Aside(source=row.pop("source"), object=row.pop("object"), reject=Reject(**row))
        for row in rows
    ]


def asides_now(
    known: Sequence[Aside], outcome: SourceOutcome, mapping: CrmMapping
) -> list[Aside]:
    """List what one source's part of the next generation lacks."""
    looked = Looked(outcome=outcome, mapping=mapping)
    mine = [one for one in known if one.source == outcome.source]
    return [one for one in mine if not looked.again(one)] + [
        Aside(source=outcome.source, object=pulled.job.object, reject=reject)
        for pulled in outcome.pulled
        for reject in pulled.staging.rejects()
    ]


def as_table(asides: Sequence[Aside]) -> pa.Table:
    """Make the table that the generation keeps."""
    rows = [
        {"source": one.source, "object": one.object, **asdict(one.reject)}
        for one in asides
    ]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """Tells which records a sync has looked at."""

    outcome: SourceOutcome
    mapping: CrmMapping
    _ids: dict[tuple[str, str], set[str]] = field(default_factory=dict)

    def again(self, aside: Aside) -> bool:
        """Tell whether the row was read again, or cannot come any more."""
        if not any(True for _ in self.mapping.feeds(aside.object)):
            return True
        for pulled in self.outcome.pulled:
            if pulled.job.object == aside.object:
                seen_all = pulled.is_full or pulled.swept is not None
                return seen_all or self._was_read(aside, pulled)
        return False  # the object is hidden from us now

    def _was_read(self, aside: Aside, pulled: Pulled) -> bool:
        table, key = aside.reject.table, aside.reject.id
        place = (table, aside.object)
        if place not in self._ids:
            staging = pulled.staging
            rejected = {r.id for r in staging.rejects() if r.id and r.table == table}
            named = {self._canonical(aside, each) for each in rejected}
            self._ids[place] = staging.ids(table) | named
        return key is not None and self._canonical(aside, key) in self._ids[place]

    def _canonical(self, aside: Aside, key: str) -> str:
        table = aside.reject.table
        if table in LINK_TABLES:
            return key
        return canonical_id(self.mapping, table, aside.object, key)
