"""What is left in somebody's name: what they own, and the plans that count on them."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from handover.follow.covers import Validity, find_covers
from handover.follow.records import (
    Kind,
    LeftRecord,
    by_urgency,
    list_owned,
    read_records,
)
from handover.ledger.states import RUNNING_STATES, Mode, PlanState
from handover.mirror.people import Person
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.transfer.facts import Written, read_facts

Role = Literal["predecessor", "successor", "manager", "author", "attendee"]

UNDECIDED = (PlanState.DRAFT, PlanState.REJECTED)
"""States of a plan on which its people still work."""
COVERING = (*RUNNING_STATES, PlanState.SUBMITTED, PlanState.DRAFT)
"""States of a plan that says who takes something over, approved or not yet."""
NAMING = (*COVERING, PlanState.REJECTED)
"""States of a plan that still counts on the people it names."""
OWNED = ("accounts", "opportunities", "requests", "activities", "contacts")
"""Canonical tables whose records somebody owns."""

_REPORTS = """
    select id from users
    where manager_id = $user and id in (select active_users.id from active_users)
    order by id
"""
_TEAMS = """
    select
        (select count(distinct record_id) from account_team where user_id = $user)
            as account_teams,
        (select count(distinct record_id) from opportunity_team where user_id = $user)
            as opportunity_teams
"""
_OWNS = "select 1 from {table} where id = $id and owner_id = $user"
_UNREAD_OWNERS = """
    select table_name, count(*) as n from aside
    where column_name = 'owner_id' and not whole and list_contains($tables, table_name)
    group by table_name order by table_name
"""


@dataclass(frozen=True, kw_only=True)
class NamingPlan:
    """A plan that counts on somebody: they own it as a draft, or are to act in it."""

    source: str
    plan: str
    state: PlanState
    predecessor_id: str
    roles: tuple[Role, ...]


@dataclass(frozen=True, kw_only=True)
class NamedElsewhere:
    """Where else the CRM names somebody; they own nothing by it."""

    reports: tuple[str, ...] = ()
    """The ids of active users whose manager they are."""
    account_teams: int = 0
    opportunity_teams: int = 0


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """What the mirror cannot know.

    ``tables`` have no owner that we may see. ``unread``: by table, the records whose
    owner could not be read. ``fields`` hold owners, too, and are not in the mirror.
    ``places`` in the CRM may name somebody and are not shown to us; by their codes.
    """

    tables: tuple[str, ...] = ()
    unread: Mapping[str, int] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Leaver:
    """Somebody in one source, and what is left there in their name."""

    source: str
    person: Person
    synced_at: dt.datetime
    """How old the mirror is; what our own runs wrote since is taken into account."""
    records: tuple[LeftRecord, ...]
    plans: tuple[NamingPlan, ...]
    named: NamedElsewhere
    unknown: Unknown

    @property
    def is_free(self) -> bool:
        """Whether nothing is left."""
        return not self.records and not self.plans

    def list_of(self, kind: Kind) -> list[LeftRecord]:
        """List the records of a kind, what nobody takes first."""
        return [record for record in self.records if record.kind == kind]


@dataclass(frozen=True, kw_only=True)
class LeaverQuestion:
    """About whom and what is asked, and what is known besides the mirror."""

    person: Person
    plans: Sequence[Plan]
    """All plans of the source that are not over."""
    validity: Validity
    written: Written
    """Owners that our runs set since the mirror was read."""
    fields: tuple[str, ...]
    """Owner-like fields of the mapping that the mirror does not hold."""
    places: tuple[str, ...]
    """Codes of the places of the CRM that are not shown to us."""


def read_leaver(mirror: Mirror, asked: LeaverQuestion) -> Leaver:
    """Read what is left in somebody's name in one source."""
    user = asked.person.id
    own = [
        plan
        for plan in asked.plans
        if plan.predecessor == user and plan.state in COVERING
    ]
    facts = read_facts(
        mirror,
        predecessor=user,
        planned=[row.account_id for plan in own for row in plan.rows],
        written=asked.written,
    )
    synced_at = mirror.generation.sources[mirror.source]["synced_at"]
    owned = list(list_owned(mirror, facts, user))
    covers = find_covers(own, facts, owned, asked.validity)
    return Leaver(
        source=mirror.source,
        person=asked.person,
        synced_at=dt.datetime.fromisoformat(synced_at),
        records=tuple(sorted(read_records(mirror, owned, covers), key=by_urgency)),
        plans=tuple(_list_naming(mirror, asked)),
        named=_read_named(mirror, user),
        unknown=_read_unknown(mirror, asked),
    )


def owns_anything(mirror: Mirror, user: str) -> bool:
    """Return whether records name somebody as owner, known as a user or not."""
    nothing = read_facts(mirror, predecessor=user, planned=(), written=Written())
    return bool(nothing.accounts or nothing.children)


# Who counts on them


def _list_naming(mirror: Mirror, asked: LeaverQuestion) -> Iterator[NamingPlan]:
    for plan in asked.plans:
        roles = tuple(_list_roles(plan, mirror, asked))
        if roles:
            yield NamingPlan(
                source=plan.source,
                plan=plan.id,
                state=plan.state,
                predecessor_id=plan.predecessor,
                roles=roles,
            )


def _list_roles(plan: Plan, mirror: Mirror, asked: LeaverQuestion) -> Iterator[Role]:
    """Yield in which roles somebody is still waited for.

    A plan of theirs that is submitted takes care of what they own, and a manager has
    decided what is approved.
    """
    user = asked.person.id
    waits = plan.state in (*UNDECIDED, PlanState.SUBMITTED)
    if plan.predecessor == user and plan.state in UNDECIDED:
        yield "predecessor"
    if _takes_over(plan, user) or _takes_loose(plan, mirror, asked):
        yield "successor"
    if plan.manager == user and waits:
        yield "manager"
    if plan.author == user and plan.predecessor != user and plan.state in UNDECIDED:
        yield "author"
    if any(
        row.visit.date >= mirror.as_of
        and user in row.visit.attendees
        and user not in (plan.predecessor, row.successor_id)
        for row in plan.rows
        if row.visit is not None
    ):
        yield "attendee"


def _takes_over(plan: Plan, user: str) -> bool:
    """Return whether somebody is still to be given a customer."""
    return any(
        row.successor_id == user
        and row.mode is not Mode.EXCLUDE
        and row.state != "owner_changed"
        for row in plan.rows
    )


def _takes_loose(plan: Plan, mirror: Mirror, asked: LeaverQuestion) -> bool:
    """Return whether somebody is still to be given a record that hangs on none."""
    user = asked.person.id
    return any(
        asked.written.owners.get(record.object, {}).get(record.id) != user
        and not mirror.rows(_OWNS.format(table=record.object), id=record.id, user=user)
        for record in plan.loose
        if record.successor == user and record.action in ("transfer", "hold")
    )


def _read_named(mirror: Mirror, user: str) -> NamedElsewhere:
    (teams,) = mirror.rows(_TEAMS, user=user)
    reports = mirror.rows(_REPORTS, user=user)
    return NamedElsewhere(reports=tuple(row["id"] for row in reports), **teams)


def _read_unknown(mirror: Mirror, asked: LeaverQuestion) -> Unknown:
    unread = mirror.rows(_UNREAD_OWNERS, tables=list(OWNED))
    return Unknown(
        tables=tuple(table for table in OWNED if not mirror.sees(table, "owner_id")),
        unread={row["table_name"]: row["n"] for row in unread},
        fields=asked.fields,
        places=asked.places,
    )
