"""``handover plan publish``, ``reassign`` and ``undo``: what writes to a CRM."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from handover.commands.shell import Notice, Result, Shell, command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from connectors.base import Identity, Note
    from handover.plan.approval import ApprovedPlan
    from handover.transfer.execute import Executed
    from handover.transfer.prepare import Prepared
    from handover.transfer.site import Site

SIGNS = {"done": "○", "skipped": "△", "refused": "×", "in_doubt": "?"}
SUM = (
    "{planned} steps: {done} done, {skipped} skipped, {refused} refused,"
    " {in_doubt} in doubt."
)
SHOWN = 40
"""Steps that the terminal lists; the run's folder and ``--json`` have all."""


@command("publish", example="handover plan publish 2027-04-sato-tanaka --dry-run")
@click.argument("plan")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
@click.option("--before-announcement", metavar="T", help="Why before the announcement.")
def publish(
    shell: Shell, *, plan: str, dry_run: bool, before_announcement: str | None
) -> Result:
    """Put an approved plan into the CRM as tasks."""
    from handover.i18n import words_for
    from handover.transfer.prepare import Asked, prepare_publish

    _need_words("--before-announcement", before_announcement)
    asked = Asked(org_id=shell.options.org, before_announcement=before_announcement)
    spoken = words_for(shell.workspace.config.language or shell.words.language)
    return _carry_out(
        shell,
        plan,
        lambda site, connection, approved, mirror: prepare_publish(
            site, connection, approved, mirror, asked, spoken
        ),
        kind="publish",
        dry_run=dry_run,
    )


@command("reassign", example="handover reassign 2027-04-sato-tanaka --dry-run")
@click.argument("plan")
@click.option(
    "--rows",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Only the records listed there, an error.csv say.",
)
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
@click.option("--early", metavar="T", help="Why before the effective date.")
@click.option("--allow-large", is_flag=True, help="Exceed the policy's number.")
def reassign(
    shell: Shell,
    *,
    plan: str,
    rows: Path | None,
    dry_run: bool,
    early: str | None,
    allow_large: bool,
) -> Result:
    """Change the owners of approved accounts."""
    from handover.transfer.prepare import Asked, prepare_reassign

    _need_words("--early", early)
    asked = Asked(
        org_id=shell.options.org, early=early, allow_large=allow_large, rows=rows
    )
    return _carry_out(
        shell,
        plan,
        lambda site, connection, approved, mirror: prepare_reassign(
            site, connection, approved, mirror, asked
        ),
        kind="reassign",
        dry_run=dry_run,
    )


@command("undo", example="handover undo last --dry-run")
@click.argument("run")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
def undo(shell: Shell, *, run: str, dry_run: bool) -> Result:
    """Take a run back."""
    from handover.transfer.prepare import prepare_undo
    from handover.transfer.undo import find_run, undo_of

    workspace = shell.workspace
    with workspace.ledger.read() as connection:
        found = find_run(connection, run)
    site = open_site(shell, found.source)
    person = workspace.decider(found.source)
    with _writing(shell, site, "undo", dry_run=dry_run):
        with workspace.ledger.read() as connection:
            found = find_run(connection, found.id)
            allowed = workspace.policy.transfer.undo_by
            authority = undo_of(connection, found, person, site.people, allowed)
            prepared = prepare_undo(
                site, connection, authority, found, shell.options.org
            )
        executed = _run(shell, site, prepared, dry_run=dry_run)
    return result_of(shell, site.identity, executed, prepared.notes)


def _need_words(option: str, given: str | None) -> None:
    from handover.transfer.errors import ReasonMissing

    if given is not None and not given.strip():
        raise ReasonMissing(option=option)


Preparing = Callable[["Site", Any, "ApprovedPlan", Any], "Prepared"]


def _carry_out(
    shell: Shell, text: str, prepare: Preparing, *, kind: str, dry_run: bool
) -> Result:
    """Prepare the steps of a plan and walk them, or show what they would do."""
    from handover.plan import store
    from handover.plan.approval import approved

    workspace = shell.workspace
    with workspace.ledger.read() as connection:
        plan_id = store.find_plan(connection, text)
        plan = approved(connection, plan_id, workspace.as_of).plan
    site = open_site(shell, plan.source)
    with _writing(shell, site, kind, dry_run=dry_run):
        with (
            workspace.ledger.read() as connection,
            workspace.mirror(plan.source) as mirror,
        ):
            authority = approved(connection, plan.id, workspace.as_of)
            prepared = prepare(site, connection, authority, mirror)
        executed = _run(shell, site, prepared, dry_run=dry_run)
    return result_of(shell, site.identity, executed, prepared.notes)


