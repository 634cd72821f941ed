"""``handover status``: where plans stand, and whom they wait for."""

from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Result
from handover.commands.plan_result import audience_of
from handover.commands.shell import Shell, command

if TYPE_CHECKING:
    from rich.console import Console


@command("status", example="handover status 2027-04-sato-tanaka")
@click.argument("plan_id", metavar="[PLAN]", required=False)
def status(shell: Shell, *, plan_id: str | None) -> Result:
    """Show where plans stand: whom they wait for, and what is late.

    Without PLAN all plans that are not over. Of one that is named, it also counts what
    is still to be asked of its customers.
    """
    from handover.follow.status_view import dump_status, print_statuses
    from handover.jobs.status import find_statuses

    workspace = shell.workspace
    found = find_statuses(workspace, plan_id)
    sources = dict.fromkeys(each.plan.source for each in found)
    audiences = {source: audience_of(shell, source) for source in sources}

    def text(console: "Console") -> None:
        if not found:
            console.print(shell.words("No plan is under way."))
        for source, audience in audiences.items():
            ours = [each for each in found if each.plan.source == source]
            print_statuses(ours, audience, workspace.as_of, console)

    return Result(
        name="status",
        data={
            "plans": [dump_status(each, audiences[each.plan.source]) for each in found]
        },
        text=text,
        as_of=workspace.as_of,
    )
