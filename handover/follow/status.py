"""Where a plan stands: whom it waits for, what is late, and how much of it is done.

The ledger alone tells it; only what is still to be asked of customers needs the mirror.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from handover.answers.confirmations import list_standing
from handover.follow.heard import Heard
from handover.ledger.states import RUNNING_STATES, Mode
from handover.plan.desk import Step, Waiting
from handover.plan.model import Plan, Row

LateStep = Step | Literal["record", "accept"]
"""A step of a plan, or what one customer waits for: results, the successor's word."""


@dataclass(frozen=True, kw_only=True)
class Late:
    """Something whose day has passed; of one customer, else of the whole plan.

    ``persons`` are the ids of those of whom one has to act.
    """

    step: LateStep
    by: dt.date
    persons: tuple[str, ...]
    account_id: str | None = None
    account: str | None = None


@dataclass(frozen=True, kw_only=True)
class StatusCounts:
    """How much of a plan is done, in customers; answers in items.

    ``open`` are must-items that nobody has answered; None where nobody looked.
    """

    customers: int
    excluded: int
    to_meet: int
    met: int
    missed: int
    accepted: int
    returned: int
    owner_changed: int
    confirmed: int
    corrected: int
    unknown: int
    not_applicable: int
    open: int | None = None


@dataclass(frozen=True, kw_only=True)
class PlanStatus:
    """Where a plan stands; ``waits`` is in the order in which it is needed."""

    plan: Plan
    waits: tuple[Waiting, ...]
    overdue: tuple[Late, ...]
    counts: StatusCounts


def find_status(
    plan: Plan,
    waits: Collection[Waiting],
    heard: Heard,
    today: dt.date,
    zone: ZoneInfo,
    open_items: int | None = None,
) -> PlanStatus:
    """Find where a plan stands.

    Args:
        plan: as it stands.
        waits: what it waits for.
        heard: what people told us of its customers.
        today: the rules' today.
        zone: where days begin.
        open_items: the must-items that nobody has answered, where somebody looked.
    """
    return PlanStatus(
        plan=plan,
        waits=tuple(waits),
        overdue=tuple(_list_late(plan, waits, heard, today, zone)),
        counts=_count(plan, heard, zone, open_items),
    )


def _list_late(
    plan: Plan,
    waits: Collection[Waiting],
    heard: Heard,
    today: dt.date,
    zone: ZoneInfo,
) -> Iterator[Late]:
    """Yield what is late: of the plan first, then customer by customer."""
    for each in waits:
        if each.by is not None and each.by < today:
            yield Late(step=each.step, by=each.by, persons=each.persons)
    if plan.state not in RUNNING_STATES:
        return
    for row in plan.rows:
        if row.mode is Mode.EXCLUDE:
            continue
        has_answered = bool(heard.made.get(row.account_id))
        is_told = has_answered or heard.is_missed(row, zone) or row.is_declined
        if row.is_met and row.visit and row.visit.date < today and not is_told:
            yield _make_late(row, "record", row.visit.date, row.visit.attendees)
        day = row.until or row.effective or plan.effective
        is_said = heard.is_accepted(row) or heard.is_returned(row)
        if day < today and not is_said and row.successor_id:
            yield _make_late(row, "accept", day, (row.successor_id,))


def _make_late(row: Row, step: LateStep, by: dt.date, persons: tuple[str, ...]) -> Late:
    return Late(
        step=step,
        by=by,
        persons=persons,
        account_id=row.account_id,
        account=row.account,
    )


def _count(
    plan: Plan, heard: Heard, zone: ZoneInfo, open_items: int | None
) -> StatusCounts:
    rows = [row for row in plan.rows if row.mode is not Mode.EXCLUDE]
    results = Counter(
        answer.result
        for row in rows
        for answer in list_standing(heard.made.get(row.account_id, ()))
    )
    return StatusCounts(
        customers=len(rows),
        excluded=len(plan.rows) - len(rows),
        to_meet=sum(row.is_met for row in rows),
        met=sum(heard.is_held(row, zone) for row in rows),
        missed=sum(heard.is_missed(row, zone) for row in rows),
        accepted=sum(map(heard.is_accepted, rows)),
        returned=sum(map(heard.is_returned, rows)),
        owner_changed=sum(row.is_carried_out for row in rows),
        confirmed=results["confirmed"],
        corrected=results["corrected"],
        unknown=results["unknown"],
        not_applicable=results["not_applicable"],
        open=open_items,
    )
