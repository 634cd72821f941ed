"""Records into rows: their properties, what they hang on, what we read out of both.

A field of a mapping is a property, a flag of the record, an association, or something
we read out of a property; ``objects.py`` names the last three.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from connectors.base import Row
from connectors.hubspot import links
from connectors.hubspot.catalogue import Catalogue
from connectors.hubspot.objects import (
    BODY,
    DERIVED,
    FLAGS,
    LABELLED,
    LINK_FIELDS,
    LIST_LIMIT,
    MERGEABLE,
    MERGED,
    OUTCOMES,
    STAGE_FIELDS,
    URL_LIMIT,
    ObjectType,
    chunks,
    object_type,
)
from connectors.hubspot.portal import Portal

Record = Mapping[str, Any]
BETWEEN = 4
"""Characters between two names, in a body (``", "``); a URL has three (``%2C``)."""
LINK_VALUES: Mapping[str, Callable[[Sequence[links.Link]], object]] = {
    "associations": lambda near: [link.id for link in near],
    "association_labels": lambda near: [link.label for link in near],
    "association_is_primary": lambda near: [link.is_primary for link in near],
    "primary_association": links.find_primary,
}
"""What a row shows of the records it hangs on, side by side."""
NO_STAGE: Mapping[str, object] = dict.fromkeys(STAGE_FIELDS)
MARK = "[{key}]"
"""How our key stands in a task's body."""
MARKED = re.compile(r"\[(handover:[^\]\s]+)\]")


