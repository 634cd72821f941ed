"""Replies without end or of another kind, at each kind of call of both CRMs.

The limits are small here; whole replies of their real size meet a process of its own,
whose memory is measured.
"""

import gzip
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors import bodies
from connectors.base import Connector, Create, Pull, SetField
from connectors.errors import (
    ConnectorError,
    RateLimited,
    ReplyTooFull,
    ReplyTooLong,
    ReplyTooSlow,
)
from connectors.salesforce import bulk
from tests.worlds import small_org, small_portal
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_replies import Answer as PortalAnswer
from tests.worlds.hubspot_serving import serve as serve_portal
from tests.worlds.salesforce import Answer
from tests.worlds.salesforce_http import serve as serve_org
from tests.worlds.small_org import Company
from tests.worlds.small_portal import GRANT, LINKS, Hurry, token_desk

SOAK = "HANDOVER_SOAK" in os.environ
SMALL_BODY = 1 << 17
SMALL_COUNT = 10_000
KILOBYTE = b" " * 1024

LONG = {"raw": KILOBYTE, "repeat": 256}
BOMB = {"raw": gzip.compress(KILOBYTE * 256, 9), "encoding": "gzip"}
FULL = {"raw": b'{"results":[' + b"[]," * 10_000 + b"[]]}"}
ENDLESS: dict[str, tuple[dict[str, Any], type[ConnectorError]]] = {
    "a long reply": (LONG, ReplyTooLong),
    "a bomb": (BOMB, ReplyTooLong),
    "a long array": (FULL, ReplyTooFull),
}
STRANGE: dict[str, bytes] = {
    "a page": b"<html>Service Unavailable</html>",
    "no UTF-8": b'{"results":["\xff\xfe"]}',
    "a deep one": b"[" * 60_000,
}


@dataclass
class Attack:
    """Answers all calls of one kind so, and counts them."""

    is_meant: Callable[[Any], bool]
    answer: Any
    count: int = 0

    def __call__(self, call: Any) -> Any:
        if not self.is_meant(call):
            return None
        self.count += 1
        return self.answer


@dataclass
class World:
    """One CRM to be attacked."""

    kind: "Kind"
    faults: list[Any]
    answer: type[Any]
    crm: Connector
    keys: list[str]
    task: Create
    moves: list[SetField]

    def attack(self, *, status: int = 200, **wire: Any) -> Attack:
        body = wire.pop("body", "")
        attack = Attack(self.kind.is_meant, self.answer(status, body, **wire))
        self.faults.insert(0, attack)
        return attack

    def do(self) -> object:
        return self.kind.do(self)


@dataclass(frozen=True)
class Kind:
    """One kind of call: which one it is, and what makes it."""

    is_meant: Callable[[Any], bool]
    do: Callable[[World], object]


def pull(kind: str, *fields: str, since: datetime | None = None) -> Any:
    request = Pull(object=kind, fields=fields, since=since)
    return lambda world: list(world.crm.pull(request))


def write(world: World) -> list[str]:
    batches = world.crm.batches(world.moves)
    return [outcome.state for one in batches for outcome in world.crm.write(one)]


def ends(path: str, method: str = "") -> Callable[[Any], bool]:
    return lambda call: call.path.endswith(path) and method in ("", call.method)


def asks(words: str) -> Callable[[Any], bool]:
    return lambda call: words in call.query.get("q", "")


def identify(world: World) -> object:
    return world.crm.identify()


def find(world: World) -> object:
    return world.crm.find([world.task])


