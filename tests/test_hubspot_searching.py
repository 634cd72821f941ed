"""Reading what changed in HubSpot: searched or listed, nothing is left out."""

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from connectors.base import Capability, Connector, Pull
from connectors.errors import FieldsChanged
from handover.mirror.watermarks import OVERLAP
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_replies import Answer, Call, Json
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import LINKS, companies, opened, rows


@pytest.fixture
def crm(portal: Portal) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address)


def changed_companies(portal: Portal, old: int, new: int) -> tuple[datetime, list[str]]:
    """Add old companies and then new ones; give the time between, and the new ones."""
    companies(portal, old)
    portal.now += timedelta(hours=1)
    return portal.now, companies(portal, new)


def test_archived_records_are_found_in_the_night_they_were_archived(
    portal: Portal, crm: Connector
) -> None:
    mark = portal.now
    keys = [portal.add("companies", name="x") for _ in range(5)]
    for key in keys:
        portal.records["companies"][key].updated = mark - timedelta(days=2)
    portal.now += timedelta(hours=1)
    portal.archive("companies", keys[2])
    found = rows(crm, "companies", "id", since=mark)
    assert [(row["id"], row["archived"]) for row in found] == [(keys[2], True)]


@pytest.mark.parametrize(
    ("old", "new", "way"), [(2000, 500, "search"), (400, 500, "list")]
)
def test_search_or_list_whichever_is_cheaper(
    portal: Portal, crm: Connector, old: int, new: int, way: str
) -> None:
    mark, keys = changed_companies(portal, old, new)
    pages = list(crm.pull(Pull(object="companies", fields=("id",), since=mark)))
    assert {page.way for page in pages} == {way, None}
    assert set(keys) <= {row["id"] for page in pages for row in page.rows}


def test_a_few_changes_cost_a_search_and_a_look_at_the_archive(
    portal: Portal, crm: Connector
) -> None:
    mark, keys = changed_companies(portal, 1000, 150)
    assert [row["id"] for row in rows(crm, "companies", "id", since=mark)] == keys
    assert crm.calls == 2


@pytest.mark.parametrize(("old", "new"), [(2000, 500), (400, 500)])
def test_a_pull_of_changes_resumes_the_way_it_began(
    portal: Portal, crm: Connector, old: int, new: int
) -> None:
    mark, keys = changed_companies(portal, old, new)
    gone = portal.add("companies")
    portal.archive("companies", gone)
    pages = list(crm.pull(Pull(object="companies", fields=("id",), since=mark)))
    for at, page in enumerate(pages[:-1], 1):
        rest = Pull(object="companies", fields=("id",), since=mark, resume=page.cursor)
        again = [row["id"] for one in crm.pull(rest) for row in one.rows]
        assert again == [row["id"] for one in pages[at:] for row in one.rows]
    assert {*keys, gone} <= {row["id"] for page in pages for row in page.rows}


def test_a_short_or_empty_page_with_a_cursor_does_not_end_a_search(
    portal: Portal, crm: Connector
) -> None:
    mark, keys = changed_companies(portal, 2000, 500)
    searched = 0

    def thin(call: Call) -> Answer | None:
        nonlocal searched
        if not call.path.endswith("/search") or call.body["limit"] == 1:
            return None
        searched += 1
        answer = portal.take(call)
        assert isinstance(answer.body, dict)
        first = answer.body["results"]
        if searched == 1:  # nothing, though there is more behind it
            answer.body["results"] = []
            answer.body["paging"] = {"next": {"after": "0"}}
        elif searched == 2:  # half a page
            answer.body["results"] = first[:70]
            answer.body["paging"] = {"next": {"after": "70"}}
        return answer

    portal.faults.append(thin)
    assert [row["id"] for row in rows(crm, "companies", "id", since=mark)] == keys


def test_what_the_index_promises_and_does_not_bring_is_listed(
    portal: Portal, crm: Connector
) -> None:
    mark, keys = changed_companies(portal, 2000, 500)

    def leaky(call: Call) -> Answer | None:
        if not call.path.endswith("/search"):
            return None
        answer = portal.take(call)
        assert isinstance(answer.body, dict)
        results = answer.body["results"]
        answer.body["results"] = [r for r in results if r["id"] != keys[450]]
        return answer

    portal.faults.append(leaky)
    found = {row["id"] for row in rows(crm, "companies", "id", since=mark)}
    assert set(keys) <= found


@pytest.mark.parametrize(
    ("kind", "count"), [("contacts", 12_000), ("companies", 50_000)]
)
@pytest.mark.every(2)
def test_equal_stamps_are_read_once_each(
    portal: Portal, crm: Connector, kind: str, count: int
) -> None:
    for _ in range(count + 1000):
        portal.add(kind)
    portal.now += timedelta(hours=1)
    keys = [portal.add(kind) for _ in range(count)]
    found = [row["id"] for row in rows(crm, kind, "id", since=portal.now)]
    assert found == keys
    assert crm.calls <= 1.1 * count / 200
    searches = [call for call in portal.calls if call.path.endswith("/search")]
    assert not [call for call in searches if call.body.get("after")]


def test_equal_stamps_of_everything_are_listed_once_each(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 12_000)
    found = [row["id"] for row in rows(crm, "companies", "id", since=portal.now)]
    assert found == keys
    assert crm.calls <= 1.1 * 12_000 / 100


