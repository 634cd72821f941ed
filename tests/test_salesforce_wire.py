"""The line to Salesforce: time-outs, proxies, and no call to anybody else."""

import contextlib
import socket
import time
from collections.abc import Iterator

import pytest

from connectors.errors import ConnectorError, ForeignAddress, ReplyTooSlow, Unreachable
from connectors.salesforce.crm import SalesforceCRM
from tests.worlds.salesforce import Answer, Org
from tests.worlds.serving import listening
from tests.worlds.small_org import Company, connected, once, opened, rows


@pytest.fixture
def crm(org: Company) -> Iterator[SalesforceCRM]:
    with connected(org) as crm:
        yield crm


@pytest.mark.parametrize(
    "link",
    ["https://evil.example/x", "//evil.example/services/x", "http://127.0.0.1:1/x"],
)
def test_links_to_another_server_are_not_followed(
    org: Company, crm: SalesforceCRM, link: str
) -> None:
    body = {"totalSize": 2, "done": False, "records": [], "nextRecordsUrl": link}
    org.faults.append(once(Answer(200, body), "/query"))
    with pytest.raises(ForeignAddress):
        rows(crm, "Account")


def test_redirects_are_not_followed(org: Company, crm: SalesforceCRM) -> None:
    org.faults.append(
        lambda _call: Answer(302, "", {"Location": "https://evil.example/"})
    )
    with pytest.raises(ForeignAddress):
        rows(crm, "Account")


def test_a_server_that_stalls_does_not_hold_us(
    org: Company, crm: SalesforceCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.salesforce.wire.READ_SECONDS", 0.05)
    monkeypatch.setattr("connectors.salesforce.org.PATIENCE_SECONDS", 0.04)
    with org.stall(0.12), pytest.raises(ConnectorError) as caught:
        crm.identify()
    assert caught.value.exit_code == 7
    assert len(org.calls) == 1


def test_a_reply_that_only_trickles_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.bodies.WHOLE_SECONDS", 0.1)

    def trickle(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.recv(1 << 16)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            for _ in range(1000):  # for ten seconds
                client.sendall(b" ")
                time.sleep(0.01)

    began = time.monotonic()
    with listening(trickle) as address, pytest.raises(ReplyTooSlow):
        opened(address, Org()).identify()
    assert time.monotonic() - began < 5


def test_a_proxy_is_asked_for_the_org_and_learns_no_token() -> None:
    heard: list[bytes] = []

    def answer(client: socket.socket) -> None:
        with client:
            heard.append(client.recv(1 << 16))
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

    with listening(answer) as proxy, pytest.raises(Unreachable):
        opened("https://example.my.salesforce.com", Org(), proxy=proxy).identify()
    assert heard[0].startswith(b"CONNECT example.my.salesforce.com:443")
    assert all(Org().token.encode() not in text for text in heard)
