"""Headers of any content are read as what they say, or as nothing."""

import contextlib
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import bodies
from connectors.errors import ConnectorError, EndlessPages
from connectors.headers import (
    add_pause,
    read_count,
    read_date,
    read_retry_after,
)
from connectors.listings import Cursors
from connectors.salesforce.client import DailyShare
from connectors.salesforce.problems import read_problem as read_org_problem
from tests.worlds import small_org, small_portal
from tests.worlds.salesforce import Org
from tests.worlds.serving import listening

HOSTILE = [
    "9" * 5000,
    "²",
    "٣",
    "-1",
    "1e400",
    "nan",
    "Mon, 01 Jan 99999999999999 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Mon, 01 Jan 2024 00:00:00 +99999999999999",
    "Mon, 01 Jan 2024 00:00:00 -0000",
    "api-usage=" + "9" * 5000 + "/1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_header_is_too_strange_to_be_read(text: str) -> None:
    check(text)


@given(st.text(alphabet=st.characters(max_codepoint=255)))
def test_no_text_is_too_strange_either(text: str) -> None:
    check(text)


def check(text: str) -> None:
    headers = {"Retry-After": text, "Date": text}
    now = read_date(text)
    assert now is None or 1999 < now.year < 2200
    seconds = read_retry_after(headers)
    assert seconds is None or 0 <= seconds < float("inf")
    add_pause("words", seconds, now)
    assert (read_count(text) or 0) < 10**18
    problem = read_org_problem(429, text.encode(), headers)
    assert isinstance(problem.said, str)
    DailyShare(0.8).heed(text)


def test_a_time_without_a_zone_is_that_of_greenwich() -> None:
    """As RFC 9110 wants it, wherever this machine is."""
    expected = datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert read_date("Mon, 01 Mar 2027 12:00:00 -0000") == expected
    assert read_date("Mon, 01 Mar 2027 21:00:00 +0900") == expected


def test_each_cursor_and_each_page_is_met_once() -> None:
    cursors = Cursors("files", "accounts", "begin")
    assert cursors.check("a", ["1"]) == "a"
    assert cursors.check("", ["1"]) == ""
    for cursor, ids in (("a", ["2"]), ("begin", ["3"]), ("b", ["1"])):
        with pytest.raises(EndlessPages):
            cursors.check(cursor, ids)
    assert cursors.check("c", None) == "c"


def test_a_page_may_be_empty_twice() -> None:
    cursors = Cursors("files", "accounts")
    for cursor in "ab":
        cursors.check(cursor, [])
    cursors.check("c", ["1"])
    for cursor in "de":
        cursors.check(cursor, [])
    with pytest.raises(EndlessPages):
        cursors.check("f", [])


def drip(begin: bytes, more: bytes) -> Callable[[socket.socket], None]:
    """Begin a reply, and go on with it slowly and for ever."""

    def answer(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(1 << 16)
            client.sendall(begin)
            for _ in range(1000):
                client.sendall(more)
                time.sleep(0.01)

    return answer


OPENED: dict[str, Callable[[str], Any]] = {
    "salesforce": lambda address: small_org.opened(address, Org()),
    "hubspot": small_portal.opened,
}
HEADS = {
    "a status line": (b"HTTP/1.1 2", b"0"),
    "a header": (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "promises to go on": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("opened", OPENED.values(), ids=OPENED)
@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_a_head_without_end_is_given_up_after_the_seconds_of_a_whole_reply(
    opened: Callable[[str], Any],
    head: tuple[bytes, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "WHOLE_SECONDS", 0.1)
    with listening(drip(*head)) as address, pytest.raises(ConnectorError) as caught:
        opened(address).identify()
    assert caught.value.code == "reply_too_slow"


@pytest.mark.parametrize("opened", OPENED.values(), ids=OPENED)
def test_too_many_headers_are_no_answer(opened: Callable[[str], Any]) -> None:
    def answer(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(1 << 16)
            client.sendall(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n{}")

    with listening(answer) as address, pytest.raises(ConnectorError) as caught:
        opened(address).identify()
    assert caught.value.exit_code == 7


def test_a_redirect_with_a_body_without_end_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bodies, "ERROR_LIMIT", 1 << 16)
    head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 99999999\r\n\r\n"
    sent: list[int] = []

    def answer(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(1 << 16)
            client.sendall(head)
            for _ in range(1000):
                client.sendall(b" " * (1 << 16))
                sent.append(1)

    for opened in OPENED.values():
        with listening(answer) as address, pytest.raises(ConnectorError) as caught:
            opened(address).identify()
        assert caught.value.code == "reply_too_long"
    assert len(sent) < 1500
