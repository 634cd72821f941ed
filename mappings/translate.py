"""Turns pages of a CRM's records into rows of the common schema, a column at a time.

A cell that does not convert is empty, its record stays, and a ``Reject`` says so. A
reason is one of ``bad_date``, ``bad_number``, ``bad_yes_no``,
``too_many_cells``, ``ambiguous`` (a looked-up name that fits several records),
``spreadsheet_error`` and ``damaged_id`` (what a spreadsheet has spoilt); of records put
aside as a whole ``no_id``, ``duplicate_id`` and the last two. An ``unknown_word`` of a
column of words is *other*. ``lost_lead`` is said once of a column of phones.
"""

from collections.abc import Collection, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import pyarrow as pa

from mappings.aside import LOST_LEAD, FirstRows, Reject, quoted
from mappings.batch import Batch
from mappings.cells import Cell, Lookups, Row, Sight, look_up, take
from mappings.columns import Filler, TranslationSettings, Values
from mappings.forms import Derived, Found
from mappings.links import PAIRS, activity_links, name_links, spread
from mappings.model import LINKS, Mapping, ObjectMapping, is_file
from mappings.schema import (
    ColumnSpec,
    arrow_schema,
    columns,
    extra_column,
    holds_ids,
)
from mappings.spreadsheet import cleaned, is_damaged_id
from mappings.text import Placeholders, as_text
from mappings.values import each
from mappings.words import country_code

__all__ = ["Reject", "Translated", "TranslationSettings", "Translator"]


