"""``handover runs``: what was written, and whether it still adds up."""

from typing import TYPE_CHECKING, Any

import click

from handover.commands.outcome import Notice, Result
from handover.commands.plan_result import audience_of
from handover.commands.shell import Shell, command, group
from handover.errors import worst_first

if TYPE_CHECKING:
    from rich.console import Console

    from handover.jobs.runs import Compared
    from handover.ledger.runs import Run
    from handover.transfer.verify import Fault


@group("runs")
def runs() -> None:
    """List and verify what was written."""


@command("list", example="handover runs list", parent=runs)
def list_runs(shell: Shell) -> Result:
    """List all runs, the latest first."""
    from handover.jobs.runs import list_runs as list_all
    from handover.ledger.runs import counts

    rows: list[dict[str, Any]] = [
        {
            "id": run.id,
            "kind": run.kind,
            "plan": run.plan_id,
            "source": run.source,
            "state": run.state,
            **_dump_hands(run),
            "counts": counts(entries),
        }
        for run, entries in list_all(shell.workspace)
    ]

    def show(console: "Console") -> None:
        from handover.paper.table import Table

        table = Table(box=None, pad_edge=False)
        names = ("Run", "Plan", "State", "Planned", "Done", "Not done", "Run by")
        for name in names:
            table.add_column(shell.words(name))
        for row in rows:
            found = row["counts"]
            table.add_row(
                row["id"],
                row["plan"] or "-",
                shell.words(f"state:{row['state']}"),
                str(found["planned"]),
                str(found["done"]),
                str(found["planned"] - found["done"]),
                row["actor"],
            )
        console.print(table)

    return Result(name="runs", data={"runs": rows}, text=show)


@command("show", example="handover runs show last", parent=runs)
@click.argument("run", default="last")
def show_run(shell: Shell, *, run: str) -> Result:
    """Show a run step by step. RUN is its id, or last."""
    from handover.jobs.runs import read_run
    from handover.transfer.execute import Executed
    from handover.transfer.terminal import print_run, run_json

    found, entries = read_run(shell.workspace, run)
    executed = Executed(
        run_id=found.id,
        plan_id=found.plan_id,
        state=found.state,
        entries=entries,
        window_seconds=found.window_seconds,
    )
    reader = audience_of(shell, found.source)

    def show(console: "Console") -> None:
        text = "Decided by {person}, run by {actor}."
        person = reader.person(found.person_id)
        console.print(shell.words(text, person=person, actor=found.actor))
        print_run(executed, None, reader, console)

    return Result(
        name="run", data={"run": run_json(executed) | _dump_hands(found)}, text=show
    )


def _dump_hands(run: "Run") -> dict[str, object]:
    """Return who decided and who ran it, when, and whether it was a rehearsal."""
    return {
        "person": run.person_id,
        "actor": run.actor,
        "started_at": run.started_at,
        "rehearsed_on": run.rehearsed_on,
    }


@command("retry", example="handover runs retry last --dry-run", parent=runs)
@click.argument("run", default="last")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
def retry(shell: Shell, *, run: str, dry_run: bool) -> Result:
    """Take up what a run left undone. RUN is its id, or last."""
    from handover.commands.transfer import manner_of, task_words, transfer_result
    from handover.jobs.retrying import retry as retry_run

    manner = manner_of(shell, dry_run=dry_run)
    done = retry_run(shell.workspace, run, manner, task_words(shell))
    return transfer_result(shell, done, dry_run=dry_run)


@command(
    "adopt",
    example="handover runs adopt --reason 'moved to the new server'",
    parent=runs,
)
@click.option("--reason", metavar="T", required=True, help="Why.")
def adopt_ledger(shell: Shell, *, reason: str) -> Result:
    """Let this folder's ledger write again after it was copied or put back."""
    from handover.jobs.runs import adopt

    unknown = adopt(shell.workspace, reason)

    def show(console: "Console") -> None:
        console.print(shell.words("This folder's ledger may write again."))
        for run_id in unknown:
            text = "Run {run} wrote to the CRM, and the ledger does not know what."
            console.print(shell.words(text, run=run_id))

    return Result(
        name="runs",
        data={"unknown_runs": unknown},
        text=show,
        is_done=True,
        next="handover sync",
    )


@command(
    "settle",
    example="handover runs settle last --reason 'looked for them: not there'",
    parent=runs,
)
@click.argument("run", default="last")
@click.option("--reason", metavar="T", required=True, help="Why.")
def settle_run(shell: Shell, *, run: str, reason: str) -> Result:
    """Say that what a run left in doubt was not made. RUN is its id, or last."""
    from handover.jobs.runs import settle

    found, released = settle(shell.workspace, run, reason)

    def show(console: "Console") -> None:
        for entry in released.steps:
            text = "{key} counts as not made; the next run makes it."
            console.print(shell.words(text, key=entry.key))
        for entry in released.left:
            text = "{key} was sent minutes ago and may still appear; ask again later."
            console.print(shell.words(text, key=entry.key))
        if not released.steps and not released.left:
            text = "Nothing of run {run} is in doubt."
            console.print(shell.words(text, run=found.id))

    return Result(
        name="runs",
        data={
            "run": found.id,
            "released": [entry.key for entry in released.steps],
            "left": [entry.key for entry in released.left],
        },
        text=show,
        next=f"handover runs retry {found.id}" if released.steps else None,
    )


@command("verify", example="handover runs verify last", parent=runs)
@click.argument("run", required=False)
def verify(shell: Shell, *, run: str | None) -> Result:
    """Check that runs add up, and that the CRM holds what was written last.

    RUN is its id, or last: look only at what this one wrote.
    """
    from handover.jobs.runs import verify as verify_runs
    from handover.transfer.errors import LedgerBroken, RecordsDiffer

    found = verify_runs(shell.workspace, run)
    faults, differ = found.faults, found.differ
    checked = {one.source: one.n for one in found.compared if one.was_asked}

    def show(console: "Console") -> None:
        if not faults:
            console.print(shell.words("The ledger is whole, and every run adds up."))
        for source, count in checked.items():
            text = "{source}: {n} values that runs wrote were compared."
            console.print(shell.words(text, source=source, n=count))
        for one in (*faults, *differ):
            console.print(f"× {shell.words.phrase(one.phrase)}")

    broken = [_fault_json(fault) for fault in (*faults, *differ)]
    failed = worst_first([one.error for one in found.compared if one.error])
    if differ:
        failed.insert(0, RecordsDiffer(records=len(differ)))
    if faults:
        failed.insert(0, LedgerBroken(broken=len(faults)))
    return Result(
        name="runs",
        data={"broken": broken, "checked": checked},
        text=show,
        warnings=[_notice(one) for one in found.compared if not one.was_asked],
        error=failed[0] if failed else None,
    )


def _notice(one: "Compared") -> Notice:
    """Say why a CRM was not asked for what runs wrote."""
    params: dict[str, object] = {"source": one.source, "n": one.n}
    if not one.is_configured:
        return Notice(code="crm_not_configured", params=params)
    return Notice(code="crm_not_asked", params={**params, "error": one.error})


def _fault_json(fault: "Fault") -> dict[str, object]:
    return {"kind": fault.kind, "id": fault.id, "what": fault.what, **fault.details}
