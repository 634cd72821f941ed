"""How far customers have agreed to the visits of a plan, in words."""

from collections import Counter

from handover.i18n import Words
from handover.plan.model import Plan, Row, VisitState

STATES: tuple[VisitState, ...] = ("agreed", "proposed", "moved", "declined")
"""In the order in which they are counted for the reader."""


def write_answer(row: Row, words: Words) -> str:
    """Write whether a customer agreed to the date of their visit."""
    return words(f"visit_state:{row.visit.state}") if row.visit is not None else "-"


def has_answers(plan: Plan) -> bool:
    """Return whether any customer has answered to a date."""
    return any(row.visit and row.visit.state != "proposed" for row in plan.rows)


def describe_answers(plan: Plan, words: Words) -> str:
    """Say how many visits are agreed, and how often another date was given."""
    visits = [row.visit for row in plan.rows if row.is_met and row.visit is not None]
    found = Counter(visit.state for visit in visits)
    counted = words(", ").join(
        words("{state}: {n}", state=words(f"visit_state:{state}"), n=found[state])
        for state in STATES
        if found[state]
    )
    said = words("Dates of visits: {counted}", counted=counted or "-")
    moved = sum(visit.moved for visit in visits)
    if not moved:
        return said
    times = words("customers were told another date {n} times", n=moved)
    return words("{said}; {times}", said=said, times=times)
