"""The shapes of replies that bring something; another shape counts as no answer.

A gateway, a login page or a proxy may answer 200 with anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import orjson

from connectors.errors import Unreachable
from connectors.salesforce.problems import SOURCE
from connectors.salesforce.wire import OrgReply


@dataclass(frozen=True, kw_only=True)
class QueryPage:
    """One page of a query: ``total`` counts all pages, ``link`` leads to the next."""

    records: list[dict[str, Any]]
    total: int
    link: str


def query_result(data: object) -> QueryPage:
    """Read a page of a query.

    Raises:
        Unreachable: it is none.
    """
    if isinstance(data, dict):
        records, total = data.get("records"), number(data.get("totalSize"))
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


def token_reply(reply: OrgReply) -> Mapping[str, Any] | None:
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


def number(text: object) -> int | None:
    """Read a count that may be left out."""
    return int(str(text)) if str(text).isdecimal() else None


def _are_objects(values: object) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(values, list) and all(isinstance(one, dict) for one in values)


def _odd(wanted: str) -> Unreachable:
    return Unreachable(source=SOURCE, detail=f"a reply that is no {wanted}")
