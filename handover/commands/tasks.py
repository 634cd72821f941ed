"""``handover tasks``: what may be written at night, as the policy orders it."""

from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Notice, Result
from handover.commands.shell import Shell, command
from handover.commands.transfer import manner_of, task_words, transfer_result
from handover.errors import HandoverError, worst_code
from handover.safe_text import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from handover.errors import KnownError
    from handover.jobs.tasks import NightlyRun


class NotAllSources(HandoverError):
    """Not every run of the night went well (``done``, ``failed``, ``sources``)."""

    code = "not_all_sources"


@command("tasks", example="handover tasks --dry-run")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
def tasks(shell: Shell, *, dry_run: bool) -> Result:
    """Ask owners for what is lacking, and write what customers answered.

    The first only if the policy orders it. One open task at most for each customer, a
    few new ones for each owner and night, the most important customers first. What is
    filled in closes its task; what is late goes to the owner's manager.
    """
    from handover.jobs.tasks import write_at_night
    from handover.transfer.standing import is_ordered

    manner = manner_of(shell, dry_run=dry_run)
    found = write_at_night(shell.workspace, manner, task_words(shell))
    shown = [
        transfer_result(shell, run.done, dry_run=dry_run) if run.done else None
        for run in found
    ]
    off = [] if is_ordered(shell.workspace.policy) else [Notice(code="tasks_off")]

    def text(console: "Console") -> None:
        for run, result in zip(found, shown, strict=True):
            if len(found) > 1:
                console.print(run.plan_id or run.source, style="bold")
            if result is not None:
                result.text(console)
            if len(found) > 1 and run.failure is not None:
                said = shell.words.sentence(run.failure)
                console.print(str(said), soft_wrap=True)
                console.print(f"→ {said.remedy}", soft_wrap=True)

    runs = [
        {
            "source": run.source,
            "plan": run.plan_id,
            "run": result.data["run"] if result else None,
            "error": _dump_error(shell, run.failure),
        }
        for run, result in zip(found, shown, strict=True)
    ]
    done = [result for result in shown if result is not None]
    return Result(
        name="run",
        data={"run": runs[0]["run"] if runs else None, "runs": runs},
        text=text,
        warnings=[*off, *(notice for each in done for notice in each.warnings)],
        error=_judge(found),
        is_done=any(each.is_done for each in done),
        next="handover sync" if done else None,
        as_of=shell.workspace.as_of,
    )


def _judge(found: "Sequence[NightlyRun]") -> "KnownError | None":
    """Return what is to be said of runs that fell short; of one alone, its own."""
    failed = [run for run in found if run.failure is not None]
    if not failed:
        return None
    if len(found) == 1:
        return failed[0].failure
    error = NotAllSources(
        done=len(found) - len(failed),
        failed=len(failed),
        sources=tuple(dict.fromkeys(run.source for run in failed)),
    )
    codes = [run.failure.exit_code for run in failed if run.failure is not None]
    error.exit_code = worst_code(codes)
    return error


def _dump_error(shell: Shell, error: "KnownError | None") -> dict[str, str] | None:
    if error is None:
        return None
    said = shell.words.sentence(error)
    return {
        "code": error.code,
        "message": plain(str(said)),
        "hint": plain(said.remedy),
    }
