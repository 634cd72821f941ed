"""Records that we create in HubSpot, each once, and how they are found again.

With a unique property an upsert cannot double, but it carries no associations: these
follow in a call of their own, which may be repeated, too. Without one the key stands
in the body, and after a lost reply only looking can tell (guides to objects and
properties).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from html import escape
from itertools import groupby
from typing import Any

from connectors.base import Create, Outcome, Row, put_found
from connectors.errors import ConnectorError
from connectors.hubspot.links import read_links
from connectors.hubspot.objects import (
    ASSOCIATE_LIMIT,
    BODY,
    DEFAULT_ASSOCIATION,
    LIST_LIMIT,
    TARGETS,
    association_path,
    object_type,
)
from connectors.hubspot.portal import Portal
from connectors.hubspot.rows import MARK, batch_read, read_key
from connectors.hubspot.wire import PortalReply
from connectors.hubspot.writing import (
    TRACE,
    Failures,
    call_of,
    drop_noon,
    judge,
    list_context,
    read_failure,
    read_failures,
    send_persistently,
    settle,
    to_wire,
)

KeyOf = Callable[[Mapping[str, Any]], object]


# Creating


def upsert_all(
    portal: Portal, creates: Sequence[Create], there: Mapping[str, str]
) -> list[Outcome]:
    """Create by unique property, then hang the records where they belong.

    Args:
        portal: where to.
        creates: all of one object and one key field.
        there: the ids of those that are known to exist, by key. Only their links are
            made: sent again they would write over what people have changed since.
    """
    new = [create for create in creates if create.key not in there]
    outcomes = send_persistently(new, partial(_upsert, portal), size=LIST_LIMIT)
    made = iter(_find_doubtful(portal, new, outcomes))
    both = [
        Outcome(state="done", id=there[create.key])
        if create.key in there
        else next(made)
        for create in creates
    ]
    return hang(portal, creates, both)


def _upsert(portal: Portal, creates: Sequence[Create]) -> list[Outcome]:
    key_field = creates[0].key_field or ""
    inputs = [
        {
            "id": create.key,
            "idProperty": key_field,
            "properties": _build_properties(create) | {key_field: create.key},
            TRACE: create.key,
        }
        for create in creates
    ]
    path = object_type(creates[0].object).batch("upsert")
    reply = portal.write(path, {"inputs": inputs})
    outcomes = _judge_creates(creates, reply, lambda given: given.get(key_field))
    return settle(outcomes, partial(_look_for, portal, creates))


def _find_doubtful(
    portal: Portal, creates: Sequence[Create], outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """Add the ids of those in doubt that are there, so that they get their links."""
    pairs = list(zip(creates, outcomes, strict=True))
    unsure = [create for create, outcome in pairs if outcome.state == "in_doubt"]
    try:
        found = _find_by_key(portal, unsure) if unsure else {}
    except ConnectorError:
        found = {}
    return [
        replace(outcome, id=str(found[create.key]["id"]))
        if create.key in found
        else outcome
        for create, outcome in pairs
    ]


def create_marked(portal: Portal, creates: Sequence[Create]) -> list[Outcome]:
    """Create in one call with the key in the body: the portal has no field for it."""
    inputs = [
        {
            "properties": _mark_body(create),
            "associations": _build_associations(create),
            TRACE: create.key,
        }
        for create in creates
    ]
    path = object_type(creates[0].object).batch("create")
    reply = portal.write(path, {"inputs": inputs})
    outcomes = _judge_creates(creates, reply, read_key)
    return settle(outcomes, partial(_look_for, portal, creates))


def _judge_creates(
    creates: Sequence[Create], reply: PortalReply, key_of: KeyOf
) -> list[Outcome]:
    """Match results by our key: as we wrote it, or as the trace that came along."""
    made = {
        str(key_of(result.get("properties") or {}) or result.get(TRACE)): str(own_id)
        for result in reply.written
        if (own_id := result.get("id"))
    }
    keys = [create.key for create in creates]
    return judge(keys, made, read_failures(reply, keys))


def _look_for(
    portal: Portal, creates: Sequence[Create], numbers: Sequence[int]
) -> dict[int, str]:
    """Find which of some creates are there, by number, with their ids."""
    wanted = [creates[n] for n in numbers]
    keyed = bool(wanted[0].key_field)
    rows = _find_by_key(portal, wanted) if keyed else _find_by_body(portal, wanted)
    found = zip(numbers, wanted, strict=True)
    return {n: str(rows[one.key]["id"]) for n, one in found if one.key in rows}


def _build_properties(create: Create) -> dict[str, str]:
    """Return a create's properties as they are sent; a body is HTML, and shown so."""
    properties = {name: to_wire(name, value) for name, value in create.values.items()}
    if body := properties.get(BODY):
        properties[BODY] = escape(body, quote=False).replace("\n", "<br>")
    return properties