SINCE = datetime(2027, 1, 1, tzinfo=UTC)
ACCOUNTS = pull("Account", "Name")
ORG_KINDS = {
    "log in": Kind(ends("/token"), identify),
    "identity": Kind(asks("FROM Organization"), identify),
    "describe": Kind(ends("/describe"), ACCOUNTS),
    "query": Kind(asks("FROM Account"), ACCOUNTS),
    "next page": Kind(lambda call: "query/" in call.path, pull("User", "Name")),
    "bulk job": Kind(ends("/jobs/query"), ACCOUNTS),
    "bulk state": Kind(
        lambda call: "jobs/query/" in call.path and "results" not in call.path, ACCOUNTS
    ),
    "bulk results": Kind(ends("/results"), ACCOUNTS),
    "read": Kind(
        ends("sobjects/Account"), lambda w: w.crm.read("Account", w.keys, ["Name"])
    ),
    "find": Kind(asks("FROM Task"), find),
    "write": Kind(ends("composite/sobjects", "PATCH"), write),
}
PORTAL_KINDS = {
    "log in": Kind(ends("/token"), identify),
    "account": Kind(ends("/details"), identify),
    "properties": Kind(
        ends("/properties/companies"), lambda w: w.crm.describe("companies")
    ),
    "list": Kind(ends("/objects/companies"), pull("companies", "name")),
    "owners": Kind(ends("/owners/"), pull("owners", "id")),
    "search": Kind(ends("companies/search"), pull("companies", "name", since=SINCE)),
    "batch read": Kind(
        ends("companies/batch/read"),
        lambda w: w.crm.read("companies", w.keys, ["name"]),
    ),
    "links": Kind(
        lambda call: "associations" in call.path,
        pull("deals", "id", *LINKS, since=SINCE),
    ),
    "find": Kind(lambda call: "objects/tasks" in call.path, find),
    "write": Kind(ends("batch/update"), write),
}
CALLS = [("salesforce", kind) for kind in ORG_KINDS]
CALLS += [("hubspot", kind) for kind in PORTAL_KINDS]
READS = [call for call in CALLS if call[1] != "write"]
WRITES = [call for call in CALLS if call[1] == "write"]
PARSED = [call for call in READS if call[1] != "bulk results"]
NEEDED = [call for call in READS if call[1] not in {"bulk job", "bulk state"}]
"""Without Bulk API, records are read by REST."""
SAMPLE = READS if SOAK else [("salesforce", "query"), ("hubspot", "log in")]

parsed = pytest.mark.parametrize("world", PARSED, indirect=True, ids=" ".join)
needed = pytest.mark.parametrize("world", NEEDED, indirect=True, ids=" ".join)
reads = pytest.mark.parametrize("world", READS, indirect=True, ids=" ".join)
writes = pytest.mark.parametrize("world", WRITES, indirect=True, ids=" ".join)
sample = pytest.mark.parametrize("world", SAMPLE, indirect=True, ids=" ".join)
endless = pytest.mark.parametrize(("wire", "error"), ENDLESS.values(), ids=ENDLESS)


@pytest.fixture(autouse=True)
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BODY_LIMIT", "ERROR_LIMIT"):
        monkeypatch.setattr(bodies, name, SMALL_BODY)
    monkeypatch.setattr(bodies, "VALUES_LIMIT", SMALL_COUNT)
    monkeypatch.setattr(bulk, "ABOVE", 6)


@pytest.fixture
def world(
    request: pytest.FixtureRequest, org: Company, portal: Portal
) -> Iterator[World]:
    name, kind = request.param
    if name == "salesforce":
        yield from attacked_org(org, kind)
    else:
        yield from attacked_portal(portal, kind)


def attacked_org(org: Company, kind: str) -> Iterator[World]:
    org.page = 2
    keys = org.accounts(12)
    more: dict[str, object] = dict(small_org.CLIENT) if kind == "log in" else {}
    with serve_org(org) as address:
        yield World(
            kind=ORG_KINDS[kind],
            faults=org.faults,
            answer=Answer,
            crm=small_org.opened(address, org, **more),
            keys=keys,
            task=org.task(keys[0]),
            moves=org.moves(keys),
        )


