"""Access tokens: a fixed one, or OAuth's half-hour ones.

All threads share one token; whoever meets a 401 first renews it, the others wait for
the result. A token is never part of an error or a log line.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from connectors.errors import AuthenticationFailed, ConnectorError, Unreachable
from connectors.hubspot.objects import TOKEN
from connectors.hubspot.problems import Problem, as_error
from connectors.hubspot.wire import BrokenOff, Turned, Wire

MARGIN = 60.0
"""Seconds before its end at which a token is renewed anyway."""


class Login(Protocol):
    """Where the access token comes from."""

    def token(self) -> str:
        """Give a token that should be valid now."""
        ...

    def renew(self, rejected: str) -> bool:
        """Replace a token that was rejected; False where that is not possible."""
        ...


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """A service key or private-app token; nothing can renew it."""

    value: str

    def token(self) -> str:
        """Give the token."""
        return self.value

    def renew(self, rejected: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Say that a fixed token cannot be renewed."""
        return False


class RefreshToken:
    """OAuth: access tokens of 30 minutes from a refresh token that does not expire."""

    def __init__(
        self,
        grant: Mapping[str, str],
        wire: Wire,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the grant.

        Args:
            grant: client_id, client_secret and refresh_token.
            wire: where the token call goes.
            clock: monotonic seconds.
        """
        self._form = {"grant_type": "refresh_token", **grant}
        self._wire = wire
        self._clock = clock
        self._lock = threading.Lock()
        self._value = ""
        self._ends = 0.0
        self._rejected: ConnectorError | None = None

    def token(self) -> str:
        """Give the token, fetching or renewing it when its time is up."""
        with self._lock:
            if not self._value or self._clock() >= self._ends:
                self._fetch()
            return self._value

    def renew(self, rejected: str) -> bool:
        """Fetch a new token unless another thread has just done so."""
        with self._lock:
            if self._value == rejected:
                self._fetch()
            return True

    def _fetch(self) -> None:
        """Fetch a token; a grant that was rejected is not tried again (P7)."""
        if self._rejected is not None:
            raise self._rejected
        try:
            reply = self._wire.post_form(TOKEN, self._form)
        except Turned as turned:
            error = _failure(turned.problem)
            if isinstance(error, AuthenticationFailed):
                self._rejected = error
            raise error from None
        except BrokenOff as error:
            detail = type(error).__name__
            raise Unreachable(source="hubspot", object=TOKEN, detail=detail) from None
        value, seconds = reply.get("access_token"), reply.get("expires_in")
        if not isinstance(value, str) or not isinstance(seconds, int | float):
            raise AuthenticationFailed(source="hubspot", detail="no access_token")
        self._value = value
        self._ends = self._clock() + max(seconds - MARGIN, 0.0)


def _failure(problem: Problem) -> ConnectorError:
    """Say why there is no token; never in HubSpot's words, which may quote a secret."""
    error = as_error(problem, TOKEN)
    if 400 <= problem.status < 500 and not problem.is_untouched:
        detail = problem.category or f"HTTP {problem.status}"
        return AuthenticationFailed(source="hubspot", object=TOKEN, detail=detail)
    return error
