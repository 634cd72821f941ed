"""Runs and their steps in the ledger: intent before a call leaves, outcome after.

Each function is one durable transaction. What stands here is what a run that died is
settled from, what ``runs show`` prints, and what an undo takes back.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from connectors.base import Create
from handover.ledger import Ledger, runs
from handover.ledger.runs import Entry, Run, RunState, StepResult
from handover.plan.store import note_progress
from handover.transfer.steps import Step, label


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
        "proof": list(change.proof),
    }


@dataclass(frozen=True, kw_only=True)
class Journal:
    """The ledger of one run in progress."""

    ledger: Ledger
    run: Run
    check_allowed: Callable[[Connection], None]
    """Called in the transaction of each intent; raises when it may be no longer."""

    def begin(self, steps: Iterable[Step]) -> None:
        """Keep the whole list before the first step is taken."""
        with self.ledger.begin() as connection:
            runs.begin(connection, self.run, map(entry, steps))

    def intend(self, steps: Iterable[int], at: dt.datetime) -> None:
        """Put on disk that these steps are about to be sent, if they still may be.

        Raises:
            Refusal: what allowed them does so no longer; nothing was written.
        """
        with self.ledger.begin() as connection:
            self.check_allowed(connection)
            runs.intend(connection, self.run.id, steps, at)

    def record(self, results: Mapping[int, StepResult], at: dt.datetime) -> None:
        """Put on disk what became of steps."""
        if results:
            with self.ledger.begin() as connection:
                runs.record_results(connection, self.run.id, results, at)
                if self._makes_progress(results):
                    note_progress(connection, self.run.plan_id, at)

    def finish(self, state: RunState, at: dt.datetime, window: dt.timedelta) -> None:
        """Close the run."""
        with self.ledger.begin() as connection:
            runs.finish(connection, self.run.id, state, at, window=window)

    def _makes_progress(self, results: Mapping[int, StepResult]) -> bool:
        """Tell whether the plan is carried out further; undoing one does not."""
        done = any(result.outcome == "done" for result in results.values())
        return done and self.run.kind != "undo"
