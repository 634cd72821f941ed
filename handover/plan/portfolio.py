"""What one person owns: how much, where, and what kinds of customers."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from handover.plan.scheduler.travel import Area


@dataclass(frozen=True, kw_only=True)
class Holding:
    """Some accounts of one owner that are alike."""

    city: str | None
    region: str | None
    industry: str | None
    customer_class: str | None
    accounts: int
    value: Decimal


@dataclass(frozen=True, kw_only=True)
class Portfolio:
    """The accounts of one owner; how many in each area, region, industry, class."""

    accounts: int = 0
    value: Decimal = Decimal(0)
    areas: Mapping[Area, int] = field(default_factory=dict)
    regions: Mapping[str, int] = field(default_factory=dict)
    industries: Mapping[str, int] = field(default_factory=dict)
    classes: Mapping[str, int] = field(default_factory=dict)


NOTHING = Portfolio()


def make_area(city: str | None, region: str | None) -> Area:
    """Make an area of what a customer's record says; an unknown city is its region."""
    return Area(region=(region or "").strip(), city=(city or region or "").strip())


def add_up(held: Iterable[Holding]) -> Portfolio:
    """Add up what one owner holds."""
    accounts, value = 0, Decimal(0)
    areas: Counter[Area] = Counter()
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("region", "industry", "customer_class")
    }
    for each in held:
        accounts += each.accounts
        value += each.value
        areas[make_area(each.city, each.region)] += each.accounts
        for name, counted in counts.items():
            if said := getattr(each, name):
                counted[said.strip()] += each.accounts
    return Portfolio(
        accounts=accounts,
        value=value,
        areas=areas,
        regions=counts["region"],
        industries=counts["industry"],
        classes=counts["customer_class"],
    )
