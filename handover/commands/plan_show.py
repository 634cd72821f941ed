"""``handover plan show``: a plan, what has changed in it, or somebody's day."""

import datetime as dt
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from handover.commands.day import show_day
from handover.commands.options import DAY
from handover.commands.outcome import Result
from handover.commands.plan_result import FORMS, audience_of, dump_plans, plan_result
from handover.commands.reorganisation import show_whole, take_step, takes_plans
from handover.commands.shell import Shell, command

if TYPE_CHECKING:
    from rich.console import Console

    from handover.plan.model import Plan


@command("show", example="handover plan show 2027-04-sato-tanaka", forms=FORMS)
@takes_plans
@click.option(
    "--changes", is_flag=True, help="What differs from the last approved version."
)
@click.option(
    "--since", type=int, metavar="VERSION", help="What differs from this version."
)
@click.option("--person", metavar="U", help="The day of this person, over all plans.")
@click.option("--on", "date", type=DAY, metavar="D", help="Which day; else today.")
def show(
    shell: Shell,
    *,
    changes: bool,
    since: int | None,
    person: str | None,
    date: dt.date | None,
    **plans: str | None,
) -> Result:
    """Show a plan, what has changed since, or somebody's day.

    --person shows whom somebody visits on a day, with all that they need for it. It
    looks at all plans that are under way, and at a PLAN or --reorganisation besides.
    """
    from handover.jobs.plan import find_plan

    is_compared = changes or since is not None
    if (person is None and date is not None) or (person is not None and is_compared):
        raise click.UsageError(shell.words("--on belongs to --person, alone."))
    if person is not None:
        return show_day(shell, person, date, **plans)
    whole = plans["reorganisation"]
    if whole is not None and plans["plan_id"] is None:
        if is_compared:
            raise click.UsageError(shell.words("Give a PLAN, or --reorganisation."))
        return show_whole(shell, whole)

    def show_one(key: str) -> Result:
        found = find_plan(shell.workspace, key)
        if is_compared:
            return _show_changes(shell, found, since)
        return plan_result(shell, [found], data=dump_plans(shell, [found]))

    return take_step(shell, "show", do=show_one, **plans)


def _show_changes(shell: Shell, found: "Plan", since: int | None) -> Result:
    from handover.jobs.desk import list_waiting
    from handover.jobs.plan import compare_versions, find_version_seen
    from handover.plan.desk_view import dump_waiting, print_waiting

    workspace = shell.workspace
    before = find_version_seen(workspace, found, since)
    compared = compare_versions(workspace, found, before, drift=True)
    waiting = list_waiting(workspace, [found])

    def text(console: "Console") -> None:
        from handover.plan.terminal import print_changes

        audience = audience_of(shell, found.source)
        print_changes(compared, audience, console)
        print_waiting(waiting, audience, workspace.as_of, console)

    data = {
        **dump_plans(shell, [found]),
        "since": compared.since,
        "changes": [asdict(each) for each in compared.changes],
        "drift": [asdict(each) for each in compared.drift],
        "waiting": dump_waiting(waiting, shell.words),
    }
    return Result(name="plan", data=data, text=text, as_of=shell.workspace.as_of)
