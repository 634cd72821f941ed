"""Reading HubSpot over HTTP: what is there is read, once, whichever way was chosen."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Connector, Pull
from connectors.errors import (
    FieldsChanged,
    NotPermitted,
    RateLimited,
    UnknownObject,
)
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_faults import once
from tests.worlds.hubspot_replies import Answer
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import LINKS, companies, opened, rows


@pytest.fixture
def crm(portal: Portal) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address)


def test_a_list_brings_every_record_once_with_its_associations(
    portal: Portal, crm: Connector
) -> None:
    company = portal.add("companies", name="東京精機")
    people = [portal.add("contacts", email=f"p{n}@example.jp") for n in range(250)]
    for person in people:
        portal.link("contacts", person, "companies", company)
    found = rows(crm, "contacts", "id", "email", *LINKS)
    assert [row["id"] for row in found] == people
    assert all(row["associations"] == {"companies": [company]} for row in found)
    assert all(row["primary_association"] == {"companies": company} for row in found)
    assert crm.calls == 3


def test_the_company_a_contact_belongs_to_is_the_primary_one(
    portal: Portal, crm: Connector
) -> None:
    one, two = portal.add("companies", name="A"), portal.add("companies", name="B")
    person = portal.add("contacts", email="x@example.jp")
    portal.link("contacts", person, "companies", one, "unlabeled")
    portal.link("contacts", person, "companies", two, "unlabeled", "primary")
    (row,) = rows(crm, "contacts", "id", *LINKS)
    assert row["primary_association"] == {"companies": two}
    assert row["associations"] == {"companies": [one, two]}


def test_labels_of_the_portal_stand_beside_the_ids(
    portal: Portal, crm: Connector
) -> None:
    portal.labels["contacts", "companies"] = [
        {"category": "USER_DEFINED", "label": "決裁者"}
    ]
    company = portal.add("companies", name="A")
    person = portal.add("contacts", email="x@example.jp")
    portal.link("contacts", person, "companies", company, "primary", "決裁者")
    (row,) = rows(
        crm, "contacts", "id", "associations.companies", "association_labels.companies"
    )
    assert row["association_labels"] == {"companies": ["決裁者"]}


def test_stages_are_judged_by_their_metadata(portal: Portal, crm: Connector) -> None:
    portal.pipelines["deals"] = [
        {
            "stages": [
                {
                    "id": "1",
                    "label": "商談中",
                    "metadata": {"isClosed": "false", "probability": "0.4"},
                },
                {
                    "id": "2",
                    "label": "受注",
                    "metadata": {"isClosed": "true", "probability": "1.0"},
                },
                {
                    "id": "3",
                    "label": "失注",
                    "metadata": {"isClosed": "true", "probability": "0.0"},
                },
            ]
        }
    ]
    for stage in ("1", "2", "3"):
        portal.add("deals", dealstage=stage)
    found = rows(crm, "deals", "id", "stage_label", "stage_is_closed", "stage_is_won")
    assert [
        (r["stage_label"], r["stage_is_closed"], r["stage_is_won"]) for r in found
    ] == [
        ("商談中", False, False),
        ("受注", True, True),
        ("失注", True, False),
    ]


@pytest.mark.parametrize("limit", [8000, 2000])
@pytest.mark.parametrize("status", [414, 431])
def test_many_properties_are_asked_for_in_several_calls(
    portal: Portal, crm: Connector, limit: int, status: int
) -> None:
    portal.url_limit, portal.too_long = limit, status
    names = [f"custom_property_number_{n:04d}" for n in range(600)]
    portal.define("companies", *names)
    portal.add("companies", **{name: name[-4:] for name in names})
    (row,) = rows(crm, "companies", "id", *names)
    assert all(row[name] == name[-4:] for name in names)


def test_deactivated_owners_are_inactive_users_not_deleted_ones(crm: Connector) -> None:
    found = rows(crm, "owners", "id", "is_active")
    assert [(row["id"], row["is_active"]) for row in found] == [
        ("7", True),
        ("8", True),
        ("9", False),
    ]


def test_current_values_are_read_past_the_search_index(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 120)
    portal.search_lag = timedelta(days=1)
    portal.edit("companies", keys[0], hubspot_owner_id="8")
    found = crm.read("companies", [*keys, "999999"], ["hubspot_owner_id"])
    assert found[keys[0]]["hubspot_owner_id"] == "8"
    assert set(found) == set(keys)


def test_the_server_time_is_the_portals_not_ours(
    portal: Portal, crm: Connector
) -> None:
    portal.add("companies", name="A")
    (page,) = crm.pull(Pull(object="companies", fields=("id",)))
    assert page.server_time == datetime(2027, 3, 1, tzinfo=UTC)


def test_unknown_types_are_refused_by_name(crm: Connector) -> None:
    with pytest.raises(UnknownObject):
        crm.describe("unicorns")


def test_long_lists_of_associations_are_read_to_their_end(
    portal: Portal, crm: Connector
) -> None:
    (company,) = companies(portal, 1)
    call = portal.add("calls", hs_call_title="x")
    people = [portal.add("contacts", email=f"{n}@x.jp") for n in range(1200)]
    for person in people:
        portal.link("calls", call, "contacts", person, "unlabeled")
    portal.link("calls", call, "companies", company)
    (row,) = rows(crm, "calls", "id", "associations.contacts", "associations.companies")
    assert row["associations"] == {"contacts": people, "companies": [company]}


def test_a_label_of_the_portal_does_not_make_a_company_the_primary_one(
    portal: Portal, crm: Connector
) -> None:
    one, two = companies(portal, 2)
    deal = portal.add("deals", dealname="x")
    portal.link("deals", deal, "companies", one, "unlabeled", "請求先")
    portal.link("deals", deal, "companies", two, "unlabeled", "primary")
    (row,) = rows(crm, "deals", "id", *LINKS)
    assert row["primary_association"] == {"companies": two}


def test_several_companies_and_no_primary_one_is_none(
    portal: Portal, crm: Connector
) -> None:
    deal = portal.add("deals", dealname="x")
    for company in companies(portal, 2):
        portal.link("deals", deal, "companies", company, "unlabeled")
    (row,) = rows(crm, "deals", "id", *LINKS)
    assert row["primary_association"] == {"companies": None}


# What we may see


def test_a_type_without_permission_is_named_with_its_scope(
    portal: Portal, crm: Connector
) -> None:
    portal.add("tickets", subject="x")
    portal.forbidden.add("tickets")
    with pytest.raises(NotPermitted) as caught:
        crm.describe("tickets")
    assert caught.value.params["scopes"] == "crm.objects.tickets.read"


def test_associations_with_a_hidden_type_are_hidden_not_missing(
    portal: Portal, crm: Connector
) -> None:
    portal.add("calls", hs_call_title="x")
    portal.add("deals", dealname="x")
    portal.forbidden.add("deals")
    schema = crm.describe("calls")
    assert "associations.companies" in schema.fields
    assert "associations.deals" in schema.hidden


def test_stages_without_the_pipelines_are_hidden(
    portal: Portal, crm: Connector
) -> None:
    portal.add("deals", dealstage="1")
    portal.forbidden.add("pipelines/deals")
    assert "stage_is_won" in crm.describe("deals").hidden


def test_owners_without_permission_are_named(portal: Portal, crm: Connector) -> None:
    portal.forbidden.add("owners")
    with pytest.raises(NotPermitted):
        crm.describe("owners")


def test_a_property_that_is_removed_while_we_read_blanks_nothing(
    portal: Portal, crm: Connector
) -> None:
    portal.add("companies", name="A", phone="03")
    assert "phone" in crm.describe("companies").fields
    del portal.properties["companies"]["phone"]
    with pytest.raises(FieldsChanged):
        rows(crm, "companies", "id", "name", "phone")


def test_our_key_is_read_out_of_the_body_where_no_property_takes_it(
    portal: Portal, crm: Connector
) -> None:
    portal.add("tasks", hs_task_body="<p>訪問</p>\n[handover:p:hubspot:1:visit:7]")
    portal.add("tasks", hs_task_body="[見積] handover")
    assert "handover_key" in crm.describe("tasks").fields
    found = rows(crm, "tasks", "id", "handover_key")
    assert [row["handover_key"] for row in found] == [
        "handover:p:hubspot:1:visit:7",
        None,
    ]


def test_reading_many_properties_leaves_none_out(
    portal: Portal, crm: Connector
) -> None:
    names = [f"custom_property_number_{n:04d}" for n in range(600)]
    key = portal.add("companies", **{name: name[-4:] for name in names})
    row = crm.read("companies", [key, key], names)[key]
    assert all(row[name] == name[-4:] for name in names)


# Limits


def test_a_pull_leaves_a_fifth_of_the_day_to_people(
    portal: Portal, crm: Connector
) -> None:
    companies(portal, 500)
    portal.daily_left = 202
    with pytest.raises(RateLimited):
        rows(crm, "companies", "id")
    assert len(portal.calls) == 3


def test_one_refused_page_is_asked_for_again(portal: Portal, crm: Connector) -> None:
    companies(portal, 250)
    portal.faults.append(once(Answer(503, ""), "objects/companies"))
    assert len(rows(crm, "companies", "id")) == 250


def test_line_items_are_asked_for_by_their_name_and_come_under_another(
    portal: Portal, crm: Connector
) -> None:
    deal, line = portal.add("deals", dealname="x"), portal.add("line_items", name="y")
    portal.link("deals", deal, "line_items", line)
    (row,) = rows(crm, "deals", "id", "associations.line_items")
    assert row["associations"] == {"line_items": [line]}
    assert portal.calls[-1].query["associations"] == "line_items"


def test_every_call_asks_for_a_compressed_answer(
    portal: Portal, crm: Connector
) -> None:
    key = companies(portal, 150)[0]
    rows(crm, "companies", "id", since=portal.now)
    crm.read("companies", [key], ["name"])
    crm.identify()
    assert {call.headers["Accept-Encoding"] for call in portal.calls} == {"gzip"}


def test_properties_that_go_while_a_long_list_of_them_is_read_are_noticed(
    portal: Portal, crm: Connector
) -> None:
    names = [f"custom_property_number_{n:04d}" for n in range(600)]
    portal.add("companies", **dict.fromkeys(names, "x"))
    crm.describe("companies")
    del portal.properties["companies"][names[-1]]
    with pytest.raises(FieldsChanged):
        rows(crm, "companies", "id", *names)


def test_owners_come_with_their_team_and_the_number_that_is_not_theirs(
    portal: Portal, crm: Connector
) -> None:
    more = (
        {"id": str(n), "email": f"{n}@x.jp", "type": "QUEUE"} for n in range(20, 900)
    )
    portal.owners += more
    found = {row["id"]: row for row in rows(crm, "owners", "id", "team", "userId")}
    assert len(found) == 883
    assert (found["8"]["team"], found["8"]["userId"]) == ("関東", 80)
    assert (found["9"]["userId"], found["9"]["is_active"]) == (90, False)
    assert (found["899"]["type"], found["899"]["team"]) == ("QUEUE", None)
    assert crm.calls == 3
