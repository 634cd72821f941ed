"""HubSpot misbehaves over HTTP; the portal's own record of commits is the judge."""

import base64
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import quote

import pytest

from connectors.base import Connector
from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    ForeignAddress,
    NotPermitted,
    RateLimited,
    Refused,
    Unreachable,
)
from tests.crm import hubspot_faults as faults
from tests.crm.hubspot import Portal
from tests.crm.hubspot_data import TOKEN
from tests.crm.hubspot_replies import Answer, Call, limited
from tests.crm.hubspot_serving import serve
from tests.crm.serving import serving
from tests.portals import (
    Hurry,
    companies,
    moves,
    opened,
    rows,
    sent,
    small_portal,
    states,
    task,
)

Spoil = Callable[[Answer], Answer]
LOST = [faults.cut_short, faults.too_short, faults.too_long, faults.gateway]
TURNED = {
    "ten seconds": (10, limited("TEN_SECONDLY_ROLLING")),
    "with a time": (3, limited("TEN_SECONDLY_ROLLING", **{"Retry-After": "3"})),
    "one second": (1, limited("SECONDLY")),
    "a date": (9, limited("", **{"Retry-After": "Mon, 01 Mar 2027 00:00:09 GMT"})),
    "a page": (1, Answer(429, "<html>slow down</html>")),
    "nothing": (1, Answer(429, "")),
    "locked": (2, Answer(423, {"status": "error", "category": "LOCKED"})),
    "migrating": (30, Answer(477, {"message": "m"}, {"Retry-After": "30"})),
}
GATEWAYS = [500, 502, 504, 521, 524]


@pytest.fixture
def portal() -> Portal:
    return small_portal()


@pytest.fixture
def hurry() -> Hurry:
    return Hurry()


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


def test_the_limits_are_kept_without_a_single_refusal(
    portal: Portal, hurry: Hurry
) -> None:
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


# Signing in


def test_a_rejected_token_is_not_tried_twice_and_not_shown(portal: Portal) -> None:
    with serve(portal) as address:
        crm = opened(address, token="pat-canary-wrong")
        with pytest.raises(AuthenticationFailed) as caught:
            crm.identify()
    assert len(portal.calls) == 1
    assert "canary" not in str(caught.value)


GRANT: dict[str, object] = {
    "client_id": "c",
    "client_secret": "canary-secret",
    "refresh_token": "canary-r",
}


def token_desk(portal: Portal, every: int) -> list[str]:
    """Hand out tokens, each good for some calls only; tell which were asked for."""
    given: list[str] = []

    def desk(call: Call) -> Answer | None:
        if call.path == "/oauth/2026-03/token":
            given.append(f"pat-{len(given)}")
            portal.token = given[-1]
            return Answer(200, {"access_token": given[-1], "expires_in": 1800})
        if len(portal.calls) % every == 0:
            portal.token = "revoked"
        return None

    portal.faults.append(desk)
    return given


def test_a_token_that_ends_between_pages_is_renewed_once_for_all_threads(
    portal: Portal, hurry: Hurry
) -> None:
    companies(portal, 1200)
    given = token_desk(portal, every=15)
    with serve(portal) as address, ThreadPoolExecutor(8) as pool:
        crm = opened(address, hurry, token=None, **GRANT)
        pulls = [pool.submit(rows, crm, "companies", "id") for _ in range(8)]
        assert [len(pull.result()) for pull in pulls] == [1200] * 8
    assert len(given) <= 2 + len(portal.calls) // 15


def test_a_rejected_grant_is_tried_once_by_all_threads_together(portal: Portal) -> None:
    body = {"status": "BAD_REFRESH_TOKEN", "message": "canary-r is dead"}
    portal.faults.append(faults.always(Answer(400, {"error": "invalid_grant"} | body)))
    with serve(portal) as address, ThreadPoolExecutor(8) as pool:
        crm = opened(address, Hurry(), token=None, **GRANT)
        pulls = [pool.submit(rows, crm, "companies", "id") for _ in range(8)]
        errors = [pull.exception() for pull in pulls]
    assert {type(error) for error in errors} == {AuthenticationFailed}
    assert "canary" not in str(errors)
    assert len(portal.calls) <= 2


# Writing


@pytest.mark.parametrize("spoil", [None, *LOST])
def test_a_lost_reply_leaves_doubt_and_no_second_call(
    portal: Portal, crm: Connector, spoil: Spoil | None
) -> None:
    keys = companies(portal, 3)
    lost = [spoil] if spoil else []
    portal.faults.append(faults.after_commit(portal, "batch/update", *lost))
    assert set(states(sent(crm, moves(keys)))) == {"in_doubt"}
    assert sorted(key for _, key, _ in portal.commits) == keys


@pytest.mark.parametrize("spoil", [None, *LOST])
def test_a_lost_task_is_never_sent_again_by_itself(
    portal: Portal, crm: Connector, spoil: Spoil | None
) -> None:
    (company,) = companies(portal, 1)
    lost = [spoil] if spoil else []
    portal.faults.append(faults.after_commit(portal, "tasks/batch/create", *lost))
    assert states(sent(crm, [task(company)])) == ["in_doubt"]
    assert set(crm.find([task(company)])) == {"handover:p:1"}
    assert len(portal.records["tasks"]) == 1


