"""One HubSpot portal over HTTP: calls out, parsed JSON back.

The only module that knows ``hubspot-api-client``. The client supplies connection pool,
proxy, certificates and exceptions; paths, retries, time-outs and parsing are ours,
because its typed calls cost ten times as much, hide 207 and hang without a time-out.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import orjson
from hubspot.crm.objects import ApiClient, ApiException, Configuration
from urllib3.exceptions import HTTPError

from connectors.errors import AuthenticationFailed, ForeignAddress, Unreachable
from connectors.hubspot.login import Login
from connectors.hubspot.objects import TOKEN
from connectors.hubspot.problems import (
    GATEWAY,
    UNTOUCHED,
    Problem,
    as_error,
    read_problem,
)
from connectors.pace import Limiter, retrying

Family = Literal["burst", "search"]
Exchange = Callable[[Mapping[str, str]], Mapping[str, object]]
"""Posts the token form and gives the parsed reply."""
ATTEMPTS = 6
CONNECT_SECONDS = 10.0
READ_SECONDS = 120.0
"""HubSpot gives up on a call of its own after 100 s (status 524)."""
PATIENCE = 120.0
"""The longest pause, in seconds, that a run waits for (477 may ask for a day)."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """A success: its status, parsed body and the server's time."""

    status: int
    data: Mapping[str, Any]
    server_time: datetime | None


class Lost(Exception):
    """A write left and no reply says whether it took effect."""


class Turned(Exception):
    """HubSpot answered, and it was no success; ``problem`` says why.

    Out of ``write`` it means that nothing was done.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__(problem.status)


class Portal:
    """Makes calls under the limiters, with the log-in, and counts them."""

    def __init__(
        self,
        *,
        base_url: str,
        login: Callable[[Exchange], Login],
        limiters: Mapping[Family, Limiter],
        proxy: str = "",
        ca_file: str = "",
    ) -> None:
        """Set up the connection pool; nothing is sent yet."""
        self.base_url = checked_address(base_url)
        self.login = login(self.exchange)
        self.calls = 0
        self._limiters = limiters
        self._client = _client(self.base_url, proxy, ca_file)

    @property
    def is_local(self) -> bool:
        """The portal is a server on this machine."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    def read(
        self,
        path: str,
        query: Sequence[tuple[str, str]] = (),
        *,
        body: Mapping[str, object] | None = None,
        family: Family = "burst",
    ) -> Reply:
        """Call something that changes nothing, patiently.

        Raises:
            ConnectorError: what ``as_error`` makes of a lasting problem.
        """
        limiter = self._limiters[family]
        policy = retrying(
            limiter, _is_transient, attempts=ATTEMPTS, retry_after=_quiet_time
        )
        method = "GET" if body is None else "POST"
        try:
            return policy(self._signed, limiter, method, path, query, body)
        except Turned as turned:
            raise as_error(turned.problem, path) from None
        except HTTPError as error:
            raise Unreachable(
                source="hubspot", object=path, detail=type(error).__name__
            ) from None

    def write(self, path: str, body: Mapping[str, object]) -> Reply:
        """Send one write, once.

        Raises:
            Lost: the reply did not come, or does not say what happened.
            Turned: it certainly had no effect.
            ConnectorError: we may not write at all.
        """
        limiter = self._limiters["burst"]
        limiter.wait()
        try:
            return self._signed(limiter, "POST", path, (), body)
        except HTTPError as error:
            raise Lost(type(error).__name__) from error
        except Turned as turned:
            problem = turned.problem
            if problem.status in {401, 403}:
                raise as_error(problem, path) from None
            if problem.status in GATEWAY:
                raise Lost(str(problem.status)) from None
            if (seconds := _quiet_time(turned)) is not None:
                limiter.pause(min(seconds, PATIENCE))
            raise

    def exchange(self, form: Mapping[str, str]) -> Mapping[str, object]:
        """Post the token form; used by the log-in alone."""
        url = self.base_url + TOKEN
        try:
            response = self._client.rest_client.request(
                "POST",
                url,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                post_params=dict(form),
                _preload_content=False,
                _request_timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
        except ApiException as error:
            problem = read_problem(error.status or 0, {}, error.body or b"")
            raise AuthenticationFailed(
                source="hubspot", detail=problem.message or str(problem.status)
            ) from None
        except HTTPError as error:
            raise Unreachable(source="hubspot", detail=type(error).__name__) from None
        data = orjson.loads(response.data)
        return data if isinstance(data, dict) else {}

    def _signed(
        self,
        limiter: Limiter,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: Mapping[str, object] | None,
    ) -> Reply:
        """Call with the token; with a new one if it is rejected, once."""
        token = self.login.token()
        try:
            return self._send(method, path, query, body, token)
        except Turned as turned:
            if turned.problem.status != 401 or not self.login.renew(token):
                raise
        limiter.wait()
        return self._send(method, path, query, body, self.login.token())

    def _send(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        body: Mapping[str, object] | None,
        token: str,
    ) -> Reply:
        self.calls += 1
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token}",
        }
        try:
            response = self._client.rest_client.request(
                method,
                self.base_url + path,
                query_params=list(query) or None,
                headers=headers,
                body=body,
                _preload_content=False,
                _request_timeout=(CONNECT_SECONDS, READ_SECONDS),
            )
            content = response.data
        except ApiException as error:
            raise Turned(
                read_problem(error.status or 0, error.headers or {}, error.body or b"")
            ) from None
        return _reply(response, content)


def _is_transient(error: BaseException) -> bool:
    """Tell whether a read may succeed if it is repeated within this run."""
    if isinstance(error, HTTPError):
        return True
    if not isinstance(error, Turned):
        return False
    problem = error.problem
    hopeless = problem.is_daily_limit or problem.pause > PATIENCE
    return problem.status in GATEWAY | UNTOUCHED and not hopeless


def _quiet_time(error: BaseException) -> float | None:
    if isinstance(error, Turned) and error.problem.status in UNTOUCHED:
        return error.problem.pause
    return None


def _reply(response: Any, content: bytes) -> Reply:  # noqa: ANN401 - urllib3's, untyped
    stamp = response.headers.get("Date")
    try:
        data = orjson.loads(content) if content else {}
    except orjson.JSONDecodeError as error:
        raise HTTPError("the body is not JSON") from error
    return Reply(
        status=response.status,
        data=data if isinstance(data, dict) else {"results": data},
        server_time=parsedate_to_datetime(stamp).astimezone(UTC) if stamp else None,
    )


def _client(base_url: str, proxy: str, ca_file: str) -> ApiClient:
    configuration = Configuration(host=base_url)
    configuration.retries = False  # urllib3 would sleep outside the limiter
    configuration.connection_pool_maxsize = 8
    configuration.proxy = proxy or None
    configuration.ssl_ca_cert = ca_file or None
    return ApiClient(configuration=configuration)


def checked_address(base_url: str) -> str:
    """Refuse plain http to any machine but this one (reliability P33)."""
    parts = urlsplit(base_url)
    if parts.scheme == "https" or (
        parts.scheme == "http" and is_loopback(parts.hostname or "")
    ):
        return base_url.rstrip("/")
    raise ForeignAddress(source="hubspot", detail=base_url)


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
