"""Turns pages of a CRM's records into rows of the common schema, a column at a time.

A row with a cell that does not convert is put aside as a ``Reject`` with its first such
field; the rest of the page goes on. A reason is one of ``no_id``, ``duplicate_id``,
``too_many_cells``, ``bad_date``, ``bad_number``, ``bad_yes_no``, ``bad_kind`` and
``bad_outcome``.
"""

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from functools import cached_property

import pyarrow as pa

from mappings.cells import Cell, Lookups, Row, Sight, take
from mappings.columns import Filler, TranslationSettings, Values
from mappings.forms import Derived
from mappings.links import PAIRS, activity_links, name_links, spread
from mappings.model import LINKS, Mapping, ObjectMapping, is_file
from mappings.schema import ColumnSpec, arrow_schema, columns, extra_column
from mappings.text import Placeholders, as_text
from mappings.values import each
from mappings.words import country_code

__all__ = ["Reject", "Translated", "TranslationSettings", "Translator"]

VALUE_LENGTH = 80
"""Characters of a cell that a reject quotes."""


@dataclass(frozen=True, kw_only=True)
class Reject:
    """What does not fit of one row: where it stands, the column and its value.

    ``field`` is what the CRM calls the column, ``row`` the line or position in the
    source. ``whole``: the record itself was put aside; otherwise it stays, and only
    the cell of this column is empty.
    """

    table: str
    row: int
    id: str | None
    column: str | None = None
    field: str | None
    value: str | None
    reason: str
    whole: bool = True


@dataclass(frozen=True, kw_only=True)
class Translated:
    """What became of a page.

    ``read`` counts the rows for each table, ``rejects`` are among them. ``origins``
    names for each link table the records whose links were read, also those that have
    none now.
    """

    tables: Map[str, pa.Table]
    rejects: Sequence[Reject]
    read: Map[str, int]
    origins: Map[str, Sequence[str]]


