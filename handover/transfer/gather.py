"""Gathers the facts of a transfer: from the mirror, the ledger, and the CRM itself."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import replace

from sqlalchemy import Connection, select

from connectors.base import Capability
from handover.ledger.tables import runs, steps
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.transfer.address import crm_record, crm_user
from handover.transfer.facts import Extra, Facts, Written, read_facts
from handover.transfer.kept_contacts import kept_contacts
from handover.transfer.live import held
from handover.transfer.our_tasks import our_tasks
from handover.transfer.site import Site
from handover.transfer.steps import OWNER_ACTION
from handover.transfer.still_open import still_open
from mappings.model import Mapping

OWNED_BY_ACTION = {action.value: table for table, action in OWNER_ACTION.items()}


def gather(
    site: Site,
    connection: Connection,
    mirror: Mirror,
    plan: Plan,
    asked: Map[str, str],
) -> Facts:
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
) -> Facts:
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
    query = (
        select(steps.c.action, steps.c.object, steps.c.record_id, steps.c.after)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(steps.c.source == source, steps.c.outcome == "done")
        .where(steps.c.action.in_(OWNED_BY_ACTION))
        .where(steps.c.settled_at > since.isoformat())
        .order_by(runs.c.started_at, steps.c.n)
    )
    owners: dict[str, dict[str, str | None]] = defaultdict(dict)
    for action, name, record, after in connection.execute(query):
        table = OWNED_BY_ACTION[action]
        canonical = f"{name}:{record}" if mapping.prefixed(table) else record
        owners[table][canonical] = after
    return Written(owners=owners)


def known_records(connection: Connection, plan: Plan, mapping: Mapping) -> set[str]:
    """Name the CRM's ids of all records that a plan or its runs know."""
    query = (
        select(steps.c.record_id)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(runs.c.plan_id == plan.id, steps.c.record_id.is_not(None))
    )
    return {mapping.crm_id("accounts", row.account_id)[1] for row in plan.rows} | set(
        connection.execute(query).scalars()
    )


def _extras(site: Site, facts: Facts, plan: Plan) -> Iterator[Extra]:
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
