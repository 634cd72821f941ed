"""``handover meeting sheet``: the questions that customers are asked, one by one."""

from dataclasses import replace

from handover.commands.meeting_papers import takes_customers
from handover.commands.outcome import Result
from handover.commands.plan_result import audience_of
from handover.commands.shell import Shell, command


@command(
    "sheet",
    example="handover meeting sheet 2027-04-sato-tanaka -o sheet.xlsx",
    forms=("html", "xlsx"),
    many=True,
)
@takes_customers
def sheet(
    shell: Shell,
    *,
    plan_id: str,
    accounts: tuple[str, ...],
    before_announcement: str | None,
) -> Result:
    """Print what each customer is asked, item by item, beside the record.

    -o sheet.html is paper with boxes to tick, -o FOLDER one file for each customer.
    -o sheet.xlsx is a workbook to fill in after the visits; meeting import takes it.
    """
    from handover.jobs.sheets import find_sheets
    from handover.meeting.sheet_book import write_sheet_book
    from handover.meeting.sheet_view import (
        SheetReading,
        dump_sheet,
        name_sheets,
        print_sheets,
        sheet_page,
    )

    workspace = shell.workspace
    plan, sheets = find_sheets(workspace, plan_id, accounts, before_announcement)
    audience = replace(audience_of(shell, plan.source), mark=shell.mark)
    zone = workspace.config.zone
    readings = [SheetReading(sheet=s, audience=audience, zone=zone) for s in sheets]
    is_book = shell.options.format == "xlsx"
    file = shell.options.output or "sheet.xlsx"
    return Result(
        name="meeting",
        data={
            "plan": plan.id,
            "version": plan.version,
            "sheets": [dump_sheet(reading) for reading in readings],
        },
        text=lambda console: print_sheets(plan, readings, audience, console),
        html=lambda: sheet_page(readings, audience),
        book=lambda: write_sheet_book(sheets, zone, audience),
        files=lambda: {
            name: sheet_page([reading], audience).encode()
            for name, reading in zip(name_sheets(readings), readings, strict=True)
        },
        next=f"handover meeting import {plan.id} {file}" if is_book else None,
        as_of=workspace.as_of,
    )
