"""Rows that give or carry authority, vouched for by the chain of events.

A plan's version, a decision, a run, a step and what became of it can be changed by
whoever can write to the file. So the event that tells of such a row seals it: the hash
of the row's content is part of the chain. A row without a seal was put in by hand, one
whose content has another hash was changed; neither is obeyed.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Row, Table, func, select

from handover.errors import Refusal
from handover.ledger import events
from handover.ledger.tables import (
    acceptances,
    agreements,
    confirmations,
    decisions,
    plan_versions,
    plans,
    runs,
    seals,
    steps,
)
from handover.ledger.tables import events as event_rows

ADDED = frozenset({"rehearsed_on"})
"""Columns from after the first seals: they are part of a row's content only where they
are filled, so that what was sealed without them holds."""


class LedgerChanged(Refusal):
    """The chain of events does not vouch for a row that would be obeyed (``row``)."""

    code = "ledger_changed"


@dataclass(frozen=True, kw_only=True)
class BrokenSeal:
    """A row that the chain does not vouch for; ``what``: unknown, changed, missing."""

    row: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of sealed row: where it is, by what it is known, what is sealed.

    ``part`` keeps apart what is sealed at different times of one row's life. ``when``
    are the rows that have to be sealed.
    """

    table: Table
    key: tuple[str, ...]
    columns: tuple[str, ...]
    part: str = ""
    when: ColumnElement[bool] | None = None

    def subject(self, row: Row[Any]) -> str:
        """Name a row: ``table:key``, then the part of it."""
        return ":".join((self.name, *(str(getattr(row, name)) for name in self.key)))

    @property
    def name(self) -> str:
        """What the subjects of this kind begin with."""
        return f"{self.table.name}.{self.part}" if self.part else self.table.name

    def hashes(
        self, connection: Connection, *where: ColumnElement[bool]
    ) -> dict[str, str]:
        """Hash the rows there are, by subject."""
        wanted = (*self.key, *self.columns)
        query = select(*(self.table.c[name] for name in dict.fromkeys(wanted)))
        conditions = (*where, *(() if self.when is None else (self.when,)))
        found = connection.execute(query.where(*conditions))
        return {self.subject(row): _hash(row, self.columns) for row in found}


def _all_but(table: Table, *names: str) -> tuple[str, ...]:
    return tuple(str(c.name) for c in table.c if c.name not in names)


PLAN = Kind(
    table=plans,
    key=("id",),
    columns=_all_but(plans, "reorganisation", "created_at"),
)
VERSION = Kind(
    table=plan_versions,
    key=("plan_id", "version"),
    columns=_all_but(plan_versions),
)
DECISION = Kind(table=decisions, key=("plan_id", "id"), columns=_all_but(decisions))
AGREEMENT = Kind(table=agreements, key=("plan_id", "id"), columns=_all_but(agreements))
CONFIRMATION = Kind(
    table=confirmations, key=("plan_id", "id"), columns=_all_but(confirmations)
)
ACCEPTANCE = Kind(
    table=acceptances, key=("plan_id", "id"), columns=_all_but(acceptances)
)
RUN = Kind(
    table=runs,
    key=("id",),
    columns=_all_but(runs, "state", "finished_at", "window_seconds"),
)
RUN_END = Kind(
    table=runs,
    key=("id",),
    columns=("state", "finished_at", "window_seconds"),
    part="end",
    when=runs.c.state != "running",
)
STEP = Kind(
    table=steps,
    key=("run_id", "n"),
    columns=_all_but(
        steps,
        *("record_id", "outcome", "code", "message"),
        *("attempts", "intended_at", "settled_at"),
    ),
)
TARGET = Kind(
    table=steps,
    key=("run_id", "n"),
    columns=("record_id",),
    part="target",
    when=steps.c.key.is_(None),
)
OUTCOME = Kind(
    table=steps,
    key=("run_id", "n"),
    columns=("record_id", "outcome", "code", "message"),
    part="outcome",
    when=steps.c.outcome.not_in(["planned", "intent"]),
)
ANSWERS = (AGREEMENT, CONFIRMATION, ACCEPTANCE)
"""What people told us about a plan's customers."""
KINDS = (PLAN, VERSION, DECISION, *ANSWERS, RUN, RUN_END, STEP, TARGET, OUTCOME)


