"""Access tokens: a fixed one, or OAuth's half-hour ones.

All threads share one token; whoever meets a 401 first renews it, the others wait for
the result. A token is never part of an error or a log line.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from connectors.errors import AuthenticationFailed

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
        exchange: Callable[[Mapping[str, str]], Mapping[str, object]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep the grant (client_id, client_secret, refresh_token).

        Args:
            grant: the form fields of the token call.
            exchange: posts a form to the token address and gives the parsed reply.
            clock: monotonic seconds.
        """
        self._grant = {"grant_type": "refresh_token", **grant}
        self._exchange = exchange
        self._clock = clock
        self._lock = threading.Lock()
        self._value = ""
        self._ends = 0.0

    def token(self) -> str:
        """Give the token, fetching or renewing it when its time is up."""
        with self._lock:
            if self._clock() >= self._ends:
                self._fetch()
            return self._value

    def renew(self, rejected: str) -> bool:
        """Fetch a new token unless another thread has just done so."""
        with self._lock:
            if self._value == rejected:
                self._fetch()
            return True

    def _fetch(self) -> None:
        reply = self._exchange(self._grant)
        value, seconds = reply.get("access_token"), reply.get("expires_in")
        if not isinstance(value, str) or not isinstance(seconds, int):
            raise AuthenticationFailed(
                source="hubspot", detail=str(reply.get("status") or "no access_token")
            )
        self._value = value
        self._ends = self._clock() + max(seconds - MARGIN, 0.0)
