"""Records that we create in HubSpot, each once.

With a unique property an upsert cannot double, but it carries no associations: these
follow in a call of their own, idempotent, too. Without one the key stands in the body,
and after a lost reply only looking can tell (objects guide; properties guide).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from connectors.base import Create, Outcome
from connectors.errors import ConnectorError
from connectors.hubspot.finding import by_key
from connectors.hubspot.linking import hang
from connectors.hubspot.objects import (
    BODY,
    DEFAULT_ASSOCIATION,
    LIST_LIMIT,
    object_type,
)
from connectors.hubspot.portal import Portal
from connectors.hubspot.rows import key_in
from connectors.hubspot.sending import TRACE, failures, judged, persistently
from connectors.hubspot.wire import Reply
from connectors.hubspot.writing import said

MARK = "[{key}]"
KeyOf = Callable[[Mapping[str, Any]], object]


def upsert_all(
    portal: Portal, creates: Sequence[Create], there: Mapping[str, str]
) -> list[Outcome]:
    """Create by unique property, then hang the records where they belong.

    ``there`` gives the ids of those that are known to exist, by key. Only their links
    are made: sent again they would write over what people have changed since.
    """
    new = [create for create in creates if create.key not in there]
    sent = persistently(new, partial(_upsert, portal), size=LIST_LIMIT)
    made = iter(_looked_for(portal, new, sent))
    outcomes = [
        Outcome(state="done", id=there[create.key])
        if create.key in there
        else next(made)
        for create in creates
    ]
    return hang(portal, creates, outcomes)


def _looked_for(
    portal: Portal, creates: Sequence[Create], outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """Give those in doubt that are there their ids, so that they get their links."""
    sent = list(zip(creates, outcomes, strict=True))
    unsure = [create for create, outcome in sent if outcome.state == "in_doubt"]
    try:
        found = by_key(portal, unsure) if unsure else {}
    except ConnectorError:
        found = {}
    return [
        replace(outcome, id=found[create.key]["id"]) if create.key in found else outcome
        for create, outcome in sent
    ]


def _upsert(portal: Portal, creates: Sequence[Create]) -> list[Outcome]:
    key_field = creates[0].key_field or ""
    inputs = [
        {
            "id": create.key,
            "idProperty": key_field,
            "properties": _properties(create) | {key_field: create.key},
            TRACE: create.key,
        }
        for create in creates
    ]
    path = object_type(creates[0].object).batch("upsert")
    reply = portal.write(path, {"inputs": inputs})
    return _judged(creates, reply, lambda properties: properties.get(key_field))


def create_marked(portal: Portal, creates: Sequence[Create]) -> list[Outcome]:
    """Create in one call with the key in the body: the portal has no field for it."""
    inputs = [
        {
            "properties": _marked(create),
            "associations": _associations(create),
            TRACE: create.key,
        }
        for create in creates
    ]
    path = object_type(creates[0].object).batch("create")
    return _judged(creates, portal.write(path, {"inputs": inputs}), key_in)


def _judged(creates: Sequence[Create], reply: Reply, key_of: KeyOf) -> list[Outcome]:
    """Match results by our key: as we wrote it, or as the trace that came along."""
    made = {
        str(key_of(result.get("properties") or {}) or result.get(TRACE)): str(own_id)
        for result in reply.data.get("results") or ()
        if (own_id := result.get("id"))
    }
    return judged([create.key for create in creates], made, failures(reply))


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