def of_plan(connection: Connection, plan_id: str) -> dict[str, str]:
    """Hash where a plan stands, to be sealed by the event that tells of it."""
    return PLAN.hashes(connection, plans.c.id == plan_id)


def of_version(connection: Connection, plan_id: str, version: int) -> dict[str, str]:
    """Hash a plan's version and where the plan stands."""
    return of_plan(connection, plan_id) | VERSION.hashes(
        connection,
        plan_versions.c.plan_id == plan_id,
        plan_versions.c.version == version,
    )


def of_decision(connection: Connection, plan_id: str, number: int) -> dict[str, str]:
    """Hash a decision and where its plan stands."""
    return of_plan(connection, plan_id) | DECISION.hashes(
        connection, decisions.c.id == number
    )


def of_agreement(connection: Connection, number: int) -> dict[str, str]:
    """Hash a customer's answer to the date of a visit."""
    return AGREEMENT.hashes(connection, agreements.c.id == number)


def of_confirmation(connection: Connection, number: int) -> dict[str, str]:
    """Hash a customer's answer to one item."""
    return CONFIRMATION.hashes(connection, confirmations.c.id == number)


def of_acceptance(connection: Connection, number: int) -> dict[str, str]:
    """Hash what a successor said to taking a customer over."""
    return ACCEPTANCE.hashes(connection, acceptances.c.id == number)


def of_run(connection: Connection, run_id: str) -> dict[str, str]:
    """Hash a run as it begins, with the whole list of its steps."""
    return {
        **RUN.hashes(connection, runs.c.id == run_id),
        **STEP.hashes(connection, steps.c.run_id == run_id),
        **TARGET.hashes(connection, steps.c.run_id == run_id),
    }


def of_outcomes(
    connection: Connection, run_id: str, numbers: Iterable[int]
) -> dict[str, str]:
    """Hash what became of some steps of a run."""
    wanted = steps.c.n.in_(sorted(numbers))
    return OUTCOME.hashes(connection, steps.c.run_id == run_id, wanted)


def of_end(connection: Connection, run_id: str) -> dict[str, str]:
    """Hash how a run ended."""
    return RUN_END.hashes(connection, runs.c.id == run_id)


def seal_what_is_there(connection: Connection, at: dt.datetime) -> None:
    """Seal all rows of a ledger from before there were seals."""
    present: dict[str, str] = {}
    for kind in KINDS:
        present |= kind.hashes(connection)
    if present:
        events.record(
            connection, at, "ledger.sealed", "-", {"rows": len(present)}, present
        )


def check_plan(connection: Connection, plan_id: str) -> None:
    """Refuse to obey a plan whose rows the chain does not vouch for.

    Raises:
        LedgerChanged: the plan, its version as it stands, a decision on it or an answer
            of its people was put in, changed or taken away by hand, or the chain itself
            is broken.
    """
    check_chain(connection)
    version = select(plans.c.version).where(plans.c.id == plan_id).scalar_subquery()
    _check(connection, PLAN, plan_id, plans.c.id == plan_id)
    _check(connection, DECISION, plan_id, decisions.c.plan_id == plan_id)
    for kind in ANSWERS:
        _check(connection, kind, plan_id, kind.table.c.plan_id == plan_id)
    _check(
        connection,
        VERSION,
        plan_id,
        plan_versions.c.plan_id == plan_id,
        plan_versions.c.version <= version,
    )


def check_run(connection: Connection, run_id: str) -> None:
    """Refuse to take back a run whose rows the chain does not vouch for.

    Raises:
        LedgerChanged: the run or a step of it was put in, changed or taken away by
            hand, or the chain itself is broken.
    """
    check_chain(connection)
    check_rows_of(connection, [run_id])


