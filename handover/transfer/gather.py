"""Gathers the facts of a transfer: from the mirror, the ledger, and the CRM itself.

Owner-like fields are asked of the CRM, as the mirror does not hold them, and so is
what may have been finished since the sync, and contacts that an owner change would
touch.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from sqlalchemy import Connection

from connectors.base import Capability
from handover.ledger.writes import owners_set, records_touched
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.transfer.checks import Site
from handover.transfer.facts import Child, Extra, TransferFacts, Written, read_facts
from handover.transfer.our_tasks import read_our_tasks
from handover.transfer.put_back import kept_contacts
from handover.transfer.readings import held
from handover.transfer.to_crm import CanonicalRecord, CrmRecord, ToCrm

FINISHED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "opportunities": {"is_closed": "true", "is_won": "true"},
        "requests": {"is_open": "false"},
        "activities": {"is_done": "true"},
    }
)
"""By table, the columns that tell that a record is finished, and what they say then."""


def gather(
    site: Site,
    connection: Connection,
    mirror: Mirror,
    plan: Plan,
    asked: Mapping[str, str],
) -> TransferFacts:
    """Collect all that decides which owners a plan changes, and which tasks it needs.

    ``asked`` gives the due days, by key, of tasks that the plan wants in any case.
    """
    facts = gather_tasks(site, connection, mirror, plan, asked)
    follow = Capability.CONTACTS_FOLLOW in site.connector.capabilities
    return replace(
        facts,
        children=tuple(_still_open(site, facts.children)),
        kept=tuple(kept_contacts(site, mirror, plan)) if follow else (),
        extras=tuple(_extras(site, facts, plan)),
    )


def gather_tasks(
    site: Site,
    connection: Connection,
    mirror: Mirror,
    plan: Plan,
    asked: Mapping[str, str],
) -> TransferFacts:
    """Collect what decides which tasks a plan needs: ours are as people left them."""
    facts = read_facts(
        mirror,
        predecessor=plan.predecessor,
        planned=[row.account_id for row in plan.rows],
        written=read_owners_written(site.to_crm, connection, mirror),
    )
    if not site.to_crm.has_tasks:
        return facts
    tasks = read_our_tasks(site, connection, mirror, plan, asked)
    return replace(facts, tasks=tasks)


def known_records(site: Site, connection: Connection, plan: Plan) -> set[str]:
    """Name the CRM's ids of all records that a plan or its runs know."""
    accounts = {
        site.to_crm.record(CanonicalRecord(table="accounts", id=row.account_id)).id
        for row in plan.rows
    }
    return accounts | records_touched(connection, plan.id)


def read_owners_written(
    to_crm: ToCrm, connection: Connection, mirror: Mirror
) -> Written:
    """Read from the ledger which owners we set since the mirror was read."""
    source = mirror.source
    synced_at = dt.datetime.fromisoformat(
        mirror.generation.sources[source]["synced_at"]
    )
    owners: dict[str, dict[str, str | None]] = defaultdict(dict)
    for table, name, own_id, owner in owners_set(connection, source, synced_at):
        record = CrmRecord(object=name, id=own_id)
        user = to_crm.owner_of(table, name, owner)
        owners[table][to_crm.canonical_id(table, record)] = user
    return Written(owners=owners)


def _still_open(site: Site, children: Iterable[Child]) -> Iterator[Child]:
    """Yield the children that are not finished now, with what has to stay as it is.

    Of one whose end cannot be seen, the mirror is believed.
    """
    groups: dict[tuple[str, str], dict[str, Child]] = defaultdict(dict)
    for child in children:
        own = site.to_crm.record(child)
        groups[child.table, own.object][own.id] = child
    for (table, name), group in groups.items():
        finished = FINISHED.get(table, {})
        ends = list(site.to_crm.yes_no(table, finished, name))
        fields = [field for _, end in ends for field in end.fields]
        rows = site.connector.read(name, list(group), fields) if fields else {}
        for own_id, child in group.items():
            row = rows.get(own_id)
            if row is None:
                yield child
            elif all(end.read(row) != finished[column] for column, end in ends):
                yield replace(child, expects={f: held(row, f) for f in fields})


def _extras(site: Site, facts: TransferFacts, plan: Plan) -> Iterator[Extra]:
    """Yield the owner-like fields of the mapping that hold the predecessor now."""
    predecessor = site.to_crm.user_id(plan.predecessor)
    for table, field in site.to_crm.also:
        records: Iterable[CanonicalRecord] = facts.accounts.values()
        if table != "accounts":
            records = [child for child in facts.children if child.table == table]
        by_object: dict[str, dict[str, CanonicalRecord]] = defaultdict(dict)
        for record in records:
            own = site.to_crm.record(record)
            by_object[own.object][own.id] = record
        for name, found in by_object.items():
            for own_id, row in site.connector.read(name, list(found), [field]).items():
                if held(row, field) == predecessor:
                    record = found[own_id]
                    yield Extra(
                        table=table, id=record.id, object=record.object, field=field
                    )
