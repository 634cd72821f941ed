"""Pages of a HubSpot portal that lead back to one that was read: a pull ends."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.base import Connector, Pull
from connectors.errors import EndlessPages
from tests.conftest import Cli
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_company import company
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_folder import TODAY, configure
from tests.worlds.hubspot_replies import Answer, Call, Json
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import LINKS, companies, opened, rows

CIRCLES = {"to itself": ["7"], "of two": ["7", "8"], "of three": ["7", "8", "9"]}
"""Cursors that a portal gives in turn, whatever it was asked for."""


@pytest.fixture
def crm(portal: Portal) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address)


def lead_round(
    portal: Portal, cursors: list[str], is_meant: Callable[[Call], bool]
) -> list[Call]:
    """Let each page of one kind lead to the next cursor of a circle; list the calls."""
    seen: list[Call] = []
    turn = itertools.cycle(cursors)

    def fault(call: Call) -> Answer | None:
        if not is_meant(call):
            return None
        seen.append(call)
        answer = portal.take(forget_cursor(call))
        assert isinstance(answer.body, dict)
        lead(answer.body, next(turn))
        return answer

    portal.faults.append(fault)
    return seen


def forget_cursor(call: Call) -> Call:
    """Ask for the first page, as a portal that does not heed the cursor."""
    query = {name: value for name, value in call.query.items() if name != "after"}
    body = {name: value for name, value in call.body.items() if name != "after"}
    if "inputs" in body:
        body["inputs"] = [{"id": one["id"]} for one in body["inputs"]]
    return replace(call, query=query, body=body)


def lead(body: Json, cursor: str) -> None:
    paging = {"next": {"after": cursor, "link": "https://x.example/"}}
    pages = [one for one in body["results"] if "from" in one] or [body]
    for page in pages:
        page["paging"] = paging


def lists(kind: str, archived: str) -> Callable[[Call], bool]:
    return lambda call: (
        call.path == f"/crm/v3/objects/{kind}"
        and call.query.get("archived") == archived
        and call.query.get("limit") != "1"
    )


@pytest.mark.parametrize("cursors", CIRCLES.values(), ids=CIRCLES)
def test_a_list_that_leads_in_a_circle_ends(
    portal: Portal, crm: Connector, cursors: list[str]
) -> None:
    companies(portal, 3)
    seen = lead_round(portal, cursors, lists("companies", "false"))
    with pytest.raises(EndlessPages):
        rows(crm, "companies", "id", "name")
    assert len(seen) <= len(cursors) + 1


@pytest.mark.parametrize("cursors", CIRCLES.values(), ids=CIRCLES)
def test_a_list_of_archived_records_that_leads_in_a_circle_ends(
    portal: Portal, crm: Connector, cursors: list[str]
) -> None:
    companies(portal, 3)
    seen = lead_round(portal, cursors, lists("companies", "true"))
    with pytest.raises(EndlessPages):
        rows(crm, "companies", "id", since=portal.now)
    assert len(seen) <= len(cursors) + 1


@pytest.mark.parametrize("cursors", CIRCLES.values(), ids=CIRCLES)
@pytest.mark.parametrize("archived", ["false", "true"])
def test_owners_that_lead_in_a_circle_end(
    portal: Portal, crm: Connector, cursors: list[str], archived: str
) -> None:
    seen = lead_round(
        portal,
        cursors,
        lambda call: "owners" in call.path and call.query.get("archived") == archived,
    )
    for read in (lambda: rows(crm, "owners", "id"), lambda: crm.read("owners", [], [])):
        with pytest.raises(EndlessPages):
            read()
    assert len(seen) <= 2 * (len(cursors) + 1)


@pytest.mark.parametrize("cursors", CIRCLES.values(), ids=CIRCLES)
def test_associations_that_lead_in_a_circle_end(
    portal: Portal, crm: Connector, cursors: list[str]
) -> None:
    (company,) = companies(portal, 1)
    deal = portal.add("deals")
    portal.link("deals", deal, "companies", company)
    seen = lead_round(portal, cursors, lambda call: "associations" in call.path)
    with pytest.raises(EndlessPages):
        rows(crm, "deals", "id", *LINKS, since=portal.now)
    assert len(seen) <= len(cursors) + 1


def test_a_search_that_brings_the_same_page_again_ends(
    portal: Portal, crm: Connector
) -> None:
    companies(portal, 3)
    seen: list[Call] = []

    def fault(call: Call) -> Answer | None:
        if not call.path.endswith("/search"):
            return None
        seen.append(call)
        first = {**call.body, "filterGroups": []}
        answer = portal.take(replace(call, body=first))
        assert isinstance(answer.body, dict)
        lead(answer.body, "3")
        return answer

    portal.faults.append(fault)
    with pytest.raises(EndlessPages):
        rows(crm, "companies", "id", since=portal.now)
    assert len(seen) <= 3


def test_empty_pages_of_a_search_that_lead_in_a_circle_end(
    portal: Portal, crm: Connector
) -> None:
    portal.define("companies", "name")
    portal.records["companies"] = {}
    seen = lead_round(portal, ["5", "6"], lambda call: call.path.endswith("/search"))
    with pytest.raises(EndlessPages):
        rows(crm, "companies", "id", since=portal.now)
    assert len(seen) <= 3


@pytest.mark.parametrize(
    "path", ["/crm/v3/properties/deals", "/crm/v3/pipelines/deals"]
)
def test_definitions_come_from_all_pages_and_never_from_a_circle(
    portal: Portal, crm: Connector, path: str
) -> None:
    portal.define("deals", "dealname")
    portal.records["deals"] = {}
    seen = lead_round(portal, ["5", "6"], lambda call: call.path == path)
    with pytest.raises(EndlessPages):
        crm.describe("deals")
    assert len(seen) <= 3


def test_a_pull_that_is_taken_up_again_does_not_follow_a_circle_either(
    portal: Portal, crm: Connector
) -> None:
    """The second pull begins at a cursor that the portal then gives again."""
    companies(portal, 3)
    portal.page_limit = 1
    keys = [row["id"] for row in rows(crm, "companies", "id")]
    assert len(keys) == 3
    (first, *_) = crm.pull(pull_from(None))
    assert first.cursor is not None
    seen = lead_round(
        portal, [first.cursor.partition(":")[2]], lists("companies", "false")
    )
    with pytest.raises(EndlessPages):
        list(crm.pull(pull_from(first.cursor)))
    assert len(seen) == 1


def pull_from(cursor: str | None) -> Pull:
    return Pull(object="companies", fields=("id",), resume=cursor)


@pytest.mark.parametrize(
    "is_meant",
    [lists("deals", "false"), lambda call: "owners" in call.path],
    ids=["deals", "owners"],
)
def test_a_sync_of_a_circle_publishes_nothing_and_ends_with_exit_7(
    cli: Cli,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_meant: Callable[[Call], bool],
) -> None:
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    made = company()
    with serve(made.portal) as address:
        configure(folder, address)
        seen = lead_round(made.portal, ["7", "8"], is_meant)
        ended = cli("sync", "--json", *TODAY)
        assert (ended.code, ended.json["error"]["code"]) == (7, "endless_pages")
        assert len(seen) <= 5
        assert not list(folder.glob("**/accounts*.parquet"))
        made.portal.faults.clear()
        made.portal.now += timedelta(minutes=1)
        assert cli("sync", *TODAY).code == 0
