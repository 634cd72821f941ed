"""Takes the cells of one column out of rows, form by form (``forms.py``).

What comes out is text (or None), except that a list stays a list: what it means depends
on the table.
"""

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from mappings.dates import dated
from mappings.forms import (
    Constant,
    Dated,
    Form,
    Found,
    Joined,
    Lookup,
    Mark,
    Plain,
    Product,
    Recoded,
)
from mappings.text import as_text, one_form
from mappings.values import each, exact

Row = Mapping[str, object]
Cell = str | list[object] | None


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What can be taken from an object's rows.

    ``visible``: the fields that the CRM shows; None is all. ``nested``: a dot leads
    into a related record (in a file it is part of the column's name). ``empty``: words
    that stand for nothing where no text is expected. ``mark``: what stands before
    decimal places, where the form does not say.
    """

    visible: Collection[str] | None
    nested: bool
    empty: Container[str]
    mark: Mark = "."

    def sees(self, name: str) -> bool:
        """Tell whether rows have this field; a related record may stand for its own."""
        if self.visible is None or name in self.visible:
            return True
        return self.nested and name.partition(".")[0] in self.visible

    def sees_form(self, form: Form) -> bool:
        """Tell whether rows have what a form needs (of joined fields, one)."""
        if isinstance(form, Joined):
            return any(map(self.sees, form.names))
        return all(map(self.sees, form.names))


@dataclass
class Index:
    """The records of another object by one of their fields."""

    _exact: dict[str, dict[str, None]] = field(default_factory=dict)
    _plain: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, key: str, value: str) -> None:
        """Take in a record; one that says the same again counts once."""
        self._exact.setdefault(key, {})[value] = None
        self._plain.setdefault(_plain(key), {})[value] = None

    def find(self, key: str) -> Collection[str]:
        """Return the values of all records that fit; case, width and blanks count last.

        Several, where nothing tells which of them is meant.
        """
        key = key.strip()
        return self._exact.get(key) or self._plain.get(_plain(key)) or ()


def _plain(text: str) -> str:
    return "".join(one_form(text).split()).casefold()


Lookups = Mapping[Lookup, Index]


def take(form: Form, rows: Sequence[Row], sight: Sight) -> list[Cell]:
    """Take a column's cells out of rows; those of a lookup need ``look_up``."""
    match form:
        case Constant():
            return [form.constant or None] * len(rows)
        case Joined():
            seen = [name for name in form.names if sight.sees(name)]
            return _joined(form.join, [_texts(rows, name, sight) for name in seen])
        case Product():
            factors = [_texts(rows, name, sight) for name in form.names]
            return _products(factors, form.decimal or sight.mark, sight.empty)
        case Plain():
            return _cells(rows, form.field, sight)
        case _:
            return [None] * len(rows)


def look_up(
    form: Found, rows: Sequence[Row], sight: Sight, lookups: Lookups, *, keep: bool
) -> tuple[list[Cell], dict[int, str]]:
    """Take a column's values through another object.

    Args:
        form: the way.
        rows: of the object that asks.
        sight: what can be seen of them.
        lookups: the indexes.
        keep: leave what the index does not know as it is recorded.

    Returns:
        The cells, and by row what fits several records: such cells are empty.
    """
    index = lookups.get(form.index, Index())
    keys = _texts(rows, form.names[0], sight)
    found = {key: index.find(key) for key in set(keys) if key is not None}
    several = {key: values for key, values in found.items() if len(values) > 1}
    cells: list[Cell] = [
        key and (next(iter(found[key]), key if keep else None)) for key in keys
    ]
    ambiguous: dict[int, str] = {}
    for at, key in enumerate(keys) if several else ():
        if key in several:
            cells[at] = None
            ambiguous[at] = f"{key} ({', '.join(sorted(several[key]))})"
    return cells, ambiguous


def recode(form: Form, texts: Sequence[str | None]) -> Sequence[str | None]:
    """Say the texts of a column in the words that its form gives them."""
    if isinstance(form, Recoded):
        words = form.values
        return each(texts, lambda text: words.get(text.strip(), text) or None)
    if isinstance(form, Dated):
        notations = form.date_format
        return each(texts, lambda text: dated(text, notations))
    return texts


def index_rows(lookup: Lookup, rows: Sequence[Row], index: Index) -> None:
    """Add rows of the looked-up object to its index."""
    for row in rows:
        key, value = as_text(_get(lookup.match)(row)), as_text(_get(lookup.take)(row))
        if key is not None and value is not None:
            index.add(key.strip(), value)


def _get(path: str) -> Callable[[Row], object]:
    parts = path.split(".")

    def get(row: Row) -> object:
        if path in row:
            return row[path]
        value: object = row
        for part in parts:
            if not isinstance(value, Mapping):
                return None
            value = value.get(part)
        return value

    return get


def _cells(rows: Sequence[Row], name: str, sight: Sight) -> list[Cell]:
    if sight.nested and "." in name:
        get = _get(name)
        raw = [get(row) for row in rows]
    else:
        raw = [row.get(name) for row in rows]
    # Nearly all cells are texts that need no further look.
    return [
        value
        if type(value) is str and value and not value[0].isspace()
        else _cell(value)
        for value in raw
    ]


def _cell(value: object) -> Cell:
    return value if isinstance(value, list) else as_text(value)


def _texts(rows: Sequence[Row], name: str, sight: Sight) -> list[str | None]:
    cells = _cells(rows, name, sight)
    return [as_text(c) if isinstance(c, list) else c for c in cells]


def _joined(between: str, columns: list[list[str | None]]) -> list[Cell]:
    return [
        between.join(filter(None, cells)) or None
        for cells in zip(*columns, strict=True)
    ]


def _products(
    columns: list[list[str | None]], mark: Mark, empty: Container[str]
) -> list[Cell]:
    """Multiply; a factor that is no number stands for the product, to be reported."""
    return [_product(cells, mark, empty) for cells in zip(*columns, strict=True)]


def _product(
    cells: tuple[str | None, ...], mark: Mark, empty: Container[str]
) -> str | None:
    product = Decimal(1)
    for cell in cells:
        if cell is None or cell in empty:
            return None
        try:
            product *= exact(cell, mark)
        except ValueError:
            return cell
    return format(product, "f").replace(".", mark)
