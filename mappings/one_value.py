"""One value by itself: as a person types it, or as one cell of a CRM holds it.

What pages of records are translated by works on whole columns; here are its rules for a
single cell.
"""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

from mappings.dates import day, moment
from mappings.schema import ColumnSpec
from mappings.text import as_text
from mappings.values import number, word, yes_no


def read_value(text: str, spec: ColumnSpec, zone: ZoneInfo) -> object:
    """Read the value of a column out of its text.

    Raises:
        ValueError: the column cannot hold it.
    """
    if spec.type is dt.date:
        return day(text, zone)
    if spec.type is dt.datetime:
        return moment(text, zone).at
    if spec.type is Decimal:
        return number(text)
    if spec.column.words == "yes_no":
        return yes_no(text)
    if spec.column.words is not None:
        return word(text, words=spec.column.words)
    return text


def in_words(value: object) -> str | None:
    """Write a canonical value as text: numbers without superfluous zeros."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, dt.date | dt.datetime):
        return value.isoformat()
    return as_text(value)
