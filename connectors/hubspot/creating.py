"""Records that we create in HubSpot, each once, and finding them again by our key.

With a unique property an upsert cannot double, but it carries no associations: these
follow in a call of their own, idempotent, too. Without one the key stands in the body,
and after a lost reply only looking can tell (objects guide; properties guide).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from connectors.base import Change, Create, Outcome, Row
from connectors.errors import NotPermitted
from connectors.hubspot import links
from connectors.hubspot.objects import (
    ASSOCIATE_LIMIT,
    BODY,
    DEFAULT_ASSOCIATION,
    TARGETS,
    association_path,
    object_type,
)
from connectors.hubspot.portal import Lost, Portal
from connectors.hubspot.reading import batch_read
from connectors.hubspot.rows import key_in
from connectors.hubspot.wire import Turned
from connectors.hubspot.writing import (
    call_of,
    failure_of,
    failures,
    judged,
    persistently,
    said,
    with_day,
)

MARK = "[{key}]"


def upsert_all(portal: Portal, creates: Sequence[Create]) -> list[Outcome]:
    """Create by unique property, then hang the records where they belong."""
    outcomes = persistently(portal, creates, _upsert)
    unlinked = _link(portal, creates, outcomes)
    return [unlinked.get(n, outcome) for n, outcome in enumerate(outcomes)]


def _upsert(portal: Portal, batch: Sequence[Change]) -> list[Outcome]:
    creates = [change for change in batch if isinstance(change, Create)]
    key_field = creates[0].key_field or ""
    inputs = [
        {
            "id": create.key,
            "idProperty": key_field,
            "properties": _properties(create) | {key_field: create.key},
            "objectWriteTraceId": str(n),
        }
        for n, create in enumerate(creates)
    ]
    path = object_type(creates[0].object).batch("upsert")
    reply = portal.write(path, {"inputs": inputs})
    made = {
        str((result.get("properties") or {}).get(key_field)): str(result["id"])
        for result in reply.data.get("results") or ()
    }
    failed = failures(reply)
    return [
        judged(made.get(create.key), failed.get(str(n)))
        for n, create in enumerate(creates)
    ]


def create_marked(portal: Portal, batch: Sequence[Change]) -> list[Outcome]:
    """Create in one call with the key in the body: the portal has no field for it."""
    creates = [change for change in batch if isinstance(change, Create)]
    inputs = [
        {
            "properties": _marked(create),
            "associations": _associations(create),
            "objectWriteTraceId": str(n),
        }
        for n, create in enumerate(creates)
    ]
    path = object_type(creates[0].object).batch("create")
    reply = portal.write(path, {"inputs": inputs})
    made = {
        key_in(result.get("properties") or {}): str(result["id"])
        for result in reply.data.get("results") or ()
    }
    failed = failures(reply)
    return [
        judged(made.get(create.key), failed.get(str(n)))
        for n, create in enumerate(creates)
    ]


def _properties(create: Create) -> dict[str, str]:
    return {name: said(name, value) for name, value in create.values.items()}


def _marked(create: Create) -> dict[str, str]:
    """Give a create's properties with its key in the body."""
    properties = _properties(create)
    mark = MARK.format(key=create.key)
    text = properties.get(BODY, "")
    return properties | {BODY: f"{text}\n{mark}" if text else mark}


def _associations(create: Create) -> list[dict[str, object]]:
    return [
        {
            "to": {"id": record_id},
            "types": [
                {
                    "associationCategory": "HUBSPOT_DEFINED",
                    "associationTypeId": int(
                        DEFAULT_ASSOCIATION[create.object, target]
                    ),
                }
            ],
        }
        for target, record_id in create.links.items()
    ]


# Links


def _link(
    portal: Portal, creates: Sequence[Create], outcomes: Sequence[Outcome]
) -> dict[int, Outcome]:
    """Hang created records where they belong; name those that may hang nowhere."""
    pairs: dict[str, list[tuple[int, str, str]]] = {}
    for n, (create, outcome) in enumerate(zip(creates, outcomes, strict=True)):
        for target, record_id in create.links.items() if outcome.id else ():
            pair = (n, str(outcome.id), record_id)
            pairs.setdefault(TARGETS[target], []).append(pair)
    unlinked: dict[int, Outcome] = {}
    for other, group in pairs.items():
        path = association_path(creates[0].object, other, "batch/associate/default")
        for chunk in links.chunks(group, ASSOCIATE_LIMIT):
            unlinked |= _hang(portal, path, chunk)
    return unlinked