def attacked_portal(portal: Portal, kind: str) -> Iterator[World]:
    keys = small_portal.companies(portal, 3)
    deal = portal.add("deals")
    portal.link("deals", deal, "companies", keys[0])
    grant: dict[str, object] = {"token": None, **GRANT} if kind == "log in" else {}
    portal.define("tasks", small_portal.KEY, unique=(small_portal.KEY,))
    if grant:
        token_desk(portal, every=100)
    with serve_portal(portal) as address:
        yield World(
            kind=PORTAL_KINDS[kind],
            faults=portal.faults,
            answer=PortalAnswer,
            crm=small_portal.opened(address, Hurry(), **grant),
            keys=keys,
            task=small_portal.task(keys[0]),
            moves=small_portal.moves(keys),
        )


@parsed
@endless
def test_a_reply_without_end_ends_the_work_at_the_first_call(
    world: World, wire: dict[str, Any], error: type[ConnectorError]
) -> None:
    attack = world.attack(**wire)
    with pytest.raises(ConnectorError) as caught:
        world.do()
    assert (type(caught.value), caught.value.exit_code) == (error, 7)
    assert attack.count == 1


@pytest.mark.parametrize("wire", [LONG, BOMB], ids=["long", "a bomb"])
@pytest.mark.parametrize(
    "world", [("salesforce", "bulk results")], indirect=True, ids=" ".join
)
def test_a_result_without_end_is_asked_for_in_smaller_pieces_and_then_given_up(
    world: World, wire: dict[str, Any]
) -> None:
    attack = world.attack(**wire)
    with pytest.raises(ReplyTooLong):
        world.do()
    assert attack.count == len(bulk.CHUNKS)


def test_a_result_that_is_long_for_one_reply_comes_in_smaller_pieces(
    org: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNKS", (100, 10))
    monkeypatch.setattr(bodies, "BODY_LIMIT", 16_384)
    keys = [org.add("Account", Name="x" * 300, OwnerId=org.sato) for _ in range(100)]
    org.page = 2
    with small_org.connected(org) as crm:
        found = small_org.rows(crm, "Account", "Name")
    assert sorted(small_org.ids(found)) == sorted(keys)


@parsed
def test_a_refusal_without_end_ends_the_work_as_well(world: World) -> None:
    attack = world.attack(status=500, **BOMB)
    with pytest.raises(ReplyTooLong):
        world.do()
    assert attack.count == 1


@writes
@endless
def test_a_write_with_a_reply_without_end_is_in_doubt(
    world: World, wire: dict[str, Any], error: type[ConnectorError]
) -> None:
    attack = world.attack(**wire)
    assert set(write(world)) == {"in_doubt"}, error
    assert attack.count == 1


@sample
def test_a_reply_that_trickles_ends_at_the_first_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    attack = world.attack(raw=b" ", repeat=1000, pause=0.02)
    monkeypatch.setattr(bodies, "WHOLE_SECONDS", 0.3)
    with pytest.raises(ReplyTooSlow):
        world.do()
    assert attack.count == 1


@needed
@pytest.mark.parametrize("body", STRANGE.values(), ids=STRANGE)
def test_what_is_no_json_is_never_a_mistake_of_ours(world: World, body: bytes) -> None:
    attack = world.attack(raw=body)
    with pytest.raises(ConnectorError) as caught:
        world.do()
    assert caught.value.exit_code in {4, 7}
    assert attack.count <= 6


@reads
@pytest.mark.parametrize("status", [429, 503])
def test_a_pause_of_a_day_ends_the_work_and_says_until_when(
    world: World, status: int
) -> None:
    attack = world.attack(status=status, headers={"Retry-After": "86400"})
    for _ in range(2):  # the second time, nothing is sent
        with pytest.raises(RateLimited) as caught:
            world.do()
        assert caught.value.exit_code == 7
        assert "2027-03-02" in str(caught.value.params["detail"])
    assert attack.count <= 2


@writes
def test_a_write_that_is_asked_to_wait_for_a_day_is_not_sent_again(
    world: World,
) -> None:
    attack = world.attack(status=429, headers={"Retry-After": "86400"})
    assert set(write(world)) == {"unsent"}
    assert attack.count == 1
