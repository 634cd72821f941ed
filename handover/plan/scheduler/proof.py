"""Prove the shortest period for all people together, or find a shorter one.

Lengths of the period are tried by halves: where the integer program of the days has no
solution, no schedule is that short; where it has one, the diaries put each day in
order. Whatever takes too much effort is left open; then the plan says so.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from handover.plan.scheduler.bound import LowerBound, prove_bound
from handover.plan.scheduler.calendar import ALWAYS_OPEN
from handover.plan.scheduler.day_model import DayModel
from handover.plan.scheduler.day_order import find_clash, order_day
from handover.plan.scheduler.packing import Packing, count_days, open_packing
from handover.plan.scheduler.problem import Need, VisitProblem
from handover.plan.scheduler.program import Solution
from handover.plan.scheduler.spreading import spread
from handover.plan.scheduler.tidying import bring_together
from handover.plan.scheduler.travel import Travel

LARGEST = 4_000
"""Visits times days of a program that is still tried: about 120 visits."""
NODES = 300
"""Branches of its tree after which it is left open."""
ROUNDS = 8
"""Times that days which have no order are given other visits."""


@dataclass(frozen=True, kw_only=True)
class Shortest:
    """The shortest period that was found for the musts, and what is proved of it."""

    packing: Packing
    days: int | None
    """None if some must found no day at all."""
    bound: LowerBound


def shorten(problem: VisitProblem, known: Shortest) -> Shortest:
    """Find a shorter period than is known, or prove that there is none."""
    packing, days, bound = known.packing, known.days, known.bound
    tried: set[int] = set()
    while days is not None:
        left = [each for each in range(bound.days, days) if each not in tried]
        if not left:
            break
        length = left[len(left) // 2]
        tried.add(length)
        status, found = _try(problem, length)
        if status == "infeasible":
            bound = LowerBound(days=length + 1, why="together")
        elif found is not None:
            packing, days = found, count_days(problem, found.slots)
    if bound.days > known.bound.days:
        bound = explain_bound(problem, bound.days)
    return Shortest(packing=packing, days=days, bound=bound)


def _try(
    problem: VisitProblem, length: int
) -> tuple[Literal["feasible", "infeasible", "unknown"], Packing | None]:
    """Try to schedule all musts in so many days."""
    even = spread(problem, length)
    if even is not None:
        return "feasible", even
    if len(problem.free) * length > LARGEST:
        return "unknown", None
    model = DayModel(problem, length)
    for _ in range(ROUNDS):
        solution = _solve(model)
        if solution.status != "feasible":
            return solution.status, None
        packing, clashes = _arrange(problem, length, model.read(solution))
        for need in packing.list_missing(problem.free):
            packing.place_near(need)
        if not packing.list_missing(problem.free):
            return "feasible", bring_together(packing)
        if not clashes:
            break
        for number, clash in clashes:
            model.forbid(clash, number)
    return "unknown", None


def _solve(model: DayModel) -> Solution:
    if model.is_hopeless:
        return Solution(status="infeasible")
    return model.program.solve(NODES)


# What takes so many days.


def explain_bound(problem: VisitProblem, days: int) -> LowerBound:
    """Find what it is that takes so many days, as a day less is proved too few.

    It is that without which the proof fails; ``together``, if no single thing is.
    """
    for why, relaxed in _list_relaxed(problem):
        proved = prove_bound(relaxed).days >= days
        if not proved and _solve(DayModel(relaxed, days - 1)).status != "infeasible":
            managers = {need.manager for need in problem.free if need.manager}
            only = why == "manager" and len(managers) == 1
            return LowerBound(
                days=days, why=why, person=min(managers) if only else None
            )
    return LowerBound(days=days, why="together")


def _list_relaxed(problem: VisitProblem) -> Iterator[tuple[str, VisitProblem]]:
    """Yield the problem without one of the things that may take days."""

    def change(**changes: object) -> VisitProblem:
        musts = tuple(replace(n, **changes) for n in problem.musts)  # type: ignore[arg-type]  # by keyword
        return replace(problem, musts=musts)

    calendars, limits = problem.calendars, problem.limits
    yield "absences", replace(problem, calendars=replace(calendars, absences={}))
    yield "closed_days", change(closed=ALWAYS_OPEN)
    yield "manager", change(manager=None)
    yield "other_plans", replace(problem, calendars=replace(calendars, engagements={}))
    yield (
        "travel",
        replace(
            problem, limits=replace(limits, travel=Travel(near=0, far=0, regions=0))
        ),
    )


# The order of each day.


def _arrange(
    problem: VisitProblem, days: int, numbers: Mapping[str, int]
) -> tuple[Packing, list[tuple[int, list[Need]]]]:
    """Put the visits of each day in order.

    Returns:
        The visits of all days that have an order, and of those that have none, visits
        that cannot be together.
    """
    packing = open_packing(problem, days)
    by_day: dict[int, list[Need]] = defaultdict(list)
    for need in problem.free:
        by_day[numbers[need.account_id]].append(need)
    clashes = []
    for number, needs in sorted(by_day.items()):
        order = order_day(packing.diary, needs, number)
        if not order.slots and order.is_certain:
            clash = find_clash(packing.diary, needs, number)
            clashes += [(number, clash)] if clash else []
        for need, slot in order.slots:
            packing.enter(need, slot)
    return packing, clashes
