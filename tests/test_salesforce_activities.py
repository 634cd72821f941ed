"""Activities of an org: everybody who was there counts, and nothing counts twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from connectors.errors import Unreachable
from connectors.salesforce.crm import SalesforceCRM
from handover.mirror.views import open_mirror
from tests.worlds.mirror import NOW, Mirrored, sums
from tests.worlds.salesforce import Answer, error, later, stamp
from tests.worlds.salesforce_company import Company, company
from tests.worlds.salesforce_http import serve
from tests.worlds.small_org import Company as SmallOrg
from tests.worlds.small_org import connected, ids, opened, pages, rows

UNREAD = ("line_items", "requests", "account_team", "opportunity_team")
MAPPING = 'extends = "salesforce"\n' + "".join(
    f'[{table}]\nobject = ""\n' for table in UNREAD
)
RELATION = ("RelationId", "IsWhat", "AccountId")


@pytest.fixture
def crm(org: SmallOrg) -> Iterator[SalesforceCRM]:
    with connected(org) as crm:
        yield crm


# Several people


class Shared:
    """An org with Shared Activities, two customers and a call with both of them."""

    def __init__(self, folder: Path, address: str, made: Company) -> None:
        self.org, self.address = made.org, address
        self.org.records["Task"].clear()
        self.org.records["Event"].clear()
        org, self.colleague = made.org, made.tanaka
        self.mill = Mirrored(folder, MAPPING)
        org.define("TaskRelation", "TaskId", *RELATION)
        org.define("EventRelation", "EventId", "Status", "IsParent", *RELATION)
        self.ours, self.theirs = made.accounts
        self.suzuki, self.hayashi = (
            org.add("Contact", Name=name, AccountId=account)
            for name, account in (("鈴木", self.ours), ("林", self.theirs))
        )
        self.call = org.add(
            "Task",
            WhoId=self.suzuki,
            WhatId=None,
            IsClosed=True,
            IsRecurrence=False,
            TaskSubtype="Call",
            ActivityDate="2027-02-01",
        )
        self.relate(self.suzuki)
        self.other = self.relate(self.hayashi)
        later(org, hours=1)

    def relate(self, who: str, **more: Any) -> str:
        given = {"RelationId": who, "IsWhat": False, **more}
        return self.org.add("TaskRelation", TaskId=self.call, **given)

    def meet(self, who: str, **more: Any) -> str:
        """Make a past event that nobody but the invited is linked to."""
        event = self.org.add(
            "Event",
            Subject="打合せ",
            IsChild=False,
            IsRecurrence=False,
            StartDateTime="2027-02-02T01:00:00.000+0000",
        )
        given = {"RelationId": who, "IsWhat": False, **more}
        self.org.add("EventRelation", EventId=event, **given)
        return event

    def sync(self) -> list[str]:
        """Sync, and return the codes of what was told."""
        crm = opened(self.address, self.org)
        synced = self.mill.sync(self.mill.source("salesforce", crm))
        sums(synced)
        (outcome,) = synced.outcomes
        told = [*outcome.announcements, *map(vars, outcome.problems)]
        return [str(each["code"]) for each in told]

    def counted(self) -> dict[str, set[str]]:
        """Return the activities that count for each account."""
        found: dict[str, set[str]] = {self.ours: set(), self.theirs: set()}
        with open_mirror(
            self.mill.generation(),
            "salesforce",
            as_of=NOW.date(),
            zone=ZoneInfo("Asia/Tokyo"),
            currency="JPY",
        ) as mirror:
            for row in mirror.rows("from account_activities"):
                found[row["account_id"]].add(str(row["activity_id"]))
        return found


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Shared]:
    made = company(2)
    with serve(made.org) as address:
        yield Shared(tmp_path, address, made)


def test_a_call_with_people_of_two_customers_counts_for_both(shared: Shared) -> None:
    assert shared.sync() == []
    call = f"Task:{shared.call}"
    assert shared.counted() == {shared.ours: {call}, shared.theirs: {call}}


def test_a_relation_that_comes_or_goes_alone_is_noticed(shared: Shared) -> None:
    """The activity gets no new stamp, and what is taken away is in no recycle bin."""
    shared.sync()
    org, call = shared.org, f"Task:{shared.call}"
    org.erase("TaskRelation", shared.other)
    later(org, hours=20)
    shared.sync()
    assert shared.counted() == {shared.ours: {call}, shared.theirs: set()}
    shared.relate(shared.hayashi)
    later(org, hours=20)
    shared.sync()
    assert shared.counted()[shared.theirs] == {call}


def test_a_relation_that_goes_is_noticed_at_last_without_the_orgs_word(
    shared: Shared,
) -> None:
    refused = error(400, "EXCEEDED_ID_LIMIT", "too many")
    shared.org.faults.append(lambda call: refused if "deleted" in call.path else None)
    shared.sync()
    shared.org.erase("TaskRelation", shared.other)
    later(shared.org, days=8)
    shared.sync()
    assert shared.counted()[shared.theirs] == set()


def test_deletions_that_cannot_be_asked_for_now_stop_the_night(shared: Shared) -> None:
    shared.sync()
    later(shared.org, hours=20)
    gone = Answer(503, "<html>later</html>")
    shared.org.faults.append(lambda call: gone if "deleted" in call.path else None)
    with pytest.raises(Unreachable):
        shared.sync()
    shared.org.faults.clear()
    shared.org.erase("TaskRelation", shared.other)
    later(shared.org, hours=1)
    shared.sync()
    assert shared.counted()[shared.theirs] == set()


def test_what_hangs_on_an_activity_itself_outlives_its_relations(
    shared: Shared,
) -> None:
    """WhoId says again what one relation says; reading the task again keeps others."""
    shared.sync()
    org, call = shared.org, f"Task:{shared.call}"
    org.edit("Task", shared.call, WhoId=None)
    later(org, hours=20)
    shared.sync()
    assert shared.counted() == {shared.ours: {call}, shared.theirs: {call}}


def test_relations_of_merged_people_follow_the_winner(shared: Shared) -> None:
    """Salesforce rewrites them to the winner without a new stamp."""
    shared.sync()
    org, call = shared.org, f"Task:{shared.call}"
    other = org.add("Contact", Name="林 次郎", AccountId=shared.theirs)
    later(org, hours=20)
    org.merge("Contact", shared.hayashi, other)
    org.records["TaskRelation"][shared.other]["RelationId"] = other
    later(org, hours=1)
    shared.sync()
    assert shared.counted()[shared.theirs] == {call}
    links = shared.mill.rows("activity_links").values()
    assert other in {row["target_id"] for row in links}


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({"Status": "Accepted", "IsParent": False}, True),
        ({"Status": "New", "IsParent": False}, True),
        ({"Status": "Declined", "IsParent": False}, False),
        ({"Status": "Declined", "IsParent": True}, True),
    ],
)
def test_an_invited_person_counts_unless_they_declined(
    shared: Shared, more: dict[str, Any], *, counts: bool
) -> None:
    event = shared.meet(shared.hayashi, **more)
    shared.sync()
    assert (f"Event:{event}" in shared.counted()[shared.theirs]) is counts


def test_invited_users_leads_and_rooms_are_no_customers(shared: Shared) -> None:
    for who in (shared.colleague, "00Q000000000001AAA", "023000000000001AAA"):
        shared.meet(who, Status="Accepted")
    shared.sync()
    counted = shared.counted()
    assert counted == {one: {f"Task:{shared.call}"} for one in counted}
    links = shared.mill.rows("activity_links").values()
    assert {row["target"] for row in links} == {"contact"}


def test_an_org_without_shared_activities_loses_nothing(shared: Shared) -> None:
    for kind in ("TaskRelation", "EventRelation"):
        del shared.org.fields[kind]
    assert shared.sync() == []
    assert shared.counted()[shared.ours] == {f"Task:{shared.call}"}
    assert shared.mill.status("activity_links", "*") == "mapped"


def test_relations_that_are_hidden_later_keep_what_was_known_and_are_told(
    shared: Shared,
) -> None:
    shared.sync()
    org, call = shared.org, f"Task:{shared.call}"
    org.forbidden.add("TaskRelation")
    org.edit("Task", shared.call, Subject="再度の電話")
    later(org, hours=20)
    assert shared.sync() == ["hidden_object"]
    assert shared.counted() == {shared.ours: {call}, shared.theirs: {call}}
    assert shared.mill.status("activity_links", "*") == "mapped"


def test_relations_in_plenty_come_in_bulk(shared: Shared) -> None:
    org = shared.org
    for _ in range(4100):
        shared.relate(shared.hayashi)
    before = len(org.calls)
    shared.sync()
    asked = [c for c in org.calls[before:] if "TaskRelation" in str((c.query, c.body))]
    assert len(asked) == 2  # the first page, and a job for the rest


def test_one_kind_of_relation_alone_is_mapped_as_well(shared: Shared) -> None:
    shared.mill.map('extends = "salesforce"\nactivity_links = {object = ""}\n')
    own = """\
