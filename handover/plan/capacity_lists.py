"""The lists of a plan about its room: loads, who finds no slot, and the ways out."""

from handover.paper.dates import number
from handover.plan.model import Plan
from handover.plan.plan_list import PlanList
from handover.plan.view import Audience


def list_capacity(plan: Plan, audience: Audience) -> tuple[PlanList, ...]:
    """List what a plan says of its room; each may be empty."""
    return (
        _list_loads(plan, audience),
        _list_overflow(plan, audience),
        _list_options(plan, audience),
    )


def _list_loads(plan: Plan, audience: Audience) -> PlanList:
    """List the loads of several successors; that of one stands in the head."""
    words = audience.words
    return PlanList(
        title=words("Successors: customers and value before and after, visits"),
        headings=(
            words("Successor"),
            words("Customers before"),
            words("Customers after"),
            words("Value before"),
            words("Value after"),
            words("Visits"),
            words("Minutes with travel"),
            words("Areas"),
        ),
        rows=[
            (
                audience.person(load.person),
                number(load.accounts_before, words.language),
                number(load.accounts_after, words.language),
                audience.money(load.value_before),
                audience.money(load.value_after),
                number(load.visits, words.language),
                number(load.minutes, words.language),
                ", ".join(load.areas) or "-",
            )
            for load in (plan.loads if len(plan.loads) > 1 else ())
        ],
        numbers=(1, 2, 3, 4, 5, 6),
        on_paper=(7,),
    )


def _list_overflow(plan: Plan, audience: Audience) -> PlanList:
    words = audience.words
    rows = {row.account_id: row for row in plan.rows}
    return PlanList(
        title=words("Without a slot, the most important first"),
        headings=(words("Customer"), words("Why"), words("Value")),
        rows=[
            (rows[each.account_id].account, each.reason, audience.money(each.value))
            for each in plan.overflow
        ],
        numbers=(2,),
    )


def _list_options(plan: Plan, audience: Audience) -> PlanList:
    words = audience.words
    return PlanList(
        title=words("Ways out"),
        headings=(
            words("What"),
            words("Customers who get a slot"),
            words("Until"),
            words("Who decides"),
            words("Command"),
        ),
        rows=[
            (
                words(f"option:{option.code}"),
                number(option.effect, words.language),
                audience.day(option.end),
                words("manager") if option.by == "manager" else "-",
                option.command,
            )
            for option in plan.options
        ],
        numbers=(1,),
        on_paper=(4,),
    )
