"""Runs and their steps in the ledger: intent before a call leaves, outcome after.

Each function is one durable transaction. What stands here is what a run that died is
settled from, what ``runs show`` prints, and what an undo takes back.
"""

import datetime as dt
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from connectors.base import Change, Create, SetField
from handover.ledger import Ledger
from handover.ledger.events import record
from handover.ledger.tables import plans, runs
from handover.ledger.tables import steps as steps_table
from handover.plan.model import PlanState
from handover.transfer.authority import label
from handover.transfer.live import Result
from handover.transfer.steps import Step

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
        )

    def with_result(self, result: Result) -> "Entry":
        """Add what became of the step."""
        return replace(
            self,
            outcome=result.outcome,
            code=result.code,
            message=result.message,
            record_id=result.record_id or self.record_id,
        )


def entry(step: Step) -> Entry:
    """Write a step as the ledger keeps it."""
    change = step.change
    return Entry(
        n=step.n,
        source=step.source,
        account_id=step.account_id,
        action=step.action.value,
        object=change.object,
        record_id=step.record_id,
        field=step.field,
        before=step.before,
        after=step.after,
        key=step.key,
        values=_content(change) if isinstance(change, Create) else None,
        authority=label(step.authority),
    )


def _content(change: Create) -> dict[str, Any]:
    return {
        "values": dict(change.values),
        "links": dict(change.links),
        "key_field": change.key_field,
    }


def new_run_id(kind: Kind, local: dt.datetime) -> str:
    """Make up a run's id: its time in the company's zone, its kind, four letters."""
    return f"{local:%Y%m%d-%H%M}-{kind}-{secrets.token_hex(2)}"


@dataclass(frozen=True, kw_only=True)
class Journal:
    """The ledger of one run in progress."""

    ledger: Ledger
    run: Run

    def begin(self, steps: Iterable[Step]) -> None:
        """Keep the whole list before the first step is taken."""
        entries = [asdict(entry(step)) | {"run_id": self.run.id} for step in steps]
        with self.ledger.begin() as connection:
            connection.execute(insert(runs), [_run_values(self.run)])
            if entries:
                connection.execute(insert(steps_table), entries)
            details = {"kind": self.run.kind, "plan": self.run.plan_id}
            record(connection, self.run.started_at, "run_begun", self.run.id, details)

    def intend(self, steps: Iterable[int], at: dt.datetime) -> None:
        """Put on disk that these steps are about to be sent."""
        change = (
            update(steps_table)
            .where(_this(self.run.id))
            .values(
                outcome="intent",
                attempts=steps_table.c.attempts + 1,
                intended_at=at.isoformat(),
            )
        )
        with self.ledger.begin() as connection:
            connection.execute(change, [{"step": n} for n in steps])

    def record(self, results: Mapping[int, Result], at: dt.datetime) -> None:
        """Put on disk what became of steps."""
        if results:
            with self.ledger.begin() as connection:
                record_results(connection, self.run.id, results, at)
                if any(result.outcome == "done" for result in results.values()):
                    self._note_progress(connection)

    def _note_progress(self, connection: Connection) -> None:
        """Say that the plan is being carried out: from now on it cannot be voided."""
        if self.run.kind != "undo" and self.run.plan_id is not None:
            connection.execute(
                update(plans)
                .where(
                    plans.c.id == self.run.plan_id,
                    plans.c.state == PlanState.APPROVED.value,
                )
                .values(state=PlanState.IN_PROGRESS.value)
            )

    def finish(self, state: RunState, at: dt.datetime, window: dt.timedelta) -> None:
        """Close the run."""
        with self.ledger.begin() as connection:
            finish(connection, self.run.id, state, at, window=window)


def record_results(
    connection: Connection, run_id: str, results: Mapping[int, Result], at: dt.datetime
) -> None:
    """Write outcomes of steps of a run; an id that is known already stays."""
    change = update(steps_table).where(_this(run_id))
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
    record(connection, at, "run_finished", run_id, {"state": state, **counted})


def counts(entries: Iterable[Entry]) -> dict[str, int]:
    """Count outcomes; ``planned`` is the number of steps (promise P36)."""
    listed = list(entries)
    found = [e.outcome for e in listed]
    kinds = ("done", "skipped", "refused", "in_doubt")
    return {"planned": len(listed)} | {kind: found.count(kind) for kind in kinds}


def all_runs(connection: Connection) -> list[Run]:
    """List all runs, the latest first."""
    wanted = select(runs).order_by(runs.c.started_at.desc(), runs.c.id.desc())
    return [_run(row) for row in connection.execute(wanted)]


def entries_of(connection: Connection, run_id: str) -> list[Entry]:
    """List the steps of a run."""
    columns = [steps_table.c[name] for name in Entry.__dataclass_fields__]
    wanted = select(*columns).where(steps_table.c.run_id == run_id)
    rows = connection.execute(wanted.order_by(steps_table.c.n))
    return [Entry(**row._mapping) for row in rows]  # noqa: SLF001 - its public name


def _this(run_id: str) -> Any:  # noqa: ANN401 - a SQLAlchemy condition
    return (steps_table.c.run_id == run_id) & (steps_table.c.n == bindparam("step"))


def _run_values(run: Run) -> dict[str, object]:
    return asdict(run) | {
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at and run.finished_at.isoformat(),
    }


def _run(row: Row[Any]) -> Run:
    values = dict(row._mapping)  # noqa: SLF001 - its public name
    finished = values["finished_at"]
    values["started_at"] = dt.datetime.fromisoformat(values["started_at"])
    values["finished_at"] = finished and dt.datetime.fromisoformat(finished)
    return Run(**values)
