"""How short periods get, how surely, and how soon, judged by OR-Tools CP-SAT.

python -m tests.benchmarks.proof [CASES]

Without OR-Tools (``pip install --group oracle``) the judge is left out. CP-SAT is asked
whether a day less could hold all visits; it knows the days, not the order within them,
so that its "no" is certain. The ratio is of its time to ours.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any

from handover.plan.scheduler.problem import Need, VisitProblem
from handover.plan.scheduler.solver import Schedule, solve
from tests.worlds.visit_problems import broken, draw_case

SECONDS = 30
"""That CP-SAT may take for a case."""


class Oracle:
    """The days of a period as CP-SAT sees them."""

    def __init__(self, problem: VisitProblem, days: int) -> None:
        from ortools.sat.python import cp_model

        self._cp, self._problem = cp_model, problem
        self._model = cp_model.CpModel()
        self._days = problem.days[:days]
        self._at: dict[tuple[str, int], Any] = {}
        for need in problem.musts:
            for number in self._list_days(need):
                name = f"{need.account_id} {number}"
                self._at[need.account_id, number] = self._model.new_bool_var(name)
            at = [self._at[need.account_id, n] for n in self._list_days(need)]
            self._model.add(sum(at) == 1)
        for seller in sorted({s for need in problem.musts for s in need.sellers}):
            self._limit_days(seller)
        self._attend()

    def says_no(self) -> bool | None:
        """Return whether the visits do not fit; None if that is not known in time."""
        solver = self._cp.CpSolver()
        solver.parameters.max_time_in_seconds = SECONDS
        solver.parameters.num_workers = 2
        status = solver.solve(self._model)
        if status == self._cp.INFEASIBLE:
            return True
        return False if status in (self._cp.FEASIBLE, self._cp.OPTIMAL) else None

    def _list_days(self, need: Need) -> Iterator[int]:
        away = self._problem.calendars.is_absent
        for number, day in enumerate(self._days):
            if day not in need.closed and not any(away(p, day) for p in need.persons):
                yield number

    def _limit_days(self, seller: str) -> None:
        own = [need for need in self._problem.musts if seller in need.sellers]
        others = {s for need in own for s in need.sellers} - {seller}
        limits, away = self._problem.limits, self._problem.calendars.is_absent
        there = [
            number
            for number, day in enumerate(self._days)
            if not away(seller, day)
            and (not others or any(not away(other, day) for other in others))
        ]
        placed = [self._at[n.account_id, d] for n, d in self._pairs(own)]
        most = int((1 - limits.slack) * limits.visits * len(there))
        self._model.add(sum(placed) <= most)
        for number in there:
            today = {n.account_id: n for n, d in self._pairs(own) if d == number}
            at = {account: self._at[account, number] for account in today}
            self._model.add(sum(at.values()) <= limits.visits)
            people = [today[a].people * at[a] for a in at]
            self._model.add(sum(people) <= limits.people)
            minutes = [(today[a].minutes + limits.travel.near) * at[a] for a in at]
            for other in sorted(others) or [seller]:
                together = {a: n for a, n in today.items() if other in n.sellers}
                minutes += self._travel(f"{seller} {other} {number}", together, at)
            self._model.add(sum(minutes) <= limits.minutes)

    def _travel(
        self, name: str, today: dict[str, Need], at: dict[str, Any]
    ) -> list[Any]:
        """Return what cities and regions cost beyond a near way for each visit."""
        travel = self._problem.limits.travel
        regions: dict[object, Any] = {}
        cities: dict[object, Any] = {}
        for account, need in today.items():
            for known, key in ((cities, need.area), (regions, need.area.region)):
                if key not in known:
                    known[key] = self._model.new_bool_var(f"{name} {key}")
                self._model.add_implication(at[account], known[key])
        beyond = self._model.new_int_var(0, len(regions), f"{name} beyond")
        self._model.add(beyond >= sum(regions.values()) - 1)
        longer = [(travel.far - travel.near) * opened for opened in cities.values()]
        return [*longer, (travel.regions - travel.far) * beyond]

    def _attend(self) -> None:
        attended: dict[tuple[str, int], list[Any]] = defaultdict(list)
        for need, number in self._pairs(self._problem.musts):
            if need.manager:
                at = self._at[need.account_id, number]
                attended[need.manager, number].append(at)
        for visits in attended.values():
            self._model.add(sum(visits) <= self._problem.limits.manager_visits)

    def _pairs(self, needs: Any) -> Iterator[tuple[Need, int]]:
        for need, number in product(needs, range(len(self._days))):
            if (need.account_id, number) in self._at:
                yield need, number


def judge(problem: VisitProblem, schedule: Schedule) -> str:
    """Ask the oracle whether a day less is possible."""
    if schedule.minimum_days in (None, 1):
        return "best"
    try:
        says_no = Oracle(problem, (schedule.minimum_days or 0) - 1).says_no()
    except ModuleNotFoundError:
        return "-"
    return {True: "best", False: "perhaps not", None: "unknown"}[says_no]


def main() -> None:
    """Print each case, and what they come to together."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    ours = oracle = slowest = 0.0
    proved, judged = 0, defaultdict[str, int](int)
    for seed in range(cases):
        case = draw_case(seed)
        begun = time.process_time()
        schedule = solve(case)
        taken = time.process_time() - begun
        asked = time.process_time()
        verdict = judge(case, schedule)
        oracle += time.process_time() - asked
        ours, slowest = ours + taken, max(slowest, taken)
        proved += schedule.is_proved
        judged[verdict] += 1
        assert not broken(case, schedule), broken(case, schedule)
        print(
            f"{seed:>3} {len(case.musts):>3} visits,"
            f" shortest {schedule.minimum_days:>3},"
            f" proved {schedule.bound.days:>3} {schedule.bound.why:<12}"
            f" {taken:6.2f} CPU s  oracle: {verdict}"
        )
    print(f"proved {proved} of {cases}; oracle: {dict(judged)}")
    print(f"slowest {slowest:.2f} CPU s; oracle / ours {oracle / ours:.1f}")
    for count in (80, 140):
        begun = time.process_time()
        found = [solve(draw_case(seed, count, count)) for seed in range(4)]
        each = (time.process_time() - begun) / len(found)
        shown = ", ".join(f"{s.minimum_days} (proved {s.bound.days})" for s in found)
        print(f"{count} visits: {each:.2f} CPU s each; shortest {shown}")


if __name__ == "__main__":
    main()
