"""Bulk API 2.0 queries: many records in few calls.

A result may be read again as long as its job exists, so a broken download costs one
call. Not every object and field can be read this way; then REST is used.
"""

import csv
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.errors import ShortPull
from connectors.salesforce.org import Org, Turned
from connectors.salesforce.problems import SOURCE

log = logging.getLogger(__name__)

ABOVE = 4000
"""Records above which a job pays: Salesforce's own rule of thumb is 2,000, and two
pages by REST cost no more calls than a job."""
CHUNK = 10_000
"""Records for each download: what is in memory at a time."""
ATTEMPTS = 120
"""Questions after a job's state, most of them half a minute apart."""
RUNNING = frozenset({"UploadComplete", "InProgress", "Open"})
NO_MORE = frozenset({"", "null"})


class BulkRefused(Exception):
    """This cannot be read in bulk; nothing was read."""


class JobGone(Exception):
    """The results are no longer kept (seven days)."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A finished query."""

    id: str
    rows: int | None
    """How many records it found, where the org says so."""


@dataclass(frozen=True, kw_only=True)
class Chunk:
    """One download: records as text, empty is None; ``locator`` leads to the next."""

    rows: list[dict[str, object]]
    locator: str


def run_job(org: Org, soql: str, *, everything: bool) -> Job:
    """Run a query and wait for its end.

    Raises:
        BulkRefused: the org does not take it, or did not finish it.
    """
    operation = "queryAll" if everything else "query"
    try:
        data = org.read("jobs/query", body={"operation": operation, "query": soql}).data
    except Turned as turned:
        raise BulkRefused(turned.problem.message or turned.problem.code) from None
    path = f"jobs/query/{data['id']}"
    state = data

    def has_ended() -> bool:
        nonlocal state
        state = org.read(path).data
        return state.get("state") not in RUNNING

    try:
        ended = org.until(has_ended, ATTEMPTS)
    except Turned as turned:
        raise BulkRefused(turned.problem.message) from None
    if not ended or state.get("state") != "JobComplete":
        raise BulkRefused(org.clean(str(state.get("errorMessage") or "unfinished")))
    count = state.get("numberRecordsProcessed")
    return Job(id=str(data["id"]), rows=int(count) if count is not None else None)


def download(org: Org, object_name: str, job_id: str, locator: str) -> Chunk:
    """Read a piece of a job's result, whole.

    Raises:
        JobGone: the org no longer has it.
        ShortPull: fewer records came than the reply promised.
    """
    params = {"maxRecords": str(CHUNK)} | ({"locator": locator} if locator else {})
    try:
        reply = org.download(f"jobs/query/{job_id}/results", params)
    except Turned as turned:
        raise JobGone(turned.problem.code) from None
    rows = _rows(reply.content)
    promised = reply.headers.get("Sforce-NumberOfRecords")
    if promised and int(promised) != len(rows):
        raise ShortPull(
            source=SOURCE, object=object_name, read=len(rows), promised=promised
        )
    following = reply.headers.get("Sforce-Locator") or ""
    return Chunk(rows=rows, locator="" if following in NO_MORE else following)


def _rows(content: bytes) -> list[dict[str, object]]:
    reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    header: Sequence[str] = next(reader, [])
    return [
        dict(zip(header, [cell or None for cell in cells], strict=True))
        for cells in reader
    ]
