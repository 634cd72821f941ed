"""Records out of HubSpot: lists for a first load, search for what changed since.

A list has no cap and no lag, but knows no "since"; a search knows it, but ends at
10,000 results and lags behind writes. So a search goes by id within what changed since,
not by ``after``: neither the cap nor short pages can break it. A cursor says where it
belongs: ``list:<after>``; or ``search:<last id>`` and then ``moved:``, what hangs on
merged records; and last, among the archived ones, ``gone:<after>``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from connectors.base import Page, Pull, Row
from connectors.errors import FieldsChanged
from connectors.hubspot import links
from connectors.hubspot.catalogue import Catalogue
from connectors.hubspot.objects import (
    LIST_LIMIT,
    MERGEABLE,
    MERGED,
    SEARCH_LIMIT,
    URL_LIMIT,
    ObjectType,
)
from connectors.hubspot.portal import Portal
from connectors.hubspot.problems import AddressTooLong
from connectors.hubspot.rows import Record, RowShape
from connectors.hubspot.wire import PortalReply

SEARCH_SHARE = 0.5
"""Searching pays while less than half of a type has changed: it brings 200 records at
5 calls a second, a list 100 at 19 (HubSpot's limits of 2026)."""


SEARCH_BODY = 2400
"""Characters of property names in one search; the body may have 3,000 (guide)."""


BETWEEN = 4
"""Characters between two names, in a body (``", "``); a URL has three (``%2C``)."""


Records = list[dict[str, Any]]


class PortalReader:
    """Reads one object type with the fields that a mapping asks for."""

    def __init__(self, catalogue: Catalogue, name: str, fields: Sequence[str]) -> None:
        """Find out what a row needs."""
        self.portal: Portal = catalogue.portal
        self.catalogue = catalogue
        self.shape = RowShape(catalogue, name, fields)
        self.kind: ObjectType = self.shape.kind
        self.properties = self.shape.properties
        self._url_limit = URL_LIMIT

    def pages(self, request: Pull, merges: "PortalMerges") -> Iterator[Page]:
        """Read everything, or what changed since, whichever way is cheaper."""
        since, reply = request.since, None
        way, _, place = (request.resume or "").partition(":")
        if since is None:
            yield from self._list(place)
            return
        if not way:
            reply = self._searched(self._since(since), SEARCH_LIMIT)
            way = "search" if self._is_search_cheaper(_total(reply)) else "list"
        if way == "search":
            yield from self._search(since, place, reply)
        elif way == "list":
            yield from self._listed_since(place)
        if way in {"search", "moved"}:
            yield from self._moved(since, merges)
        yield from self._gone(since, place if way == "gone" else "")

    def changed(self, since: datetime) -> Iterator[Page]:
        """Search for what changed since; what was archived is not among it."""
        return self._search(since, "", None)

    def records(self, ids: Sequence[str]) -> list[Row]:
        """Read some records by id, without links; missing ones are left out."""
        return self.shape.rows(self._by_id(ids), listed=None)

    def _by_id(self, ids: Sequence[str]) -> Records:
        first, *others = cut(self.properties)
        found = list(batch_read(self.portal, self.kind, ids, first))
        for more in others:
            found = self._joined(found, more)
        return found

    def _is_search_cheaper(self, changed: int) -> bool:
        """Compare what changed with all there is; two pages are always cheap."""
        if changed <= 2 * SEARCH_LIMIT:
            return True
        return changed < SEARCH_SHARE * _total(self._searched([], 1))

    # Lists

    def _list(self, after: str) -> Iterator[Page]:
        first = None
        while True:
            reply, records = self._listed(after, archived=False)
            first = first or reply.server_time
            after = _after(reply.data) or ""
            yield Page(
                rows=self.shape.rows(records, listed=True),
                cursor=f"list:{after}" if after else None,
                server_time=first,
                way="list",
            )
            if not after:
                return

    def _listed_since(self, after: str) -> Iterator[Page]:
        """List all, although only what changed is asked for; the archived follow."""
        for page in self._list(after):
            yield replace(page, cursor=page.cursor or "gone:")

    def _listed(self, after: str, *, archived: bool) -> tuple[PortalReply, Records]:
        """Read one page, in several calls where the property names make it too long."""
        query = [("limit", str(LIST_LIMIT)), ("archived", str(archived).lower())]
        if after:
            query.append(("after", after))
        inline = self.shape.inline()
        if inline and not archived:
            query.append(("associations", ",".join(inline)))
        first, *others = cut(self.properties, self._url_limit)
        if first:
            query.append(("properties", ",".join(first)))
        try:
            reply = self.portal.read(self.kind.records, query)
        except AddressTooLong:
            if len(first) < 2:
                raise
            self._url_limit //= 2
            return self._listed(after, archived=archived)
        records = reply.results
        if archived:  # cannot be read by id: they show the first properties only
            return reply, records
        for more in others:
            records = self._joined(records, more)
        self._check_fields(records)
        return reply, records

    def _joined(self, records: Records, names: Sequence[str]) -> Records:
        """Add more properties to records, by id; drop those that are gone by now."""
        ids = [str(record["id"]) for record in records]
        more = {
            str(record["id"]): record["properties"]
            for record in batch_read(self.portal, self.kind, ids, names)
        }
        return [
            {**record, "properties": {**record["properties"], **more[record["id"]]}}
            for record in records
            if record["id"] in more
        ]

    def _check_fields(self, records: Sequence[Record]) -> None:
        """Make sure that no property was removed since it was described (P9).

        HubSpot leaves out what it does not know, and shows what is empty as null.
        """
        asked = set(self.properties)
        missing = {
            name
            for record in records
            if not asked <= record["properties"].keys()
            for name in asked - record["properties"].keys()
        }
        missing &= self._defined() if missing else set()
        if not missing:
            return
        self.catalogue.forget(self.kind.name)
        gone = sorted(missing - self._defined())
        if gone:
            raise FieldsChanged(
                source="hubspot", object=self.kind.name, fields=", ".join(gone)
            )

    def _defined(self) -> set[str]:
        found = self.catalogue.properties(self.kind.name)
        return {str(entry["name"]) for entry in found}

    # Search

    def _search(
        self, since: datetime, begin: str, reply: PortalReply | None
    ) -> Iterator[Page]:
        """Search by growing id within what changed since; ``reply`` is the first page.

        Each search tells how many there are still to come. Where fewer came in the end
        than there are, or an empty page leads to itself, a list knows better.
        """
        after, last, first = "", begin, None
        tally = _Tally()
        while True:
            filters = self._since(since, above=last)
            reply = reply or self._searched(filters, SEARCH_LIMIT, after)
            first = first or reply.server_time
            records = reply.results
            # A short or empty page may still carry ``after``: only its absence ends it.
            more = _after(reply.data)
            tally.add(records, still=_total(reply) - _offset(after), is_last=not more)
            leads_nowhere = not records and more is not None and more == after
            if leads_nowhere or (not more and self._is_short(tally, since, begin)):
                yield from self._listed_since("")
                return
            last = str(records[-1]["id"]) if records else last
            after, reply = "" if records else more or "", None
            yield Page(
                rows=self._found(records),
                cursor=f"search:{last}" if more else "moved:",
                server_time=first,
                way="search",
            )
            if not more:
                return

    def _is_short(self, tally: "_Tally", since: datetime, above: str) -> bool:
        """Ask the index how many there are; some may be gone since we read them."""
        if not tally.seems_short:
            return False
        there = _total(self._searched(self._since(since, above=above), 1))
        return there > len(tally.seen)

    def _found(self, records: Records) -> list[Row]:
        """Complete what a search brought: more properties, links, what was merged."""
        kept = records
        for more in self._search_cuts()[1:]:
            kept = self._joined(kept, more)
        self._check_fields(kept)
        rows = self.shape.rows(kept, listed=False)
        return rows + self.shape.merged_away(records)

    def _moved(self, since: datetime, merges: "PortalMerges") -> Iterator[Page]:
        """Read anew what hangs on merged records: no stamp moves with that."""
        for other in merges.of(self.shape.related):
            winners = merges.winners(other, since)
            near = links.associated(self.portal, other, self.kind.name, winners)
            ids = dict.fromkeys(link.id for group in near.values() for link in group)
            for chunk in links.chunks(ids, SEARCH_LIMIT):
                rows = self.shape.rows(self._by_id(chunk), listed=False)
                yield Page(rows=rows, cursor="moved:", way="search")

    def _gone(self, since: datetime, after: str) -> Iterator[Page]:
        """List archived records: no search shows them, and no filter applies."""
        first = None
        while True:
            reply, records = self._listed(after, archived=True)
            first = first or reply.server_time
            after = _after(reply.data) or ""
            late = [r for r in records if _archived_since(r, since)]
            yield Page(
                rows=self.shape.rows(late, listed=None),
                cursor=f"gone:{after}" if after else None,
                server_time=first,
            )
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
    ) -> PortalReply:
        body: dict[str, Any] = {
            "filterGroups": [{"filters": list(filters)}] if filters else [],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "limit": limit,
        }
        if limit > 1:
            body["properties"] = self._search_cuts()[0]
        if after:
            body["after"] = after
        return self.portal.read(self.kind.search, body=body, family="search")

    def _search_cuts(self) -> list[list[str]]:
        merged = [MERGED] if self.shape.can_merge else []
        return cut([*merged, *self.properties], SEARCH_BODY)


