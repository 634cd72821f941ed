"""Which queries make up a pull.

The children of a merged record hang on another one without bearing a new stamp, so a
pull of changes asks for them as well.
"""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from connectors.errors import ShortPull
from connectors.salesforce.client import quoted
from connectors.salesforce.org import Org, Turned
from connectors.salesforce.place import Part, stamped
from connectors.salesforce.problems import SOURCE, as_error
from connectors.salesforce.replies import query_result
from connectors.salesforce.schema import (
    ACTIVITIES,
    DELETED,
    MASTER,
    NARROWED,
    STAMP,
    Shape,
    Shapes,
)

MERGEABLE = ("Account", "Contact")
IDS_A_QUERY = 300
"""Quoted ids that fit into an address of 16,384 bytes, with much to spare."""


class Merges:
    """Records that took in others, each question asked once for all objects."""

    def __init__(self, org: Org, shapes: Shapes) -> None:
        self._org = org
        self._shapes = shapes
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def masters(self, object_name: str, since: str) -> tuple[str, ...]:
        """Name the records that took in another one since a time."""
        with self._lock:
            key = (object_name, since)
            if key not in self._known:
                self._known[key] = tuple(self._ask(object_name, since))
            return self._known[key]

    def _ask(self, object_name: str, since: str) -> list[str]:
        shape = self._shapes.known(object_name)
        if shape is None or not all(map(shape.sees, (MASTER, DELETED, STAMP))):
            return []
        where = (f"{DELETED} = true", f"{MASTER} != null", f"{STAMP} >= {since}")
        rows = query(self._org, object_name, [MASTER], where, everything=True)
        return sorted({str(row[MASTER]) for row in rows if row.get(MASTER)})


def parts(
    shape: Shape,
    fields: Sequence[str],
    since: datetime | None,
    merges: Merges,
) -> list[Part]:
    """List the queries of a pull.

    Args:
        shape: the object.
        fields: what is selected.
        since: a server's time, None for everything.
        merges: what was merged.
    """
    kinds = [NARROWED[shape.name]] if shape.name in NARROWED else []
    has_bin = shape.sees(DELETED)
    if since is None or not shape.sees(STAMP):
        return [_alive(shape, kinds)]
    text = stamped(since)
    found = [Part(where=tuple(kinds), by_stamp=True, since=text, everything=has_bin)]
    for name in fields:
        targets = set(shape.refers.get(name, ())).intersection(MERGEABLE)
        for target in sorted(targets):
            for ids in chunks(merges.masters(target, text), IDS_A_QUERY):
                inherited = f"{name} IN {quoted(list(ids))}"
                found.append(_alive(shape, [*kinds, inherited]))
    return found


def _alive(shape: Shape, where: Sequence[str]) -> Part:
    """Ask for records that exist; of activities, the archived ones among them."""
    archived = shape.name in ACTIVITIES and shape.sees(DELETED)
    alive = [f"{DELETED} = false"] if archived else []
    return Part(where=(*where, *alive), everything=archived)


Value = TypeVar("Value")


def chunks(values: Sequence[Value], size: int) -> Iterator[Sequence[Value]]:
    """Cut values into pieces."""
    for at in range(0, len(values), size):
        yield values[at : at + size]


def soql(
    object_name: str, fields: Sequence[str], where: Sequence[str], order: str = ""
) -> str:
    """Write a query; all conditions hold."""
    # Names are identifiers of the org's own description, values are quoted.
    text = f"SELECT {','.join(fields)} FROM {object_name}"  # noqa: S608
    text += f" WHERE {' AND '.join(where)}" if where else ""
    return text + (f" ORDER BY {order}" if order else "")


def query(
    org: Org,
    object_name: str,
    fields: Sequence[str],
    where: Sequence[str],
    *,
    everything: bool = False,
) -> Iterator[dict[str, object]]:
    """Read the few records that some conditions leave, page after page.

    Raises:
        ShortPull: there are fewer than promised.
    """
    path = "queryAll" if everything else "query"
    read = 0
    try:
        found = query_result(
            org.read(path, {"q": soql(object_name, fields, where)}).data
        )
        total, link = found.total, ""
        while True:
            yield from found.records
            read += len(found.records)
            if found.link in {"", link}:
                break
            link = found.link
            found = query_result(org.read(link).data)
    except Turned as turned:
        raise as_error(turned.problem, object_name) from None
    if read < total:
        raise ShortPull(source=SOURCE, object=object_name, read=read, promised=total)
