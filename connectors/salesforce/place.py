"""How far a pull has come, so that any other process can go on from there.

A pull goes by growing id, or by growing (stamp, id) where it asks for changes: whatever
number of records share a stamp, each comes once, and a lost locator costs nothing.
"""

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from connectors.base import Row
from connectors.errors import ResumeExpired
from connectors.salesforce.client import quoted
from connectors.salesforce.problems import SOURCE
from connectors.salesforce.schema import STAMP

FIRST = datetime(1999, 1, 1, tzinfo=UTC)
"""Older than any record: Salesforce was founded in 1999."""


@dataclass(frozen=True, kw_only=True)
class Part:
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
    last one. ``job``, ``locator`` and ``done`` lead to the rest of a Bulk result.
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
        """Write the place as text, without what is empty."""
        return orjson.dumps({k: v for k, v in asdict(self).items() if v}).decode()

    @property
    def begun_at(self) -> datetime | None:
        """Tell when the pull began."""
        return datetime.fromisoformat(self.begun) if self.begun else None

    def behind(self, row: Row) -> "Place":
        """Move behind a record."""
        return replace(self, id=str(row["Id"]), stamp=_literal(row.get(STAMP)))

    def where(self, part: Part) -> list[str]:
        """Say the conditions of what is still to come."""
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

    def narrowed(self, part: Part, now: datetime) -> "Place | None":
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
        """Move to the next window, of the same width; the last one has no end."""
        since, until = _time(self.since) or FIRST, _time(self.until) or now
        end = until + (until - since)
        return Place(
            part=self.part,
            begun=self.begun,
            since=self.until,
            until=stamped(end) if end < now else "",
        )


def stamped(time: datetime) -> str:
    """Write a time as SOQL."""
    return quoted(time)


def _literal(stamp: object) -> str:
    """Write a stamp of a record as SOQL: JSON and CSV say UTC in two ways."""
    text = str(stamp or "")
    return text[:-5] + "Z" if text.endswith("+0000") else text


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
