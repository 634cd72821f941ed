"""The steps that give accounts, and what hangs on them, to their successors."""

import datetime as dt
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass

from handover.plan.approval import ApprovedPlan
from handover.plan.model import LooseRecord, Mode, Plan, Row
from handover.transfer.address import field_change, member_create, owner_change
from handover.transfer.facts import TEAMS, Child, Facts
from handover.transfer.steps import Action, Step
from mappings.model import Mapping

OWNER_ACTION = {
    "accounts": Action.ACCOUNT_OWNER,
    "contacts": Action.CONTACT_OWNER,
    "opportunities": Action.OPPORTUNITY_OWNER,
    "requests": Action.REQUEST_OWNER,
    "activities": Action.ACTIVITY_OWNER,
}
"""What changes the owner of a record of a canonical table."""


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Which rows' day has come.

    ``early``: a person gave a reason for not waiting for the effective dates; what is
    held stays held until its own day. ``accepted_only``: the successor must have
    accepted a row (policy ``transfer.require``).
    """

    as_of: dt.date
    early: bool = False
    accepted_only: bool = False

    def takes(self, row: Row) -> bool:
        """Tell whether an account is to change hands now."""
        if row.mode is Mode.EXCLUDE or row.successor_id is None:
            return False
        if self.accepted_only and row.state != "accepted":
            return False
        if row.mode is Mode.HOLD:
            return self._come(row.until or row.effective)
        return self.early or self._come(row.effective)

    def takes_loose(self, record: LooseRecord, plan: Plan) -> bool:
        """Tell whether a loose record is to change hands now."""
        if record.action == "hold":
            return self._come(record.until)
        return record.action == "transfer" and (
            self.early or self._come(record.until or plan.effective)
        )

    def takes_opportunity(self, row: Row, opportunity_id: str) -> bool:
        """Tell whether an opportunity goes with its account; one not planned stays."""
        planned = {each.id: each for each in row.opportunities}.get(opportunity_id)
        if planned is None:
            return False
        return planned.action == "transfer" or self._come(planned.until)

    def _come(self, day: dt.date | None) -> bool:
        return day is not None and day <= self.as_of


def moving(plan: Plan, facts: Facts, timing: Timing) -> dict[str, str]:
    """Tell which accounts change hands or have done so, and who takes them over."""
    return {
        row.account_id: row.successor_id
        for row in plan.rows
        if row.successor_id is not None
        and row.account_id in facts.accounts
        and timing.takes(row)
    }


def owner_steps(
    approved: ApprovedPlan, facts: Facts, mapping: Mapping, timing: Timing
) -> list[Step]:
    """List the owner changes that are due, in no particular order.

    An account that has its successor already needs no step; what still hangs on the
    predecessor follows it all the same.
    """
    plan = approved.plan
    successors = moving(plan, facts, timing)
    accounts = [
        _account_step(approved, facts, mapping, account, successor)
        for account, successor in successors.items()
        if facts.accounts[account].owner_id != successor
    ]
    moves = list(_child_moves(plan, facts, timing, successors))
    children = [_child_step(approved, mapping, move) for move in moves]
    return [
        *accounts,
        *children,
        *_extra_steps(approved, facts, mapping, successors, moves),
        *_team_steps(approved, facts, mapping, [*accounts, *children]),
    ]


@dataclass(frozen=True, kw_only=True)
class Move:
    """A child and who takes it over; loose ones follow no account."""

    child: Child
    successor: str
    follows: tuple[str, ...]


def _account_step(
    approved: ApprovedPlan, facts: Facts, mapping: Mapping, account: str, successor: str
) -> Step:
    record = (facts.accounts[account].object, account)
    users = (approved.plan.predecessor, successor)
    return Step(
        source=approved.plan.source,
        account_id=account,
        action=Action.ACCOUNT_OWNER,
        change=owner_change(mapping, "accounts", record, users),
        authority=approved,
    )


def _child_moves(
    plan: Plan, facts: Facts, timing: Timing, successors: Map[str, str]
) -> Iterator[Move]:
    loose = {(record.object, record.id): record for record in plan.loose}
    rows = {row.account_id: row for row in plan.rows}
    for child in facts.children:
        decided = loose.get((child.table, child.id))
        if decided is not None:
            successor = decided.successor or next(iter(plan.successors), None)
            if successor is not None and timing.takes_loose(decided, plan):
                yield Move(child=child, successor=successor, follows=())
        elif child.accounts and all(a in successors for a in child.accounts):
            first = child.accounts[0]
            if child.table != "opportunities" or timing.takes_opportunity(
                rows[first], child.id
            ):
                yield Move(
                    child=child, successor=successors[first], follows=child.accounts
                )


def _child_step(approved: ApprovedPlan, mapping: Mapping, move: Move) -> Step:
    child = move.child
    users = (approved.plan.predecessor, move.successor)
    return Step(
        source=approved.plan.source,
        account_id=next(iter(child.accounts), None),
        action=OWNER_ACTION[child.table],
        change=owner_change(mapping, child.table, (child.object, child.id), users),
        authority=approved,
        follows=move.follows,
    )


def _extra_steps(
    approved: ApprovedPlan,
    facts: Facts,
    mapping: Mapping,
    successors: Map[str, str],
    moves: Iterable[Move],
) -> Iterator[Step]:
    """Yield the owner-like fields of the mapping that move along."""
    going = {
        ("accounts", account): (facts.accounts[account].object, who, (account,))
        for account, who in successors.items()
    } | {
        (move.child.table, move.child.id): (
            move.child.object,
            move.successor,
            move.follows,
        )
        for move in moves
    }
    for extra in facts.extras:
        if (extra.table, extra.id) not in going:
            continue
        name, successor, follows = going[extra.table, extra.id]
        users = (approved.plan.predecessor, successor)
        yield Step(
            source=approved.plan.source,
            account_id=next(iter(follows), None),
            action=Action.OWNER_FIELD,
            change=field_change(
                mapping, extra.table, (name, extra.id), extra.field, users
            ),
            authority=approved,
            follows=follows,
        )


def _team_steps(
    approved: ApprovedPlan, facts: Facts, mapping: Mapping, changes: Iterable[Step]
) -> Iterator[Step]:
    """Yield what puts back the teams that these owner changes may drop."""
    by_record = {(step.action, step.record_id): step for step in changes}
    for member in facts.members:
        team_of = TEAMS[member.table]
        own_id = mapping.crm_id(team_of, member.record_id)[1]
        owner_step = by_record.get((OWNER_ACTION[team_of], own_id))
        create = member_create(mapping, member, team_of)
        if owner_step is None or create is None:
            continue
        yield Step(
            source=approved.plan.source,
            account_id=owner_step.account_id,
            action=Action.TEAM_MEMBER,
            change=create,
            authority=approved,
            follows=tuple(filter(None, [owner_step.account_id])),
            restores=member.id,
        )
