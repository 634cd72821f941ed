"""Whether visits take place on the days set for them, and with whom was asked for."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import replace

from handover.i18n import Phrase
from handover.plan import errors
from handover.plan.edits import Edits
from handover.plan.limits import write_time
from handover.plan.model import Plan, Row
from handover.plan.naming import name_rows
from handover.plan.scheduler.problem import Need
from handover.plan.scheduler.refusals import find_refusal
from handover.plan.visits import Ground, ScheduledRows


def check_days(
    rows: Iterable[Row], scheduled: ScheduledRows, edits: Edits, ground: Ground
) -> None:
    """Refuse visits that have no slot on the day that a person set for them.

    Raises:
        DateNotFree: it is one visit; says why.
        DatesNotFree: they are several; says why of each.
    """
    found = []
    for before, row in zip(rows, scheduled.rows, strict=True):
        day = find_pinned_day(before, edits.dates)
        if day is not None and not _takes_place(row, day, edits.times):
            need = scheduled.problem.needs[row.account_id]
            why = _explain(scheduled, need, ground) or Phrase(text="no-slot:moved")
            found.append(errors.DateNotFree(account=row.account, date=day, why=why))
    if len(found) > 1:
        raise errors.DatesNotFree(count=len(found), refused=tuple(found))
    for each in found:
        raise each


def find_pinned_day(row: Row, dates: Mapping[str, dt.date]) -> dt.date | None:
    """Find the day that a person set for a visit, or that its customer agreed to."""
    is_bound = row.visit and (row.visit.pinned or row.is_agreed)
    pinned = row.visit.date if row.visit and is_bound else None
    return dates.get(row.account_id, pinned)


def _takes_place(row: Row, day: dt.date, times: Mapping[str, str]) -> bool:
    """Return whether a visit is on the day, and at the time, that a person set."""
    if row.visit is None or row.visit.date != day:
        return False
    return times.get(row.account_id, row.visit.start) == row.visit.start


def check_manager(plan: Plan, rows: Iterable[Row], ground: Ground) -> None:
    """Refuse visits of the manager for whom they leave no slot.

    Raises:
        ManagerNotFree: names the customers; without the manager they have a slot.
    """
    known = {row.account_id: row for row in plan.rows}
    full = [
        row
        for row in rows
        if row.is_attended
        and row.visit is None
        and not known[row.account_id].is_attended
        and known[row.account_id].visit is not None
    ]
    if full:
        raise errors.ManagerNotFree(
            manager=ground.name(plan.manager or ""),
            accounts=name_rows(full),
            limit=ground.policy.plan.manager_visits,
        )


def check_agreed(
    plan: Plan, rows: Iterable[Row], scheduled: ScheduledRows, ground: Ground
) -> None:
    """Refuse to bring others to a visit that its customer agreed to than can come.

    Raises:
        DateNotFree: names the customer, and who cannot come or why.
    """
    for row in rows:
        known, need = (
            plan.row(row.account_id),
            scheduled.problem.needs.get(row.account_id),
        )
        if known is None or need is None or need.agreed is None:
            continue
        before, now = ((each.successor_id, each.is_attended) for each in (known, row))
        day, time = need.agreed.date, need.agreed.start
        asked = replace(need, agreed=None, date=day, time=time)
        why = _explain(scheduled, asked, ground) if before != now else None
        if why is not None:
            raise errors.DateNotFree(account=row.account, date=day, why=why)


def _explain(scheduled: ScheduledRows, need: Need, ground: Ground) -> Phrase | None:
    """Say why a visit has no slot on the day that was set for it; None if it has."""
    schedule, problem = scheduled.schedule, scheduled.problem
    cause = find_refusal(problem, schedule.slots, schedule.days, need)
    if cause is None:
        return None
    params = {
        "person": ground.name(cause.person) if cause.person else "",
        "limit": cause.limit,
        "start": write_time(cause.start or 0),
        "end": write_time(cause.end or 0),
    }
    return Phrase(text=f"no-slot:{cause.code}", params=params)
