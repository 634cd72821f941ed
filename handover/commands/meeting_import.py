"""``handover meeting import``: what was filled in in a sheet's workbook."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from handover.commands.answers import write_recorded
from handover.commands.outcome import Notice, Result
from handover.commands.plan_result import audience_of
from handover.commands.shell import Shell, command

if TYPE_CHECKING:
    from rich.console import Console

    from handover.jobs.sheets import SheetImport


@command(
    "import",
    example="handover meeting import 2027-04-sato-tanaka sheet.xlsx --as 田中",
)
@click.argument("plan_id", metavar="PLAN")
@click.argument(
    "file", metavar="F.xlsx", type=click.Path(path_type=Path, dir_okay=False)
)
@click.option("--dry-run", is_flag=True, help="Show what would be recorded alone.")
def import_sheet(shell: Shell, *, plan_id: str, file: Path, dry_run: bool) -> Result:
    """Record what was filled in in the workbook of meeting sheet.

    Shows each answer, and asks before it records them as meeting record does. Either
    all of a workbook is recorded or nothing; what was recorded before is not again.
    """
    from handover.jobs.sheets import apply_sheet_import, read_sheet_import

    shown = read_sheet_import(
        shell.workspace, plan_id, file, lambda source: audience_of(shell, source)
    )
    if not shown.heard or dry_run:
        return _show(shell, shown, is_kept=False)
    if shell.is_interactive and not shell.options.yes:
        _ask(shell, shown)
    return _show(shell, apply_sheet_import(shown), is_kept=True)


def _ask(shell: Shell, shown: "SheetImport") -> None:
    """Show what a workbook says, and ask.

    Raises:
        ImportNotConfirmed: it was not agreed to.
    """
    from handover.commands.forms import print_aside
    from handover.plan.errors import ImportNotConfirmed

    print_aside(lambda console: _print(shell, shown, console), shell.options)
    if not click.confirm(shell.words("Record these answers?"), err=True):
        raise ImportNotConfirmed(file=shown.file)


def _print(shell: Shell, shown: "SheetImport", console: "Console") -> None:
    from handover.meeting.heard_view import list_confirmed, list_noted
    from handover.plan.terminal import lay_out

    audience = audience_of(shell, shown.plan.source)
    zone = shell.workspace.config.zone
    made = [each for heard in shown.heard for each in heard.confirmations]
    noted = [each for heard in shown.heard for each in heard.remarks]
    if made:
        asked = shown.recorder.questions
        console.print(lay_out(list_confirmed(made, asked, zone, audience)))
    if noted:
        console.print(lay_out(list_noted(noted, audience)))


def _print_state(shell: Shell, shown: "SheetImport", console: "Console") -> None:
    """Say of each customer what is open still."""
    audience, words = audience_of(shell, shown.plan.source), shell.words
    for each in shown.recorded:
        progress = each.progress
        if progress.missed is not None:
            said = words("The visit did not take place: the manager decides.")
        elif progress.is_done:
            said = words("Every item that has to be asked is answered.")
        else:
            names = words(", ").join(map(audience.item, progress.open))
            said = words("Still to be asked: {items}", items=names)
        console.print(f"{each.row.account}: {said}", soft_wrap=True)


def _show(shell: Shell, shown: "SheetImport", *, is_kept: bool) -> Result:
    """Show what a workbook says, and whether it was recorded."""
    from handover.meeting.heard_view import (
        dump_confirmation,
        dump_flag,
        dump_remark,
        dump_visit,
    )

    audience = audience_of(shell, shown.plan.source)
    written = write_recorded(shell, shown.plan, shown.recorded)

    def text(console: "Console") -> None:
        _print(shell, shown, console)
        if shown.heard and not is_kept:
            console.print(shell.words("Nothing was recorded: this was a dry run."))
        _print_state(shell, shown, console)
        written.print(audience, console)

    flags = [flag for each in shown.recorded for flag in each.flags]
    return Result(
        name="meeting",
        data={
            "plan": shown.plan.id,
            "kept": is_kept,
            "already": shown.already,
            "confirmations": [
                dump_confirmation(made)
                for each in shown.heard
                for made in each.confirmations
            ],
            "remarks": [
                dump_remark(made) for each in shown.heard for made in each.remarks
            ],
            "visits": [dump_visit(each.progress) for each in shown.recorded],
            "flags": [dump_flag(flag, audience) for flag in flags],
            **written.dump(),
        },
        text=text,
        warnings=[*_list_notices(shown), *written.list_notices()],
        error=written.error,
        is_done=is_kept,
        as_of=shell.workspace.as_of,
    )


def _list_notices(shown: "SheetImport") -> list[Notice]:
    """List what is not as it should be: nothing new, signs."""
    notices = []
    if not shown.heard:
        code = "recorded_already" if shown.already else "nothing_filled_in"
        notices.append(Notice(code=code, params={"file": shown.file}))
    notices += [
        Notice(code="visit_flag", params={"why": flag.why})
        for each in shown.recorded
        for flag in each.flags
    ]
    return notices
