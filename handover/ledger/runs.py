"""Runs and their steps in the ledger: what was intended, and what became of it.

What runs wrote into the CRM, over all of them, is asked in ``writes``.
"""

import datetime as dt
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from connectors.base import Change, Create, SetField
from handover.errors import AmbiguousName, UnknownName, UsageProblem
from handover.ledger import seals
from handover.ledger.events import RUN_BEGUN, STEPS_SETTLED, record
from handover.ledger.states import Action
from handover.ledger.tables import runs, steps
from mappings.toml_file import nearest

LAST = "last"
"""Stands for the newest run, where a run is named."""
INTERRUPTED = "interrupted"
"""Code of a step that a run did not get to."""
UNREAD = "unread"
"""Code of a step that the CRM says is done, until it has been read back."""
OVERRULED = "overruled"
"""Code of a step that the CRM said was done, though it holds another value."""
ERASED = "erased"
"""Code of a step whose values were erased, as they were about a person."""

Kind = Literal["reassign", "publish", "end", "close", "undo", "corrections", "tasks"]
FINAL = ("undo", "end", "close")
"""Kinds of runs that nobody takes back: an undo, the end and the close of a plan."""
RunState = Literal["running", "finished", "partial", "interrupted", "dry_run"]


class NoRunYet(UsageProblem):
    """The last run was asked for, and nothing was run yet."""

    code = "no_run_yet"


class NoRunToUndo(UsageProblem):
    """The last run was to be taken back, and none is left that could be."""

    code = "no_run_to_undo"


@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution of steps: why, on whose word, and what came of it.

    Runs are ordered by ``serial``, which the ledger counts: a clock may be set back.
    ``rehearsed_on`` is the day that was taken for today in a rehearsal; None is in
    earnest.
    """

    id: str
    kind: Kind
    source: str
    org_id: str
    plan_id: str | None
    plan_version: int | None
    undoes: str | None = None
    state: RunState = "running"
    actor: str
    person_id: str | None
    reason: str | None
    started_at: dt.datetime
    finished_at: dt.datetime | None = None
    window_seconds: float | None = None
    serial: int = 0
    rehearsed_on: dt.date | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One step as the ledger keeps it."""

    n: int
    source: str
    account_id: str | None
    action: str
    object: str
    record_id: str | None
    field: str | None = None
    before: str | None = None
    after: str | None = None
    key: str | None = None
    values: Mapping[str, Any] | None = None
    authority: str
    outcome: str = "planned"
    code: str | None = None
    message: str | None = None
    attempts: int = 0
    intended_at: str | None = None

    @property
    def change(self) -> Change:
        """The change that the step sends."""
        if self.key is None:
            return SetField(
                object=self.object,
                id=self.record_id or "",
                field=self.field or "",
                before=self.before,
                after=self.after,
            )
        content = self.values or {}
        return Create(
            object=self.object,
            key=self.key,
            key_field=content.get("key_field"),
            values=content.get("values", {}),
            links=content.get("links", {}),
            proof=tuple(content.get("proof", ())),
        )


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """What became of a step. ``done`` with code ``already`` needed no call."""

    outcome: Literal["done", "skipped", "refused", "in_doubt"]
    code: str | None = None
    message: str | None = None
    record_id: str | None = None


def counts(entries: Iterable[Entry]) -> dict[str, int]:
    """Count outcomes; ``planned`` is the number of steps."""
    listed = list(entries)
    found = [e.outcome for e in listed]
    kinds = ("done", "skipped", "refused", "in_doubt")
    return {"planned": len(listed)} | {kind: found.count(kind) for kind in kinds}


# Writing


def new_run_id(connection: Connection, kind: Kind, local: dt.datetime) -> str:
    """Return a new run's id: its time in the company's zone, kind and four letters.

    Where many answers are recorded in one minute, letters come twice sooner or later.
    """
    prefix = f"{local:%Y%m%d-%H%M}-{kind}-"
    wanted = select(runs.c.id).where(runs.c.id.startswith(prefix, autoescape=True))
    taken = set(connection.execute(wanted).scalars())
    while (found := prefix + secrets.token_hex(2)) in taken:
        continue
    return found


def begin(connection: Connection, run: Run, entries: Iterable[Entry]) -> None:
    """Write a run and the whole list of its steps."""
    listed = [asdict(entry) | {"run_id": run.id} for entry in entries]
    serial = (connection.execute(select(func.max(runs.c.serial))).scalar() or 0) + 1
    connection.execute(insert(runs), [_run_values(run) | {"serial": serial}])
    if listed:
        connection.execute(insert(steps), listed)
    details = {"kind": run.kind, "plan": run.plan_id}
    sealed = seals.of_run(connection, run.id)
    record(connection, run.started_at, RUN_BEGUN, run.id, details, sealed)


def intend(
    connection: Connection, run_id: str, numbers: Iterable[int], at: dt.datetime
) -> None:
    """Write that these steps are about to be sent."""
    change = (
        update(steps)
        .where(_this(run_id))
        .values(
            outcome="intent", attempts=steps.c.attempts + 1, intended_at=at.isoformat()
        )
    )
    connection.execute(change, [{"step": n} for n in numbers])