def test_archived_records_are_found_when_a_list_was_cheaper(
    portal: Portal, crm: Connector
) -> None:
    mark, keys = changed_companies(portal, 10, 600)
    portal.archive("companies", keys[0])
    found = {r["id"]: r["archived"] for r in rows(crm, "companies", "id", since=mark)}
    assert found[keys[0]] is True
    assert len(found) == 610


def test_a_record_that_was_merged_away_is_gone_the_same_night(
    portal: Portal, crm: Connector
) -> None:
    loser, winner, _ = companies(portal, 3)
    portal.now += timedelta(hours=1)
    portal.merge("companies", loser, winner)
    found = rows(crm, "companies", "id", "name", since=portal.now)
    assert [(row["id"], row.get("archived")) for row in found] == [
        (winner, False),
        (loser, True),
    ]


def test_associations_of_changed_records_are_read_again(
    portal: Portal, crm: Connector
) -> None:
    one, two = companies(portal, 2)
    deal = portal.add("deals", dealname="x")
    portal.link("deals", deal, "companies", one)
    portal.now += timedelta(hours=1)
    portal.records["deals"][deal].links["companies"] = {two: {"unlabeled", "primary"}}
    portal.edit("deals", deal, dealname="y")
    (row,) = rows(crm, "deals", "id", *LINKS, since=portal.now)
    assert row["associations"] == {"companies": [two]}


def test_a_removed_record_is_found_by_reading_everything_not_by_ids(
    crm: Connector,
) -> None:
    assert Capability.SWEEP not in crm.capabilities


def pages_of(portal: Portal, change: Callable[[Json, int], None]) -> None:
    """Change what the portal answers to searches, by their number."""
    count = itertools.count()

    def fault(call: Call) -> Answer | None:
        if not call.path.endswith("/search") or call.body["limit"] == 1:
            return None
        answer = portal.take(call)
        assert isinstance(answer.body, dict)
        change(answer.body, next(count))
        return answer

    portal.faults.append(fault)


def test_an_empty_page_that_leads_to_itself_is_not_asked_for_for_ever(
    portal: Portal, crm: Connector
) -> None:
    mark, keys = changed_companies(portal, 2000, 500)

    def empty(body: Json, _nth: int) -> None:
        body["results"], body["paging"] = [], {"next": {"after": "0"}}

    pages_of(portal, empty)
    assert set(keys) <= {row["id"] for row in rows(crm, "companies", "id", since=mark)}
    assert sum(call.path.endswith("/search") for call in portal.calls) <= 4


def test_records_archived_while_we_search_do_not_make_us_list_everything(
    portal: Portal, crm: Connector
) -> None:
    mark, keys = changed_companies(portal, 9000, 500)

    def archive(_body: Json, nth: int) -> None:
        if nth == 0:
            for key in keys[450:]:
                portal.archive("companies", key)

    pages_of(portal, archive)
    found = {r["id"]: r["archived"] for r in rows(crm, "companies", "id", since=mark)}
    assert found == {key: nth >= 450 for nth, key in enumerate(keys)}
    assert crm.calls <= 7


def test_a_night_begins_before_what_the_index_had_not_seen(
    portal: Portal, crm: Connector
) -> None:
    companies(portal, 5)
    portal.search_lag = timedelta(minutes=5)
    late = portal.add("companies")
    (first, *_) = crm.pull(Pull(object="companies", fields=("id",)))
    assert first.server_time is not None
    portal.now += timedelta(hours=1)
    since = first.server_time - OVERLAP
    assert late in {row["id"] for row in rows(crm, "companies", "id", since=since)}


@pytest.mark.parametrize(
    ("kind", "cursor"),
    [
        ("contacts", "lastmodifieddate"),
        *(
            (kind, "hs_lastmodifieddate")
            for kind in ("companies", "deals", "tickets", "line_items", "tasks")
        ),
    ],
)
def test_each_type_is_searched_by_its_own_cursor(
    portal: Portal, crm: Connector, kind: str, cursor: str
) -> None:
    key = portal.add(kind)
    assert [row["id"] for row in rows(crm, kind, "id", since=portal.now)] == [key]
    (search,) = (call for call in portal.calls if call.path.endswith("/search"))
    (filters,) = search.body["filterGroups"]
    assert [each["propertyName"] for each in filters["filters"]] == [cursor]


def test_a_body_of_a_search_stays_within_what_the_portal_takes(
    portal: Portal, crm: Connector
) -> None:
    names = [f"{letter}{n}" for letter in "abcdefghij" for n in range(100)]
    portal.define("companies", *names)
    key = portal.add("companies", **{name: name for name in names})
    (row,) = rows(crm, "companies", "id", *names, since=portal.now)
    assert row["id"] == key
    assert all(row[name] == name for name in names)


def test_a_property_that_goes_in_any_part_of_a_search_is_noticed(
    portal: Portal, crm: Connector
) -> None:
    names = [f"custom_property_number_{n:04d}" for n in range(600)]
    portal.add("companies", **dict.fromkeys(names, "x"))
    crm.describe("companies")
    del portal.properties["companies"][names[-1]]
    with pytest.raises(FieldsChanged) as caught:
        rows(crm, "companies", "id", *names, since=portal.now)
    assert caught.value.params["fields"] == names[-1]
