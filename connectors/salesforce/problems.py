"""Salesforce's replies that are no success, read once and for all.

A body is a list of ``{errorCode, message}``, an object of that kind, HTML from a
gateway or empty; nothing is taken for granted (error codes of the REST API guide).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import orjson

from connectors.bodies import Oversized, parse_json
from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    MissingRight,
    NotPermitted,
    QueryTooComplicated,
    RateLimited,
    Refused,
    UnknownObject,
    Unreachable,
)
from connectors.headers import (
    LONGEST_PAUSE,
    add_pause,
    read_date,
    read_retry_after,
)

SOURCE = "salesforce"
EXPIRED = 401
THROTTLED = frozenset({406, 420, 429})
"""Turned away at the door, often with an empty body or HTML: nothing was done."""
TOO_LONG = frozenset({414, 431})
"""The address or the headers are longer than 16,384 bytes."""
GONE = frozenset({404, 410})
"""No such resource, or one of an API version that has been retired."""
GATEWAY = frozenset({408, 500, 502, 503, 504})
"""Nothing is wrong with the request; whether it took effect is unknown."""
LIMIT = "REQUEST_LIMIT_EXCEEDED"
QUERY_TIMEOUT = "QUERY_TIMEOUT"
TOO_COMPLICATED = "QUERY_TOO_COMPLICATED"
LATER = frozenset({QUERY_TIMEOUT, "API_CURRENTLY_DISABLED"})
"""Too slow just now, or an org that is being moved or upgraded takes no calls."""
RIGHTS = MappingProxyType(
    {
        "OPERATION_TOO_LARGE": "View All Data",
        "TXN_SECURITY_METERING_ERROR": "Exempt from Transaction Security",
    }
)
"""Errors that one right of the integration user ends: without *View All Data* an org
cannot work out whose activities of many are visible to us."""
LOST_LOCATOR = frozenset({"INVALID_QUERY_LOCATOR", "INVALID_LOCATOR"})
HIDDEN_FIELD = frozenset({"INVALID_FIELD", "MALFORMED_QUERY"})
MESSAGE_LENGTH = 500
NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_PLACE = re.compile(r"ERROR at Row:1:Column:(\d+)")
_NAME = re.compile(r"[\w.]+")
_COLUMN = re.compile(
    r"No such column '([\w.]+)'|Didn't understand relationship '(\w+)'"
)


@dataclass(frozen=True, kw_only=True)
class OrgProblem:
    """One reply that is no success."""

    status: int
    code: str = ""
    message: str = ""
    retry_after: float | None = None
    server_time: datetime | None = None
    """The org's clock when it answered, where it told."""

    @property
    def is_daily_limit(self) -> bool:
        """The org's allowance of the day is gone; each further call burns more."""
        return self.code == LIMIT and not (self._is_concurrency or self.is_bulk_limit)

    @property
    def is_bulk_limit(self) -> bool:
        """The day's Bulk jobs or results are used up; REST goes on."""
        return self.code == LIMIT and "bulk" in self.message.lower()

    @property
    def _is_concurrency(self) -> bool:
        return self.code == LIMIT and "Concurrent" in self.message

    @property
    def is_untouched(self) -> bool:
        """It was turned away at the door for the moment; nothing was done."""
        return self._is_concurrency or self.status in THROTTLED

    @property
    def is_passing(self) -> bool:
        """It was turned away at the door, and this run can wait for it to open."""
        return self.is_untouched and not self.is_lasting

    @property
    def is_lasting(self) -> bool:
        """Waiting is pointless in this run: the org wants quiet for longer."""
        may_pass = self.is_untouched or self.status in GATEWAY
        return may_pass and (self.retry_after or 0) > LONGEST_PAUSE

    @property
    def is_transient(self) -> bool:
        """A read may succeed if it is repeated within this run."""
        may_pass = self.is_untouched or (
            self.status in GATEWAY and self.code != QUERY_TIMEOUT
        )
        return may_pass and not self.is_lasting

    @property
    def leaves_doubt(self) -> bool:
        """A write may have been done all the same."""
        return self.status >= 500 or self.status in GATEWAY

    @property
    def said(self) -> str:
        """Return it as one line."""
        known = f"{self.code}: {self.message}" if self.code else ""
        words = known or f"HTTP {self.status}"
        return add_pause(words, self.retry_after, self.server_time)

    def hidden_column(self, statement: str = "") -> str | None:
        """Return the field of a query that does not exist, or no longer for us.

        The message may be in the language of the user; the place of the field, counted
        from 1, is told in any.
        """
        if self.code not in HIDDEN_FIELD:
            return None
        if found := _COLUMN.search(self.message):
            return found[1] or found[2]
        place = _PLACE.search(self.message)
        name = _NAME.match(statement, int(place[1]) - 1) if place else None
        return name[0] if name else None


def read_problem(
    status: int, body: bytes, headers: Mapping[str, str] = NO_HEADERS
) -> OrgProblem:
    """Read an error reply, whatever its shape."""
    try:
        data = parse_json(body)
    except (orjson.JSONDecodeError, Oversized):
        data = None
    first = data[0] if isinstance(data, list) and data else data
    entry = first if isinstance(first, dict) else {}
    return OrgProblem(
        status=status,
        code=str(entry.get("errorCode") or ""),
        message=str(entry.get("message") or "")[:MESSAGE_LENGTH],
        retry_after=read_retry_after(headers),
        server_time=read_date(headers.get("Date")),
    )


def as_error(problem: OrgProblem, what: str) -> ConnectorError:
    """Turn a problem into the error that stops the connector; ``what`` is the path."""
    params = {"source": SOURCE, "object": what, "detail": problem.said}
    if right := RIGHTS.get(problem.code):
        return MissingRight(**params, right=right)
    kinds: tuple[tuple[bool, type[ConnectorError]], ...] = (
        (problem.code == TOO_COMPLICATED, QueryTooComplicated),
        (problem.status == EXPIRED, AuthenticationFailed),
        (problem.code == LIMIT or problem.status in THROTTLED, RateLimited),
        (problem.is_lasting, RateLimited),
        (problem.code in LATER or problem.status in GATEWAY, Unreachable),
        (problem.status == 403, NotPermitted),
        (problem.code == "INVALID_TYPE" or problem.status in GONE, UnknownObject),
    )
    kind = next((kind for holds, kind in kinds if holds), Refused)
    return kind(**params)
