"""Who takes over which account of a predecessor, where several could.

Whoever is named takes over. The others are shared out area by area: to who has
customers there, then to who knows such customers, then to who has the least to do. An
area goes to one successor while it fits one; so do a company and its subsidiaries.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Literal

from handover.plan.moves import Move
from handover.plan.portfolio import NOTHING, Portfolio, make_area
from handover.plan.scheduler.travel import Area
from handover.plan.selection import AccountFacts

UNEVEN = Fraction(6, 5)
"""How much more than an equal share one successor may get for an area's sake."""

Why = Literal["named", "area", "region", "fit", "balanced"]
Group = Sequence[AccountFacts]
Measure = Callable[[Move, Group, Area | None], int]
AreaFamilies = tuple[Area | None, list[Group]]


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """Who takes over an account, why they do, and when."""

    successor_id: str | None
    reason: Why | None
    """None where there is no choice."""
    effective: date | None


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """What accounts are shared out by.

    ``minutes`` a visit to each account takes; ``regions`` of the successors, where
    known; ``portfolios``, what they own now.
    """

    minutes: Mapping[str, int]
    regions: Mapping[str, str | None] = field(default_factory=dict)
    portfolios: Mapping[str, Portfolio] = field(default_factory=dict)

    def count(self, group: Group) -> int:
        """Count the minutes that visits to some accounts take."""
        return sum(self.minutes[account.account_id] for account in group)


def assign(
    accounts: Sequence[AccountFacts], moves: Sequence[Move], sharing: Sharing
) -> dict[str, Assignment]:
    """Assign every account that the moves speak of.

    Args:
        accounts: the predecessor's.
        moves: lines that name accounts, and those for the rest.
        sharing: what the rest is shared out by.
    """
    named = {move.account_id: move for move in moves if move.account_id}
    others = [move for move in moves if not move.account_id]
    assigned = {
        account.account_id: _assign_named(named[account.account_id])
        for account in accounts
        if account.account_id in named
    }
    rest = [account for account in accounts if account.account_id not in named]
    if len(others) > 1:
        load = dict.fromkeys((move.successor_id for move in others), 0)
        for account_id, made in assigned.items():
            if made.successor_id in load:
                load[made.successor_id] += sharing.minutes[account_id]
        sharer = _Sharer(sharing=sharing, moves=others, load=load)
        return assigned | sharer.share(rest)
    for move in others:
        assigned |= {a.account_id: _assign(move, None) for a in rest}
    return assigned


def _assign_named(move: Move) -> Assignment:
    return _assign(move, "named")


def _assign(move: Move, reason: Why | None) -> Assignment:
    return Assignment(
        successor_id=move.successor_id, reason=reason, effective=move.effective
    )


@dataclass(kw_only=True)
class _Sharer:
    """Gives group after group to a successor, and keeps count of their minutes."""

    sharing: Sharing
    moves: Sequence[Move]
    load: dict[str | None, int]

    def share(self, accounts: Group) -> dict[str, Assignment]:
        """Share out area by area, those first that are somebody's, then by size."""
        total = sum(self.load.values()) + self.sharing.count(accounts)
        limit = total * UNEVEN / len(self.moves)
        found: dict[str, Assignment] = {}
        for area, families in sorted(self._list_areas(accounts), key=self._find_turn):
            whole = [account for family in families for account in family]
            fits = any(self._is_light(move, whole, limit) for move in self.moves)
            for group in [whole] if fits else families:
                found |= self._give(group, area, limit)
        return found

    def _find_turn(self, area: AreaFamilies) -> bool:
        """Sort areas that nobody knows better than others behind the rest."""
        place, families = area
        return all(
            len({measure(move, families[0], place) for move in self.moves}) == 1
            for _, measure in self._measures[:2]
        )

    def _give(
        self, group: Group, area: Area | None, limit: Fraction
    ) -> dict[str, Assignment]:
        """Give a group to the best of those whom it does not burden too much."""
        ranked = sorted(self.moves, key=lambda move: self._rank(move, group, area))
        light = [move for move in ranked if self._is_light(move, group, limit)]
        move = light[0] if light else min(self.moves, key=self._count_load)
        others = [each for each in self.moves if each is not move]
        reason: Why = next(
            (
                why
                for why, measure in self._measures
                if measure(move, group, area)
                > max(measure(other, group, area) for other in others)
            ),
            "balanced",
        )
        self.load[move.successor_id] += self.sharing.count(group)
        return {account.account_id: _assign(move, reason) for account in group}

    def _is_light(self, move: Move, group: Group, limit: Fraction) -> bool:
        """Return whether a successor has room for a group."""
        return self.load[move.successor_id] + self.sharing.count(group) <= limit

    def _rank(
        self, move: Move, group: Group, area: Area | None
    ) -> tuple[tuple[int, ...], tuple[int, int]]:
        """Sort by area, region, fit, then by who has the least to do."""
        tied = tuple(-measure(move, group, area) for _, measure in self._measures)
        return tied, self._count_load(move)

    @property
    def _measures(self) -> Sequence[tuple[Why, Measure]]:
        return (
            ("area", self._count_there),
            ("region", self._count_region),
            ("fit", self._count_fit),
        )

    def _count_there(self, move: Move, _: Group, area: Area | None) -> int:
        """Return whether a successor has customers in an area already."""
        return int(area is not None and self._held(move).areas.get(area, 0) > 0)

    def _count_region(self, move: Move, _: Group, area: Area | None) -> int:
        """Count what ties a successor to the region: their own, customers there."""
        if area is None or not area.region:
            return 0
        own = _plain(self.sharing.regions.get(move.successor_id or ""))
        known = {_plain(region) for region in self._held(move).regions}
        return 2 * (own == _plain(area.region)) + (_plain(area.region) in known)

    def _count_fit(self, move: Move, group: Group, _: Area | None) -> int:
        """Count the customers of whose class and industry a successor has others."""
        held = self._held(move)
        return sum(
            (account.industry in held.industries)
            + (account.customer_class in held.classes)
            for account in group
        )

    def _held(self, move: Move) -> Portfolio:
        return self.sharing.portfolios.get(move.successor_id or "", NOTHING)

    def _count_load(self, move: Move) -> tuple[int, int]:
        return self.load[move.successor_id], self._held(move).accounts

    def _list_areas(self, accounts: Group) -> list[AreaFamilies]:
        """List the families of each area, those first that take the longest.

        A family lies where its first account is; without a place it is by itself.
        """
        areas: dict[tuple[str, str, str], list[Sequence[AccountFacts]]]
        areas = defaultdict(list)
        for family in self._list_families(accounts):
            area = make_area(family[0].city, family[0].region)
            alone = "" if area.city else family[0].account_id
            areas[area.region, area.city, alone].append(family)

        def size(key: tuple[str, str, str]) -> int:
            return sum(map(self.sharing.count, areas[key]))

        return [
            (Area(region=key[0], city=key[1]) if key[1] else None, areas[key])
            for key in sorted(areas, key=lambda key: (-size(key), key))
        ]

    def _list_families(self, accounts: Iterable[AccountFacts]) -> list[Group]:
        """List accounts by family, those first that take the longest."""
        families: dict[str, list[AccountFacts]] = defaultdict(list)
        for account in sorted(accounts, key=lambda account: account.account_id):
            families[account.family or account.account_id].append(account)
        return sorted(
            families.values(),
            key=lambda family: (-self.sharing.count(family), family[0].account_id),
        )


def _plain(region: str | None) -> str:
    return unicodedata.normalize("NFKC", region or "").strip().casefold()
