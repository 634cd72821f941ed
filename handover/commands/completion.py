"""``handover completion``: the script that teaches a shell our words."""

from typing import TYPE_CHECKING

import click

from handover.commands.shell import COMPLETE, Result, Shell, command

if TYPE_CHECKING:
    from rich.console import Console


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
    script = found(ctx.find_root().command, {}, "handover", COMPLETE).source()

    def show(console: "Console") -> None:
        console.print(script, end="", soft_wrap=True)

    return Result(name="completion", data={"shell": kind, "script": script}, text=show)
