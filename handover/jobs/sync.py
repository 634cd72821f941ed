"""Copying the facts of every configured CRM into the mirror, under the lock."""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path

from connectors.base import Connector, Page
from connectors.disk import PRIVATE, replace_file
from handover.jobs.workspace import Workspace
from handover.lacks import check_address_space
from handover.mirror.aside import Aside
from handover.mirror.sync import Source, Synced, Syncer, SyncOptions
from handover.safe_text import cell, plain
from mappings.translate import TranslationSettings


def sync_workspace(
    workspace: Workspace,
    options: SyncOptions | None = None,
    told: Callable[[str, Page], None] = lambda _object, _page: None,
) -> Synced:
    """Sync all sources of a workspace, under the lock."""
    check_address_space()
    config, policy = workspace.config, workspace.policy
    settings = TranslationSettings(
        timezone=config.zone,
        country=config.calendar.country,
        currency=config.money.currency,
        empty_words=frozenset(policy.placeholders.words),
    )

    def connect(name: str) -> Callable[[], Connector]:
        return lambda: workspace.connector(name)

    sources = [
        Source(name=name, connect=connect(name), mapping=workspace.mapping(name))
        for name in workspace.sources()
    ]
    with workspace.lock("sync"):
        return Syncer(
            ledger=workspace.ledger,
            folder=workspace.mirror_folder,
            settings=settings,
            now=workspace.now,
            options=options or SyncOptions(),
            told=told,
        ).sync(sources)


def write_rejects(workspace: Workspace, asides: Sequence[Aside]) -> Path | None:
    """List what is put aside now in the run folder; return the file."""
    if not asides:
        return None
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(
        ["source", "table", "row", "id", "column", "field", "reason", "value", "whole"]
    )
    for one in asides:
        where = (one.source, one.table_name, one.row, one.id, one.column_name)
        line = (*where, one.field, one.reason, one.value, str(one.whole).lower())
        writer.writerow(
            ["" if part is None else cell(plain(str(part))) for part in line]
        )
    folder = workspace.runs_folder / f"{workspace.now:%Y%m%d-%H%M%S}-sync"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / "rejects.csv"
    replace_file(file, buffer.getvalue().encode("utf-8-sig"), mode=PRIVATE)
    return file
