"""``handover sync``: copy the CRM's facts into the mirror."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Notice, Result
from handover.commands.shell import Shell, command
from handover.errors import HandoverError, Partly

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from connectors.base import Page
    from handover.mirror.sync import SourceFailed, Synced

COUNTED = ("read", "new", "changed", "same", "deleted", "rejected", "cells_rejected")
HEADINGS = {"cells_rejected": "values put aside"}
NAMED = 5
"""Columns that the warning of values put aside names."""
UNSEEN_BY_SEARCH = (
    "A search does not see what was deleted for good, nor associations and labels of "
    "stages that change alone: they come when everything is listed ([data] sweep_days)."
)
NAMED_GONE = 20
"""Customers that the warning of those who are gone names; JSON has them all."""


class RowsPutAside(Partly):
    """Something was put aside, and ``--strict`` asks for nothing.

    Its parameters: ``records``, ``cells`` and ``file``.
    """

    code = "rows_put_aside"


@command("sync", example="handover sync --full")
@click.option("--full", is_flag=True, help="Read everything, not only what changed.")
@click.option("--dry-run", is_flag=True, help="Read and count, and keep nothing.")
@click.option("--strict", is_flag=True, help="Fail if a row is put aside.")
@click.option("--allow-shrink", is_flag=True, help="Accept that much has vanished.")
def sync(
    shell: Shell, *, full: bool, dry_run: bool, strict: bool, allow_shrink: bool
) -> Result:
    """Copy the CRM's facts into the mirror."""
    from handover.jobs.sync import sync_workspace, write_rejects
    from handover.mirror.sync import SyncOptions

    workspace = shell.workspace
    options = SyncOptions(
        full=full,
        dry_run=dry_run,
        allow_shrink=allow_shrink,
        keep_generations=workspace.config.data.keep_generations,
        sweep_days=workspace.config.data.sweep_days,
    )
    synced = sync_workspace(workspace, options, told=_progress(shell))
    _tell_unstamped(shell, synced)
    file = None if dry_run else write_rejects(workspace, synced.asides)
    return Result(
        name="sync",
        data=_data(synced),
        text=lambda console: _print(shell, console, synced, dry_run=dry_run),
        warnings=[*_notices(synced), *_put_aside(synced, file)],
        error=_error(synced, file, strict=strict),
        is_done=not dry_run,
        next="handover audit",
    )


def _progress(shell: Shell) -> "Callable[[str, Page], None]":
    """Print how far it is, one line for each object, for those who asked."""
    counted: dict[str, int] = {}
    searched: list[str] = []

    def told(name: str, page: "Page") -> None:
        counted[name] = counted.get(name, 0) + len(page.rows)
        text = (
            "{object}: {rows} rows, by {way}" if page.way else "{object}: {rows} rows"
        )
        shell.detail(shell.words(text, object=name, rows=counted[name], way=page.way))
        if page.way == "search" and not searched:
            searched.append(name)
            shell.detail(shell.words(UNSEEN_BY_SEARCH))

    return told


def _tell_unstamped(shell: Shell, synced: "Synced") -> None:
    """Print which values change without a stamp, and how old they are, if asked."""
    text = "{source}: {object}.{field} changes without a stamp; last read {at}"
    for outcome in synced.outcomes:
        for one in outcome.unstamped:
            zone = shell.workspace.config.zone
            at = one.read_at.astimezone(zone) if one.read_at else None
            when = f"{at:%Y-%m-%d %H:%M}" if at else "-"
            about = {"source": outcome.source, "object": one.object_name, "at": when}
            for name in one.fields:
                shell.detail(shell.words(text, field=name, **about))


def _data(synced: "Synced") -> dict[str, object]:
    return {
        "generation": synced.generation,
        "objects": {table: c.as_json() for table, c in synced.counts.items()},
        "sources": [
            {
                "source": outcome.source,
                "ok": outcome.error is None,
                "code": outcome.error.code if outcome.error else None,
            }
            for outcome in synced.outcomes
        ],
        "vanished": synced.vanished,
        "gone": [account.as_json() for account in synced.gone],
        "calls": sum(outcome.calls for outcome in synced.outcomes),
        "unmanaged": [change.as_json() for change in synced.unmanaged],
    }


