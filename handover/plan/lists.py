"""The lists of a plan: who is met, who is informed, what is held, what is left over."""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from handover.i18n import Words
from handover.ledger.states import Mode
from handover.paper.dates import number
from handover.plan.model import Plan, Row
from handover.plan.selection import is_key_or_priority
from handover.plan.view import Audience

Cells = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlanList:
    """One list of a plan.

    ``numbers`` are the columns that hold amounts, ``on_paper`` those for which a
    terminal has no room, ``on_terminal`` those that stand in for them there.
    """

    title: str
    headings: Cells
    rows: Sequence[Cells]
    numbers: tuple[int, ...] = ()
    on_paper: tuple[int, ...] = ()
    on_terminal: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()
    """Columns that are typed again and must not be shortened."""

    def columns(self, where: Literal["paper", "terminal"]) -> list[int]:
        """List the columns that are shown there."""
        hidden = self.on_terminal if where == "paper" else self.on_paper
        return [n for n in range(len(self.headings)) if n not in hidden]


def tables(plan: Plan, reader: Audience) -> list[PlanList]:
    """List the parts of a plan that are not empty, in the order they are decided."""
    found = (
        _met(plan, reader),
        _informed(plan, reader),
        _held(plan, reader),
        _excluded(plan, reader),
        _loose(plan, reader),
        _overflow(plan, reader),
        _options(plan, reader),
    )
    return [table for table in found if table.rows]


@dataclass(frozen=True, kw_only=True)
class PlanColumn:
    """One column of a list of rows."""

    heading: str
    cell: Callable[[Row], str]
    is_number: bool = False
    only_on: Literal["paper", "terminal"] | None = None


