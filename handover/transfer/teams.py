"""Teams that an owner change drops, and that are put back afterwards.

Who is on a team is journaled with the other steps before the first write, so a run that
dies between the two leaves a list of whom to put back.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from itertools import groupby
from types import MappingProxyType

from sqlalchemy import Connection

from connectors.base import Connector, Create
from handover.mirror.views import Mirror
from handover.plan.approval import ApprovedPlan
from handover.plan.model import Plan
from handover.transfer.address import crm_user
from handover.transfer.authority import Authority
from handover.transfer.facts import Member
from handover.transfer.journal import Entry
from handover.transfer.left_behind import latest_steps
from handover.transfer.steps import OWNER_ACTION, Action, Step
from mappings.model import Mapping

TEAMS: Map[str, str] = MappingProxyType(
    {"account_team": "accounts", "opportunity_team": "opportunities"}
)
"""A team's table, and the table whose records have it."""


def members(
    connection: Connection,
    mirror: Mirror,
    connector: Connector,
    mapping: Mapping,
    plan: Plan,
) -> tuple[Member, ...]:
    """List who is on the teams of a plan's accounts and their opportunities now.

    The mirror names them, and the ledger those whom we have put back since; who is no
    longer there was taken off by a person.
    """
    known = [
        *_mirrored(mirror, mapping, [row.account_id for row in plan.rows]),
        *_put_back(connection, mapping, plan.id),
    ]
    there = {
        (name, own_id)
        for name, group in groupby(known, key=lambda member: member.create.object)
        for own_id in connector.read(name, [member.id for member in group], ())
    }
    present = [member for member in known if (member.create.object, member.id) in there]
    return tuple({member.create.key: member for member in present}.values())


def team_steps(
    approved: ApprovedPlan, members: Iterable[Member], owners: Iterable[Step]
) -> Iterator[Step]:
    """Yield what puts back the members that these owner changes may drop."""
    by_record = {(step.action, step.record_id): step for step in owners}
    for member in members:
        owner = by_record.get((OWNER_ACTION[member.table], member.record_id))
        if owner is not None:
            yield _restore(
                approved, owner.source, owner.account_id, member.create, member.id
            )


def restored_again(authority: Authority, entries: Iterable[Entry]) -> list[Step]:
    """List the steps that put members back once more, as a run meant to or did."""
    return [
        _restore(authority, e.source, e.account_id, e.change, e.record_id)
        for e in entries
        if isinstance(e.change, Create)
    ]


def unrestored(connection: Connection, plan_id: str) -> list[Entry]:
    """List the members whom runs of a plan dropped and have not put back."""
    latest = latest_steps(connection, plan_id, Action.TEAM_MEMBER)
    return [each.entry for each in latest if each.is_left]


def _put_back(
    connection: Connection, mapping: Mapping, plan_id: str
) -> Iterator[Member]:
    for latest in latest_steps(connection, plan_id, Action.TEAM_MEMBER):
        entry, change = latest.entry, latest.entry.change
        for team, table in TEAMS.items():
            target = mapping.target(team, "record_id", entry.object)
            if (
                entry.outcome == "done"
                and entry.record_id is not None
                and isinstance(change, Create)
                and target is not None
            ):
                record = change.values.get(target.field) or ""
                yield Member(
                    table=table, record_id=record, id=entry.record_id, create=change
                )


def _mirrored(
    mirror: Mirror, mapping: Mapping, planned: Sequence[str]
) -> Iterator[Member]:
    found = mirror.con.execute(
        "select 'account_team', origin, object, record_id, user_id, role, access"
        " from account_team where list_contains($1, record_id)"
        " union all"
        " select 'opportunity_team', origin, t.object, record_id, user_id, role, access"
        " from opportunity_team as t"
        " inner join opportunities as o on t.record_id = o.id"
        " where list_contains($1, o.account_id) order by all",
        [[*planned]],
    )
    for team, own_id, name, record, *said in found.fetchall():
        record_id = mapping.crm_id(TEAMS[team], record)[1]
        create = _create(mapping, team, name, (record_id, *said))
        if create is not None and own_id is not None:
            yield Member(
                table=TEAMS[team], record_id=record_id, id=own_id, create=create
            )


def _create(
    mapping: Mapping, team: str, name: str | None, said: Sequence[str | None]
) -> Create | None:
    """Address the putting back of a member; None where he cannot be written."""
    record_id, user, role, access = said
    user_id = crm_user(mapping, user) if user else None
    columns = ("record_id", "user_id", "role", "access")
    values: dict[str, str | None] = {}
    for column, value in zip(columns, (record_id, user_id, role, access), strict=True):
        target = mapping.target(team, column, name)
        if target is not None and value is not None:
            values[target.field], name = target.encode(value), target.object
    if name is None or user_id is None or len(values) < 2:
        return None
    key = f"handover:team:{record_id}:{user_id}"
    return Create(object=name, key=key, key_field=None, values=values)


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
