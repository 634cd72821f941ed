"""Changes into HubSpot, a hundred a call, each outcome matched by id.

A batch answers 207 for a mixture, leaves out ids that were merged away, and fails as a
whole when an id stands in it twice. So every input has its own ``objectWriteTraceId``,
and what neither came back nor was refused is in doubt (error handling page; reference
tests of third parties for the omissions).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from connectors.base import Change, Create, Outcome, Row, SetField
from connectors.hubspot import links
from connectors.hubspot.objects import (
    DEFAULT_ASSOCIATION,
    LIST_LIMIT,
    TARGETS,
    association_path,
    object_type,
)
from connectors.hubspot.portal import Lost, Portal, Reply, Turned
from connectors.hubspot.problems import LOCKED, THROTTLED, Problem
from connectors.hubspot.reading import batch_read

ATTEMPTS = 5
"""How often a change that was certainly not made is sent again, smaller each time."""
TRANSIENT = frozenset({LOCKED, THROTTLED})
BODY = "hs_task_body"
"""Where our key is kept in a portal without the key property."""
MARK = "[{key}]"
DUE = "hs_timestamp"
NOON = "T12:00:00Z"
"""A task is due at a time in HubSpot and on a day with us: noon UTC is the same day
from Honolulu to Tokyo."""


def batches(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Cut changes into calls: one object and verb, at most 100 inputs, no id twice."""
    for _, run in groupby(changes, key=_call):
        batch: list[Change] = []
        seen: set[str] = set()
        for change in run:
            if len(batch) == LIST_LIMIT or _identity(change) in seen:
                yield batch
                batch, seen = [], set()
            batch.append(change)
            seen.add(_identity(change))
        yield batch


def _call(change: Change) -> tuple[str, str, str]:
    if isinstance(change, SetField):
        return ("update", change.object, "")
    return ("create", change.object, change.key_field or "")


def _identity(change: Change) -> str:
    return change.id if isinstance(change, SetField) else change.key


def write(portal: Portal, batch: Sequence[Change]) -> list[Outcome]:
    """Send one batch; what was certainly not done is tried again in smaller pieces."""
    outcomes: dict[int, Outcome] = {}
    waiting = list(range(len(batch)))
    size = len(batch)
    for _ in range(ATTEMPTS):
        again: list[int] = []
        for piece in links.chunks(waiting, size):
            sent = _send(portal, [batch[n] for n in piece])
            outcomes |= dict(zip(piece, sent, strict=True))
            again += [n for n in piece if _is_transient(outcomes[n])]
        waiting, size = again, max(1, size // 4)
        if not waiting:
            break
    return [outcomes[n] for n in range(len(batch))]


def _is_transient(outcome: Outcome) -> bool:
    return outcome.state == "refused" and outcome.code in {
        f"HTTP_{status}" for status in TRANSIENT
    }


def _send(portal: Portal, batch: Sequence[Change]) -> list[Outcome]:
    try:
        if isinstance(batch[0], SetField):
            return _update(portal, [c for c in batch if isinstance(c, SetField)])
        creates = [c for c in batch if isinstance(c, Create)]
        if creates[0].key_field:
            return _upsert(portal, creates, creates[0].key_field)
        return _create(portal, creates)
    except Lost as lost:
        return [Outcome(state="in_doubt", code="reply_lost", message=str(lost))] * len(
            batch
        )
    except Turned as turned:
        return [_refused(turned.problem)] * len(batch)


def _refused(problem: Problem) -> Outcome:
    return Outcome(
        state="refused",
        code=problem.category or f"HTTP_{problem.status}"
        if problem.status not in TRANSIENT
        else f"HTTP_{problem.status}",
        message=problem.message,
    )


# Updates


def _update(portal: Portal, changes: Sequence[SetField]) -> list[Outcome]:
    kind = object_type(changes[0].object)
    inputs = [
        {
            "id": change.id,
            "properties": {change.field: _said(change.field, change.after)},
            "objectWriteTraceId": str(n),
        }
        for n, change in enumerate(changes)
    ]
    reply = portal.write(kind.batch("update"), {"inputs": inputs})
    done = {str(result["id"]) for result in reply.data.get("results") or ()}
    failed = _failures(reply)
    return [
        _outcome(change.id if change.id in done else None, failed.get(str(n)))
        for n, change in enumerate(changes)
    ]


def _outcome(record_id: str | None, failure: Outcome | None) -> Outcome:
    """Judge one input: named as failed, come back, or neither."""
    if failure is not None:
        return failure
    if record_id is not None:
        return Outcome(state="done", id=record_id)
    return Outcome(state="in_doubt", code="not_in_reply")


def _failures(reply: Reply) -> dict[str, Outcome]:
    """Read a 207's errors by trace id."""
    failed: dict[str, Outcome] = {}
    for entry in reply.data.get("errors") or ():
        context = entry.get("context") or {}
        outcome = Outcome(
            state="refused",
            code=str(entry.get("code") or entry.get("category") or "ERROR"),
            message=str(entry.get("message") or ""),
        )
        for trace in _texts(context.get("objectWriteTraceId")):
            failed[trace] = outcome
    return failed


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(one) for one in value]
    return [] if value is None else [str(value)]


# Creates


