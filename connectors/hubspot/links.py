"""Associations: which records hang together.

A list brings them along (once per association type, so twice for most pairs, and with a
paging of their own); changed records found by search get theirs from the association
API, and so do labels, which a list does not show.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.errors import Unreachable
from connectors.hubspot.objects import (
    ASSOCIATION_LIMIT,
    ObjectType,
    association_path,
    chunks,
)
from connectors.hubspot.portal import Portal, PortalCursors, find_cursor

PRIMARY = "Primary"
"""The label of HubSpot's own that marks the record another belongs to."""


@dataclass(frozen=True, kw_only=True)
class Link:
    """One record that another hangs on."""

    id: str
    label: str = ""
    """The portal's own labels, joined."""
    is_primary: bool = False


def read_listed(
    portal: Portal, kind: ObjectType, records: Sequence[Mapping[str, Any]], other: str
) -> list[list[Link]]:
    """Read the links that listed records carry, each once.

    Those of a record that carries only the first of its links are asked for.
    """
    shown = [
        (record.get("associations") or {}).get(kind.inline(other)) or {}
        for record in records
    ]
    cut_short = [
        str(record["id"])
        for record, found in zip(records, shown, strict=True)
        if find_cursor(found)
    ]
    whole = read_links(portal, kind.name, other, cut_short) if cut_short else {}
    primary_type = kind.association(other)
    return [
        whole.get(str(record["id"])) or _drop_doubles(found, primary_type)
        for record, found in zip(records, shown, strict=True)
    ]


def _drop_doubles(found: Mapping[str, Any], primary_type: str) -> list[Link]:
    primary_ones: dict[str, bool] = {}
    for entry in found.get("results") or ():
        key = str(entry["id"])
        is_primary = entry.get("type") == primary_type
        primary_ones[key] = is_primary or primary_ones.get(key, False)
    return [Link(id=key, is_primary=marked) for key, marked in primary_ones.items()]


def read_links(
    portal: Portal, one: str, other: str, ids: Iterable[str]
) -> dict[str, list[Link]]:
    """Read the links of some records, with labels; a record without any has none."""
    found: dict[str, dict[str, Link]] = {key: {} for key in ids}
    for chunk in chunks(list(found), ASSOCIATION_LIMIT):
        path = association_path(one, other, "batch/read")
        cursors = {key: PortalCursors(path) for key in chunk}
        waiting: list[dict[str, str]] = [{"id": key} for key in chunk]
        while waiting:
            reply = portal.read(path, body={"inputs": waiting})
            waiting = []
            for entry in reply.results:
                key, near = _read_near(entry)
                found.setdefault(key, {}).update((link.id, link) for link in near)
                after = cursors.setdefault(key, PortalCursors(path)).follow(entry)
                if after:
                    waiting.append({"id": key, "after": after})
    return {key: list(near.values()) for key, near in found.items()}


def _read_near(entry: Mapping[str, Any]) -> tuple[str, list[Link]]:
    """Read what one record hangs on.

    Raises:
        Unreachable: whoever answered, it was not this API.
    """
    try:
        near = [_read_link(each) for each in entry.get("to") or ()]
        return str(entry["from"]["id"]), near
    except (AttributeError, KeyError, TypeError):
        detail = "an association without its two ends"
        raise Unreachable(source="hubspot", detail=detail) from None


def _read_link(entry: Mapping[str, Any]) -> Link:
    kinds = entry.get("associationTypes") or ()
    return Link(
        id=str(entry["toObjectId"]),
        label="; ".join(filter(None, map(label_of, kinds))),
        is_primary=any(kind.get("label") == PRIMARY for kind in kinds),
    )


def label_of(kind: Mapping[str, Any]) -> str | None:
    """Return the label of an association type, if it has one that says something."""
    label = kind.get("label")
    return str(label) if label and label != PRIMARY else None


def find_primary(found: Sequence[Link]) -> str | None:
    """Choose the record that another belongs to: the primary one, or the only one."""
    marked = [link.id for link in found if link.is_primary]
    if len(marked) == 1:
        return marked[0]
    return found[0].id if len(found) == 1 else None
