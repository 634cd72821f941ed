"""One request and its reply: the session, time-outs, and where a link may lead.

A reply is read to its end before anybody sees it, so a body that breaks off is never
taken for a result.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3 import PoolManager
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NewConnectionError,
    ProxyError,
)

from connectors.bodies import (
    BodyBroken,
    limit_time,
    parse_json,
    read_reply,
    whole_call,
)
from connectors.errors import ForeignAddress
from connectors.headers import read_date
from connectors.salesforce.problems import SOURCE

CONNECT_SECONDS = 10.0
READ_SECONDS = 130.0
"""Salesforce gives up on a query after two minutes."""
POOL = 16
"""Connections that are kept open: more than there ever are calls at a time."""


@dataclass(frozen=True, kw_only=True)
class OrgReply:
    """What came back, whole."""

    status: int
    content: bytes
    headers: Mapping[str, str]

    @cached_property
    def data(self) -> Any:  # noqa: ANN401 - JSON
        """Parse the body.

        Raises:
            orjson.JSONDecodeError: it is no JSON, a gateway's page say.
            Oversized: it holds more than any reply of an org.
        """
        return parse_json(self.content) if self.content else {}

    @property
    def server_time(self) -> datetime | None:
        """Return the server's clock."""
        return read_date(self.headers.get("Date"))


class ReplyBroken(Exception):
    """No whole reply came. ``sent``: the request may have reached the server."""

    def __init__(self, reason: str, *, sent: bool) -> None:
        self.sent = sent
        super().__init__(reason)


class Bearer(AuthBase):
    """Signs with a token; as an ``auth`` it also keeps .netrc out."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Unsigned(AuthBase):
    """Signs nothing, and keeps .netrc out."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave the request as it is."""
        return request


def new_session(
    headers: Mapping[str, str], *, proxy: str, ca_file: str, local: bool
) -> requests.Session:
    """Make the session of all threads; nothing of it changes afterwards.

    What every call needs is on the session, so no retry can lose it. Cookies would be
    shared state, and redirects are not followed.
    """
    session = _Session()
    session.headers.update(headers)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    adapter = _Adapter(pool_connections=2, pool_maxsize=POOL, max_retries=0)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    if local:
        session.trust_env = False
    elif proxy:
        session.proxies = {"http": proxy, "https": proxy}
    if ca_file:
        session.verify = ca_file
    return session


class _Session(requests.Session):
    """Leaves redirects alone: requests would read the body of one, however long."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return no address."""


class _Adapter(HTTPAdapter):
    """Connections whose replies keep to the time they may take."""

    poolmanager: PoolManager

    def init_poolmanager(self, *sizes: Any, **more: Any) -> None:  # noqa: ANN401 - requests' own
        super().init_poolmanager(*sizes, **more)
        limit_time(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **more: Any) -> PoolManager:  # noqa: ANN401 - requests' own
        manager: PoolManager = super().proxy_manager_for(proxy, **more)
        limit_time(manager)
        return manager


def send(
    session: requests.Session,
    method: str,
    url: str,
    auth: AuthBase,
    **content: Any,  # noqa: ANN401 - requests' own: params, data, headers
) -> OrgReply:
    """Send one request and read the reply to its end.

    Raises:
        ReplyBroken: no whole reply came.
        Oversized: it goes beyond a limit.
    """
    try:
        with (
            whole_call(),
            session.request(
                method,
                url,
                auth=auth,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                **content,
            ) as response,
        ):
            body = read_reply(response.raw)
    except (requests.RequestException, HTTPError, BodyBroken) as error:
        raise ReplyBroken(type(error).__name__, sent=not _never_left(error)) from None
    return OrgReply(status=response.status_code, content=body, headers=response.headers)


def _never_left(error: Exception) -> bool:
    """Return whether no connection was made at all."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(reason, NewConnectionError | ConnectTimeoutError | ProxyError)


def within(base_url: str, link: str) -> str:
    """Resolve a link of a reply; refuse one that leads to another server.

    Raises:
        ForeignAddress: scheme, host or port differ; nothing is sent there.
    """
    url = urljoin(base_url + "/", link)
    if _server(url) != _server(base_url):
        raise ForeignAddress(source=SOURCE, detail=urlsplit(url).netloc)
    return url


def _server(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
