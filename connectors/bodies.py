"""Replies of a CRM, read up to limits, whatever they claim, unpack to or hold.

Every limit on one reply stands here, for both CRMs: its bytes once unpacked, its
seconds from the first byte to the last, and how much it holds. ``limit_time`` makes the
connections of a pool keep to the seconds, headers included: a socket's own time-out
begins again with each byte. What goes beyond a limit is ``Oversized``.
"""

import http.client
import io
import socket
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from urllib3 import BaseHTTPResponse, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from connectors.errors import (
    ConnectorError,
    ReplyTooFull,
    ReplyTooLong,
    ReplyTooSlow,
)

BLOCK = 1 << 16
"""Bytes that are read at once."""
BODY_LIMIT = 48 << 20
"""Bytes of one body, unpacked. A page of a CRM has some megabytes at most: what is
larger comes from somebody else, or would fill the memory (as text, a byte may become
four)."""
ERROR_LIMIT = 4 << 20
"""Bytes of a body that only says why there is no result."""
VALUES_LIMIT = 1_500_000
"""Values in one JSON body. Each takes up to 170 bytes of memory, however short it is
written; a page has some hundred thousand at most."""
WHOLE_SECONDS = 600.0
"""Seconds that one call may take in all: Salesforce gives up on its own side after ten
minutes (limits of the platform's API), HubSpot after 100 seconds."""

_MARKS = (b",", b"[", b"{")
"""Before every value and every key-value pair of JSON stands one of these."""


class BodyBroken(Exception):
    """A packed body is damaged, or ends before its end."""


class Oversized(Exception):
    """A reply goes beyond a limit; it would the next time as well."""

    def __init__(self, kind: type[ConnectorError], limit: tuple[str, int]) -> None:
        """Keep the error that this is to people, and the limit that it names."""
        self._kind = kind
        self._limit = limit
        super().__init__(kind.__name__)

    def to_error(self, source: str, what: str) -> ConnectorError:
        """Return the error that stops the connector; ``what`` is the path called."""
        name, limit = self._limit
        return self._kind(source=source, object=what, **{name: limit})


def _too_long(limit: int) -> Oversized:
    return Oversized(ReplyTooLong, ("megabytes", limit >> 20))


def read_reply(response: BaseHTTPResponse) -> bytes:
    """Read the body of a reply to its end, and unpack it on the way.

    Raises:
        Oversized: it goes beyond a limit; no more than that was held at any time.
        BodyBroken: it does not unpack.
        urllib3.exceptions.HTTPError: it does not come to its end.
    """
    is_result = 200 <= response.status < 300
    return read_body(
        lambda size: response.read1(size, decode_content=False),
        gzipped=response.headers.get("Content-Encoding", "").lower() == "gzip",
        limit=BODY_LIMIT if is_result else ERROR_LIMIT,
    )


def read_body(
    read: Callable[[int], bytes], *, gzipped: bool = False, limit: int = BODY_LIMIT
) -> bytes:
    """Read a body to its end, and unpack it on the way.

    Args:
        read: returns the next bytes, at most so many; none at the end.
        gzipped: the bytes are packed.
        limit: how many unpacked bytes the body may have.

    Raises:
        Oversized: it has more; no more than the limit was held at any time.
        BodyBroken: it does not unpack.
    """
    gzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16) if gzipped else None
    pieces: list[bytes] = []
    room = limit
    while block := read(BLOCK):
        if gzip is not None:
            if gzip.eof:
                raise BodyBroken("it goes on behind its end")
            try:
                block = gzip.decompress(block, room + 1)
            except zlib.error as error:
                raise BodyBroken(str(error)) from None
        room -= len(block)
        if room < 0:
            raise _too_long(limit)
        pieces.append(block)
    if gzip is not None and pieces and not gzip.eof:
        raise BodyBroken("it ends before its end")
    return b"".join(pieces)


def parse_json(body: bytes) -> Any:  # noqa: ANN401 - JSON
    """Parse a body; what it would become is counted before any of it is made.

    Commas within texts count as well, so the limit is far above what a CRM sends.

    Raises:
        Oversized: it holds too many values.
        orjson.JSONDecodeError: it is no JSON, not in UTF-8, or nested too deeply.
    """
    if sum(map(body.count, _MARKS)) > VALUES_LIMIT:
        raise Oversized(ReplyTooFull, ("values", VALUES_LIMIT))
    return orjson.loads(body)


@contextmanager
def whole_call() -> Iterator[None]:
    """Tell a call that took too long from one that broke off for another reason.

    Raises:
        Oversized: it ended by an error after all the seconds that it may take.
    """
    began = time.monotonic()
    try:
        yield
    except Exception:
        if time.monotonic() - began >= WHOLE_SECONDS:
            limit = ("seconds", round(WHOLE_SECONDS))
            raise Oversized(ReplyTooSlow, limit) from None
        raise


def limit_time(manager: PoolManager) -> None:
    """Let no reply over the connections of a pool take longer than it may."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _TimedBytes(io.RawIOBase):
    """The bytes of one reply, as long as its time is not over."""

    def __init__(self, connection: socket.socket, source: io.RawIOBase) -> None:
        self._connection = connection
        self._source = source
        self._patience = connection.gettimeout()
        self._ends = time.monotonic() + WHOLE_SECONDS

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:  # noqa: ANN401 - any buffer
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the whole reply takes too long")
        if self._patience is None or left < self._patience:
            self._connection.settimeout(left)
        return self._source.readinto(buffer)

    def close(self) -> None:
        self._source.close()
        super().close()


class _TimedReply(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *about: Any, **more: Any) -> None:  # noqa: ANN401 - http.client's own
        super().__init__(sock, *about, **more)
        self.fp = io.BufferedReader(_TimedBytes(sock, self.fp.detach()))


class _Connection(HTTPConnection):
    response_class = _TimedReply


class _SecureConnection(HTTPSConnection):
    response_class = _TimedReply


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection
