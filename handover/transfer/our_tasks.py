"""Our tasks of a plan: which there are, how we wrote them, and how they are now."""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping as Map

from sqlalchemy import Connection

from connectors.base import Connector, Row
from handover.ledger.runs import task_writes, tasks_made, tasks_not_made
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.transfer.facts import OurTask, our_keys
from handover.transfer.readings import held
from handover.transfer.tasks import key_prefix
from handover.transfer.to_crm import task_mapping
from mappings.model import Mapping

Writings = Map[str, Map[str, str | None]]
"""By record id, the fields that we wrote and the value we wrote last."""


def our_tasks(
    connection: Connection,
    mirror: Mirror,
    connector: Connector,
    mapping: Mapping,
    plan: Plan,
    asked: Map[str, str],
) -> tuple[OurTask, ...]:
    """List the tasks of a plan, those made on another machine too, as they are now.

    One that we wrote as the plan asks for it (``asked``: due days by key) is not read:
    nothing has to be done, whatever people made of it.
    A task that a person deleted is listed without a status: it is not made again. One
    that a run of ours made and left half done is not listed, so that it is taken up.
    """
    prefix = key_prefix(plan)
    made = tasks_made(connection, prefix)
    unfinished = tasks_not_made(connection, prefix) - set(made)
    writings = last_written(
        connection, plan.source, [record for _, record in made.values()]
    )
    placed = {
        key: (name, mapping.crm_id("activities", record)[1])
        for key, (name, record) in our_keys(mirror, prefix).items()
        if key not in unfinished
    } | made
    due = task_mapping(mapping).due
    rows = _read(
        connector,
        mapping,
        [
            place
            for key, place in placed.items()
            if key not in asked or writings.get(place[1], {}).get(due) != asked[key]
        ],
    )
    return tuple(
        _task(mapping, key, place, rows.get(place, {}), writings.get(place[1]))
        for key, place in sorted(placed.items())
    )


def last_written(
    connection: Connection, source: str, records: Iterable[str]
) -> Writings:
    """Tell what we wrote last into each field of some of our tasks."""
    found: dict[str, dict[str, str | None]] = defaultdict(dict)
    for record, fields in task_writes(connection, source, set(records)):
        found[record] |= fields
    return found


def _read(
    connector: Connector, mapping: Mapping, places: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], Row]:
    task = task_mapping(mapping)
    fields = sorted({task.due, task.owner_id, task.status.field})
    by_object: dict[str, list[str]] = defaultdict(list)
    for name, record in places:
        by_object[name].append(record)
    return {
        (name, record): row
        for name, records in by_object.items()
        if connector.objects(name)
        for record, row in connector.read(name, records, fields).items()
    }


def _task(
    mapping: Mapping,
    key: str,
    place: tuple[str, str],
    row: Row,
    writing: Map[str, str | None] | None,
) -> OurTask:
    task = task_mapping(mapping)
    return OurTask(
        key=key,
        object=place[0],
        id=place[1],
        due=held(row, task.due),
        owner_id=held(row, task.owner_id),
        status=held(row, task.status.field),
        written=writing
        and {
            "due": writing.get(task.due),
            "owner_id": writing.get(task.owner_id),
        },
    )