@dataclass(frozen=True, kw_only=True)
class Translated:
    """What became of a page.

    ``read`` counts the records of each table; a row that says again what an earlier one
    of the same id said is none. ``rejects``: the records among them that were put aside
    as a whole, and the cells of the others that did not convert. ``origins`` names for
    each link table the records whose links were read, also those that have none now.
    """

    tables: Map[str, pa.Table]
    rejects: Sequence[Reject]
    read: Map[str, int]
    origins: Map[str, Sequence[str]]


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
        countries: of accounts in other countries than the configured one, by id; files
            may share it, so that contacts know where their account is.
    """

    mapping: Mapping
    source: str
    object: str
    settings: TranslationSettings
    lookups: Lookups = field(default_factory=dict)
    visible_fields: Collection[str] | None = None
    seen: dict[str, set[str]] = field(default_factory=dict)
    countries: dict[str, str] = field(default_factory=dict)
    _firsts: dict[str, FirstRows] = field(default_factory=dict, init=False)
    _told: set[tuple[str, str]] = field(default_factory=set, init=False)

    def page(
        self, rows: Sequence[Row], numbers: Sequence[int] | None = None
    ) -> Translated:
        """Translate one page.

        Args:
            rows: records as the connector gave them. A row with filled cells beyond
                its last column has them under None.
            numbers: where each row stands in its source; counted from 1 without it.
        """
        tables: dict[str, list[pa.Table]] = {}
        rejects: list[Reject] = []
        read: dict[str, int] = {}
        origins: dict[str, Sequence[str]] = {}
        numbers = numbers or range(1, len(rows) + 1)
        errors: dict[int, dict[str, str]] = {}
        if is_file(self.object):
            rows, errors = cleaned(rows)
        for table, part in self.mapping.fed_by(self.object):
            batch = self._batch(table, part, rows)
            if is_file(self.object):
                self._put_damaged_aside(batch, errors)
            self._fill(batch)
            self._name(batch)
            done = self._table(batch)
            tables.setdefault(table, []).append(done)
            read[table] = len(batch.position) - len(batch.none)
            rejects += batch.rejects(numbers)
            if len(read) == 1:
                rejects += self._surplus(batch, rows, numbers)
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

    def _batch(self, table: str, part: ObjectMapping, rows: Sequence[Row]) -> Batch:
        """Take the cells of all columns that the CRM shows."""
        sight = Sight(
            visible=self.visible_fields,
            nested=not is_file(part.object),
            empty=self._empty,
            mark=part.decimal,
        )
        specs = columns(table)
        cells: dict[str, list[Cell]] = {}
        several: dict[str, dict[int, str]] = {}
        for name, form in part.fields.items():
            if not sight.sees_form(form) or isinstance(form, Derived):
                continue
            if isinstance(form, Found):
                keep = name in specs and specs[name].column.refers is not None
                cells[name], several[name] = look_up(
                    form, rows, sight, self.lookups, keep=keep
                )
            else:
                cells[name] = take(form, rows, sight)
        position: Sequence[int] = range(len(rows))
        if table in PAIRS and cells:
            cells, position = spread(cells)
        batch = Batch(table=table, part=part, cells=cells, position=position)
        for name, rows_of in several.items():
            for at, said in rows_of.items():
                batch.put_aside(position.index(at), name, "ambiguous", said)
        return batch

    def _put_damaged_aside(self, batch: Batch, errors: Map[int, Map[str, str]]) -> None:
        """Put aside what a spreadsheet has spoilt: errors of formulas, rounded ids."""
        for name in batch.cells:
            form = batch.part.fields[name]
            for at, failed in errors.items():
                for field_name in failed.keys() & set(form.names):
                    batch.put_aside(at, name, "spreadsheet_error", failed[field_name])
            if holds_ids(batch.table, name):
                texts = batch.texts(name)
                damaged = {t for t in set(texts) if t and is_damaged_id(t.strip())}
                for at, text in enumerate(texts) if damaged else ():
                    if text in damaged:
                        batch.put_aside(at, name, "damaged_id", text)

    def _specs(self, table: str) -> Iterator[ColumnSpec]:
        yield from columns(table).values()
        if table == "accounts":
            yield from map(extra_column, self.mapping.extra)

    def _fill(self, batch: Batch) -> None:
        """Fill the columns; remember the cells that do not convert."""
        filler = Filler(
            settings=self.settings,
            empty=self._empty,
            countries=self._countries(batch),
            mark=batch.part.decimal,
        )
        for spec in self._specs(batch.table):
            if spec.name not in batch.cells:
                continue
            texts = batch.texts(spec.name, first=bool(spec.column.refers))
            filled = filler.fill(spec, batch.part.fields[spec.name], texts)
            batch.filled.update(filled.columns)
            batch.bad += ((at, spec.name, filled.reason) for at in filled.bad)
            if filled.lost_lead and is_file(self.object):
                self._tell_of_lost_leads(batch, spec.name, filled.lost_lead)
        self._fill_in(batch)

    def _tell_of_lost_leads(self, batch: Batch, name: str, rows: Sequence[int]) -> None:
        """Say once of a column of phones that a spreadsheet took their leading 0 or +.

        One number may be a slip; two, or most of them, are not.
        """
        place = (batch.table, name)
        texts = batch.texts(name)
        many = len(rows) > 1 or 2 * len(rows) > sum(map(bool, texts))
        if many and place not in self._told:
            self._told.add(place)
            batch.of_column.append((rows[0], name, LOST_LEAD))

    def _fill_in(self, batch: Batch) -> None:
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

    def _countries(self, batch: Batch) -> list[str] | None:
        """Return the country in which each row's phone numbers are meant, if known.

        The record's own, else that of its account, else the configured one.
        """
        ours = self.settings.country
        codes = each(batch.texts("country"), country_code)
        if batch.table == "accounts":
            ids = batch.texts("id")
            self.countries.update(
                (id_.strip(), code)
                for id_, code in zip(ids, codes, strict=True)
                if id_ and code and code != ours
            )
        elif self.countries:
            accounts = batch.texts("account_id", first=True)
            codes = [
                code or self.countries.get((account or "").strip())
                for code, account in zip(codes, accounts, strict=True)
            ]
        return [code or ours for code in codes] if any(codes) else None

    def _name(self, batch: Batch) -> None:
        """Give every row its id, and put those aside that have none or a taken one."""
        prefix = f"{self.object}:" if self.mapping.prefixed(batch.table) else ""
        own = [id_ and prefix + id_ for id_ in batch.values("id")]
        pair = PAIRS.get(batch.table)
        if batch.part.of and self.mapping.prefixed("activities"):
            of = f"{batch.part.of}:"
            ends = [id_ and of + id_ for id_ in batch.values("activity_id")]
            batch.filled["activity_id"] = ends
        if pair:
            keys = list(zip(*map(batch.values, pair), strict=True))
            files = is_file(batch.part.object)
            named = name_links(keys, own, batch.position, rows_are_links=files)
            batch.filled["origin"] = named.origins
            batch.none |= named.none
            own = named.ids
        batch.filled["id"] = own
        missing = pair[0] if pair else "id"
        why = {at: reason for at, name, reason in batch.bad if name == missing}
        for at, id_ in enumerate(own):
            if id_ is None and at not in batch.none:
                batch.whole[at] = (missing, why.get(at, "no_id"))
        if is_file(batch.part.object):
            self._name_once(batch, own)

    def _name_once(self, batch: Batch, ids: Sequence[str | None]) -> None:
        """Put later rows of an id aside, but for those that say the same again."""
        seen = self.seen.setdefault(batch.table, set())
        firsts = self._firsts.setdefault(batch.table, FirstRows())
        firsts.turn_to({name: batch.texts(name) for name in batch.cells})
        for at, id_ in enumerate(ids):
            if id_ is None or at in batch.none:
                continue
            if id_ not in seen:
                seen.add(id_)
                firsts.add(id_, at)
            elif firsts.says_the_same(id_, at):
                batch.none.add(at)
            else:
                batch.whole[at] = ("id", "duplicate_id")
                differences = firsts.differences(id_, at)
                if differences:
                    batch.said[at, "id"] = f"{id_} ({differences})"

    def _table(self, batch: Batch) -> pa.Table:
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
        if not batch.whole and not batch.none:
            return table
        return table.take(pa.array(batch.kept(), pa.int64()))

    def _activity_links(self, batch: Batch, activities: pa.Table) -> pa.Table:
        kept = batch.kept()
        cells = {
            target: [batch.cells[name][at] for at in kept]
            for name, target in LINKS.items()
            if name in batch.cells
        }
        return activity_links(activities, cells, self._empty)

    def _surplus(
        self, batch: Batch, rows: Sequence[Row], numbers: Sequence[int]
    ) -> Iterator[Reject]:
        """Yield the cells beyond the last column; their rows stand all the same."""
        ids = dict(zip(batch.position, batch.values("id"), strict=True))
        for at, row in enumerate(rows):
            surplus = cast("Map[object, object]", row).get(None)
            if surplus:
                yield Reject(
                    table=batch.table,
                    row=numbers[at],
                    id=ids.get(at),
                    field=None,
                    value=quoted(as_text(surplus)),
                    reason="too_many_cells",
                    whole=False,
                )


def _array(values: Values | None, kind: pa.DataType, count: int) -> pa.Array:
    if values is None:
        return pa.nulls(count, kind)
    return values if isinstance(values, pa.Array) else pa.array(values, kind)
