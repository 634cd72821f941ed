"""One org: calls out, replies back, under its limits and with its log-in.

Reads are repeated patiently. A write leaves once; only what was certainly turned away
at the door is sent again.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import orjson
from tenacity import Retrying

from connectors.bodies import Oversized
from connectors.errors import (
    AuthenticationFailed,
    ReplyLost,
    Unreachable,
)
from connectors.hosts import is_loopback, user_agent
from connectors.masking import mask
from connectors.pace import Limiter, retrying
from connectors.salesforce.client import DailyShare, paths
from connectors.salesforce.effects import ALLOW_DUPLICATES, AUTO_ASSIGN
from connectors.salesforce.login import Answer, OrgLogin, Token
from connectors.salesforce.problems import (
    EXPIRED,
    SOURCE,
    OrgProblem,
    as_error,
    read_problem,
)
from connectors.salesforce.replies import login_answer
from connectors.salesforce.wire import (
    Bearer,
    OrgReply,
    ReplyBroken,
    Unsigned,
    new_session,
    send,
    within,
)

log = logging.getLogger(__name__)

ATTEMPTS = 6
PATIENCE_SECONDS = 120.0
"""No read begins again after so long: a server that stalled once would stall again, and
a run that ends goes on where it stopped."""
LOGIN_ATTEMPTS = 3
WRITE_ATTEMPTS = 5
SIGNINGS = 20
"""Tokens that one call is tried with while others are let in: sessions that end all the
time may turn one call away again and again, but not for ever."""
AT_ONCE = 8
"""Calls at a time: far from the 25 long ones that the whole org may have."""
THROTTLE_SECONDS = 2.0
"""Quiet for all threads when the org has too much to do at once."""

JSON = "application/json"

Value = TypeVar("Value")
Method = Literal["GET", "POST", "PATCH"]


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where an org is and how to reach it."""

    base_url: str
    login_url: str
    version: str
    proxy: str = ""
    ca_file: str = ""
    allow_duplicates: bool = False
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Never to be part of a message."""


class OrgRefusal(Exception):
    """Salesforce answered, and it was no success; nothing was done."""

    def __init__(self, problem: OrgProblem) -> None:
        self.problem = problem
        super().__init__(problem.code or problem.status)


class _NotReady(Exception):
    """What was asked for takes longer."""


class Org:
    """Makes calls and counts them."""

    def __init__(
        self,
        connection: Connection,
        login: OrgLogin,
        limiter: Limiter,
        *,
        daily_share: float = 0.8,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Set up the session; nothing is sent yet."""
        self.base_url = connection.base_url
        self.version = connection.version
        self.is_local = is_loopback(urlsplit(self.base_url).hostname or "")
        self._limiter = limiter
        self._sleep = sleep
        self._connection = connection
        self._login = login
        self.headers = _headers(connection)
        """What every call carries, also when it is sent again."""
        self._session = new_session(
            self.headers,
            proxy=connection.proxy,
            ca_file=connection.ca_file,
            local=self.is_local,
        )
        self._paths = paths(self.base_url, connection.version, self._session)
        self._daily = DailyShare(daily_share)
        self._free = threading.BoundedSemaphore(AT_ONCE)
        self._counting = threading.Lock()
        self.calls = 0
        self.server_time: datetime | None = None
        """The server's clock as of its last reply."""

    @property
    def token(self) -> Token:
        """Log in if need be, and tell who we are as far as the log-in said."""
        return self._login.token(self._exchange)

    def read(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: object = None,
    ) -> OrgReply:
        """Call something that changes nothing, patiently; the reply is JSON.

        Raises:
            OrgRefusal: a lasting problem; ``as_error`` makes an error of it.
            ConnectorError: no answer, no allowance, or no log-in.
        """
        return self._patiently(path, params, body, lambda reply: reply.data)

    def download(
        self,
        path: str,
        params: Mapping[str, str],
        check: Callable[[OrgReply], object],
    ) -> OrgReply:
        """Read a table, patiently; ``check`` raises ``ReplyBroken`` for anything else.

        Raises:
            OrgRefusal: a lasting problem; ``as_error`` makes an error of it.
            ConnectorError: no answer, no allowance, no log-in, or never such a table.
        """
        return self._patiently(path, params, None, check, accept="text/csv")

    def data(self, path: str, params: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Read something, turning every problem into the error that stops a run."""
        try:
            return self.read(path, params).data
        except OrgRefusal as turned:
            raise as_error(turned.problem, path) from None

    def write(self, method: Method, path: str, body: object) -> OrgReply:
        """Send a change once.

        Raises:
            OrgRefusal: nothing was done.
            ConnectorError: nothing was sent.
            ReplyLost: it may have been done.
        """
        policy = self._policy(
            lambda error: isinstance(error, OrgRefusal) and error.problem.is_passing,
            WRITE_ATTEMPTS,
        )
        try:
            reply: OrgReply = policy(self._signed, method, path, _content(body=body))
            _ = reply.data
        except ReplyBroken as broken:
            if broken.sent:
                raise ReplyLost(str(broken)) from None
            raise Unreachable(source=SOURCE, detail=str(broken)) from None
        except orjson.JSONDecodeError:
            raise ReplyLost("the reply is no JSON") from None
        except Oversized as over:
            raise ReplyLost(str(over)) from None
        except OrgRefusal as turned:
            if turned.problem.leaves_doubt:
                raise ReplyLost(turned.problem.said) from None
            if turned.problem.is_lasting:
                raise as_error(turned.problem, path) from None
            raise
        return reply

    def until(self, ready: Callable[[], Value | None], attempts: int) -> Value | None:
        """Ask again and again, ever more slowly; None when it never became ready."""

        def ask() -> Value:
            if (found := ready()) is None:
                raise _NotReady
            return found

        try:
            return self._policy(lambda e: isinstance(e, _NotReady), attempts)(ask)
        except _NotReady:
            return None

    def rest(self, seconds: float) -> None:
        """Let no call leave for a while."""
        self._limiter.pause(seconds)

    def clean(self, text: str) -> str:
        """Take our secrets out of a text that came back."""
        token = self._login.current
        return mask(text, (*self._connection.secrets, token.value if token else ""))

    def _policy(
        self,
        is_transient: Callable[[BaseException], bool],
        attempts: int,
        within: float = math.inf,
    ) -> Retrying:
        return retrying(
            self._limiter,
            is_transient,
            attempts=attempts,
            within=within,
            retry_after=_quiet_time,
            sleep=self._sleep,
        )

    def _patiently(
        self,
        path: str,
        params: Mapping[str, str] | None,
        body: object,
        check: Callable[[OrgReply], object],
        *,
        accept: str = JSON,
    ) -> OrgReply:
        policy = self._policy(_is_transient, ATTEMPTS, PATIENCE_SECONDS)

        def attempt() -> OrgReply:
            method: Method = "GET" if body is None else "POST"
            reply = self._signed(method, path, _content(params, body, accept))
            check(reply)
            return reply

        try:
            return policy(attempt)
        except Oversized as over:
            raise over.to_error(SOURCE, path.partition("?")[0]) from None
        except (ReplyBroken, orjson.JSONDecodeError) as error:
            detail = f"{path.partition('?')[0]}: {error}"
            raise Unreachable(source=SOURCE, detail=detail) from None
        except OrgRefusal as turned:
            if turned.problem.is_transient or turned.problem.is_lasting:
                raise as_error(turned.problem, path) from None
            raise

    def _signed(
        self, method: Method, path: str, content: Mapping[str, Any]
    ) -> OrgReply:
        """Send with the shared token, after a 401 again with a new one.

        A 401 that stays while other calls are let in is about this call.
        """
        token = self.token
        for _ in range(SIGNINGS):
            try:
                reply = self._send(method, path, token, content)
            except OrgRefusal as turned:
                if turned.problem.status != EXPIRED:
                    self._login.accepted()
                    raise
                token = self._login.renew(token, self._exchange)
            else:
                self._login.accepted()
                return reply
        raise AuthenticationFailed(
            source=SOURCE, detail="the org lets other calls in, and never this one"
        )

    def _send(
        self, method: Method, path: str, token: Token, content: Mapping[str, Any]
    ) -> OrgReply:
        url = self._url(path)
        with self._free:
            self._daily.check()  # whoever waited here may have waited too long
            self._count()
            reply = send(self._session, method, url, Bearer(token.value), **content)
        return self._judged(reply, path)

    def _judged(self, reply: OrgReply, path: str) -> OrgReply:
        """Heed what the org says of its limits, and let only a success through."""
        self.server_time = reply.server_time or self.server_time
        self._daily.heed(reply.headers.get("Sforce-Limit-Info"))
        if 300 <= reply.status < 400:
            within(self.base_url, reply.headers.get("Location") or "/")
            raise ReplyBroken("redirected", sent=True)
        if reply.status < 300:
            return reply
        problem = read_problem(
            reply.status,
            self.clean(reply.content.decode("utf-8", "replace")).encode(),
            reply.headers,
        )
        if problem.is_daily_limit:
            self._daily.end()
        elif problem.is_lasting:
            self._daily.end(as_error(problem, path))
        log.debug("HTTP %s %s", problem.status, problem.code)
        raise OrgRefusal(problem)

    def _url(self, path: str) -> str:
        """Resolve a path of this API version, or a link that a reply gave."""
        if "/services/" in path or "://" in path or path.startswith("//"):
            return within(self.base_url, path)
        return self._paths.data + path

    def _exchange(self, form: Mapping[str, str]) -> Answer:
        """Post to the token address, again only where nothing answers."""
        policy = self._policy(
            lambda error: isinstance(error, Unreachable),
            LOGIN_ATTEMPTS,
            PATIENCE_SECONDS,
        )
        return policy(self._answer, form)

    def _answer(self, form: Mapping[str, str]) -> Answer:
        self._count()
        url = self._connection.login_url + self._paths.login + "token"
        try:
            reply = send(self._session, "POST", url, Unsigned(), data=dict(form))
            return login_answer(reply, self._connection.login_url)
        except Oversized as over:
            raise over.to_error(SOURCE, "log-in") from None
        except ReplyBroken as broken:
            raise Unreachable(source=SOURCE, detail=f"log-in: {broken}") from None

    def _count(self) -> None:
        with self._counting:
            self.calls += 1


def _content(
    params: Mapping[str, str] | None = None, body: object = None, accept: str = JSON
) -> Mapping[str, Any]:
    """Return what a request carries, in the words of requests."""
    headers = {"Accept": accept}
    if body is None:
        return {"params": params, "headers": headers}
    headers["Content-Type"] = JSON
    return {"params": params, "headers": headers, "data": orjson.dumps(body)}


def _headers(connection: Connection) -> dict[str, str]:
    headers = {
        "Accept": JSON,
        "Accept-Encoding": "gzip",
        "X-PrettyPrint": "0",
        "User-Agent": user_agent(),
        **AUTO_ASSIGN,
    }
    return headers | (ALLOW_DUPLICATES if connection.allow_duplicates else {})


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, OrgRefusal):
        return error.problem.is_transient
    return isinstance(error, ReplyBroken | orjson.JSONDecodeError)


def _quiet_time(error: BaseException) -> float | None:
    if isinstance(error, OrgRefusal) and error.problem.is_passing:
        return error.problem.retry_after or THROTTLE_SECONDS
    return None
