"""Replies that are longer than any of HubSpot, plain or packed: a call ends."""

import gzip
from collections.abc import Callable, Iterator

import pytest

from connectors.base import Connector
from connectors.bodies import BODY_LIMIT, ERROR_LIMIT, BodyBroken, Oversized, read_body
from connectors.errors import ReplyTooLong
from tests.worlds import hubspot_faults as faults
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_replies import Answer
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import companies, moves, opened, rows, sent, states

MEGABYTE = b" " * 1024**2
PLAIN = Answer(200, "", raw=MEGABYTE, repeat=200)
BOMB = Answer(200, "", raw=gzip.compress(MEGABYTE * 200, 9), encoding="gzip")
ERROR = Answer(400, "", raw=MEGABYTE, repeat=200)


@pytest.fixture
def crm(portal: Portal) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address)


@pytest.mark.parametrize(
    "answer", [PLAIN, BOMB, ERROR], ids=["plain", "bomb", "an error"]
)
def test_a_reply_without_end_ends_a_read_at_the_first_try(
    portal: Portal, crm: Connector, answer: Answer
) -> None:
    companies(portal, 3)
    portal.faults.append(faults.times(answer, "objects/companies", 99))
    with pytest.raises(ReplyTooLong) as error:
        rows(crm, "companies", "id")
    assert error.value.exit_code == 7
    limit = BODY_LIMIT if answer.status == 200 else ERROR_LIMIT
    assert error.value.params["megabytes"] == limit >> 20
    assert len(portal.calls) == 1


def test_a_write_with_a_reply_without_end_is_in_doubt(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)
    portal.faults.append(faults.after_commit(portal, "batch/update", lambda _: BOMB))
    assert set(states(sent(crm, moves(keys)))) == {"in_doubt"}
    assert len(portal.commits) == 3
    assert set(crm.read("companies", keys, ["hubspot_owner_id"])) == set(keys)


def pour(*blocks: bytes) -> Callable[[int], bytes]:
    """Return a reader that gives some blocks, whatever it is asked for."""
    left = iter(blocks)
    return lambda _size: next(left, b"")


@pytest.mark.parametrize("gzipped", [True, False])
def test_a_body_is_read_up_to_the_limit_and_no_further(*, gzipped: bool) -> None:
    whole = b"x" * 1000
    sent = gzip.compress(whole) if gzipped else whole
    for limit in (1000, 1001):
        read = pour(sent[:7], sent[7:])
        found = read_body(read, gzipped=gzipped, limit=limit)
        assert found == whole
    with pytest.raises(Oversized):
        read_body(pour(sent), gzipped=gzipped, limit=999)


def test_a_packed_body_that_is_damaged_cut_or_goes_on_is_none() -> None:
    packed = gzip.compress(b"whole")
    for blocks in ([packed[:-3]], [b"no gzip"], [packed, packed]):
        with pytest.raises(BodyBroken):
            read_body(pour(*blocks), gzipped=True)
    assert read_body(pour(), gzipped=True) == b""
