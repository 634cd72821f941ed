"""Associations: which records hang together.

A list brings them along (once per association type, so twice for most pairs, and with a
paging of their own); changed records found by search get theirs from the association
API, and so do labels, which a list does not show.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from connectors.errors import UnknownObject
from connectors.hubspot.objects import ASSOCIATION_LIMIT, ObjectType, association_path
from connectors.hubspot.portal import Portal

Item = TypeVar("Item")
UNLABELED = "_unlabeled"
"""Ends the name of the plain association type; the bare name is the primary one."""
PRIMARY = "Primary"


@dataclass(frozen=True, kw_only=True)
class Link:
    """One record that another hangs on."""

    id: str
    label: str = ""
    """The portal's own labels, joined."""
    is_primary: bool = False


def inline(
    portal: Portal, kind: ObjectType, record: Mapping[str, Any], other: str
) -> list[Link]:
    """Read the links that a listed record carries, each once."""
    found = (record.get("associations") or {}).get(kind.inline(other)) or {}
    if "next" in (found.get("paging") or {}):
        key = str(record["id"])
        return associated(portal, kind.name, other, [key])[key]
    types: dict[str, list[str]] = {}
    for entry in found.get("results") or ():
        types.setdefault(str(entry["id"]), []).append(str(entry.get("type") or ""))
    return [
        Link(id=key, is_primary=any(n and not n.endswith(UNLABELED) for n in names))
        for key, names in types.items()
    ]


def associated(
    portal: Portal, one: str, other: str, ids: Sequence[str]
) -> dict[str, list[Link]]:
    """Read the links of some records, with labels; a record without any has none."""
    found: dict[str, list[Link]] = {key: [] for key in ids}
    for chunk in chunks(list(found), ASSOCIATION_LIMIT):
        waiting: list[dict[str, str]] = [{"id": key} for key in chunk]
        while waiting:
            path = association_path(one, other, "batch/read")
            reply = portal.read(path, body={"inputs": waiting})
            waiting = []
            for entry in reply.data.get("results") or ():
                key = str(entry["from"]["id"])
                found.setdefault(key, []).extend(map(_link, entry.get("to") or ()))
                after = ((entry.get("paging") or {}).get("next") or {}).get("after")
                if after:
                    waiting.append({"id": key, "after": str(after)})
    return found


def _link(entry: Mapping[str, Any]) -> Link:
    labels = [
        str(kind["label"])
        for kind in entry.get("associationTypes") or ()
        if kind.get("label")
    ]
    return Link(
        id=str(entry["toObjectId"]),
        label="; ".join(label for label in labels if label != PRIMARY),
        is_primary=PRIMARY in labels,
    )


def primary(found: Sequence[Link]) -> str | None:
    """Choose the record that another belongs to: the primary one, or the only one."""
    marked = [link.id for link in found if link.is_primary]
    if marked:
        return marked[0]
    return found[0].id if len(found) == 1 else None


def has_labels(portal: Portal, one: str, other: str) -> bool:
    """Tell whether the portal gives this pair labels of its own."""
    try:
        reply = portal.read(association_path(one, other, "labels"))
    except UnknownObject:
        return False
    return any(
        entry.get("category") == "USER_DEFINED"
        for entry in reply.data.get("results") or ()
    )


def chunks(items: Iterable[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut a sequence into pieces of at most ``size``."""
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece
