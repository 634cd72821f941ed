"""Queries: which ones make up a pull, where a pull stands in them, and small ones.

A pull of changes asks for what bears a new stamp, and for the children of records that
took in others: these hang on another record without a new stamp. ``Place`` is what the
cursor of a page says.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TypeVar

import orjson

from connectors.base import Pull, Row
from connectors.errors import ResumeExpired, ShortPull
from connectors.salesforce.client import quoted
from connectors.salesforce.narrowing import narrowings
from connectors.salesforce.org import Org, OrgRefusal
from connectors.salesforce.problems import SOURCE, as_error
from connectors.salesforce.replies import QueryLinks, query_result
from connectors.salesforce.schema import (
    ACTIVITIES,
    DELETED,
    MASTER,
    RELATIONS,
    STAMP,
    ObjectShape,
    Shapes,
)

FIRST = datetime(1999, 1, 1, tzinfo=UTC)
"""Older than any record: Salesforce was founded in 1999."""
MERGEABLE = ("Account", "Contact")
IDS_A_QUERY = 300
"""Quoted ids that fit into an address of 16,384 bytes, with much to spare."""

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class QueryPart:
    """One of the queries that make up a pull.

    ``where`` are its conditions. ``by_stamp``: changes since ``since``, oldest first.
    ``everything``: also what is deleted or archived.
    """

    where: tuple[str, ...] = ()
    by_stamp: bool = False
    since: str = ""
    everything: bool = False


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a pull stands.

    ``part`` is the query it is in, ``begun`` the server's time when the pull began.
    ``id`` and ``stamp`` are those of the last record. ``since`` and ``until`` bound the
    window of stamps, where the org wants smaller queries; ``until`` is empty in the
    last one. ``job``, ``locator`` and ``done`` lead to the rest of a Bulk result: done
    are so many records of the piece at the locator, ``came`` so many before it, of the
    ``total`` that the job promised for the fields whose digest is ``fields``.
    """

    part: int = 0
    begun: str = ""
    id: str = ""
    stamp: str = ""
    since: str = ""
    until: str = ""
    job: str = ""
    locator: str = ""
    done: int = 0
    came: int = 0
    total: int = 0
    fields: str = ""

    @classmethod
    def resumed(cls, cursor: str | None, object_name: str) -> "Place":
        """Read a cursor.

        Raises:
            ResumeExpired: it is none of ours.
        """
        try:
            return cls(**orjson.loads(cursor)) if cursor else cls()
        except (orjson.JSONDecodeError, TypeError):
            raise ResumeExpired(source=SOURCE, object=object_name) from None

    @property
    def cursor(self) -> str:
        """Return the place as text, without what is empty."""
        return orjson.dumps({k: v for k, v in asdict(self).items() if v}).decode()

    @property
    def begun_at(self) -> datetime | None:
        """Return the server's time when the pull began."""
        return datetime.fromisoformat(self.begun) if self.begun else None

    def begun_by(self, now: datetime | None) -> "Place":
        """Return the place with the time when the pull began, if that is not known."""
        return self if self.begun or not now else replace(self, begun=now.isoformat())

    def behind(self, row: Row) -> "Place":
        """Return the place behind a record."""
        return replace(self, id=str(row["Id"]), stamp=_literal(row.get(STAMP)))

    def where(self, part: QueryPart) -> list[str]:
        """Write the conditions of what is still to come."""
        lower = self.since or part.since
        conditions = list(part.where)
        if part.by_stamp and self.id:
            conditions.append(
                f"({STAMP} > {self.stamp}"
                f" OR ({STAMP} = {self.stamp} AND Id > {quoted(self.id)}))"
            )
        else:
            conditions += [f"{STAMP} >= {lower}"] if lower else []
            conditions += [f"Id > {quoted(self.id)}"] if self.id else []
        conditions += [f"{STAMP} < {self.until}"] if self.until else []
        return conditions

    def in_job(self, job: str, total: int, fields: Sequence[str]) -> "Place":
        """Return the place where the result of a job begins."""
        return replace(self, job=job, total=total, fields=digest(fields))

    def at_piece(self, locator: str, came: int) -> "Place":
        """Return the place of the next piece of a job's result."""
        return replace(self, locator=locator, came=came, done=0)

    def without_job(self) -> "Place":
        """Return the place where the query of a job began."""
        return replace(self, job="", locator="", done=0, came=0, total=0, fields="")

    def narrowed(self, part: QueryPart, now: datetime) -> "Place | None":
        """Halve the window of stamps; None when it cannot be halved any more."""
        lower = _time(self.since or part.since) or FIRST
        if part.by_stamp and self.stamp:
            lower = _time(self.stamp) or lower
        upper = _time(self.until) or now
        middle = lower + timedelta(seconds=int((upper - lower).total_seconds() // 2))
        if middle <= lower:
            return None
        # The lower end stays where it was: records at that very stamp may be to come.
        return replace(self, since=self.since or stamped(lower), until=stamped(middle))

    def following(self, now: datetime) -> "Place":
        """Return the next window, of the same width; the last one has no end."""
        since, until = _time(self.since) or FIRST, _time(self.until) or now
        end = until + (until - since)
        return Place(
            part=self.part,
            begun=self.begun,
            since=self.until,
            until=stamped(end) if end < now else "",
        )


def digest(fields: Sequence[str]) -> str:
    """Return a short text that tells one list of fields from another."""
    return sha256(",".join(fields).encode()).hexdigest()[:16]


def stamped(time: datetime) -> str:
    """Write a time as SOQL."""
    return quoted(time)


def _literal(stamp: object) -> str:
    """Write a stamp of a record as SOQL: JSON and CSV say UTC in two ways."""
    text = str(stamp or "")
    return text[:-5] + "Z" if text.endswith("+0000") else text


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


class OrgRelations:
    """How records hang together, each question asked once for all objects."""

    def __init__(self, org: Org, shapes: Shapes) -> None:
        self._org = org
        self._shapes = shapes
        self._known: dict[tuple[str, str], tuple[str, ...]] = {}
        self._lock = threading.Lock()

    def masters(self, object_name: str, since: str) -> tuple[str, ...]:
        """List the records that took in another one since a time."""
        with self._lock:
            key = (object_name, since)
            if key not in self._known:
                self._known[key] = tuple(self._ask(object_name, since))
            return self._known[key]

    def parents(self, shape: ObjectShape, fields: Sequence[str]) -> list[str]:
        """List the ways to the records that fields of others are read through."""
        ways = (way for name in fields for way in self._ways(shape, name))
        return list(dict.fromkeys(path for path, there in ways if there.sees(STAMP)))

    def references(self, shape: ObjectShape, name: str) -> tuple[str, ...]:
        """List the objects that a field refers to, also one of another record."""
        *_, (path, there) = [("", shape), *self._ways(shape, name)]
        links, _, last = name.rpartition(".")
        return there.refers.get(last, ()) if path == links else ()

    def _ways(self, shape: ObjectShape, name: str) -> Iterator[tuple[str, ObjectShape]]:
        """Yield what lies behind each link of a dotted name, as far as it is seen."""
        here: ObjectShape | None = shape
        links = name.split(".")[:-1]
        for n, link in enumerate(links, 1):
            target = here.parents.get(link) if here else None
            here = self._shapes.known(target) if target else None
            if here is None:
                return
            yield ".".join(links[:n]), here

    def _ask(self, object_name: str, since: str) -> list[str]:
        shape = self._shapes.known(object_name)
        if shape is None or not all(map(shape.sees, (MASTER, DELETED, STAMP))):
            return []
        where = (f"{DELETED} = true", f"{MASTER} != null", f"{STAMP} >= {since}")
        rows = query(self._org, object_name, [MASTER], where, everything=True)
        return sorted({str(row[MASTER]) for row in rows if row.get(MASTER)})


def parts(
    shape: ObjectShape, request: Pull, fields: Sequence[str], relations: OrgRelations
) -> list[QueryPart]:
    """List the queries of a pull.

    Beside what bears a new stamp, a pull of changes asks for records whose values may
    have changed without one: for all of them where that is wanted, else for those whose
    parents changed and for the children of merged records.

    Args:
        shape: the object.
        request: what is pulled.
        fields: what is selected.
        relations: how records hang together.
    """
    kinds = [one.condition for one in narrowings(shape.name) if shape.sees(one.field)]
    has_bin = shape.sees(DELETED)
    if request.since is None or not shape.sees(STAMP):
        return [_alive(shape, kinds)]
    since = stamped(request.since)
    changed = QueryPart(
        where=tuple(kinds), by_stamp=True, since=since, everything=has_bin
    )
    if request.again:
        return [changed, _alive(shape, kinds)]
    touched = [
        *(f"{path}.{STAMP} >= {since}" for path in relations.parents(shape, fields)),
        *_inherited(shape, fields, since, relations),
    ]
    return [changed, *(_alive(shape, [*kinds, one]) for one in touched)]


def _inherited(
    shape: ObjectShape, fields: Sequence[str], since: str, relations: OrgRelations
) -> Iterator[str]:
    """Write the conditions of what hangs on records that took in others."""
    for name in fields:
        targets = set(relations.references(shape, name)).intersection(MERGEABLE)
        for target in sorted(targets):
            for ids in chunks(relations.masters(target, since), IDS_A_QUERY):
                yield f"{name} IN {quoted(list(ids))}"


def _alive(shape: ObjectShape, where: Sequence[str]) -> QueryPart:
    """Ask for records that exist; of activities, the archived ones among them."""
    archived = shape.name in {*ACTIVITIES, *RELATIONS} and shape.sees(DELETED)
    alive = [f"{DELETED} = false"] if archived else []
    return QueryPart(where=(*where, *alive), everything=archived)


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
        total, links = found.total, QueryLinks(object_name, found.total)
        while True:
            yield from found.records
            read += len(found.records)
            if links.is_last(found):
                break
            found = query_result(org.read(found.link).data)
    except OrgRefusal as turned:
        raise as_error(turned.problem, object_name) from None
    if read < total:
        raise ShortPull(source=SOURCE, object=object_name, read=read, promised=total)
