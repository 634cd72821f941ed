"""Teams that an owner change drops, and that are put back afterwards.

Who is on a team is journaled with the other steps before the first write, so a run that
dies between the two leaves a list of whom to put back.
"""

from collections.abc import Iterable, Iterator

from sqlalchemy import Connection, select

from connectors.base import Create
from handover.ledger.tables import runs, steps
from handover.plan.approval import ApprovedPlan
from handover.transfer.address import member_create
from handover.transfer.authority import Authority
from handover.transfer.facts import TEAMS, Facts
from handover.transfer.journal import Entry, entries_of
from handover.transfer.steps import OWNER_ACTION, Action, Step
from mappings.model import Mapping


def team_steps(
    approved: ApprovedPlan, facts: Facts, mapping: Mapping, owners: Iterable[Step]
) -> Iterator[Step]:
    """Yield what puts back the members that these owner changes may drop."""
    by_record = {(step.action, step.record_id): step for step in owners}
    for member in facts.members:
        team_of = TEAMS[member.table]
        own_id = mapping.crm_id(team_of, member.record_id)[1]
        owner = by_record.get((OWNER_ACTION[team_of], own_id))
        create = member_create(mapping, member, team_of)
        if owner is not None and create is not None:
            yield _restore(approved, owner.source, owner.account_id, create, member.id)


def restored_again(authority: Authority, entries: Iterable[Entry]) -> list[Step]:
    """List the steps that put members back once more, as a run meant to or did."""
    return [
        _restore(authority, e.source, e.account_id, e.change, e.record_id)
        for e in entries
        if isinstance(e.change, Create)
    ]


def unrestored(connection: Connection, plan_id: str) -> list[Entry]:
    """List the members whom runs of a plan dropped and have not put back."""
    query = select(runs.c.id).where(runs.c.plan_id == plan_id)
    latest: dict[str, tuple[Entry, bool]] = {}
    with_teams = query.where(
        runs.c.id.in_(
            select(steps.c.run_id).where(steps.c.action == Action.TEAM_MEMBER.value)
        )
    ).order_by(runs.c.started_at)
    for run_id in connection.execute(with_teams).scalars():
        entries = entries_of(connection, run_id)
        changed = {
            entry.account_id
            for entry in entries
            if entry.action == Action.ACCOUNT_OWNER and entry.outcome == "done"
        }
        latest |= {
            entry.key: (entry, entry.account_id in changed)
            for entry in entries
            if entry.action == Action.TEAM_MEMBER and entry.key is not None
        }
    return [
        entry for entry, gone in latest.values() if gone and entry.outcome != "done"
    ]


def _restore(
    authority: Authority,
    source: str,
    account_id: str | None,
    create: Create,
    member_id: str | None,
) -> Step:
    return Step(
        source=source,
        account_id=account_id,
        action=Action.TEAM_MEMBER,
        change=create,
        authority=authority,
        follows=(account_id,) if account_id else (),
        restores=member_id,
    )
