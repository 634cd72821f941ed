"""Who takes over which account of a predecessor, by the moves that name them."""

import datetime as dt
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from handover.plan.selection import AccountFacts


@dataclass(frozen=True, kw_only=True)
class Move:
    """One line of a reorganisation. Without an account: all that no line names."""

    account_id: str | None = None
    successor_id: str | None
    effective: dt.date | None = None


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Who takes over an account, why they do, and when."""

    successor_id: str | None
    reason: Literal["named", "region", "balanced"] | None
    """None where there is no choice."""
    effective: dt.date | None


def assign(
    accounts: Sequence[AccountFacts],
    moves: Sequence[Move],
    minutes: Mapping[str, int],
    regions: Mapping[str, str | None],
) -> dict[str, Assignment]:
    """Assign every account that the moves speak of.

    Args:
        accounts: the predecessor's.
        moves: lines that name accounts, and those for the rest.
        minutes: how long a visit to each account takes.
        regions: of the successors, where known.
    """
    named = {move.account_id: move for move in moves if move.account_id}
    others = [move for move in moves if not move.account_id]
    assigned = {
        account.account_id: _assign_named(named[account.account_id])
        for account in accounts
        if account.account_id in named
    }
    if not others:
        return assigned
    load = dict.fromkeys((move.successor_id for move in others), 0)
    for account_id, assignment in assigned.items():
        if assignment.successor_id in load:
            load[assignment.successor_id] += minutes[account_id]
    rest = [account for account in accounts if account.account_id not in named]
    for family in _group_families(rest, minutes):
        move, reason = _choose(family[0], others, load, regions)
        load[move.successor_id] += sum(minutes[a.account_id] for a in family)
        for account in family:
            assigned[account.account_id] = Assignment(
                successor_id=move.successor_id,
                reason=reason,
                effective=move.effective,
            )
    return assigned


def _assign_named(move: Move) -> Assignment:
    return Assignment(
        successor_id=move.successor_id, reason="named", effective=move.effective
    )


def _group_families(
    accounts: Iterable[AccountFacts], minutes: Mapping[str, int]
) -> list[list[AccountFacts]]:
    """Group accounts by family, those first that take the longest."""
    families: dict[str, list[AccountFacts]] = defaultdict(list)
    for account in sorted(accounts, key=lambda account: account.account_id):
        families[account.family or account.account_id].append(account)
    return sorted(
        families.values(),
        key=lambda f: (-sum(minutes[a.account_id] for a in f), f[0].account_id),
    )


def _choose(
    account: AccountFacts,
    moves: Sequence[Move],
    load: Mapping[str | None, int],
    regions: Mapping[str, str | None],
) -> tuple[Move, Literal["region", "balanced"] | None]:
    if len(moves) == 1:
        return moves[0], None
    region = _plain(account.region)
    there = [
        move
        for move in moves
        if region and region == _plain(regions.get(move.successor_id or ""))
    ]
    if len(there) == 1:
        return there[0], "region"
    return min(there or moves, key=lambda m: load[m.successor_id]), "balanced"


def _plain(region: str | None) -> str:
    return unicodedata.normalize("NFKC", region or "").strip().casefold()
