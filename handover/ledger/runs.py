"""Runs and their steps in the ledger: what was intended, and what became of it.

Every query of the tables ``runs`` and ``steps`` stands here, so that which owners we
set, which tasks we made and what is still open have one answer.
"""

import datetime as dt
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from connectors.base import Change, Create, SetField
from handover.errors import AmbiguousName, UnknownName
from handover.ledger import seals
from handover.ledger.events import record
from handover.ledger.states import OWNER_ACTION, TASK_ACTIONS, Action
from handover.ledger.tables import owner_history, runs, steps
from mappings.toml_file import nearest

INTERRUPTED = "interrupted"
"""Code of a step that a run did not get to."""
UNREAD = "unread"
"""Code of a step that the CRM says is done, until it has been read back."""
OVERRULED = "overruled"
"""Code of a step that the CRM said was done, though it holds another value."""

Kind = Literal["reassign", "publish", "undo"]
RunState = Literal["running", "finished", "partial", "interrupted", "dry_run"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """One execution of steps: why, on whose word, and what came of it."""

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


def new_run_id(kind: Kind, local: dt.datetime) -> str:
    """Return a new run's id: its time in the company's zone, kind and four letters."""
    return f"{local:%Y%m%d-%H%M}-{kind}-{secrets.token_hex(2)}"


def begin(connection: Connection, run: Run, entries: Iterable[Entry]) -> None:
    """Write a run and the whole list of its steps."""
    listed = [asdict(entry) | {"run_id": run.id} for entry in entries]
    connection.execute(insert(runs), [_run_values(run)])
    if listed:
        connection.execute(insert(steps), listed)
    details = {"kind": run.kind, "plan": run.plan_id}
    sealed = seals.of_run(connection, run.id)
    record(connection, run.started_at, "run_begun", run.id, details, sealed)


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
        record(connection, at, "steps_settled", run_id, {"n": len(results)}, sealed)


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
    wanted = select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc())
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
        UnknownName: no run's id begins so.
        AmbiguousName: several do.
    """
    known = {run.id: run for run in all_runs(connection)}
    if text == "last" and known:
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


def open_runs(connection: Connection, source: str) -> list[tuple[str, str]]:
    """List the runs on a source that have steps to settle: ids and states, by age."""
    doubtful = select(steps.c.run_id).where(
        steps.c.outcome.in_(["intent", "in_doubt"]) | (steps.c.code == UNREAD)
    )
    wanted = (
        select(runs.c.id, runs.c.state)
        .where(runs.c.source == source)
        .where((runs.c.state == "running") | runs.c.id.in_(doubtful))
        .order_by(runs.c.started_at)
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
        .order_by(runs.c.started_at)
    )
    for run_id in connection.execute(wanted).scalars().all():
        yield entries_of(connection, run_id)


Place = tuple[str, str, str]
"""Where a value stands: the CRM's object, its id of the record, the field."""


def find_overruled(connection: Connection, authority: str) -> dict[Place, str | None]:
    """Find what the CRM overruled of what an authority wrote, and has held since."""
    wanted = (
        select(steps)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(steps.c.authority == authority, steps.c.field.is_not(None))
        .order_by(runs.c.started_at, steps.c.n)
    )
    found: dict[Place, str | None] = {}
    for row in connection.execute(wanted):
        place = (row.object, row.record_id, row.field)
        if row.code == OVERRULED:
            found[place] = row.message
        elif row.outcome == "done":
            found.pop(place, None)
    return found


# Which owners we set


