"""One HubSpot portal: calls that keep to its limits, with its log-in.

A read changes nothing and is repeated. A write is repeated only while the portal turns
it away at the door, for the pace of all calls or a move of its data: with any other end
its effect may be there, and only reading can tell.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlsplit

from connectors.bodies import Oversized
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
from connectors.listings import Cursors
from connectors.pace import Limiter, retrying

Family = Literal["burst", "search"]
"""Which of the portal's two limits of pace a call counts into."""
ATTEMPTS = 6
"""How often a call is made in all."""
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
            raise self._give_up(refusal.problem, path) from None
        except BrokenOff as error:
            raise _silence(path, error) from None
        except Oversized as error:
            raise error.to_error("hubspot", path) from None

    def read_all(self, path: str) -> list[dict[str, Any]]:
        """Read a whole listing: all pages, if it has several.

        Raises:
            EndlessPages: they lead in a circle.
        """
        found: list[dict[str, Any]] = []
        cursors, after = PortalCursors(path), ""
        while True:
            reply = self.read(path, [("after", after)] if after else ())
            found += reply.results
            after = cursors.follow(reply.data)
            if not after:
                return found

    def write(self, path: str, body: Mapping[str, object]) -> PortalReply:
        """Send one write, again only where it was turned away for its pace alone.

        Raises:
            ReplyLost: the reply did not come, or does not say what happened.
            PortalRefusal: it certainly had no effect, and may be the input's fault.
            ConnectorError: it certainly had no effect, and no other call would have.
        """
        request = PortalRequest(path=path, body=body)
        attempt = 1
        while True:
            self._limiters["burst"].wait()
            try:
                return self._send_signed(request, "burst")
            except BrokenOff as error:
                if isinstance(error, NeverSent):
                    raise _silence(path, error) from None
                raise ReplyLost(type(error).__name__) from None
            except Oversized as error:
                raise ReplyLost(str(error)) from None
            except PortalRefusal as refusal:
                problem = refusal.problem
                passes = problem.is_throttled and not problem.is_lasting
                if not passes or attempt == ATTEMPTS:
                    raise self._judge_write(refusal, path) from None
            attempt += 1

    def _judge_write(self, refusal: PortalRefusal, path: str) -> Exception:
        """Return what a write that was refused for good is to raise."""
        problem = refusal.problem
        if problem.is_gateway:
            return ReplyLost(str(problem.status))
        is_of_all = problem.status in STRANGERS or problem.is_lasting
        if is_of_all or problem.is_throttled:
            return self._give_up(problem, path)
        return refusal

    def _give_up(self, problem: PortalProblem, path: str) -> ConnectorError:
        """Return the error of a problem that lasts; end all calls if it is the pace."""
        error = to_error(problem, path)
        if problem.is_throttled:
            self._stopped = error
        return error

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
        elif problem.is_untouched or problem.retry_after is not None:
            alone = family == "search" and problem.policy == "SECONDLY"
            self._limiters["search" if alone else "burst"].pause(problem.pause)


def _silence(path: str, error: Exception) -> ConnectorError:
    return Unreachable(source="hubspot", object=path, detail=type(error).__name__)


def _is_transient(error: BaseException) -> bool:
    """Return whether a read may succeed if it is repeated within this run."""
    if isinstance(error, BrokenOff):
        return True
    if not isinstance(error, PortalRefusal):
        return False
    problem = error.problem
    may_pass = problem.status == MIXED or problem.is_gateway or problem.is_untouched
    return may_pass and not problem.is_lasting


class PortalCursors(Cursors):
    """The cursors of one listing of a portal."""

    def __init__(self, listing: str, begin: str = "") -> None:
        """Begin a listing; ``begin`` is the cursor at which it is taken up again."""
        super().__init__("hubspot", listing, begin)

    def follow(self, page: Mapping[str, Any]) -> str:
        """Return the cursor behind a page; an empty one ends the listing.

        Args:
            page: whatever has a ``paging.next.after``: a reply, or an entry of one.

        Raises:
            EndlessPages: it leads to nothing that is new.
        """
        return self.check(find_cursor(page), _list_ids(page))


def _list_ids(page: Mapping[str, Any]) -> list[str] | None:
    """List what tells the entries of a page from each other, where all of them have it.

    Records and owners have an id, definitions a name, links the id of the other end.
    """
    entries = page.get("results", page.get("to"))
    if not isinstance(entries, list):
        return None
    found = [
        next((str(one[k]) for k in ("id", "name", "toObjectId") if one.get(k)), "")
        for one in entries
        if isinstance(one, dict)
    ]
    return found if all(found) else None


def find_cursor(page: Mapping[str, Any]) -> str:
    """Return where a page's ``paging`` leads; nowhere, if it is the last one."""
    found: object = page
    for name in ("paging", "next", "after"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return "" if found is None else str(found)
