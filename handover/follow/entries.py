"""What happened to a customer, each thing with its place in the ledger's chain."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from handover.answers.acceptances import Acceptance
from handover.answers.acknowledgements import Acknowledgement
from handover.answers.agreements import Agreement
from handover.answers.confirmations import Confirmation
from handover.answers.remarks import Remark
from handover.ledger.runs import Entry, Run
from handover.ledger.states import Action
from handover.ledger.tables import events
from handover.mirror.owners import CHANGED, OwnerChange
from handover.plan.changes import Change
from handover.plan.decision import RecordedDecision
from handover.plan.model import Row


@dataclass(frozen=True, kw_only=True)
class PlannedSo:
    """What a version of a plan made of the customer.

    ``changes`` are against the version before; the first has none. ``cause`` is how the
    version came about, ``person`` who made it, if that is known.
    """

    version: int
    cause: str
    person: str | None
    reason: str | None
    row: Row
    changes: tuple[Change, ...] = ()
    is_first: bool = False


@dataclass(frozen=True, kw_only=True)
class EarlyPaper:
    """Papers that were made before the handover was announced, and why."""

    paper: str
    person: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class RunPart:
    """What a run did with the customer and what hangs on it."""

    run: Run
    entries: tuple[Entry, ...]

    @property
    def owner(self) -> Entry | None:
        """The step that gave the customer to somebody else, if it was done."""
        for entry in self.entries:
            is_done = entry.outcome == "done" and entry.code != "already"
            if entry.action == Action.ACCOUNT_OWNER and is_done:
                return entry
        return None


Told = (
    PlannedSo
    | RecordedDecision
    | EarlyPaper
    | Agreement
    | Confirmation
    | Remark
    | Acceptance
    | RunPart
    | OwnerChange
    | Acknowledgement
)


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """One thing that happened to a customer.

    ``n`` is its place in the chain of events, ``at`` when it was written down, in UTC,
    ``kind`` what it is, as events name it. ``rehearsed_on``: it was a rehearsal.
    """

    n: int
    at: dt.datetime
    kind: str
    told: Told
    plan: str | None = None
    run: str | None = None
    rehearsed_on: dt.date | None = None


# Where things stand in the chain


@dataclass(frozen=True, kw_only=True)
class Places:
    """The numbers of events by what they tell, and by when for what has none."""

    told: Mapping[tuple[str, str, str | None], int]
    moments: list[tuple[str, int]] = field(default_factory=list)

    def find(self, subject: str, kind: str, at: dt.datetime | None) -> int:
        """Return the number of the event that tells of something.

        What was kept before there was an event of it stands behind all that was told
        by then.
        """
        stamp = at.isoformat() if at else None
        found = self.told.get((subject, kind, stamp))
        return self.before(at) if found is None else found

    def before(self, at: dt.datetime | None) -> int:
        """Return the number of the last event that told of a time up to this one."""
        stamp = at.isoformat() if at else ""
        return max((n for moment, n in self.moments if moment <= stamp), default=0)


def read_places(connection: Connection, subjects: Iterable[str]) -> Places:
    """Read which events tell of some plans and runs, and of owner changes."""
    wanted = frozenset(subjects)
    told: dict[tuple[str, str, str | None], int] = {}
    moments: list[tuple[str, int]] = []
    query = select(events.c.n, events.c.at, events.c.kind, events.c.subject)
    for row in connection.execute(query.order_by(events.c.n)):
        moments.append((row.at, row.n))
        if row.kind == CHANGED:
            told.setdefault((row.subject, row.kind, None), row.n)
        elif row.subject in wanted:
            told.setdefault((row.subject, row.kind, row.at), row.n)
    return Places(told=told, moments=moments)
