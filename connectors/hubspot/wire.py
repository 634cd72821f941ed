"""HTTP to HubSpot: one call out, parsed JSON back.

The only module that knows ``hubspot-api-client``. The client supplies connection pool,
proxy, certificates and exceptions; paths, retries, time-outs and parsing are ours,
because its typed calls cost ten times as much, hide 207 and hang without a time-out.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http.client import NO_CONTENT, OK
from typing import Any

import orjson
from hubspot.crm.objects import ApiClient, ApiException, Configuration
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from connectors.errors import Unreachable
from connectors.hosts import checked_address, user_agent
from connectors.hubspot.problems import (
    PortalProblem,
    list_errors,
    read_date,
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

    def send(self, request: PortalRequest, token: str) -> PortalReply:
        """Make one call.

        Raises:
            PortalRefusal: it was answered, and not by a success.
            BrokenOff: it was not answered, or not to the end.
        """
        with self._lock:
            self.calls += 1
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token}",
        }
        method = "GET" if request.body is None else "POST"
        return self._request(
            method,
            request.path,
            headers,
            query_params=list(request.query) or None,
            body=request.body,
        )

    def post_form(self, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Post a form without a token; used by the log-in alone."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._request("POST", path, headers, post_params=dict(form)).data

    def _request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        **content: object,
    ) -> PortalReply:
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        try:
            response = self._client.rest_client.request(
                method,
                self.base_url + path,
                headers={**headers, "User-Agent": user_agent()},
                _preload_content=False,
                _request_timeout=TIMEOUT,
                **content,
            )
            body = response.data
        except ApiException as error:
            said = _hide_token(token, error.body or b"")
            raise PortalRefusal(
                read_problem(error.status or 0, error.headers or {}, said)
            ) from None
        if response.status == NO_CONTENT:
            body = b"{}"
        elif response.status != OK:
            body = _hide_token(token, body)
        return _read_reply(response.headers, body)


def _hide_token(token: str, body: bytes) -> bytes:
    """Take the token out of a reply that quotes it: it may end in a message."""
    keep = "surrogateescape"
    return mask(body.decode("utf-8", keep), [token]).encode("utf-8", keep)


def _read_reply(headers: Mapping[str, str], body: bytes) -> PortalReply:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        # urllib3 makes an empty body of a compressed one that is cut short.
        raise BrokenOff("the body is not JSON") from error
    if not isinstance(data, dict):
        raise BrokenOff("the body is not an object")
    return PortalReply(
        data=data,
        server_time=read_date(headers.get("Date")),
        left=_read_share_left(headers),
        burst_left=_read_number(headers.get(BURST_LEFT)),
    )


def _read_share_left(headers: Mapping[str, str]) -> float | None:
    left, whole = (
        _read_number(headers.get(DAILY_LEFT)),
        _read_number(headers.get(DAILY)),
    )
    return left / whole if left is not None and whole else None


def _read_number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
