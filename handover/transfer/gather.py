"""Gathers the facts of a transfer: from the mirror, the ledger, and the CRM itself."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from dataclasses import replace
from types import MappingProxyType

from sqlalchemy import Connection

from connectors.base import Capability, Connector
from handover.ledger.runs import owners_set, records_touched
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.transfer.checks import Site
from handover.transfer.facts import Child, Extra, TransferFacts, Written, read_facts
from handover.transfer.our_tasks import our_tasks
from handover.transfer.put_back import kept_contacts
from handover.transfer.readings import held
from handover.transfer.to_crm import crm_record, crm_user, yes_no
from mappings.forms import Form
from mappings.model import Mapping

FINISHED: Map[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "opportunities": (("is_closed", "true"), ("is_won", "true")),
        "requests": (("is_open", "false"),),
        "activities": (("is_done", "true"),),
    }
)
"""By table, the columns that tell that a record is finished, and what they say then."""


def still_open(
    connector: Connector, mapping: Mapping, children: Iterable[Child]
) -> Iterator[Child]:
    """Yield the children that are not finished now, with what has to stay as it is.

    Of one whose end cannot be seen, the mirror is believed.
    """
    groups: dict[tuple[str, str], dict[str, Child]] = defaultdict(dict)
    for child in children:
        record = (child.object, child.id)
        name, own_id = crm_record(mapping, child.table, record)
        name = name or mapping.of(child.table)[0].object
        groups[child.table, name][own_id] = child
    for (table, name), group in groups.items():
        ends = list(_ends(mapping, table, name))
        fields = [field for form, _ in ends for field in form.names]
        rows = connector.read(name, list(group), fields) if fields else {}
        for own_id, child in group.items():
            row = rows.get(own_id, {})
            if all(yes_no(row, form, name) != end for form, end in ends if row):
                yield replace(child, expects={f: held(row, f) for f in fields if row})


def _ends(mapping: Mapping, table: str, name: str) -> Iterator[tuple[Form, str]]:
    """Yield how an object says that a record is finished, and the word for it."""
    for fed, part in mapping.fed_by(name):
        for column, end in FINISHED.get(table, ()) if fed == table else ():
            if column in part.fields:
                yield part.fields[column], end


def gather(
    site: Site,
    connection: Connection,
    mirror: Mirror,
    plan: Plan,
    asked: Map[str, str],
) -> TransferFacts:
    """Collect all that decides which owners a plan changes, and which tasks it needs.

    Owner-like fields are asked of the CRM, as the mirror does not hold them, and so is
    what may have been finished since the sync, and contacts that an owner change would
    touch.
    """
    facts = gather_tasks(site, connection, mirror, plan, asked)
    return replace(
        facts,
        children=tuple(still_open(site.connector, site.mapping, facts.children)),
        kept=tuple(kept_contacts(site, mirror, plan))
        if Capability.CONTACTS_FOLLOW in site.connector.capabilities
        else (),
        extras=tuple(_extras(site, facts, plan)),
    )


def gather_tasks(
    site: Site,
    connection: Connection,
    mirror: Mirror,
    plan: Plan,
    asked: Map[str, str],
) -> TransferFacts:
    """Collect what decides which tasks a plan needs: ours are as people left them.

    ``asked`` gives the due days, by key, of tasks that the plan wants in any case.
    """
    synced_at = mirror.generation.sources[site.source]["synced_at"]
    written = owners_written(
        connection, site.mapping, site.source, dt.datetime.fromisoformat(synced_at)
    )
    facts = read_facts(
        mirror,
        predecessor=plan.predecessor,
        planned=[row.account_id for row in plan.rows],
        written=written,
    )
    tasks = (
        our_tasks(connection, mirror, site.connector, site.mapping, plan, asked)
        if site.mapping.write.task
        else ()
    )
    return replace(facts, tasks=tasks)


def owners_written(
    connection: Connection, mapping: Mapping, source: str, since: dt.datetime
) -> Written:
    """Read from the ledger which owners we set since the mirror was read."""
    owners: dict[str, dict[str, str | None]] = defaultdict(dict)
    for table, name, record, owner in owners_set(connection, source, since):
        canonical = f"{name}:{record}" if mapping.prefixed(table) else record
        owners[table][canonical] = owner
    return Written(owners=owners)


def known_records(connection: Connection, plan: Plan, mapping: Mapping) -> set[str]:
    """Name the CRM's ids of all records that a plan or its runs know."""
    accounts = {mapping.crm_id("accounts", row.account_id)[1] for row in plan.rows}
    return accounts | records_touched(connection, plan.id)


def _extras(site: Site, facts: TransferFacts, plan: Plan) -> Iterator[Extra]:
    """Yield the owner-like fields of the mapping that hold the predecessor now."""
    predecessor = crm_user(site.mapping, plan.predecessor)
    for table, field in site.mapping.also:
        records = [(a.object, a.id) for a in facts.accounts.values()]
        if table != "accounts":
            found = [child for child in facts.children if child.table == table]
            records = [(child.object, child.id) for child in found]
        by_object: dict[str, dict[str, str]] = defaultdict(dict)
        for record in records:
            name, own_id = crm_record(site.mapping, table, record)
            by_object[name or site.mapping.of(table)[0].object][own_id] = record[1]
        for name, ids in by_object.items():
            for own_id, row in site.connector.read(name, list(ids), [field]).items():
                if held(row, field) == predecessor:
                    yield Extra(table=table, field=field, id=ids[own_id])
