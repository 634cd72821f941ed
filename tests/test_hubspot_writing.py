"""Writing to HubSpot over HTTP: written is what was sent, once, by those who may."""

from collections.abc import Iterator

import pytest

from connectors.base import Capability, Connector, SetField
from tests.worlds.hubspot import Portal
from tests.worlds.hubspot_faults import after_commit, lost_before, times
from tests.worlds.hubspot_replies import Answer, Call, limited, missing_scope
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import KEY, companies, moves, opened, sent, states, task


@pytest.fixture
def crm(portal: Portal) -> Iterator[Connector]:
    with serve(portal) as address:
        yield opened(address)


def paths(portal: Portal, when: str) -> int:
    return sum(when in call.path for call in portal.calls)


def test_owner_changes_go_out_a_hundred_a_call(portal: Portal, crm: Connector) -> None:
    keys = companies(portal, 250)
    assert states(sent(crm, moves(keys))) == ["done"] * 250
    assert {portal.owner("companies", key) for key in keys} == {"8"}
    assert paths(portal, "batch/update") == 3


def test_an_owner_is_cleared_with_an_empty_text(portal: Portal, crm: Connector) -> None:
    (key,) = companies(portal, 1)
    change = SetField(
        object="companies", id=key, field="hubspot_owner_id", before="7", after=None
    )
    assert states(crm.write([change])) == ["done"]
    assert portal.owner("companies", key) is None


def test_a_row_with_a_fault_does_not_stop_its_batch(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)
    del portal.records["companies"][keys[1]]
    outcomes = crm.write(moves(keys))
    assert states(outcomes) == ["done", "refused", "done"]
    assert outcomes[1].code == "OBJECT_NOT_FOUND"


def test_an_id_that_is_missing_from_the_reply_is_in_doubt(
    portal: Portal, crm: Connector
) -> None:
    keys = companies(portal, 3)
    portal.merge("companies", keys[1], keys[0])
    outcomes = crm.write(moves(keys))
    assert states(outcomes) == ["done", "in_doubt", "done"]
    assert keys[1] not in crm.read("companies", keys, ["hubspot_owner_id"])


def test_the_same_record_twice_never_stands_in_one_call(
    portal: Portal, crm: Connector
) -> None:
    (key,) = companies(portal, 1)
    other = SetField(object="companies", id=key, field="name", before=None, after="B")
    assert [len(batch) for batch in crm.batches([*moves([key]), other])] == [1, 1]


# Owners


@pytest.mark.parametrize(
    ("owner", "code"),
    [
        ("9", "OWNER_INACTIVE"),
        ("80", "USER_ID_FOR_OWNER_ID"),
        ("12345", "INVALID_OWNER_ID"),
    ],
)
def test_nobody_is_made_an_owner_who_cannot_be_one(
    portal: Portal, crm: Connector, owner: str, code: str
) -> None:
    keys = companies(portal, 2)
    outcomes = crm.write([*moves(keys[:1], owner), *moves(keys[1:])])
    assert states(outcomes) == ["refused", "done"]
    assert outcomes[0].code == code
    assert [key for _, key, _ in portal.commits] == keys[1:]


def test_an_owner_without_a_user_is_an_owner_all_the_same(
    portal: Portal, crm: Connector
) -> None:
    portal.owners += [{"id": "11", "userId": None}, {"id": "12", "type": "QUEUE"}]
    keys = companies(portal, 3)
    changes = [
        moves([key], to)[0] for key, to in zip(keys, ("11", "12", "None"), strict=True)
    ]
    assert states(crm.write(changes)) == ["done", "done", "refused"]


def test_a_user_field_of_the_portal_takes_owners_only(
    portal: Portal, crm: Connector
) -> None:
    (key,) = companies(portal, 1)
    portal.define("companies", "second_owner")
    portal.properties["companies"]["second_owner"]["referencedObjectType"] = "OWNER"
    change = SetField(
        object="companies", id=key, field="second_owner", before="7", after="9"
    )
    assert crm.write([change])[0].code == "OWNER_INACTIVE"
    assert not portal.commits


# Tasks


def test_a_task_is_created_once_with_its_link_however_often_it_is_sent(
    portal: Portal, crm: Connector
) -> None:
    crm.prepare(create=True)
    (company,) = companies(portal, 1)
    portal.faults.append(after_commit(portal, "batch/upsert"))
    assert states(sent(crm, [task(company)])) == ["in_doubt"]
    assert states(sent(crm, [task(company)])) == ["done"]
    assert len(portal.records["tasks"]) == 1
    found = crm.find([task(company)])["handover:p:1"]
    assert found["links"] == {"account": company}
    assert found["hs_timestamp"] == "2027-04-01"


