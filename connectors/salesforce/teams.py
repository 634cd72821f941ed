"""Account and opportunity teams, which an owner change through the API deletes.

Salesforce's KeepAccountTeam exists in SOAP only (Help 000390190). So members are read
before the change and created again after it, with their role and all their access.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from connectors.base import Create, Member
from connectors.salesforce.client import quoted
from connectors.salesforce.org import Org
from connectors.salesforce.queries import IDS_A_QUERY, chunks, query
from connectors.salesforce.schema import Shapes


@dataclass(frozen=True, kw_only=True)
class Team:
    """Where the members of one object's teams are kept."""

    object: str
    members: str
    record: str
    """The field that names the record."""
    values: tuple[str, ...]
    """What a member may do, besides being one."""


_ALL = (
    Team(
        object="Account",
        members="AccountTeamMember",
        record="AccountId",
        values=(
            "TeamMemberRole",
            "AccountAccessLevel",
            "OpportunityAccessLevel",
            "CaseAccessLevel",
            "ContactAccessLevel",
        ),
    ),
    Team(
        object="Opportunity",
        members="OpportunityTeamMember",
        record="OpportunityId",
        values=("TeamMemberRole", "OpportunityAccessLevel"),
    ),
)
TEAMS: Mapping[str, Team] = MappingProxyType({team.members: team for team in _ALL})
"""Teams by the object that holds their members."""
BY_OBJECT: Mapping[str, Team] = MappingProxyType({team.object: team for team in _ALL})


def members(
    org: Org, shapes: Shapes, object_name: str, ids: Sequence[str]
) -> list[Member]:
    """List who is on the teams of some records, with all that they may do there."""
    team = BY_OBJECT.get(object_name)
    shape = shapes.known(team.members) if team else None
    if team is None or shape is None:
        return []
    values = [name for name in team.values if shape.sees(name)]
    fields = ["Id", team.record, "UserId", *values]
    return [
        _member(team, row, values)
        for part in chunks(list(ids), IDS_A_QUERY)
        for row in query(
            org, team.members, fields, [f"{team.record} IN {quoted(list(part))}"]
        )
    ]


def _member(team: Team, row: Mapping[str, object], names: Sequence[str]) -> Member:
    record, user = str(row[team.record]), str(row["UserId"])
    given = {name: str(row[name]) for name in names if row.get(name)}
    again = Create(
        object=team.members,
        key=f"handover:team:{record}:{user}",
        key_field=None,
        values={team.record: record, "UserId": user, **given},
    )
    return Member(id=str(row["Id"]), record_id=record, again=again)
