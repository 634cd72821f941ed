"""From HubSpot's records to rows: properties, what hangs on them, what they mean.

A field of a mapping is a property, a flag of the record, an association, or something
we read out of a property; ``objects.py`` names the last three.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.base import Row
from connectors.hubspot import links
from connectors.hubspot.catalogue import Catalogue
from connectors.hubspot.objects import (
    BODY,
    CONTACT_FIELDS,
    FLAGS,
    LABELLED,
    LINK_FIELDS,
    MERGEABLE,
    MERGED,
    STAGE_FIELDS,
    object_type,
)

Record = Mapping[str, Any]
LINK_VALUES: Mapping[str, Callable[[Sequence[links.Link]], object]] = {
    "associations": lambda near: [link.id for link in near],
    "association_labels": lambda near: [link.label for link in near],
    "association_is_primary": lambda near: [link.is_primary for link in near],
    "primary_association": links.primary,
}
"""What a row shows of the records it hangs on, side by side."""
NO_STAGE: Mapping[str, object] = dict.fromkeys(STAGE_FIELDS)
MARK = re.compile(r"\[(handover:[^\]\s]+)\]")
"""Our key in a task's body."""


class RowShape:
    """What a row of one object has, by the fields that a mapping asks for."""

    def __init__(self, catalogue: Catalogue, name: str, fields: Sequence[str]) -> None:
        """Sort the fields into properties, associations and what comes by itself."""
        self._catalogue = catalogue
        self.kind = object_type(name)
        self.related = _related(fields, LINK_FIELDS)
        self._labels = _related(fields, (LABELLED,))
        asked = {field.partition(".")[0] for field in fields}
        self._shown = {name: f for name, f in LINK_VALUES.items() if name in asked}
        self._has_stage = any(field in STAGE_FIELDS for field in fields)
        self._has_key = name == "tasks" and catalogue.key_field in fields
        plain = {field for field in fields if not field.startswith(LINK_FIELDS)}
        plain = {CONTACT_FIELDS.get(field, field) for field in plain}
        plain -= {*FLAGS, *STAGE_FIELDS}
        if self._has_stage and self.kind.stage:
            plain.add(self.kind.stage)
        if self._has_key:
            plain.add(BODY)
        self.properties = sorted(plain)

    @property
    def can_merge(self) -> bool:
        """Tell whether records of this object may have been merged into others."""
        return self.kind.name in MERGEABLE

    def inline(self) -> list[str]:
        """Name the other types whose associations a list can bring along."""
        return [one for one in self.related if not self._is_labelled(one)]

    def rows(self, records: Sequence[Record], *, listed: bool | None) -> list[Row]:
        """Flatten records; ``listed`` tells whether associations came along.

        ``listed=None``: nobody asked for associations.
        """
        rows = [self._row(record) for record in records]
        if listed is not None and rows:
            for other in self.related:
                self._add_links(other, records, rows, listed=listed)
        return list(rows)

    def merged_away(self, records: Sequence[Record]) -> list[Row]:
        """Mark as gone what was merged into these records (they may be old mergers)."""
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
        """Add what is asked for of the links with another type."""
        portal = self._catalogue.portal
        if listed and not self._is_labelled(other):
            found = links.inline(portal, self.kind, records, other)
        else:
            ids = [str(record["id"]) for record in records]
            by_id = links.associated(portal, self.kind.name, other, ids)
            found = [by_id[key] for key in ids]
        for name, shown in self._shown.items():
            for row, near in zip(rows, found, strict=True):
                row.setdefault(name, {})[other] = shown(near)

    def _is_labelled(self, other: str) -> bool:
        return other in self._labels and self._catalogue.has_labels(
            self.kind.name, other
        )

    def _row(self, record: Record) -> dict[str, Any]:
        row = dict(record.get("properties") or {})
        row |= {name: record.get(name) for name in FLAGS}
        if self.kind.name == "contacts":
            row |= _contact_fields(row)
        if self._has_stage and self.kind.stage:
            known = self._catalogue.stages(self.kind)
            row |= known.get(str(row.get(self.kind.stage)), NO_STAGE)
        if self._has_key and not row.get(self._catalogue.key_field):
            row[self._catalogue.key_field] = key_in(row)
        return row


def key_in(properties: Mapping[str, Any]) -> str | None:
    """Read our key out of a task's body."""
    found = MARK.search(str(properties.get(BODY) or ""))
    return found[1] if found else None


def _contact_fields(row: Mapping[str, Any]) -> dict[str, object]:
    bounces, roles = row.get("hs_email_bounce"), row.get("hs_buying_role")
    words = [role.replace("_", " ").lower() for role in (roles or "").split(";")]
    return {
        "email_has_bounced": bool(bounces) and bounces != "0",
        "buying_role": "; ".join(words) or None,
    }


def _related(fields: Sequence[str], prefixes: tuple[str, ...]) -> list[str]:
    """Name the other types whose links are wanted."""
    return sorted({f.partition(".")[2] for f in fields if f.startswith(prefixes)})