@pytest.mark.parametrize("status", GATEWAYS)
def test_a_gateway_says_nothing_of_a_write(
    portal: Portal, crm: Connector, status: int
) -> None:
    keys = companies(portal, 2)
    portal.faults.append(faults.once(Answer(status, faults.CLOUDFLARE), "batch/update"))
    assert set(states(sent(crm, moves(keys)))) == {"in_doubt"}
    assert not portal.commits


@pytest.mark.parametrize("answer", [a for _, a in TURNED.values() if a.status != 477])
def test_a_call_turned_away_is_sent_again(
    portal: Portal, crm: Connector, answer: Answer
) -> None:
    keys = companies(portal, 5)
    portal.faults.append(faults.times(answer, "batch/update", 2))
    assert set(states(sent(crm, moves(keys)))) == {"done"}
    assert len(portal.commits) == 5


def test_a_call_turned_away_for_good_is_refused(portal: Portal, crm: Connector) -> None:
    keys = companies(portal, 2)
    portal.faults.append(faults.times(limited("SECONDLY"), "batch/update", 100))
    assert {o.code for o in sent(crm, moves(keys))} == {"HTTP_429"}
    assert not portal.commits


def test_the_end_of_the_day_refuses_a_batch_and_stops_the_run(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 250)
    crm.describe("companies")
    crm.read("owners", ["7"], [])
    portal.faults.append(faults.times(limited("DAILY"), "batch/update", 100))
    before = len(portal.calls)
    first, second, _ = crm.batches(moves(keys))
    assert set(states(crm.write(first))) == {"refused"}
    with pytest.raises(RateLimited):
        crm.write(second)
    assert len(portal.calls) == before + 1


def test_any_success_is_a_success(portal: Portal, crm: Connector) -> None:
    keys = companies(portal, 3)
    portal.faults.append(
        faults.after_commit(portal, "batch/update", faults.created_overnight)
    )
    assert set(states(sent(crm, moves(keys)))) == {"done"}


@pytest.mark.parametrize("body", [{}, {"results": []}, {"results": None}, []])
def test_a_success_that_names_nobody_is_doubt(
    portal: Portal, crm: Connector, body: Any
) -> None:
    keys = companies(portal, 3)
    portal.faults.append(
        faults.after_commit(portal, "batch/update", lambda a: replace(a, body=body))
    )
    assert set(states(sent(crm, moves(keys)))) == {"in_doubt"}


def test_a_token_that_is_taken_away_half_way_stops_with_what_is_certain(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 150)
    first, second = crm.batches(moves(keys))
    assert set(states(crm.write(first))) == {"done"}
    portal.token = "another"
    with pytest.raises(AuthenticationFailed):
        crm.write(second)
    assert len(portal.commits) == 100


# Where requests go, and what gets out


@pytest.mark.parametrize("address", ["http://api.hubapi.example", "ftp://127.0.0.1"])
def test_plain_http_goes_to_this_machine_only(address: str) -> None:
    with pytest.raises(ForeignAddress):
        opened(address)


def test_no_link_and_no_redirect_to_another_host_is_followed(
    portal: Portal, crm: Connector
) -> None:
    companies(portal, 101)
    assert len(rows(crm, "companies", "id")) == 101  # its links point to x.example
    visits: list[str] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            visits.append(self.path)

        def do_POST(self) -> None:
            visits.append(self.path)

    with serving(Elsewhere) as elsewhere:
        away = Answer(307, "", {"Location": f"{elsewhere}/collect"})
        portal.faults.append(faults.always(away))
        with pytest.raises(ForeignAddress):
            rows(crm, "companies", "id")
        with pytest.raises(ForeignAddress):
            crm.write(moves(companies(portal, 1)))
    assert not visits


def test_secrets_get_out_by_no_error(portal: Portal) -> None:
    forms = [TOKEN, quote(TOKEN), base64.b64encode(TOKEN.encode()).decode()]
    wrong = [
        Answer(status, {"message": f"Authorization: Bearer {TOKEN} is bad"})
        for status in (400, 401, 403, 404, 409, 530)
    ]
    told = []
    with serve(portal) as address:
        for answer in wrong:
            portal.faults = [faults.always(answer)]
            crm = opened(address)
            changes = moves(companies(portal, 1))
            for call in (crm.identify, partial(crm.write, changes)):
                try:
                    told.append(repr(call()))
                except ConnectorError as error:
                    told.append(repr(error) + repr(error.params))
    assert told
    assert not [text for text in told if any(form in text for form in forms)]


def test_a_malformed_token_is_a_matter_of_signing_in(
    portal: Portal, crm: Connector
) -> None:
    portal.faults.append(faults.always(Answer(530, faults.CLOUDFLARE)))
    with pytest.raises(AuthenticationFailed):
        crm.identify()
    assert len(portal.calls) == 1


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
