"""``handover plan publish``, ``reassign`` and ``undo``: what writes to a CRM."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Notice, Result
from handover.commands.plan_result import audience_of, list_aside_notices
from handover.commands.reorganisation import take_step, takes_plans
from handover.commands.shell import Shell, command
from handover.commands.streams import tell
from handover.i18n import Words, words_for

if TYPE_CHECKING:
    from rich.console import Console

    from connectors.base import Identity
    from handover.jobs.transfer import Manner, Preview, Transferred

FIRST_STEPS = 10
"""Steps that are shown before the org's name is typed."""


@command("publish", example="handover plan publish 2027-04-sato-tanaka --dry-run")
@takes_plans
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
@click.option("--before-announcement", metavar="T", help="Why before the announcement.")
def publish(
    shell: Shell,
    *,
    dry_run: bool,
    before_announcement: str | None,
    **plans: str | None,
) -> Result:
    """Put an approved plan into the CRM as tasks."""
    from handover.jobs.transfer import publish as publish_plan
    from handover.transfer.prepare import TransferRequest

    _need_words("--before-announcement", before_announcement)
    asked = TransferRequest(
        org_id=shell.options.org, before_announcement=before_announcement
    )
    manner = manner_of(shell, dry_run=dry_run)

    def publish_one(key: str) -> Result:
        done = publish_plan(shell.workspace, key, asked, manner, task_words(shell))
        return transfer_result(shell, done, dry_run=dry_run)

    return take_step(shell, "publish", do=publish_one, **plans)


@command("reassign", example="handover reassign 2027-04-sato-tanaka --dry-run")
@takes_plans
@click.option(
    "--rows",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Only the records listed there, an error.csv say; - is stdin.",
)
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
@click.option("--early", metavar="T", help="Why before the effective date.")
@click.option("--allow-large", is_flag=True, help="Exceed the policy's number.")
def reassign(
    shell: Shell,
    *,
    rows: Path | None,
    dry_run: bool,
    early: str | None,
    allow_large: bool,
    **plans: str | None,
) -> Result:
    """Change the owners of approved accounts."""
    from handover.jobs.transfer import reassign as reassign_plan
    from handover.transfer.prepare import TransferRequest
    from handover.transfer.run_files import read_rows

    _need_words("--early", early)
    asked = TransferRequest(
        org_id=shell.options.org,
        early=early,
        allow_large=allow_large,
        rows=read_rows(rows) if rows else None,
    )
    manner = manner_of(shell, dry_run=dry_run)

    def reassign_one(key: str) -> Result:
        done = reassign_plan(shell.workspace, key, asked, manner)
        return transfer_result(shell, done, dry_run=dry_run)

    return take_step(shell, "reassign", do=reassign_one, **plans)


@command("undo", example="handover undo last --dry-run")
@click.argument("run")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
def undo(shell: Shell, *, run: str, dry_run: bool) -> Result:
    """Take a run back. RUN is its id, or last."""
    from handover.jobs.transfer import undo as undo_run

    done = undo_run(shell.workspace, run, manner_of(shell, dry_run=dry_run))
    return transfer_result(shell, done, dry_run=dry_run)


def _need_words(option: str, given: str | None) -> None:
    from handover.transfer.errors import ReasonMissing

    if given is not None and not given.strip():
        raise ReasonMissing(option=option)


def task_words(shell: Shell) -> Words:
    """Return the words for our tasks: the company's, not those of who types."""
    return words_for(shell.workspace.config.language or shell.words.language)


def transfer_result(shell: Shell, done: "Transferred", *, dry_run: bool) -> Result:
    """Show a run, or what it would do, in every form."""
    from handover.plan.terminal import print_aside
    from handover.plan.view import dump_effects
    from handover.transfer.terminal import concerned, print_run, run_json

    reader = audience_of(shell, done.source)

    def show(console: "Console") -> None:
        print_run(done.executed, done.identity, reader, console)
        print_aside(done.aside, reader, console)
        if dry_run:
            console.print(shell.words("Nothing was written."))

    effects = concerned(reader.effects, done.executed.entries)
    return Result(
        name="run",
        data={
            "run": run_json(done.executed),
            "aside": [each.model_dump(mode="json") for each in done.aside],
            "side_effects": dump_effects(effects, shell.words),
        },
        text=show,
        warnings=[
            *(Notice(code=n.code, params=n.params) for n in done.notes),
            *list_aside_notices(done.aside, reader),
        ],
        error=done.executed.error,
        is_done=not dry_run,
        next="handover sync",
        as_of=shell.workspace.as_of,
    )


def manner_of(shell: Shell, *, dry_run: bool) -> "Manner":
    """Return how a transfer is carried out: who agrees to it, and what stops it."""
    from handover.jobs.transfer import Manner

    return Manner(
        dry_run=dry_run,
        org_id=shell.options.org,
        yes=shell.options.yes,
        confirm=partial(_confirm, shell) if shell.is_interactive else None,
        stopping=partial(_stoppable, shell),
    )


def _confirm(shell: Shell, preview: "Preview") -> None:
    """Show what is about to be written to production, and have the org's name typed.

    Raises:
        ProductionUnconfirmed: another name was typed.
    """
    from handover.commands.forms import print_aside
    from handover.transfer.terminal import print_run

    identity, planned = preview.identity, preview.planned
    reader = audience_of(shell, preview.source)
    print_aside(
        lambda console: print_run(planned, identity, reader, console, FIRST_STEPS),
        shell.options,
    )
    ask_for_org_name(shell, identity)


def ask_for_org_name(shell: Shell, identity: "Identity") -> None:
    """Have the name of a production org typed before it is written to.

    Raises:
        ProductionUnconfirmed: another name was typed.
    """
    from handover.transfer.errors import ProductionUnconfirmed

    asked = shell.words(
        "This writes to PRODUCTION. Type the org's name ({name})",
        name=identity.org_name,
    )
    if click.prompt(asked, err=True) != identity.org_name:
        raise ProductionUnconfirmed(org=identity.org_id, name=identity.org_name)


@contextmanager
def _stoppable(shell: Shell) -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C end the run after the current batch; a second one at once."""
    pressed: list[int] = []

    def note(signum: int, _frame: object) -> None:
        if pressed:
            raise KeyboardInterrupt
        pressed.append(signum)
        tell(shell.words("stopping after the current batch; press again to stop now"))

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
