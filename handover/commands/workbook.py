"""``handover plan export`` and ``import``: a plan as a workbook, there and back."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Notice, Result
from handover.commands.plan_result import (
    dump_plan,
    list_clock_notices,
    make_too_short,
)
from handover.commands.reorganisation import takes_plans
from handover.commands.shell import Shell, command

if TYPE_CHECKING:
    from rich.console import Console

    from handover.jobs.workbooks import Import
    from handover.plan.model import Plan


@command(
    "export",
    example="handover plan export 2027-04-sato-tanaka -o plan.xlsx",
    forms=("xlsx",),
)
@takes_plans
def export(shell: Shell, *, plan_id: str | None, reorganisation: str | None) -> Result:
    """Write a plan as a workbook that its manager fills in.

    Yellow cells are filled in: how a customer is handed over, when they are met,
    whether the manager attends, who takes over, what becomes of opportunities, and why.
    plan import takes what comes back.
    """
    plans = _find_plans(shell, plan_id, reorganisation)
    if shell.options.format == "table":
        raise click.UsageError(shell.words("a workbook needs -o FILE"))

    def book() -> bytes:
        from handover.jobs.workbooks import export_plans

        return export_plans(shell.workspace, plans, shell.words, shell.mark)

    def text(console: "Console") -> None:
        console.print(", ".join(plan.id for plan in plans))

    return Result(
        name="plan",
        data={"plans": [dump_plan(plan, rows=False) for plan in plans]},
        text=text,
        book=book,
        as_of=shell.workspace.as_of,
        next=f"handover plan import {shell.options.output or 'plan.xlsx'}",
    )


def _find_plans(
    shell: Shell, plan_id: str | None, reorganisation: str | None
) -> "list[Plan]":
    from handover.jobs.desk import find_reorganisation
    from handover.jobs.plan import find_plan
    from handover.ledger.states import OVER_STATES

    if plan_id is not None and reorganisation is None:
        return [find_plan(shell.workspace, plan_id)]
    if plan_id is not None or reorganisation is None:
        raise click.UsageError(shell.words("Give a PLAN, or --reorganisation."))
    plans = find_reorganisation(shell.workspace, reorganisation)
    return [plan for plan in plans if plan.state not in OVER_STATES] or plans


@command("import", example="handover plan import plan.xlsx --as 渡辺誠")
@click.argument(
    "file", metavar="F.xlsx", type=click.Path(path_type=Path, dir_okay=False)
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and keep none.")
def import_book(shell: Shell, *, file: Path, dry_run: bool) -> Result:
    """Take what was filled in in a plan's workbook.

    Shows each cell that says something else, and asks before it edits the plan as plan
    edit does; what was approved has to be approved again. Either all of a workbook is
    taken or nothing.
    """
    from handover.jobs.workbooks import apply_import, read_import

    shown = read_import(shell.workspace, file, shell.words)
    if not shown.changed or dry_run:
        return _show_import(shell, shown, is_kept=False)
    if shell.is_interactive and not shell.options.yes:
        _ask_to_import(shell, shown)
    return _show_import(shell, apply_import(shell.workspace, shown), is_kept=True)


def _ask_to_import(shell: Shell, shown: "Import") -> None:
    """Show what a workbook changes, and ask.

    Raises:
        ImportNotConfirmed: it was not agreed to.
    """
    from handover.commands.forms import print_aside
    from handover.ledger.states import PlanState
    from handover.plan.errors import ImportNotConfirmed

    print_aside(lambda console: _print_import(shell, shown, console), shell.options)
    drafts = {PlanState.DRAFT, PlanState.REJECTED}
    undone = [
        each.plan.id
        for each in shown.changed
        if each.before is not None and each.before.state not in drafts
    ]
    if undone:
        text = "To be submitted and approved again: {plans}"
        shell.say(f"△ {shell.words(text, plans=', '.join(undone))}")
    if not click.confirm(shell.words("Take these changes?"), err=True):
        raise ImportNotConfirmed(file=shown.file)


def _print_import(shell: Shell, shown: "Import", console: "Console") -> None:
    from handover.plan.changes import compare
    from handover.plan.terminal import lay_out
    from handover.plan.view import list_undecided
    from handover.plan.workbook_view import list_cell_changes, list_visits

    words = shell.words
    if not shown.changed:
        console.print(words("Nothing has changed."))
        return
    console.print(lay_out(list_cell_changes(shown.book.changes, words)))
    compared = [compare(each.before, each.plan) for each in shown.changed]
    visits = list_visits(compared, words)
    if visits.rows:
        console.print(lay_out(visits))
    for each in shown.changed:
        for line in list_undecided(each.plan, words):
            console.print(f"  △ {line}")


def _show_import(shell: Shell, shown: "Import", *, is_kept: bool) -> Result:
    """Show what a workbook changes, and whether it was taken."""
    from handover.jobs.desk import find_next
    from handover.plan.changes import compare

    changed = [each.plan for each in shown.changed]
    stand = {plan.id: plan for plan in (*shown.plans, *changed)}
    compared = [compare(each.before, each.plan) for each in shown.changed]

    def text(console: "Console") -> None:
        _print_import(shell, shown, console)
        if changed and not is_kept:
            console.print(shell.words("Nothing was kept: this was a dry run."))

    plans = [dump_plan(plan) for plan in stand.values()]
    data = {
        "plans": plans,
        **({"plan": plans[0]} if len(plans) == 1 else {}),
        "kept": is_kept,
        "edits": [asdict(each) for each in shown.book.changes],
        "changes": [asdict(c) for each in compared for c in each.changes],
    }
    return Result(
        name="plan",
        data=data,
        text=text,
        warnings=_list_notices(shell, shown),
        error=make_too_short(changed),
        next=find_next(shell.workspace, changed[0]) if is_kept else None,
        as_of=shell.workspace.as_of,
        is_done=is_kept,
    )


def _list_notices(shell: Shell, shown: "Import") -> Sequence[Notice]:
    from handover.plan.naming import name_first

    notices = []
    for code, names in (
        ("rows_deleted", shown.book.absent),
        ("columns_deleted", shown.book.columns),
    ):
        if names:
            params = {"n": len(names), "names": name_first(names)}
            notices.append(Notice(code=code, params=params))
    notices += [
        Notice(code="run_stopped", params={"run": each.stopped})
        for each in shown.changed
        if each.stopped is not None
    ]
    return [*notices, *list_clock_notices(shell)]
