"""The limits of a day of visits, and its times, as the policy writes them."""

from fractions import Fraction

from handover.plan.scheduler.problem import Limits
from handover.plan.scheduler.travel import Travel
from handover.policy import Policy


def read_limits(policy: Policy) -> Limits:
    """Read the limits of a day from the policy."""
    plan = policy.plan
    return Limits(
        spans=tuple(_read_span(text) for text in plan.day),
        minutes=plan.minutes,
        visits=plan.visits,
        people=plan.people,
        travel=Travel(
            near=plan.travel_near,
            far=plan.travel_far,
            regions=plan.travel_regions,
            pairs={_read_pair(pair): way for pair, way in plan.travel.items()},
        ),
        manager_visits=plan.manager_visits,
        slack=Fraction(str(plan.slack)),
    )


def _read_span(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return read_time(first), read_time(last)


def _read_pair(text: str) -> tuple[str, str]:
    first, _, second = text.partition(" - ")
    return first.strip(), second.strip()


def write_time(time: int) -> str:
    """Write minutes since midnight as ``HH:MM``."""
    return f"{time // 60:02}:{time % 60:02}"


def read_time(text: str) -> int:
    """Read ``HH:MM`` as minutes since midnight."""
    hours, _, minutes = text.strip().partition(":")
    return int(hours) * 60 + int(minutes)
