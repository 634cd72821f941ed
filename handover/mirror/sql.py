"""Our own SQL, put together from names and texts: quoting, and the types of columns."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from connectors.base import LONG_ID, SHORT_ID

TYPES = {
    pa.string(): "varchar",
    pa.bool_(): "boolean",
    pa.int64(): "bigint",
    pa.date32(): "date",
    pa.timestamp("us", tz="UTC"): "timestamptz",
    pa.decimal128(18, 4): "decimal(18, 4)",
    pa.list_(pa.string()): "varchar[]",
}
"""The type in DuckDB of each Arrow type that a table of ours can have."""


def quoted(name: str) -> str:
    """Return an identifier in quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """Return a text in quotes."""
    return "'" + str(text).replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Return texts in quotes for ``in (…)``; of none, a list that nothing is in."""
    return ", ".join(map(literal, texts)) or "null"


def same_id(one: str, other: str) -> str:
    """Return in SQL whether two ids are one; Salesforce's count in either length."""
    lengths = f"len({one}) + len({other}) = {SHORT_ID + LONG_ID}"
    either = f"least(len({one}), len({other})) = {SHORT_ID}"
    starts = f"left({one}, {SHORT_ID}) = left({other}, {SHORT_ID})"
    return f"({one} = {other} or ({lengths} and {either} and {starts}))"


def cast_list(schema: pa.Schema, stored: Sequence[str]) -> str:
    """Return what selects every column of a schema with its type.

    Args:
        schema: the columns wanted.
        stored: those that there are; of all others the value is null.
    """
    return ", ".join(
        f"cast({quoted(f.name) if f.name in stored else 'null'} as {TYPES[f.type]}) "
        f"as {quoted(f.name)}"
        for f in schema
    )
