"""What people should know of a list of steps: what the plan does not cover, and why.

Nothing here stops a run.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence

from connectors.base import Note
from handover.ledger.states import Mode
from handover.mirror.people import People
from handover.plan.approval import ApprovedPlan
from handover.plan.model import Plan
from handover.plan.naming import name_first, name_record
from handover.transfer.facts import Child, TransferFacts
from handover.transfer.reassign import Timing, planned_opportunities
from handover.transfer.steps import Step


def list_strangers(
    plan: Plan, facts: TransferFacts, moving: Collection[str]
) -> Iterator[Note]:
    """Yield what came, went or was merged since the approval."""
    names = _name_accounts(plan, facts)
    handed = {row.account_id for row in plan.rows if row.mode is not Mode.EXCLUDE}
    planned = {row.account_id for row in plan.rows}
    won = [
        names[account.id]
        for account in facts.accounts.values()
        if account.owner_id == plan.predecessor and account.id not in planned
    ]
    if won:
        yield _listed("accounts_since_approval", won)
    gone = [names[each] for each in handed - set(facts.accounts)]
    if gone:
        yield _listed("accounts_gone", gone)
    opened = list(_opened(plan, facts, moving, names))
    if opened:
        yield _listed("opportunities_since_approval", opened)
    elsewhere = [
        f"{child.name or child.id} ({names[home]} → {_named(child, names)})"
        for child, home in _planned(plan, facts)
        if child.accounts != (home,)
    ]
    if elsewhere:
        yield _listed("opportunities_elsewhere", elsewhere)


def list_stand_ins(approved: ApprovedPlan, people: People) -> Iterator[Note]:
    """Yield that an approval was typed by somebody else than who gave it."""
    if approved.on_behalf is not None:
        params = {
            "user": people.name(approved.approver_id),
            "login": approved.actor,
            "reason": approved.on_behalf,
        }
        yield Note(code="approved_on_behalf", params=params)


def list_left(
    plan: Plan, facts: TransferFacts, timing: Timing, moving: Collection[str]
) -> Iterator[Note]:
    """Yield the open opportunities that were to go by now and stay all the same.

    What they hang on is not handed over: their customer was merged into another one, or
    they were given to another one.
    """
    names = _name_accounts(plan, facts)
    due = {row.account_id for row in plan.rows if timing.takes(row)}
    decided = planned_opportunities(plan)
    left = [
        f"{child.name or child.id} ({_named(child, names)})"
        for child, home in _planned(plan, facts)
        if home in due
        and timing.takes_opportunity(decided[child.id])
        and not (child.accounts and all(each in moving for each in child.accounts))
    ]
    if left:
        yield _listed("opportunities_left", left)


def _name_accounts(plan: Plan, facts: TransferFacts) -> dict[str, str]:
    """Return the names of the plan's accounts and of the predecessor's, by id."""
    mirrored = {key: each.name or key for key, each in facts.accounts.items()}
    return mirrored | {row.account_id: row.account for row in plan.rows}


def _planned(plan: Plan, facts: TransferFacts) -> Iterator[tuple[Child, str]]:
    """Yield the plan's opportunities that are still open, with their row's account."""
    homes = {each.id: row.account_id for row in plan.rows for each in row.opportunities}
    for child in facts.children:
        if child.table == "opportunities" and child.id in homes:
            yield child, homes[child.id]


def _named(child: Child, names: Mapping[str, str]) -> str:
    return ", ".join(names.get(each, each) for each in child.accounts) or "-"


def list_unfit(
    plan: Plan, facts: TransferFacts, steps: Sequence[Step]
) -> Iterator[Note]:
    """Yield the records that take no owner, as an earlier run found; they stay."""
    if steps:
        names = _name_accounts(plan, facts)
        known = {child.id: child.name for child in facts.children}
        unfit = [
            name_record(
                names.get(step.account_id or ""),
                known.get(step.record_id or ""),
                step.record_id or "",
            )
            for step in steps
        ]
        yield _listed("takes_no_owner", unfit)


def explain_idle(plan: Plan, facts: TransferFacts, timing: Timing) -> Note:
    """Tell why there is nothing to do: nothing is due yet, or all is done."""
    days = list(_list_days(plan, facts, timing))
    if not days:
        return Note(code="all_done", params={"plan": plan.id})
    return Note(code="nothing_due", params={"plan": plan.id, "date": min(days)})


def list_unaccepted(plan: Plan, facts: TransferFacts, timing: Timing) -> Iterator[Note]:
    """Yield which customers wait for their successor's word, if any do."""
    names = [
        row.account
        for row in plan.rows
        if row.account_id in facts.accounts
        and timing.is_due(row)
        and not timing.takes(row)
    ]
    if names:
        params = {"plan": plan.id, "n": len(names), "names": name_first(names)}
        yield Note(code="not_accepted", params=params)


def list_next(plan: Plan, facts: TransferFacts, timing: Timing) -> Iterator[Note]:
    """Yield on which day the next of what a run leaves is due, if anything is."""
    days = [day for day in _list_days(plan, facts, timing) if day > timing.as_of]
    if days:
        params = {"plan": plan.id, "n": len(days), "date": min(days)}
        yield Note(code="next_due", params=params)


def _list_days(plan: Plan, facts: TransferFacts, timing: Timing) -> Iterator[dt.date]:
    """Yield the day of each account and record that changes hands after this run.

    An opportunity or a loose record has a day of its own, and only while it is open.
    """
    waiting: dict[str, dt.date] = {}
    for row in plan.rows:
        is_there = row.account_id in facts.accounts
        if row.mode is not Mode.EXCLUDE and is_there and not timing.takes(row):
            waiting[row.account_id] = row.until or row.effective or plan.effective
    yield from waiting.values()
    decided = planned_opportunities(plan)
    for child, home in _planned(plan, facts):
        until = decided[child.id].until
        if decided[child.id].action == "hold" and until and until > timing.as_of:
            yield max(until, waiting.get(home, until))
    still_open = {(child.table, child.id) for child in facts.children}
    for record in plan.loose:
        is_given = record.action in ("transfer", "hold")
        is_open = (record.object, record.id) in still_open
        if is_open and is_given and not timing.takes_loose(record, plan):
            yield record.until or plan.effective


def _opened(
    plan: Plan,
    facts: TransferFacts,
    moving: Collection[str],
    names: Mapping[str, str],
) -> Iterator[str]:
    planned = set(planned_opportunities(plan))
    planned |= {record.id for record in plan.loose if record.object == "opportunities"}
    for child in facts.children:
        unplanned = child.table == "opportunities" and child.id not in planned
        if unplanned and any(account in moving for account in child.accounts):
            yield f"{child.name or child.id} ({_named(child, names)})"


def _listed(code: str, names: Collection[str]) -> Note:
    listed = sorted(names)
    return Note(code=code, params={"n": len(listed), "names": name_first(listed)})
