"""The way back: where a canonical value is written in a CRM, and how it is said there.

Not every mapping has one. Several fields in one text, a rule, a value looked up in
another object and words of which two mean the same lead nowhere.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from mappings.dates import EXCEL
from mappings.errors import NotInvertible
from mappings.forms import Dated, Form, Mark, Marked, Plain, Recoded
from mappings.model import Mapping, ObjectMapping, is_direct, is_file
from mappings.schema import ColumnSpec, columns, extra_column

Encode = Callable[[str], str]
"""Turns canonical text into the CRM's; raises ``NotInvertible``."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a canonical value is written, and how it is said there."""

    object: str
    field: str
    encode: Encode


def find_target(
    mapping: Mapping, table: str, column: str, object_name: str | None = None
) -> Target | None:
    """Tell where a column is written; None where the mapping cannot be inverted.

    Args:
        mapping: the way there.
        table: canonical table.
        column: canonical column.
        object_name: the record's object, where several feed the table.
    """
    part = next(iter(mapping.of(table)), None)
    if object_name is not None:
        part = mapping.part(table, object_name)
    return None if part is None else _target(part, column, object_name or part.object)


def find_cell(
    mapping: Mapping, table: str, column: str, object_name: str
) -> Target | None:
    """Tell where what a customer says of a record is written; None where nowhere.

    Beside what cannot be inverted these are references, as people name them and a CRM
    wants an id, times of day, and words that a list of words translates: what the CRM
    calls them is open.
    """
    part = mapping.part(table, object_name)
    target = None if part is None else _target(part, column, object_name)
    if part is None or target is None:
        return None
    spec = columns(table).get(column) or extra_column(column)
    form = part.fields.get(column)
    if not _can_be_said(spec, form, part):
        return None
    if spec.type is Decimal and _mark(form, part) == ",":
        return Target(object=target.object, field=target.field, encode=_with_comma)
    return target


def _can_be_said(spec: ColumnSpec, form: Form | None, part: ObjectMapping) -> bool:
    if spec.column.refers or spec.column.key or spec.type is dt.datetime:
        return False
    if spec.column.words is None or isinstance(form, Recoded):
        return True
    return spec.column.words == "yes_no" and not is_file(part.object)


def _mark(form: Form | None, part: ObjectMapping) -> Mark:
    return form.decimal if isinstance(form, Marked) else part.decimal


def _with_comma(number: str) -> str:
    return number.replace(".", ",")


def _target(part: ObjectMapping, column: str, object_name: str) -> Target | None:
    """Invert the mapping of one column; fields of related records are not ours.

    Nor are those of records that cannot be found again by their id.
    """
    form = part.fields.get(column)
    if not isinstance(form, Plain) or not is_direct(part.fields.get("id")):
        return None
    if "." in form.field and not is_file(part.object):
        return None
    encode = _encoder(form, column)
    return encode and Target(object=object_name, field=form.field, encode=encode)


def _encoder(form: Plain, column: str) -> Encode | None:
    """Choose how a canonical value is said in the CRM; None where that is open."""
    if isinstance(form, Dated):
        notation = form.date_format[0]
        if notation == EXCEL:
            return None
        return lambda text: text and dt.datetime.fromisoformat(text).strftime(notation)
    if not isinstance(form, Recoded):
        return str
    said = {word: value for value, word in form.values.items()}
    if len(said) < len(form.values):
        return None

    def encode(text: str) -> str:
        if text and text not in said:
            raise NotInvertible(key=column, value=text, known=", ".join(said))
        return said.get(text, text)

    return encode
