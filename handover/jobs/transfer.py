"""Writing to a CRM: a plan's tasks, its owner changes, and taking runs back.

Every job of these opens the CRM, holds the lock, settles what an earlier run left open,
lists the steps, has them confirmed where the CRM is a production org, and walks them. A
dry run lists the steps and does nothing else.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from connectors.base import Identity, Note
from handover.i18n import Words, words_for
from handover.jobs.deciding import list_clock_notes
from handover.jobs.workspace import Workspace
from handover.ledger import seals
from handover.ledger.home import check_home
from handover.ledger.runs import find_run_to_undo
from handover.ledger.states import OVER_STATES
from handover.ledger.writes import was_taken_back
from handover.mirror.views import Mirror
from handover.plan import store
from handover.plan.approval import ApprovedPlan, load_approved
from handover.plan.calendars import list_company_days
from handover.plan.errors import Closed, Ended
from handover.plan.facts import read_aside_of
from handover.plan.model import PutAside
from handover.plan.questions import check_unclaimed
from handover.transfer.checks import Site, check_confirmed, check_earnest
from handover.transfer.crash_points import Reached
from handover.transfer.execute import (
    Executed,
    RunRegister,
    execute,
    leave_files,
    rehearse,
)
from handover.transfer.folder_record import FolderRecord
from handover.transfer.notes import list_stand_ins
from handover.transfer.prepare import (
    Prepared,
    TransferRequest,
    prepare_publish,
    prepare_reassign,
    prepare_undo,
)
from handover.transfer.settle import recover
from handover.transfer.to_crm import bind
from handover.transfer.undo import undo_of

IRREVOCABLE = {"end": Ended, "close": Closed}
"""Why runs of a kind are not taken back."""


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What is about to be written, for whoever has to agree to it."""

    source: str
    identity: Identity
    planned: Executed


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a transfer is carried out.

    ``confirm`` is called with the steps before the first write to a production org, and
    raises if nobody agrees; where it is None nobody can be asked, and ``yes`` with the
    org's id is needed. ``stopping`` gives, for the time of the walk, what is asked
    before each batch: whether a person wants the run to stop. ``reached`` is told when
    the run gets to one of its crash points.
    """

    dry_run: bool = False
    org_id: str | None = None
    yes: bool = False
    confirm: Callable[[Preview], None] | None = None
    stopping: Callable[[], AbstractContextManager[Callable[[], bool]]] = lambda: (
        nullcontext(lambda: False)
    )
    reached: Reached = lambda _point: None


@dataclass(frozen=True, kw_only=True)
class Transferred:
    """What a transfer did, or would do, where, and what to say of it."""

    source: str
    identity: Identity
    executed: Executed
    notes: Sequence[Note]
    aside: Sequence[PutAside] = ()
    """What could not be used of the records that the run concerns."""


def publish(
    workspace: Workspace,
    plan: str,
    asked: TransferRequest,
    manner: Manner,
    words: Words,
) -> Transferred:
    """Put a plan's tasks into the CRM, in these words."""
    plan_id, source = _allowed(workspace, plan, manner)
    with open_work(workspace, source, "publish", manner) as work:
        with _authority(workspace, plan_id, source) as (connection, authority, mirror):
            prepared = prepare_publish(
                work.site, connection, authority, mirror, asked, words
            )
            typed = list_stand_ins(authority, work.site.people)
        return work.walk(prepared, typed)


def reassign(
    workspace: Workspace, plan: str, asked: TransferRequest, manner: Manner
) -> Transferred:
    """Change the owners that are due."""
    plan_id, source = _allowed(workspace, plan, manner)
    with open_work(workspace, source, "reassign", manner) as work:
        with _authority(workspace, plan_id, source) as (connection, authority, mirror):
            prepared = prepare_reassign(work.site, connection, authority, mirror, asked)
            aside = read_aside_of(mirror, authority.plan)
            typed = list_stand_ins(authority, work.site.people)
        return replace(work.walk(prepared, typed), aside=aside)


def undo(
    workspace: Workspace, text: str, manner: Manner, *, again: bool = False
) -> Transferred:
    """Take a run back; ``again``: try again what the CRM overruled, too."""
    with workspace.ledger.read() as connection:
        source = find_run_to_undo(connection, text).source
    person = workspace.decider(source)
    with open_work(workspace, source, "undo", manner) as work:
        with workspace.ledger.read() as connection:
            run = find_run_to_undo(connection, text)
            if run.kind in IRREVOCABLE:
                raise IRREVOCABLE[run.kind](plan=run.plan_id)
            check_earnest(
                run.id,
                made_on=run.rehearsed_on,
                rehearsed_on=workspace.rehearsed_on,
            )
            now = workspace.circumstances(source)
            authority = undo_of(connection, run, person, now)
            seals.check_earlier_runs(connection, run.plan_id or "")
            prepared = prepare_undo(
                work.site, connection, authority, run, manner.org_id, again=again
            )
        done = work.walk(prepared)
        return replace(done, notes=[*done.notes, *_offer_end(workspace, run.plan_id)])


def _offer_end(workspace: Workspace, plan_id: str | None) -> Iterator[Note]:
    """Yield that a plan of which everything was taken back can be ended."""
    with workspace.ledger.read() as connection:
        if plan_id is None or not was_taken_back(connection, plan_id):
            return
        if store.load(connection, plan_id).state not in OVER_STATES:
            yield Note(code="all_taken_back", params={"plan": plan_id})


