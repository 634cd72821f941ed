"""Reading Salesforce over real HTTP: what is there comes, once, or the run says so."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Pull
from connectors.errors import (
    ConnectorError,
    ForeignAddress,
    NotPermitted,
    RateLimited,
    Refused,
    ResumeExpired,
    ShortPull,
    UnknownObject,
    Unreachable,
)
from connectors.salesforce import bulk
from connectors.salesforce.crm import SalesforceCRM
from tests.crm.salesforce import Answer, Call, error, later
from tests.salesforce_org import Company, connected, ids, once, pages, rows

TIMEOUT = error(400, "QUERY_TIMEOUT", "Your query request was running for too long.")
BUSY = error(403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded")
DAY_IS_OVER = error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
MAINTENANCE = Answer(503, "<html>Down for maintenance</html>")
GONE = error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


@pytest.fixture
def org() -> Company:
    org = Company()
    org.page = 10
    return org


@pytest.fixture
def crm(org: Company) -> Iterator[SalesforceCRM]:
    with connected(org) as crm:
        yield crm


@pytest.fixture
def _bulk_above_20(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ABOVE", 20)
    monkeypatch.setattr(bulk, "CHUNK", 15)


in_bulk = pytest.mark.usefixtures("_bulk_above_20")


def test_every_record_is_read_once_page_by_page(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(35)
    found = pages(crm, "Account", "Name")
    assert [ids(list(page.rows)) for page in found] == [
        keys[at : at + 10] for at in range(0, 35, 10)
    ]


def test_the_first_page_tells_the_servers_time_and_the_number_of_rows(
    org: Company, crm: SalesforceCRM
) -> None:
    org.accounts(15)
    first, last = pages(crm, "Account")
    assert (first.promised, first.server_time) == (15, org.now)
    assert last.server_time == org.now


def test_only_visible_fields_are_asked_for(org: Company, crm: SalesforceCRM) -> None:
    org.accounts(1)
    (row,) = rows(crm, "Account", "Name", "Secret__c", "id")
    assert row["Name"] == "会社0"
    assert "Secret__c" not in row


def test_a_standard_field_that_is_not_shown_is_hidden(
    org: Company, crm: SalesforceCRM
) -> None:
    org.hide("Account", "Phone")
    schema = crm.describe("Account")
    assert "Phone" in schema.hidden
    assert "Phone" not in schema.fields


def test_related_fields_come_by_their_path(org: Company, crm: SalesforceCRM) -> None:
    org.add("OpportunityLineItem", Product2Id="01t", Product2={"Name": "包装機"})
    (row,) = rows(crm, "OpportunityLineItem", "Product2.Name")
    assert row["Product2"] == {"attributes": {}, "Name": "包装機"}
    assert "Product2" in crm.describe("OpportunityLineItem").fields


def test_a_later_pull_brings_changes_and_deletions(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(5)
    mark = later(org, hours=1)
    org.edit("Account", keys[1], Name="新社名")
    org.delete("Account", keys[3])
    found = rows(crm, "Account", "Name", "IsDeleted", since=mark)
    assert [(r["Id"], r["IsDeleted"]) for r in found] == [
        (keys[1], False),
        (keys[3], True),
    ]


def test_a_full_pull_leaves_deleted_records_out(
    org: Company, crm: SalesforceCRM
) -> None:
    kept, gone = org.accounts(2)
    org.delete("Account", gone)
    assert ids(rows(crm, "Account")) == [kept]


@pytest.mark.parametrize("seconds", [0, 1])
def test_any_number_of_equal_stamps_is_read_once_each(
    org: Company, crm: SalesforceCRM, seconds: int
) -> None:
    org.page = 500
    keys = org.accounts(3200)
    calls = crm.calls
    since = org.now - timedelta(seconds=seconds)
    assert sorted(ids(rows(crm, "Account", since=since))) == sorted(keys)
    assert crm.calls - calls <= 7 + 1 + 1  # pages, describe, merges of accounts


def test_archived_activities_are_read_and_deleted_ones_are_not(
    org: Company, crm: SalesforceCRM
) -> None:
    old = org.add("Task", Subject="old", IsArchived=True)
    org.delete("Task", org.add("Task", Subject="gone"))
    assert ids(rows(crm, "Task", "Subject")) == [old]


def test_of_groups_only_queues_are_read(org: Company, crm: SalesforceCRM) -> None:
    queue = org.add("Group", Name="サポート", Type="Queue")
    org.add("Group", Name="全員", Type="Organization")
    assert ids(rows(crm, "Group", "Name")) == [queue]


def test_the_children_of_a_merged_account_are_read_again(
    org: Company, crm: SalesforceCRM
) -> None:
    loser, master = org.accounts(2)
    child = org.add("Contact", LastName="鈴木", AccountId=loser)
    org.add("Contact", LastName="別人", AccountId=None)
    mark = later(org, hours=1)
    org.merge("Account", loser, master, "Contact")
    found = rows(crm, "Contact", "AccountId", since=mark)
    assert [(row["Id"], row["AccountId"]) for row in found] == [(child, master)]


def test_every_page_resumes_behind_itself(org: Company, crm: SalesforceCRM) -> None:
    keys = org.accounts(35)
    for since in (None, org.now):
        found = pages(crm, "Account", since=since)
        for at, page in enumerate(found[:-1], 1):
            rest = pages(crm, "Account", since=since, resume=page.cursor)
            assert ids([row for p in rest for row in p.rows]) == keys[at * 10 :]


def test_a_resumed_pull_keeps_the_time_at_which_it_began(
    org: Company, crm: SalesforceCRM
) -> None:
    org.accounts(15)
    began = org.now
    first = next(iter(crm.pull(Pull(object="Account", fields=()))))
    later(org, hours=5)
    (rest,) = pages(crm, "Account", resume=first.cursor)
    assert rest.server_time == began


def test_a_cursor_of_somebody_else_is_refused(crm: SalesforceCRM) -> None:
    for cursor in ("x", '{"page": 1}'):
        with pytest.raises(ResumeExpired):
            pages(crm, "Account", resume=cursor)


@in_bulk
def test_many_rows_come_by_a_bulk_job(org: Company, crm: SalesforceCRM) -> None:
    keys = org.accounts(50)
    org.edit("Account", keys[30], Name='N/A "\n,', Phone=None)
    found = pages(crm, "Account", "Name", "Phone", "url")
    read = [row for page in found for row in page.rows]
    assert ids(read) == keys
    assert (read[30]["Name"], read[30]["Phone"]) == ('N/A "\n,', None)
    assert str(read[40]["url"]).endswith(f"/{keys[40]}")
    assert [page.way for page in found] == ["rest", "bulk", "bulk", "bulk"]
    assert {page.promised for page in found} == {None, 50}
    assert found[-1].cursor is None


@in_bulk
def test_a_bulk_result_resumes_behind_each_page(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(50)
    read = 0
    for page in pages(crm, "Account")[:-1]:
        read += len(page.rows)
        assert ids(rows(crm, "Account", resume=page.cursor)) == keys[read:]


@in_bulk
def test_a_job_that_is_gone_is_run_again(org: Company, crm: SalesforceCRM) -> None:
    keys = org.accounts(50)
    page = pages(crm, "Account")[1]
    org.jobs.clear()
    assert ids(rows(crm, "Account", resume=page.cursor)) == keys[10:]


@in_bulk
@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "INVALIDENTITY", "Account is not supported by the Bulk API"),
        error(404, "NOT_FOUND", "no such resource"),
        Answer(200, {"id": "750", "state": "Failed", "errorMessage": "compound data"}),
    ],
)
def test_what_bulk_refuses_is_read_by_rest(
    org: Company, crm: SalesforceCRM, refusal: Answer
) -> None:
    keys = org.accounts(50)
    org.faults.append(
        lambda call: refusal if "jobs" in call.path else None,
    )
    assert ids(rows(crm, "Account")) == keys


@in_bulk
def test_changes_come_in_bulk_once_each(org: Company, crm: SalesforceCRM) -> None:
    keys = org.accounts(50)
    org.delete("Account", keys[5])
    found = rows(crm, "Account", "IsDeleted", since=org.now)
    assert sorted(ids(found)) == keys
    assert [str(r["IsDeleted"]).lower() for r in found].count("true") == 1


def test_a_statement_too_long_for_an_address_goes_by_bulk(
    org: Company, crm: SalesforceCRM
) -> None:
    names = [f"{'X' * 30}{n}__c" for n in range(600)]
    org.define("Account", *names)
    keys = org.accounts(3)
    assert ids(rows(crm, "Account", *names)) == keys
    assert org.sent("jobs/query")


def test_a_lost_locator_begins_only_that_query_anew(
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


def test_an_object_that_is_hidden_differs_from_one_that_is_absent(
    org: Company, crm: SalesforceCRM
) -> None:
    org.define("Asset", "Name")
    org.forbidden.add("Asset")
    for name in ("Asset", "Case"):  # every org has cases
        with pytest.raises(NotPermitted):
            crm.describe(name)
    for name in ("Unicorn", "Account WHERE Name != ''", "a'b", "../x"):
        with pytest.raises(UnknownObject):
            crm.describe(name)


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


@pytest.mark.parametrize("body", [[], {}, {"records": []}, 1])
def test_a_reply_of_another_kind_is_no_result(
    org: Company, crm: SalesforceCRM, body: object
) -> None:
    org.faults.append(once(Answer(200, body), "/query"))
    with pytest.raises(Unreachable):
        rows(crm, "Account")


@in_bulk
def test_a_bulk_result_that_is_too_short_is_an_error(
    org: Company, crm: SalesforceCRM
) -> None:
    org.accounts(50)
    told = {"Sforce-NumberOfRecords": "15"}
    org.faults.append(once(Answer(200, "Id\n001\n", told), "/results"))
    with pytest.raises(ShortPull):
        rows(crm, "Account")


@in_bulk
def test_a_bulk_result_that_leaves_out_a_piece_is_an_error(
    org: Company, crm: SalesforceCRM
) -> None:
    org.accounts(50)
    told = {"Sforce-NumberOfRecords": "1", "Sforce-Locator": "null"}
    org.faults.append(once(Answer(200, "Id\n001\n", told), "/results"))
    with pytest.raises(ShortPull):
        rows(crm, "Account")


@in_bulk
@pytest.mark.parametrize("text", ["Id,Name\n001\n", 'Id\n"001\n', "Id\n\ufffd,\n"])
def test_a_bulk_result_that_is_no_table_is_an_error(
    org: Company, crm: SalesforceCRM, text: str
) -> None:
    org.accounts(50)
    org.faults.append(once(Answer(200, text), "/results"))
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


@pytest.mark.parametrize("days", [-365, 365, 1])
def test_the_clock_of_this_machine_does_not_count(org: Company, days: int) -> None:
    org.accounts(25)
    texts = []
    for offset in (timedelta(0), timedelta(days=days)):
        org.calls.clear()
        org.clock = offset
        with connected(org) as crm:
            found = pages(crm, "Account", since=org.now)
        assert found[0].server_time == org.now + offset
        texts.append([(call.path[:22], call.query.get("q")) for call in org.calls])
    assert texts[0] == texts[1]


def test_identifiers_are_those_that_exist(org: Company, crm: SalesforceCRM) -> None:
    kept, gone = org.accounts(2)
    org.delete("Account", gone)
    found = [row["id"] for page in crm.identifiers("Account") for row in page.rows]
    assert found == [kept]


def test_current_values_are_read_two_thousand_a_call(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(2100)
    calls = crm.calls
    found = crm.read("Account", [*keys, "001000000000000AAA"], ["OwnerId"])
    assert set(found) == set(keys)
    assert crm.calls - calls == 2


def test_reading_a_hidden_field_is_an_error(org: Company, crm: SalesforceCRM) -> None:
    org.faults.append(once(error(400, "INVALID_FIELD", "no"), "composite"))
    with pytest.raises(Refused):
        crm.read("Account", org.accounts(1), ["Secret__c"])


def test_a_pull_that_is_given_up_leaves_nothing_behind(
    org: Company, crm: SalesforceCRM
) -> None:
    org.accounts(50)
    pulled = crm.pull(Pull(object="Account", fields=()))
    next(iter(pulled))
    pulled.close()  # type: ignore[attr-defined]
    before = len(org.calls)
    assert ids(rows(crm, "User"))
    assert len(org.calls) >= before


def test_a_server_that_stalls_does_not_hold_us(
    org: Company, crm: SalesforceCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.salesforce.wire.READ_SECONDS", 0.05)
    stopped = org.stall(0.12)
    with stopped, pytest.raises(ConnectorError) as caught:
        crm.identify()
    assert caught.value.exit_code == 7


def test_production_is_told_by_the_orgs_own_record(
    org: Company, crm: SalesforceCRM
) -> None:
    assert crm.identify().production is False
    (record,) = org.records["Organization"].values()
    record["IsSandbox"] = False
    with connected(org) as again:
        identity = again.identify()
    assert (identity.production, identity.local) == (True, True)
    assert identity.org_name == "見本株式会社"
