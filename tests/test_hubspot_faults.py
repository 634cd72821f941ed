"""HubSpot misbehaves over HTTP; the portal's own record of commits is the judge."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.base import Connector
from connectors.errors import (
    NotPermitted,
    RateLimited,
    Refused,
    Unreachable,
)
from connectors.hubspot import open_hubspot
from tests.worlds import hubspot_faults as faults
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_replies import Answer, Call, limited
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import (
    LINKS,
    LOST,
    TURNED,
    Hurry,
    Still,
    companies,
    moves,
    opened,
    rows,
    states,
)

Spoil = Callable[[Answer], Answer]
GATEWAYS = [500, 502, 504, 521, 524]


@pytest.fixture
def crm(portal: Portal, hurry: Hurry) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address, hurry)


# Reading


@pytest.mark.parametrize("status", GATEWAYS)
def test_a_gateway_page_is_tried_again(
    portal: Portal, crm: Connector, status: int
) -> None:
    keys = companies(portal, 250)
    portal.faults.append(
        faults.times(Answer(status, faults.CLOUDFLARE), "objects/companies", 3)
    )
    assert [row["id"] for row in rows(crm, "companies", "id")] == keys


@pytest.mark.parametrize("spoil", LOST)
def test_half_a_page_is_no_page(portal: Portal, crm: Connector, spoil: Spoil) -> None:
    keys = companies(portal, 250)
    portal.faults.append(faults.after_commit(portal, "objects/companies", spoil))
    assert [row["id"] for row in rows(crm, "companies", "id")] == keys


@pytest.mark.parametrize(("seconds", "answer"), TURNED.values(), ids=TURNED)
def test_a_page_is_read_when_the_portal_lets_us(
    portal: Portal, crm: Connector, hurry: Hurry, seconds: int, answer: Answer
) -> None:
    keys = companies(portal, 120)
    portal.faults.append(faults.once(answer, "objects/companies"))
    assert [row["id"] for row in rows(crm, "companies", "id")] == keys
    assert hurry.skipped == pytest.approx(seconds, abs=0.9)


@pytest.mark.parametrize("answer", [limited("SECONDLY"), Answer(429, "")])
def test_a_search_is_repeated_when_the_portal_lets_us(
    portal: Portal, crm: Connector, hurry: Hurry, answer: Answer
) -> None:
    keys = companies(portal, 120)
    portal.faults.append(faults.times(answer, "/search", 2))
    found = rows(crm, "companies", "id", since=portal.now)
    assert [row["id"] for row in found] == keys
    assert hurry.skipped == pytest.approx(2, abs=0.9)


def test_no_page_is_left_out_whichever_is_refused(
    portal: Portal, crm: Connector
) -> None:
    companies(portal, 450)
    for nth in range(5):
        seen = iter(range(100))

        def refuse(
            call: Call, nth: int = nth, seen: Iterator[int] = seen
        ) -> Answer | None:
            return (
                Answer(403, {"category": "MISSING_SCOPES"})
                if next(seen) == nth
                else None
            )

        portal.faults = [refuse]
        with pytest.raises(NotPermitted):
            rows(crm, "companies", "id")


def test_a_portal_that_stays_away_is_unreachable(
    portal: Portal, crm: Connector
) -> None:
    portal.faults.append(faults.always(Answer(200, "", drop=True)))
    with pytest.raises(Unreachable):
        rows(crm, "companies", "id")
    assert len(portal.calls) == 6


@pytest.mark.parametrize(
    "answer", [limited("DAILY"), Answer(477, {}, {"Retry-After": "86400"})]
)
def test_the_end_of_the_day_stops_everything_at_once(
    portal: Portal, crm: Connector, answer: Answer
) -> None:
    portal.faults.append(faults.always(answer))
    for _ in range(3):
        with pytest.raises(RateLimited):
            rows(crm, "companies", "id")
    assert len(portal.calls) == 1


def test_the_limits_are_kept_without_a_single_refusal(portal: Portal) -> None:
    hurry = Still()
    portal.clock = hurry.clock
    portal.rate, portal.search_rate = 40, 5
    companies(portal, 4000)
    portal.now += timedelta(hours=1)
    mark, keys = portal.now, companies(portal, 2500)
    with serve(portal) as address:
        crm = opened(address, hurry, rate={"burst": 40, "search": 5})
        assert len(rows(crm, "companies", "id")) == 6500
        found = rows(crm, "companies", "id", since=mark)
    assert [row["id"] for row in found] == keys
    assert portal.rejections == 0


@pytest.mark.skipif("HANDOVER_SOAK" not in os.environ, reason="takes half a minute")
def test_several_lists_at_once_earn_no_refusal(portal: Portal) -> None:
    portal.rate, portal.search_rate = 60, 5
    for kind in ("companies", "contacts", "deals", "tasks"):
        for _ in range(1500):
            portal.add(kind)
    given = {"token": TOKEN, "rate": {"burst": 60, "search": 5}}
    with serve(portal) as address, ThreadPoolExecutor(8) as pool:
        crm = open_hubspot({"base_url": address, **given})
        pulls = [
            pool.submit(rows, crm, kind, "id", since=since)
            for kind in ("companies", "contacts", "deals", "tasks")
            for since in (None, portal.now)
        ]
        assert [len(pull.result()) for pull in pulls] == [1500] * 8
    assert portal.rejections == 0


def test_calls_of_others_count_into_the_ten_seconds(portal: Portal) -> None:
    hurry = Still()
    portal.clock = hurry.clock
    portal.rate = 20
    companies(portal, 3000)
    with serve(portal) as address:
        for _ in range(2):  # one command right after the other
            crm = opened(address, hurry, rate={"burst": 20, "search": 5})
            assert len(rows(crm, "companies", "id")) == 3000
    assert portal.rejections == 0


def test_a_portal_with_a_smaller_allowance_is_not_stormed(portal: Portal) -> None:
    hurry = Still()
    portal.clock = hurry.clock
    portal.rate = 10  # and we believe 190
    companies(portal, 4000)
    with serve(portal) as address:
        crm = opened(address, hurry, rate={"burst": 190, "search": 5})
        assert len(rows(crm, "companies", "id")) == 4000
    assert portal.rejections == 0


INTERNAL = {"status": "error", "category": "INTERNAL_ERROR", "message": "no luck"}


def partly(portal: Portal, when: str, count: int) -> None:
    """Answer a batch read with 207: its first record could not be read."""
    left = iter(range(count))

    def fault(call: Call) -> Answer | None:
        if when not in call.path or next(left, None) is None:
            return None
        answer = portal.take(call)
        assert isinstance(answer.body, dict)
        answer.body["results"] = answer.body["results"][1:]
        answer.body["errors"] = [INTERNAL]
        return replace(answer, status=207)

    portal.faults.append(fault)


def test_a_part_of_a_batch_is_not_taken_for_the_whole(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)
    partly(portal, "batch/read", 2)
    assert set(crm.read("companies", [*keys, "1"], ["name"])) == set(keys)
    partly(portal, "batch/read", 100)
    with pytest.raises(Unreachable):
        crm.read("companies", keys, ["name"])


def test_links_that_could_not_be_read_are_not_missing(
    portal: Portal, crm: Connector
) -> None:
    (company,) = companies(portal, 1)
    deal, alone = portal.add("deals"), portal.add("deals")
    portal.link("deals", deal, "companies", company)
    partly(portal, "associations", 2)
    found = rows(crm, "deals", "id", *LINKS, since=portal.now)
    assert {row["id"]: row["associations"] for row in found} == {
        deal: {"companies": [company]},
        alone: {"companies": []},
    }


def test_a_stalled_answer_does_not_hang_a_run(
    portal: Portal, crm: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.hubspot.wire.TIMEOUT", (0.1, 0.1))
    keys = companies(portal, 1)
    crm.describe("companies")
    crm.read("owners", ["7"], [])
    portal.faults.append(faults.stalled(0.3))
    with pytest.raises(Unreachable):
        rows(crm, "companies", "id")
    assert states(crm.write(moves(keys))) == ["in_doubt"]


def test_what_the_portal_does_not_understand_is_not_asked_twice(
    portal: Portal, crm: Connector
) -> None:
    portal.faults.append(faults.always(Answer(400, {"message": "bad"})))
    with pytest.raises(Refused):
        rows(crm, "companies", "id")
    assert len(portal.calls) == 1


def test_calls_are_counted_one_by_one_by_all_threads(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 1)
    gate = threading.Barrier(8)

    def ask() -> None:
        gate.wait()
        for _ in range(20):
            crm.read("companies", keys, ["name"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _n: ask(), range(8)))
    assert crm.calls == len(portal.calls) == 160


@pytest.mark.parametrize(
    "results", [["a text"], [None], [{}], [{"id": "7"}], "text", [{"from": {}}]]
)
@pytest.mark.parametrize("when", ["objects/deals", "associations", "owners", "search"])
def test_no_shape_of_a_page_is_a_crash_or_an_empty_one(
    portal: Portal, crm: Connector, results: object, when: str
) -> None:
    (company,) = companies(portal, 1)
    deal = portal.add("deals")
    portal.link("deals", deal, "companies", company)
    body = {"results": results}
    portal.faults.append(faults.times(Answer(200, body), when, 99))
    kind, since = ("owners", None) if when == "owners" else ("deals", portal.now)
    fields = ("id",) if kind == "owners" else ("id", *LINKS)
    if when == "owners" and results in ([{}], [{"id": "7"}], [{"from": {}}]):
        return  # an owner may have nothing but an id
    with pytest.raises(Unreachable):
        rows(crm, kind, *fields, since=since)
