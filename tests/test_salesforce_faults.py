"""Salesforce breaking off, refusing and contradicting itself while we read."""

import itertools
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import responses

from connectors.base import Pull
from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    NotPermitted,
    RateLimited,
    ShortPull,
    UnknownObject,
    UnknownVersion,
    Unreachable,
)
from connectors.salesforce.crm import SalesforceCRM
from connectors.salesforce.org import SIGNINGS
from tests.worlds.salesforce import Answer, Call, Org, error, later
from tests.worlds.small_org import CLIENT, Company, connected, ids, once, opened, rows

TIMEOUT = error(400, "QUERY_TIMEOUT", "Your query request was running for too long.")
BUSY = error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded")
DAY_IS_OVER = error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
MAINTENANCE = Answer(503, "<html>Down for maintenance</html>")
GONE = error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
ODD = (
    "",
    "null",
    "[]",
    "{}",
    "1",
    '"x"',
    "<html>",
    "[null, null]",
    '{"records": 1, "totalSize": 1}',
    '{"records": [1], "totalSize": 1}',
    '{"records": [], "totalSize": "many"}',
    '{"fields": [{}]}',
    '{"fields": {"name": "Id"}}',
    '{"id": 750, "state": "JobComplete"}',
    '\ufeff{"records": [], "totalSize": 0}',
    "\x00",
    '{"records": [',
)


@pytest.fixture
def crm(org: Company) -> Iterator[SalesforceCRM]:
    with connected(org) as crm:
        yield crm