def _print(
    shell: Shell, console: "Console", synced: "Synced", *, dry_run: bool
) -> None:
    from handover.paper.table import Table

    words = shell.words
    table = Table(box=None, pad_edge=False)
    table.add_column(words("Table"))
    for name in COUNTED:
        table.add_column(words(HEADINGS.get(name, name)), justify="right")
    for name, counts in synced.counts.items():
        numbers = counts.as_json()
        table.add_row(words(name), *(f"{numbers[column]:,}" for column in COUNTED))
    console.print(table)
    if dry_run:
        console.print(words("Dry run: nothing was kept."))
    else:
        console.print(words("Generation {n} is current.", n=synced.generation))


def _notices(synced: "Synced") -> list[Notice]:
    found = [
        Notice(
            code=problem.code,
            params={
                "source": outcome.source,
                "table": problem.table,
                "column": problem.column,
                "object": problem.object,
                "field": problem.field,
                "suggestion": problem.suggestion,
            },
        )
        for outcome in synced.outcomes
        for problem in outcome.problems
    ]
    found += [
        Notice(code=failed.code, params=failed.params) for failed in _failed(synced)[1:]
    ]
    found += [
        Notice(code=str(said["code"]), params={**said, "source": outcome.source})
        for outcome in synced.outcomes
        for said in outcome.announcements
    ]
    if synced.gone:
        params = {"count": len(synced.gone), "names": _names(synced)}
        found.append(Notice(code="customers_gone", params=params))
    if synced.unmanaged:
        count = len(synced.unmanaged)
        found.append(Notice(code="unmanaged_changes", params={"count": count}))
    return found


def _names(synced: "Synced") -> str:
    """List customers who are gone, each with the former owner; not more than some."""
    named = [
        f"{one.name or one.account_id} ({one.owner or one.owner_id or '-'})"
        for one in synced.gone[:NAMED_GONE]
    ]
    return ", ".join(named + ["…"] * (len(synced.gone) > NAMED_GONE))


def _put_aside(synced: "Synced", file: "Path | None") -> list[Notice]:
    """List what is put aside now, each night until it fits."""
    from mappings.aside import LOST_LEAD, NOTHING_LOST, UNKNOWN_WORD

    records = [one for one in synced.asides if one.whole]
    cells = Counter(
        f"{one.table_name}.{one.column_name}" if one.column_name else one.table_name
        for one in synced.asides
        if not one.whole and one.reason not in NOTHING_LOST
    )
    words = Counter(
        f"{one.table_name}.{one.column_name} {one.value}"
        for one in synced.asides
        if one.reason == UNKNOWN_WORD
    )
    found, where = [], {"file": file or "-"}
    if words:
        named = ", ".join(f"{name} {n}" for name, n in words.most_common(NAMED))
        params = {"count": words.total(), "words": named}
        found.append(Notice(code="unknown_words", params=params))
    for one in synced.asides:
        if one.reason == LOST_LEAD:
            column = f"{one.table_name}.{one.column_name}"
            params = {"column": column, "value": one.value or ""}
            found.append(Notice(code="lost_lead", params=params))
    if records:
        found.append(Notice(code="rows_put_aside", params={"count": len(records)}))
    if cells:
        most = cells.most_common(NAMED)
        columns = ", ".join(f"{name} {count}" for name, count in most)
        params = {"count": cells.total(), "columns": columns}
        found.append(Notice(code="cells_put_aside", params=params))
    return [Notice(code=one.code, params={**one.params, **where}) for one in found]


def _failed(synced: "Synced") -> "list[SourceFailed]":
    """List what became of the sources that could not be read, the worst first."""
    from handover.errors import worst_first
    from handover.mirror.sync import SourceFailed

    read = ", ".join(one.source for one in synced.outcomes if one.error is None)
    return worst_first(
        SourceFailed(source=one.source, error=one.error, synced=read)
        for one in synced.outcomes
        if one.error is not None
    )


def _error(
    synced: "Synced", file: "Path | None", *, strict: bool
) -> HandoverError | None:
    failed = _failed(synced)
    if failed:
        return failed[0]
    if strict and synced.asides:
        records = sum(one.whole for one in synced.asides)
        cells = len(synced.asides) - records
        return RowsPutAside(records=records, cells=cells, file=file or "-")
    return None