def test_a_thousand_tasks_share_one_call_for_their_links(
    portal: Portal, crm: Connector
) -> None:
    crm.prepare(create=True)
    keys = companies(portal, 1000)
    wanted = [task(key, f"handover:p:{key}") for key in keys]
    assert states(sent(crm, wanted)) == ["done"] * 1000
    assert (paths(portal, "batch/upsert"), paths(portal, "associate")) == (10, 1)
    assert all(portal.records["companies"][key].links["tasks"] for key in keys)


def test_a_lost_link_is_sent_again_and_the_task_is_not(
    portal: Portal, crm: Connector
) -> None:
    crm.prepare(create=True)
    (company,) = companies(portal, 1)
    portal.faults.append(lost_before("associate/default"))
    assert states(sent(crm, [task(company)])) == ["done"]
    assert (paths(portal, "batch/upsert"), paths(portal, "associate/default")) == (1, 2)
    assert crm.find([task(company)])["handover:p:1"]["links"] == {"account": company}


def test_a_link_lost_for_good_is_doubt_and_the_second_sending_mends_it(
    portal: Portal, crm: Connector
) -> None:
    crm.prepare(create=True)
    (company,) = companies(portal, 1)
    portal.faults.append(times(Answer(200, "", drop=True), "associate/default", 5))
    assert states(sent(crm, [task(company)])) == ["in_doubt"]
    assert crm.find([task(company)])["handover:p:1"]["links"] == {}
    assert states(sent(crm, [task(company)])) == ["done"]
    assert portal.records["companies"][company].links["tasks"]
    assert len(portal.records["tasks"]) == 1


def test_a_refused_link_is_told(portal: Portal, crm: Connector) -> None:
    crm.prepare(create=True)
    (company,) = companies(portal, 1)
    outcomes = sent(crm, [task(company), task("404404", "handover:p:2")])
    assert states(outcomes) == ["done", "refused"]
    assert "404404" in str(outcomes[1].message)


def test_without_the_key_property_a_lost_task_is_found_through_its_company(
    portal: Portal, crm: Connector
) -> None:
    (company,) = companies(portal, 1)
    portal.faults.append(after_commit(portal, "tasks/batch/create"))
    assert Capability.KEYED_CREATES not in crm.capabilities
    assert crm.find([task(company)]) == {}
    assert states(sent(crm, [task(company)])) == ["in_doubt"]
    found = crm.find([task(company)])["handover:p:1"]
    assert found["links"] == {"account": company}
    assert len(portal.records["tasks"]) == 1
    assert paths(portal, "search") == 0


# Preparing


def test_the_key_property_is_missing_until_it_is_made(
    portal: Portal, crm: Connector
) -> None:
    assert list(crm.prepare()) == ["tasks.handover_key"]
    assert list(crm.prepare(create=True)) == []
    assert portal.properties["tasks"][KEY]["hasUniqueValue"] is True
    assert list(crm.prepare()) == []
    assert Capability.KEYED_CREATES in crm.capabilities


def test_the_key_property_is_only_named_where_we_may_not_make_it(
    portal: Portal, crm: Connector
) -> None:
    portal.unwritable.add("schemas")
    assert list(crm.prepare(create=True)) == ["tasks.handover_key"]


def test_a_property_that_is_not_unique_does_not_take_our_keys(
    portal: Portal, crm: Connector
) -> None:
    portal.define("tasks", KEY)
    assert Capability.KEYED_CREATES not in crm.capabilities
    assert list(crm.prepare()) == ["tasks.handover_key"]


def test_scopes_that_are_missing_for_writing_are_named(
    portal: Portal, crm: Connector
) -> None:
    companies(portal, 1)
    portal.unwritable |= {"contacts", "tickets"}
    missing = set(crm.prepare())
    assert "contacts:crm.objects.contacts.write" in missing
    assert "tasks:crm.objects.contacts.write" in missing
    assert "tickets:crm.objects.tickets.write" in missing
    assert not any(name.startswith("companies") for name in missing)
    assert not portal.commits


def test_a_busy_portal_is_asked_again_what_it_permits(
    portal: Portal, crm: Connector
) -> None:
    companies(portal, 1)
    portal.unwritable.add("companies")
    portal.faults.append(times(limited("SECONDLY"), "companies/batch/update", 3))
    assert "companies:crm.objects.companies.write" in crm.prepare()


def test_where_tasks_may_not_be_read_nothing_is_made(
    portal: Portal, crm: Connector
) -> None:
    portal.forbidden.add("tasks")
    portal.faults.append(
        lambda c: missing_scope("x") if c.path.endswith("properties/tasks") else None
    )
    assert "tasks.handover_key" in crm.prepare(create=True)
    assert not portal.commits


def test_asking_for_scopes_writes_nothing(portal: Portal, crm: Connector) -> None:
    keys = companies(portal, 3)

    def careless(call: Call) -> Answer | None:
        empty = call.body.get("inputs") == []
        return Answer(200, {"status": "COMPLETE", "results": []}) if empty else None

    portal.faults.append(careless)
    crm.prepare()
    assert not portal.commits
    assert {portal.owner("companies", key) for key in keys} == {"7"}
