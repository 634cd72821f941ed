"""How many working days a handover takes at least, whoever schedules it.

A proof, not an estimate: it counts only what no arrangement can avoid (R44). For each
seller the days on which he and the others who must come are there are summed up until
his visits, their minutes and their people can have found room.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from handover.plan.calendar import Calendars
from handover.plan.diary import Limits, Need


@dataclass(frozen=True, kw_only=True)
class Lower:
    """So many days at least, and what it is that takes them."""

    days: int
    why: str
    """``visits``, ``minutes`` or ``people`` a day."""


def lower_bound(
    needs: Sequence[Need],
    days: Sequence[dt.date],
    calendars: Calendars,
    limits: Limits,
) -> Lower:
    """Prove how many of the working days ``days`` the visits take at least."""
    by_seller: dict[str, list[Need]] = defaultdict(list)
    for need in needs:
        for seller in need.sellers:
            by_seller[seller].append(need)
    best = Lower(days=1, why="visits")
    for seller, own in sorted(by_seller.items()):
        slack = Lower(days=limits.days(len(own)), why="visits")
        present = [day for day in days if not calendars.is_absent(seller, day)]
        busy = bool(calendars.engagements.get(seller))
        for why, taken in _days_taken(own, limits, busy=busy).items():
            if taken and len(present) >= taken:
                reached = days.index(present[taken - 1]) + 1
                best = max(best, Lower(days=reached, why=why), key=lambda b: b.days)
        best = max(best, slack, key=lambda b: b.days)
    return best


def _days_taken(needs: Sequence[Need], limits: Limits, *, busy: bool) -> dict[str, int]:
    """Count the days that one seller must be out, for each limit of a day."""
    return {
        "visits": -(-len(needs) // limits.visits),
        "minutes": _days_of_minutes(needs, limits, busy=busy),
        "people": -(-sum(need.people for need in needs) // limits.people),
    }


def _days_of_minutes(needs: Sequence[Need], limits: Limits, *, busy: bool) -> int:
    """Count the days of visits and of the travel that cannot be saved.

    Every visit takes the short way at least; the long way is due once for every area
    and once for every day, whichever is more often, unless visits of another plan
    have led there already.
    """
    near = min(limits.travel_near, limits.travel_far)
    far = near if busy else limits.travel_far
    ways = [(need.minutes, 0 if need.online else near) for need in needs]
    areas = len({need.area for need in needs if not need.online})
    minutes = sum(stay + way for stay, way in ways)
    extra = far - near if areas else 0
    for days in range(-(-len(needs) // _most_a_day(ways, extra, limits)), len(needs)):
        if minutes + extra * max(areas, days) <= limits.minutes * days:
            return days
    return len(needs)


def _most_a_day(ways: Sequence[tuple[int, int]], extra: int, limits: Limits) -> int:
    """Count how many of the shortest visits one day holds, at least one."""
    left = limits.minutes - extra
    for most, taken in enumerate(sorted(stay + way for stay, way in ways)):
        left -= taken
        if left < 0:
            return max(most, 1)
    return max(len(ways), 1)
