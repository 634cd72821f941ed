"""HTTP to HubSpot: one call out, parsed JSON back.

The only module that knows ``hubspot-api-client``. The client supplies connection pool,
proxy and certificates; paths, retries, time-outs, limits and parsing are ours, because
its typed calls cost ten times as much, hide 207, hang without a time-out, and hold any
reply whole.
"""

import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import NO_CONTENT, OK
from typing import Any
from urllib.parse import urlencode

import orjson
from hubspot.crm.objects import ApiClient, Configuration
from urllib3 import BaseHTTPResponse, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NewConnectionError,
    SSLError,
)

from connectors.bodies import (
    BodyBroken,
    Oversized,
    limit_time,
    parse_json,
    read_reply,
    whole_call,
)
from connectors.errors import Unreachable
from connectors.headers import read_count, read_date
from connectors.hosts import checked_address, user_agent
from connectors.hubspot.problems import (
    PortalProblem,
    list_errors,
    read_problem,
)
from connectors.masking import mask

TIMEOUT = (10.0, 120.0)
"""Seconds to connect and to wait; HubSpot itself gives up after 100 s (status 524)."""
CONNECTIONS = 8
DAILY = "X-HubSpot-RateLimit-Daily"
DAILY_LEFT = "X-HubSpot-RateLimit-Daily-Remaining"
BURST_LEFT = "X-HubSpot-RateLimit-Remaining"

BrokenOff = HTTPError
"""No reply, or not the whole of it."""
NeverSent = (ConnectTimeoutError, NewConnectionError)
"""Errors raised before the request was sent."""


@dataclass(frozen=True, kw_only=True)
class PortalRequest:
    """One call; a body makes it a POST."""

    path: str
    query: Sequence[tuple[str, str]] = ()
    body: Mapping[str, object] | None = None


@dataclass(frozen=True, kw_only=True)
class PortalReply:
    """A success: its parsed body, the server's time, and what calls are left."""

    data: Mapping[str, Any]
    server_time: datetime | None = None
    left: float | None = None
    """The share of the day's calls that all apps of the account may still make."""
    burst_left: int | None = None
    """How many calls we may still make within these ten seconds."""

    @property
    def results(self) -> list[dict[str, Any]]:
        """The records of a page; a page without is not an empty one.

        Raises:
            Unreachable: whoever answered, it was not this API.
        """
        found = self.data.get("results")
        if isinstance(found, list) and all(isinstance(one, dict) for one in found):
            return found
        raise Unreachable(source="hubspot", detail="a reply without results")

    @property
    def records(self) -> list[dict[str, Any]]:
        """The records of a page of objects.

        Raises:
            Unreachable: whoever answered, it was not this API.
        """
        found = self.results
        if all(
            one.get("id") and isinstance(one.get("properties"), dict) for one in found
        ):
            return found
        raise Unreachable(source="hubspot", detail="a record without id or properties")

    @property
    def errors(self) -> list[Mapping[str, Any]]:
        """What a reply says of inputs that failed (status 207)."""
        return list_errors(self.data)

    @property
    def written(self) -> list[dict[str, Any]]:
        """The records that a reply to a write names as done, if it names any."""
        found = self.data.get("results")
        listed = found if isinstance(found, list) else ()
        return [one for one in listed if isinstance(one, dict)]


class PortalRefusal(Exception):
    """HubSpot answered, and it was no success; ``problem`` says why."""

    def __init__(self, problem: PortalProblem) -> None:
        self.problem = problem
        super().__init__(problem.status)