@dataclass(kw_only=True)
class _Batch:
    """One table's share of a page on its way from cells to rows."""

    table: str
    part: ObjectMapping
    cells: dict[str, list[Cell]]
    position: Sequence[int]
    """The row of the page that each row here came from."""
    filled: dict[str, Values] = field(default_factory=dict)
    wrong: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Column and reason of the rows to put aside."""
    none: frozenset[int] = frozenset()
    """Rows that turned out to be none at all."""

    def texts(self, name: str, *, first: bool = False) -> list[str | None]:
        """Write a column's cells as text; ``first``: only a list's first element."""
        cells = self.cells.get(name, [None] * len(self.position))
        return [
            as_text(cell[:1] if first else cell) if isinstance(cell, list) else cell
            for cell in cells
        ]

    def values(self, name: str) -> list[str | None]:
        """Look up a filled column of ids."""
        column = self.filled.get(name, [None] * len(self.position))
        return list(column)

    def kept(self) -> list[int]:
        """Name the rows that stand."""
        return [
            at
            for at in range(len(self.position))
            if at not in self.wrong and at not in self.none
        ]


@dataclass
class Translator:
    """Translates the pages of one object.

    Args:
        mapping: what feeds what.
        source: the connector's name.
        object: the object's name in the CRM.
        settings: how cells are read.
        lookups: the indexes that ``mapping.lookups()`` names (see ``index_rows``).
        visible_fields: the fields that the CRM shows us; None is all.
        seen: ids so far by table, to find duplicates within files; files that feed the
            same table may share it.
    """

    mapping: Mapping
    source: str
    object: str
    settings: TranslationSettings
    lookups: Lookups = field(default_factory=dict)
    visible_fields: Collection[str] | None = None
    seen: dict[str, set[str]] = field(default_factory=dict)

    def page(
        self, rows: Sequence[Row], numbers: Sequence[int] | None = None
    ) -> Translated:
        """Translate one page.

        Args:
            rows: records as the connector gave them. A row with cells beyond its last
                column has them under None.
            numbers: where each row stands in its source; counted from 1 without it.
        """
        tables: dict[str, list[pa.Table]] = {}
        rejects: list[Reject] = []
        read: dict[str, int] = {}
        origins: dict[str, Sequence[str]] = {}
        for table, part in self.mapping.fed_by(self.object):
            batch = self._batch(table, part, rows)
            self._fill(batch)
            self._name(batch)
            done = self._table(batch)
            tables.setdefault(table, []).append(done)
            read[table] = len(batch.position) - len(batch.none)
            rejects += self._rejects(batch, numbers or range(1, len(rows) + 1))
            if "origin" in batch.filled:
                named = dict.fromkeys(filter(None, batch.values("origin")))
                origins[table] = tuple(named)
            if table == "activities" and not LINKS.keys().isdisjoint(batch.cells):
                links = self._activity_links(batch, done)
                tables.setdefault("activity_links", []).append(links)
                read["activity_links"] = len(links)
                origins["activity_links"] = tuple(done["id"].to_pylist())
        return Translated(
            tables={name: pa.concat_tables(parts) for name, parts in tables.items()},
            rejects=rejects,
            read=read,
            origins=origins,
        )

    @cached_property
    def _empty(self) -> Placeholders:
        return Placeholders(self.settings.empty_words)

    def _batch(self, table: str, part: ObjectMapping, rows: Sequence[Row]) -> _Batch:
        """Take the cells of all columns that the CRM shows."""
        sight = Sight(
            visible=self.visible_fields,
            nested=not is_file(part.object),
            empty=self._empty,
        )
        specs = columns(table)
        cells = {
            name: take(
                form,
                rows,
                sight,
                self.lookups,
                keep=name in specs and specs[name].column.refers is not None,
            )
            for name, form in part.fields.items()
            if sight.sees_form(form) and not isinstance(form, Derived)
        }
        position: Sequence[int] = range(len(rows))
        if table in PAIRS and cells:
            cells, position = spread(cells)
        surplus = {at for at, row in enumerate(rows) if None in row}
        wrong = {
            at: ("", "too_many_cells")
            for at, row in enumerate(position)
            if row in surplus
        }
        return _Batch(
            table=table, part=part, cells=cells, position=position, wrong=wrong
        )

    def _specs(self, table: str) -> Iterator[ColumnSpec]:
        yield from columns(table).values()
        if table == "accounts":
            yield from map(extra_column, self.mapping.extra)

    def _fill(self, batch: _Batch) -> None:
        """Fill the columns; remember for each row the first that does not convert."""
        filler = Filler(
            settings=self.settings,
            empty=self._empty,
            countries=self._countries(batch),
        )
        for spec in self._specs(batch.table):
            if spec.name not in batch.cells:
                continue
            texts = batch.texts(spec.name, first=bool(spec.column.refers))
            filled = filler.fill(spec, batch.part.fields[spec.name], texts)
            batch.filled.update(filled.columns)
            for at in filled.bad:
                batch.wrong.setdefault(at, (spec.name, filled.reason))
        self._fill_in(batch)

    def _fill_in(self, batch: _Batch) -> None:
        """Add what the CRM leaves out: the source, whether deleted, the currency."""
        count = len(batch.position)
        batch.filled["source"] = [self.source] * count
        batch.filled["object"] = [self.object] * count
        deleted = batch.filled.get("is_deleted", [None] * count)
        batch.filled["is_deleted"] = [bool(value) for value in deleted]
        # A line of an opportunity has the opportunity's currency.
        if "currency" in columns(batch.table) and batch.table != "line_items":
            ours = self.settings.currency
            batch.filled["currency"] = [
                (code or ours).upper() for code in batch.values("currency")
            ]

    def _countries(self, batch: _Batch) -> list[str] | None:
        """Tell the country in which each row's phone numbers are meant, if it says."""
        if "country" not in batch.cells:
            return None
        found = each(batch.texts("country"), country_code)
        return [code or self.settings.country for code in found]

    def _name(self, batch: _Batch) -> None:
        """Give every row its id, and put those aside that have none or a taken one."""
        prefix = f"{self.object}:" if self.mapping.prefixed(batch.table) else ""
        own = [id_ and prefix + id_ for id_ in batch.values("id")]
        pair = PAIRS.get(batch.table)
        if pair:
            keys = list(zip(*map(batch.values, pair), strict=True))
            files = is_file(batch.part.object)
            named = name_links(keys, own, batch.position, rows_are_links=files)
            batch.filled["origin"] = named.origins
            batch.none = named.none
            own = named.ids
        batch.filled["id"] = own
        missing = pair[0] if pair else "id"
        seen = self.seen.setdefault(batch.table, set())
        for at, id_ in enumerate(own):
            if at in batch.wrong or at in batch.none:
                continue
            if id_ is None:
                batch.wrong[at] = (missing, "no_id")
            elif is_file(batch.part.object):
                if id_ in seen:
                    batch.wrong[at] = ("id", "duplicate_id")
                seen.add(id_)

    def _table(self, batch: _Batch) -> pa.Table:
        """Make the rows that stand into a table of the schema."""
        extra = self.mapping.extra if batch.table == "accounts" else ()
        schema = arrow_schema(batch.table, extra)
        count = len(batch.position)
        table = pa.table(
            [
                _array(batch.filled.get(field.name), field.type, count)
                for field in schema
            ],
            schema=schema,
        )
        if not batch.wrong and not batch.none:
            return table
        return table.take(pa.array(batch.kept(), pa.int64()))

    def _activity_links(self, batch: _Batch, activities: pa.Table) -> pa.Table:
        kept = batch.kept()
        cells = {
            target: [batch.cells[name][at] for at in kept]
            for name, target in LINKS.items()
            if name in batch.cells
        }
        return activity_links(activities, cells, self._empty)

    def _rejects(self, batch: _Batch, numbers: Sequence[int]) -> Iterator[Reject]:
        links = batch.table in PAIRS
        ids = batch.values("id") if links else batch.texts("id")
        for at, (name, reason) in sorted(batch.wrong.items()):
            form = batch.part.fields.get(name)
            value = batch.texts(name)[at] if form else ids[at] if name else None
            yield Reject(
                table=batch.table,
                row=numbers[batch.position[at]],
                id=ids[at],
                column=name or None,
                field=" + ".join(form.names if form else ()) or name or None,
                value=value[:VALUE_LENGTH] if value else None,
                reason=reason,
            )


def _array(values: Values | None, kind: pa.DataType, count: int) -> pa.Array:
    if values is None:
        return pa.nulls(count, kind)
    return values if isinstance(values, pa.Array) else pa.array(values, kind)
