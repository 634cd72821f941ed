"""Pages of a Salesforce org that lead on without end: a pull ends."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from connectors.errors import ConnectorError, EndlessPages, ShortPull
from connectors.salesforce import bulk
from connectors.salesforce.crm import SalesforceCRM
from tests.worlds.salesforce import Answer, Call
from tests.worlds.small_org import Company, connected, ids, rows

QUERY = "/services/data/v64.0/query/"


@pytest.fixture
def crm(org: Company) -> Iterator[SalesforceCRM]:
    with connected(org) as crm:
        yield crm


def lead_on(
    org: Company,
    records: Callable[[int], list[dict[str, object]]],
    total: int,
    link: Callable[[int], str] = lambda n: f"{QUERY}{n}",
) -> list[Call]:
    """Let each page of accounts lead to another one; list the calls."""
    seen: list[Call] = []

    def fault(call: Call) -> Answer | None:
        is_first = "FROM Account" in call.query.get("q", "")
        if not is_first and "/query/" not in call.path:
            return None
        seen.append(call)
        page = records(len(seen))
        body = {"totalSize": total, "done": False, "records": page}
        return Answer(200, {**body, "nextRecordsUrl": link(len(seen))})

    org.faults.append(fault)
    return seen


def account(n: int) -> dict[str, object]:
    return {"Id": f"001{n:015}", "Name": "x"}


@pytest.mark.parametrize(
    ("records", "total", "most"),
    [
        (lambda _: [account(1), account(2)], 1000, 2),
        (lambda n: [account(n % 3)], 1000, 4),
        (lambda _: [], 1000, 3),
        (lambda n: [account(n)], 2, 3),
    ],
    ids=["the same page", "a circle", "empty pages", "more than promised"],
)
def test_ever_new_links_to_nothing_new_end(
    org: Company,
    crm: SalesforceCRM,
    records: Callable[[int], list[dict[str, object]]],
    total: int,
    most: int,
) -> None:
    org.define("Account", "Name")
    seen = lead_on(org, records, total)
    with pytest.raises(EndlessPages) as caught:
        rows(crm, "Account", "Name")
    assert caught.value.exit_code == 7
    assert len(seen) <= most


def test_a_link_that_leads_back_ends_a_pull_that_is_short(
    org: Company, crm: SalesforceCRM
) -> None:
    seen = lead_on(org, lambda n: [account(n)], 1000, lambda n: f"{QUERY}{n % 2}")
    with pytest.raises(ShortPull):
        rows(crm, "Account", "Name")
    assert len(seen) <= 4


def test_small_queries_end_as_well(org: Company, crm: SalesforceCRM) -> None:
    """Those that find our tasks, say, and are no pull."""
    org.accounts(1)

    def fault(call: Call) -> Answer | None:
        if "Organization" not in call.query.get("q", "") and "query/" not in call.path:
            return None
        body = {"totalSize": 1, "done": False, "records": [{"Id": "00D1"}]}
        return Answer(200, {**body, "nextRecordsUrl": f"{QUERY}{len(org.calls)}"})

    org.faults.append(fault)
    with pytest.raises(ConnectorError) as caught:
        crm.identify()
    assert caught.value.exit_code == 7
    assert len(org.calls) <= 3


def test_a_bulk_result_of_ever_new_empty_pieces_ends(
    org: Company, crm: SalesforceCRM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "ABOVE", 3)
    org.page = 2
    keys = org.accounts(12)
    numbers = count()

    def fault(call: Call) -> Answer | None:
        if not call.path.endswith("/results"):
            return None
        headers = {"Sforce-Locator": f"L{next(numbers)}", "Sforce-NumberOfRecords": "0"}
        return Answer(200, "Id,Name\r\n", headers)

    org.faults.append(fault)
    with pytest.raises(ShortPull):
        rows(crm, "Account", "Name")
    assert next(numbers) == 1
    org.faults.clear()
    assert sorted(ids(rows(crm, "Account", "Name"))) == sorted(keys)
