"""HubSpot over real HTTP: read is what is there, written is what was sent, once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Connector, Create, Pull, Row, SetField
from connectors.errors import (
    AuthenticationFailed,
    ForeignAddress,
    NotPermitted,
    RateLimited,
    UnknownObject,
)
from connectors.hubspot import open_hubspot
from tests.crm.hubspot import Answer, Call, Fault, Portal, serve

KEY = "handover_key"
LINKS = ("associations.companies", "primary_association.companies")


@pytest.fixture
def portal() -> Portal:
    portal = Portal()
    portal.owners = [
        {
            "id": "7",
            "email": "sato@example.jp",
            "firstName": "健一",
            "lastName": "佐藤",
        },
        {
            "id": "8",
            "email": "tanaka@example.jp",
            "firstName": "遥",
            "lastName": "田中",
        },
        {"id": "9", "email": "gone@example.jp", "archived": True},
    ]
    portal.define("tasks", "hs_task_subject", "hs_task_body", "hs_timestamp")
    return portal


@pytest.fixture
def crm(portal: Portal) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address)


def opened(address: str, **settings: object) -> Connector:
    fast = {"burst": 100_000, "search": 100_000}
    given = {"base_url": address, "token": "pat-canary-5f1c", "rate": fast}
    return open_hubspot({**given, "task_key": KEY, **settings})


def rows(
    crm: Connector, kind: str, *fields: str, since: datetime | None = None
) -> list[Row]:
    request = Pull(object=kind, fields=fields, since=since)
    return [row for page in crm.pull(request) for row in page.rows]


def once(answer: Answer, when: str) -> Fault:
    """Answer so the first time that a path with these letters is called."""
    waiting = [answer]

    def fault(call: Call) -> Answer | None:
        return waiting.pop() if waiting and when in call.path else None

    return fault


def after_commit(portal: Portal, when: str) -> Fault:
    """Let a call take effect and lose its reply, once."""
    waiting = [when]

    def fault(call: Call) -> Answer | None:
        if not waiting or waiting[0] not in call.path:
            return None
        waiting.clear()
        portal._route(call)
        return Answer(200, "", drop=True)

    return fault


# Reading


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


def test_a_search_brings_what_changed_also_beyond_its_cap(
    portal: Portal, crm: Connector
) -> None:
    portal.define("companies", "name")
    old = [portal.add("companies", name="old") for _ in range(11_500)]
    mark = portal.now = portal.now + timedelta(hours=1)
    for key in old[:10_500]:
        portal.edit("companies", key, name="new")
    found = rows(crm, "companies", "id", "name", since=mark)
    assert sum(row["name"] == "new" for row in found) == 10_500


def test_an_empty_page_with_a_cursor_does_not_end_a_search(
    portal: Portal, crm: Connector
) -> None:
    mark = portal.now
    portal.now += timedelta(minutes=1)
    keys = [portal.add("contacts", email=f"{n}@example.jp") for n in range(250)]
    for _ in range(500):
        portal.records["contacts"][portal.add("contacts", email="x")].updated = (
            mark - timedelta(days=1)
        )
    first_page = Answer(
        200, {"total": 250, "results": [], "paging": {"next": {"after": "200"}}}
    )

    def empty_first(call: Call) -> Answer | None:
        reading = call.path.endswith("/search") and call.body["limit"] > 1
        return first_page if reading and "after" not in call.body else None

    portal.faults.append(empty_first)
    found = rows(crm, "contacts", "id", since=mark)
    assert [row["id"] for row in found] == keys[200:]


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


def test_many_properties_are_asked_for_in_several_calls(
    portal: Portal, crm: Connector
) -> None:
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


def test_a_type_without_permission_is_named_with_its_scope(
    portal: Portal, crm: Connector
) -> None:
    portal.add("tickets", subject="x")
    portal.forbidden.add("tickets")
    with pytest.raises(NotPermitted) as caught:
        crm.describe("tickets")
    assert caught.value.params["scopes"] == "crm.objects.tickets.read"


def test_a_gateway_page_is_tried_again(portal: Portal, crm: Connector) -> None:
    portal.add("companies", name="A")
    portal.faults.append(once(Answer(502, "<html>cloudflare</html>"), "/companies"))
    assert len(rows(crm, "companies", "id", "name")) == 1


def test_the_daily_limit_ends_the_run_with_the_first_refusal(
    portal: Portal, crm: Connector
) -> None:
    daily = {"errorType": "RATE_LIMIT", "policyName": "DAILY", "message": "daily"}
    portal.faults.append(lambda _call: Answer(429, daily))
    with pytest.raises(RateLimited):
        rows(crm, "companies", "id")
    assert len(portal.calls) == 1


def test_a_rejected_token_is_not_tried_twice_and_not_shown(portal: Portal) -> None:
    with serve(portal) as address:
        crm = opened(address, token="pat-canary-wrong")
        with pytest.raises(AuthenticationFailed) as caught:
            crm.identify()
    assert len(portal.calls) == 1
    assert "canary" not in str(caught.value)


def test_an_expired_oauth_token_is_renewed_once(portal: Portal) -> None:
    handed_out = iter(["first", "pat-canary-5f1c"])

    def token_desk(call: Call) -> Answer | None:
        if call.path != "/oauth/2026-03/token":
            return None
        assert call.body["refresh_token"] == "canary-refresh"
        return Answer(200, {"access_token": next(handed_out), "expires_in": 1800})

    portal.faults.append(token_desk)
    portal.add("companies", name="A")
    grant = {"client_id": "c", "client_secret": "s", "refresh_token": "canary-refresh"}
    with serve(portal) as address:
        crm = opened(address, token=None, **grant)
        assert len(rows(crm, "companies", "id")) == 1


@pytest.mark.parametrize("address", ["http://api.hubapi.example", "ftp://127.0.0.1"])
def test_plain_http_goes_to_this_machine_only(address: str) -> None:
    with pytest.raises(ForeignAddress):
        opened(address)


def test_the_paging_link_to_another_host_is_never_followed(
    portal: Portal, crm: Connector
) -> None:
    for n in range(101):
        portal.add("companies", name=str(n))
    assert len(rows(crm, "companies", "id")) == 101  # its links point to x.example


# Writing


def owners_of(portal: Portal, keys: list[str]) -> list[str | None]:
    return [portal.records["companies"][k].properties["hubspot_owner_id"] for k in keys]


def moves(keys: list[str], owner: str = "8") -> list[SetField]:
    return [
        SetField(
            object="companies", id=k, field="hubspot_owner_id", before="7", after=owner
        )
        for k in keys
    ]


def companies(portal: Portal, count: int) -> list[str]:
    return [portal.add("companies", hubspot_owner_id="7") for _ in range(count)]


def test_owner_changes_go_out_a_hundred_a_call(portal: Portal, crm: Connector) -> None:
    keys = companies(portal, 250)
    outcomes = [o for b in crm.batches(moves(keys)) for o in crm.write(b)]
    assert [o.state for o in outcomes] == ["done"] * 250
    assert owners_of(portal, keys) == ["8"] * 250
    assert crm.calls == 3


def test_a_row_with_a_fault_does_not_stop_its_batch(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)
    changes = [*moves(keys[:1]), *moves(keys[1:2], "9"), *moves(keys[2:])]
    outcomes = crm.write(changes)
    assert [o.state for o in outcomes] == ["done", "refused", "done"]
    assert outcomes[1].code == "INVALID_OWNER_ID"


def test_an_id_that_is_missing_from_the_reply_is_in_doubt(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)
    portal.merged[keys[1]] = keys[0]
    assert [o.state for o in crm.write(moves(keys))] == ["done", "in_doubt", "done"]


def test_a_lost_reply_leaves_the_whole_batch_in_doubt(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)
    portal.faults.append(after_commit(portal, "batch/update"))
    assert {o.state for o in crm.write(moves(keys))} == {"in_doubt"}
    assert len(portal.commits) == 3  # not sent again


@pytest.mark.parametrize("status", [423, 429])
def test_a_call_turned_away_is_sent_again(
    portal: Portal, crm: Connector, status: int
) -> None:
    keys = companies(portal, 5)
    turned = Answer(status, {"errorType": "RATE_LIMIT"}, {"Retry-After": "0"})
    portal.faults.append(once(turned, "batch/update"))
    assert {o.state for o in crm.write(moves(keys))} == {"done"}
    assert len(portal.commits) == 5


def test_the_same_record_twice_never_stands_in_one_call(
    portal: Portal, crm: Connector
) -> None:
    (key,) = companies(portal, 1)
    changes = [
        *moves([key]),
        SetField(object="companies", id=key, field="other", before=None, after="8"),
    ]
    assert [len(batch) for batch in crm.batches(changes)] == [1, 1]


def task(company: str, key: str, field: str | None = KEY) -> Create:
    values = {"hs_task_subject": "引継", "hs_timestamp": "2027-04-01"}
    return Create(
        object="tasks",
        key=key,
        key_field=field,
        values=values,
        links={"account": company},
    )


def test_a_task_is_created_once_with_its_link_however_often_it_is_sent(
    portal: Portal, crm: Connector
) -> None:
    crm.prepare(create=True)
    (company,) = companies(portal, 1)
    portal.faults.append(after_commit(portal, "batch/upsert"))
    first = crm.write([task(company, "handover:p:1")])
    again = crm.write([task(company, "handover:p:1")])
    assert [first[0].state, again[0].state] == ["in_doubt", "done"]
    assert len(portal.records["tasks"]) == 1
    found = crm.find([task(company, "handover:p:1")])["handover:p:1"]
    assert found["links"] == {"account": company}
    assert found["hs_timestamp"] == "2027-04-01"


def test_without_the_key_property_a_lost_task_is_found_through_its_company(
    portal: Portal,
) -> None:
    (company,) = companies(portal, 1)
    create = task(company, "handover:p:1", None)
    portal.search_lag = timedelta(days=365)
    portal.faults.append(after_commit(portal, "tasks/batch/create"))
    with serve(portal) as address:
        crm = opened(address, task_key=None)
        assert crm.find([create]) == {}
        assert crm.write([create])[0].state == "in_doubt"
        assert crm.find([create])["handover:p:1"]["links"] == {"account": company}


def test_the_key_property_is_missing_until_it_is_made(
    portal: Portal, crm: Connector
) -> None:
    assert crm.prepare() == ("tasks.handover_key",)
    assert crm.prepare(create=True) == ()
    assert portal.properties["tasks"][KEY]["hasUniqueValue"] is True
    assert crm.prepare() == ()


def test_the_key_property_is_only_named_where_we_may_not_make_it(
    portal: Portal, crm: Connector
) -> None:
    portal.unwritable.add("schemas")
    assert crm.prepare(create=True) == ("tasks.handover_key",)


def test_current_values_are_read_past_the_search_index(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 120)
    portal.search_lag = timedelta(days=1)
    portal.edit("companies", keys[0], hubspot_owner_id="8")
    found = crm.read("companies", [*keys, "999999"], ["hubspot_owner_id"])
    assert found[keys[0]]["hubspot_owner_id"] == "8"
    assert set(found) == set(keys)


def test_limits_are_kept_without_a_single_refusal(portal: Portal) -> None:
    portal.rate = 40
    keys = companies(portal, 20)
    with serve(portal) as address:
        crm = opened(address, rate={"burst": 40, "search": 5})
        for key in keys:
            crm.read("companies", [key], ["hubspot_owner_id"])
    assert portal.rejections == 0


def test_the_server_time_is_the_portals_not_ours(
    portal: Portal, crm: Connector
) -> None:
    portal.add("companies", name="A")
    (page,) = crm.pull(Pull(object="companies", fields=("id",)))
    assert page.server_time == datetime(2027, 3, 1, tzinfo=UTC)


def test_unknown_types_are_refused_by_name(crm: Connector) -> None:
    with pytest.raises(UnknownObject):
        crm.describe("unicorns")
