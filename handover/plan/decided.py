"""What people decided about single customers, against or beyond the rules, and why."""

from collections.abc import Iterator

from handover.plan.model import Plan
from handover.plan.view import Audience

Line = tuple[str, str, str, str]
"""The customer, what was decided, by whom, and why."""


def list_decided(plan: Plan, audience: Audience) -> Iterator[Line]:
    """Yield whom people have met, what they do without, and which class they chose.

    Who is not met by decision, and co-attendance, stand with their reasons in the lists
    of the plan.
    """
    words = audience.words
    for row in plan.rows:
        if row.is_met and row.mode_by is not None:
            what, who = words("is met"), audience.person(row.mode_by)
            yield row.account, what, who, row.reason or "-"
        if row.class_by is not None:
            what = words("class: {name}", name=words(f"class:{row.customer_class}"))
            who = audience.person(row.class_by)
            yield row.account, what, who, row.class_reason or "-"
        if row.waived:
            items = ", ".join(map(audience.item, row.waived))
            what = words("done without: {items}", items=items)
            yield row.account, what, "-", row.waived_reason or "-"
