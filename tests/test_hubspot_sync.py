"""A HubSpot portal in the mirror: each table filled, each night only what changed."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worlds.hubspot_company import company
from tests.worlds.hubspot_mirror import DAY, Mill
from tests.worlds.hubspot_replies import Call
from tests.worlds.hubspot_serving import serve


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[Mill]:
    made = company()
    with serve(made.portal) as address:
        yield Mill(tmp_path, address, made)


def test_every_table_is_filled_from_where_hubspot_keeps_it(mill: Mill) -> None:
    synced = mill.sync()
    assert not synced.asides
    assert mill.row("accounts", "seiki")["business"] == "精密部品の加工"
    users = mill.rows("users")
    assert (users["7"]["name"], users["9"]["is_active"]) == ("佐藤", False)
    deal, won = mill.row("opportunities", "open"), mill.row("opportunities", "won")
    assert (deal["stage"], deal["is_closed"], deal["is_won"]) == (
        "商談中",
        False,
        False,
    )
    assert (won["is_closed"], won["is_won"], won["currency"]) == (True, True, "JPY")
    line, order = mill.row("line_items", "line"), mill.row("orders", "order")
    assert (line["product"], line["opportunity_id"]) == (
        "旋盤 X1",
        mill.company.ids["won"],
    )
    assert (order["product"], order["date"]) == ("治具", dt.date(2026, 12, 1))
    ticket = mill.row("requests", "ticket")
    assert (ticket["is_open"], ticket["subject"]) == (True, "納期")


def test_people_hang_on_their_companies_with_labels_as_roles(mill: Mill) -> None:
    mill.sync()
    person = mill.row("contacts", "hayashi")
    assert person["account_id"] == mill.company.ids["seiki"]
    assert person["role"] == "decision maker; end user"
    links = {
        row["account_id"]: (row["role"], row["is_primary"])
        for row in mill.rows("contact_links").values()
        if row["contact_id"] == person["id"]
    }
    assert links == {
        mill.company.ids["seiki"]: ("決裁者", True),
        mill.company.ids["other"]: (None, False),
    }


def test_activities_hang_on_companies_contacts_and_deals(mill: Mill) -> None:
    mill.sync()
    assert mill.links() == {
        ("call", "contact", "hayashi"),
        ("visit", "account", "seiki"),
        ("mail", "opportunity", "open"),
        ("note", "account", "denki"),
        ("task", "account", "seiki"),
    }
    call = mill.row("activities", "call", "calls")
    assert call["text_norm"] == "次回は見積を持参"
    assert call["is_done"] is True
    assert mill.row("activities", "visit", "meetings")["outcome"] == "no_answer"
    task = mill.row("activities", "task", "tasks")
    assert (task["is_done"], task["due"]) == (False, dt.date(2027, 5, 1))


def test_a_second_sync_searches_and_changes_nothing(mill: Mill) -> None:
    first = mill.sync()
    mill.company.portal.now += DAY
    again = mill.sync()
    assert again.generation == first.generation
    assert all(c.new == c.changed == c.deleted == 0 for c in again.counts.values())
    assert set(mill.ways.values()) == {"search"}


def test_at_night_come_changes_archived_and_merged_records(mill: Mill) -> None:
    mill.sync()
    portal, ids = mill.company.portal, mill.company.ids
    portal.now += DAY
    portal.edit("companies", ids["denki"], name="大阪電機株式会社")
    portal.archive("deals", ids["won2"])
    portal.merge("contacts", ids["ono"], ids["hayashi"])
    task = portal.records["tasks"][ids["task"]]
    task.links["companies"] = {ids["denki"]: {"unlabeled"}}
    portal.edit("tasks", ids["task"], hs_task_status="WAITING")
    synced = mill.sync()
    assert not synced.asides
    assert mill.row("accounts", "denki")["name"] == "大阪電機株式会社"
    assert mill.row("opportunities", "won2")["is_deleted"] is True
    ono = mill.row("contacts", "ono")
    assert (ono["is_deleted"], ono["name"]) == (True, "小野")
    assert ("task", "account", "denki") in mill.links()
    assert ("task", "account", "seiki") not in mill.links()
    assert mill.rows("accounts").keys() == {ids["seiki"], ids["denki"], ids["other"]}


def test_once_a_week_everything_is_read_and_what_was_missed_comes(mill: Mill) -> None:
    mill.company.portal.now += DAY
    mill.sync()
    portal, ids = mill.company.portal, mill.company.ids
    lost = portal.records["companies"].pop(ids["other"])
    portal.records["notes"][ids["note"]].links = {}  # no stamp moves
    for days in (5, 1):
        portal.now += days * DAY
        mill.sync()
        assert ("note", "account", "denki") in mill.links()
    portal.now += DAY
    assert mill.sync().vanished == 1
    assert mill.rows("accounts")[lost.id]["is_deleted"] is True
    assert ("note", "account", "denki") not in mill.links()
    assert set(mill.ways.values()) == {"list"}


@pytest.mark.parametrize(("minutes", "nights"), [(9, 1), (180, 7)])
def test_what_was_committed_late_comes_with_the_next_night_or_week(
    mill: Mill, minutes: int, nights: int
) -> None:
    mill.sync()
    portal = mill.company.portal
    key = portal.add("companies", name="後から")
    late = portal.now - dt.timedelta(minutes=minutes)
    portal.records["companies"][key].updated = late
    said = []
    for _ in range(nights):
        assert key not in mill.rows("accounts")
        portal.now += DAY
        said += [a for one in mill.sync().outcomes for a in one.announcements]
    assert key in mill.rows("accounts")
    told = {"code": "late_records", "object": "companies", "count": 1}
    assert said == ([told] if nights > 1 else [])


TYPES = {
    "companies": ("accounts", "other"),
    "contacts": ("contacts", "ono"),
    "deals": ("opportunities", "won2"),
    "line_items": ("line_items", "line"),
    "orders": ("orders", "order"),
    "calls": ("activities", "call"),
    "meetings": ("activities", "visit"),
    "emails": ("activities", "mail"),
    "notes": ("activities", "note"),
    "tasks": ("activities", "task"),
    "tickets": ("requests", "ticket"),
}
"""Each object type that the mapping reads, with a table and a record of it."""


def lists_of(mill: Mill) -> Counter[tuple[str, str]]:
    """Count the lists that were read, by object type and whether of archived ones."""
    paths = [(c, c.path.removeprefix("/crm/v3/objects/")) for c in portal_calls(mill)]
    return Counter((kind, c.query["archived"]) for c, kind in paths if kind in TYPES)


def portal_calls(mill: Mill) -> list[Call]:
    """List the calls of pages: probes for what we may see ask for one record."""
    calls = mill.company.portal.calls
    return [c for c in calls if c.method == "GET" and c.query.get("limit") != "1"]


@pytest.mark.parametrize("tells_time", [True, False], ids=["with Date", "without"])
def test_what_was_archived_is_gone_the_same_night_at_one_call_a_type(
    mill: Mill, *, tells_time: bool
) -> None:
    portal, ids = mill.company.portal, mill.company.ids
    portal.tells_time = tells_time
    told = mill.sync().outcomes[0].announcements
    assert list(told) == ([] if tells_time else [{"code": "no_server_time"}])
    portal.now += DAY
    for kind, (_, name) in TYPES.items():
        portal.archive(kind, ids[name])
    portal.calls.clear()
    synced = mill.sync()
    for kind, (table, name) in TYPES.items():
        prefix = kind if table == "activities" else ""
        assert mill.row(table, name, prefix)["is_deleted"] is True
    deleted = {name: counts.deleted for name, counts in synced.counts.items()}
    expected = Counter(table for table, _ in TYPES.values())
    assert {name: n for name, n in deleted.items() if n} == expected
    assert lists_of(mill) == {(kind, "true"): 1 for kind in TYPES}
    assert not synced.vanished
    again = mill.sync()
    assert not any(counts.deleted for counts in again.counts.values())
    assert set(mill.ways.values()) == {"search"}


def test_without_a_time_nothing_is_missed_and_not_everything_is_read(
    mill: Mill,
) -> None:
    """The newest change that a portal shows is its clock, as far as we need one."""
    portal, ids = mill.company.portal, mill.company.ids
    portal.tells_time = False
    mill.sync()
    for name in ("a", "b"):
        portal.now += DAY
        portal.edit("companies", ids["denki"], name=name)
        portal.calls.clear()
        mill.sync()
        assert mill.row("accounts", "denki")["name"] == name
        assert not [key for key in lists_of(mill) if key[1] == "false"]
    searches = Counter(c.path for c in portal.calls if c.path.endswith("/search"))
    assert max(searches.values()) <= 3


def test_what_may_not_be_read_is_unreadable_and_the_rest_comes(mill: Mill) -> None:
    mill.company.portal.forbidden |= {"tickets", "emails"}
    mill.sync()
    assert mill.status("requests", "subject") == "unreadable"
    assert mill.status("accounts", "name") == "mapped"
    assert len(mill.rows("activities")) == 4


def test_winners_of_old_mergers_bring_no_rows_of_losers_we_never_had(
    mill: Mill,
) -> None:
    portal, ids = mill.company.portal, mill.company.ids
    portal.merge("companies", ids["other"], ids["denki"])
    mill.sync()
    known = mill.rows("accounts").keys()
    for name in ("a", "b"):
        portal.now += DAY
        portal.edit("companies", ids["denki"], name=name)
        synced = mill.sync()
        assert not synced.asides
        assert mill.rows("accounts").keys() == known
        assert synced.counts["accounts"].changed == 1


def test_what_hung_on_a_merged_company_hangs_on_the_winner_the_same_night(
    mill: Mill,
) -> None:
    mill.sync()
    portal, ids = mill.company.portal, mill.company.ids
    portal.now += DAY
    portal.merge("companies", ids["seiki"], ids["denki"])
    synced = mill.sync()
    assert not synced.asides
    assert mill.row("accounts", "seiki")["is_deleted"] is True
    for table, name in (
        ("contacts", "hayashi"),
        ("opportunities", "open"),
        ("requests", "ticket"),
    ):
        assert mill.row(table, name)["account_id"] == ids["denki"]
    assert ("task", "account", "denki") in mill.links()
    assert "seiki" not in {name for _, _, name in mill.links()}


def test_a_person_that_was_archived_stands_on_no_company_any_more(mill: Mill) -> None:
    mill.sync()
    portal, ids = mill.company.portal, mill.company.ids
    portal.now += DAY
    portal.archive("contacts", ids["hayashi"])
    mill.sync()
    living = [r for r in mill.rows("contact_links").values() if not r["is_deleted"]]
    assert ids["hayashi"] not in {row["contact_id"] for row in living}


@pytest.mark.parametrize("nights", [1, 7])
def test_links_that_went_with_their_company_do_not_stop_a_sync(
    mill: Mill, nights: int
) -> None:
    """Seven nights on everything is listed: the links do not come, nor the company."""
    portal, ids = mill.company.portal, mill.company.ids
    for n in range(100):
        person = portal.add("contacts", lastname=f"社員{n}")
        portal.link("contacts", person, "companies", ids["denki"])
    portal.now += DAY
    mill.sync()
    portal.archive("companies", ids["denki"])
    for record in portal.records["contacts"].values():
        record.links.get("companies", {}).pop(ids["denki"], None)
    found = []
    for _ in range(nights):
        portal.now += DAY
        found.append(mill.sync().counts["accounts"].deleted)
    assert found == [1] + [0] * (nights - 1)
    assert set(mill.ways.values()) == {"search" if nights == 1 else "list"}
    links = {row["account_id"] for row in mill.rows("contact_links").values()}
    assert (ids["denki"] in links) is (nights == 1)


def test_what_changes_without_a_stamp_comes_with_the_weekly_listing(mill: Mill) -> None:
    """The label of a stage, and an association: HubSpot stamps no record for them."""
    portal, ids = mill.company.portal, mill.company.ids
    portal.now += DAY
    mill.sync()
    (pipeline,) = portal.pipelines["deals"]
    pipeline["stages"][0]["label"] = "商談(新)"
    portal.records["meetings"][ids["visit"]].links = {"companies": {}}
    portal.link("meetings", ids["visit"], "companies", ids["denki"])
    for _ in range(5):
        portal.now += DAY
        mill.sync()
        assert mill.row("opportunities", "open")["stage"] == "商談中"
        assert ("visit", "account", "seiki") in mill.links()
    portal.edit("deals", ids["open"], dealname="増設2")
    portal.now += DAY
    mill.sync()
    assert mill.row("opportunities", "open")["stage"] == "商談(新)"
    portal.now += DAY
    mill.sync()
    assert set(mill.ways.values()) == {"list"}
    assert ("visit", "account", "denki") in mill.links()
    assert ("visit", "account", "seiki") not in mill.links()
