"""The shapes of replies that bring something; another shape counts as no answer.

A gateway, a login page or a proxy may answer 200 with anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson

from connectors.errors import (
    EndlessPages,
    ForeignAddress,
    NoTokenAddress,
    Unreachable,
)
from connectors.headers import read_count
from connectors.listings import Cursors
from connectors.salesforce.login import Answer
from connectors.salesforce.problems import SOURCE, as_error, read_problem
from connectors.salesforce.wire import OrgReply


@dataclass(frozen=True, kw_only=True)
class QueryPage:
    """One page of a query: ``total`` counts all pages, ``link`` leads to the next."""

    records: list[dict[str, Any]]
    total: int
    link: str


class QueryLinks:
    """Where the pages of one query lead; none is followed for ever."""

    def __init__(self, object_name: str, total: int) -> None:
        """Begin a query that promises so many records in all."""
        self._object = object_name
        self._left = total
        self._cursors = Cursors(SOURCE, object_name)

    def is_last(self, page: QueryPage) -> bool:
        """Return whether a page ends the query; one that leads back does, too.

        Raises:
            EndlessPages: there came more than the query promised, or nothing new, and
                the page leads on.
        """
        self._left -= len(page.records)
        if not page.link or self._cursors.leads_back(page.link):
            return True
        if self._left < 0:
            cursor = page.link[:80]
            raise EndlessPages(source=SOURCE, object=self._object, cursor=cursor)
        ids = [str(one.get("Id") or "") for one in page.records]
        self._cursors.check(page.link, ids if all(ids) else None)
        return False


def query_result(data: object) -> QueryPage:
    """Read a page of a query.

    Raises:
        Unreachable: it is none.
    """
    if isinstance(data, dict):
        records, total = data.get("records"), read_count(data.get("totalSize"))
        if total is not None and _are_objects(records):
            link = "" if data.get("done", True) else data.get("nextRecordsUrl")
            return QueryPage(records=records, total=total, link=str(link or ""))
    raise _odd("query result")


def described_fields(data: object) -> Sequence[Mapping[str, Any]]:
    """Read the fields of a describe.

    Raises:
        Unreachable: it names none.
    """
    fields = data.get("fields") if isinstance(data, dict) else None
    if fields and _are_objects(fields) and all(one.get("name") for one in fields):
        return fields
    raise _odd("description of an object")


def job_state(data: object) -> Mapping[str, Any]:
    """Read the state of a Bulk job.

    Raises:
        Unreachable: it is none.
    """
    if isinstance(data, dict) and isinstance(data.get("id"), str):
        return data
    raise _odd("state of a job")


def login_answer(reply: OrgReply, address: str) -> Answer:
    """Read what the token address answered.

    Raises:
        ForeignAddress: it leads elsewhere.
        RateLimited: it wants no log-in for now.
        Unreachable: it is out of order.
        NoTokenAddress: it is none that gives tokens.
    """
    if 300 <= reply.status < 400:
        raise ForeignAddress(source=SOURCE, detail="log-in redirected")
    problem = read_problem(reply.status, b"", reply.headers)
    if problem.is_untouched or problem.is_lasting:
        raise as_error(problem, "log-in")
    if reply.status >= 500:
        raise Unreachable(source=SOURCE, detail=f"log-in: {problem.said}")
    data = _token_reply(reply)
    if data is None:
        raise NoTokenAddress(
            source=SOURCE,
            address=address,
            settings="base_url, login_url",
            detail=problem.said,
        )
    return Answer(status=reply.status, data=data, server_time=reply.server_time)


def _token_reply(reply: OrgReply) -> Mapping[str, Any] | None:
    """Read what the token address said, an error in the form of other resources too.

    Returns:
        The fields of OAuth 2.0; None for anything else, a login page say.
    """
    try:
        data = reply.data
    except orjson.JSONDecodeError:
        return None
    if _are_objects(data) and data:
        first = data[0]
        said = {"error": "errorCode", "error_description": "message"}
        return {name: first.get(key) for name, key in said.items()}
    return data if isinstance(data, dict) else None


def api_versions(data: object) -> Sequence[str]:
    """List the versions of the API that an org has, oldest first.

    Raises:
        Unreachable: it names none.
    """
    if _are_objects(data) and data and all(one.get("version") for one in data):
        return [str(one["version"]) for one in data]
    raise _odd("list of API versions")


def deleted_ids(data: object) -> list[str]:
    """Read the ids of a list of deleted records.

    Raises:
        Unreachable: it is none.
    """
    found = data.get("deletedRecords") if isinstance(data, dict) else None
    if _are_objects(found) and all(one.get("id") for one in found):
        return [str(one["id"]) for one in found]
    raise _odd("list of deleted records")


def _are_objects(values: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(values, list) and all(isinstance(one, dict) for one in values)


def _odd(wanted: str) -> Unreachable:
    return Unreachable(source=SOURCE, detail=f"a reply that is no {wanted}")
