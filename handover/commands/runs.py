"""``handover runs``: what was written, and whether it still adds up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from handover.commands.outcome import Notice, Result
from handover.commands.plan_result import audience_of
from handover.commands.shell import Shell, command, group
from handover.errors import KNOWN_ERRORS, KnownError, worst_first
from handover.paper.safe_text import plain

if TYPE_CHECKING:
    from rich.console import Console

    from handover.transfer.verify import Fault, LastWrite


@group("runs")
def runs() -> None:
    """List and verify what was written."""


@command("list", example="handover runs list", parent=runs)
def list_runs(shell: Shell) -> Result:
    """List all runs, the latest first."""
    from handover.ledger.runs import all_runs, counts, entries_of

    with shell.workspace.ledger.read() as connection:
        rows: list[dict[str, Any]] = [
            {
                "id": run.id,
                "kind": run.kind,
                "plan": run.plan_id,
                "source": run.source,
                "state": run.state,
                "started_at": run.started_at,
                "counts": counts(entries_of(connection, run.id)),
            }
            for run in all_runs(connection)
        ]

    def show(console: "Console") -> None:
        from handover.paper.table import Table

        table = Table(box=None, pad_edge=False)
        for name in ("Run", "Plan", "State", "Planned", "Done", "Not done"):
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
            )
        console.print(table)

    return Result(name="runs", data={"runs": rows}, text=show)


@command("show", example="handover runs show last", parent=runs)
@click.argument("run", default="last")
def show_run(shell: Shell, *, run: str) -> Result:
    """Show a run step by step. RUN is its id, or last."""
    from handover.ledger.runs import entries_of, find_run
    from handover.transfer.execute import Executed
    from handover.transfer.terminal import print_run, run_json

    with shell.workspace.ledger.read() as connection:
        found = find_run(connection, run)
        entries = entries_of(connection, found.id)
    executed = Executed(
        run_id=found.id,
        plan_id=found.plan_id,
        state=found.state,
        entries=entries,
        window_seconds=found.window_seconds,
    )
    return Result(
        name="run",
        data={"run": run_json(executed)},
        text=lambda console: print_run(
            executed, None, audience_of(shell, found.source), console
        ),
    )


@command("retry", example="handover runs retry last --dry-run", parent=runs)
@click.argument("run", default="last")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
def retry(shell: Shell, *, run: str, dry_run: bool) -> Result:
    """Take up what a run left undone. RUN is its id, or last."""
    from handover.commands.transfer import manner_of, task_words, transfer_result
    from handover.jobs.transfer import retry as retry_run

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
    from handover.ledger.home import adopt

    workspace = shell.workspace
    actor = workspace.actor
    by = {"actor": actor.user, "host": actor.host, "reason": reason}
    with workspace.lock("runs adopt"):
        unknown = adopt(workspace.ledger, workspace.runs_folder, workspace.now, by)

    def show(console: "Console") -> None:
        console.print(shell.words("This folder's ledger may write again."))
        for run_id in unknown:
            text = "Run {run} wrote to the CRM, and the ledger does not know what."
            console.print(shell.words(text, run=run_id))

    return Result(
        name="runs",
        data={"unknown_runs": unknown},
        text=show,
        next="handover sync",
    )


@command("verify", example="handover runs verify last", parent=runs)
@click.argument("run", required=False)
def verify(shell: Shell, *, run: str | None) -> Result:
    """Check that runs add up, and that the CRM holds what was written last.

    RUN is its id, or last: look only at what this one wrote.
    """
    from handover.ledger.runs import find_run
    from handover.transfer.errors import LedgerBroken, RecordsDiffer
    from handover.transfer.verify import last_writes, ledger_faults

    with shell.workspace.ledger.read() as connection:
        only = find_run(connection, run) if run else None
        faults = list(ledger_faults(connection))
        written = last_writes(connection, only)
    asked = [_asked(shell, source, ours) for source, ours in written.items()]
    differ = [fault for one in asked for fault in one.faults]
    checked = {
        source: len(ours)
        for (source, ours), one in zip(written.items(), asked, strict=True)
        if one.notice is None
    }

    def show(console: "Console") -> None:
        if not faults:
            console.print(shell.words("The ledger is whole, and every run adds up."))
        for source, count in checked.items():
            text = "{source}: {n} values that runs wrote were compared."
            console.print(shell.words(text, source=source, n=count))
        for one in (*faults, *differ):
            console.print(plain(f"× {_line(one, shell)}"))

    broken = [_fault_json(fault) for fault in (*faults, *differ)]
    failed = worst_first([one.error for one in asked if one.error])
    if differ:
        failed.insert(0, RecordsDiffer(records=len(differ)))
    if faults:
        failed.insert(0, LedgerBroken(broken=len(faults)))
    return Result(
        name="runs",
        data={"broken": broken, "checked": checked},
        text=show,
        warnings=[one.notice for one in asked if one.notice],
        error=failed[0] if failed else None,
    )


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What a CRM says of the records that runs wrote, or that it could not be asked."""

    faults: "Sequence[Fault]" = ()
    notice: Notice | None = None
    error: KnownError | None = None


def _asked(shell: Shell, source: str, written: "Sequence[LastWrite]") -> _Asked:
    from handover.transfer.verify import record_faults

    params = {"source": source, "n": len(written)}
    if source not in shell.workspace.sources():
        return _Asked(notice=Notice(code="crm_not_configured", params=params))
    try:
        connector = shell.workspace.connector(source)
        return _Asked(faults=list(record_faults(connector, written)))
    except KNOWN_ERRORS as error:
        notice = Notice(code="crm_not_asked", params={**params, "error": error})
        return _Asked(notice=notice, error=error)


def _line(fault: "Fault", shell: Shell) -> str:
    if fault.kind != "record":
        row = fault.id if fault.kind == "row" else f"{fault.kind}:{fault.id}"
        return shell.words(f"ledger-fault:{fault.what}", row=row)
    return shell.words(f"fault:{fault.what}", record=fault.id, **fault.details)


def _fault_json(fault: "Fault") -> dict[str, object]:
    return {"kind": fault.kind, "id": fault.id, "what": fault.what, **fault.details}
