"""The files that a run leaves behind, for people and for Data Loader (design §10).

Ids and outcomes go into the log, no names; cells are inert; only the owner of the
folder reads them.
"""

import csv
import datetime as dt
import io
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import orjson

from handover.errors import DiskFull
from handover.paper.inert import cell
from handover.transfer.journal import Entry, Run, counts

RESERVE = 16 * 1024 * 1024
"""Bytes that stay free, so that the journal can always be kept (promise P25)."""

Reader = Callable[[Entry], str | None]
OWNER = "_owner"
HEADER = ("Id", "OwnerId", "Object", "Field", "Value", "AccountId", "Action")


class RunFolder:
    """The folder of one run."""

    def __init__(self, runs: Path, run_id: str) -> None:
        self.path = runs / run_id
        self._run_id = run_id

    def begin(
        self, run: Run, plan: Mapping[str, object], entries: Iterable[Entry]
    ) -> None:
        """Write what is about to happen, and what stood there before."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(self.path / "plan.json", orjson.dumps(plan, option=orjson.OPT_INDENT_2))
        kept = [entry for entry in entries if entry.key is None]
        _write(self.path / "before.csv", _table(kept, value=lambda e: e.before))
        self._log(run.started_at, "run_begun", kind=run.kind, plan=run.plan_id)

    def end(self, run: Run, entries: Iterable[Entry]) -> None:
        """Write what came of it; what went wrong can be given to ``--rows``."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        listed = list(entries)
        good = [entry for entry in listed if entry.outcome == "done"]
        bad = [entry for entry in listed if entry.outcome != "done"]
        _write(self.path / "success.csv", _table(good, last=("Status", _status)))
        _write(self.path / "error.csv", _table(bad, last=("Error", _error)))
        self._log(
            run.finished_at or run.started_at,
            "run_finished",
            state=run.state,
            window_seconds=run.window_seconds,
            **counts(listed),
        )

    def _log(self, at: dt.datetime, event: str, **details: object) -> None:
        """Add a line to the log."""
        line = {"at": at, "run": self._run_id, "event": event, **details}
        descriptor = os.open(
            self.path / "log.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )
        with os.fdopen(descriptor, "ab") as file:
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def check_reserve(folder: Path) -> None:
    """Refuse to go on while the disk is nearly full.

    Raises:
        DiskFull: less than the reserve is left.
    """
    if shutil.disk_usage(folder).free < RESERVE:
        raise DiskFull(file=folder)


def _status(entry: Entry) -> str:
    return entry.code or entry.outcome


def _error(entry: Entry) -> str:
    return ": ".join(filter(None, [entry.outcome, entry.code, entry.message]))


def _table(
    entries: Iterable[Entry],
    *,
    value: Reader = lambda entry: entry.key or entry.after,
    last: tuple[str, Reader] | None = None,
) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([*HEADER, *([last[0]] if last else [])])
    for entry in entries:
        content = value(entry)
        owner = content if entry.action.endswith(OWNER) else ""
        cells = (
            entry.record_id,
            owner,
            entry.object,
            entry.field,
            content,
            entry.account_id,
            entry.action,
            *([last[1](entry)] if last else []),
        )
        writer.writerow([cell(each or "") for each in cells])
    return text.getvalue().encode("utf-8-sig")


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
