"""Which visit takes place on which day, as an integer program.

It knows every person: the visits, people and minutes a day of predecessor and
successors, how often the manager attends, who is away, when customers are closed, the
slots that are kept, and the travel that no order of the visits can save. What it leaves
out is only the order within a day: where it has no solution, no schedule has one.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from handover.plan.scheduler.bound import find_arrival
from handover.plan.scheduler.diary import list_numbers
from handover.plan.scheduler.packing import open_packing
from handover.plan.scheduler.problem import Need, VisitProblem
from handover.plan.scheduler.program import Program, Solution
from handover.plan.scheduler.travel import Area


class DayModel:
    """The integer program of the first days of a period."""

    def __init__(self, problem: VisitProblem, days: int) -> None:
        """Write the program for the musts that nobody pinned."""
        self.program = Program()
        self.is_hopeless = False
        """Whether some visit fits on no day at all."""
        self._problem = problem
        self._days = days
        self._limits = problem.limits
        self._empty = open_packing(problem, days)
        kinds: dict[object, list[Need]] = defaultdict(list)
        for need in problem.free:
            kinds[need.kind, need.closed, need.use_reserve].append(need)
        self._kinds = list(kinds.values())
        self._columns: list[dict[int, int]] = []
        self._kind_of = {
            need.account_id: kind
            for kind, needs in enumerate(self._kinds)
            for need in needs
        }
        self._place_all()
        self._keep_slack()
        self._attend()
        self._fill_days()

    def read(self, answer: Solution) -> Mapping[str, int]:
        """Read which visit takes place on which day."""
        if answer.status != "feasible":
            return {}
        found: dict[str, int] = {}
        for needs, columns in zip(self._kinds, self._columns, strict=True):
            waiting = iter(needs)
            for number, column in columns.items():
                for _ in range(answer.values[column]):
                    found[next(waiting).account_id] = number
        return found

    def forbid(self, needs: Sequence[Need], number: int) -> None:
        """Forbid that visits take place on one day, or on another one just like it.

        Two days are alike if the same stands there already for all who come.
        """
        persons = sorted({person for need in needs for person in need.persons})
        counts = Counter(self._kind_of[need.account_id] for need in needs)
        pattern = self._describe(persons, number)
        for other in range(self._days):
            columns = [self._columns[kind].get(other) for kind in counts]
            if None in columns or self._describe(persons, other) != pattern:
                continue
            terms: dict[int, int] = {}
            for kind, count in counts.items():
                terms |= self._reach(self._columns[kind][other], count)
            self.program.add_most(terms, len(terms) - 1)

    def _reach(self, column: int, count: int) -> dict[int, int]:
        """Return what is 1 when a column reaches a count."""
        upper = self.program.upper[column]
        if upper == 1:
            return {column: 1}
        reached = self.program.add_column(1)
        self.program.add_most({column: 1, reached: count - 1 - upper}, count - 1)
        return {reached: 1}

    def _describe(self, persons: Sequence[str], number: int) -> object:
        """Describe what stands already on a day, but for its date."""
        return [
            [
                (e.start, e.end, e.travel, e.area, e.people, e.online, e.is_visit)
                for e in self._empty.diary.day(person, number).entries
            ]
            for person in persons
        ]

    def _place_all(self) -> None:
        """Give every visit exactly one day on which everybody is there."""
        for needs in self._kinds:
            first = needs[0]
            open_days = self._empty.diary.list_open(first, self._days)
            columns = {
                number: self.program.add_column(min(len(needs), self._limits.visits))
                for number in list_numbers(open_days)
                if self._may_fit(first, number)
            }
            self._columns.append(columns)
            if not columns:
                self.is_hopeless = True
            terms = dict.fromkeys(columns.values(), 1)
            self.program.add_exactly(terms, len(needs))

    def _may_fit(self, need: Need, number: int) -> bool:
        """Return whether a visit could have time beside what stands already.

        Where a detour may be shorter than the direct way, other visits could make room.
        """
        may_detour = bool(self._limits.travel.pairs)
        return may_detour or self._empty.diary.find(need, number) is not None

    def _keep_slack(self) -> None:
        """Leave the slots free that are kept for changes."""
        by_seller: dict[str, dict[int, int]] = defaultdict(dict)
        for needs, columns in zip(self._kinds, self._columns, strict=True):
            if not needs[0].use_reserve:
                for seller in needs[0].sellers:
                    by_seller[seller] |= dict.fromkeys(columns.values(), 1)
        for seller, terms in by_seller.items():
            self.program.add_most(terms, self._empty.allowed[seller])

    def _attend(self) -> None:
        """Let the manager attend only so often a day."""
        attended: dict[tuple[str, int], dict[int, int]] = defaultdict(dict)
        for needs, columns in zip(self._kinds, self._columns, strict=True):
            if manager := needs[0].manager:
                for number, column in columns.items():
                    attended[manager, number][column] = 1
        for (manager, number), terms in attended.items():
            known = self._empty.diary.day(manager, number).visits
            left = self._limits.manager_visits - known
            self.program.add_most(terms, max(left, 0))

    def _fill_days(self) -> None:
        """Keep the limits of every seller's day."""
        sellers = sorted({s for needs in self._kinds for s in needs[0].sellers})
        for seller in sellers:
            own = [
                (needs[0], columns)
                for needs, columns in zip(self._kinds, self._columns, strict=True)
                if seller in needs[0].sellers
            ]
            for number in range(self._days):
                there = {
                    columns[number]: need for need, columns in own if number in columns
                }
                if there:
                    self._fill_day(seller, number, there)

    def _fill_day(self, seller: str, number: int, there: Mapping[int, Need]) -> None:
        day, limits = self._empty.diary.day(seller, number), self._limits
        visits, people = (
            dict.fromkeys(there, 1),
            {c: n.people for c, n in there.items()},
        )
        most = limits.visits - day.visits
        self.program.add_most(visits, most)
        self.program.add_most(people, limits.people - day.people)
        minutes = {column: need.minutes for column, need in there.items()}
        ways = self._add_ways(there, most, is_empty=not day.entries)
        others: dict[str, dict[int, Need]] = defaultdict(dict)
        for column, need in there.items():
            for other in need.sellers:
                if other != seller:
                    others[other][column] = need
        self.program.add_most(_add(minutes, ways), limits.minutes - day.minutes)
        if len(others) > 1 and all(len(n.sellers) == 2 for n in there.values()):
            together: dict[int, int] = dict(minutes)
            for other, own in sorted(others.items()):
                is_empty = not self._empty.diary.day(other, number).entries
                together = _add(together, self._add_ways(own, most, is_empty=is_empty))
            self.program.add_most(together, limits.minutes - day.minutes)

    def _add_ways(
        self, there: Mapping[int, Need], most: int, *, is_empty: bool
    ) -> dict[int, int]:
        """Return the minutes of travel that a day's visits take at least.

        Every visit takes the shortest way to its area; a city that is opened a longer
        one once, and every region beyond the first a longer one still. On a day with
        visits already these may be saved.
        """
        travel = self._limits.travel.minutes
        cities: dict[Area, list[int]] = defaultdict(list)
        for column, need in there.items():
            if not need.online:
                cities[need.area].append(column)
        areas = set(cities)
        ways: dict[int, int] = {}
        regions: dict[str, list[int]] = defaultdict(list)
        for area, columns in sorted(cities.items()):
            arrival = find_arrival(area, areas, self._limits)
            least = min(travel(area, area), arrival)
            ways |= dict.fromkeys(columns, least)
            if not is_empty:
                continue
            upper = [self.program.upper[column] for column in columns]
            if upper == [1]:
                ways[columns[0]] = arrival
                regions[area.region].append(columns[0])
                continue
            opened = self.program.add_column(1)
            ways[opened] = arrival - least
            regions[area.region].append(opened)
            for column, bound in zip(columns, upper, strict=True):
                self.program.add_most({column: 1, opened: -min(bound, most)}, 0)
            if len(columns) > 1:
                self.program.add_most({**dict.fromkeys(columns, 1), opened: -most}, 0)
        return _add(ways, self._add_regions(areas, regions))

    def _add_regions(
        self, areas: set[Area], regions: Mapping[str, Sequence[int]]
    ) -> dict[int, int]:
        """Return the minutes that regions beyond the first of a day take at least."""
        if len(regions) < 2:
            return {}
        longer = min(self._find_longer(area, areas) for area in areas)
        if longer <= 0:
            return {}
        entered: dict[int, int] = {}
        for columns in regions.values():
            region = self.program.add_column(1)
            entered[region] = 1
            for column in columns:
                upper = self.program.upper[column]
                self.program.add_most({column: 1, region: -upper}, 0)
        beyond = self.program.add_column(len(regions) - 1)
        self.program.add_most({**entered, beyond: -1}, 1)
        return {beyond: longer}

    def _find_longer(self, area: Area, areas: set[Area]) -> int:
        """Return how much longer the way from another region is than any other."""
        travel = self._limits.travel.minutes
        across = [travel(o, area) for o in areas if o.region != area.region]
        return min(across) - find_arrival(area, areas, self._limits) if across else 0


def _add(first: Mapping[int, int], second: Mapping[int, int]) -> dict[int, int]:
    total = dict(first)
    for column, factor in second.items():
        total[column] = total.get(column, 0) + factor
    return total