def check_earlier_runs(
    connection: Connection, plan_id: str, since: dt.datetime | None = None
) -> None:
    """Refuse to go on from what earlier runs did when the chain does not vouch for it.

    Which they are, the chain says itself: those of a plan, and those that wrote since
    the mirror was read. The chain has been checked by then.

    Args:
        connection: to the ledger.
        plan_id: what is about to be carried out or taken back.
        since: when the mirror was read, in UTC, where that matters.

    Raises:
        LedgerChanged: as ``check_run`` does.
    """
    told = select(event_rows.c.subject, event_rows.c.at, event_rows.c.details).where(
        event_rows.c.kind.in_([events.RUN_BEGUN, events.STEPS_SETTLED])
    )
    wanted: dict[str, None] = {}
    for row in connection.execute(told):
        is_late = since is not None and row.at > since.isoformat()
        if is_late or (row.details or {}).get("plan") == plan_id:
            wanted[row.subject] = None
    check_rows_of(connection, wanted)


def check_rows_of(connection: Connection, run_ids: Iterable[str]) -> None:
    """Refuse to go on from runs whose rows the chain, checked by then, does not know.

    Raises:
        LedgerChanged: as ``check_run`` does.
    """
    for run_id in run_ids:
        for kind in (RUN, RUN_END):
            _check(connection, kind, run_id, runs.c.id == run_id)
        for kind in (STEP, TARGET, OUTCOME):
            _check(connection, kind, run_id, steps.c.run_id == run_id)


def list_broken(connection: Connection) -> Iterator[BrokenSeal]:
    """List the rows that the chain does not vouch for."""
    for kind in KINDS:
        yield from _compare(_sealed(connection, kind.name), kind.hashes(connection))


def check_chain(connection: Connection) -> None:
    """Refuse to go on with a chain of events that is broken.

    Raises:
        LedgerChanged: an event was put in, changed or taken away by hand.
    """
    for link in events.verify(connection):
        raise LedgerChanged(row=f"events:{link.n}")


def _check(
    connection: Connection, kind: Kind, key: str, *where: ColumnElement[bool]
) -> None:
    sealed = _sealed(connection, kind.name, key)
    for broken in _compare(sealed, kind.hashes(connection, *where)):
        raise LedgerChanged(row=broken.row)


def _compare(
    sealed: Mapping[str, str], present: Mapping[str, str]
) -> Iterator[BrokenSeal]:
    for row, found in present.items():
        if row not in sealed:
            yield BrokenSeal(row=row, what="unknown")
        elif sealed[row] != found:
            yield BrokenSeal(row=row, what="changed")
    for row in sealed:
        if row not in present:
            yield BrokenSeal(row=row, what="missing")


def _sealed(
    connection: Connection, name: str, key: str | None = None
) -> dict[str, str]:
    """Read the latest seal of each row of a kind, of one plan or run where asked."""
    latest = select(seals.c.subject, func.max(seals.c.event_n).label("n")).group_by(
        seals.c.subject
    )
    begins = _begins(f"{name}:")
    if key is not None:
        begins = (seals.c.subject == f"{name}:{key}") | _begins(f"{name}:{key}:")
    newest = latest.where(begins).subquery()
    query = select(seals.c.subject, seals.c.hash).join(
        newest,
        (seals.c.subject == newest.c.subject) & (seals.c.event_n == newest.c.n),
    )
    return {row.subject: row.hash for row in connection.execute(query)}


def _begins(text: str) -> ColumnElement[bool]:
    """Match subjects that begin so, colon and all; the index is used for it."""
    return seals.c.subject.between(text, text[:-1] + ";")


def _hash(row: Row[Any], columns: Iterable[str]) -> str:
    """Hash a row's content; bytes where a text belongs hash as something else."""
    content = {
        name: value
        for name in columns
        if (value := getattr(row, name)) is not None or name not in ADDED
    }
    return hashlib.sha256(
        orjson.dumps(content, default=repr, option=orjson.OPT_SORT_KEYS)
    ).hexdigest()
