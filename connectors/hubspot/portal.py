"""One HubSpot portal: calls that keep to its limits, with its log-in.

A read changes nothing and is repeated. A write is sent once: its reply may be lost, and
only reading can tell then what became of it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal
from urllib.parse import urlsplit

from connectors.errors import ConnectorError, RateLimited, ReplyLost, Unreachable
from connectors.hosts import is_loopback
from connectors.hubspot.login import PortalLogin
from connectors.hubspot.problems import (
    MIXED,
    STRANGERS,
    PortalProblem,
    find_missing_part,
    to_error,
)
from connectors.hubspot.wire import (
    BrokenOff,
    NeverSent,
    PortalRefusal,
    PortalReply,
    PortalRequest,
    Wire,
)
from connectors.pace import Limiter, retrying

Family = Literal["burst", "search"]
"""Which of the portal's two limits of pace a call counts into."""
ATTEMPTS = 6
"""How often a read is made in all."""
RENEWALS = 3
"""How often a call may meet a token that has just ended; a write is not done then."""
RESERVE = 0.2
"""The share of the day's calls that a pull leaves to people and other programs."""


class Portal:
    """Makes calls, keeps to the limits, and stops where going on is pointless."""

    def __init__(
        self,
        wire: Wire,
        login: PortalLogin,
        limiters: Mapping[Family, Limiter],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Put the parts together; ``sleep`` sleeps between attempts."""
        self._wire = wire
        self._login = login
        self._limiters = limiters
        self._sleep = sleep
        self._left: float | None = None
        self._stopped: ConnectorError | None = None

    @property
    def base_url(self) -> str:
        """Where the portal is."""
        return self._wire.base_url

    @property
    def calls(self) -> int:
        """Calls made so far, by all threads."""
        return self._wire.calls

    @property
    def is_local(self) -> bool:
        """Whether the portal is a server on this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def read(
        self,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        body: Mapping[str, object] | None = None,
        family: Family = "burst",
    ) -> PortalReply:
        """Call something that changes nothing, patiently.

        Raises:
            ConnectorError: what ``to_error`` makes of a problem that lasts.
        """
        request = PortalRequest(path=path, query=query, body=body)
        policy = retrying(
            self._limiters[family], _is_transient, attempts=ATTEMPTS, sleep=self._sleep
        )
        try:
            return policy(self._send_whole, request, family)
        except PortalRefusal as refusal:
            raise to_error(refusal.problem, path) from None
        except BrokenOff as error:
            raise Unreachable(
                source="hubspot", object=path, detail=type(error).__name__
            ) from None

    def write(self, path: str, body: Mapping[str, object]) -> PortalReply:
        """Send one write, once.

        Raises:
            ReplyLost: the reply did not come, or does not say what happened.
            PortalRefusal: it certainly had no effect.
            ConnectorError: it did not leave, or we may not write at all.
        """
        self._limiters["burst"].wait()
        try:
            return self._send_signed(PortalRequest(path=path, body=body), "burst")
        except BrokenOff as error:
            kind = type(error).__name__
            if isinstance(error, NeverSent):
                raise Unreachable(source="hubspot", object=path, detail=kind) from None
            raise ReplyLost(kind) from None
        except PortalRefusal as refusal:
            problem = refusal.problem
            if problem.status in STRANGERS:
                raise to_error(problem, path) from None
            if problem.is_gateway:
                raise ReplyLost(str(problem.status)) from None
            raise

    def keep_reserve(self) -> None:
        """Stop reading where people would soon have no calls left today.

        Raises:
            RateLimited: only the reserve is left.
        """
        if self._left is not None and self._left < RESERVE:
            detail = f"{self._left:.0%} of the day's calls are left"
            raise RateLimited(source="hubspot", detail=detail, policy="RESERVE")

    def _send_whole(self, request: PortalRequest, family: Family) -> PortalReply:
        """Call, and take a mixed reply only if what it leaves out is not there."""
        reply = self._send_signed(request, family)
        if (problem := find_missing_part(reply.data)) is not None:
            raise PortalRefusal(problem)
        return reply

    def _send_signed(self, request: PortalRequest, family: Family) -> PortalReply:
        """Call with the token; with a new one if it is rejected."""
        if self._stopped is not None:
            raise self._stopped
        for _ in range(RENEWALS):
            token = self._login.token()
            try:
                return self._send_once(request, token, family)
            except PortalRefusal as refusal:
                if refusal.problem.status != 401 or not self._login.renew(token):
                    raise
            self._limiters[family].wait()
        return self._send_once(request, self._login.token(), family)

    def _send_once(
        self, request: PortalRequest, token: str, family: Family
    ) -> PortalReply:
        try:
            reply = self._wire.send(request, token)
        except PortalRefusal as refusal:
            self._keep_quiet(refusal.problem, request.path, family)
            raise
        if reply.left is not None:
            self._left = reply.left
        if reply.burst_left is not None:
            self._limiters["burst"].leave_at_most(reply.burst_left)
        return reply

    def _keep_quiet(self, problem: PortalProblem, path: str, family: Family) -> None:
        """Keep as quiet as the portal wants, in all threads."""
        if problem.is_lasting:
            self._stopped = to_error(problem, path)
        elif problem.is_untouched:
            alone = family == "search" and problem.policy == "SECONDLY"
            self._limiters["search" if alone else "burst"].pause(problem.pause)


def _is_transient(error: BaseException) -> bool:
    """Return whether a read may succeed if it is repeated within this run."""
    if isinstance(error, BrokenOff):
        return True
    if not isinstance(error, PortalRefusal):
        return False
    problem = error.problem
    if problem.status == MIXED or problem.is_gateway:
        return True
    return problem.is_untouched and not problem.is_lasting