def _mark_body(create: Create) -> dict[str, str]:
    """Return a create's properties with its key in the body."""
    properties = _build_properties(create)
    mark = MARK.format(key=create.key)
    text = properties.get(BODY, "")
    return properties | {BODY: f"{text}\n{mark}" if text else mark}


def _build_associations(create: Create) -> list[dict[str, object]]:
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


# Linking


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A created record, and one that it is to hang on."""

    one: str
    other: str

    @property
    def name(self) -> str:
        """The pair as replies name it."""
        return f"{self.one} {self.other}"


def hang(
    portal: Portal, creates: Sequence[Create], outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """Hang created records where they belong; return the outcomes of both together."""
    result = list(outcomes)
    made = [n for n, outcome in enumerate(outcomes) if outcome.id is not None]
    for target in sorted({t for create in creates for t in create.links}):
        numbers = [n for n in made if target in creates[n].links]
        pairs = [
            Pair(one=str(outcomes[n].id), other=creates[n].links[target])
            for n in numbers
        ]
        linked = _link_all(portal, creates[0].object, TARGETS[target], pairs)
        for n, pair, outcome in zip(numbers, pairs, linked, strict=True):
            if outcome.state != "done" and result[n].state == "done":
                result[n] = _to_unlinked(pair, outcome)
    return result


def _to_unlinked(pair: Pair, outcome: Outcome) -> Outcome:
    text = f"created as {pair.one}, but not linked to {pair.other}"
    message = ": ".join(filter(None, [text, outcome.message]))
    return replace(outcome, id=pair.one, message=message)


def _link_all(
    portal: Portal, one: str, other: str, pairs: Sequence[Pair]
) -> list[Outcome]:
    """Associate pairs of records, and look at those that no reply names."""
    send = partial(_associate, portal, one, other)
    outcomes = send_persistently(pairs, send, size=ASSOCIATE_LIMIT, harmless=True)
    unsure = [n for n, outcome in enumerate(outcomes) if outcome.state == "in_doubt"]
    with suppress(ConnectorError):  # they stay in doubt
        found = _look_for_links(portal, one, other, pairs, unsure)
        for n, key in found.items():
            outcomes[n] = Outcome(state="done", id=key)
    return outcomes


def _associate(
    portal: Portal, one: str, other: str, pairs: Sequence[Pair]
) -> list[Outcome]:
    """Associate pairs in one call; a reply names the ends of each in either order."""
    inputs = [{"from": {"id": pair.one}, "to": {"id": pair.other}} for pair in pairs]
    path = association_path(one, other, "batch/associate/default")
    reply = portal.write(path, {"inputs": inputs})
    done: dict[str, str] = {}
    for result in reply.written:
        ends = [_end_id(result.get(end)) for end in ("from", "to")]
        done |= {" ".join(ends): ends[0], " ".join(ends[::-1]): ends[1]}
    left = [pair for pair in pairs if pair.name not in done]
    named: dict[str, Outcome] = {}
    loose: list[Outcome] = []
    for entry in reply.errors:
        about = [pair.name for pair in left if _is_about(entry, pair)]
        named |= dict.fromkeys(about, read_failure(entry))
        if not about:
            loose.append(read_failure(entry))
    failures = Failures(named=named, loose=loose)
    outcomes = judge([pair.name for pair in pairs], done, failures)
    return settle(outcomes, partial(_look_for_links, portal, one, other, pairs))


def _end_id(end: object) -> str:
    return str(end.get("id")) if isinstance(end, Mapping) else ""


def _is_about(entry: Mapping[str, Any], pair: Pair) -> bool:
    """Return whether an error is about a pair: it names both ends, or one of them."""
    ends, names = {pair.one, pair.other}, set(list_context(entry))
    return bool(names) and (ends <= names or names <= ends)


def _look_for_links(
    portal: Portal, one: str, other: str, pairs: Sequence[Pair], numbers: Sequence[int]
) -> dict[int, str]:
    """Find which of some pairs hang together now, by number, with the first's id."""
    if not numbers:
        return {}
    near = read_links(portal, one, other, [pairs[n].one for n in numbers])
    there = {key: {link.id for link in found} for key, found in near.items()}
    return {
        n: pairs[n].one
        for n in numbers
        if pairs[n].other in there.get(pairs[n].one, ())
    }