def _allowed(workspace: Workspace, text: str, manner: Manner) -> tuple[str, str]:
    """Return a plan's id and source; refuse at once, lest anybody wait for the lock."""
    _check_day(workspace, manner)
    with workspace.ledger.read() as connection:
        plan_id = store.find_plan(connection, text)
        source = store.load(connection, plan_id).source
        return _load_approved(workspace, connection, plan_id, source).plan.id, source


def _check_day(workspace: Workspace, manner: Manner) -> None:
    """Refuse to write on another day than the real one; a dry run reads."""
    if not manner.dry_run:
        workspace.check_day()


def _load_approved(
    workspace: Workspace, connection: Connection, plan_id: str, source: str
) -> ApprovedPlan:
    """Return a plan's approval; one of a rehearsal counts only in a rehearsal.

    A plan that was taken back may have lost its accounts to another one meanwhile.
    """
    now = workspace.circumstances(source)
    found = load_approved(connection, plan_id, workspace.deciding_day, now)
    check_earnest(
        plan_id, made_on=found.rehearsed_on, rehearsed_on=workspace.rehearsed_on
    )
    check_unclaimed(connection, found.plan)
    return found


@contextmanager
def _authority(
    workspace: Workspace, plan_id: str, source: str
) -> Iterator[tuple[Connection, ApprovedPlan, Mirror]]:
    """Look at the approval once more, behind the lock, and open the mirror."""
    with workspace.ledger.read() as connection:
        authority = _load_approved(workspace, connection, plan_id, source)
        with workspace.mirror(source) as mirror:
            read_at = mirror.generation.sources[source]["synced_at"]
            since = dt.datetime.fromisoformat(read_at)
            seals.check_earlier_runs(connection, plan_id, since)
            yield connection, authority, mirror


@dataclass(frozen=True, kw_only=True)
class Work:
    """A CRM that is open for writing; a dry run has no register."""

    site: Site
    register: RunRegister | None
    manner: Manner
    notes: Sequence[Note] = ()

    def walk(
        self,
        prepared: Prepared,
        also: Iterable[Note] = (),
        *,
        is_agreed: bool = False,
    ) -> Transferred:
        """Walk the steps, or show what they would do; ``also`` is to be said of it.

        ``is_agreed``: somebody has confirmed them already.

        The lock is held while somebody is asked, so that what was shown is what will be
        done.
        """
        site, executed = self.site, rehearse(prepared)
        if self.register is not None:
            if not is_agreed:
                self.confirm(prepared)
            with self.manner.stopping() as stopped:
                executed = execute(site, self.register, prepared, stopped=stopped)
        return Transferred(
            source=site.source,
            identity=site.identity,
            executed=executed,
            notes=[*self.notes, *also, *prepared.notes, *executed.notes],
        )

    def confirm(self, prepared: Prepared) -> None:
        """Have somebody agree to what is about to be written to production."""
        planned = rehearse(prepared)
        ask, identity = self.manner.confirm, self.site.identity
        if ask is None or self.manner.yes or not identity.production:
            return
        if planned.entries:
            ask(Preview(source=self.site.source, identity=identity, planned=planned))


@contextmanager
def open_work(
    workspace: Workspace, source: str, kind: str, manner: Manner
) -> Iterator[Work]:
    """Open the CRM, hold the lock and settle earlier runs; a dry run only opens it.

    Raises:
        NotARehearsal: it would write, and not on the real day.
    """
    _check_day(workspace, manner)
    site = open_site(workspace, source)
    if manner.dry_run:
        yield Work(site=site, register=None, manner=manner)
        return
    register = RunRegister(
        ledger=workspace.ledger,
        runs_folder=workspace.runs_folder,
        zone=workspace.config.zone,
        actor=workspace.actor.user,
        reached=manner.reached,
    )
    if manner.confirm is None or manner.yes:
        check_confirmed(site.identity, yes=manner.yes, named=manner.org_id)
    with workspace.lock(kind):
        check_home(workspace.ledger, workspace.runs_folder)
        at = site.clock()
        ledger, reached = workspace.ledger, manner.reached
        record = open_record(workspace, site)
        if record is not None and record.can_be_kept:
            record.check()
            register = replace(register, record=record)
        for run_id in recover(ledger, site.connector, source, at, reached):
            leave_files(register, run_id)
        notes = list(list_clock_notes(workspace, at))
        if record is not None and not record.can_be_kept:
            notes.append(Note(code="no_folder_record", params={"source": source}))
        yield Work(site=site, register=register, manner=manner, notes=notes)


def open_record(workspace: Workspace, site: Site) -> FolderRecord | None:
    """Return what the CRM keeps of this folder; None where nobody asked for it."""
    if workspace.config.ledger.anchor is None:
        return None
    words = words_for(workspace.config.language or workspace.language)
    return FolderRecord(site=site, ledger=workspace.ledger, words=words)


def open_site(workspace: Workspace, source: str) -> Site:
    """Open the CRM as a run meets it."""
    connector = workspace.connector(source)
    return Site(
        source=source,
        connector=connector,
        identity=connector.identify(),
        to_crm=bind(workspace.mapping(source), connector),
        people=workspace.people(source),
        policy=workspace.policy,
        company=list_company_days(workspace.config, workspace.policy),
        clock=workspace.clock,
        as_of=workspace.as_of,
        circumstances=partial(workspace.circumstances, source),
        rehearsed_on=workspace.rehearsed_on,
    )
