"""Prove how many working days the visits take at least, whoever plans them.

Each limit of a day is looked at by itself, for each seller: the days that so many
visits, minutes and people take. What several limits and several people demand together
is proved in ``proof``.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from handover.plan.scheduler.problem import Limits, Need, VisitProblem
from handover.plan.scheduler.travel import Area


@dataclass(frozen=True, kw_only=True)
class LowerBound:
    """So many days at least, what it is that takes them, and whose days they are."""

    days: int
    why: str
    """``visits``, ``minutes`` or ``people`` a day; else see ``proof``."""
    person: str | None = None
    """The seller who has the most to do; None where it is not one person's."""


def prove_bound(problem: VisitProblem) -> LowerBound:
    """Prove how many working days the musts that nobody pinned take at least."""
    by_seller: dict[str, list[Need]] = defaultdict(list)
    for need in problem.free:
        for seller in need.sellers:
            by_seller[seller].append(need)
    found: list[LowerBound] = []
    for seller, own in sorted(by_seller.items()):
        found += _list_bounds(problem, seller, own)
    found.append(LowerBound(days=1, why="visits"))
    return max(found, key=lambda bound: bound.days)


def _list_bounds(
    problem: VisitProblem, seller: str, own: Sequence[Need]
) -> list[LowerBound]:
    """List what each limit of a day proves for one seller."""
    limits = problem.limits
    counted = sum(not need.uses_reserve for need in own)
    found: dict[str, int] = {}
    busy = bool(problem.calendars.engagements.get(seller)) or any(
        need.is_pinned and seller in need.persons for need in problem.needs.values()
    )
    for why, out in _count_days_out(own, limits, busy=busy).items():
        reached = problem.reserve.find_present(seller, out)
        if reached is not None:
            found[why] = reached
    slack = problem.reserve.count_days(seller, counted)
    if slack is not None and slack > max(found.values(), default=0):
        found["visits"] = slack
    return [LowerBound(days=d, why=why, person=seller) for why, d in found.items()]


def _count_days_out(
    needs: Sequence[Need], limits: Limits, *, busy: bool
) -> dict[str, int]:
    """Count the days that one seller must be out, for each limit of a day."""
    return {
        "minutes": _count_days_of_minutes(needs, limits, busy=busy),
        "visits": -(-len(needs) // limits.visits),
        "people": -(-sum(need.people for need in needs) // limits.people),
    }


def _count_days_of_minutes(needs: Sequence[Need], limits: Limits, *, busy: bool) -> int:
    """Count the days of visits and of the travel that cannot be saved.

    Every visit takes at least the shortest way there is to its area. Whoever gets to an
    area for the first time, and whoever sets out in the morning, may have to take a
    longer one: that is due once for every area and once for every day, whichever is
    more. Days of visits online have no morning, and visits of other plans may have led
    to an area already.
    """
    areas = {need.area for need in needs if not need.online}
    travel = limits.travel.minutes
    arrival = {area: find_arrival(area, areas, limits) for area in areas}
    least = {area: min(travel(area, area), arrival[area]) for area in areas}
    ways = [need.minutes + (0 if need.online else least[need.area]) for need in needs]
    arriving, setting_out = 0, 0
    if areas and not busy:
        arriving = sum(arrival[area] - least[area] for area in areas)
        if not any(need.online for need in needs):
            setting_out = min(max(travel(None, a) - least[a], 0) for a in areas)
    fewest = -(-len(needs) // _count_most_a_day(ways, setting_out, limits))
    for days in range(fewest, len(needs)):
        if sum(ways) + max(arriving, setting_out * days) <= limits.minutes * days:
            return days
    return len(needs)


def find_arrival(area: Area, areas: set[Area], limits: Limits) -> int:
    """Return the shortest way by which somebody gets to an area for the first time."""
    origins = (None, *(areas - {area}))
    return min(limits.travel.minutes(origin, area) for origin in origins)


def _count_most_a_day(ways: Sequence[int], setting_out: int, limits: Limits) -> int:
    """Count how many of the shortest visits one day holds, at least one."""
    left = limits.minutes - setting_out
    for most, taken in enumerate(sorted(ways)):
        left -= taken
        if left < 0:
            return max(most, 1)
    return max(len(ways), 1)
