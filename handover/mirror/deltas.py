"""What was read of one source, table by table: the input of the merge."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from connectors.errors import ConnectorError
from handover.mirror.generations import Generation
from handover.mirror.merging import PLACE, Counts, Delta
from handover.mirror.pulling import Pulled
from handover.mirror.remembering import Types
from mappings.check import Problem
from mappings.model import Mapping as CrmMapping
from mappings.schema import EXTRA, LINK_TABLES, arrow_schema, columns, extra_column

if TYPE_CHECKING:
    from handover.mirror.aside import Aside

_FOLLOWING = {
    "customer_class": ("customer_class_state",),
    "happened_at": ("happened_on", "has_time"),
}
"""Columns that the translation derives from others."""


@dataclass(kw_only=True)
class SourceOutcome:
    """What became of one source."""

    source: str
    error: ConnectorError | None = None
    pulled: Sequence[Pulled] = ()
    rejects: Sequence["Aside"] = ()
    """What this source lacks now."""
    problems: Sequence[Problem] = ()
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
