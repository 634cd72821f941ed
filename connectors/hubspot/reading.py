"""Records out of HubSpot: lists for a first load, search for what changed since.

A list has no cap and no lag, but knows no "since"; a search knows it, but ends at
10,000 results and lags behind writes. So a search goes by id within what changed since,
not by ``after``: neither the cap nor short pages can break it.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from connectors.base import Page, Pull, Row
from connectors.hubspot import links
from connectors.hubspot.objects import (
    CONTACT_FIELDS,
    FLAGS,
    LABELLED,
    LINK_FIELDS,
    LIST_LIMIT,
    SEARCH_LIMIT,
    STAGE_FIELDS,
    URL_LIMIT,
    ObjectType,
    object_type,
)
from connectors.hubspot.pipelines import stages
from connectors.hubspot.portal import Portal, Reply

SEARCH_SHARE = 0.5
"""Searching pays while less than half of a type has changed: it brings 200 records at
5 calls a second, a list 100 at 19 (HubSpot's limits of 2026)."""

SEARCH_BODY = 2400
"""Characters of property names in one search; the body may have 3,000 (guide)."""

NO_STAGE: Mapping[str, object] = dict.fromkeys(STAGE_FIELDS)


class Reader:
    """Reads one object type with the fields that a mapping asks for."""

    def __init__(self, portal: Portal, name: str, fields: Sequence[str]) -> None:
        """Sort the fields into properties, associations and what comes by itself."""
        self.portal = portal
        self.kind: ObjectType = object_type(name)
        self.related = _related(fields, LINK_FIELDS)
        self.labels = _related(fields, (LABELLED,))
        self.wants_stage = any(field in STAGE_FIELDS for field in fields)
        plain = {field for field in fields if not field.startswith(LINK_FIELDS)}
        plain = {CONTACT_FIELDS.get(field, field) for field in plain}
        plain -= {*FLAGS, *STAGE_FIELDS}
        if self.wants_stage and self.kind.stage:
            plain.add(self.kind.stage)
        self.properties = sorted(plain)

    def pages(self, request: Pull) -> Iterator[Page]:
        """Read everything, or what changed since, whichever way is cheaper."""
        if request.since is None:
            yield from self._list(request.resume)
            return
        total = self._count([])
        changed = self._count(self._since(request.since))
        if total and changed > SEARCH_SHARE * total:
            yield from self._list(request.resume)
        else:
            yield from self._search(request.since, request.resume, changed)

    def records(self, ids: Sequence[str]) -> Iterator[Row]:
        """Read some records by id, without links; missing ones are left out."""
        for names in _cut(self.properties)[:1]:
            yield from self._rows(
                list(batch_read(self.portal, self.kind, ids, names)), listed=None
            )

    # Lists

    def _list(self, resume: str | None) -> Iterator[Page]:
        after, first = resume or "", None
        while True:
            reply = self._listed(after, archived=False)
            first = first or reply.server_time
            after = _after(reply.data) or ""
            rows = self._rows(_results(reply), listed=True)
            yield Page(rows=rows, cursor=after or None, server_time=first)
            if not after:
                return

    def _listed(self, after: str, *, archived: bool) -> Reply:
        """Read one page, in several calls where the property names make it too long."""
        query = [("limit", str(LIST_LIMIT)), ("archived", str(archived).lower())]
        if after:
            query.append(("after", after))
        inline = [other for other in self.related if other not in self._labelled_types]
        if inline and not archived:
            names = ",".join(self.kind.inline(other) for other in inline)
            query.append(("associations", names))
        first, *others = _cut(self.properties)
        if first:
            query.append(("properties", ",".join(first)))
        reply = self.portal.read(self.kind.records, query)
        for more in others:
            self._join(_results(reply), more)
        return reply

    def _join(self, records: Sequence[dict[str, Any]], names: Sequence[str]) -> None:
        """Add more properties to the records of a page, by id."""
        known = {str(record["id"]): record for record in records}
        for row in batch_read(self.portal, self.kind, list(known), names):
            record = known.get(str(row["id"]))
            if record is not None:
                record["properties"].update(row["properties"])

    # Search

    def _search(
        self, since: datetime, resume: str | None, promised: int
    ) -> Iterator[Page]:
        """Search by growing id within the records changed since, then the archived."""
        last, after, first = resume or "", "", None
        while True:
            reply = self._searched(self._since(since, above=last), SEARCH_LIMIT, after)
            first = first or reply.server_time
            records = _results(reply)
            # A short or empty page may still carry ``after``: only its absence ends it.
            more = _after(reply.data)
            if records:
                last = str(max(int(record["id"]) for record in records))
            after = "" if records else more or ""
            yield Page(
                rows=self._rows(records, listed=False),
                cursor=last or "0",
                server_time=first,
                promised=None if resume else promised,
            )
            if not more:
                break
        gone = [r for r in self._archived() if _stamp(r.get("archivedAt")) >= since]
        yield Page(rows=self._rows(gone, listed=None), server_time=first)

    def _archived(self) -> Iterator[dict[str, Any]]:
        """List archived records: no search shows them, and no filter applies."""
        after = ""
        while True:
            reply = self._listed(after, archived=True)
            yield from _results(reply)
            after = _after(reply.data) or ""
            if not after:
                return

    def _since(self, since: datetime, above: str = "") -> list[dict[str, str]]:
        stamp = str(int(since.astimezone(UTC).timestamp() * 1000))
        filters = [
            {"propertyName": self.kind.changed, "operator": "GTE", "value": stamp}
        ]
        if above:
            filters.append(
                {"propertyName": "hs_object_id", "operator": "GT", "value": above}
            )
        return filters

    def _searched(
        self, filters: Sequence[Mapping[str, str]], limit: int, after: str = ""
    ) -> Reply:
        body: dict[str, Any] = {
            "filterGroups": [{"filters": list(filters)}] if filters else [],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "limit": limit,
        }
        first, *others = _cut(self.properties, SEARCH_BODY)
        if limit > 1:
            body["properties"] = list(first)
        if after:
            body["after"] = after
        reply = self.portal.read(self.kind.search, body=body, family="search")
        if limit > 1:
            for more in others:
                self._join(_results(reply), more)
        return reply

    def _count(self, filters: Sequence[Mapping[str, str]]) -> int:
        return int(self._searched(filters, 1).data.get("total") or 0)

    # Rows

    def _rows(
        self, records: Sequence[Mapping[str, Any]], *, listed: bool | None
    ) -> list[Row]:
        """Flatten records; ``listed`` tells whether associations came along.

        ``listed=None``: nobody asked for associations.
        """
        rows = [self._row(record) for record in records]
        if listed is not None and rows:
            for other in self.related:
                self._add_links(other, records, rows, listed=listed)
        return list(rows)

    def _add_links(
        self,
        other: str,
        records: Sequence[Mapping[str, Any]],
        rows: Sequence[dict[str, Any]],
        *,
        listed: bool,
    ) -> None:
        """Add ids, labels and the primary one, side by side, for another type."""
        if listed and other not in self._labelled_types:
            found = [
                links.inline(self.portal, self.kind, record, other)
                for record in records
            ]
        else:
            ids = [str(record["id"]) for record in records]
            by_id = links.associated(self.portal, self.kind.name, other, ids)
            found = [by_id[key] for key in ids]
        for row, near in zip(rows, found, strict=True):
            row.setdefault("associations", {})[other] = [link.id for link in near]
            row.setdefault("association_labels", {})[other] = [
                link.label for link in near
            ]
            row.setdefault("primary_association", {})[other] = links.primary(near)

    def _row(self, record: Mapping[str, Any]) -> dict[str, Any]:
        row = dict(record.get("properties") or {})
        row |= {name: record.get(name) for name in FLAGS}
        if self.kind.name == "contacts":
            row |= _contact_fields(row)
        if self.wants_stage and self.kind.stage:
            row |= self._stages.get(str(row.get(self.kind.stage)), NO_STAGE)
        return row

    @cached_property
    def _stages(self) -> Mapping[str, Mapping[str, object]]:
        return stages(self.portal, self.kind)

    @cached_property
    def _labelled_types(self) -> frozenset[str]:
        return frozenset(
            other
            for other in self.labels
            if links.has_labels(self.portal, self.kind.name, other)
        )


def _contact_fields(row: Mapping[str, Any]) -> dict[str, object]:
    bounces, roles = row.get("hs_email_bounce"), row.get("hs_buying_role")
    words = [role.replace("_", " ").lower() for role in (roles or "").split(";")]
    return {
        "email_has_bounced": bool(bounces) and bounces != "0",
        "buying_role": "; ".join(words) or None,
    }


def batch_read(
    portal: Portal,
    kind: ObjectType,
    ids: Sequence[str],
    names: Sequence[str],
    *,
    key_field: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Read records by id, or by a unique property; those that are gone are left out."""
    for chunk in links.chunks(ids, LIST_LIMIT):
        body: dict[str, object] = {
            "inputs": [{"id": key} for key in chunk],
            "properties": list(names),
            "propertiesWithHistory": [],
        }
        if key_field:
            body["idProperty"] = key_field
        yield from _results(portal.read(kind.batch("read"), body=body))


def _results(reply: Reply) -> list[dict[str, Any]]:
    return list(reply.data.get("results") or ())


def _after(data: Mapping[str, Any]) -> str | None:
    after = ((data.get("paging") or {}).get("next") or {}).get("after")
    return str(after) if after else None


def _related(fields: Sequence[str], prefixes: tuple[str, ...]) -> list[str]:
    """Name the other types whose links are wanted."""
    return sorted({f.partition(".")[2] for f in fields if f.startswith(prefixes)})


def _cut(names: Sequence[str], limit: int = URL_LIMIT) -> list[list[str]]:
    """Cut property names into lists that fit; at least one list, perhaps empty."""
    pieces: list[list[str]] = [[]]
    size = 0
    for name in names:
        size += len(name) + 3
        if size > limit and pieces[-1]:
            pieces.append([])
            size = len(name) + 3
        pieces[-1].append(name)
    return pieces


def _stamp(text: object) -> datetime:
    return (
        datetime.fromisoformat(str(text)) if text else datetime.min.replace(tzinfo=UTC)
    )
