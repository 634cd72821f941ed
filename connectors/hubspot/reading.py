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

from connectors.base import Note, Page, Pull, Row
from connectors.errors import FieldsChanged
from connectors.headers import read_count
from connectors.hubspot import links
from connectors.hubspot.catalogue import Catalogue
from connectors.hubspot.objects import (
    LIST_LIMIT,
    MERGEABLE,
    MERGED,
    SEARCH_LIMIT,
    URL_LIMIT,
    ObjectType,
    chunks,
)
from connectors.hubspot.portal import Portal, PortalCursors, find_cursor
from connectors.hubspot.problems import AddressTooLong
from connectors.hubspot.rows import Record, RowShape, batch_read, cut
from connectors.hubspot.wire import PortalReply

Records = list[dict[str, Any]]
SEARCH_SHARE = 0.5
"""Searching pays while less than half of a type has changed: it brings 200 records at
5 calls a second, a list 100 at 19 (HubSpot's limits of 2026)."""
NO_TIME = Note(code="no_server_time")
SEARCH_BODY = 2400
"""Characters of property names in one search; the body may have 3,000 (guide)."""


class PortalReader:
    """Reads one object type with the fields that a mapping asks for."""

    def __init__(self, catalogue: Catalogue, name: str, fields: Sequence[str]) -> None:
        """Find out what a row needs; nothing is read yet."""
        self.portal: Portal = catalogue.portal
        self.catalogue = catalogue
        self.shape = RowShape(catalogue, name, fields)
        self.kind: ObjectType = self.shape.kind
        self.properties = self.shape.properties
        self._url_limit = URL_LIMIT

    def pages(self, request: Pull, merges: "PortalMerges") -> Iterator[Page]:
        """Read everything, or what changed since, whichever way is cheaper.

        Where replies carry no time, the newest change that the portal shows stands for
        it: nothing later is missed the next time.
        """
        pages = self._read_pages(request, merges)
        first = next(pages)
        if first.server_time is None and request.resume is None:
            newest = self._find_newest_change() or request.since
            first = replace(first, server_time=newest, notes=(NO_TIME,))
        yield first
        yield from pages

    def _read_pages(self, request: Pull, merges: "PortalMerges") -> Iterator[Page]:
        since, reply = request.since, None
        way, _, place = (request.resume or "").partition(":")
        if since is None:
            yield from self._list_all(place)
            return
        if not way:
            reply = self._send_search(self._build_filters(since), SEARCH_LIMIT)
            way = "search" if self._is_search_cheaper(_read_total(reply)) else "list"
        if way == "search":
            yield from self._search(since, place, reply)
        elif way == "list":
            yield from self._list_after_all(place)
        if way in {"search", "moved"}:
            yield from self._read_moved(since, merges)
        yield from self._list_archived(since, place if way == "gone" else "")

    def _find_newest_change(self) -> datetime | None:
        """Return when a record of this type was last changed, by the portal's clock."""
        body = {
            "filterGroups": [],
            "sorts": [{"propertyName": self.kind.changed, "direction": "DESCENDING"}],
            "limit": 1,
        }
        reply = self.portal.read(self.kind.search, body=body, family="search")
        stamps = (_read_stamp(record.get("updatedAt")) for record in reply.results)
        return max(filter(None, stamps), default=None)

    def changed(self, since: datetime) -> Iterator[Page]:
        """Search for what changed since; what was archived is not among it."""
        return self._search(since, "", None)

    def records(self, ids: Sequence[str]) -> list[Row]:
        """Read some records by id, without links; those that are gone are left out."""
        return self.shape.rows(self._read_by_id(ids), listed=None)

    def _read_by_id(self, ids: Sequence[str]) -> Records:
        first, *others = cut(self.properties)
        found = list(batch_read(self.portal, self.kind, ids, first))
        for more in others:
            found = self._add_properties(found, more)
        return found

    def _is_search_cheaper(self, changed: int) -> bool:
        """Compare what changed with all there is; two pages are always cheap."""
        if changed <= 2 * SEARCH_LIMIT:
            return True
        return changed < SEARCH_SHARE * _read_total(self._send_search([], 1))

    # Lists

    def _list_all(self, after: str) -> Iterator[Page]:
        cursors, first = PortalCursors(self.kind.records, after), None
        while True:
            reply, records = self._read_page(after, archived=False)
            first = first or reply.server_time
            after = cursors.follow(reply.data)
            yield Page(
                rows=self.shape.rows(records, listed=True),
                cursor=f"list:{after}" if after else None,
                server_time=first,
                way="list",
            )
            if not after:
                return

    def _list_after_all(self, after: str) -> Iterator[Page]:
        """List all, although only what changed is wanted; the archived follow."""
        for page in self._list_all(after):
            yield replace(page, cursor=page.cursor or "gone:")

    def _read_page(self, after: str, *, archived: bool) -> tuple[PortalReply, Records]:
        """Read one page, in several calls where the property names make it too long."""
        query = [("limit", str(LIST_LIMIT)), ("archived", str(archived).lower())]
        if after:
            query.append(("after", after))
        inline = self.shape.list_inline()
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
            return self._read_page(after, archived=archived)
        records = reply.records
        if archived:  # cannot be read by id: they show the first properties only
            return reply, records
        for more in others:
            records = self._add_properties(records, more)
        self._check_fields(records)
        return reply, records

    def _add_properties(self, records: Records, names: Sequence[str]) -> Records:
        """Add more properties to records, by id; drop those that are gone by now."""
        ids = [str(record["id"]) for record in records]
        more = {
            str(record["id"]): record["properties"]
            for record in batch_read(self.portal, self.kind, ids, names)
        }
        return [
            {**record, "properties": {**record["properties"], **more[key]}}
            for key, record in zip(ids, records, strict=True)
            if key in more
        ]

    def _check_fields(self, records: Sequence[Record]) -> None:
        """Make sure that no property was removed since it was described.

        HubSpot leaves out what it does not know, and shows what is empty as null.

        Raises:
            FieldsChanged: a property that the mapping reads is there no more.
        """
        asked = set(self.properties)
        missing = {
            name
            for record in records
            if not asked <= record["properties"].keys()
            for name in asked - record["properties"].keys()
        }
        missing &= self._read_defined() if missing else set()
        if not missing:
            return
        self.catalogue.forget(self.kind.name)
        gone = sorted(missing - self._read_defined())
        if gone:
            raise FieldsChanged(
                source="hubspot", object=self.kind.name, fields=", ".join(gone)
            )

    def _read_defined(self) -> set[str]:
        found = self.catalogue.properties(self.kind.name)
        return {str(entry["name"]) for entry in found}

    # Search

    def _search(
        self, since: datetime, begin: str, reply: PortalReply | None
    ) -> Iterator[Page]:
        """Search by growing id within what changed since; ``reply`` is the first page.

        Each search tells how many there are still to come. Where fewer came in the end
        than there are, or an empty page leads to itself, a list knows better.

        Raises:
            EndlessPages: the pages lead in a circle, or the ids do not grow.
        """
        after, last, first = "", begin, None
        cursors = PortalCursors(self.kind.search, f"{begin}:")
        tally = _Tally()
        while True:
            filters = self._build_filters(since, above=last)
            reply = reply or self._send_search(filters, SEARCH_LIMIT, after)
            first = first or reply.server_time
            records = reply.records
            # A short or empty page may still carry ``after``: only its absence ends it.
            more = find_cursor(reply.data)
            tally.add(
                records,
                still=_read_total(reply) - _read_offset(after),
                is_last=not more,
            )
            leads_nowhere = not records and more != "" and more == after
            if leads_nowhere or (not more and self._is_short(tally, since, begin)):
                yield from self._list_after_all("")
                return
            last = str(records[-1]["id"]) if records else last
            after, reply = "" if records else more, None
            if more:
                cursors.check(f"{last}:{after}", [str(one["id"]) for one in records])
            yield Page(
                rows=self._complete(records),
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
        there = _read_total(
            self._send_search(self._build_filters(since, above=above), 1)
        )
        return there > len(tally.seen)

    def _complete(self, records: Records) -> list[Row]:
        """Complete what a search brought: more properties, links, what was merged."""
        kept = records
        for more in self._cut_for_search()[1:]:
            kept = self._add_properties(kept, more)
        self._check_fields(kept)
        rows = self.shape.rows(kept, listed=False)
        return rows + self.shape.list_merged(records)

    def _read_moved(self, since: datetime, merges: "PortalMerges") -> Iterator[Page]:
        """Read again what hangs on merged records: no stamp moves with that."""
        for other in merges.of(self.shape.related):
            winners = merges.winners(other, since)
            near = links.read_links(self.portal, other, self.kind.name, winners)
            ids = dict.fromkeys(link.id for group in near.values() for link in group)
            for chunk in chunks(ids, SEARCH_LIMIT):
                rows = self.shape.rows(self._read_by_id(chunk), listed=False)
                yield Page(rows=rows, cursor="moved:", way="search")

    def _list_archived(self, since: datetime, after: str) -> Iterator[Page]:
        """List archived records: no search shows them, and no filter applies."""
        cursors, first = PortalCursors(self.kind.records, after), None
        while True:
            reply, records = self._read_page(after, archived=True)
            first = first or reply.server_time
            after = cursors.follow(reply.data)
            late = [r for r in records if _is_archived_since(r, since)]
            yield Page(
                rows=self.shape.rows(late, listed=None),
                cursor=f"gone:{after}" if after else None,
                server_time=first,
            )
            if not after:
                return

    def _build_filters(self, since: datetime, above: str = "") -> list[dict[str, str]]:
        stamp = str(int(since.astimezone(UTC).timestamp() * 1000))
        filters = [
            {"propertyName": self.kind.changed, "operator": "GTE", "value": stamp}
        ]
        if above:
            filters.append(
                {"propertyName": "hs_object_id", "operator": "GT", "value": above}
            )
        return filters

    def _send_search(
        self, filters: Sequence[Mapping[str, str]], limit: int, after: str = ""
    ) -> PortalReply:
        body: dict[str, Any] = {
            "filterGroups": [{"filters": list(filters)}] if filters else [],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "limit": limit,
        }
        if limit > 1:
            body["properties"] = self._cut_for_search()[0]
        if after:
            body["after"] = after
        return self.portal.read(self.kind.search, body=body, family="search")

    def _cut_for_search(self) -> list[list[str]]:
        merged = [MERGED] if self.shape.can_merge else []
        return cut([*merged, *self.properties], SEARCH_BODY)


class PortalMerges:
    """Which records others were recently merged into, each type looked up once."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Bind a portal."""
        self._catalogue = catalogue
        self._known: dict[tuple[str, datetime], list[str]] = {}
        self._lock = Lock()

    def of(self, names: Sequence[str]) -> list[str]:
        """Choose the types that can be merged."""
        return [name for name in names if name in MERGEABLE]

    def winners(self, name: str, since: datetime) -> list[str]:
        """List the ids of a type's changed records that others were merged into.

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


def _read_total(reply: PortalReply) -> int:
    return read_count(reply.data.get("total")) or 0


def _read_offset(after: str) -> int:
    return read_count(after) or 0


def _read_stamp(value: object) -> datetime | None:
    """Read a time of a record; nothing where it is none."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


def _is_archived_since(record: Record, since: datetime) -> bool:
    """Return whether a record was archived since; one that does not say may be."""
    at = _read_stamp(record.get("archivedAt"))
    return at is None or at >= since
