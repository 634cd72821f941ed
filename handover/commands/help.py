"""``handover help TOPIC``: what does not belong to one command."""

from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Result
from handover.commands.shell import COMPLETE, Shell, command
from handover.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console


EXIT_CODES = {
    ExitCode.DONE: "done",
    ExitCode.BUG: "a mistake of handover",
    ExitCode.USAGE: "usage, configuration, an unknown name, or the mapping",
    ExitCode.GAPS: (
        "gaps at the level of --fail-on or --min-score,"
        " or a leaver still owns something"
    ),
    ExitCode.SIGN_IN: "sign in, or not permitted by the CRM",
    ExitCode.REFUSED: "refused: somebody has to decide something first",
    ExitCode.PARTLY: "finished, but some rows failed, were skipped or are in doubt",
    ExitCode.TRY_LATER: (
        "try later: CRM unreachable, rate limit, lock, disk full, file in use"
    ),
    ExitCode.INTERRUPTED: "interrupted",
}

TOPICS = ("exit-codes", "commands")


@command("help", example="handover help exit-codes")
@click.argument("topic", type=click.Choice(TOPICS), default="commands")
def topics(shell: Shell, *, topic: str) -> Result:
    """Explain exit codes and more."""
    if topic == "exit-codes":
        rows = {str(int(code)): shell.words(text) for code, text in EXIT_CODES.items()}
    else:
        root = click.get_current_context().find_root()
        entries = getattr(root.command, "entries", {})
        rows = {name: shell.words(entry.help) for name, entry in entries.items()}

    def show(console: "Console") -> None:
        from handover.paper.table import Table

        table = Table(box=None, show_header=False, pad_edge=False)
        for name, text in rows.items():
            table.add_row(name, text)
        console.print(table)

    return Result(name="help", data={"topic": topic, "entries": rows}, text=show)


@command("completion", example="handover completion bash > ~/.handover-completion")
@click.argument("kind", type=click.Choice(["bash", "zsh", "fish", "powershell"]))
def completion(shell: Shell, *, kind: str) -> Result:
    """Print the completion script of a shell."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(kind)
    if found is None:
        raise click.UsageError(
            shell.words("click has no completion for {shell}", shell=kind)
        )
    ctx = click.get_current_context()
    text = found(ctx.find_root().command, {}, "handover", COMPLETE).source()

    def show(console: "Console") -> None:
        from handover.paper.console import script

        console.print(script(text), end="", soft_wrap=True)

    return Result(name="completion", data={"shell": kind, "script": text}, text=show)