@dataclass
class _Tally:
    """What a search has brought, beside what it said was still to come."""

    seen: set[str] = field(default_factory=set)
    left: int = 0
    seems_short: bool = False

    def add(self, records: Records, *, still: int, is_last: bool) -> None:
        rest = still - len(records)
        self.seems_short |= still < self.left or (is_last and rest > 0)
        self.seen.update(str(record["id"]) for record in records)
        self.left = rest


def batch_read(
    portal: Portal,
    kind: ObjectType,
    ids: Sequence[str],
    names: Sequence[str],
    *,
    key_field: str | None = None,
) -> Iterator[dict[str, Any]]:
    """Read records by id, or by a unique property; those that are gone are left out."""
    for chunk in links.chunks(dict.fromkeys(ids), LIST_LIMIT):
        body: dict[str, object] = {
            "inputs": [{"id": key} for key in chunk],
            "properties": list(names),
            "propertiesWithHistory": [],
        }
        if key_field:
            body["idProperty"] = key_field
        yield from portal.read(kind.batch("read"), body=body).results


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


def _total(reply: PortalReply) -> int:
    return int(reply.data.get("total") or 0)


def _offset(after: str) -> int:
    return int(after) if after.isdigit() else 0


def _after(data: Mapping[str, Any]) -> str | None:
    after = ((data.get("paging") or {}).get("next") or {}).get("after")
    return str(after) if after else None


def _archived_since(record: Record, since: datetime) -> bool:
    """Tell whether a record was archived since; one that does not say may have been."""
    text = record.get("archivedAt")
    return not text or datetime.fromisoformat(str(text)) >= since


class PortalMerges:
    """Which records others were merged into of late, each type looked up once."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Bind a portal."""
        self._catalogue = catalogue
        self._known: dict[tuple[str, datetime], list[str]] = {}
        self._lock = Lock()

    def of(self, names: Sequence[str]) -> list[str]:
        """Choose the types that can be merged."""
        return [name for name in names if name in MERGEABLE]

    def winners(self, name: str, since: datetime) -> list[str]:
        """Name the changed records of a type that have taken others in.

        The marks of one night differ by seconds; they look from the same hour on.
        """
        hour = since.replace(minute=0, second=0, microsecond=0)
        with self._lock:
            if (name, hour) not in self._known:
                reader = PortalReader(self._catalogue, name, (MERGED,))
                self._known[name, hour] = [
                    str(row["id"])
                    for page in reader.changed(hour)
                    for row in page.rows
                    if row.get(MERGED)
                ]
            return self._known[name, hour]
