"""What was put aside: values that did not fit, kept night by night until they do.

The translation puts aside a cell, and its record stays without it; or a whole record,
where it has no id or repeats another one. A generation keeps the list of both as a
table of its own. An entry goes when its record is read again, or cannot come any more.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from handover.mirror.generations import Generation, NextGeneration
from handover.mirror.object_pull import Pulled
from handover.mirror.source_pull import Reading
from mappings.aside import NOTHING_LOST
from mappings.schema import ASIDE_SCHEMA, LINK_TABLES
from mappings.translate import Reject


@dataclass(frozen=True, kw_only=True)
class Aside:
    """A cell or a record put aside: a row of ``ASIDE_SCHEMA``."""

    source: str
    object: str
    table_name: str
    id: str | None
    column_name: str | None
    field: str | None
    value: str | None
    reason: str
    whole: bool
    row: int


def read_asides(before: Generation | None) -> list[Aside]:
    """Read the list that a generation keeps."""
    file = before.files.get("aside") if before else None
    rows = pq.ParquetFile(file).read().to_pylist() if file else []
    return [Aside(**row) for row in rows]


def asides_now(known: Sequence[Aside], reading: Reading) -> list[Aside]:
    """Return the list of one source for the next generation.

    Args:
        known: what the last generation lacks of it.
        reading: what was read since.
    """
    pulled = {one.job.object: one for one in reading.pulled}
    read = _ReadAgain(reading)
    kept = [
        one
        for one in known
        if reading.mapping.feeds(one.object)
        # What is hidden from us now is kept as it was.
        and (one.object not in pulled or not read.settles(one, pulled[one.object]))
    ]
    found = [
        aside
        for one in reading.pulled
        for aside in _living(
            one,
            [made_aside(reading, one.job.object, r) for r in one.staging.rejects()],
        )
    ]
    return list(dict.fromkeys([*kept, *found]))


def _living(pulled: Pulled, asides: Sequence[Aside]) -> list[Aside]:
    """Leave out the cells of records that were deleted: nobody has to mend them."""
    cells = {one.table_name for one in asides if not one.whole}
    deleted = {table: pulled.staging.deleted(table) for table in cells}
    return [one for one in asides if one.whole or one.id not in deleted[one.table_name]]


def cells_lost(known: Sequence[Aside], now: Sequence[Aside]) -> dict[str, Counter[str]]:
    """Count by table and column the cells that are put aside now, not before."""
    before = {_cell(one) for one in known}
    found: dict[str, Counter[str]] = {}
    lacking = [one for one in now if not one.whole and one.reason not in NOTHING_LOST]
    for table, _, column in {_cell(one) for one in lacking} - before:
        if column is not None:
            found.setdefault(table, Counter())[column] += 1
    return found


def _cell(one: Aside) -> tuple[str, str | None, str | None]:
    return one.table_name, one.id, one.column_name


def made_aside(reading: Reading, object_name: str, reject: Reject) -> Aside:
    """Return what the translation put aside as an entry of the list."""
    key, table = reject.id, reject.table
    if key is not None and table not in LINK_TABLES:
        key = reading.canonical_id(table, object_name, key)
    return Aside(
        source=reading.source,
        object=object_name,
        table_name=table,
        id=key,
        column_name=reject.column,
        field=reject.field,
        value=reject.value,
        reason=reject.reason,
        whole=reject.whole,
        row=reject.row,
    )


def write_asides(
    following: NextGeneration,
    known: Sequence[Aside],
    now: Mapping[str, Sequence[Aside]],
) -> None:
    """Write what a generation lacks, if that is not what the last one lacked.

    Args:
        following: the generation being made.
        known: what the last one lacks.
        now: by source, what it lacks now; a source that was not read is not named.
    """
    lacking = [one for one in known if one.source not in now]
    lacking += [one for asides in now.values() for one in asides]
    if Counter(lacking) != Counter(known):
        rows = pa.Table.from_pylist(
            [asdict(one) for one in lacking], schema=ASIDE_SCHEMA
        )
        following.con.register("lacking", rows)
        following.write("aside", "lacking")


class _ReadAgain:
    """Knows which records a sync has seen."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._read: dict[tuple[str, str], set[str | None]] = {}
        self._swept: dict[tuple[str, str], set[str]] = {}

    def settles(self, one: Aside, pulled: Pulled) -> bool:
        """Return whether an entry is out of date: what was read says all of it."""
        if pulled.is_full:
            return True
        if one.id in self._ids_read(one.table_name, pulled):
            return True
        if pulled.swept is None:
            return False
        # Of a link or a record without an id nobody can say that it is still there.
        nameless = one.id is None or one.table_name in LINK_TABLES
        return nameless or one.id not in self._ids_swept(one.table_name, pulled)

    def _ids_read(self, table: str, pulled: Pulled) -> set[str | None]:
        """Return the ids of all records that came, put aside or not."""
        place = (table, pulled.job.object)
        if place not in self._read:
            named = {
                made_aside(self._reading, pulled.job.object, reject).id
                for reject in pulled.staging.rejects()
                if reject.table == table and reject.id
            }
            self._read[place] = {*pulled.staging.ids(table).to_pylist(), *named}
        return self._read[place]

    def _ids_swept(self, table: str, pulled: Pulled) -> set[str]:
        """Return the ids of all records that there are."""
        place = (table, pulled.job.object)
        if place not in self._swept:
            keys = self._reading.canonical_ids(table, pulled.job.object, pulled.swept)
            self._swept[place] = set(keys.to_pylist())
        return self._swept[place]
