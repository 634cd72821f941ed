"""What a workbook changes in plans, in words."""

from collections.abc import Iterable, Sequence

from handover.i18n import Words
from handover.plan.changes import Comparison
from handover.plan.plan_list import PlanList
from handover.plan.workbook_reading import CellChange
from handover.plan.workbook_words import name_column


def list_cell_changes(changes: Sequence[CellChange], words: Words) -> PlanList:
    """List the cells that say something else, each with what it said and says."""
    plans = {each.plan for each in changes}
    several = (words("Plan"),) if len(plans) > 1 else ()
    return PlanList(
        title=words("{n} changes in the workbook", n=len(changes)),
        headings=(
            *several,
            words("Customer"),
            words("What"),
            words("Before"),
            words("Now"),
        ),
        rows=[
            (
                *((each.plan,) if several else ()),
                each.subject,
                name_column(each.column, words),
                each.before,
                each.after,
            )
            for each in changes
        ],
    )


def list_visits(compared: Iterable[Comparison], words: Words) -> PlanList:
    """List the visits that are new, or at another time: asked for, or to make room."""
    found = [
        (row.account, change.before or "-", change.after or "-")
        for each in compared
        for change in each.changes
        if change.field == "visit"
        and (row := each.plan.row(change.account_id or "")) is not None
    ]
    return PlanList(
        title=words("Visits with these changes"),
        headings=(words("Customer"), words("Before"), words("Now")),
        rows=found,
    )
