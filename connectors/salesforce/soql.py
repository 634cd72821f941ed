"""Queries in SOQL, always built and quoted, never pasted together from text.

The SDK's formatter does the quoting; names of objects and fields are checked, since
SOQL has no quotes for them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TypeVar

from simple_salesforce.format import format_soql

from connectors.errors import Refused

STAMP = "SystemModstamp"
IDS = 300
"""Ids in one IN list: an address ends at 16,384 bytes, and a quoted id takes 27."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*){0,5}")
Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Query:
    """One query: what, of which object, changed in which window."""

    object: str
    fields: tuple[str, ...]
    since: datetime | None = None
    until: datetime | None = None
    living: bool = False
    """Leave deleted records out, where the object knows them."""
    ordered: bool = False

    def text(self) -> str:
        """Write the query."""
        selected = ", ".join(map(name, self.fields))
        conditions = []
        if self.since is not None:
            conditions.append(f"{STAMP} >= {moment(self.since)}")
        if self.until is not None:
            conditions.append(f"{STAMP} < {moment(self.until)}")
        if self.living:
            conditions.append("IsDeleted = false")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        # Mass updates stamp thousands of rows alike: the id orders within a stamp.
        order = f" ORDER BY {STAMP}, Id" if self.ordered else ""
        return f"SELECT {selected} FROM {name(self.object)}{where}{order}"  # noqa: S608


def name(text: str) -> str:
    """Let through what can be a name of an object or field."""
    if not _NAME.fullmatch(text):
        raise Refused(source="salesforce", object=text, detail="not a name")
    return text


def moment(at: datetime) -> str:
    """Write a time as SOQL does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def condition(field: str, values: Sequence[str]) -> str:
    """Write ``field IN (...)``, quoted."""
    return name(field) + format_soql(" IN {}", list(values))


def chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut a sequence into pieces of at most ``size``."""
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece
