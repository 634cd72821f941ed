"""How long it takes to get from one customer to the next.

This is the only place that knows how long a way is: visits are placed by it, and the
lower bound of a period is proved by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple


class Area(NamedTuple):
    """Where a customer is: a city in a region; one whose city nobody knows is in both.

    Customers of whom neither is known lie in one area, nowhere in particular.
    """

    region: str = ""
    city: str = ""


NOWHERE = Area()


@dataclass(frozen=True, kw_only=True)
class Travel:
    """The minutes of a way: inside a city, inside a region, between two regions."""

    near: int = 10
    far: int = 30
    """Inside a region, and for whoever sets out in the morning."""
    regions: int = 120
    pairs: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Ways that take another time, by the names of two cities or regions.

    They hold both ways. A pair of cities goes before one of a city and a region, and
    that before one of regions.
    """

    @cached_property
    def least(self) -> int:
        """The minutes of the shortest way there is."""
        return min(self.near, self.far, self.regions, *self.pairs.values())

    def minutes(self, origin: Area | None, destination: Area) -> int:
        """Return the minutes of a way; ``origin`` is None for whoever sets out."""
        if origin is None:
            return self.far
        if self.pairs:
            named = self._find_pair(origin, destination)
            if named is not None:
                return named
        if origin == destination:
            return self.near
        return self.far if origin.region == destination.region else self.regions

    def _find_pair(self, origin: Area, destination: Area) -> int | None:
        names = (
            (origin.city, destination.city),
            (origin.city, destination.region),
            (origin.region, destination.city),
            (origin.region, destination.region),
        )
        is_one_city = origin == destination
        for first, second in names:
            if first == second and not is_one_city:
                continue  # a pair of one name is the way inside that city
            minutes = self.pairs.get((first, second))
            if minutes is None:
                minutes = self.pairs.get((second, first))
            if minutes is not None:
                return minutes
        return None