# Finding


def find(portal: Portal, creates: Sequence[Create]) -> dict[str, Row]:
    """Find records by our key, with the ids they hang on under ``links``."""
    found: dict[str, Row] = {}
    for _, group in groupby(creates, key=call_of):
        run = list(group)
        keyed = bool(run[0].key_field)
        rows = _find_by_key(portal, run) if keyed else _find_by_body(portal, run)
        there = [create for create in run if create.key in rows]
        linked = _read_wanted_links(portal, there, rows)
        found |= {c.key: {**rows[c.key], "links": linked[c.key]} for c in there}
    return found


def _find_by_key(portal: Portal, creates: Sequence[Create]) -> dict[str, Row]:
    """Find by the unique property: no index, no lag."""
    kind, key_field = object_type(creates[0].object), creates[0].key_field or ""
    names = sorted({*creates[0].values, key_field})
    keys = [create.key for create in creates]
    return {
        str(record["properties"].get(key_field)): _to_row(record)
        for record in batch_read(portal, kind, keys, names, key_field=key_field)
    }


def _find_by_body(portal: Portal, creates: Sequence[Create]) -> dict[str, Row]:
    """Look through what hangs on the same records; a search would lag behind."""
    kind = object_type(creates[0].object)
    near = dict.fromkeys(_list_neighbours(portal, creates))
    names = sorted({*creates[0].values, BODY})
    wanted = {create.key for create in creates}
    rows: dict[str, Row] = {}
    for record in batch_read(portal, kind, list(near), names):
        key = read_key(record.get("properties") or {})
        if key in wanted:
            put_found(rows, key, _to_row(record))
    return rows


def _list_neighbours(portal: Portal, creates: Sequence[Create]) -> Iterator[str]:
    """Yield the records of the creates' type that hang where ours would."""
    for target in sorted({t for create in creates for t in create.links}):
        parents = [c.links[target] for c in creates if target in c.links]
        near = read_links(portal, TARGETS[target], creates[0].object, parents)
        yield from (link.id for group in near.values() for link in group)


def _to_row(record: Mapping[str, Any]) -> dict[str, Any]:
    row = {**(record.get("properties") or {}), "id": str(record["id"])}
    return dict(drop_noon(row))


def _read_wanted_links(
    portal: Portal, creates: Sequence[Create], rows: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, str]]:
    """Read which of the wanted links records have, by key and target."""
    kept: dict[str, dict[str, str]] = {create.key: {} for create in creates}
    for target in sorted({t for create in creates for t in create.links}):
        ours = {c.key: str(rows[c.key]["id"]) for c in creates if target in c.links}
        name = creates[0].object
        near = read_links(portal, name, TARGETS[target], ours.values())
        for create in creates:
            wanted = create.links.get(target)
            found = near.get(ours.get(create.key, ""), ())
            if wanted in {link.id for link in found}:
                kept[create.key][target] = str(wanted)
    return kept