def record_results(
    connection: Connection,
    run_id: str,
    results: Mapping[int, StepResult],
    at: dt.datetime,
) -> None:
    """Write outcomes of steps of a run; an id that is known already stays."""
    change = update(steps).where(_this(run_id))
    found: dict[bool, list[dict[str, object]]] = {True: [], False: []}
    for n, result in results.items():
        values: dict[str, object] = {
            "step": n,
            "outcome": result.outcome,
            "code": result.code,
            "message": result.message,
            "settled_at": at.isoformat(),
        }
        known = {"record_id": result.record_id} if result.record_id else {}
        found[bool(known)].append(values | known)
    for group in filter(None, found.values()):
        connection.execute(change, group)
    if results:
        sealed = seals.of_outcomes(connection, run_id, results)
        record(connection, at, STEPS_SETTLED, run_id, {"n": len(results)}, sealed)


def finish(
    connection: Connection,
    run_id: str,
    state: RunState,
    at: dt.datetime,
    *,
    window: dt.timedelta | None = None,
) -> None:
    """Write how a run ended."""
    connection.execute(
        update(runs)
        .where(runs.c.id == run_id)
        .values(
            state=state,
            finished_at=at.isoformat(),
            window_seconds=window.total_seconds() if window else None,
        )
    )
    counted = counts(entries_of(connection, run_id))
    details = {"state": state, **counted}
    record(
        connection,
        at,
        "run_finished",
        run_id,
        details,
        seals.of_end(connection, run_id),
    )


# Which runs there are


def all_runs(connection: Connection) -> list[Run]:
    """List all runs, the latest first."""
    wanted = select(runs).order_by(runs.c.serial.desc())
    return [_run(row) for row in connection.execute(wanted)]


def entries_of(connection: Connection, run_id: str) -> list[Entry]:
    """List the steps of a run."""
    columns = [steps.c[name] for name in Entry.__dataclass_fields__]
    wanted = select(*columns).where(steps.c.run_id == run_id)
    rows = connection.execute(wanted.order_by(steps.c.n))
    return [Entry(**row._mapping) for row in rows]  # noqa: SLF001 - its public name


def find_run(connection: Connection, text: str) -> Run:
    """Find a run by its id, the beginning of it, or ``last``.

    Raises:
        NoRunYet: it was the last, and there is none.
        UnknownName: no run's id begins so.
        AmbiguousName: several do.
    """
    known = {run.id: run for run in all_runs(connection)}
    if text == LAST:
        if not known:
            raise NoRunYet
        return next(iter(known.values()))
    if text in known:
        return known[text]
    found = [run_id for run_id in known if text and run_id.startswith(text)]
    if len(found) > 1:
        raise AmbiguousName(kind="run", name=text, candidates=sorted(found))
    if not found:
        near = nearest(text, known) or "-"
        raise UnknownName(kind="run", name=text, suggestion=near)
    return known[found[0]]


def find_run_to_undo(connection: Connection, text: str) -> Run:
    """Find a run that is to be taken back.

    ``last`` is the last one that wrote and was not taken back; an undo is none, nor is
    the end of a plan. What an undo took back stands again once that undo was taken back
    itself.

    Raises:
        NoRunToUndo: it was the last, and all were taken back or wrote nothing.
        HandoverError: as ``find_run`` does.
    """
    newest = find_run(connection, text)
    if text != LAST:
        return newest
    wrote = select(steps.c.run_id).where(
        steps.c.outcome == "done", steps.c.code.is_distinct_from("already")
    )
    having = {*connection.execute(wrote).scalars()}
    undone: set[str] = set()
    for run in all_runs(connection):  # the latest first: an undo is met before its run
        if run.id in undone:
            continue
        if run.kind not in FINAL and run.id in having:
            return run
        if run.undoes is not None and run.state == "finished":
            undone.add(run.undoes)
    raise NoRunToUndo


def open_runs(connection: Connection, source: str) -> list[tuple[str, str]]:
    """List the runs on a source that have steps to settle: ids and states, by age."""
    doubtful = select(steps.c.run_id).where(
        steps.c.outcome.in_(["intent", "in_doubt"]) | (steps.c.code == UNREAD)
    )
    wanted = (
        select(runs.c.id, runs.c.state)
        .where(runs.c.source == source)
        .where((runs.c.state == "running") | runs.c.id.in_(doubtful))
        .order_by(runs.c.serial)
    )
    return [(row.id, row.state) for row in connection.execute(wanted)]


def runs_with(
    connection: Connection, plan_id: str, action: Action
) -> Iterator[list[Entry]]:
    """Yield the steps of each run of a plan that has such steps, the oldest first."""
    having = select(steps.c.run_id).where(steps.c.action == action)
    wanted = (
        select(runs.c.id)
        .where(runs.c.plan_id == plan_id, runs.c.id.in_(having))
        .order_by(runs.c.serial)
    )
    for run_id in connection.execute(wanted).scalars().all():
        yield entries_of(connection, run_id)


def _this(run_id: str) -> Any:  # noqa: ANN401 - a SQLAlchemy condition
    return (steps.c.run_id == run_id) & (steps.c.n == bindparam("step"))


def _run_values(run: Run) -> dict[str, object]:
    return asdict(run) | {
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at and run.finished_at.isoformat(),
        "rehearsed_on": run.rehearsed_on and run.rehearsed_on.isoformat(),
    }


def _run(row: Row[Any]) -> Run:
    values = dict(row._mapping)  # noqa: SLF001 - its public name
    finished, rehearsed = values["finished_at"], values["rehearsed_on"]
    try:
        values["started_at"] = dt.datetime.fromisoformat(values["started_at"])
        values["finished_at"] = finished and dt.datetime.fromisoformat(finished)
        values["rehearsed_on"] = rehearsed and dt.date.fromisoformat(rehearsed)
    except (TypeError, ValueError) as error:
        raise seals.LedgerChanged(row=f"runs:{values['id']}") from error
    return Run(**values)