def owners_set(
    connection: Connection, source: str, since: dt.datetime
) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield the owners that runs set on a source since a time, in their order.

    Yields:
        The canonical table, the CRM's object and the ids of record and owner there.
    """
    tables = {action.value: table for table, action in OWNER_ACTION.items()}
    wanted = _owners_set(*tables).where(
        steps.c.source == source, steps.c.settled_at > since.isoformat()
    )
    for row in connection.execute(wanted):
        yield tables[row.action], row.object, row.record_id, row.after


def account_owners_set(connection: Connection) -> dict[str, dict[str, str | None]]:
    """Return, by plan and account, the owner that runs of the plan set last."""
    wanted = _owners_set(Action.ACCOUNT_OWNER).where(
        runs.c.plan_id.is_not(None), steps.c.account_id.is_not(None)
    )
    found: dict[str, dict[str, str | None]] = {}
    for row in connection.execute(wanted):
        found.setdefault(row.plan_id, {})[row.account_id] = row.after
    return found


def explaining_run(
    connection: Connection, source: str, account_id: str, owner: str | None
) -> str | None:
    """Find the newest run that gave an account this owner and explains nothing yet.

    A run explains one change in the history of owners: whoever brings the same owner
    back later did it without us.
    """
    explained = select(owner_history.c.run_id).where(
        owner_history.c.source == source,
        owner_history.c.account_id == account_id,
        owner_history.c.run_id.is_not(None),
    )
    wanted = _owners_set(Action.ACCOUNT_OWNER).where(
        steps.c.source == source,
        steps.c.account_id == account_id,
        steps.c.after == owner,
        steps.c.run_id.not_in(explained),
    )
    found = connection.execute(wanted).all()
    return found[-1].run_id if found else None


def _owners_set(*actions: str) -> Select[Any]:
    """Select the owners that runs set by such steps, in their order."""
    columns = ("run_id", "account_id", "action", "object", "record_id", "after")
    wanted = _done(runs.c.plan_id, *(steps.c[name] for name in columns))
    return wanted.where(steps.c.action.in_(actions))


# Which records we touched, and which tasks we made


def records_touched(connection: Connection, plan_id: str) -> set[str]:
    """Name the CRM's ids of all records that runs of a plan dealt with."""
    wanted = (
        select(steps.c.record_id)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(runs.c.plan_id == plan_id, steps.c.record_id.is_not(None))
    )
    return set(connection.execute(wanted).scalars())


def tasks_made(connection: Connection, prefix: str) -> dict[str, tuple[str, str]]:
    """Return the tasks whose key begins so that runs made: key to object and id."""
    wanted = select(steps.c.key, steps.c.object, steps.c.record_id).where(
        steps.c.key.startswith(prefix, autoescape=True),
        steps.c.outcome == "done",
        steps.c.record_id.is_not(None),
    )
    return {key: (name, record) for key, name, record in connection.execute(wanted)}


def tasks_not_made(connection: Connection, prefix: str) -> set[str]:
    """Name the keys of tasks that a run meant to make and did not."""
    wanted = select(steps.c.key).where(
        steps.c.key.startswith(prefix, autoescape=True),
        steps.c.outcome.in_(["skipped", "refused"]),
    )
    return set(connection.execute(wanted).scalars())


def task_writes(
    connection: Connection, source: str, records: Collection[str]
) -> Iterator[tuple[str, Mapping[str, str | None]]]:
    """Yield what runs wrote into some of our tasks, in its order: id and fields."""
    if not records:
        return
    wanted = _done(steps).where(
        steps.c.source == source,
        steps.c.action.in_(TASK_ACTIONS),
        steps.c.code.is_distinct_from("already"),
    )
    for row in connection.execute(wanted).mappings():
        if row["record_id"] in records:
            made = row["values"]["values"] if row["key"] is not None else None
            yield row["record_id"], made or {row["field"]: row["after"]}


def doubtful_keys(connection: Connection, source: str) -> frozenset[str]:
    """Name the records that we may have created and cannot find."""
    wanted = select(steps.c.key).where(
        steps.c.source == source,
        steps.c.outcome == "in_doubt",
        steps.c.key.is_not(None),
    )
    return frozenset(connection.execute(wanted).scalars())


def _done(*columns: Any) -> Select[Any]:  # noqa: ANN401 - columns or a table
    """Select from the steps that were done, in the order in which they were."""
    return (
        select(*columns)
        .select_from(steps)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(steps.c.outcome == "done")
        .order_by(runs.c.started_at, steps.c.n)
    )


def _this(run_id: str) -> Any:  # noqa: ANN401 - a SQLAlchemy condition
    return (steps.c.run_id == run_id) & (steps.c.n == bindparam("step"))


def _run_values(run: Run) -> dict[str, object]:
    return asdict(run) | {
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at and run.finished_at.isoformat(),
    }


def _run(row: Row[Any]) -> Run:
    values = dict(row._mapping)  # noqa: SLF001 - its public name
    finished = values["finished_at"]
    try:
        values["started_at"] = dt.datetime.fromisoformat(values["started_at"])
        values["finished_at"] = finished and dt.datetime.fromisoformat(finished)
    except ValueError as error:
        raise seals.LedgerChanged(row=f"runs:{values['id']}") from error
    return Run(**values)
