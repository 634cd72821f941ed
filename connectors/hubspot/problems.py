"""HubSpot's replies that are no success, read once and for all.

A 429 has another shape than every other error, gateways answer HTML, and every field of
an error body is optional (error handling page of the API reference).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    NotPermitted,
    RateLimited,
    Refused,
    UnknownObject,
    Unreachable,
)

LOCKED = 423
THROTTLED = 429
MIGRATING = 477
TOO_LONG = 414
GATEWAY = frozenset({500, 502, 503, 504, *range(520, 531)})
"""Nothing about the request is wrong; whether it took effect is unknown."""

UNTOUCHED = frozenset({LOCKED, THROTTLED, MIGRATING})
"""The call was turned away at the door: it certainly had no effect."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One reply that is no success."""

    status: int
    message: str = ""
    category: str = ""
    policy: str = ""
    retry_after: float | None = None
    scopes: tuple[str, ...] = ()
    errors: tuple[Mapping[str, object], ...] = field(default=())

    @property
    def is_daily_limit(self) -> bool:
        """The allowance of the day is gone: waiting in the run is pointless."""
        return self.status == THROTTLED and self.policy == "DAILY"

    @property
    def pause(self) -> float:
        """Seconds to keep quiet before the next call of this family."""
        if self.retry_after is not None:
            return self.retry_after
        if self.status == LOCKED:
            return 2.0  # "wait at least 2 seconds" (error handling page)
        if self.policy == "TEN_SECONDLY_ROLLING":
            return 10.0
        return 1.0


def read_problem(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """Read an error reply, whatever its shape."""
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError:
        data = {}
    if not isinstance(data, dict):
        data = {}
    entries = tuple(e for e in data.get("errors") or () if isinstance(e, dict))
    return Problem(
        status=status,
        message=str(data.get("message") or ""),
        category=str(data.get("category") or data.get("errorType") or ""),
        policy=str(data.get("policyName") or ""),
        retry_after=_seconds(headers.get("Retry-After")),
        scopes=tuple(scope for entry in entries for scope in _scopes(entry)),
        errors=entries,
    )


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


def _scopes(entry: Mapping[str, object]) -> list[str]:
    context = entry.get("context")
    found = context.get("requiredGranularScopes") if isinstance(context, dict) else None
    return [str(scope) for scope in found] if isinstance(found, list) else []


def as_error(problem: Problem, what: str) -> ConnectorError:
    """Turn a problem into the error that stops the connector; ``what`` is the path."""
    detail = problem.message or f"HTTP {problem.status}"
    params = {"source": "hubspot", "object": what, "detail": detail}
    if problem.status == 401:
        return AuthenticationFailed(**params)
    if problem.status == 403:
        return NotPermitted(**params, scopes=", ".join(problem.scopes))
    if problem.status == 404:
        return UnknownObject(**params)
    if problem.status in UNTOUCHED:
        return RateLimited(**params, policy=problem.policy)
    if problem.status in GATEWAY:
        return Unreachable(**params)
    return Refused(**params, category=problem.category)
