"""Ways out of a period that is too short, each with what it would bring.

Every way is tried on the scheduler: its effect is how many rows that now find no slot
would get one. A way that brings nothing is listed as well, so that nobody has to try.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from handover.plan.model import Option, Overflow, Row
from handover.plan.scheduler.problem import Need, VisitProblem
from handover.plan.scheduler.solver import Schedule, solve
from handover.plan.selection import depend_on_opportunities, find_musts

MOST_HELD = 10
"""Per cent of the opportunities that may stay with the predecessor for a while."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """Rows with an overflow, and what the ways out need to know of them."""

    rows: Sequence[Row]
    overflow: Sequence[Overflow]
    problem: VisitProblem
    schedule: Schedule
    manager: str | None
    effective: dt.date
    online_minutes: int

    @property
    def left(self) -> frozenset[str]:
        """The accounts that found no slot."""
        return frozenset(each.account_id for each in self.overflow)

    @property
    def left_musts(self) -> tuple[Need, ...]:
        """The visits among them that must take place."""
        left = self.left
        return tuple(n for n in self.problem.musts if n.account_id in left)

    @property
    def afresh(self) -> VisitProblem:
        """The same problem in the same period, without any visit fixed yet."""
        return replace(self.problem, end=self.schedule.end, kept={})

    def gain(self, problem: VisitProblem, *, prove: bool = False) -> int:
        """Count the rows without a slot that a changed problem would give one.

        Args:
            problem: as it would be.
            prove: whether its period is the shortest, which only a proof may find.
        """
        return len(self.left & solve(problem, prove=prove).slots.keys())


def list_options(situation: Situation) -> tuple[Option, ...]:
    """List the ways out that apply, the least intrusive first."""
    if not situation.left:
        return ()
    found = (way(situation) for way in _WAYS)
    return tuple(option for option in found if option is not None)


def _longer_period(situation: Situation) -> Option | None:
    """Extend to the day on which every row has its slot."""
    problem = situation.problem
    end = situation.schedule.minimum_end
    if not situation.left_musts:
        everything = (*problem.musts, *problem.shoulds)
        all_needed = replace(situation.afresh, musts=everything, shoulds=(), end=None)
        end = solve(all_needed).minimum_end
    if end is None:
        return None
    effect = situation.gain(replace(situation.afresh, end=end), prove=True)
    return Option(code="longer_period", effect=effect, end=end)


def _second_successor(situation: Situation) -> Option:
    """Give every other visit to a second successor, whose diary is empty."""

    def shared(needs: Iterable[Need]) -> tuple[Need, ...]:
        return tuple(
            replace(need, sellers=(*need.sellers[:-1], "")) if number % 2 else need
            for number, need in enumerate(needs)
        )

    problem = replace(
        situation.afresh,
        musts=shared(situation.problem.musts),
        shoulds=shared(situation.problem.shoulds),
    )
    effect = situation.gain(problem)
    return Option(code="second_successor", effect=effect, end=None)


def _online(situation: Situation) -> Option | None:
    """Hold the meetings that should, not must, take place online."""
    if not situation.problem.shoulds:
        return None
    online = tuple(
        replace(need, online=True, minutes=situation.online_minutes)
        for need in situation.problem.shoulds
    )
    effect = situation.gain(replace(situation.afresh, shoulds=online))
    return Option(code="online", effect=effect, end=None)


def _inform_should(situation: Situation) -> Option | None:
    """Hand over by information only whom we should meet, so that musts find room."""
    if not (situation.problem.shoulds and situation.left_musts):
        return None
    effect = situation.gain(replace(situation.afresh, shoulds=()))
    return Option(code="inform_should", effect=effect, end=None)


def _split_at_effective(situation: Situation) -> Option | None:
    """Let successor and manager visit the musts that are left after the change."""
    if not situation.left_musts:
        return None
    later = tuple(
        replace(need, sellers=need.sellers[-1:], manager=situation.manager, date=None)
        for need in situation.left_musts
    )
    schedule = solve(
        replace(
            situation.afresh,
            musts=later,
            shoulds=(),
            start=situation.effective,
            end=None,
        ),
        prove=False,
    )
    return Option(
        code="split_at_effective", effect=len(schedule.slots), end=schedule.end
    )


def _hold_opportunities(situation: Situation) -> Option | None:
    """Leave opportunities with the predecessor whose accounts need no visit then.

    Those of the least important accounts that have a slot now, which others would get.
    """
    total = sum(len(row.opportunities) for row in situation.rows)
    most = total * MOST_HELD // 100
    if not (situation.left_musts and most):
        return None
    held: set[str] = set()
    for need in reversed(situation.problem.musts):
        row = next(r for r in situation.rows if r.account_id == need.account_id)
        musts = find_musts(row.reasons)
        if row.visit is None or not (musts and depend_on_opportunities(musts)):
            continue
        most -= len(row.opportunities)
        if most < 0:
            break
        held.add(row.account_id)
    kept = tuple(n for n in situation.problem.musts if n.account_id not in held)
    effect = situation.gain(replace(situation.afresh, musts=kept))
    return Option(code="hold_opportunities", effect=effect, end=None)


_WAYS: tuple[Callable[[Situation], Option | None], ...] = (
    _longer_period,
    _second_successor,
    _online,
    _inform_should,
    _split_at_effective,
    _hold_opportunities,
)
