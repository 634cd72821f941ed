"""What was read of one source, table by table: the input of the merge."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from connectors.errors import ConnectorError
from handover.mirror.merging import Counts, Delta
from handover.mirror.pulling import Pulled
from mappings.check import Problem
from mappings.model import Mapping as CrmMapping
from mappings.translate import Reject

HIDDEN = "hidden_object"
"""The problem of an object that is hidden from us as a whole: its rows are kept."""


@dataclass(kw_only=True)
class SourceOutcome:
    """What became of one source."""

    source: str
    error: ConnectorError | None = None
    pulled: Sequence[Pulled] = ()
    rejects: Sequence[Reject] = ()
    problems: Sequence[Problem] = ()
    columns: Sequence[tuple[str, str, str]] = ()
    announcements: Sequence[Mapping[str, object]] = ()
    org_id: str = ""
    org_name: str = ""
    calls: int = 0
    counts: dict[str, Counts] = field(default_factory=dict)


def delta_of(
    con: duckdb.DuckDBPyConnection,
    table: str,
    outcome: SourceOutcome,
    mapping: CrmMapping,
    old: str | None,
) -> Delta:
    """Gather what was read for one table of one source."""
    feeders = [p for p in outcome.pulled if feeds(mapping, p.job.object, table)]
    hidden = any(p.code == HIDDEN and p.table == table for p in outcome.problems)
    rejects = [
        (one.job.object, reject)
        for one in feeders
        for reject in one.staging.rejects()
        if reject.table == table
    ]
    return Delta(
        table=table,
        source=outcome.source,
        rows=[rows for one in feeders for rows in one.staging.rows(table)],
        read=sum(one.staging.read().get(table, 0) for one in feeders),
        rejected=len(rejects),
        rejected_ids=[
            canonical_id(mapping, table, name, reject.id)
            for name, reject in rejects
            if reject.id and reject.reason != "duplicate_id"
        ],
        whole=not hidden and all(one.is_full for one in feeders),
        full_objects=[one.job.object for one in feeders if one.is_full],
        origins={
            origin for one in feeders for origin in one.staging.origins().get(table, ())
        },
        gone=[
            key
            for one in feeders
            if one.swept is not None and old is not None
            for key in _not_swept(con, table, outcome.source, one, mapping, old)
        ],
        ignored=frozenset({"owner_id"})
        if table == "accounts" and mapping.derived_owner
        else frozenset(),
    )


def feeds(mapping: CrmMapping, object_name: str, table: str) -> bool:
    """Tell whether an object feeds a table; activities bring their links along."""
    fed = {name for name, _ in mapping.feeds(object_name)}
    return table in fed or (table == "activity_links" and "activities" in fed)


def canonical_id(mapping: CrmMapping, table: str, object_name: str, key: str) -> str:
    """Give a record's id as the mirror has it (design §17)."""
    return f"{object_name}:{key}" if mapping.prefixed(table) else key


def _not_swept(
    con: duckdb.DuckDBPyConnection,
    table: str,
    source: str,
    pulled: Pulled,
    mapping: CrmMapping,
    old: str,
) -> list[str]:
    """Name living records of an object that its sweep did not find."""
    there = {
        canonical_id(mapping, table, pulled.job.object, key)
        for key in pulled.swept or ()
    }
    rows = con.execute(
        f"select id from {old} where source = $1 and object = $2 and not is_deleted",
        [source, pulled.job.object],
    ).fetchall()
    return [key for (key,) in rows if key not in there]