def open_site(shell: Shell, source: str) -> "Site":
    """Open the CRM as a run meets it."""
    from handover.transfer.site import Site

    workspace = shell.workspace
    connector = workspace.connector(source)
    return Site(
        source=source,
        connector=connector,
        identity=connector.identify(),
        mapping=workspace.mapping(source),
        people=workspace.people(source),
        policy=workspace.policy,
        clock=workspace.clock,
        as_of=workspace.as_of,
        today=workspace.now.astimezone(workspace.config.zone).date(),
    )


@contextmanager
def _writing(shell: Shell, site: "Site", what: str, *, dry_run: bool) -> Iterator[None]:
    """Hold the lock and settle what earlier runs left open; a dry run does neither."""
    from handover.transfer.recover import recover

    if dry_run:
        yield
        return
    _confirm(shell, site)
    with shell.workspace.lock(what):
        recover(shell.workspace.ledger, site.connector, site.source, site.clock())
        yield


def _confirm(shell: Shell, site: "Site") -> None:
    """Make sure that this org is meant: a person types its name, a job names its id."""
    from handover.transfer.site import check_confirmed

    identity, options = site.identity, shell.options
    if identity.production and shell.is_interactive and not options.yes:
        asked = shell.words(
            "This writes to PRODUCTION. Type the org's name ({name})",
            name=identity.org_name,
        )
        if click.prompt(asked, err=True) == identity.org_name:
            return
    check_confirmed(site, yes=options.yes, named=options.org)


def _run(
    shell: Shell, site: "Site", prepared: "Prepared", *, dry_run: bool
) -> "Executed":
    from handover.transfer.execute import Desk, execute, rehearse

    if dry_run:
        return rehearse(prepared)
    workspace = shell.workspace
    desk = Desk(
        ledger=workspace.ledger,
        runs_folder=workspace.runs_folder,
        zone=workspace.config.zone,
        actor=workspace.actor.user,
    )
    with _stoppable(shell) as stopped:
        return execute(site, desk, prepared, stopped=stopped)


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


# Results


def result_of(
    shell: Shell,
    identity: "Identity | None",
    executed: "Executed",
    notes: "Sequence[Note]",
) -> Result:
    """Show a run."""
    return Result(
        name="run",
        data={"run": run_json(executed)},
        text=lambda console: print_run(shell, console, identity, executed),
        warnings=[Notice(code=note.code, params=note.params) for note in notes],
        error=executed.error,
        next="handover sync",
        as_of=shell.workspace.as_of,
    )


def run_json(executed: "Executed") -> dict[str, Any]:
    """Give the names of design §12."""
    names = (
        "n",
        "source",
        "account_id",
        "action",
        "object",
        "record_id",
        "field",
        "before",
        "after",
        "key",
        "authority",
        "outcome",
        "code",
        "message",
    )
    return {
        "id": executed.run_id,
        "plan": executed.plan_id,
        "state": executed.state,
        "counts": executed.counts,
        "window_seconds": executed.window_seconds,
        "steps": [
            {name: getattr(entry, name) for name in names} for entry in executed.entries
        ],
    }


def print_run(
    shell: Shell, console: "Console", identity: "Identity | None", executed: "Executed"
) -> None:
    """Print where it went, each step, and how it ended."""
    from rich.table import Table

    words = shell.words
    if identity is not None:
        kind = "PRODUCTION" if identity.production else words("not production")
        console.print(f"{identity.org_name} ({identity.org_id}): {kind}")
    table = Table(box=None, pad_edge=False)
    for name in ("", "Account", "Step", "Record", "Before", "After", "Outcome"):
        table.add_column(words(name) if name else "", overflow="fold")
    for entry in executed.entries[:SHOWN]:
        outcome = words(f"outcome:{entry.outcome}")
        if entry.code:
            outcome = f"{outcome} ({entry.code})"
        table.add_row(
            SIGNS.get(entry.outcome, "-"),
            entry.account_id or "-",
            words(f"action:{entry.action}"),
            entry.record_id or entry.key or "-",
            entry.before or "",
            entry.after or "",
            outcome,
        )
    if executed.entries:
        console.print(table)
    if len(executed.entries) > SHOWN:
        more = len(executed.entries) - SHOWN
        console.print(words("... and {n} more steps: --json", n=more))
    console.print(words(SUM, **executed.counts))
    if executed.run_id is None:
        console.print(words("Nothing was written."))
    else:
        state = words(f"state:{executed.state}")
        console.print(words("Run {run}: {state}.", run=executed.run_id, state=state))
    if executed.window_seconds is not None:
        console.print(
            words(
                "Longest time between a last read and its write: {seconds} s.",
                seconds=f"{executed.window_seconds:.1f}",
            )
        )
