"""What the writing commands have in common: the CRM, the lock, the run, the result."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from handover.commands import plan_desk
from handover.commands.shell import Notice, Result, Shell

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Connection

    from handover.mirror.views import Mirror
    from handover.plan.approval import ApprovedPlan
    from handover.plan.view import Reader
    from handover.transfer.execute import Desk, Executed
    from handover.transfer.prepare import Asked, Prepared
    from handover.transfer.site import Site

    OfPlan = Callable[[Site, Connection, ApprovedPlan, Mirror], Prepared]
    OfRun = Callable[[Site, Connection], Prepared]

FIRST_STEPS = 10
"""Steps that are shown before the org's name is typed."""


def publish_plan(shell: Shell, plan: str, asked: "Asked", *, dry_run: bool) -> Result:
    """Put a plan's tasks into the CRM, or show what that would do."""
    from handover.i18n import words_for
    from handover.transfer.prepare import prepare_publish

    spoken = words_for(shell.workspace.config.language or shell.words.language)

    def prepare(
        site: "Site", connection: "Connection", plan: "ApprovedPlan", mirror: "Mirror"
    ) -> "Prepared":
        return prepare_publish(site, connection, plan, mirror, asked, spoken)

    return _carry_out(shell, plan, prepare, kind="publish", dry_run=dry_run)


def reassign_plan(shell: Shell, plan: str, asked: "Asked", *, dry_run: bool) -> Result:
    """Change the owners that are due, or show what that would do."""
    from handover.transfer.prepare import prepare_reassign

    def prepare(
        site: "Site", connection: "Connection", plan: "ApprovedPlan", mirror: "Mirror"
    ) -> "Prepared":
        return prepare_reassign(site, connection, plan, mirror, asked)

    return _carry_out(shell, plan, prepare, kind="reassign", dry_run=dry_run)


def _carry_out(
    shell: Shell, text: str, prepare: "OfPlan", *, kind: str, dry_run: bool
) -> Result:
    """Prepare the steps of a plan and walk them, or show what they would do.

    The approval is looked at twice: at once, so that nobody waits for a refusal, and
    once more behind the lock.
    """
    from handover.plan import store
    from handover.plan.approval import approved

    workspace = shell.workspace
    with workspace.ledger.read() as connection:
        plan_id = store.find_plan(connection, text)
        source = approved(connection, plan_id, workspace.as_of).plan.source

    def of_plan(site: "Site", connection: "Connection") -> "Prepared":
        authority = approved(connection, plan_id, workspace.as_of)
        with workspace.mirror(source) as mirror:
            return prepare(site, connection, authority, mirror)

    return _walk(shell, source, of_plan, kind=kind, dry_run=dry_run)


def take_back(shell: Shell, run_id: str, *, dry_run: bool) -> Result:
    """Take a run back, or show what that would do."""
    from handover.transfer.prepare import prepare_undo
    from handover.transfer.undo import find_run, undo_of

    workspace = shell.workspace
    with workspace.ledger.read() as connection:
        source = find_run(connection, run_id).source
    person = workspace.decider(source)

    def of_run(site: "Site", connection: "Connection") -> "Prepared":
        run = find_run(connection, run_id)
        undo_by = workspace.policy.transfer.undo_by
        authority = undo_of(connection, run, person, site.people, undo_by)
        return prepare_undo(site, connection, authority, run, shell.options.org)

    return _walk(shell, source, of_run, kind="undo", dry_run=dry_run)


def _walk(
    shell: Shell, source: str, prepare: "OfRun", *, kind: str, dry_run: bool
) -> Result:
    """Prepare steps behind the lock and walk them, or show what they would do."""
    from handover.plan.effects import effects_json
    from handover.transfer.execute import execute, rehearse
    from handover.transfer.terminal import concerned, print_run, run_json

    workspace, site = shell.workspace, _open_site(shell, source)
    reader = plan_desk.reader(shell, source)
    with _writing(shell, site, kind, dry_run=dry_run) as desk:
        with workspace.ledger.read() as connection:
            prepared = prepare(site, connection)
        executed = rehearse(prepared)
        if desk is not None:
            _ask(shell, site, executed, reader)
            with _stoppable(shell) as stopped:
                executed = execute(site, desk, prepared, stopped=stopped)
    told = concerned(reader.effects, executed.entries)

    def show(console: "Console") -> None:
        print_run(executed, site.identity, reader, console)
        if dry_run:
            console.print(shell.words("Nothing was written."))

    return Result(
        name="run",
        data={
            "run": run_json(executed),
            "side_effects": effects_json(told, shell.words),
        },
        text=show,
        warnings=[Notice(code=n.code, params=n.params) for n in prepared.notes],
        error=executed.error,
        next="handover sync",
        as_of=workspace.as_of,
    )


def _open_site(shell: Shell, source: str) -> "Site":
    """Open the CRM as a run meets it."""
    from handover.transfer.site import Site, in_own_words

    workspace = shell.workspace
    connector = workspace.connector(source)
    return Site(
        source=source,
        connector=connector,
        identity=connector.identify(),
        mapping=in_own_words(workspace.mapping(source), connector),
        people=workspace.people(source),
        policy=workspace.policy,
        clock=workspace.clock,
        as_of=workspace.as_of,
        today=workspace.now.astimezone(workspace.config.zone).date(),
    )


@contextmanager
def _writing(
    shell: Shell, site: "Site", kind: str, *, dry_run: bool
) -> Iterator["Desk | None"]:
    """Hold the lock and settle what earlier runs left open; a dry run does neither."""
    from handover.transfer.execute import Desk, leave_files
    from handover.transfer.recover import recover
    from handover.transfer.site import check_confirmed

    if dry_run:
        yield None
        return
    workspace = shell.workspace
    desk = Desk(
        ledger=workspace.ledger,
        runs_folder=workspace.runs_folder,
        zone=workspace.config.zone,
        actor=workspace.actor.user,
    )
    if not _is_asked(shell, site):
        check_confirmed(site, yes=shell.options.yes, named=shell.options.org)
    with workspace.lock(kind):
        for run_id in recover(desk.ledger, site.connector, site.source, site.clock()):
            leave_files(desk, run_id)
        yield desk


def _is_asked(shell: Shell, site: "Site") -> bool:
    """Tell whether somebody is there to type the org's name; a job names its id."""
    return site.identity.production and shell.is_interactive and not shell.options.yes


def _ask(shell: Shell, site: "Site", planned: "Executed", reader: "Reader") -> None:
    """Show what is about to be written to production, and have the org's name typed.

    The lock is held meanwhile, so that what was shown is what will be done.

    Raises:
        ProductionUnconfirmed: another name was typed.
    """
    from handover.commands.forms import print_aside
    from handover.transfer.errors import ProductionUnconfirmed
    from handover.transfer.terminal import print_run

    identity = site.identity
    if not planned.entries or not _is_asked(shell, site):
        return
    print_aside(
        lambda console: print_run(planned, identity, reader, console, FIRST_STEPS),
        shell.options,
    )
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
        text = "stopping after the current batch; press again to stop now"
        click.echo(shell.words(text), err=True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)
