"""The lists of a plan: who is met, who is informed, what is held, what is left over."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from handover.i18n import Words
from handover.ledger.states import Mode
from handover.plan.appointments import has_answers, write_answer
from handover.plan.capacity_lists import list_capacity
from handover.plan.cells import (
    find_time,
    list_gaps,
    write_attendance,
    write_class,
    write_classed,
    write_day,
    write_decision,
    write_gaps,
    write_place,
    write_reasons,
    write_successor,
    write_time,
)
from handover.plan.decided import list_decided
from handover.plan.model import UNRESOLVED, LooseRecord, Plan, PutAside, Row
from handover.plan.plan_list import PlanList
from handover.plan.view import Audience, write_contacts

FATES = {"transfer": "is transferred", "hold": "is held", "leave": "stays"}
"""What becomes of a loose record, in words."""


def list_parts(plan: Plan, audience: Audience) -> list[PlanList]:
    """List the parts of a plan that are not empty, in the order they are decided."""
    found = (
        _list_met(plan, audience),
        _list_informed(plan, audience),
        _list_held(plan, audience),
        _list_excluded(plan, audience),
        _list_decided(plan, audience),
        _list_loose(plan, audience),
        *list_aside(plan.aside, audience),
        *list_capacity(plan, audience),
    )
    return [table for table in found if table.rows]


@dataclass(frozen=True, kw_only=True)
class PlanColumn:
    """One column of a list of rows."""

    heading: str
    cell: Callable[[Row], str]
    is_number: bool = False
    only_on: Literal["paper", "terminal"] | None = None


def _make_list(
    title: str, columns: Sequence[PlanColumn], rows: Sequence[Row]
) -> PlanList:
    return PlanList(
        title=title,
        headings=tuple(column.heading for column in columns),
        rows=[tuple(column.cell(row) for column in columns) for row in rows],
        numbers=tuple(n for n, column in enumerate(columns) if column.is_number),
        on_paper=_only_on("paper", columns),
        on_terminal=_only_on("terminal", columns),
    )


def _only_on(what: str, columns: Sequence[PlanColumn]) -> tuple[int, ...]:
    return tuple(n for n, column in enumerate(columns) if column.only_on == what)


def _list_met(plan: Plan, audience: Audience) -> PlanList:
    words = audience.words
    columns = [
        PlanColumn(heading=words("Day"), cell=lambda row: write_day(row, audience)),
        PlanColumn(heading=words("Time"), cell=write_time),
        *_name_customers(plan.rows, audience),
        PlanColumn(
            heading=words("Place"),
            cell=lambda row: write_place(row, words),
            only_on="paper",
        ),
        PlanColumn(
            heading=words("To meet"),
            cell=lambda row: write_contacts(row, audience) or "-",
            only_on="paper",
        ),
        *_list_answers(plan, words),
        *_list_successors(plan, audience),
        *_list_effective(plan, audience),
        PlanColumn(heading=words("Why"), cell=write_reasons),
        _make_value_column(audience),
        PlanColumn(
            heading=words("Manager attends"),
            cell=lambda row: write_attendance(row, words),
        ),
        *_make_gap_columns(audience),
    ]
    rows = [row for row in plan.rows if row.is_met]
    rows.sort(key=lambda row: (find_time(row), row.account_id))
    return _make_list(words("Met in person"), columns, rows)


def _list_informed(plan: Plan, audience: Audience) -> PlanList:
    words = audience.words
    columns = [
        *_name_customers(plan.rows, audience),
        *_list_successors(plan, audience),
        *_list_effective(plan, audience),
        PlanColumn(heading=words("Why"), cell=write_reasons),
        _make_value_column(audience),
        PlanColumn(
            heading=words("Decided"), cell=lambda row: write_decision(row, audience)
        ),
        *_make_gap_columns(audience),
    ]
    rows = [row for row in plan.rows if row.mode is Mode.INFORM]
    return _make_list(words("Information only"), columns, rows)


def _name_customers(rows: Sequence[Row], audience: Audience) -> Iterator[PlanColumn]:
    """Yield the columns of customers and, where there are any, their classes.

    On paper, where many columns stand side by side, both are in one cell.
    """
    words = audience.words
    heading = words("Customer")
    if not any(row.customer_class or row.proposed_class for row in rows):
        yield PlanColumn(heading=heading, cell=lambda row: row.account)
        return
    yield PlanColumn(heading=heading, cell=lambda row: row.account, only_on="terminal")
    yield PlanColumn(
        heading=words("Class"),
        cell=lambda row: write_class(row, audience),
        only_on="terminal",
    )
    yield PlanColumn(
        heading=heading,
        cell=lambda row: write_classed(row, audience),
        only_on="paper",
    )


def _list_answers(plan: Plan, words: Words) -> Iterator[PlanColumn]:
    """Yield the column of what customers answered, once somebody has."""
    if has_answers(plan):
        yield PlanColumn(
            heading=words("Customer's answer"),
            cell=lambda row: write_answer(row, words),
        )


def _list_effective(plan: Plan, audience: Audience) -> Iterator[PlanColumn]:
    """Yield the column of days on which owners change where there are several."""
    if len(plan.dates) > 1:
        yield PlanColumn(
            heading=audience.words("Owner changes on"),
            cell=lambda row: audience.short_day(row.effective),
        )


def _list_successors(plan: Plan, audience: Audience) -> Iterator[PlanColumn]:
    """Yield the column of successors where there are several."""
    if len(plan.successors) > 1:
        yield PlanColumn(
            heading=audience.words("Successor"),
            cell=lambda row: write_successor(row, audience),
        )


def _make_value_column(audience: Audience) -> PlanColumn:
    return PlanColumn(
        heading=audience.words("Value"),
        cell=lambda row: audience.money(row.value),
        is_number=True,
    )


def _make_gap_columns(audience: Audience) -> tuple[PlanColumn, PlanColumn]:
    """Count the gaps on a terminal, name them on paper."""
    words = audience.words
    return (
        PlanColumn(
            heading=words("Gaps"),
            cell=lambda row: str(len(list_gaps(row))),
            is_number=True,
            only_on="terminal",
        ),
        PlanColumn(
            heading=words("To be completed"),
            cell=lambda row: write_gaps(row, audience),
            only_on="paper",
        ),
    )


def _list_held(plan: Plan, audience: Audience) -> PlanList:
    words = audience.words
    accounts = [
        (
            words("Customer"),
            row.account,
            audience.person(row.successor_id),
            audience.day(row.until),
            write_decision(row, audience),
        )
        for row in plan.rows
        if row.mode is Mode.HOLD
    ]
    opportunities = [
        (
            words("Opportunity"),
            f"{row.account} / {opportunity.name or opportunity.id}",
            audience.person(row.successor_id),
            audience.day(opportunity.until),
            opportunity.reason or "-",
        )
        for row in plan.rows
        for opportunity in row.opportunities
        if opportunity.action == "hold"
    ]
    return PlanList(
        title=words("Held by the predecessor for a while"),
        headings=(
            words("What"),
            words("Name"),
            words("Successor"),
            words("Until"),
            words("Decided"),
        ),
        rows=[*accounts, *opportunities],
    )


def _list_excluded(plan: Plan, audience: Audience) -> PlanList:
    words = audience.words
    return PlanList(
        title=words("Not part of this handover"),
        headings=(words("Customer"), words("Why"), words("Decided")),
        rows=[
            (row.account, write_reasons(row), write_decision(row, audience))
            for row in plan.rows
            if row.mode is Mode.EXCLUDE
        ],
    )


def _list_decided(plan: Plan, audience: Audience) -> PlanList:
    words = audience.words
    return PlanList(
        title=words("Decided by people, beyond the rules"),
        headings=(words("Customer"), words("What"), words("Who"), words("Reason")),
        rows=list(list_decided(plan, audience)),
    )


def _list_loose(plan: Plan, audience: Audience) -> PlanList:
    words = audience.words
    return PlanList(
        title=words("Records that hang on no customer of the predecessor"),
        headings=(
            words("What"),
            words("Name"),
            words("ID"),
            words("Customer"),
            words("Decision"),
        ),
        rows=[
            (
                words(f"object:{record.object}"),
                record.name or "-",
                record.id,
                _name_customer(record, words),
                _write_fate(record, words),
            )
            for record in plan.loose
        ],
        whole=(2,),
    )


def _write_fate(record: LooseRecord, words: Words) -> str:
    fate = words(FATES[record.action] if record.action else "to be decided")
    said = f"{fate} {record.until or ''}".strip()
    return ": ".join(filter(None, (said, record.reason)))


def _name_customer(record: LooseRecord, words: Words) -> str:
    """Name the customer of a loose record, or the account that is not there."""
    if record.account_id is None or record.account is not None:
        return record.account or "-"
    return words("{id}: there is no such customer", id=record.account_id)


def list_aside(aside: Sequence[PutAside], audience: Audience) -> list[PlanList]:
    """List what could not be used, by customer: unread values, and lost references."""
    words = audience.words
    lost = [each for each in aside if each.reason == UNRESOLVED]
    unread = [each for each in aside if each.reason != UNRESOLVED]
    return [
        _list_values(words("Values that could not be read"), unread, audience),
        _list_values(words("References that lead nowhere"), lost, audience),
    ]


def _list_values(
    title: str, values: Sequence[PutAside], audience: Audience
) -> PlanList:
    words = audience.words
    return PlanList(
        title=title,
        headings=(
            words("Customer"),
            words("What"),
            words("Name"),
            words("ID"),
            words("Field"),
            words("As written"),
        ),
        rows=[
            (
                each.account or "-",
                words(f"object:{each.object}"),
                each.name or "-",
                each.id,
                words("the whole row") if each.whole else each.field or "-",
                each.value or "-",
            )
            for each in values
        ],
        on_paper=(2,),
        whole=(3,),
    )
