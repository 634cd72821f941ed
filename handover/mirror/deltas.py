"""What was read of one source, table by table: the input of the merge."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa

from handover.errors import KnownException
from handover.mirror.generations import Generation
from handover.mirror.merging import PLACE, Counts, Delta
from handover.mirror.pulling import Pulled
from handover.mirror.visibility import Types
from mappings.check import MappingProblem
from mappings.model import Mapping as CrmMapping
from mappings.schema import EXTRA, LINK_TABLES, arrow_schema, columns, extra_column
from mappings.translate import Reject

_FOLLOWING = {
    "customer_class": ("customer_class_state",),
    "happened_at": ("happened_on", "has_time"),
}
"""Columns that the translation derives from others."""


@dataclass(kw_only=True)
class SourceOutcome:
    """What became of one source."""

    source: str
    error: KnownException | None = None
    pulled: Sequence[Pulled] = ()
    rejects: Sequence["Aside"] = ()
    """What this source lacks now."""
    problems: Sequence[MappingProblem] = ()
    columns: Sequence[tuple[str, str, str]] = ()
    announcements: Sequence[Mapping[str, object]] = ()
    types: Types = field(default_factory=dict)
    org_id: str = ""
    org_name: str = ""
    calls: int = 0
    counts: dict[str, Counts] = field(default_factory=dict)


def feeders(table: str, outcome: SourceOutcome, mapping: CrmMapping) -> list[Pulled]:
    """Name what was pulled of the objects that feed a table."""
    return [p for p in outcome.pulled if feeds(mapping, p.job.object, table)]


def delta_of(table: str, outcome: SourceOutcome, mapping: CrmMapping) -> Delta:
    """Gather what was read for one table of one source."""
    pulled = feeders(table, outcome, mapping)
    # What is hidden from us, an object or what activities hang on, is kept.
    hidden = (table, "*", "unreadable") in outcome.columns
    links_hidden = hidden and table == "activity_links"
    whole = not hidden and all(one.is_full for one in pulled)
    rejects = [
        (one.job.object, reject)
        for one in pulled
        for reject in one.staging.rejects()
        if reject.table == table
    ]
    return Delta(
        table=table,
        source=outcome.source,
        rows=_staged_rows(table, pulled),
        read=sum(one.staging.read().get(table, 0) for one in pulled),
        rejected=len(rejects),
        rejected_ids=[
            reject.id
            if table in LINK_TABLES
            else canonical_id(mapping, table, name, reject.id)
            for name, reject in rejects
            if reject.id and reject.reason != "duplicate_id"
        ],
        whole=whole,
        full_objects=[
            one.job.object for one in pulled if one.is_full and not links_hidden
        ],
        swept={
            one.job.object: [
                canonical_id(mapping, table, one.job.object, key) for key in one.swept
            ]
            for one in pulled
            if one.swept is not None
        },
        origins=set() if links_hidden or whole else _origins(table, pulled),
        ignored=frozenset({"owner_id"})
        if table == "accounts" and mapping.derived_owner
        else frozenset(),
        hidden=frozenset(_hidden_columns(table, outcome)),
    )


def _origins(table: str, pulled: Sequence[Pulled]) -> set[str]:
    """Name the records whose links were read; of a whole table nobody has to know."""
    return {name for one in pulled for name in one.staging.origins().get(table, ())}


def _staged_rows(table: str, pulled: Sequence[Pulled]) -> "pa.dataset.Dataset":
    """Open the staged rows of a table, page by page; nothing is read yet."""
    from pyarrow import dataset  # noqa: PLC0415 - it takes long to import

    files = [file for one in pulled for file in one.staging.files(table)]
    extra = tuple(
        dict.fromkeys(
            name
            for file in files[:1]
            for name in _stored_names(file)
            if name.startswith(EXTRA) and not name.endswith("_norm")
        )
    )
    schema = arrow_schema(table, extra if table == "accounts" else ()).append(PLACE)
    if not files:
        return dataset.dataset(schema.empty_table())
    return dataset.dataset(files, schema=schema, format="ipc")


def _stored_names(file: Path) -> list[str]:
    with pa.memory_map(str(file)) as opened:
        return list(pa.ipc.open_file(opened).schema.names)


def _hidden_columns(table: str, outcome: SourceOutcome) -> Iterator[str]:
    """Name the columns, with companions, that were mapped and may not be seen now."""
    for part, name, status in outcome.columns:
        if part == table and status == "unreadable" and name != "*":
            known = columns(table)
            spec = known[name] if name in known else extra_column(name)
            yield name
            yield from (*spec.companions(), *_FOLLOWING.get(name, ()))


def feeds(mapping: CrmMapping, object_name: str, table: str) -> bool:
    """Tell whether an object feeds a table; activities bring their links along."""
    return bool(
        {table, _read_with(table)} & {name for name, _ in mapping.feeds(object_name)}
    )


def _read_with(table: str) -> str:
    """Name the table whose records bring a table's rows."""
    return "activities" if table == "activity_links" else table


def canonical_id(mapping: CrmMapping, table: str, object_name: str, key: str) -> str:
    """Give a record's id as the mirror has it (design §17)."""
    prefixed = mapping.prefixed(_read_with(table))
    return f"{object_name}:{key}" if prefixed else key


def known_ids(
    before: Generation | None, source: str, table: str, object_name: str
) -> list[str]:
    """Name the living records that the mirror has of a table and object."""
    from pyarrow import parquet  # noqa: PLC0415 - only a sweep needs it

    file = before.files.get(table) if before else None
    if file is None:
        return []
    wanted = [
        ("source", "=", source),
        ("object", "=", object_name),
        ("is_deleted", "=", False),
    ]
    found = parquet.read_table(file, columns=["id"], filters=wanted)
    return list(found["id"].to_pylist())


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
