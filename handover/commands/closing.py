"""``handover close``: what closes a handover."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from handover.commands.outcome import Result
from handover.commands.plan_result import audience_of, dump_plan
from handover.commands.shell import Shell, command
from handover.commands.transfer import manner_of, transfer_result

if TYPE_CHECKING:
    from rich.console import Console

    from handover.follow.open_items import OpenItem
    from handover.follow.waiving import OpenItems


@command(
    "close",
    example="handover close 2027-04-sato-tanaka --waive アサヒ商事:visit "
    "--reason 先方の都合により情報のみで引継",
)
@click.argument("plan_id", metavar="PLAN")
@click.option(
    "--waive",
    multiple=True,
    metavar="A:ITEM[=T]",
    help="Do without what is open; T is a reason of its own.",
)
@click.option("--reason", metavar="T", help="Why.")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
def close(
    shell: Shell,
    *,
    plan_id: str,
    waive: tuple[str, ...],
    reason: str | None,
    dry_run: bool,
) -> Result:
    """Close a handover that was reported, and its tasks in the CRM.

    Only the manager closes it. Everything that is open is listed, and is done first or
    waived one by one, with a reason.
    """
    from handover.follow.waiving import OpenItems
    from handover.jobs.closing import close as close_plan

    manner = manner_of(shell, dry_run=dry_run)
    try:
        closed = close_plan(shell.workspace, plan_id, waive, reason, manner)
    except OpenItems as error:
        return _refuse(shell, plan_id, error)
    shown = transfer_result(shell, closed.run, dry_run=dry_run)
    waived = [
        {"account_id": each.account_id, "item": each.item, "reason": each.reason}
        for each in closed.waivers
    ]
    data = {"plan": dump_plan(closed.plan), "waived": waived, **shown.data}
    return replace(shown, name="plan", data=data)


def _refuse(shell: Shell, plan_id: str, error: "OpenItems") -> Result:
    """List what is open, with what has to be typed to do without it."""
    from handover.follow.report_words import dump_open, list_to_waive
    from handover.jobs.plan import find_plan
    from handover.plan.terminal import lay_out

    plan = find_plan(shell.workspace, plan_id)
    audience = audience_of(shell, plan.source)
    found: Sequence[OpenItem] = error.items

    def text(console: "Console") -> None:
        console.print(lay_out(list_to_waive(found, audience)))

    data: dict[str, Any] = {
        "plan": dump_plan(plan, rows=False),
        "open": [dump_open(each, audience) for each in found],
    }
    return Result(
        name="plan", data=data, text=text, error=error, as_of=shell.workspace.as_of
    )
