"""What was read of one source, table by table: the input of the merge.

``delta_of`` gathers a ``Delta`` from the staged pages of all objects that feed a table.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from handover.mirror.object_pull import Pulled
from handover.mirror.source_pull import Reading
from handover.mirror.staging import PLACE, StagedRows
from mappings.check import HIDDEN
from mappings.schema import EXTRA, LINK_TABLES, arrow_schema, columns, extra_column

_FOLLOWING = {
    "customer_class": ("customer_class_state",),
    "happened_at": ("happened_on", "has_time"),
}
"""Columns that the translation derives from others."""


@dataclass(frozen=True, kw_only=True)
class Delta:
    """What was read of one table of one source.

    ``whole``: every object that feeds it was read in full; ``full_objects`` names those
    that were. ``swept`` names by object all ids that a sweep found. ``origins`` are,
    for link tables, the records whose links were read.
    """

    table: str
    source: str
    rows: StagedRows
    read: int = 0
    rejected: int = 0
    rejected_ids: Iterable[str] = ()
    """Records that are put aside now: what we knew of them is kept."""
    cells_rejected: int = 0
    cells_lost: Mapping[str, int] = field(default_factory=dict)
    """By column, records that lack a value now which they did not lack before."""
    whole: bool = False
    full_objects: Sequence[str] = ()
    swept: Mapping[str, pa.Array] = field(default_factory=dict)
    origins: Iterable[str] = ()
    ignored: frozenset[str] = field(default_factory=frozenset)
    """Columns that a rule fills later, so that they do not count as changed."""
    hidden: frozenset[str] = field(default_factory=frozenset)
    """Columns that we may not see any more: what we knew is kept."""


def delta_of(table: str, reading: Reading, lost: Mapping[str, int]) -> Delta:
    """Gather what was read for one table of one source.

    Args:
        table: the canonical table.
        reading: of the source.
        lost: by column, records that lack a cell now which they did not lack before.
    """
    pulled = reading.feeders(table)
    # What is hidden from us, an object or what activities hang on, is kept.
    hidden = (table, "*", "unreadable") in reading.columns
    links_hidden = hidden and table == "activity_links"
    unseen = any(p.table == table and p.code == HIDDEN for p in reading.problems)
    whole = not hidden and not unseen and all(one.is_full for one in pulled)
    rejects = [
        (one.job.object, reject)
        for one in pulled
        for reject in one.staging.rejects()
        if reject.table == table
    ]
    put_aside = [(name, reject) for name, reject in rejects if reject.whole]
    by_rule = table == "accounts" and reading.mapping.derived_owner is not None
    return Delta(
        table=table,
        source=reading.source,
        rows=_staged_rows(table, pulled),
        read=sum(one.staging.read(table) for one in pulled),
        rejected=len(put_aside),
        cells_rejected=len(rejects) - len(put_aside),
        cells_lost=lost,
        rejected_ids=[
            reject.id
            if table in LINK_TABLES
            else reading.canonical_id(table, name, reject.id)
            for name, reject in put_aside
            if reject.id and reject.reason != "duplicate_id"
        ],
        whole=whole,
        full_objects=[
            one.job.object for one in pulled if one.is_full and not links_hidden
        ],
        swept={
            one.job.object: reading.canonical_ids(table, one.job.object, one.swept)
            for one in pulled
            if one.swept is not None
        },
        origins=set() if links_hidden or whole else _origins(table, pulled),
        ignored=frozenset({"owner_id"} if by_rule else ()),
        hidden=frozenset(_hidden_columns(table, reading)),
    )


def _origins(table: str, pulled: Sequence[Pulled]) -> set[str]:
    """Return the records whose links were read; of a whole table nobody has to know."""
    return {name for one in pulled for name in one.staging.origins(table)}


def _staged_rows(table: str, pulled: Sequence[Pulled]) -> StagedRows:
    """Find the staged rows of a table; nothing is read yet."""
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
    return StagedRows(schema=schema, files=files)


def _stored_names(file: Path) -> list[str]:
    with pa.memory_map(str(file)) as opened:
        return list(pa.ipc.open_file(opened).schema.names)


def _hidden_columns(table: str, reading: Reading) -> Iterator[str]:
    """Yield the columns, with companions, that were mapped and may not be seen now."""
    for part, name, status in reading.columns:
        if part == table and status == "unreadable" and name != "*":
            known = columns(table)
            spec = known[name] if name in known else extra_column(name)
            yield name
            yield from (*spec.companions(), *_FOLLOWING.get(name, ()))