def _of_rows(
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


def _met(plan: Plan, reader: Audience) -> PlanList:
    words = reader.words
    columns = [
        PlanColumn(heading=words("Day"), cell=lambda row: _day(row, reader)),
        PlanColumn(heading=words("Time"), cell=_time),
        PlanColumn(heading=words("Customer"), cell=lambda row: row.account),
        PlanColumn(
            heading=words("Place"), cell=lambda row: _place(row, words), only_on="paper"
        ),
        *_successors(plan, reader),
        PlanColumn(heading=words("Why"), cell=_why),
        _values(reader),
        PlanColumn(
            heading=words("Manager attends"), cell=lambda row: _attendance(row, words)
        ),
        *_gap_columns(reader),
    ]
    rows = [row for row in plan.rows if row.mode is Mode.MEET]
    rows.sort(key=lambda row: (_when(row), row.account_id))
    return _of_rows(words("Met in person"), columns, rows)


def _informed(plan: Plan, reader: Audience) -> PlanList:
    words = reader.words
    columns = [
        PlanColumn(heading=words("Customer"), cell=lambda row: row.account),
        *_successors(plan, reader),
        PlanColumn(heading=words("Why"), cell=_why),
        _values(reader),
        PlanColumn(heading=words("Decided"), cell=lambda row: _decided(row, reader)),
        *_gap_columns(reader),
    ]
    rows = [row for row in plan.rows if row.mode is Mode.INFORM]
    return _of_rows(words("Information only"), columns, rows)


def _successors(plan: Plan, reader: Audience) -> Iterator[PlanColumn]:
    """Name the successor of each row where there are several."""
    if len(plan.successors) > 1:
        yield PlanColumn(
            heading=reader.words("Successor"),
            cell=lambda row: reader.person(row.successor_id),
        )


def _values(reader: Audience) -> PlanColumn:
    return PlanColumn(
        heading=reader.words("Value"),
        cell=lambda row: reader.money(row.value),
        is_number=True,
    )


def _gap_columns(reader: Audience) -> tuple[PlanColumn, PlanColumn]:
    """Count the gaps on a terminal, name them on paper."""
    words = reader.words
    return (
        PlanColumn(
            heading=words("Gaps"),
            cell=lambda row: str(len(_gaps(row))),
            is_number=True,
            only_on="terminal",
        ),
        PlanColumn(
            heading=words("To be completed"),
            cell=lambda row: _listed(row, reader),
            only_on="paper",
        ),
    )


def _when(row: Row) -> tuple[dt.date, str]:
    if row.visit is None:
        return dt.date.max, ""
    return row.visit.date, row.visit.start


def _day(row: Row, reader: Audience) -> str:
    return reader.short_day(row.visit.date) if row.visit else reader.words("no slot")


def _time(row: Row) -> str:
    return f"{row.visit.start}-{row.visit.end}" if row.visit else "-"


def _place(row: Row, words: Words) -> str:
    if row.visit is None:
        return "-"
    return words("online") if row.visit.online else row.visit.place or "-"


def _attendance(row: Row, words: Words) -> str:
    if row.co_attendance == "undecided" and not is_key_or_priority(row.reasons):
        return "-"
    return (
        words("to be decided")
        if row.co_attendance == "undecided"
        else words(f"attendance:{row.co_attendance}")
    )


def _why(row: Row) -> str:
    return " ".join(row.reasons) or "-"


def _gaps(row: Row) -> list[str]:
    return [gap for gap in row.gaps if gap not in row.waived]


def _listed(row: Row, reader: Audience) -> str:
    return ", ".join(map(reader.item, _gaps(row))) or "-"


def _decided(row: Row, reader: Audience) -> str:
    if row.mode_by is None:
        return "-"
    return ": ".join(filter(None, (reader.person(row.mode_by), row.reason)))


def _held(plan: Plan, reader: Audience) -> PlanList:
    words = reader.words
    accounts = [
        (
            words("Customer"),
            row.account,
            reader.person(row.successor_id),
            reader.day(row.until),
            _decided(row, reader),
        )
        for row in plan.rows
        if row.mode is Mode.HOLD
    ]
    opportunities = [
        (
            words("Opportunity"),
            f"{row.account} / {opportunity.id}",
            reader.person(row.successor_id),
            reader.day(opportunity.until),
            "-",
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


def _excluded(plan: Plan, reader: Audience) -> PlanList:
    words = reader.words
    return PlanList(
        title=words("Not part of this handover"),
        headings=(words("Customer"), words("Why"), words("Decided")),
        rows=[
            (row.account, _why(row), _decided(row, reader))
            for row in plan.rows
            if row.mode is Mode.EXCLUDE
        ],
    )


def _loose(plan: Plan, reader: Audience) -> PlanList:
    words = reader.words
    fates = {
        "transfer": words("is transferred"),
        "hold": words("is held"),
        "leave": words("stays"),
        None: words("to be decided"),
    }
    return PlanList(
        title=words("Records that hang on no customer of the predecessor"),
        headings=(words("What"), words("Name"), words("ID"), words("Decision")),
        rows=[
            (
                words(f"object:{record.object}"),
                record.name or "-",
                record.id,
                f"{fates[record.action]} {record.until or ''}".strip(),
            )
            for record in plan.loose
        ],
        whole=(2,),
    )


def _overflow(plan: Plan, reader: Audience) -> PlanList:
    words = reader.words
    rows = {row.account_id: row for row in plan.rows}
    return PlanList(
        title=words("Without a slot, the most important first"),
        headings=(words("Customer"), words("Why"), words("Value")),
        rows=[
            (rows[each.account_id].account, each.reason, reader.money(each.value))
            for each in plan.overflow
        ],
        numbers=(2,),
    )


def _options(plan: Plan, reader: Audience) -> PlanList:
    words = reader.words
    return PlanList(
        title=words("Ways out"),
        headings=(words("What"), words("Customers who get a slot"), words("Until")),
        rows=[
            (
                words(f"option:{option.code}"),
                number(option.effect, words.language),
                reader.day(option.end),
            )
            for option in plan.options
        ],
        numbers=(1,),
    )
