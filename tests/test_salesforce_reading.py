"""Reading Salesforce over real HTTP: what is there comes, once, or the run says so."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from connectors.base import Pull, Row
from connectors.errors import NotPermitted, Refused, ResumeExpired, UnknownObject
from connectors.salesforce.crm import SalesforceCRM
from tests.worlds.salesforce import Answer, Call, error, later, stamp
from tests.worlds.small_org import CLIENT, Company, connected, ids, once, pages, rows


@pytest.fixture
def crm(org: Company) -> Iterator[SalesforceCRM]:
    with connected(org) as crm:
        yield crm


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


@pytest.mark.parametrize(
    "refused",
    [
        error(400, "INVALID_TYPE", "sObject type 'Organization' is not supported."),
        error(403, "INSUFFICIENT_ACCESS", "no"),
    ],
)
def test_an_org_that_hides_its_own_record_is_known_by_the_log_in(
    org: Company, refused: Answer
) -> None:
    org.faults.append(lambda call: refused if "Organization" in str(call) else None)
    url = "https://login.salesforce.com/id/00D000000000001AAA/005000000000002AAA"
    reply = Answer(200, {"access_token": org.token, "id": url})
    org.faults.append(lambda call: reply if "/token" in call.path else None)
    with connected(org, **CLIENT) as crm:
        identity = crm.identify()
    assert (identity.org_id, identity.production) == ("00D000000000001AAA", True)
    assert identity.user_id == "005000000000002AAA"
    with connected(org) as crm, pytest.raises((UnknownObject, NotPermitted)):
        crm.identify()


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


# Records that stand for others


def test_a_meeting_counts_once_however_many_colleagues_were_invited(
    org: Company, crm: SalesforceCRM
) -> None:
    """Salesforce keeps a copy of an event for each invited user."""
    org.define("Event", "IsRecurrence")
    times = {"StartDateTime": stamp(org.now), "EndDateTime": stamp(org.now)}
    meeting = org.add(
        "Event", Subject="打合せ", OwnerId=org.sato, IsChild=False, **times
    )
    for user in (org.tanaka, org.gone):
        org.add("Event", Subject="打合せ", OwnerId=user, IsChild=True, **times)
    assert ids(rows(crm, "Event", "Subject")) == [meeting]
    assert ids(rows(crm, "Event", "Subject", since=org.now)) == [meeting]
    assert [row["id"] for p in crm.identifiers("Event") for row in p.rows] == [meeting]
    assert not [note for page in pages(crm, "Event", "Subject") for note in page.notes]


def test_a_copy_that_comes_all_the_same_does_not_count(
    org: Company, crm: SalesforceCRM
) -> None:
    meeting = org.add("Event", Subject="打合せ", IsChild=False)
    org.add("Event", Subject="打合せ", IsChild=True)

    def all_of_them(call: Call) -> Answer | None:
        if "FROM Event" not in call.query.get("q", ""):
            return None
        everything = call.query["q"].replace("IsChild = false", "IsDeleted = false")
        return org.route(replace(call, query={"q": everything}))

    org.faults.append(all_of_them)
    (page,) = pages(crm, "Event", "Subject")
    assert (ids(list(page.rows)), page.promised) == ([meeting], None)


def test_an_org_that_does_not_show_the_copies_is_told_of(
    org: Company, crm: SalesforceCRM
) -> None:
    org.add("Event", Subject="打合せ", OwnerId=org.sato)
    (page,) = pages(crm, "Event", "Subject")
    (note,) = page.notes
    assert note.code == "copies_unseen"
    assert note.params == {
        "source": "salesforce",
        "object": "Event",
        "field": "IsChild",
    }


def test_the_contact_of_a_person_account_has_no_owner_of_its_own(
    org: Company, crm: SalesforceCRM
) -> None:
    """The account and its contact are one record, which moves as the account."""
    person, other = (
        org.add("Contact", Name=name, OwnerId=org.sato, IsPersonAccount=is_person)
        for name, is_person in (("佐々木", True), ("鈴木", False))
    )
    found = {row["Id"]: row["OwnerId"] for row in rows(crm, "Contact", "OwnerId")}
    assert found == {person: None, other: org.sato}
    changed = rows(crm, "Contact", "OwnerId", since=org.now)
    assert {row["Id"]: row["OwnerId"] for row in changed} == found


# Values that change without a stamp


def through(row: Row, link: str, name: str) -> object:
    parent = row[link]
    assert isinstance(parent, dict)
    return parent[name]


def test_what_is_read_through_a_parent_comes_again_when_the_parent_changes(
    org: Company, crm: SalesforceCRM
) -> None:
    old, new = org.accounts(2)
    deal = org.add("Opportunity", AccountId=old, OwnerId=org.sato)
    product = org.add("Product2", Name="計量機")
    other = org.add("Product2", Name="包装機")
    roles = [org.add("OpportunityContactRole", OpportunityId=deal) for _ in range(2)]
    line = org.add("OpportunityLineItem", OpportunityId=deal, Product2Id=product)
    org.add("OpportunityLineItem", OpportunityId=deal, Product2Id=other)
    since = later(org, hours=20)
    org.edit("Opportunity", deal, AccountId=new)
    org.edit("Product2", product, Name="計量機 II")
    found = rows(crm, "OpportunityContactRole", "Opportunity.AccountId", since=since)
    assert sorted(ids(found)) == roles
    assert {through(row, "Opportunity", "AccountId") for row in found} == {new}
    (sold,) = rows(crm, "OpportunityLineItem", "Product2.Name", since=since)
    assert sold["Id"] == line
    assert through(sold, "Product2", "Name") == "計量機 II"
    assert rows(crm, "OpportunityLineItem", "Quantity", since=since) == []


def test_a_parent_of_a_parent_counts_as_well(org: Company, crm: SalesforceCRM) -> None:
    (account,) = org.accounts(1)
    deal = org.add("Opportunity", AccountId=account)
    role = org.add("OpportunityContactRole", OpportunityId=deal)
    since = later(org, hours=20)
    org.edit("Account", account, Name="新社名")
    wanted = "Opportunity.Account.Name"
    assert ids(rows(crm, "OpportunityContactRole", wanted, since=since)) == [role]


def test_a_merge_is_followed_through_a_parent_that_bears_no_new_stamp(
    org: Company, crm: SalesforceCRM
) -> None:
    loser, master = org.accounts(2)
    deal = org.add("Opportunity", AccountId=loser)
    role = org.add("OpportunityContactRole", OpportunityId=deal)
    since = later(org, hours=20)
    org.merge("Account", loser, master, "Opportunity")
    found = rows(crm, "OpportunityContactRole", "Opportunity.AccountId", since=since)
    assert ids(found) == [role]
    assert through(found[0], "Opportunity", "AccountId") == master


def test_formulas_and_owners_by_name_are_called_unstamped(
    org: Company, crm: SalesforceCRM
) -> None:
    """Customers belong to users, whose stamp tells; requests to queues as well."""
    key = org.add("Case", OwnerId=org.sato)
    org.compute("Case", key, Tier__c="A")
    shown = crm.describe("Case").fields
    assert [n for n, f in shown.items() if not f.stamped] == ["Tier__c", "Owner"]
    org.accounts(1)
    assert all(field.stamped for field in crm.describe("Account").fields.values())


def test_all_records_come_again_beside_the_changes_where_that_is_wanted(
    org: Company, crm: SalesforceCRM
) -> None:
    keys = org.accounts(5)
    since = later(org, hours=20)
    org.delete("Account", keys[1])
    found = rows(crm, "Account", "IsDeleted", since=since, again=True)
    assert ids(found) == [keys[1], keys[0], *keys[2:]]