class RowShape:
    """What a row of one object has, by the fields that a mapping asks for."""

    def __init__(self, catalogue: Catalogue, name: str, fields: Sequence[str]) -> None:
        """Sort the fields into properties, associations and what comes by itself."""
        self._catalogue = catalogue
        self.kind = object_type(name)
        self.related = _list_related(fields, LINK_FIELDS)
        self._labels = _list_related(fields, (LABELLED,))
        asked = {field.partition(".")[0] for field in fields}
        self._shown = {name: f for name, f in LINK_VALUES.items() if name in asked}
        self._has_stage = any(field in STAGE_FIELDS for field in fields)
        self._has_key = name == "tasks" and catalogue.key_field in fields
        plain = {field for field in fields if not field.startswith(LINK_FIELDS)}
        derived = DERIVED.get(name, {})
        self._derived = sorted(plain.intersection(derived))
        plain -= {*FLAGS, *STAGE_FIELDS, *self._derived}
        plain.update(of for field in self._derived for of in derived[field])
        if self._has_stage and self.kind.stage:
            plain.add(self.kind.stage)
        if self._has_key:
            plain.add(BODY)
        self.properties = sorted(plain)

    @property
    def can_merge(self) -> bool:
        """Whether records of this object may have been merged into others."""
        return self.kind.name in MERGEABLE

    def list_inline(self) -> list[str]:
        """List the other types whose associations a list can bring along."""
        return [one for one in self.related if not self._is_labelled(one)]

    def rows(self, records: Sequence[Record], *, listed: bool | None) -> list[Row]:
        """Make a row of each record.

        Args:
            records: as HubSpot shows them.
            listed: whether they carry their associations, which are asked for if not;
                None where no row needs any.
        """
        rows = [self._to_row(record) for record in records]
        if listed is not None and rows:
            for other in self.related:
                self._add_links(other, records, rows, listed=listed)
        return list(rows)

    def list_merged(self, records: Sequence[Record]) -> list[Row]:
        """List as gone what was merged into these records, however long ago."""
        found = (record["properties"].get(MERGED) or "" for record in records)
        ids = dict.fromkeys(key for text in found for key in text.split(";") if key)
        return [{"id": key, "archived": True} for key in ids]

    def _add_links(
        self,
        other: str,
        records: Sequence[Record],
        rows: Sequence[dict[str, Any]],
        *,
        listed: bool,
    ) -> None:
        """Add to rows what the mapping asks for of the links with another type."""
        portal = self._catalogue.portal
        if listed and not self._is_labelled(other):
            found = links.read_listed(portal, self.kind, records, other)
        else:
            ids = [str(record["id"]) for record in records]
            by_id = links.read_links(portal, self.kind.name, other, ids)
            found = [by_id[key] for key in ids]
        for name, shown in self._shown.items():
            for row, near in zip(rows, found, strict=True):
                row.setdefault(name, {})[other] = shown(near)

    def _is_labelled(self, other: str) -> bool:
        return other in self._labels and self._catalogue.has_labels(
            self.kind.name, other
        )

    def _to_row(self, record: Record) -> dict[str, Any]:
        row = dict(record.get("properties") or {})
        row |= {name: record.get(name) for name in FLAGS}
        row |= {field: self._derive(field, row) for field in self._derived}
        if self._has_stage and self.kind.stage:
            known = self._catalogue.stages(self.kind)
            row |= known.get(str(row.get(self.kind.stage)), NO_STAGE)
        if self._has_key and not row.get(self._catalogue.key_field):
            row[self._catalogue.key_field] = read_key(row)
        return row

    def _derive(self, field: str, row: Mapping[str, Any]) -> object:
        """Read a field of ours out of properties."""
        match field:
            case "email_has_bounced":
                return row.get("hs_email_bounce") not in {None, "", "0"}
            case "buying_role":
                roles = str(row.get("hs_buying_role") or "").replace("_", " ").lower()
                return "; ".join(roles.split(";")) or None
            case _:
                return self._read_outcome(DERIVED[self.kind.name][field], row)

    def _read_outcome(self, names: Sequence[str], row: Mapping[str, Any]) -> str | None:
        """Return what came of a call or meeting, by the first property that says so.

        One of the portal's own that nobody knows does not speak against a call that
        was not answered.
        """
        found = [
            self._to_word(name, value) for name in names if (value := row.get(name))
        ]
        known = [word for word in found if word in OUTCOMES.values()]
        ended = next((word for word in known if word != "COMPLETED"), None)
        if found and found[0] not in known and ended:
            return ended
        return found[0] if found else None

    def _to_word(self, name: str, value: object) -> str:
        """Return HubSpot's own outcome by its word, a portal's own by its label."""
        text = str(value).strip()
        if word := OUTCOMES.get(text.lower()) or OUTCOMES.get(text.upper()):
            return word
        label = self._catalogue.labels(self.kind.name, name).get(text, text).strip()
        word = re.sub(r"\W+", "_", label).upper()
        return word if word in OUTCOMES.values() else label


def read_key(properties: Mapping[str, Any]) -> str | None:
    """Return our key out of a task's body."""
    found = MARKED.search(str(properties.get(BODY) or ""))
    return found[1] if found else None


def _list_related(fields: Sequence[str], prefixes: tuple[str, ...]) -> list[str]:
    """List the other types whose links are wanted."""
    return sorted({f.partition(".")[2] for f in fields if f.startswith(prefixes)})


def batch_read(
    portal: Portal,
    kind: ObjectType,
    ids: Sequence[str],
    names: Sequence[str],
    *,
    key_field: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Read records by id, or by a unique property; those that are gone are left out."""
    for chunk in chunks(dict.fromkeys(ids), LIST_LIMIT):
        body: dict[str, object] = {
            "inputs": [{"id": key} for key in chunk],
            "properties": list(names),
            "propertiesWithHistory": [],
        }
        if key_field:
            body["idProperty"] = key_field
        yield from portal.read(kind.batch("read"), body=body).records


def cut(names: Sequence[str], limit: int = URL_LIMIT) -> list[list[str]]:
    """Cut property names into lists that fit; at least one list, perhaps empty."""
    pieces: list[list[str]] = [[]]
    size = 0
    for name in names:
        size += len(name) + BETWEEN
        if size > limit and pieces[-1]:
            pieces.append([])
            size = len(name) + BETWEEN
        pieces[-1].append(name)
    return pieces
