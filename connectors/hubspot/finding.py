"""Finding what we created: by our key, else through what it hangs on.

Never through search, whose index lags behind (reliability P13).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from connectors.base import Create, Row
from connectors.hubspot import links
from connectors.hubspot.objects import BODY, TARGETS, object_type
from connectors.hubspot.portal import Portal
from connectors.hubspot.reading import batch_read
from connectors.hubspot.rows import key_in
from connectors.hubspot.writing import call_of, with_day


def find(portal: Portal, creates: Sequence[Create]) -> dict[str, Row]:
    """Find records by our key, with the ids they hang on under ``links``."""
    found: dict[str, Row] = {}
    for _, group in groupby(creates, key=call_of):
        run = list(group)
        rows = by_key(portal, run) if run[0].key_field else _by_body(portal, run)
        there = [create for create in run if create.key in rows]
        linked = _links_of(portal, there, rows)
        found |= {c.key: rows[c.key] | {"links": linked[c.key]} for c in there}
    return found


def by_key(portal: Portal, creates: Sequence[Create]) -> dict[str, dict[str, Any]]:
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
