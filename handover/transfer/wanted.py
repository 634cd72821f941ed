"""The tasks that a plan asks of people, one per person and purpose (design §10)."""

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from handover.plan.model import Mode, Plan, Row


class Purpose(StrEnum):
    """What a task asks for (design §10)."""

    VISIT = "visit"
    PREPARE = "prepare"
    ACCEPT = "accept"
    GAPS = "gaps"
    HOLD = "hold"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """One task that the plan asks of one person."""

    row: Row
    purpose: Purpose
    user_id: str
    due: dt.date
    gaps: tuple[str, ...] = ()

    def key(self, plan: Plan) -> str:
        """Name it for good: the same plan asks for it only once."""
        return f"{key_prefix(plan)}{self.row.account_id}:{self.purpose}:{self.user_id}"


def key_prefix(plan: Plan) -> str:
    """Give what the keys of all tasks of a plan begin with."""
    return f"handover:{plan.id}:{plan.source}:"


def account_of(key: str, plan: Plan) -> str:
    """Read a task's account out of its key; ids may contain colons themselves."""
    return key.removeprefix(key_prefix(plan)).rsplit(":", 2)[0]


def wanted(
    plan: Plan, *, preparer: str, must: Collection[str], moved: Collection[str]
) -> tuple[Wanted, ...]:
    """List the tasks that a plan asks for.

    Args:
        plan: as approved.
        preparer: who gets the information ready: the predecessor, or who stands in.
        must: codes of the policy's must-items.
        moved: accounts that have changed hands; they are held no longer.
    """
    found = [
        task
        for row in plan.rows
        for task in _wanted(row, plan, preparer=preparer, must=must, moved=moved)
    ]
    return tuple({task.key(plan): task for task in found}.values())


def _wanted(
    row: Row,
    plan: Plan,
    *,
    preparer: str,
    must: Collection[str],
    moved: Collection[str],
) -> Iterator[Wanted]:
    if row.mode is Mode.EXCLUDE:
        return
    takes_effect = (row.until if row.mode is Mode.HOLD else None) or (
        row.effective or plan.effective
    )
    ready_by = min(plan.end, takes_effect - dt.timedelta(days=1))
    if row.mode is Mode.MEET and row.visit is not None:
        for user in row.visit.attendees:
            yield _task(row, Purpose.VISIT, user, row.visit.date)
    if row.mode is Mode.INFORM:
        yield _task(row, Purpose.PREPARE, preparer, ready_by)
        if row.successor_id is not None:
            yield _task(row, Purpose.ACCEPT, row.successor_id, takes_effect)
    if row.mode is Mode.HOLD and row.account_id not in moved:
        yield _task(row, Purpose.HOLD, plan.predecessor, takes_effect)
    gaps = tuple(g for g in row.gaps if g in must and g not in row.waived)
    if gaps:
        yield replace(_task(row, Purpose.GAPS, preparer, ready_by), gaps=gaps)


def _task(row: Row, purpose: Purpose, user: str, due: dt.date) -> Wanted:
    return Wanted(row=row, purpose=purpose, user_id=user, due=due)


def preparer(plan: Plan, delegate: str | None) -> str:
    """Say who gets the information ready.

    The predecessor does; when he is absent, the manager's delegate, else the manager.
    """
    if not plan.absent:
        return plan.predecessor
    return delegate or plan.manager or plan.predecessor