def _upsert(portal: Portal, creates: Sequence[Create], key_field: str) -> list[Outcome]:
    """Create by unique property; sent twice, it is still one record."""
    kind = object_type(creates[0].object)
    inputs = [
        {
            "id": create.key,
            "idProperty": key_field,
            "properties": _properties(create) | {key_field: create.key},
            "objectWriteTraceId": str(n),
        }
        for n, create in enumerate(creates)
    ]
    reply = portal.write(kind.batch("upsert"), {"inputs": inputs})
    made = {
        str((result.get("properties") or {}).get(key_field)): str(result["id"])
        for result in reply.data.get("results") or ()
    }
    failed = _failures(reply)
    outcomes = [
        _outcome(made.get(create.key), failed.get(str(n)))
        for n, create in enumerate(creates)
    ]
    if not _link(portal, creates, outcomes):
        return [
            Outcome(state="in_doubt", id=o.id, code="links_lost") if o.id else o
            for o in outcomes
        ]
    return outcomes


def _create(portal: Portal, creates: Sequence[Create]) -> list[Outcome]:
    """Create with the key in the body: the portal has no property for it."""
    kind = object_type(creates[0].object)
    inputs = [
        {
            "properties": marked(create),
            "associations": _associations(create),
            "objectWriteTraceId": str(n),
        }
        for n, create in enumerate(creates)
    ]
    reply = portal.write(kind.batch("create"), {"inputs": inputs})
    made = {
        key: str(result["id"])
        for result in reply.data.get("results") or ()
        for key in [_marked_key(result, creates)]
        if key is not None
    }
    failed = _failures(reply)
    return [
        _outcome(made.get(create.key), failed.get(str(n)))
        for n, create in enumerate(creates)
    ]


def _properties(create: Create) -> dict[str, str]:
    return {name: _said(name, value) for name, value in create.values.items()}


def _said(field: str, value: str | None) -> str:
    """Say a value as the API wants it: nothing is an empty text, a day a time."""
    if field == DUE and value and len(value) == len("2027-04-01"):
        return value + NOON
    return value or ""


def with_day(row: Row) -> Row:
    """Take the time off a due day that we wrote ourselves."""
    stamp = str(row.get(DUE) or "").replace(".000Z", "Z")
    return {**row, DUE: stamp.removesuffix(NOON)} if stamp.endswith(NOON) else row


def marked(create: Create) -> dict[str, str]:
    """Give a create's properties with its key in the body."""
    properties = _properties(create)
    mark = MARK.format(key=create.key)
    text = properties.get(BODY, "")
    return properties | {BODY: f"{text}\n{mark}" if text else mark}


def _marked_key(record: Mapping[str, Any], creates: Sequence[Create]) -> str | None:
    body = str((record.get("properties") or {}).get(BODY) or "")
    return next(
        (c.key for c in creates if MARK.format(key=c.key) in body),
        None,
    )


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


def _link(
    portal: Portal, creates: Sequence[Create], outcomes: Sequence[Outcome]
) -> bool:
    """Hang created records where they belong; idempotent, so safe to repeat."""
    pairs: dict[str, list[dict[str, object]]] = {}
    for create, outcome in zip(creates, outcomes, strict=True):
        if outcome.id is None:
            continue
        for target, record_id in create.links.items():
            pair: dict[str, object] = {
                "from": {"id": outcome.id},
                "to": {"id": record_id},
            }
            pairs.setdefault(TARGETS[target], []).append(pair)
    try:
        for other, inputs in pairs.items():
            path = association_path(creates[0].object, other, "batch/associate/default")
            portal.write(path, {"inputs": inputs})
    except (Lost, Turned):
        return False
    return True


# Finding what we created


def find(portal: Portal, creates: Sequence[Create]) -> dict[str, Row]:
    """Find records by our key, with the ids they hang on under ``links``."""
    found: dict[str, Row] = {}
    for _, group in groupby(creates, key=_call):
        run = list(group)
        rows = _by_key(portal, run) if run[0].key_field else _by_body(portal, run)
        for create in run:
            if create.key in rows:
                row = rows[create.key]
                found[create.key] = row | {"links": _links_of(portal, create, row)}
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
    ids: dict[str, None] = {}
    for target in sorted({t for create in creates for t in create.links}):
        parents = [c.links[target] for c in creates if target in c.links]
        near = links.associated(portal, TARGETS[target], kind.name, parents)
        ids |= dict.fromkeys(link.id for group in near.values() for link in group)
    names = sorted({*creates[0].values, BODY})
    rows = {}
    for record in batch_read(portal, kind, list(ids), names):
        key = _marked_key(record, creates)
        if key is not None:
            rows[key] = _flat(record)
    return rows


def _flat(record: Mapping[str, Any]) -> dict[str, Any]:
    row = {**(record.get("properties") or {}), "id": str(record["id"])}
    return dict(with_day(row))


def _links_of(portal: Portal, create: Create, row: Mapping[str, Any]) -> dict[str, str]:
    kept = {}
    for target, record_id in create.links.items():
        near = links.associated(
            portal, create.object, TARGETS[target], [str(row["id"])]
        )
        if any(link.id == record_id for link in near[str(row["id"])]):
            kept[target] = record_id
    return kept
