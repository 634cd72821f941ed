"""Wide objects: more fields than one query can name, read in pieces joined by Id.

An address has room for 16,384 bytes. Bulk API takes a query of any length; an org that
has no Bulk API, or finds a query too complicated, is asked for fewer fields at a time.
"""

import logging
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from connectors.salesforce.client import quoted
from connectors.salesforce.org import Org
from connectors.salesforce.queries import IDS_A_QUERY, QueryPart, chunks, query
from connectors.salesforce.schema import DELETED, STAMP, ObjectShape

log = logging.getLogger(__name__)

WIDEST = 6000
"""Bytes of field names in one query: as many ids fit into its address as well."""
NARROWEST = 16
HEAD = ("Id", STAMP, DELETED)
"""Fields of the first piece, which tells what records there are."""


class Pieces:
    """How many of the fields of a query are asked for at a time: all, at first."""

    def __init__(self, org: Org, part: QueryPart) -> None:
        self._org = org
        self._part = part
        self._width = 0
        """Bytes of field names in one query; 0 for all of them."""

    @property
    def are_several(self) -> bool:
        """Return whether there is more than one query for a record."""
        return bool(self._width)

    def narrow(self, fields: Sequence[str], error: Exception) -> None:
        """Ask for fewer fields at a time.

        Raises:
            Exception: the given error, where they cannot be any fewer.
        """
        now = len(self._lists(fields, self._width)) if self._width else 1
        width = min(self._width // 2 or WIDEST, WIDEST)
        while len(self._lists(fields, width)) <= now:
            width //= 2
            if width < NARROWEST:
                raise error
        self._width = width
        log.info("reading %s fields by %s bytes at a time", len(fields), width)

    def first(self, fields: Sequence[str]) -> Sequence[str]:
        """Return the fields of the query that tells what records there are."""
        return self._lists(fields, self._width)[0] if self._width else fields

    def join(
        self, shape: ObjectShape, fields: Sequence[str], rows: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Complete records that came with the fields of the first query.

        A record that went meanwhile is left out: it is none any more.
        """
        if not self._width:
            return rows
        joined = {str(row["Id"]): row for row in rows}
        everything = shape.sees(DELETED)
        for piece in self._lists(fields, self._width)[1:]:
            found = {
                str(row["Id"]): row
                for where in self._conditions(list(joined))
                for row in query(
                    self._org, shape.name, ["Id", *piece], where, everything=everything
                )
            }
            both = joined.keys() & found.keys()
            joined = {k: row | found[k] for k, row in joined.items() if k in both}
        return list(joined.values())

    def _lists(self, fields: Sequence[str], width: int) -> list[list[str]]:
        """Cut fields into lists of at most so many bytes, each at least of one."""
        found, room = [[name for name in fields if name in HEAD]], width
        for name in (name for name in fields if name not in HEAD):
            size = len(quote(f"{name},"))
            if size > room < width:
                found.append([])
                room = width
            found[-1].append(name)
            room -= size
        return found

    def _conditions(self, ids: Sequence[str]) -> Iterator[list[str]]:
        """Write what brings records again: their ids, or where these stand in a row."""
        if self._part.by_stamp:
            for some in chunks(ids, IDS_A_QUERY):
                yield [f"Id IN {quoted(list(some))}"]
        elif ids:
            first, last = quoted(ids[0]), quoted(ids[-1])
            yield [*self._part.where, f"Id >= {first}", f"Id <= {last}"]
