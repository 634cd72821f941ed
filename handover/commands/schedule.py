"""``handover schedule``: print the nightly job for a scheduler."""

from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Result
from handover.commands.shell import Shell, command
from handover.safe_text import plain

if TYPE_CHECKING:
    from rich.console import Console


@command("schedule", example="handover schedule systemd")
@click.argument("kind", type=click.Choice(["cron", "systemd", "windows"]))
def schedule(shell: Shell, *, kind: str) -> Result:
    """Print the nightly sync and audit as cron line, units or task."""
    import shutil
    import sys

    from handover.schedule_units import SCHEDULERS, here

    program = shutil.which("handover") or sys.argv[0]
    config = shell.workspace.config
    if plain(str(config.base)) != str(config.base):
        about = "{folder} has characters that no scheduler takes"
        raise click.UsageError(shell.words(about, folder=config.base))
    text = SCHEDULERS[kind](here(program, config.base / "handover.toml"))

    def show(console: "Console") -> None:
        from handover.paper.console import script

        console.print(script(text), end="", soft_wrap=True)

    return Result(name="schedule", data={"kind": kind, "text": text}, text=show)
