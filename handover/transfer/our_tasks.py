"""Our tasks of a plan: which there are, how we wrote them, and how they are now."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from connectors.base import Connector, Row
from handover.ledger.writes import task_writes, tasks_made, tasks_not_made
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.transfer.checks import Site
from handover.transfer.facts import OurTask, our_keys
from handover.transfer.readings import held
from handover.transfer.tasks import key_prefix
from handover.transfer.to_crm import CrmRecord, ToCrm

Writings = Mapping[str, Mapping[str, str | None]]
"""By record id, the fields that we wrote and the value we wrote last."""


def read_our_tasks(
    site: Site,
    connection: Connection,
    mirror: Mirror,
    plan: Plan,
    asked: Mapping[str, str],
) -> tuple[OurTask, ...]:
    """List the tasks of a plan, those made on another machine too, as they are now.

    One that we wrote as the plan asks for it (``asked``: due days by key) is not read:
    nothing has to be done, whatever people made of it.
    A task that a person deleted is listed without a status: it is not made again. One
    that a run of ours made and left half done is not listed, so that it is taken up.
    """
    to_crm, prefix = site.to_crm, key_prefix(plan)
    made = {
        key: CrmRecord(object=name, id=own_id)
        for key, (name, own_id) in tasks_made(connection, prefix).items()
    }
    unfinished = tasks_not_made(connection, prefix) - set(made)
    writings = read_writings(connection, plan.source, [r.id for r in made.values()])
    placed = {
        key: to_crm.record(record)
        for key, record in our_keys(mirror, prefix).items()
        if key not in unfinished
    } | made
    rows = _read(
        site.connector,
        to_crm,
        [
            record
            for key, record in placed.items()
            if key not in asked
            or writings.get(record.id, {}).get(to_crm.task.due) != asked[key]
        ],
    )
    return tuple(
        _our_task(to_crm, key, record, rows.get(record, {}), writings.get(record.id))
        for key, record in sorted(placed.items())
    )


def read_tasks(
    site: Site, connection: Connection, placed: Mapping[str, CrmRecord]
) -> dict[str, OurTask]:
    """Read some of our tasks, given by key, as they are now; one that is gone, too."""
    to_crm = site.to_crm
    rows = _read(site.connector, to_crm, placed.values())
    writings = read_writings(connection, site.source, [r.id for r in placed.values()])
    return {
        key: _our_task(
            to_crm, key, record, rows.get(record, {}), writings.get(record.id)
        )
        for key, record in placed.items()
    }


def read_writings(
    connection: Connection, source: str, records: Iterable[str]
) -> Writings:
    """Return what we wrote last into each field of some of our tasks."""
    found: dict[str, dict[str, str | None]] = defaultdict(dict)
    for each in task_writes(connection, source, set(records)):
        found[each.record_id] |= each.fields
    return found


def _read(
    connector: Connector, to_crm: ToCrm, records: Iterable[CrmRecord]
) -> dict[CrmRecord, Row]:
    task = to_crm.task
    fields = sorted({task.due, task.owner_id, task.status.field, task.text})
    by_object: dict[str, list[str]] = defaultdict(list)
    for record in records:
        by_object[record.object].append(record.id)
    return {
        CrmRecord(object=name, id=own_id): row
        for name, ids in by_object.items()
        if connector.objects(name)
        for own_id, row in connector.read(name, ids, fields).items()
    }


def _our_task(
    to_crm: ToCrm,
    key: str,
    record: CrmRecord,
    row: Row,
    writing: Mapping[str, str | None] | None,
) -> OurTask:
    task = to_crm.task
    return OurTask(
        key=key,
        object=record.object,
        id=record.id,
        due=held(row, task.due),
        owner_id=held(row, task.owner_id),
        status=held(row, task.status.field),
        written=writing
        and {"due": writing.get(task.due), "owner_id": writing.get(task.owner_id)},
        text=held(row, task.text),
        written_text=writing.get(task.text) if writing else None,
    )
