"""How far customers have agreed to the visits of a plan, in words."""

from collections import Counter

from handover.i18n import Words
from handover.plan.model import Away, Plan, Row, VisitState
from handover.plan.view import Audience

STATES: tuple[VisitState, ...] = ("agreed", "proposed", "moved", "declined")
"""In the order in which they are counted for the reader."""


def write_answer(row: Row, words: Words) -> str:
    """Write whether a customer agreed to the date of their visit, and why not."""
    if row.visit is None:
        return "-"
    state = words(f"visit_state:{row.visit.state}")
    return ": ".join(filter(None, (state, row.visit.answer_reason)))


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


def describe_absences(plan: Plan, audience: Audience) -> str | None:
    """Say who is away when by their calendars; None where none were read."""
    by_person: dict[str, list[Away]] = {}
    for each in plan.absences:
        is_near = each.first <= plan.effective and plan.start <= each.last
        if is_near:
            by_person.setdefault(each.person, []).append(each)
    if not by_person:
        return None
    words = audience.words
    told = (
        words(
            "{person} {days}",
            person=audience.person(person),
            days=words(", ").join(_write_days(each, audience) for each in away),
        )
        for person, away in by_person.items()
    )
    return words("Away by their calendars: {told}", told="; ".join(told))


def _write_days(away: Away, audience: Audience) -> str:
    first, last = audience.short_day(away.first), audience.short_day(away.last)
    if away.start is not None:
        return f"{first} {away.start}-{away.end}"
    return first if away.first == away.last else f"{first} - {last}"
