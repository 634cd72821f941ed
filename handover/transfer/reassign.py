"""The steps that give accounts, and what hangs on them, to their successors."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from handover.ledger.states import OWNER_ACTION, Action, Mode
from handover.plan.approval import ApprovedPlan
from handover.plan.model import LooseRecord, Plan, PlannedOpportunity, Row
from handover.transfer.facts import Child, TransferFacts
from handover.transfer.put_back import contact_steps
from handover.transfer.steps import Step
from handover.transfer.to_crm import CanonicalRecord, ToCrm


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Which rows' day has come.

    ``early``: a person gave a reason for not waiting for the effective dates; what is
    held stays held until its own day. ``accepted`` has who accepted which account,
    where the successor must have done so (policy ``transfer.require``); else None.
    """

    as_of: dt.date
    early: bool = False
    accepted: Mapping[str, str] | None = None

    def takes(self, row: Row) -> bool:
        """Tell whether an account is to change hands now."""
        if self.accepted is not None and not self._is_accepted(row):
            return False
        return self.is_due(row)

    def is_due(self, row: Row) -> bool:
        """Tell whether an account's day has come, whoever accepted it."""
        if row.mode is Mode.EXCLUDE or row.successor_id is None:
            return False
        if row.mode is Mode.HOLD:
            return self._come(row.until or row.effective)
        return self.early or self._come(row.effective)

    def _is_accepted(self, row: Row) -> bool:
        """Tell whether the one who takes an account over has accepted it."""
        accepted = self.accepted or {}
        return row.is_carried_out or accepted.get(row.account_id) == row.successor_id

    def takes_loose(self, record: LooseRecord, plan: Plan) -> bool:
        """Tell whether a loose record is to change hands now."""
        if record.action == "hold":
            return self._come(record.until)
        return record.action == "transfer" and (
            self.early or self._come(record.until or plan.effective)
        )

    def takes_opportunity(self, planned: PlannedOpportunity | None) -> bool:
        """Tell whether an opportunity goes with its account; one not planned stays."""
        if planned is None:
            return False
        return planned.action == "transfer" or self._come(planned.until)

    def _come(self, day: dt.date | None) -> bool:
        return day is not None and day <= self.as_of


def moving(plan: Plan, facts: TransferFacts, timing: Timing) -> dict[str, str]:
    """Tell which accounts change hands or have done so, and who takes them over.

    One that was handed over and that somebody gave to another person since stays there.
    """
    return {
        row.account_id: row.successor_id
        for row in plan.rows
        if row.successor_id is not None
        and row.account_id in facts.accounts
        and timing.takes(row)
        and not (
            row.is_carried_out
            and facts.accounts[row.account_id].owner_id != row.successor_id
        )
    }


def planned_opportunities(plan: Plan) -> dict[str, PlannedOpportunity]:
    """Return what was decided of opportunities, by id, whatever they hang on now.

    Their account may have been merged into another one since: then it is the winner's
    row that says whether and to whom they go, and what was decided of them holds.
    """
    return {each.id: each for row in plan.rows for each in row.opportunities}


def receivers(
    plan: Plan, successors: Mapping[str, str], timing: Timing, steps: Iterable[Step]
) -> set[str]:
    """Name who takes something over in a run."""
    concerned = {step.account_id for step in steps}
    loose = {_loose_successor(record, plan, timing) for record in plan.loose}
    return {user for account, user in successors.items() if account in concerned} | {
        user for user in loose if user is not None and concerned
    }


def _loose_successor(record: LooseRecord, plan: Plan, timing: Timing) -> str | None:
    """Tell who takes over a loose record now; None when it stays."""
    if not timing.takes_loose(record, plan):
        return None
    return record.successor or next(iter(plan.successors), None)


def owner_steps(
    approved: ApprovedPlan, facts: TransferFacts, to_crm: ToCrm, timing: Timing
) -> list[Step]:
    """List the owner changes that are due, in no particular order.

    An account that has its successor already needs no step; what still hangs on the
    predecessor follows it all the same.
    """
    plan = approved.plan
    successors = moving(plan, facts, timing)
    accounts = [
        OwnerMove(
            table="accounts",
            id=account,
            object=facts.accounts[account].object,
            successor=successor,
            account_id=account,
            follows=(account,),
        )
        for account, successor in successors.items()
    ]
    children = list(child_moves(plan, facts, timing, successors))
    changing = [
        move for move in accounts if facts.accounts[move.id].owner_id != move.successor
    ]
    owners = [
        *(_owner_step(approved, to_crm, replace(m, follows=())) for m in changing),
        *(_owner_step(approved, to_crm, move) for move in children),
    ]
    changed = {move.id: move.successor for move in changing}
    return [
        *owners,
        *_extra_steps(approved, facts, to_crm, [*accounts, *children]),
        *contact_steps(approved, to_crm, facts.kept, changed),
    ]


@dataclass(frozen=True, kw_only=True)
class OwnerMove(CanonicalRecord):
    """A record and who takes it over, after the owner of which accounts has changed."""

    successor: str
    account_id: str | None
    follows: tuple[str, ...]
    expects: Mapping[str, str | None] = field(default_factory=dict)
    """Further fields that have to stay as they are."""


def _owner_step(approved: ApprovedPlan, to_crm: ToCrm, move: OwnerMove) -> Step:
    before, after = approved.plan.predecessor, move.successor
    return Step(
        source=approved.plan.source,
        account_id=move.account_id,
        action=OWNER_ACTION[move.table],
        change=to_crm.owner_change(move, before=before, after=after),
        authority=approved,
        follows=move.follows,
        expects=move.expects,
    )


def child_moves(
    plan: Plan, facts: TransferFacts, timing: Timing, successors: Mapping[str, str]
) -> Iterator[OwnerMove]:
    """Yield the records that follow accounts, or are given away by themselves.

    Args:
        plan: which decides.
        facts: with all open records of the predecessor.
        timing: which days have come.
        successors: who takes over which account; see ``moving``.
    """
    loose = {(record.object, record.id): record for record in plan.loose}
    planned = planned_opportunities(plan)
    for child in facts.children:
        decided = loose.get((child.table, child.id))
        if decided is not None:
            successor = _loose_successor(decided, plan, timing)
            if successor is not None:
                yield _child_move(child, successor, follows=())
        elif child.accounts and all(a in successors for a in child.accounts):
            first = child.accounts[0]
            if child.table != "opportunities" or timing.takes_opportunity(
                planned.get(child.id)
            ):
                yield _child_move(child, successors[first], follows=child.accounts)


def _child_move(child: Child, successor: str, *, follows: tuple[str, ...]) -> OwnerMove:
    return OwnerMove(
        table=child.table,
        id=child.id,
        object=child.object,
        successor=successor,
        account_id=next(iter(child.accounts), None),
        follows=follows,
        expects=child.expects,
    )


def _extra_steps(
    approved: ApprovedPlan,
    facts: TransferFacts,
    to_crm: ToCrm,
    moves: Iterable[OwnerMove],
) -> Iterator[Step]:
    """Yield the owner-like fields of the mapping that move along."""
    going = {(move.table, move.id): move for move in moves}
    for extra in facts.extras:
        move = going.get((extra.table, extra.id))
        if move is None:
            continue
        before, after = approved.plan.predecessor, move.successor
        yield Step(
            source=approved.plan.source,
            account_id=next(iter(move.follows), None),
            action=Action.OWNER_FIELD,
            change=to_crm.owner_field_change(
                extra, extra.field, before=before, after=after
            ),
            authority=approved,
            follows=move.follows,
        )