class Wire:
    """The connections to one portal, for all threads."""

    def __init__(self, base_url: str, *, proxy: str = "", ca_file: str = "") -> None:
        """Set up the connection pool; nothing is sent yet.

        Raises:
            ForeignAddress: plain http to another machine.
        """
        self.base_url = checked_address(base_url, "hubspot")
        self.calls = 0
        self._lock = threading.Lock()
        configuration = Configuration(host=self.base_url)
        # urllib3 would sleep outside the limiter, and follow links to other hosts.
        configuration.retries = False
        configuration.connection_pool_maxsize = CONNECTIONS
        configuration.proxy = proxy or None
        configuration.ssl_ca_cert = ca_file or None
        self._client = ApiClient(configuration=configuration)
        limit_time(self._client.rest_client.pool_manager)

    def send(self, request: PortalRequest, token: str) -> PortalReply:
        """Make one call.

        Raises:
            PortalRefusal: it was answered, and not by a success.
            BrokenOff: it was not answered, or not to the end.
            Oversized: the answer goes beyond what a portal would send.
        """
        with self._lock:
            self.calls += 1
        headers = {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token}",
        }
        address = request.path
        if request.query:
            address += "?" + urlencode(request.query)
        if request.body is None:
            return self._request("GET", address, headers, token=token)
        body = orjson.dumps(request.body)
        return self._request("POST", address, headers, token=token, body=body)

    def post_form(self, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Post a form without a token; used by the log-in alone."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._request("POST", path, headers, body=urlencode(form)).data

    def _request(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        *,
        token: str = "",
        body: bytes | str | None = None,
    ) -> PortalReply:
        with whole_call():
            response = self._open(method, address, headers, body)
            content = _read_content(response)
        status: int = response.status
        if status != OK:
            content = _hide_token(token, content)
        if not 200 <= status < 300:
            raise PortalRefusal(read_problem(status, response.headers, content))
        if status == NO_CONTENT:
            content = b"{}"
        return _read_reply(response.headers, content)

    def _open(
        self,
        method: str,
        address: str,
        headers: Mapping[str, str],
        body: bytes | str | None,
    ) -> BaseHTTPResponse:
        """Send a request; return its reply, whose body is still to be read."""
        connect, read = TIMEOUT
        ours = {"Accept-Encoding": "gzip", "User-Agent": user_agent()}
        try:
            response: BaseHTTPResponse = self._client.rest_client.pool_manager.request(
                method,
                self.base_url + address,
                body=body,
                headers={**headers, **ours},
                timeout=Timeout(connect=connect, read=read),
                redirect=False,
                preload_content=False,
            )
        except SSLError as error:
            if isinstance(error.args[0], ssl.SSLCertVerificationError):
                problem = PortalProblem(status=0, message=str(error.args[0]))
                raise PortalRefusal(problem) from None
            raise
        return response


def _read_content(response: BaseHTTPResponse) -> bytes:
    """Read a body to its end, so that its connection can be used again.

    Raises:
        BrokenOff: it does not come to its end.
        Oversized: it is more than any reply of a portal.
    """
    try:
        content = read_reply(response)
    except (Oversized, BodyBroken, HTTPError) as error:
        response.close()
        if isinstance(error, Oversized):
            raise
        raise BrokenOff(type(error).__name__) from error
    response.release_conn()
    return content


def _hide_token(token: str, body: bytes) -> bytes:
    """Take the token out of a reply that quotes it: it may end in a message."""
    keep = "surrogateescape"
    return mask(body.decode("utf-8", keep), [token]).encode("utf-8", keep)


def _read_reply(headers: Mapping[str, str], body: bytes) -> PortalReply:
    try:
        data = parse_json(body)
    except orjson.JSONDecodeError as error:
        raise BrokenOff("the body is not JSON") from error
    if not isinstance(data, dict):
        raise BrokenOff("the body is not an object")
    return PortalReply(
        data=data,
        server_time=read_date(headers.get("Date")),
        left=_read_share_left(headers),
        burst_left=read_count(headers.get(BURST_LEFT)),
    )


def _read_share_left(headers: Mapping[str, str]) -> float | None:
    left, whole = read_count(headers.get(DAILY_LEFT)), read_count(headers.get(DAILY))
    return left / whole if left is not None and whole else None
