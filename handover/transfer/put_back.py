"""What an owner change of an account takes from others by the way, and gives back.

A CRM may copy an account's new owner to its contacts, also to those of others
(HubSpot: "Assign company owner to contact by default"; the API does not tell whether it
is switched on), and may drop the people on its team (Salesforce does unless it is asked
not to, and cannot be asked by REST). So whose contacts they are and who is on the teams
is read and journaled before the first write, and looked at again after the last owner
change: whoever was overwritten or dropped is put back. What a run meant to put back and
did not, a later one of the same plan takes up, and so does an undo.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType

from sqlalchemy import Connection

from connectors.base import (
    Capability,
    Change,
    Connector,
    Create,
    KeepsTeams,
    Note,
    SetField,
)
from handover.ledger.runs import Entry, runs_with
from handover.ledger.states import Action
from handover.mirror.views import Mirror
from handover.plan.approval import ApprovedPlan
from handover.plan.model import Plan
from handover.transfer.checks import Site
from handover.transfer.facts import KeptContact
from handover.transfer.readings import held
from handover.transfer.steps import Authority, Step
from handover.transfer.to_crm import ToCrm

PUT_BACK = (Action.CONTACT_KEPT, Action.TEAM_MEMBER)
"""Steps that owner changes make necessary, for others' sake."""
HAVE_TEAMS: Mapping[Action, str] = MappingProxyType(
    {
        Action.ACCOUNT_OWNER: "account_team",
        Action.OPPORTUNITY_OWNER: "opportunity_team",
    }
)
"""Owner changes that may drop a team, and where its members are mirrored."""


# Contacts of others


def kept_contacts(site: Site, mirror: Mirror, plan: Plan) -> Iterator[KeptContact]:
    """Yield the contacts of a plan's accounts that belong to active others now."""
    found = mirror.rows(
        "select id, object, account_id, owner_id from contacts"
        " where list_contains($accounts, account_id) order by object, id",
        accounts=[row.account_id for row in plan.rows],
    )
    contacts = [KeptContact(**row) for row in found]
    for _, group in groupby(contacts, key=lambda contact: contact.object):
        for contact in _read_owners(site, list(group)):
            others = contact.owner_id != plan.predecessor
            if others and site.people.is_active(contact.owner_id):
                yield contact


def _read_owners(site: Site, contacts: Sequence[KeptContact]) -> Iterator[KeptContact]:
    """Yield contacts of one object with their owners of now.

    The unowned and those that are gone are left out.
    """
    field = site.to_crm.owner_field(contacts[0])
    if field is None:
        return
    ids = {site.to_crm.record(contact).id: contact for contact in contacts}
    rows = site.connector.read(field.object, list(ids), [field.field])
    for own_id, row in rows.items():
        owner, contact = held(row, field.field), ids[own_id]
        if owner:
            yield KeptContact(
                id=contact.id,
                object=contact.object,
                account_id=contact.account_id,
                owner_id=owner,
            )


def contact_steps(
    approved: ApprovedPlan,
    to_crm: ToCrm,
    contacts: Iterable[KeptContact],
    successors: Mapping[str, str],
) -> Iterator[Step]:
    """Yield what gives contacts back to whom they belong.

    Args:
        approved: the authority.
        to_crm: the CRM's words.
        contacts: those of others.
        successors: by account that changes its owner in this run.
    """
    for contact in contacts:
        successor = successors.get(contact.account_id)
        if successor is not None and successor != contact.owner_id:
            change = to_crm.owner_change(
                contact, before=successor, after=contact.owner_id
            )
            source, account = approved.plan.source, contact.account_id
            yield _step(approved, source, account, change)


# Teams


def team_steps(connector: Connector, owners: Iterable[Step]) -> Iterator[Step]:
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
            yield _step(
                owner.authority, owner.source, owner.account_id, member.again, member.id
            )


def hidden_teams(mirror: Mirror, steps: Sequence[Step]) -> Iterator[Note]:
    """Yield the teams that owner changes drop and that we cannot put back, unseen."""
    changed = {step.action for step in steps}
    for action, table in HAVE_TEAMS.items():
        if action in changed and mirror.hides(table):
            yield Note(
                code="teams_hidden", params={"source": mirror.source, "table": table}
            )


# Later runs and undos


def steps_left(
    connection: Connection, plan_id: str, authority: Authority, action: Action
) -> Iterator[Step]:
    """Yield again what runs of a plan meant to put back and did not."""
    for latest in _latest_steps(connection, plan_id, action):
        entry = latest.entry
        if latest.is_left:
            restores = entry.record_id if entry.key is not None else None
            yield _step(
                authority, entry.source, entry.account_id, entry.change, restores
            )


@dataclass(frozen=True, kw_only=True)
class _Latest:
    """The latest step of a kind on a record; ``needed`` by an owner change so far."""

    entry: Entry
    needed: bool

    @property
    def is_left(self) -> bool:
        """Tell whether it has still to be taken."""
        return self.needed and self.entry.outcome != "done"


def _latest_steps(
    connection: Connection, plan_id: str, action: Action
) -> Iterable[_Latest]:
    """Return the latest step of a kind for each record that runs of a plan touched."""
    found: dict[str, _Latest] = {}
    for entries in runs_with(connection, plan_id, action):
        changed = {entry.account_id for entry in _owners_changed(entries)}
        for entry in entries:
            if entry.action == action:
                name = entry.key or entry.record_id or ""
                before = found.get(name)
                needed = entry.account_id in changed or (
                    before is not None and before.is_left
                )
                found[name] = _Latest(entry=entry, needed=needed)
    return found.values()


def undo_contact_steps(
    authority: Authority, entries: Sequence[Entry]
) -> Iterator[Step]:
    """Yield what looks after others' contacts when a run is taken back.

    The owner that returns may be copied to them, as the new one was.
    """
    owners = {entry.account_id: entry.before for entry in _owners_changed(entries)}
    for entry in entries:
        given_back = entry.action == Action.CONTACT_KEPT and entry.outcome == "done"
        if given_back and entry.account_id in owners:
            change = SetField(
                object=entry.object,
                id=entry.record_id or "",
                field=entry.field or "",
                before=owners[entry.account_id],
                after=entry.after,
            )
            yield _step(authority, entry.source, entry.account_id, change)


def _owners_changed(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Yield the steps that gave an account another owner."""
    for entry in entries:
        if entry.action == Action.ACCOUNT_OWNER and entry.outcome == "done":
            yield entry


def _step(
    authority: Authority,
    source: str,
    account_id: str | None,
    change: Change,
    restores: str | None = None,
) -> Step:
    is_member = isinstance(change, Create)
    return Step(
        source=source,
        account_id=account_id,
        action=Action.TEAM_MEMBER if is_member else Action.CONTACT_KEPT,
        change=change,
        authority=authority,
        follows=(account_id,) if account_id else (),
        restores=restores,
    )
