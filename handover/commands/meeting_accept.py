"""``handover meeting accept|return``: what a successor says to taking over."""

from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Result
from handover.commands.shell import Shell, command

if TYPE_CHECKING:
    from handover.jobs.accepting import Said


@command("accept", example="handover meeting accept 2027-04-sato-tanaka")
@click.argument("plan_id", metavar="PLAN")
@click.option("--account", "accounts", multiple=True, metavar="A", help="Only these.")
@click.option("--reason", metavar="T", help="What is to be said of it.")
@click.option("--on-behalf", metavar="T", help="Why somebody else types it.")
def accept(
    shell: Shell,
    *,
    plan_id: str,
    accounts: tuple[str, ...],
    reason: str | None,
    on_behalf: str | None,
) -> Result:
    """Take over the customers that a plan gives you, or those who are named."""
    from handover.jobs import accepting

    said = accepting.accept(shell.workspace, plan_id, accounts, reason, on_behalf)
    return _shown(shell, said)


@command(
    "return",
    example="handover meeting return 2027-04-sato-tanaka --account アサヒ商事 "
    "--reason 担当件数が上限",
)
@click.argument("plan_id", metavar="PLAN")
@click.option("--account", "accounts", multiple=True, metavar="A", required=True)
@click.option("--reason", metavar="T", required=True, help="Why.")
@click.option("--on-behalf", metavar="T", help="Why somebody else types it.")
def give_back(
    shell: Shell,
    *,
    plan_id: str,
    accounts: tuple[str, ...],
    reason: str,
    on_behalf: str | None,
) -> Result:
    """Return customers to the manager, with why you do not take them over."""
    from handover.jobs import accepting

    said = accepting.give_back(shell.workspace, plan_id, accounts, reason, on_behalf)
    return _shown(shell, said)


def _shown(shell: Shell, said: "Said") -> Result:
    """Say whose customers were accepted or returned."""
    words = shell.words
    names = ", ".join(row.account for row in said.rows)
    text = words(f"said:{said.answer}", n=len(said.rows), names=names)
    return Result(
        name="meeting",
        data={
            "plan": said.plan.id,
            "answer": said.answer,
            "reason": said.reason,
            "accounts": [row.account_id for row in said.rows],
        },
        text=lambda console: console.print(text),
        is_done=True,
        as_of=shell.workspace.as_of,
    )
