"""Takes the cells of one column out of rows, form by form (``forms.py``).

What comes out is text (or None), except that a list stays a list: what it means depends
on the table.
"""

from collections.abc import Callable, Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from mappings.forms import (
    Constant,
    Dated,
    Form,
    Found,
    Joined,
    Lookup,
    Plain,
    Product,
    Recoded,
)
from mappings.text import as_text
from mappings.values import dated, each, exact

Row = Mapping[str, object]
Cell = str | list[object] | None
Lookups = Mapping[Lookup, Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What can be taken from an object's rows.

    ``visible``: the fields that the CRM shows; None is all. ``nested``: a dot leads
    into a related record (in a file it is part of the column's name). ``empty``: words
    that stand for nothing where no text is expected.
    """

    visible: Collection[str] | None
    nested: bool
    empty: Container[str]

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


def take(
    form: Form, rows: Sequence[Row], sight: Sight, lookups: Lookups, *, keep: bool
) -> list[Cell]:
    """Take a column's cells out of rows; ``keep`` what a lookup does not know."""
    match form:
        case Constant():
            return [form.constant or None] * len(rows)
        case Joined():
            seen = [name for name in form.names if sight.sees(name)]
            return _joined(form.join, [_texts(rows, name, sight) for name in seen])
        case Product():
            return _products([_texts(rows, n, sight) for n in form.names], sight.empty)
        case Found():
            index = lookups.get(form.index, {})
            keys = _texts(rows, form.names[0], sight)
            return [
                index.get(key.strip(), key if keep else None) if key else None
                for key in keys
            ]
        case Plain():
            return _cells(rows, form.field, sight)
        case _:
            return [None] * len(rows)


def recode(form: Form, texts: Sequence[str | None]) -> Sequence[str | None]:
    """Say the texts of a column in the words that its form gives them."""
    if isinstance(form, Recoded):
        words = form.values
        return each(texts, lambda text: words.get(text.strip(), text) or None)
    if isinstance(form, Dated):
        notation = form.date_format
        return each(texts, lambda text: dated(text, notation))
    return texts


def index_rows(lookup: Lookup, rows: Sequence[Row], index: dict[str, str]) -> None:
    """Add rows of the looked-up object to its index; the first of a name counts."""
    for row in rows:
        key, value = as_text(_get(lookup.match)(row)), as_text(_get(lookup.take)(row))
        if key is not None and value is not None:
            index.setdefault(key.strip(), value)


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


def _products(columns: list[list[str | None]], empty: Container[str]) -> list[Cell]:
    """Multiply; a factor that is no number stands for the product, to be reported."""
    return [_product(cells, empty) for cells in zip(*columns, strict=True)]


def _product(cells: tuple[str | None, ...], empty: Container[str]) -> str | None:
    product = Decimal(1)
    for cell in cells:
        if cell is None or cell in empty:
            return None
        try:
            product *= exact(cell)
        except ValueError:
            return cell
    return format(product, "f")
