"""Deciding on plans: editing, submitting, approving, sending back, ending them.

Each decision is one transaction. One after which an approval counts no longer first
makes sure that no call of a run is out that could still change an owner.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.plan import find_plan, open_planning
from handover.jobs.workspace import Workspace
from handover.ledger.under_way import check_settled
from handover.plan import approval, drafts, store
from handover.plan.changes import describe_changes
from handover.plan.decision import VERSION_READ
from handover.plan.edits import Edits
from handover.plan.errors import OtherVersion
from handover.plan.model import Plan
from handover.plan.terms import compare_terms


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A plan as it stands now, and as it was before it was changed, if it was."""

    plan: Plan
    before: Plan | None = None
    stopped: str | None = None
    """The run that was under way, and sends nothing more."""


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
        found = store.load(connection, store.find_plan(connection, text))
        stopped = check_settled(
            connection, found.id, workspace.folder, workspace.clock()
        )
        yield connection, found, stopped


def edit(workspace: Workspace, text: str, edits: Edits) -> Changed:
    """Edit a plan; what was approved has to be approved again."""
    workspace.check_day()
    source = find_plan(workspace, text).source
    with (
        open_planning(workspace, source) as planning,
        _taking_away(workspace, text) as (connection, before, stopped),
    ):
        made = drafts.edit(
            connection,
            planning.setting,
            before,
            planning.find_ids(before, edits),
            person=workspace.decider(source),
            at=workspace.now,
        )
        now = store.load(connection, made.id)
        return Changed(plan=now, before=before, stopped=stopped)


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
            return Changed(plan=approval.approve(connection, found, by, now))
        with open_planning(workspace, found.source) as planning:
            edited = drafts.edit_submitted(
                connection,
                planning.setting,
                found,
                planning.find_ids(found, edits),
                person=by.person_id,
                at=by.at,
            )
        decided = approval.approve(connection, edited, by, now)
        return Changed(plan=decided, before=found)


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
