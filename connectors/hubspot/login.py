"""Access tokens: a fixed one, or OAuth's half-hour ones.

All threads share one token; whoever meets a 401 first renews it, the others wait for
the result. A token is never part of an error or a log line.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from connectors.bodies import Oversized
from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    SettingRejected,
    Unreachable,
)
from connectors.hubspot.objects import TOKEN
from connectors.hubspot.problems import PortalProblem, to_error
from connectors.hubspot.wire import BrokenOff, PortalRefusal, Wire
from connectors.token_file import TokenFile

MARGIN = 60.0
"""Seconds before its end at which a token is renewed anyway."""


class PortalLogin(Protocol):
    """Where the access token comes from."""

    def token(self) -> str:
        """Return a token that should be valid now."""
        ...

    def renew(self, rejected: str) -> bool:
        """Replace a token that was rejected; return False where that cannot be done."""
        ...


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """A service key or private-app token; nothing can renew it."""

    value: str

    def token(self) -> str:
        """Return the token."""
        return self.value

    def renew(self, rejected: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Return False: a fixed token cannot be renewed."""
        return False


class RefreshToken:
    """OAuth: access tokens of 30 minutes from a refresh token.

    HubSpot's refresh tokens do not expire. Should it replace one all the same, the new
    one is on the disk before the access token that came with it is used.
    """

    def __init__(
        self,
        grant: Mapping[str, str],
        wire: Wire,
        clock: Callable[[], float] = time.monotonic,
        file: TokenFile | None = None,
    ) -> None:
        """Keep the grant.

        Args:
            grant: client_id, client_secret and refresh_token.
            wire: where the token call goes.
            clock: monotonic seconds.
            file: where a replaced refresh token is kept.
        """
        self._form = {"grant_type": "refresh_token", **grant}
        self._wire = wire
        self._clock = clock
        self._file = file
        self._current = (file.read() if file else None) or grant["refresh_token"]
        self._lock = threading.Lock()
        self._value = ""
        self._ends = 0.0
        self._rejected: ConnectorError | None = None

    def token(self) -> str:
        """Return the token, fetching or renewing it when its time is up."""
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
        """Fetch a token; a grant that was rejected is not tried again."""
        if self._rejected is not None:
            raise self._rejected
        try:
            reply = self._exchange_either()
        except AuthenticationFailed as error:
            self._rejected = error
            raise
        value, seconds = reply.get("access_token"), reply.get("expires_in")
        if not isinstance(value, str) or not isinstance(seconds, int | float):
            raise AuthenticationFailed(source="hubspot", detail="no access_token")
        self._keep(reply.get("refresh_token"))
        self._value = value
        self._ends = self._clock() + max(seconds - MARGIN, 0.0)

    def _exchange_either(self) -> Mapping[str, Any]:
        """Use the kept token, then the configured one: somebody may have signed in."""
        configured = self._form["refresh_token"]
        try:
            return self._exchange(self._current)
        except AuthenticationFailed:
            if self._current == configured:
                raise
        self._current = configured
        return self._exchange(configured)

    def _exchange(self, refresh_token: str) -> Mapping[str, Any]:
        form = {**self._form, "refresh_token": refresh_token}
        try:
            return self._wire.post_form(TOKEN, form)
        except PortalRefusal as refusal:
            raise _to_failure(refusal.problem) from None
        except Oversized as error:
            raise error.to_error("hubspot", TOKEN) from None
        except BrokenOff as error:
            detail = type(error).__name__
            raise Unreachable(source="hubspot", object=TOKEN, detail=detail) from None

    def _keep(self, replaced: object) -> None:
        if not isinstance(replaced, str) or replaced in {"", self._current}:
            return
        if self._file is None:
            raise SettingRejected(
                source="hubspot",
                setting="refresh_token",
                detail="the portal replaces it and it cannot be stored",
            )
        self._file.save(replaced)
        self._current = replaced


def _to_failure(problem: PortalProblem) -> ConnectorError:
    """Return why there is no token; HubSpot's own words may quote a secret."""
    error = to_error(replace(problem, message=""), TOKEN)
    if 400 <= problem.status < 500 and not problem.is_untouched:
        detail = problem.category or f"HTTP {problem.status}"
        return AuthenticationFailed(source="hubspot", object=TOKEN, detail=detail)
    return error
