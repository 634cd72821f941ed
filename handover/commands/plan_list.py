"""``handover plan list``: all plans, and whose turn it is."""

from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Result
from handover.commands.plan_result import audience_of, dump_plan
from handover.commands.shell import Shell, command

if TYPE_CHECKING:
    from rich.console import Console


@command("list", example="handover plan list --mine")
@click.option("--mine", is_flag=True, help="Only what waits for me, and by when.")
@click.option("--reorganisation", metavar="R", help="Only the plans of one.")
def list_plans(shell: Shell, *, mine: bool, reorganisation: str | None) -> Result:
    """List plans, where they stand and whose turn it is."""
    from handover.jobs import desk
    from handover.jobs.plan import list_decisions
    from handover.jobs.plan import list_plans as list_all
    from handover.plan.desk_view import dump_waiting, print_waiting
    from handover.plan.view import dump_decisions

    workspace = shell.workspace
    plans = (
        list_all(workspace)
        if reorganisation is None
        else desk.find_reorganisation(workspace, reorganisation)
    )
    is_desk = mine or reorganisation is not None
    waiting = desk.list_waiting(workspace, plans) if is_desk else []
    if mine:
        waiting = desk.list_mine(workspace, waiting)
        plans = [plan for plan in plans if any(plan == w.plan for w in waiting)]
    decisions = list_decisions(workspace, plans)

    def show(console: "Console") -> None:
        from handover.plan.terminal import print_list

        if mine and not waiting:
            console.print(shell.words("Nothing waits for you."))
        for source in dict.fromkeys(each.source for each in plans):
            ours = [each for each in plans if each.source == source]
            audience = audience_of(shell, source)
            print_list(ours, decisions, audience, console)
            theirs = [each for each in waiting if each.plan.source == source]
            print_waiting(theirs, audience, workspace.as_of, console)

    return Result(
        name="plan",
        data={
            "plans": [dump_plan(each, rows=False) for each in plans],
            "decisions": dump_decisions(decisions),
            **({"waiting": dump_waiting(waiting, shell.words)} if is_desk else {}),
        },
        text=show,
        as_of=workspace.as_of,
    )
