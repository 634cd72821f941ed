"""Auditing every source, and what earlier nights have to say about it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from handover.audit.model import TrendStep, UnmanagedChange
from handover.audit.report import AuditRequest, SourceFindings, read_source
from handover.audit.trend import keep, read_trend
from handover.i18n import Words
from handover.jobs.acknowledging import list_open_changes
from handover.jobs.narrowing import Narrowed
from handover.jobs.workspace import Workspace
from handover.mirror.owners import OwnerChange


def audit_sources(
    workspace: Workspace,
    words: Words,
    narrowed: Mapping[str, Narrowed] | None,
    *,
    in_full: bool = True,
) -> list[SourceFindings]:
    """Audit every source, and keep the audits of whole sources for the trend.

    An audit of another day than the real one is a look, and no part of the trend.

    Args:
        workspace: the working folder.
        words: of who reads it.
        narrowed: what is asked for in each source; None is everything.
        in_full: with the items of all accounts, not only of the worst.
    """
    sources = narrowed if narrowed is not None else workspace.generation().sources
    is_history = bool(workspace.rehearsed_on) or workspace.as_of == workspace.today
    found = []
    for source in sources:
        own = narrowed[source] if narrowed is not None else None
        asked = AuditRequest(
            words=words,
            policy=workspace.policy,
            owner_ids=own.owner_ids if own else None,
            in_full=in_full,
        )
        people, answered = workspace.people(source), workspace.answered(source)
        with workspace.mirror(source, own.account_ids if own else None) as mirror:
            part = read_source(mirror, asked, people, answered)
        if own is None and is_history:
            keep(workspace.ledger, part, workspace.generation().n, workspace.now)
        found.append(part)
    return found


def read_unmanaged(
    workspace: Workspace,
    parts: Sequence[SourceFindings],
    narrowed: Mapping[str, Narrowed] | None,
) -> list[UnmanagedChange]:
    """List the open owner changes that no run of ours explains, by the former team.

    Those that a manager has taken note of are left out.

    Args:
        workspace: the working folder.
        parts: what the audit found, for the names of accounts and people.
        narrowed: what is asked for in each source; None is everything.
    """
    changes = [
        change
        for source in workspace.generation().sources
        for change in list_open_changes(workspace, source)
    ]
    found = [
        _with_names(change, part)
        for part in parts
        for change in changes
        if change.source == part.audit.source
        and (
            narrowed is None or change.account_id in narrowed[change.source].account_ids
        )
    ]
    return sorted(found, key=lambda change: (change.team is None, change.team or ""))


def _with_names(change: OwnerChange, part: SourceFindings) -> UnmanagedChange:
    """Name whom a change concerns, as far as the mirror knows them still."""
    names = {account.id: account.name for account in part.accounts}
    before, after = part.people.user(change.before), part.people.user(change.after)
    return UnmanagedChange(
        source=change.source,
        account_id=change.account_id,
        account=names.get(change.account_id),
        before=change.before,
        before_name=before.name if before else None,
        after=change.after,
        after_name=after.name if after else None,
        team=before.team if before else change.team,
        seen_at=change.seen_at,
    )


def read_trend_of(
    workspace: Workspace, narrowed: Mapping[str, Narrowed] | None
) -> list[TrendStep]:
    """List what the owners came to in earlier audits, with their names."""
    owners = None
    if narrowed is not None:
        owners = {owner for own in narrowed.values() for owner in own.owner_ids}
    people = {
        source: workspace.people(source) for source in workspace.generation().sources
    }
    with workspace.ledger.read() as connection:
        return [
            replace(step, owner=people[step.source].name(step.owner_id) or None)
            for step in read_trend(connection, owners=owners)
            if step.source in people
        ]
