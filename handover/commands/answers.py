"""What commands that keep answers do with them next: they are written into the CRM."""

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING

from handover.commands.outcome import Notice
from handover.commands.shell import Shell
from handover.commands.transfer import manner_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from handover.errors import KnownError
    from handover.jobs.answers import Attempt
    from handover.jobs.recording import Recorded
    from handover.plan.model import Plan
    from handover.plan.view import Audience


class WrittenAnswers:
    """A run that wrote what was answered, or why there is none yet; in every form."""

    def __init__(self, shell: Shell, attempt: "Attempt") -> None:
        """Take what came of it."""
        self._shell = shell
        self._attempt = attempt

    @property
    def error(self) -> "KnownError | None":
        """Why not all of it was written."""
        run = self._attempt.run
        return None if run is None else run.executed.error

    def dump(self) -> dict[str, object]:
        """Return the run as JSON has it, if there was one."""
        from handover.transfer.terminal import run_json

        run = self._attempt.run
        return {} if run is None else {"run": run_json(run.executed)}

    def print(self, audience: "Audience", console: "Console") -> None:
        """Print the run, if there was one."""
        from handover.transfer.terminal import print_run

        run = self._attempt.run
        if run is not None:
            print_run(run.executed, run.identity, audience, console)

    def list_notices(self) -> list[Notice]:
        """List what is to be said of the run, or why it waits."""
        run, waits = self._attempt.run, self._attempt.waits
        if run is not None:
            return [Notice(code=n.code, params=n.params) for n in run.notes]
        if waits is None:
            return []
        why = self._shell.words.sentence(waits).what
        return [Notice(code="answer_waits", params={"why": why})]


def write_recorded(
    shell: Shell, plan: "Plan", recorded: "Iterable[Recorded]"
) -> WrittenAnswers:
    """Write what was just recorded, in one run, where that needs nobody to be asked."""
    from handover.jobs.answers import ASKING, Attempt, try_to_write

    accounts: Collection[str] = [
        each.row.account_id
        for each in recorded
        if any(made.result in ASKING for made in each.confirmations)
    ]
    if not accounts:
        return WrittenAnswers(shell, Attempt())
    manner = replace(manner_of(shell, dry_run=False), confirm=None)
    attempt = try_to_write(shell.workspace, plan.id, plan.source, manner, accounts)
    return WrittenAnswers(shell, attempt)
