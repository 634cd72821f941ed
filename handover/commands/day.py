"""Somebody's day, as ``handover plan show --person`` shows it."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from handover.commands.outcome import Result
from handover.commands.plan_result import audience_of
from handover.commands.shell import Shell

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from handover.meeting.day_view import DayReading
    from handover.plan.model import Plan


def show_day(
    shell: Shell,
    person: str,
    date: dt.date | None,
    *,
    plan_id: str | None,
    reorganisation: str | None,
) -> Result:
    """Show whom somebody visits on a day, with what they need, and what else is due."""
    from handover.jobs.day import find_days
    from handover.meeting.day_view import DayReading, day_page, dump_day, print_day

    workspace = shell.workspace
    named = _find_plans(shell, plan_id, reorganisation)
    found = find_days(workspace, person, date or workspace.as_of, named)
    found = [day for day in found if not day.is_empty] or found[:1]
    readings = [
        DayReading(
            day=day, audience=replace(audience_of(shell, day.source), mark=shell.mark)
        )
        for day in found
    ]

    def text(console: "Console") -> None:
        for n, reading in enumerate(readings):
            if n:
                console.print()
            print_day(reading, console)

    dumped = [dump_day(reading) for reading in readings]
    return Result(
        name="plan",
        data={"days": dumped, **({"day": dumped[0]} if len(dumped) == 1 else {})},
        text=text,
        html=lambda: day_page(readings),
        frame=lambda: _frame(readings),
        as_of=workspace.as_of,
    )


def _find_plans(
    shell: Shell, plan_id: str | None, reorganisation: str | None
) -> "list[Plan]":
    from handover.jobs.desk import find_reorganisation
    from handover.jobs.plan import find_plan

    if plan_id is not None and reorganisation is not None:
        raise click.UsageError(shell.words("Give a PLAN, or --reorganisation."))
    if reorganisation is not None:
        return find_reorganisation(shell.workspace, reorganisation)
    return [find_plan(shell.workspace, plan_id)] if plan_id is not None else []


def _frame(readings: "Sequence[DayReading]") -> "pd.DataFrame":
    """Return one row for each visit, with what the lists of a spreadsheet can hold."""
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {
            "date": str(reading.day.date),
            "start": visit.visit.start,
            "end": visit.visit.end,
            "account_id": visit.row.account_id,
            "account": visit.row.account,
            "plan": visit.plan.id,
            **{label: "\n".join(said) for label, said in block.lines},
        }
        for reading in readings
        for visit, block in zip(reading.day.visits, reading.visits, strict=True)
    ]
    return pd.DataFrame(rows)