def _hang(
    portal: Portal, path: str, pairs: Sequence[tuple[int, str, str]]
) -> dict[int, Outcome]:
    """Associate pairs in one call; repeating it does no harm."""
    inputs = [{"from": {"id": one}, "to": {"id": other}} for _, one, other in pairs]
    try:
        reply = portal.write(path, {"inputs": inputs})
    except (Lost, Turned, NotPermitted):
        return {
            n: Outcome(state="in_doubt", id=one, code="links_lost")
            for n, one, _ in pairs
        }
    failed = {
        (str(key), str(other)): failure_of(entry)
        for entry in reply.data.get("errors") or ()
        for key in _ids(entry, "fromObjectId")
        for other in _ids(entry, "toObjectId") or [""]
    }
    found = {}
    for n, one, other in pairs:
        failure = failed.get((one, other)) or failed.get((one, ""))
        if failure is not None:
            text = f"created as {one}, but not linked to {other}: {failure.message}"
            found[n] = Outcome(state="refused", id=one, code=failure.code, message=text)
    return found


def _ids(entry: Mapping[str, Any], name: str) -> list[object]:
    value = (entry.get("context") or {}).get(name) or []
    return value if isinstance(value, list) else [value]


# Finding what we created


def find(portal: Portal, creates: Sequence[Create]) -> dict[str, Row]:
    """Find records by our key, with the ids they hang on under ``links``."""
    found: dict[str, Row] = {}
    for _, group in groupby(creates, key=call_of):
        run = list(group)
        rows = _by_key(portal, run) if run[0].key_field else _by_body(portal, run)
        there = [create for create in run if create.key in rows]
        linked = _links_of(portal, there, rows)
        found |= {c.key: rows[c.key] | {"links": linked[c.key]} for c in there}
    return found


def _by_key(portal: Portal, creates: Sequence[Create]) -> dict[str, dict[str, Any]]:
    """Read by the unique property: no index, no lag."""
    kind, key_field = object_type(creates[0].object), creates[0].key_field or ""
    names = sorted({*creates[0].values, key_field})
    keys = [create.key for create in creates]
    return {
        str(record["properties"].get(key_field)): _flat(record)
        for record in batch_read(portal, kind, keys, names, key_field=key_field)
    }


def _by_body(portal: Portal, creates: Sequence[Create]) -> dict[str, dict[str, Any]]:
    """Look through what hangs on the same records; search would lag behind."""
    kind = object_type(creates[0].object)
    near = dict.fromkeys(_neighbours(portal, creates))
    names = sorted({*creates[0].values, BODY})
    wanted = {create.key for create in creates}
    rows = {}
    for record in batch_read(portal, kind, list(near), names):
        key = key_in(record.get("properties") or {})
        if key in wanted:
            rows[key] = _flat(record)
    return rows


def _neighbours(portal: Portal, creates: Sequence[Create]) -> Iterator[str]:
    """Yield the records of the creates' type that hang where ours would."""
    for target in sorted({t for create in creates for t in create.links}):
        parents = [c.links[target] for c in creates if target in c.links]
        near = links.associated(portal, TARGETS[target], creates[0].object, parents)
        yield from (link.id for group in near.values() for link in group)


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    row = {**(record.get("properties") or {}), "id": str(record["id"])}
    return dict(with_day(row))


def _links_of(
    portal: Portal, creates: Sequence[Create], rows: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """Tell which of the wanted links records have."""
    kept: dict[str, dict[str, str]] = {create.key: {} for create in creates}
    for target in sorted({t for create in creates for t in create.links}):
        ours = {c.key: str(rows[c.key]["id"]) for c in creates if target in c.links}
        name = creates[0].object
        near = links.associated(portal, name, TARGETS[target], ours.values())
        for create in creates:
            wanted = create.links.get(target)
            found = near.get(ours.get(create.key, ""), ())
            if wanted in {link.id for link in found}:
                kept[create.key][target] = str(wanted)
    return kept
