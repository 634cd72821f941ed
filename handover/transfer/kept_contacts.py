"""Contacts of others, which keep their owner when their account changes hands.

A CRM may copy an account's new owner to its contacts (HubSpot: "Assign company owner
to contact by default"; the API does not tell whether it is switched on). So whose they
are is read and journaled before the first write, and looked at again after the last
account: whoever was overwritten gets the contact back.
"""

from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as Map
from itertools import groupby

from sqlalchemy import Connection

from connectors.base import SetField
from handover.mirror.views import Mirror
from handover.plan.approval import ApprovedPlan
from handover.plan.model import Plan
from handover.transfer.address import crm_record, owner_change
from handover.transfer.authority import Authority
from handover.transfer.facts import KeptContact
from handover.transfer.journal import Entry
from handover.transfer.left_behind import latest_steps
from handover.transfer.live import held
from handover.transfer.site import Site
from handover.transfer.steps import Action, Step
from mappings.model import Mapping


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
