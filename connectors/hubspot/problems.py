"""HubSpot's replies that are no success, read in one place.

A 429 has another shape than every other error, gateways answer HTML, and every field of
an error body is optional (error handling page of the API reference).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from connectors.bodies import Oversized, parse_json
from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    ForeignAddress,
    NotPermitted,
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

MIXED = 207
TIMED_OUT = 408
TOO_LONG = frozenset({414, 431})
"""The address does not fit, or what a gateway counts as headers does not."""
LOCKED = 423
THROTTLED = 429
MIGRATING = 477
BAD_TOKEN = 530
"""Cloudflare's answer to a token that cannot be one."""

NOT_THERE = "OBJECT_NOT_FOUND"
NO_LINKS = "crm.associations.NO_ASSOCIATIONS_FOUND"
"""How a batch read names what does not exist: no record, nothing that hangs on it."""

BUSY = frozenset({THROTTLED, MIGRATING})
"""Turned away whatever the input, for too many calls or a move of the portal's data."""
UNTOUCHED = frozenset({LOCKED, *BUSY})
"""The call was turned away at the door: it certainly had no effect."""
STRANGERS = frozenset({0, 401, 403, BAD_TOKEN, *range(300, 400)})
"""Not this call but all calls will fail so: no connection, no permission, elsewhere."""


class AddressTooLong(Refused):
    """The list of properties does not fit into one address."""


@dataclass(frozen=True, kw_only=True)
class PortalProblem:
    """One reply that is no success."""

    status: int
    message: str = ""
    category: str = ""
    policy: str = ""
    retry_after: float | None = None
    server_time: datetime | None = None
    """The portal's clock when it answered, where it told."""
    scopes: tuple[str, ...] = ()
    errors: tuple[Mapping[str, object], ...] = field(default=())

    @property
    def is_gateway(self) -> bool:
        """Whether the request may be right, and may or may not have taken effect."""
        is_server = self.status >= 500 and self.status != BAD_TOKEN
        return is_server or self.status == TIMED_OUT

    @property
    def is_untouched(self) -> bool:
        """Whether the call certainly had no effect, and the next one may have."""
        return self.status in UNTOUCHED

    @property
    def is_throttled(self) -> bool:
        """Whether it was turned away whatever its input: a smaller one would be."""
        return self.status in BUSY

    @property
    def is_lasting(self) -> bool:
        """Whether waiting is pointless in this run: the day's calls are gone, say."""
        daily = self.status == THROTTLED and self.policy == "DAILY"
        may_pass = self.is_untouched or self.is_gateway
        return daily or (may_pass and self.pause > LONGEST_PAUSE)

    @property
    def pause(self) -> float:
        """How many seconds to keep quiet before the next call."""
        if self.retry_after is not None:
            return self.retry_after
        if self.status == LOCKED:
            return 2.0  # "wait at least 2 seconds" (error handling page)
        if self.policy == "TEN_SECONDLY_ROLLING":
            return 10.0
        return 1.0

    @property
    def detail(self) -> str:
        """HubSpot's own words, and until when it asks for quiet where that is long."""
        words = self.message or f"HTTP {self.status}"
        return add_pause(words, self.retry_after, self.server_time)


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> PortalProblem:
    """Read an error reply, whatever its shape."""
    try:
        data = parse_json(body)
    except (orjson.JSONDecodeError, Oversized):
        data = {}
    if not isinstance(data, dict):
        data = {}
    entries = tuple(list_errors(data))
    message = str(data.get("message") or "")
    return PortalProblem(
        status=status,
        message=message,
        category=str(data.get("category") or data.get("errorType") or ""),
        policy=str(data.get("policyName") or _find_policy(message)),
        retry_after=read_retry_after(headers),
        server_time=read_date(headers.get("Date")),
        scopes=tuple(scope for entry in entries for scope in _list_scopes(entry)),
        errors=entries,
    )


def find_missing_part(data: Mapping[str, object]) -> PortalProblem | None:
    """Find in a mixed reply what should have been read and was not."""
    for entry in list_errors(data):
        kinds = entry.get("category"), entry.get("subCategory")
        if NOT_THERE not in kinds and NO_LINKS not in kinds:
            return PortalProblem(
                status=MIXED,
                message=str(entry.get("message") or ""),
                category=str(kinds[0] or ""),
            )
    return None


def list_errors(data: Mapping[str, object]) -> list[Mapping[str, Any]]:
    """List the ``errors`` of a reply; one that is a text is an error with this text."""
    found = data.get("errors") or []
    return [
        entry if isinstance(entry, dict) else {"message": str(entry)}
        for entry in (found if isinstance(found, list) else [found])
    ]


def _find_policy(message: str) -> str:
    """Find the policy where only the message names it."""
    said = message.upper()
    return next((p for p in ("TEN_SECONDLY_ROLLING", "DAILY") if p in said), "")


def _list_scopes(entry: Mapping[str, object]) -> list[str]:
    context = entry.get("context")
    found = context.get("requiredGranularScopes") if isinstance(context, dict) else None
    return [str(scope) for scope in found] if isinstance(found, list) else []


def to_error(problem: PortalProblem, what: str) -> ConnectorError:
    """Return the error that stops the connector; ``what`` is the path called."""
    status = problem.status
    kinds = (
        (status in {401, BAD_TOKEN}, AuthenticationFailed),
        (status == 403, NotPermitted),
        (status == 404, UnknownObject),
        (problem.is_untouched or problem.is_lasting, RateLimited),
        (problem.is_gateway or status in {0, MIXED}, Unreachable),
        (300 <= status < 400, ForeignAddress),
        (status in TOO_LONG, AddressTooLong),
    )
    kind = next((kind for holds, kind in kinds if holds), Refused)
    # What HubSpot says of a token may quote it.
    quotable = kind is not AuthenticationFailed
    return kind(
        source="hubspot",
        object=what,
        detail=problem.detail if quotable else problem.category or f"HTTP {status}",
        scopes=", ".join(problem.scopes),
        category=problem.category,
        policy=problem.policy,
    )