def test_a_lost_locator_restarts_only_that_query(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(50)
    org.faults.append(once(GONE, "/query/0r8", skip=2))
    assert ids(rows(crm, "Account")) == keys
    queries = [call.query["q"] for call in org.sent("/query") if call.query]
    assert len(queries) == 2
    assert f"Id > '{keys[29]}'" in queries[1]


@pytest.mark.parametrize("since", [None, datetime(2027, 2, 1, tzinfo=UTC)])
def test_a_query_that_takes_too_long_is_halved_until_it_does_not(
    org: Company, crm: SalesforceCRM, since: datetime | None
) -> None:
    keys = org.accounts(5)
    later(org, days=20)
    keys += org.accounts(25)

    def too_many(call: Call) -> Answer | None:
        text = call.query.get("q", "")
        if "FROM Account" not in text or "MasterRecordId" in text:
            return None
        found = org.selected(text, everything=True)
        return TIMEOUT if isinstance(found, list) and len(found) > 26 else None

    org.faults.append(too_many)
    assert sorted(ids(rows(crm, "Account", since=since))) == sorted(keys)


def test_a_query_that_always_takes_too_long_is_an_error(
    org: Company, crm: SalesforceCRM
) -> None:
    org.accounts(5)
    org.faults.append(lambda call: TIMEOUT if call.query.get("q") else None)
    with pytest.raises(Unreachable):
        rows(crm, "Account")


def test_a_field_that_is_left_out_where_it_is_empty_is_no_hidden_one(
    org: Company, crm: SalesforceCRM
) -> None:
    org.accounts(25)
    crm.describe("Account")

    def leave_out(call: Call) -> Answer | None:
        if "/query" not in call.path:
            return None
        answer = org.route(call)
        for row in answer.body["records"]:
            row.pop("Phone")
        return answer

    org.faults.append(leave_out)
    before = crm.calls
    found = list(crm.pull(Pull(object="Account", fields=("Name", "Phone"))))
    assert not any(page.notes for page in found)
    assert crm.calls - before == 3 + 1  # described once more


def test_a_hidden_field_is_left_out_whatever_language_says_so(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(25)
    crm.describe("Account")

    def refuse(call: Call) -> Answer | None:
        text = call.query.get("q", "")
        if "Phone" not in text:
            return None
        told = (
            f"\n{text}\n^\nERROR at Row:1:Column:{text.index('Phone') + 1}\n項目がない"
        )
        return error(400, "INVALID_FIELD", told)

    org.faults.append(refuse)
    found = list(crm.pull(Pull(object="Account", fields=("Name", "Phone"))))
    assert ids([row for page in found for row in page.rows]) == keys
    assert [n.params["field"] for page in found for n in page.notes] == ["Phone"]


def test_a_field_that_vanishes_between_two_pages_is_left_out_and_named(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(25)
    vanishing = iter(crm.pull(Pull(object="Account", fields=("Name", "Phone"))))
    found = [next(vanishing)]
    org.hide("Account", "Phone")
    org.faults.append(once(GONE, "/query/0r8"))
    found += list(vanishing)
    assert ids([row for page in found for row in page.rows]) == keys
    notes = [note for page in found for note in page.notes]
    assert [(n.code, n.params["field"]) for n in notes] == [("field_vanished", "Phone")]


@pytest.mark.parametrize("index", range(5))
def test_a_refused_page_is_never_taken_for_the_end(
    org: Company, crm: SalesforceCRM, index: int
) -> None:
    org.accounts(40)
    refused = error(403, "INSUFFICIENT_ACCESS", "no")
    org.faults.append(once(refused, "/services/data", skip=index))
    with pytest.raises(NotPermitted):
        rows(crm, "Account")


@pytest.mark.parametrize(
    "fault",
    [
        MAINTENANCE,
        BUSY,
        Answer(429, ""),
        Answer(420, "<html>calm down</html>"),
        Answer(502, "", drop=True),
        Answer(200, "<html>login</html>"),
        Answer(200, {"totalSize": 9, "done": True, "records": []}, cut=7),
    ],
    ids=["503", "busy", "429", "420", "dropped", "html", "truncated"],
)
def test_what_goes_by_is_waited_for(
    org: Company, crm: SalesforceCRM, fault: Answer
) -> None:
    keys = org.accounts(25)
    for path in ("describe", "/query", "/query/0r8"):
        org.faults.append(once(fault, path))
    assert ids(rows(crm, "Account")) == keys


@pytest.mark.parametrize("fault", [MAINTENANCE, Answer(200, "", drop=True)])
def test_what_does_not_go_by_ends_the_run(
    org: Company, crm: SalesforceCRM, fault: Answer
) -> None:
    org.accounts(25)
    org.faults.append(lambda call: fault if "0r8" in call.path else None)
    with pytest.raises(Unreachable):
        rows(crm, "Account")


def test_a_page_that_leads_to_itself_ends_the_run(
    org: Company, crm: SalesforceCRM
) -> None:
    org.accounts(30)
    link = "/services/data/v64.0/query/0r8000000000000-10"
    body = {"totalSize": 30, "done": False, "records": [], "nextRecordsUrl": link}
    org.faults.append(lambda call: Answer(200, body) if call.query else None)
    org.faults.append(lambda call: Answer(200, body) if call.path == link else None)
    for call in (lambda: rows(crm, "Account"), crm.identify):
        with pytest.raises(ShortPull):
            call()


@pytest.mark.parametrize(
    "body",
    [
        {"totalSize": 30, "done": True, "records": []},
        {"totalSize": 30, "done": False, "records": []},
    ],
)
def test_fewer_rows_than_promised_are_an_error(
    org: Company, crm: SalesforceCRM, body: object
) -> None:
    org.accounts(30)
    org.faults.append(once(Answer(200, body), "/query/0r8"))
    with pytest.raises(ShortPull):
        rows(crm, "Account")


NO_IDS = {"totalSize": 1, "done": True, "records": [{"Name": "x"}]}


@pytest.mark.parametrize("body", [[], {}, {"records": []}, 1, NO_IDS])
def test_a_reply_of_another_kind_is_no_result(
    org: Company, crm: SalesforceCRM, body: object
) -> None:
    org.faults.append(once(Answer(200, body), "/query"))
    with pytest.raises(Unreachable):
        rows(crm, "Account")


def test_the_end_of_the_day_stops_at_once(org: Company, crm: SalesforceCRM) -> None:
    org.accounts(1)
    crm.describe("Account")
    org.faults.append(lambda _call: DAY_IS_OVER)
    before = len(org.calls)
    for _ in range(3):
        with pytest.raises(RateLimited):
            rows(crm, "Account")
    assert len(org.calls) == before + 1


def test_people_keep_their_share_of_the_day(org: Company, crm: SalesforceCRM) -> None:
    org.accounts(1)
    org.used, org.allowed = 799, 1000
    crm.describe("Account")
    with pytest.raises(RateLimited):
        rows(crm, "Account")


@pytest.mark.parametrize("body", ODD)
@responses.activate(assert_all_requests_are_fired=False)
def test_no_odd_reply_is_taken_for_an_answer(body: str) -> None:
    crm = opened("https://example.my.salesforce.com", Org())
    responses.add_passthru("http://127.0.0.1")
    for method in (responses.GET, responses.POST):
        responses.add(method, url=ANYWHERE, body=body.encode(), status=200)
    for call in (
        crm.identify,
        lambda: crm.describe("Account"),
        lambda: list(crm.pull(Pull(object="Account", fields=("Name",)))),
        lambda: list(crm.identifiers("Account")),
        lambda: crm.read("Account", ["001000000000000AAA"], ["Name"]),
    ):
        with pytest.raises(ConnectorError):
            call()


ANYWHERE = re.compile(r"https://example\.my\.salesforce\.com/.*")


@pytest.mark.parametrize("every", [2, 3, 5, 9])
def test_sessions_that_end_all_the_time_keep_no_thread_out(
    org: Company, every: int
) -> None:
    """The org answers each k-th call with 401 and gives the same session again."""
    keys = org.accounts(60)
    counts = itertools.count(1)
    ended = error(401, "INVALID_SESSION_ID", "Session expired or invalid")
    org.faults.append(
        lambda call: (
            ended if "/data" in call.path and next(counts) % every == 0 else None
        )
    )
    with connected(org, **CLIENT) as crm, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ids(rows(crm, "Account")), range(8)))
    assert found == [keys] * 8


def test_threads_that_meet_a_401_at_once_log_in_once(org: Company) -> None:
    keys = org.accounts(5)
    together = threading.Barrier(8)
    ended = error(401, "INVALID_SESSION_ID", "Session expired or invalid")

    def end(call: Call) -> Answer | None:
        """End the session until somebody logs in again, and give the same text."""
        old = len(org.sent("/oauth2/token")) < 2
        return ended if old and "q" in call.query else None

    with connected(org, **CLIENT) as crm, ThreadPoolExecutor(8) as pool:
        crm.describe("Account")

        def read(_n: int) -> list[str]:
            together.wait()
            return ids(rows(crm, "Account"))

        org.faults.append(end)
        assert list(pool.map(read, range(8))) == [keys] * 8
    assert len(org.sent("/oauth2/token")) == 2


def test_one_call_that_is_never_let_in_does_not_log_in_for_ever(org: Company) -> None:
    org.accounts(5)
    ended = error(401, "INVALID_SESSION_ID", "Session expired or invalid")
    org.faults.append(lambda call: ended if "describe" in call.path else None)
    over = threading.Event()
    with connected(org, **CLIENT) as crm, ThreadPoolExecutor(1) as pool:

        def others() -> None:
            while not over.is_set():
                crm.read("Account", ["001000000000000AAA"], ["Name"])

        busy = pool.submit(others)
        with pytest.raises(AuthenticationFailed):
            crm.describe("Account")
        over.set()
        busy.result()
    assert len(org.sent("/oauth2/token")) <= SIGNINGS + 1


def test_one_call_that_is_never_let_in_does_not_keep_the_others_out(
    org: Company,
) -> None:
    org.accounts(5)
    ended = error(401, "INVALID_SESSION_ID", "Session expired or invalid")
    org.faults.append(lambda call: ended if "describe" in call.path else None)
    with connected(org, **CLIENT) as crm:
        for _ in range(2):
            with pytest.raises(AuthenticationFailed):
                crm.describe("Account")
            crm.read("Account", ["001000000000000AAA"], ["Name"])


@pytest.mark.parametrize("allowed", [0, 100_000])
def test_without_usage_in_the_replies_only_the_org_stops_us(
    org: Company, crm: SalesforceCRM, allowed: int
) -> None:
    keys = org.accounts(25)
    org.tells_usage, org.allowed = allowed == 0, allowed
    assert ids(rows(crm, "Account")) == keys
    org.faults.append(lambda _call: DAY_IS_OVER)
    with pytest.raises(RateLimited):
        rows(crm, "Account")


# Versions, and errors with a remedy of their own


@pytest.mark.parametrize("at_once", [True, False])
def test_a_version_that_the_org_does_not_have_is_named(
    org: Company, *, at_once: bool
) -> None:
    """The list of versions comes at once, or after a gateway's page."""
    calls: list[Callable[[SalesforceCRM], object]] = [
        lambda crm: crm.identify(),
        lambda crm: crm.describe("Account"),
        lambda crm: crm.describe("Group"),
    ]
    for call in calls:
        if not at_once:
            org.faults = [once(Answer(200, "<html/>"), "/services/data", skip=1)]
        with (
            connected(org, api_version="99.0") as crm,
            pytest.raises(UnknownVersion) as caught,
        ):
            call(crm)
        assert caught.value.exit_code == 2
        assert caught.value.params["version"] == "99.0"
        assert caught.value.params["known"] == "63.0 – 65.0"


def test_an_org_that_names_no_versions_has_that_object_missing(org: Company) -> None:
    no_list = error(404, "NOT_FOUND", "no")
    org.faults.append(lambda c: no_list if c.path == "/services/data" else None)
    with connected(org, api_version="99.0") as crm, pytest.raises(UnknownObject):
        crm.describe("Group")


def test_the_versions_are_asked_for_once(org: Company) -> None:
    with connected(org) as crm:
        for name in ("Group", "Asset", "Order"):
            with pytest.raises(UnknownObject):
                crm.describe(name)
    assert len([c for c in org.calls if c.path == "/services/data"]) == 1


@pytest.mark.parametrize(
    ("status", "code", "kind", "exit_code"),
    [
        (403, "OPERATION_TOO_LARGE", "missing_right", 4),
        (400, "OPERATION_TOO_LARGE", "missing_right", 4),
        (403, "TXN_SECURITY_METERING_ERROR", "missing_right", 4),
        (400, "QUERY_TOO_COMPLICATED", "query_too_complicated", 2),
        (403, "API_CURRENTLY_DISABLED", "unreachable", 7),
        (500, "API_CURRENTLY_DISABLED", "unreachable", 7),
        (410, "", "unknown_object", 2),
    ],
)
def test_what_has_a_remedy_of_its_own_is_an_error_of_its_own(
    org: Company, crm: SalesforceCRM, status: int, code: str, kind: str, exit_code: int
) -> None:
    org.accounts(3)
    broken = error(status, code, "in the org's words")
    org.faults.append(lambda call: broken if call.query.get("q") else None)
    with pytest.raises(ConnectorError) as caught:
        rows(crm, "Account", "Name")
    assert (caught.value.code, caught.value.exit_code) == (kind, exit_code)
