"""What people decided about single customers, against or beyond the rules, and why."""

from collections.abc import Iterator

from handover.plan.model import Plan, Row
from handover.plan.view import Audience

Line = tuple[str, str, str, str]
"""The customer, what was decided, by whom, and why."""


def list_decided(plan: Plan, audience: Audience) -> Iterator[Line]:
    """Yield whom people have met, what they do without, and which class they chose.

    Who is not met by decision, and co-attendance, stand with their reasons in the other
    lists of a plan.
    """
    for row in plan.rows:
        if row.is_met and row.mode_by is not None:
            yield _describe_mode(row, audience)
        yield from _list_class_and_waivers(row, audience)


def list_all_decided(plan: Plan, audience: Audience) -> Iterator[Line]:
    """Yield all that people decided about customers with a reason, for an overview."""
    words = audience.words
    for row in plan.rows:
        if row.mode_by is not None:
            yield _describe_mode(row, audience)
        yield from _list_class_and_waivers(row, audience)
        if row.co_attendance_reason is not None:
            is_open = row.co_attendance == "undecided"
            code = row.attendance_proposed if is_open else row.co_attendance
            answer = words(f"attendance:{code}")
            what = words("manager attends: {answer}", answer=answer)
            if is_open:
                what = words("proposed: {name}", name=what)
            yield row.account, what, "-", row.co_attendance_reason
        for each in row.opportunities:
            if each.action == "hold":
                name = each.name or each.id
                day = audience.day(each.until)
                what = words("{name} is held until {day}", name=name, day=day)
                yield row.account, what, "-", each.reason or "-"


def _describe_mode(row: Row, audience: Audience) -> Line:
    what = audience.words(f"mode:{row.mode.value}")
    return row.account, what, audience.person(row.mode_by), row.reason or "-"


def _list_class_and_waivers(row: Row, audience: Audience) -> Iterator[Line]:
    words = audience.words
    if row.class_by is not None:
        what = words("class: {name}", name=words(f"class:{row.customer_class}"))
        who = audience.person(row.class_by)
        yield row.account, what, who, row.class_reason or "-"
    if row.waived:
        items = ", ".join(map(audience.item, row.waived))
        what = words("done without: {items}", items=items)
        yield row.account, what, "-", row.waived_reason or "-"
