"""Bulk API 2.0 queries: many records in few calls.

A result may be read again as long as its job exists, so a broken download costs one
call. A reply is a result only with the header of the fields that were asked for: failed
calls answer 204, gateways 200 with a page of their own. Not every object and field can
be read this way; then REST is used.
"""

import csv
import io
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from connectors.bodies import VALUES_LIMIT
from connectors.errors import ReplyTooLong, ShortPull, Unreachable
from connectors.headers import read_count
from connectors.salesforce.org import Org, OrgRefusal
from connectors.salesforce.problems import LOST_LOCATOR, SOURCE
from connectors.salesforce.replies import job_state
from connectors.salesforce.wire import OrgReply, ReplyBroken

log = logging.getLogger(__name__)

ABOVE = 4000
"""Records above which a job pays: Salesforce's own rule of thumb is 2,000, and two
pages by REST cost no more calls than a job."""
CHUNKS = (10_000, 1_000, 100)
"""Records for each download: as text, all of them are in memory. Where so many make a
reply longer than we read, fewer are asked for."""
LONGEST_LINE = 16 << 20
"""Characters of one line; a field has at most 131,072 (limits of the platform)."""
ATTEMPTS = 120
"""Questions after a job's state, most of them half a minute apart."""
RUNNING = frozenset({"UploadComplete", "InProgress", "Open"})
NOT_KEPT = frozenset({404, 409, 410})
"""No such job, one of another API version, or gone."""
NO_MORE = frozenset({"", "null"})


class BulkRefused(Exception):
    """This cannot be read in bulk; nothing was read."""


class JobGone(Exception):
    """The results are no longer kept (seven days)."""


@dataclass(frozen=True, kw_only=True)
class BulkJob:
    """A finished query."""

    id: str
    rows: int
    """How many records it found (``numberRecordsProcessed``): what its result holds."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One download, whole; ``locator`` leads to the next.

    It is taken apart page by page: as records it would be ten times as large.
    """

    content: bytes
    fields: Sequence[str]
    promised: int | None
    """How many records the org says there are in it."""
    locator: str

    def pages(self, size: int) -> Iterator[tuple[list[dict[str, object]], bool]]:
        """Yield its records as text, empty is None, and whether they are the last.

        Raises:
            ShortPull: there are fewer than promised.
            Unreachable: it is no table.
        """
        records, read = self._records(), 0
        first = next(records, None)
        while True:
            page = [first, *islice(records, size - 1)] if first else []
            first = next(records, None)
            read += len(page)
            if first is None and self.promised is not None and read < self.promised:
                raise ShortPull(
                    source=SOURCE, object="Bulk API", read=read, promised=self.promised
                )
            yield page, first is None
            if first is None:
                return
            del page  # what was handed on is not held

    def _records(self) -> Iterator[dict[str, object]]:
        reader = _csv(self.content)
        names = {name.lower(): name for name in self.fields}
        try:
            header = [names[name.lower()] for name in next(reader)]
            for cells in reader:
                yield dict(zip(header, [cell or None for cell in cells], strict=True))
        except (csv.Error, ValueError):
            raise Unreachable(source=SOURCE, detail="a result that is no CSV") from None


def _csv(content: bytes) -> "Iterator[list[str]]":
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8", newline="")
    return csv.reader(_lines(text), strict=True)


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    """Yield the lines of a table.

    Raises:
        csv.Error: one is too long to be of a table.
    """
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE or line.count(",") > VALUES_LIMIT:
            raise csv.Error("a line without end")
        yield line


def _check_header(reply: OrgReply, fields: Sequence[str]) -> None:
    """Make sure that a reply is a table of the fields that were asked for.

    Raises:
        ReplyBroken: it is something else.
    """
    try:
        header = next(_csv(reply.content), [])
    except (csv.Error, ValueError):
        header = []
    if sorted(map(str.lower, header)) != sorted(map(str.lower, fields)):
        what = f"HTTP {reply.status} without the fields that were asked for"
        raise ReplyBroken(what, sent=True)


def run_job(org: Org, soql: str, *, everything: bool) -> BulkJob:
    """Run a query and wait for its end.

    Raises:
        BulkRefused: the org does not take it, or did not finish it, or Bulk API is out
            of order or used up for the day.
    """
    body = {"operation": "queryAll" if everything else "query", "query": soql}

    try:
        job = job_state(org.read("jobs/query", body=body).data)

        def ended() -> Mapping[str, Any] | None:
            state = job_state(org.read(f"jobs/query/{job['id']}").data)
            return None if state.get("state") in RUNNING else state

        state = org.until(ended, ATTEMPTS) or {}
    except OrgRefusal as turned:
        raise BulkRefused(turned.problem.said) from None
    except Unreachable as unreachable:
        # Where all of the org is down, REST will say so.
        raise BulkRefused(str(unreachable.params.get("detail"))) from None
    rows = read_count(state.get("numberRecordsProcessed"))
    if state.get("state") != "JobComplete" or rows is None:
        raise BulkRefused(org.clean(str(state.get("errorMessage") or "unfinished")))
    return BulkJob(id=state["id"], rows=rows)


def download(org: Org, job_id: str, locator: str, fields: Sequence[str]) -> Chunk:
    """Read a piece of a job's result, which has these fields.

    Raises:
        JobGone: the org no longer has it.
        Unreachable: what comes is no such table.
        OrgRefusal: it is not given to us.
    """
    path = f"jobs/query/{job_id}/results"
    try:
        reply = _download(org, path, locator, lambda r: _check_header(r, fields))
    except OrgRefusal as turned:
        if turned.problem.status in NOT_KEPT or turned.problem.code in LOST_LOCATOR:
            raise JobGone(turned.problem.code) from None
        raise
    following = reply.headers.get("Sforce-Locator") or ""
    return Chunk(
        content=reply.content,
        fields=fields,
        promised=read_count(reply.headers.get("Sforce-NumberOfRecords")),
        locator="" if following in NO_MORE else following,
    )


def _download(
    org: Org, path: str, locator: str, check: Callable[[OrgReply], object]
) -> OrgReply:
    """Read a piece, a smaller one where it is longer than a reply may be."""
    *larger, smallest = CHUNKS
    begin = {"locator": locator} if locator else {}
    for size in larger:
        try:
            return org.download(path, {"maxRecords": str(size), **begin}, check)
        except ReplyTooLong:
            log.info("%s records are too long for one reply", size)
    return org.download(path, {"maxRecords": str(smallest), **begin}, check)
