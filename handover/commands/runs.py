"""``handover runs``: what was written, and whether it still adds up."""

from typing import TYPE_CHECKING, Any

import click

from handover.commands.shell import Result, Shell, command, group

if TYPE_CHECKING:
    from rich.console import Console


@group("runs")
def runs() -> None:
    """List and verify what was written."""


@command("list", example="handover runs list", parent=runs)
def list_runs(shell: Shell) -> Result:
    """List all runs, the latest first."""
    from handover.transfer.journal import all_runs, counts, entries_of

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
        from rich.table import Table

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
    from handover.transfer.execute import Executed
    from handover.transfer.journal import entries_of
    from handover.transfer.terminal import print_run, run_json
    from handover.transfer.undo import find_run

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
        text=lambda console: print_run(executed, None, shell.words, console),
    )


@command("retry", example="handover runs retry last --dry-run", parent=runs)
@click.argument("run", default="last")
@click.option("--dry-run", is_flag=True, help="Show every write and do none.")
def retry(shell: Shell, *, run: str, dry_run: bool) -> Result:
    """Take up what a run left undone. RUN is its id, or last."""
    from handover.commands import transfer_desk as desk
    from handover.transfer.journal import entries_of
    from handover.transfer.prepare import Asked
    from handover.transfer.rows_file import left_open
    from handover.transfer.undo import find_run

    with shell.workspace.ledger.read() as connection:
        found = find_run(connection, run)
        rows = left_open(found.id, entries_of(connection, found.id))
    org_id, plan = shell.options.org, found.plan_id or ""
    if found.undoes is not None:
        return desk.take_back(shell, found.undoes, dry_run=dry_run)
    if found.kind == "publish":
        asked = Asked(org_id=org_id, before_announcement=found.reason)
        return desk.publish_plan(shell, plan, asked, dry_run=dry_run)
    asked = Asked(org_id=org_id, early=found.reason, rows=rows)
    return desk.reassign_plan(shell, plan, asked, dry_run=dry_run)


@command("verify", example="handover runs verify", parent=runs)
def verify(shell: Shell) -> Result:
    """Check that the ledger is whole and that runs add up."""
    from handover.ledger.events import verify as verify_chain
    from handover.transfer.errors import LedgerBroken
    from handover.transfer.journal import all_runs, counts, entries_of

    broken: list[dict[str, object]] = []
    with shell.workspace.ledger.read() as connection:
        broken += [
            {"kind": "event", "id": one.n, "what": one.what}
            for one in verify_chain(connection)
        ]
        for run in all_runs(connection):
            found = counts(entries_of(connection, run.id))
            ended = ("done", "skipped", "refused", "in_doubt")
            if run.state != "running" and found["planned"] != sum(
                found[name] for name in ended
            ):
                broken.append({"kind": "run", "id": run.id, "what": "sum"})

    def show(console: "Console") -> None:
        if not broken:
            console.print(shell.words("The ledger is whole, and every run adds up."))
        for one in broken:
            console.print(f"× {one['kind']} {one['id']}: {one['what']}")

    error = LedgerBroken(broken=len(broken)) if broken else None
    return Result(name="runs", data={"broken": broken}, text=show, error=error)
