"""Contacts of others, which keep their owner when their account changes hands.

A CRM may copy an account's new owner to its contacts (HubSpot: "Assign company owner
to contact by default"; the API does not tell whether it is switched on). So whose they
are is read and journaled before the first write, and looked at again after the last
account: whoever was overwritten gets the contact back.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection

from connectors.base import Capability, Connector, Create, KeepsTeams, SetField
from handover.ledger.runs import Entry, runs_with
from handover.ledger.states import Action
from handover.mirror.views import Mirror
from handover.plan.approval import ApprovedPlan
from handover.plan.model import Plan
from handover.transfer.checks import Site
from handover.transfer.facts import KeptContact
from handover.transfer.readings import held
from handover.transfer.steps import Authority, Step
from handover.transfer.to_crm import crm_record, owner_change
from mappings.model import Mapping


@dataclass(frozen=True, kw_only=True)
class Latest:
    """The latest step of a kind on a record; ``needed`` by an owner change so far."""

    entry: Entry
    needed: bool

    @property
    def is_left(self) -> bool:
        """Tell whether it has still to be taken."""
        return self.needed and self.entry.outcome != "done"


def latest_steps(connection: Connection, plan_id: str, action: Action) -> list[Latest]:
    """Give the latest step of a kind for each record that runs of a plan touched."""
    found: dict[str, Latest] = {}
    for entries in runs_with(connection, plan_id, action):
        changed = {
            entry.account_id
            for entry in entries
            if entry.action == Action.ACCOUNT_OWNER and entry.outcome == "done"
        }
        for entry in entries:
            if entry.action != action:
                continue
            name = entry.key or entry.record_id or ""
            before = found.get(name)
            needed = entry.account_id in changed or (
                before is not None and before.is_left
            )
            found[name] = Latest(entry=entry, needed=needed)
    return list(found.values())


def kept_contacts(site: Site, mirror: Mirror, plan: Plan) -> Iterator[KeptContact]:
    """Yield the contacts of a plan's accounts that belong to active others now."""
    found = mirror.con.execute(
        "select object, id, account_id from contacts"
        " where list_contains($1, account_id) order by all",
        [[row.account_id for row in plan.rows]],
    )
    for name, group in groupby(found.fetchall(), key=lambda row: row[0]):
        accounts = {record: account for _, record, account in group}
        for record, owner in _owners(site, name, list(accounts)).items():
            if owner != plan.predecessor and site.people.is_active(owner):
                yield KeptContact(
                    id=record, object=name, account_id=accounts[record], owner_id=owner
                )


def _owners(site: Site, name: str | None, records: Sequence[str]) -> dict[str, str]:
    """Read who owns contacts now; the unowned and those that are gone are left out."""
    mapping = site.mapping
    target = mapping.target("contacts", "owner_id", name)
    if target is None:
        return {}
    ids = {crm_record(mapping, "contacts", (name, one))[1]: one for one in records}
    rows = site.connector.read(target.object, list(ids), [target.field])
    owners = {ids[own_id]: held(row, target.field) for own_id, row in rows.items()}
    return {record: owner for record, owner in owners.items() if owner}


def kept_steps(
    approved: ApprovedPlan,
    mapping: Mapping,
    contacts: Iterable[KeptContact],
    successors: Map[str, str],
) -> Iterator[Step]:
    """Yield what gives contacts back to whom they belong.

    Args:
        approved: the authority.
        mapping: of the CRM.
        contacts: those of others.
        successors: by account that changes its owner in this run.
    """
    for contact in contacts:
        successor = successors.get(contact.account_id)
        if successor is None or successor == contact.owner_id:
            continue
        record = (contact.object, contact.id)
        users = (successor, contact.owner_id)
        change = owner_change(mapping, "contacts", record, users)
        yield _step(approved, approved.plan.source, contact.account_id, change)


def kept_again(authority: Authority, entries: Iterable[Entry]) -> list[Step]:
    """List the steps that look after contacts when a run is taken back."""
    listed = list(entries)
    owners = {
        e.account_id: e.before
        for e in listed
        if e.action == Action.ACCOUNT_OWNER and e.outcome == "done"
    }
    return [
        _step(
            authority,
            e.source,
            e.account_id,
            SetField(
                object=e.object,
                id=e.record_id or "",
                field=e.field or "",
                before=owners[e.account_id],
                after=e.after,
            ),
        )
        for e in listed
        if e.action == Action.CONTACT_KEPT
        and e.outcome == "done"
        and e.account_id in owners
    ]


def not_given_back(connection: Connection, authority: ApprovedPlan) -> Iterator[Step]:
    """Yield once more what runs of a plan meant to give back and did not."""
    plan_id = authority.plan.id
    for latest in latest_steps(connection, plan_id, Action.CONTACT_KEPT):
        entry, change = latest.entry, latest.entry.change
        if latest.is_left and isinstance(change, SetField):
            yield _step(authority, entry.source, entry.account_id, change)


def _step(
    authority: Authority, source: str, account_id: str | None, change: SetField
) -> Step:
    return Step(
        source=source,
        account_id=account_id,
        action=Action.CONTACT_KEPT,
        change=change,
        authority=authority,
        follows=(account_id,) if account_id else (),
    )


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
