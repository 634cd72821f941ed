"""Walks a prepared list of steps as one run, or shows what it would do."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connectors.base import Note
from connectors.errors import ConnectorError
from handover.errors import KNOWN_ERRORS, KnownError, Refusal
from handover.i18n import Phrase
from handover.ledger import Ledger
from handover.ledger.runs import (
    UNREAD,
    Entry,
    Run,
    RunState,
    counts,
    entries_of,
    find_run,
    new_run_id,
)
from handover.ledger.seals import check_run
from handover.ledger.states import Action
from handover.ledger.writes import doubtful_keys
from handover.plan import store
from handover.plan.approval import ApprovedPlan, load_approved
from handover.plan.ending import check_ended
from handover.plan.errors import TermsChanged, Unapproved
from handover.plan.running import check_under_way
from handover.plan.terms import Circumstances
from handover.transfer.checks import Site, check_permitted
from handover.transfer.corrections import check_correction
from handover.transfer.crash_points import Reached
from handover.transfer.doubles import look_back
from handover.transfer.errors import RunInterrupted, RunPartly
from handover.transfer.folder_record import FolderRecord
from handover.transfer.journal import Journal, entry
from handover.transfer.prepare import Prepared
from handover.transfer.readings import ALREADY
from handover.transfer.run_files import RunFolder, check_reserve
from handover.transfer.standing import StandingOrderChanged, check_order
from handover.transfer.steps import (
    ConfirmedCorrection,
    EndOf,
    PlanAnswers,
    StandingOrder,
    UndoOf,
)
from handover.transfer.walk import Walk


@dataclass(frozen=True, kw_only=True)
class RunRegister:
    """Where runs are recorded, and who starts them."""

    ledger: Ledger
    runs_folder: Path
    zone: ZoneInfo
    actor: str
    reached: Reached = lambda _point: None
    """Told at each of the crash points."""
    record: FolderRecord | None = None
    """What the CRM keeps of this folder, where it keeps anything."""


@dataclass(frozen=True, kw_only=True)
class Executed:
    """A run and its steps; a dry run has no id."""

    run_id: str | None
    plan_id: str | None
    state: RunState
    entries: Sequence[Entry]
    window_seconds: float | None = None
    error: KnownError | None = None
    notes: Sequence[Note] = ()
    """What is worth telling of how it went."""

    @property
    def counts(self) -> dict[str, int]:
        """Count what became of the steps."""
        return counts(self.entries)


def rehearse(prepared: Prepared) -> Executed:
    """Show what a run would do; nothing is written anywhere."""
    return Executed(
        run_id=None,
        plan_id=prepared.plan_id,
        state="dry_run",
        entries=[entry(step) for step in prepared.steps],
    )


def execute(
    site: Site,
    register: RunRegister,
    prepared: Prepared,
    *,
    stopped: Callable[[], bool],
) -> Executed:
    """Walk the steps as a run that is on record.

    Raises:
        DiskFull: the journal could not be kept; nothing was sent without it.
        NotPermitted: the CRM would not let us write all of it.
    """
    register.reached("steps_prepared")
    check_reserve(register.ledger.path.parent)
    if prepared.steps:
        check_permitted(site, prepared.steps, prepared.needs)
    journal = _begin(site, register, prepared)
    register.reached("run_begun")
    with register.ledger.read() as connection:
        doubts = doubtful_keys(connection, site.source)
    walk = Walk(
        connector=site.connector,
        journal=journal,
        readings=prepared.readings,
        clock=site.clock,
        stopped=stopped,
        allowed=lambda: check_reserve(register.ledger.path.parent),
        reached=register.reached,
        doubts=doubts,
        overruled=prepared.overruled,
    )
    record = register.record if prepared.steps else None
    if record is not None:
        _sign(record, journal, walk)
    walk.walk(prepared.steps)
    journal.finish(_state(walk), site.clock(), walk.window)
    register.reached("run_finished")
    ended, entries = leave_files(register, journal.run.id)
    register.reached("folder_written")
    is_ours = record is not None and walk.failure is None and walk.refusal is None
    note = record.sign_off(ended.id) if record is not None and is_ours else None
    doubled = look_back(site.connector, ended.id, entries)
    return Executed(
        run_id=ended.id,
        plan_id=ended.plan_id,
        state=ended.state,
        entries=entries,
        window_seconds=ended.window_seconds,
        error=_error(ended, entries, walk) or doubled,
        notes=[*([note] if note else []), *_made_elsewhere(entries)],
    )


def _made_elsewhere(entries: Iterable[Entry]) -> Iterator[Note]:
    """Yield that tasks were there which this ledger does not know of."""
    there = [
        entry
        for entry in entries
        if entry.action == Action.CREATE_TASK and entry.code == ALREADY.code
    ]
    if there:
        yield Note(code="made_elsewhere", params={"n": len(there)})


def _sign(record: FolderRecord, journal: Journal, walk: Walk) -> None:
    """Have the CRM keep that a run begins; else no step of it is taken."""
    try:
        record.sign(journal.run.id)
    except ConnectorError as error:
        walk.failure = error
    except Refusal as refusal:
        walk.refusal = refusal


def _begin(site: Site, register: RunRegister, prepared: Prepared) -> Journal:
    """Put the run and the whole list of its steps on record, in ledger and files.

    The ledger comes first: a folder of a run that it does not know would look like one
    of a newer ledger.
    """
    run = _new_run(site, register, prepared)
    journal = Journal(
        ledger=register.ledger,
        run=run,
        check_allowed=lambda connection: _check_allowed(site, connection, prepared),
    )
    journal.begin(prepared.steps)
    folder = RunFolder(register.runs_folder, run.id)
    folder.begin(run, prepared.content, [entry(step) for step in prepared.steps])
    with register.ledger.read() as connection:
        folder.leave_anchor(connection, find_run(connection, run.id))
    return journal


def _check_allowed(site: Site, connection: Connection, prepared: Prepared) -> None:
    """Refuse to go on when a plan is no longer approved as it was.

    Raises:
        Refusal: it was voided, closed or edited meanwhile, what it was approved under
            is different or cannot be read, or the ledger was changed.
    """
    for authority in {id(s.authority): s.authority for s in prepared.steps}.values():
        match authority:
            case ApprovedPlan(plan=plan, fingerprint=fingerprint):
                now = _read_circumstances(site, plan.id)
                found = load_approved(connection, plan.id, site.as_of, now)
                if found.fingerprint != fingerprint:
                    raise Unapproved(
                        plan=plan.id,
                        why=Phrase(text="unapproved:again"),
                        command=f"handover plan show {plan.id}",
                    )
            case EndOf(plan_id=plan_id, kind=kind):
                check_ended(connection, plan_id, kind)
            case StandingOrder():
                _check_order(site, authority)
            case UndoOf(run_id=run_id):
                check_run(connection, run_id)
            case ConfirmedCorrection() as correction:
                check_correction(
                    connection, correction, rehearsed=site.rehearsed_on is not None
                )
            case PlanAnswers(plan_id=plan_id):
                check_under_way(connection, store.load(connection, plan_id))
            case _ as unknown:
                assert_never(unknown)


def _check_order(site: Site, order: StandingOrder) -> None:
    try:
        now = site.circumstances()
    except KNOWN_ERRORS as error:
        raise StandingOrderChanged(source=site.source) from error
    check_order(order, now)


def _read_circumstances(site: Site, plan_id: str) -> Circumstances:
    try:
        return site.circumstances()
    except KNOWN_ERRORS as error:
        raise TermsChanged(plan=plan_id, differences=(error,)) from error


def leave_files(register: RunRegister, run_id: str) -> tuple[Run, Sequence[Entry]]:
    """Write the files of a run that has ended, from what the ledger has of it."""
    with register.ledger.read() as connection:
        run = find_run(connection, run_id)
        entries = entries_of(connection, run_id)
        folder = RunFolder(register.runs_folder, run_id)
        folder.end(run, entries)
        folder.leave_anchor(connection, run)
    return run, entries


def _new_run(site: Site, register: RunRegister, prepared: Prepared) -> Run:
    now = site.clock()
    with register.ledger.read() as connection:
        run_id = new_run_id(connection, prepared.kind, now.astimezone(register.zone))
    return Run(
        id=run_id,
        kind=prepared.kind,
        source=site.source,
        org_id=site.identity.org_id,
        plan_id=prepared.plan_id,
        plan_version=prepared.plan_version,
        undoes=prepared.undoes,
        actor=register.actor,
        person_id=prepared.person_id,
        reason=prepared.reason,
        started_at=now,
        rehearsed_on=site.rehearsed_on,
    )


def _state(walk: Walk) -> RunState:
    if walk.interrupted:
        return "interrupted"
    complete = all(
        result.outcome == "done" and result.code != UNREAD
        for result in walk.results.values()
    )
    return "finished" if complete else "partial"


def _error(run: Run, entries: Sequence[Entry], walk: Walk) -> KnownError | None:
    """Say how a run fell short; what is in doubt comes before what stopped it."""
    found = counts(entries)
    if run.state == "interrupted":
        return RunInterrupted(run=run.id, plan=run.plan_id)
    if walk.failure is not None and not found["in_doubt"]:
        return walk.failure
    if walk.refusal is not None and not found["in_doubt"]:
        return walk.refusal
    if run.state == "partial":
        return RunPartly(data=None, run=run.id, plan=run.plan_id, **found)
    return None