[[activity_links]]
object = "TaskRelation"
of = "Task"
[activity_links.fields]
id = "Id"
activity_id = "TaskId"
target = "target"
target_id = "RelationId"
is_deleted = "IsDeleted"
"""
    (shared.mill.folder / "none.toml").write_text(shared.mill.mapping_text)
    shared.mill.map(f'extends = "none.toml"\n{own}')
    shared.sync()
    later(shared.org, days=8)
    shared.sync()  # with a look at all ids
    assert shared.counted()[shared.theirs] == {f"Task:{shared.call}"}


# Series


def test_the_master_of_a_series_is_no_activity_and_each_occurrence_is_one(
    org: SmallOrg, crm: SalesforceCRM
) -> None:
    org.define("Event", "IsChild")
    for kind in ("Task", "Event"):
        master = org.add(kind, Subject="定例", OwnerId=org.sato, IsRecurrence=True)
        org.edit(kind, master, RecurrenceActivityId=master, IsChild=False)
        each = [
            org.add(
                kind,
                Subject="定例",
                OwnerId=org.sato,
                IsChild=False,
                IsRecurrence=False,
                RecurrenceActivityId=master,
            )
            for _ in range(3)
        ]
        assert ids(rows(crm, kind, "Subject")) == each
        assert ids(rows(crm, kind, "Subject", since=org.now)) == each
        assert [r["id"] for page in crm.identifiers(kind) for r in page.rows] == each


def test_a_series_of_lightning_experience_counts_by_its_occurrences(
    org: SmallOrg, crm: SalesforceCRM
) -> None:
    """It has no master: each record is an occurrence, the first one as well."""
    starts = stamp(org.now)
    each = [
        org.add(
            "Event",
            Subject="定例",
            IsChild=False,
            IsRecurrence=False,
            IsRecurrence2=True,
            IsRecurrence2Exclusion=excluded,
            Recurrence2PatternText="RRULE:FREQ=WEEKLY;BYDAY=MO",
            Recurrence2PatternStartDate=starts,
            StartDateTime=starts,
        )
        for excluded in (True, False, False)
    ]
    assert ids(rows(crm, "Event", "Subject")) == each


def test_masters_that_come_all_the_same_do_not_count(
    org: SmallOrg, crm: SalesforceCRM
) -> None:
    org.add("Task", Subject="定例", IsRecurrence=True)
    one = org.add("Task", Subject="定例", IsRecurrence=False)
    everything = [{"Id": key, **row} for key, row in org.records["Task"].items()]
    answer = Answer(200, {"totalSize": 2, "done": True, "records": everything})
    org.faults.append(lambda call: answer if "q" in call.query else None)
    (page,) = pages(crm, "Task", "Subject")
    assert ids(list(page.rows)) == [one]
