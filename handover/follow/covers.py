"""Which plan takes a record, to whom and when.

It is asked of the transfer itself, as if every day had come: what is said here is what
``reassign`` does.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from handover.ledger.states import Mode, PlanState
from handover.plan.model import Plan
from handover.transfer.facts import TransferFacts
from handover.transfer.reassign import (
    OwnerMove,
    Timing,
    child_moves,
    moving,
    planned_opportunities,
)

Standing = Literal["approved", "planned", "nobody"]
STANDINGS: tuple[Standing, ...] = get_args(Standing)
Place = tuple[str, str]
"""A record's canonical table and id."""
EVER = Timing(as_of=dt.date.max)


@dataclass(frozen=True, kw_only=True)
class Validity:
    """What decides whether a plan's word counts: approvals and people as they are now.

    ``in_force`` are the ids of the plans that may be carried out on their day.
    """

    in_force: frozenset[str]
    is_active: Callable[[str], bool]


@dataclass(frozen=True, kw_only=True)
class Cover:
    """What a plan makes of a record: who takes it over, and when.

    ``successor_id`` is None where nobody has to: a task of the plan's own, or an event
    that takes place before the owners change.
    """

    plan: str
    state: PlanState
    successor_id: str | None
    on: dt.date | None
    is_in_force: bool
    """The plan is approved, and its approval still counts."""
    is_successor_active: bool = True

    @property
    def standing(self) -> Standing:
        """Whether anybody takes the record, and whether that is decided."""
        if not self.is_successor_active:
            return "nobody"
        return "approved" if self.is_in_force else "planned"


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A record that somebody owns, and what it hangs on.

    ``plan``: whose task it is, where it is one of a plan's. ``is_about_gaps``: it is
    one of ours that asks the customer's owner, and ends when that is somebody else.
    """

    table: str
    id: str
    accounts: tuple[str, ...]
    plan: str | None = None
    is_about_gaps: bool = False


def find_covers(
    plans: Iterable[Plan],
    facts: TransferFacts,
    owned: Sequence[Owned],
    validity: Validity,
) -> dict[Place, Cover]:
    """Find by table and id the plan that takes a record, an approved one before others.

    A task of ours belongs to the plan that asks for it.
    """
    found: dict[Place, Cover] = {}
    for plan in plans:
        for place, cover in _list_covers(plan, facts, owned, validity):
            before = found.get(place)
            if before is None or _rank(cover) < _rank(before):
                found[place] = cover
    return found


def _rank(cover: Cover) -> int:
    return STANDINGS.index(cover.standing)


def _list_covers(
    plan: Plan, facts: TransferFacts, owned: Iterable[Owned], validity: Validity
) -> Iterator[tuple[Place, Cover]]:
    def cover(successor: str | None, on: dt.date | None) -> Cover:
        return Cover(
            plan=plan.id,
            state=plan.state,
            successor_id=successor,
            on=on,
            is_in_force=plan.id in validity.in_force,
            is_successor_active=successor is None or validity.is_active(successor),
        )

    successors = moving(plan, facts, EVER)
    days = {
        row.account_id: row.until if row.mode is Mode.HOLD else row.effective
        for row in plan.rows
    }
    for account, successor in successors.items():
        yield ("accounts", account), cover(successor, days[account])
    for move in child_moves(plan, facts, EVER, successors):
        on = _find_day(plan, move, days)
        yield (move.table, move.id), cover(move.successor, on)
    for each in owned:
        ends = each.is_about_gaps and bool(each.accounts)
        if each.plan == plan.id or (ends and successors.keys() >= {*each.accounts}):
            yield (each.table, each.id), cover(None, None)


def _find_day(
    plan: Plan, move: OwnerMove, days: Mapping[str, dt.date | None]
) -> dt.date | None:
    """Find when a record that hangs on accounts, or on none, changes hands."""
    if not move.follows:
        loose = (r for r in plan.loose if (r.object, r.id) == (move.table, move.id))
        return next((r.until for r in loose), None) or plan.effective
    held = planned_opportunities(plan).get(move.id)
    dates = [days[account] for account in move.follows]
    dates.append(held.until if held and move.table == "opportunities" else None)
    return max(filter(None, dates), default=None)
