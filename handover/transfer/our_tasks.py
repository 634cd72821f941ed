"""Our tasks of a plan: which there are, how we wrote them, and how they are now."""

from collections import defaultdict
from collections.abc import Iterable
from collections.abc import Mapping as Map

from sqlalchemy import Connection, RowMapping, select

from connectors.base import Connector, Row
from handover.ledger.tables import runs, steps
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.transfer.address import task_mapping
from handover.transfer.facts import OurTask, our_keys
from handover.transfer.live import held
from handover.transfer.steps import Action
from handover.transfer.wanted import key_prefix
from mappings.model import Mapping

OURS = (Action.CREATE_TASK, Action.CHANGE_TASK, Action.CLOSE_TASK)

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
    made = _made(connection, prefix)
    unfinished = _failed(connection, prefix) - set(made)
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
    query = (
        select(steps)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(steps.c.source == source, steps.c.outcome == "done")
        .where(steps.c.action.in_(OURS), steps.c.code.is_distinct_from("already"))
        .order_by(runs.c.started_at, steps.c.n)
    )
    wanted = set(records)
    found: dict[str, dict[str, str | None]] = defaultdict(dict)
    for row in connection.execute(query).mappings() if wanted else ():
        if row["record_id"] in wanted:
            found[row["record_id"]] |= _fields(row)
    return found


def _fields(row: RowMapping) -> dict[str, str | None]:
    if row["key"] is None:
        return {row["field"]: row["after"]}
    return dict(row["values"]["values"])


def _made(connection: Connection, prefix: str) -> dict[str, tuple[str, str]]:
    query = select(steps.c.key, steps.c.object, steps.c.record_id).where(
        steps.c.key.startswith(prefix, autoescape=True),
        steps.c.outcome == "done",
        steps.c.record_id.is_not(None),
    )
    return {key: (name, record) for key, name, record in connection.execute(query)}


def _failed(connection: Connection, prefix: str) -> set[str]:
    query = select(steps.c.key).where(
        steps.c.key.startswith(prefix, autoescape=True),
        steps.c.outcome.in_(["skipped", "refused"]),
    )
    return set(connection.execute(query).scalars())


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
