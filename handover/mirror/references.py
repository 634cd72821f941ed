"""Which records point to one that is not there, counted with each generation.

In files, an id of Salesforce may stand with 15 characters in one table and with 18 in
another: the last three only repeat the case of the others. Such references do lead
somewhere; ``views`` follow them by the first 15.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from connectors.base import LONG_ID, SHORT_ID
from handover.mirror.generations import NextGeneration
from handover.mirror.source_pull import Reading
from handover.mirror.sql import cast_list, literal, literals, quoted
from mappings.model import is_file
from mappings.schema import REFERENCES_SCHEMA, TABLES, TARGETS, columns

EXAMPLES = 5
"""Values that are named of each column, the most frequent first."""

TEAMS = {"account_team": "accounts", "opportunity_team": "opportunities"}


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A column that holds ids of another table's records, where ``only`` is true."""

    table: str
    column: str
    refers: str
    only: str = "true"


def list_references() -> Iterator[Reference]:
    """Yield every reference of the common schema."""
    for table in TABLES:
        for name, spec in columns(table).items():
            if spec.column.refers is not None:
                yield Reference(table=table, column=name, refers=spec.column.refers)
    yield Reference(table="account_team", column="record_id", refers="accounts")
    yield Reference(
        table="opportunity_team", column="record_id", refers="opportunities"
    )
    for target, refers in TARGETS.items():
        yield Reference(
            table="activity_links",
            column="target_id",
            refers=refers,
            only=f"target = {literal(target)}",
        )


def write_references(following: NextGeneration, readings: Sequence[Reading]) -> None:
    """Count what points nowhere in the generation being made.

    Nothing is said of tables that are not mapped, nor of what activities hang on in a
    CRM behind a network: there one field holds ids of many kinds, of leads for example,
    and some activities are none for us, as the masters of series.
    """
    con, old = following.con, following.relation("references")
    con.execute(
        "create or replace temp table pointing as "
        f"select {cast_list(REFERENCES_SCHEMA, ())} where false"
    )
    if old is not None:
        others = literals(one.source for one in readings)
        con.execute(f"insert into pointing from {old} where source not in ({others})")
    for reading in readings:
        for reference in _asked(reading):
            _count(following, reading.source, reference)
    if _differs(following, old):
        following.write("references", "pointing")


def _asked(reading: Reading) -> Iterator[Reference]:
    mapped = {
        table
        for table, column, status in reading.columns
        if column == "*" and status == "mapped"
    }
    files = all(is_file(one.job.object) for one in reading.pulled)
    for one in list_references():
        known = files or one.table != "activity_links"
        if {one.table, one.refers} <= mapped and known:
            yield one


def _count(following: NextGeneration, source: str, one: Reference) -> None:
    """Add a row for a column, if any of its values is not an id of the other table."""
    rows, referred = map(following.relation, (one.table, one.refers))
    if rows is None or referred is None:
        return
    mine = f"source = {literal(source)} and not coalesce(is_deleted, false)"
    following.con.execute(
        f"""insert into pointing by name
        with there as (select id from {referred} where {mine}),
        lost as (
            select {quoted(one.column)} as value, count(*) as times
            from {rows}
            where {mine} and {quoted(one.column)} is not null and {one.only}
                and {quoted(one.column)} not in (select id from there)
            group by value
        ),
        judged as (
            select value, times, ({_other_length("value")}) in (
                select (left(id, {SHORT_ID}), len(id)) from there) as is_short
            from lost
        )
        select {literal(source)} as source, {literal(one.table)} as table_name,
            {literal(one.column)} as column_name, {literal(one.refers)} as refers,
            coalesce(sum(times) filter (where not is_short), 0) as unresolved,
            coalesce(sum(times) filter (where is_short), 0) as by_prefix,
            (list(value order by times desc, value) filter (where not is_short))
                [1:{EXAMPLES}] as examples
        from judged
        having count(*) > 0"""
    )


def _other_length(value: str) -> str:
    """Return in SQL the first characters of an id, and the length of its other form."""
    return f"left({value}, {SHORT_ID}), {SHORT_ID + LONG_ID} - len({value})"


def _differs(following: NextGeneration, old: str | None) -> bool:
    if old is None:
        return True
    gained = following.con.sql(f"from pointing except from {old}")
    lost = following.con.sql(f"from {old} except from pointing")
    return bool(len(gained) or len(lost))
