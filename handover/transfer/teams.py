"""Teams that an owner change drops, and that are put back afterwards.

Who is on a team is asked of the CRM and journaled with the other steps before the first
write, so a run that dies between the two leaves a list of whom to put back.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby

from sqlalchemy import Connection

from connectors.base import Capability, Connector, Create, KeepsTeams
from handover.transfer.authority import Authority
from handover.transfer.left_behind import latest_steps
from handover.transfer.steps import Action, Step

HAVE_TEAMS = (Action.ACCOUNT_OWNER, Action.OPPORTUNITY_OWNER)
"""Owner changes that may drop a team."""


def put_back(connector: Connector, owners: Iterable[Step]) -> Iterator[Step]:
    """Yield what puts back the members that these owner changes may drop."""
    if Capability.TEAMS not in connector.capabilities:
        return
    if not isinstance(connector, KeepsTeams):
        return
    having = [step for step in owners if step.action in HAVE_TEAMS]
    having.sort(key=lambda step: step.change.object)
    for name, group in groupby(having, key=lambda step: step.change.object):
        by_record = {step.record_id or "": step for step in group}
        for member in connector.members(name, list(by_record)):
            owner = by_record[member.record_id]
            yield _restore(
                owner.authority, owner.source, owner.account_id, member.again, member.id
            )


def left_off(
    connection: Connection, plan_id: str, authority: Authority
) -> Iterator[Step]:
    """Yield once more what runs of a plan meant to put back and did not."""
    for latest in latest_steps(connection, plan_id, Action.TEAM_MEMBER):
        entry, change = latest.entry, latest.entry.change
        if latest.is_left and isinstance(change, Create):
            yield _restore(
                authority, entry.source, entry.account_id, change, entry.record_id
            )


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
