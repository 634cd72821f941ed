"""What people should know of a list of steps: what the plan does not cover, and why.

Nothing here stops a run.
"""

from collections.abc import Collection, Iterator

from connectors.base import Note
from handover.ledger.states import Mode
from handover.plan.model import Plan
from handover.transfer.facts import TransferFacts
from handover.transfer.reassign import Timing


def list_strangers(
    plan: Plan, facts: TransferFacts, moving: Collection[str]
) -> Iterator[Note]:
    """Yield what came or went since the approval: the plan does not cover it."""
    planned = {row.account_id for row in plan.rows}
    handed = {row.account_id for row in plan.rows if row.mode is not Mode.EXCLUDE}
    won = [
        account.id
        for account in facts.accounts.values()
        if account.owner_id == plan.predecessor and account.id not in planned
    ]
    if won:
        yield _listed("accounts_since_approval", won)
    gone = sorted(handed - set(facts.accounts))
    if gone:
        yield _listed("accounts_gone", gone)
    opened = list(_opened(plan, facts, moving))
    if opened:
        yield _listed("opportunities_since_approval", opened)


def explain_idle(plan: Plan, timing: Timing) -> Note:
    """Tell why there is nothing to do: nothing is due yet, or all is done."""
    waiting = [
        row
        for row in plan.rows
        if row.mode is not Mode.EXCLUDE and not timing.takes(row)
    ]
    if not waiting:
        return Note(code="all_done", params={"plan": plan.id})
    days = [row.until or row.effective or plan.effective for row in waiting]
    unaccepted = timing.accepted_only and min(days) <= timing.as_of
    code = "not_accepted" if unaccepted else "nothing_due"
    return Note(code=code, params={"plan": plan.id, "date": min(days)})


def _opened(plan: Plan, facts: TransferFacts, moving: Collection[str]) -> Iterator[str]:
    planned = {each.id for row in plan.rows for each in row.opportunities}
    planned |= {record.id for record in plan.loose if record.object == "opportunities"}
    for child in facts.children:
        unplanned = child.table == "opportunities" and child.id not in planned
        if unplanned and any(account in moving for account in child.accounts):
            yield child.id


def _listed(code: str, ids: Collection[str]) -> Note:
    shown = sorted(ids)
    more = "" if len(shown) <= 10 else " ..."
    return Note(
        code=code, params={"n": len(shown), "ids": ", ".join(shown[:10]) + more}
    )
