"""HubSpot's replies that are no success, read in one place.

A 429 has another shape than every other error, gateways answer HTML, and every field of
an error body is optional (error handling page of the API reference).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import orjson

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

MIXED = 207
TIMED_OUT = 408
TOO_LONG = 414
LOCKED = 423
THROTTLED = 429
MIGRATING = 477
BAD_TOKEN = 530
"""Cloudflare's answer to a token that cannot be one."""
PATIENCE = 120.0
"""The longest pause, in seconds, that a run waits for (477 may ask for a day)."""

NOT_THERE = "OBJECT_NOT_FOUND"
NO_LINKS = "crm.associations.NO_ASSOCIATIONS_FOUND"
"""How a batch read names what does not exist: no record, nothing that hangs on it."""

UNTOUCHED = frozenset({LOCKED, THROTTLED, MIGRATING})
"""The call was turned away at the door: it certainly had no effect."""
STRANGERS = frozenset({0, 401, 403, BAD_TOKEN, *range(300, 400)})
"""Not this call but all calls will fail so: no connection, no permission, elsewhere."""


class AddressTooLong(Refused):
    """The list of properties does not fit into one address (414)."""


@dataclass(frozen=True, kw_only=True)
class PortalProblem:
    """One reply that is no success."""

    status: int
    message: str = ""
    category: str = ""
    policy: str = ""
    retry_after: float | None = None
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
    def is_lasting(self) -> bool:
        """Whether waiting is pointless in this run: the day's calls are gone, say."""
        daily = self.status == THROTTLED and self.policy == "DAILY"
        return daily or (self.is_untouched and self.pause > PATIENCE)

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


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> PortalProblem:
    """Read an error reply, whatever its shape."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = {}
    if not isinstance(data, dict):
        data = {}
    entries = tuple(e for e in data.get("errors") or () if isinstance(e, dict))
    message = str(data.get("message") or "")
    return PortalProblem(
        status=status,
        message=message,
        category=str(data.get("category") or data.get("errorType") or ""),
        policy=str(data.get("policyName") or _find_policy(message)),
        retry_after=_read_retry_after(headers),
        scopes=tuple(scope for entry in entries for scope in _list_scopes(entry)),
        errors=entries,
    )


def find_missing_part(data: Mapping[str, object]) -> PortalProblem | None:
    """Find in a mixed reply what should have been read and was not."""
    entries = data.get("errors")
    for entry in entries if isinstance(entries, list) else ():
        kinds = entry.get("category"), entry.get("subCategory")
        if NOT_THERE not in kinds and NO_LINKS not in kinds:
            said = str(entry.get("message") or "")
            return PortalProblem(
                status=MIXED, message=said, category=str(kinds[0] or "")
            )
    return None


def _find_policy(message: str) -> str:
    """Find the policy where only the message names it."""
    said = message.upper()
    return next((p for p in ("TEN_SECONDLY_ROLLING", "DAILY") if p in said), "")


def _read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After``: seconds, or a time by the server's own clock."""
    text, now = headers.get("Retry-After"), headers.get("Date")
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(text)
        return max(0.0, (until - parsedate_to_datetime(now or "")).total_seconds())
    except ValueError:
        return None


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
        (problem.is_untouched, RateLimited),
        (problem.is_gateway or status in {0, MIXED}, Unreachable),
        (300 <= status < 400, ForeignAddress),
        (status == TOO_LONG, AddressTooLong),
    )
    kind = next((kind for holds, kind in kinds if holds), Refused)
    # What HubSpot says of a token may quote it.
    said = problem.category if kind is AuthenticationFailed else problem.message
    return kind(
        source="hubspot",
        object=what,
        detail=said or f"HTTP {status}",
        scopes=", ".join(problem.scopes),
        category=problem.category,
        policy=problem.policy,
    )
