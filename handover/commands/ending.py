"""``handover plan end``: what ends a plan early."""

from dataclasses import replace

import click

from handover.commands.outcome import Result
from handover.commands.plan_result import dump_plan
from handover.commands.shell import Shell, command
from handover.commands.transfer import manner_of, transfer_result


@command("end", example="handover plan end 2027-04-sato-tanaka --reason 異動の取りやめ")
@click.argument("plan_id", metavar="PLAN")
@click.option("--reason", metavar="T", required=True, help="Why.")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
def end(shell: Shell, *, plan_id: str, reason: str, dry_run: bool) -> Result:
    """End a plan early, and close its tasks in the CRM."""
    from handover.jobs.ending import end as end_plan

    manner = manner_of(shell, dry_run=dry_run)
    ended = end_plan(shell.workspace, plan_id, reason, manner)
    shown = transfer_result(shell, ended.run, dry_run=dry_run)
    data = {"plan": dump_plan(ended.plan), **shown.data}
    return replace(shown, name="plan", data=data)
