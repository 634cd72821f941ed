"""What was written: runs and their steps, and whether they still add up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from handover.errors import KNOWN_ERRORS, KnownError
from handover.jobs.transfer import open_record, open_site
from handover.jobs.workspace import Workspace
from handover.ledger import home
from handover.ledger.anchors import BrokenAnchor
from handover.ledger.runs import Entry, Run, all_runs, entries_of, find_run
from handover.transfer.settle import Released, recover, release
from handover.transfer.verify import (
    Fault,
    LastWrite,
    anchor_fault,
    last_writes,
    ledger_faults,
    record_faults,
)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What a CRM says of the ``n`` values that runs wrote, or why it was not asked.

    ``is_configured``: the configuration still names it. ``error``: it could not be
    asked.
    """

    source: str
    n: int
    faults: Sequence[Fault] = ()
    is_configured: bool = True
    error: KnownError | None = None

    @property
    def was_asked(self) -> bool:
        """Tell whether the values were compared."""
        return self.is_configured and self.error is None


@dataclass(frozen=True, kw_only=True)
class Verified:
    """Faults of the ledger itself, and what each CRM says."""

    faults: Sequence[Fault]
    compared: Sequence[Compared]

    @property
    def differ(self) -> list[Fault]:
        """List the records that hold another value than was written last."""
        return [fault for one in self.compared for fault in one.faults]


def list_runs(workspace: Workspace) -> list[tuple[Run, list[Entry]]]:
    """List all runs with their steps, the latest first."""
    with workspace.ledger.read() as connection:
        return [(run, entries_of(connection, run.id)) for run in all_runs(connection)]


def read_run(workspace: Workspace, text: str) -> tuple[Run, list[Entry]]:
    """Find a run by its id, the beginning of it, or ``last``; return its steps too."""
    with workspace.ledger.read() as connection:
        run = find_run(connection, text)
        return run, entries_of(connection, run.id)


def adopt(workspace: Workspace, reason: str) -> list[str]:
    """Let this folder's ledger write again; return the runs that it does not know."""
    workspace.check_day()
    actor = workspace.actor
    by = {"actor": actor.user, "host": actor.host, "reason": reason}
    with workspace.lock("runs adopt"):
        told = []
        if workspace.config.ledger.anchor is not None:
            found = [_told_by(workspace, source) for source in workspace.sources()]
            told = [broken for broken in found if broken is not None]
        return home.adopt(
            workspace.ledger, workspace.runs_folder, workspace.now, by, told
        )


def _told_by(workspace: Workspace, source: str) -> BrokenAnchor | None:
    """Return what a CRM tells of a run that the ledger does not know, if it does."""
    record = open_record(workspace, open_site(workspace, source))
    return record.find_broken() if record and record.can_be_kept else None


def settle(workspace: Workspace, text: str, reason: str) -> tuple[Run, Released]:
    """Count as not made what a run left in doubt and a person did not find either.

    The CRM is looked through once more before.
    """
    workspace.check_day()
    ledger, actor = workspace.ledger, workspace.actor
    with ledger.read() as connection:
        run = find_run(connection, text)
    connector = workspace.connector(run.source)
    with workspace.lock("runs settle"):
        home.check_home(ledger, workspace.runs_folder)
        at = workspace.clock()
        recover(ledger, connector, run.source, at)
        by = {"actor": actor.user, "host": actor.host, "reason": reason}
        return run, release(ledger, run.id, at, by)


def verify(workspace: Workspace, text: str | None) -> Verified:
    """Check that runs add up, and that the CRMs hold what was written last.

    Args:
        workspace: the working folder.
        text: look only at what this run wrote.
    """
    with workspace.ledger.read() as connection:
        only = find_run(connection, text) if text else None
        faults = list(ledger_faults(connection, workspace.runs_folder))
        written = last_writes(connection, only)
    return Verified(faults=faults, compared=list(_compare(workspace, written)))


def _compare(
    workspace: Workspace, written: dict[str, list[LastWrite]]
) -> Iterator[Compared]:
    for source, ours in written.items():
        n = len(ours)
        if source not in workspace.sources():
            yield Compared(source=source, n=n, is_configured=False)
            continue
        try:
            found = list(record_faults(workspace.connector(source), ours))
            if workspace.config.ledger.anchor is not None:
                told = _told_by(workspace, source)
                found += [anchor_fault(told)] if told else []
        except KNOWN_ERRORS as error:
            yield Compared(source=source, n=n, error=error)
        else:
            yield Compared(source=source, n=n, faults=found)
