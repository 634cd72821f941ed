"""Reading Salesforce by Bulk API 2.0, and doing without it where it refuses."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from connectors.base import Page, Pull, Row
from connectors.errors import (
    NotPermitted,
    ResumeExpired,
    ShortPull,
    TooManyFields,
    Unreachable,
)
from connectors.salesforce import bulk
from connectors.salesforce.crm import SalesforceCRM
from tests.worlds.salesforce import Answer, Call, error, later
from tests.worlds.small_org import Company, connected, ids, once, pages, rows


@pytest.fixture
def crm(org: Company) -> Iterator[SalesforceCRM]:
    with connected(org) as crm:
        yield crm


@pytest.fixture
def _bulk_above_20(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ABOVE", 20)
    monkeypatch.setattr(bulk, "CHUNKS", (15,))


in_bulk = pytest.mark.usefixtures("_bulk_above_20")


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
@pytest.mark.parametrize("text", ['Id\n"001\n', "Id\n\ufffd,\n", "Id\n001,2\n"])
def test_a_bulk_result_that_is_no_table_is_an_error(
    org: Company, crm: SalesforceCRM, text: str
) -> None:
    org.accounts(50)
    org.faults.append(once(Answer(200, text), "/results"))
    with pytest.raises(Unreachable):
        rows(crm, "Account")


NO_RESULTS = {
    "a gateway's page": Answer(200, "<html>please sign in</html>"),
    "a failed call": Answer(204, ""),
    "nothing": Answer(200, ""),
    "JSON": Answer(200, []),
    "other fields": Answer(200, "Id,Phone\n001,1\n"),
    "fewer fields": Answer(200, "Id\n001\n"),
    "more fields": Answer(200, "Id,Name,Phone\n001,A,1\n"),
    "records without a header": Answer(200, "001,A\n002,B\n"),
}
HALVES = {
    "half a table": Answer(200, 'Id,Name\n001,A\n002,"B'),
    "a table that is cut between two records": Answer(200, "Id,Name\n001,A\n"),
    "a header alone": Answer(200, "Id,Name\n"),
}


@in_bulk
@pytest.mark.parametrize("piece", range(4))
@pytest.mark.parametrize("fault", [*NO_RESULTS, *HALVES])
def test_what_is_no_result_never_ends_a_pull_well(
    org: Company, crm: SalesforceCRM, fault: str, piece: int
) -> None:
    """Four pieces of 15, 15, 15 and 5 records, each of which may be broken."""
    org.accounts(60)
    broken = {**NO_RESULTS, **HALVES}[fault]
    passed = iter(range(piece))
    org.faults.append(
        lambda call: (
            broken if "/results" in call.path and next(passed, None) is None else None
        )
    )
    kept: list[Page] = []
    with pytest.raises((Unreachable, ShortPull)):
        kept.extend(crm.pull(Pull(object="Account", fields=("Name",))))


@in_bulk
@pytest.mark.parametrize("fault", [*NO_RESULTS, *HALVES])
def test_what_is_no_result_does_not_end_a_resumed_pull_either(
    org: Company, crm: SalesforceCRM, fault: str
) -> None:
    org.accounts(60)
    cursors = [page.cursor for page in pages(crm, "Account", "Name")[:-1]]
    org.faults.append(
        lambda call: (
            {**NO_RESULTS, **HALVES}[fault] if "/results" in call.path else None
        )
    )
    for cursor in cursors[1:]:
        with pytest.raises((Unreachable, ShortPull, ResumeExpired)):
            rows(crm, "Account", "Name", resume=cursor)


@in_bulk
@pytest.mark.parametrize("fault", NO_RESULTS)
def test_a_gateway_that_is_back_again_costs_one_more_call(
    org: Company, crm: SalesforceCRM, fault: str
) -> None:
    keys = org.accounts(50)
    org.faults.append(once(NO_RESULTS[fault], "/results", skip=1))
    assert ids(rows(crm, "Account", "Name")) == keys


@in_bulk
def test_a_header_in_other_letters_is_the_same_header(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(50)

    def shout(call: Call) -> Answer | None:
        if "/results" not in call.path:
            return None
        told = org.route(call)
        head, _, rest = str(told.body).partition("\n")
        return replace(told, body=f"{head.upper()}\n{rest}")

    org.faults.append(shout)
    found = rows(crm, "Account", "Name")
    assert ids(found) == keys
    assert {len(row) for row in found[10:]} == {2}


@in_bulk
@pytest.mark.parametrize("ahead", [0, 15])
def test_a_result_that_leads_back_ends_the_pull(
    org: Company, crm: SalesforceCRM, ahead: int
) -> None:
    org.accounts(60)

    def lead_back(call: Call) -> Answer | None:
        if "/results" not in call.path or call.query.get("locator") != "30":
            return None
        told = org.route(call)
        back = {"Sforce-Locator": str(30 - ahead)}
        return replace(told, headers=told.headers | back)

    org.faults.append(lead_back)
    with pytest.raises(ShortPull):
        rows(crm, "Account")
    assert len(org.sent("/results")) <= 4


@in_bulk
def test_a_job_that_found_nothing_is_not_downloaded(
    org: Company, crm: SalesforceCRM
) -> None:
    names = [f"{'X' * 30}{n}__c" for n in range(600)]
    org.define("Account", *names)
    assert rows(crm, "Account", *names) == []
    assert not org.sent("/results")


@in_bulk
def test_a_job_that_was_asked_for_other_fields_is_run_again(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(50)
    page = pages(crm, "Account", "Name")[1]
    with connected(org) as next_night:
        found = rows(next_night, "Account", "Name", "Phone", resume=page.cursor)
    assert ids(found) == keys[10:]
    assert all("Phone" in row for row in found)


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_page_that_leads_back_ends_the_pull(
    org: Company, crm: SalesforceCRM, ahead: int
) -> None:
    org.page = 10
    org.accounts(60)
    given: list[str] = []

    def lead_back(call: Call) -> Answer | None:
        if "query/0r8" not in call.path:
            return None
        told = org.route(call)
        given.append(call.path)
        if len(given) > 2:
            told.body["nextRecordsUrl"] = given[-1 - ahead]
        return told

    org.faults.append(lead_back)
    with pytest.raises(ShortPull):
        rows(crm, "Account")
    assert len(given) == 3


@in_bulk
@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, "<html>no Bulk today</html>"),
        error(403, "REQUEST_LIMIT_EXCEEDED", "DailyBulkV2QueryJobs Limit exceeded."),
        error(403, "API_DISABLED_FOR_ORG", "Bulk API is not enabled"),
        error(405, "METHOD_NOT_ALLOWED", "no"),
        error(400, "INVALIDENTITY", "Selecting compound data not supported in Bulk"),
        Answer(200, "[]"),
        Answer(200, {"state": "UploadComplete"}),
    ],
)
def test_without_any_bulk_api_all_comes_by_rest(
    org: Company, crm: SalesforceCRM, answer: Answer
) -> None:
    keys = org.accounts(50)
    org.faults.append(lambda call: answer if "jobs" in call.path else None)
    found = pages(crm, "Account")
    assert ids([row for page in found for row in page.rows]) == keys
    assert {page.way for page in found} == {"rest"}
    assert crm.describe("Account").fields  # the day is not over


@in_bulk
def test_a_job_that_takes_long_is_waited_for(org: Company, crm: SalesforceCRM) -> None:
    keys = org.accounts(50)
    busy = iter([Answer(200, {"id": "750", "state": "InProgress"})] * 5)
    org.faults.append(
        lambda call: next(busy, None) if "query/750" in call.path else None
    )
    assert ids(rows(crm, "Account")) == keys


@in_bulk
def test_results_that_are_refused_stop_the_run(
    org: Company, crm: SalesforceCRM
) -> None:
    org.accounts(50)
    refused = error(403, "INSUFFICIENT_ACCESS", "no")
    org.faults.append(once(refused, "/results"))
    with pytest.raises(NotPermitted):
        rows(crm, "Account")


@in_bulk
def test_results_that_are_always_gone_come_by_rest(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(50)
    gone = error(404, "NOT_FOUND", "no such job")
    org.faults.append(lambda call: gone if "/results" in call.path else None)
    assert ids(rows(crm, "Account")) == keys
    assert sum(call.method == "POST" for call in org.sent("jobs/query")) == 2


@in_bulk
def test_the_mark_is_the_time_before_a_long_job_began(
    org: Company, crm: SalesforceCRM
) -> None:
    org.define("Account", *[f"{'X' * 30}{n}__c" for n in range(600)])
    org.accounts(3)
    began = org.now

    def work(call: Call) -> None:
        if "jobs" in call.path:
            org.now = began.replace(hour=5)

    org.faults.append(work)
    names = [f"{'X' * 30}{n}__c" for n in range(600)]  # too long for an address
    found = pages(crm, "Account", *names)
    assert {page.way for page in found} == {"bulk"}
    assert {page.server_time for page in found} == {began}


@pytest.mark.parametrize("count", [12_000, 50_000])
@pytest.mark.parametrize("has_bulk", [True, False])
def test_a_mass_update_of_one_stamp_costs_no_more_calls(
    org: Company, crm: SalesforceCRM, count: int, *, has_bulk: bool
) -> None:
    org.page = 2000
    org.accounts(count)
    if not has_bulk:
        org.not_in_bulk.add("Account")
    crm.describe("Account")
    before = crm.calls
    found = ids(rows(crm, "Account", since=org.now))
    assert len(found) == len(set(found)) == count
    assert crm.calls - before <= 1.1 * (count / 2000) + 1  # 1: merged accounts


# Wide objects

WIDE = [f"{'X' * 30}{n}__c" for n in range(600)]
NO_BULK = error(403, "FEATURE_NOT_ENABLED", "Async API not enabled")


def is_bulk(call: Call) -> bool:
    return "jobs/query" in call.path


@pytest.fixture
def wide(org: Company) -> list[str]:
    """Make an org without Bulk API whose accounts have 600 fields more."""
    org.define("Account", *WIDE)
    keys = org.accounts(30)
    for n, key in enumerate(keys):
        org.edit("Account", key, **{WIDE[0]: f"a{n}", WIDE[-1]: f"z{n}"})
    org.page = 10
    org.faults.append(lambda call: NO_BULK if is_bulk(call) else None)
    return keys


def ends(found: list[Row]) -> list[tuple[object, object]]:
    return [(row[WIDE[0]], row[WIDE[-1]]) for row in found]


def test_a_wide_object_without_bulk_is_read_in_pieces(
    org: Company, crm: SalesforceCRM, wide: list[str]
) -> None:
    found = rows(crm, "Account", *WIDE)
    assert ids(found) == wide
    assert ends(found) == [(f"a{n}", f"z{n}") for n in range(30)]
    pieces = 4  # of 6,000 bytes; each page of ten comes once for each of them
    assert len(org.sent("/query")) <= 4 + 3 * pieces


def test_changes_of_a_wide_object_come_in_pieces_as_well(
    org: Company, crm: SalesforceCRM, wide: list[str]
) -> None:
    since = later(org, hours=1)
    org.edit("Account", wide[7], **{WIDE[-1]: "new"})
    org.delete("Account", wide[3])
    found = rows(crm, "Account", "IsDeleted", *WIDE, since=since)
    assert {(r["Id"], r["IsDeleted"], r[WIDE[-1]]) for r in found} == {
        (wide[7], False, "new"),
        (wide[3], True, "z3"),
    }


def test_a_record_that_goes_between_two_pieces_is_left_out(
    org: Company, crm: SalesforceCRM, wide: list[str]
) -> None:
    def erase(call: Call) -> None:
        if "Id >= " in call.query.get("q", ""):
            org.records["Account"].pop(wide[4], None)

    org.faults.append(erase)
    assert ids(rows(crm, "Account", *WIDE)) == [k for k in wide if k != wide[4]]


def test_what_no_piece_is_short_enough_for_names_object_and_fields(
    org: Company, crm: SalesforceCRM, wide: list[str]
) -> None:
    too_long = Answer(414, "<html>URI Too Long</html>")
    org.faults.append(lambda call: too_long if call.query.get("q") else None)
    with pytest.raises(TooManyFields) as caught:
        rows(crm, "Account", *WIDE)
    params = caught.value.params
    assert (params["object"], params["fields"]) == ("Account", 601)
    assert len(org.calls) < 30


@pytest.mark.parametrize("at_most", [15, 4, 1])
def test_a_query_that_is_too_complicated_is_asked_in_pieces(
    org: Company, crm: SalesforceCRM, at_most: int
) -> None:
    names = [f"Formula{n}__c" for n in range(20)]
    org.define("Account", *names)
    keys = org.accounts(3)
    for key in keys:
        org.edit("Account", key, **{name: f"{name} {key}" for name in names})
    refused = error(400, "QUERY_TOO_COMPLICATED", "too many formulas")

    def judge(call: Call) -> Answer | None:
        formulas = call.query.get("q", "").partition(" FROM ")[0].count("Formula")
        return refused if formulas > at_most else None

    org.faults.append(judge)
    found = rows(crm, "Account", *names)
    assert ids(found) == keys
    assert all(row[name] == f"{name} {row['Id']}" for row in found for name in names)
