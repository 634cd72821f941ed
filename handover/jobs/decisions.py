"""Deciding on plans: editing, submitting, approving, sending back, ending them.

Each decision is one transaction. One after which an approval counts no longer first
makes sure that no call of a run is out that could still change an owner.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.evidence import check_evidence
from handover.jobs.plan import find_plan, find_planned, open_planning
from handover.jobs.workspace import Workspace
from handover.ledger.under_way import check_settled
from handover.plan import approval, drafts, store
from handover.plan.answering import Answers, check_answers, record_answers
from handover.plan.changes import describe_changes
from handover.plan.decision import VERSION_READ, EditedBy
from handover.plan.edits import Edits
from handover.plan.errors import OtherVersion
from handover.plan.model import Plan
from handover.plan.terms import compare_terms

NOBODY_ANSWERED = Answers()


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A plan as it stands now, and as it was before it was changed, if it was."""

    plan: Plan
    before: Plan | None = None
    stopped: str | None = None
    """The run that was under way, and sends nothing more."""

    @property
    def is_new_version(self) -> bool:
        """Whether anything was decided, and not only answered by customers."""
        return self.before is None or self.before.version != self.plan.version


@contextmanager
def _taking_away(
    workspace: Workspace, text: str
) -> Iterator[tuple[Connection, Plan, str | None]]:
    """Open the transaction of a decision after which an approval counts no longer.

    Yields:
        The transaction, the plan as it stands, and the run of it that is under way.

    Raises:
        RunUnderWay, RunUnsettled: a call has left, and cannot be called back.
    """
    with workspace.ledger.begin() as connection:
        found, stopped = load_settled(connection, workspace, text)
        yield connection, found, stopped


def load_settled(
    connection: Connection, workspace: Workspace, text: str
) -> tuple[Plan, str | None]:
    """Return a plan whose approval may be taken away, and its run that is under way.

    Raises:
        RunUnderWay, RunUnsettled: a call has left, and cannot be called back.
    """
    found = store.load(connection, store.find_plan(connection, text))
    now = workspace.clock()
    return found, check_settled(connection, found.id, workspace.folder, now)


def edit(
    workspace: Workspace, text: str, edits: Edits, answers: Answers = NOBODY_ANSWERED
) -> Changed:
    """Edit a plan; what was approved has to be approved again.

    What customers declined is the date before the edits, what they agreed to the one
    after them. Answers alone change nothing that was approved.
    """
    workspace.check_day()
    source = find_plan(workspace, text).source
    if edits.is_empty and not answers.is_empty:
        return _note_answers(workspace, source, text, answers)
    with (
        open_planning(workspace, source) as planning,
        _taking_away(workspace, text) as (connection, before, stopped),
    ):
        by = make_decision(workspace, source, Grounds(reason=answers.reason))
        answers = answers.find_ids(partial(find_planned, planning.mirror, before))
        check_answers(before, answers, by.person_id, planning.setting.people)
        record_answers(connection, before, answers.declined, "declined", by)
        made = drafts.edit(
            connection,
            planning.setting,
            store.load(connection, before.id),
            planning.find_ids(before, edits),
            EditedBy(person=by.person_id, at=by.at),
        )
        now = store.load(connection, made.id)
        record_answers(connection, now, answers.agreed, "agreed", by)
        now = store.load(connection, made.id)
        return Changed(plan=now, before=before, stopped=stopped)


def _note_answers(
    workspace: Workspace, source: str, text: str, answers: Answers
) -> Changed:
    """Put on record what customers answered, and nothing else."""
    by = make_decision(workspace, source, Grounds(reason=answers.reason))
    with (
        workspace.mirror(source) as mirror,
        workspace.ledger.begin() as connection,
    ):
        before = store.load(connection, store.find_plan(connection, text))
        found = answers.find_ids(partial(find_planned, mirror, before))
        check_answers(before, found, by.person_id, workspace.people(source))
        record_answers(connection, before, found.agreed, "agreed", by)
        record_answers(connection, before, found.declined, "declined", by)
        return Changed(plan=store.load(connection, before.id), before=before)


def submit(workspace: Workspace, text: str, reason: str | None = None) -> Changed:
    """Hand a plan to the manager; ``reason`` answers them, if they sent it back."""
    with _taking_away(workspace, text) as (connection, found, stopped):
        by = make_decision(workspace, found.source, Grounds(reason=reason))
        now = workspace.circumstances(found.source)
        done = approval.submit(connection, found, by, now, workspace.deciding_day)
        renewed = found if done.version != found.version else None
        return Changed(plan=done, before=renewed, stopped=stopped)


def approve(workspace: Workspace, text: str, edits: Edits, grounds: Grounds) -> Changed:
    """Approve a submitted plan, with or without edits."""
    with workspace.ledger.begin() as connection:
        found = store.load(connection, store.find_plan(connection, text))
        _check_version_read(connection, found, grounds.version)
        by = make_decision(workspace, found.source, grounds)
        read = "-" if grounds.version is None else str(grounds.version)
        by = replace(by, evidence={**by.evidence, VERSION_READ: read})
        now = workspace.circumstances(found.source)
        approval.check_approver(found, "approve", by, now)
        if edits.is_empty:
            _check_evidence(connection, workspace, found, grounds)
            return Changed(plan=approval.approve(connection, found, by, now))
        with open_planning(workspace, found.source) as planning:
            edited = drafts.edit_submitted(
                connection,
                planning.setting,
                found,
                planning.find_ids(found, edits),
                EditedBy(person=by.person_id, at=by.at, cause="amend"),
            )
        _check_evidence(connection, workspace, edited, grounds)
        decided = approval.approve(connection, edited, by, now)
        return Changed(plan=decided, before=found)


def _check_evidence(
    connection: Connection, workspace: Workspace, plan: Plan, grounds: Grounds
) -> None:
    if grounds.evidence is not None:
        check_evidence(connection, workspace, plan, grounds.evidence)


def _check_version_read(connection: Connection, plan: Plan, read: int | None) -> None:
    """Refuse to approve another version than the one that was read.

    Raises:
        OtherVersion: names both, and what is different.
        UnknownName: there is no such version.
    """
    if read is not None and read != plan.version:
        seen = store.load(connection, plan.id, read)
        raise OtherVersion(
            plan=plan.id,
            read=read,
            newest=plan.version,
            changes=(
                *describe_changes(seen, plan),
                *compare_terms(seen.terms, plan.terms),
            ),
        )


def reject(workspace: Workspace, text: str, reason: str) -> Changed:
    """Send a submitted plan back."""
    with _taking_away(workspace, text) as (connection, found, stopped):
        by = make_decision(workspace, found.source, Grounds(reason=reason))
        now = workspace.circumstances(found.source)
        done = approval.reject(connection, found, by, now)
        return Changed(plan=done, stopped=stopped)


def void(workspace: Workspace, text: str, reason: str) -> Changed:
    """End a plan of which nothing has been carried out."""
    with _taking_away(workspace, text) as (connection, found, stopped):
        by = make_decision(workspace, found.source, Grounds(reason=reason))
        people = workspace.people(found.source)
        done = approval.void(connection, found, by, people)
        return Changed(plan=done, stopped=stopped)
