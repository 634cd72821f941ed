"""A HubSpot portal in the mirror: each table filled, each night only what changed."""

import contextlib
import datetime as dt
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from connectors.base import Page
from connectors.errors import NotPermitted, Unreachable
from handover.ledger import Ledger
from handover.mirror.generations import current_generation
from handover.mirror.merging import Shrunk
from handover.mirror.sync import Source, Synced, Syncer, SyncOptions
from mappings.load import load_mapping
from mappings.translate import TranslationSettings
from tests.crm.hubspot_company import Company, company
from tests.crm.hubspot_replies import Answer, Call
from tests.crm.hubspot_serving import serve
from tests.portals import opened

DAY = dt.timedelta(days=1)
SOAK = "HANDOVER_SOAK" in os.environ
PAGES = 18
"""Pages of the small company, one record each; of its owners two."""


class Mill:
    """A mirror of a portal."""

    def __init__(self, folder: Path, address: str, company: Company) -> None:
        self.folder, self.address, self.company = folder, address, company
        folder.mkdir(exist_ok=True)
        self.now = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
        self.ledger = Ledger.open(folder / "ledger.sqlite")
        self.ways: dict[str, str] = {}

    def sync(self) -> Synced:
        self.ways = {}
        return Syncer(
            ledger=self.ledger,
            folder=self.folder / "mirror",
            settings=TranslationSettings(
                timezone=ZoneInfo("Asia/Tokyo"),
                country="JP",
                currency="JPY",
                empty_words=frozenset({"なし"}),
            ),
            now=self.now,
            options=SyncOptions(),
            told=self._note,
        ).sync(
            [
                Source(
                    name="hubspot",
                    connect=lambda: opened(self.address),
                    mapping=load_mapping("hubspot", self.folder),
                )
            ]
        )

    def pass_a_week(self) -> None:
        """Let the nights pass until everything is read anew."""
        for days in (6, 1):
            self.company.portal.now += days * DAY
            if days > 1:
                self.sync()

    def _note(self, name: str, page: Page) -> None:
        if page.way:
            self.ways[name] = page.way

    def rows(self, table: str) -> dict[str, Mapping[str, Any]]:
        file = current_generation(self.ledger, self.folder / "mirror").files[table]
        return {row["id"]: row for row in pq.read_table(file).to_pylist()}

    def row(self, table: str, name: str, kind: str = "") -> Mapping[str, Any]:
        key = self.company.ids[name]
        return self.rows(table)[f"{kind}:{key}" if kind else key]

    def status(self, table: str, column: str) -> str:
        """Tell what the newest generation could see of a column."""
        files = current_generation(self.ledger, self.folder / "mirror").files
        found = {
            (row["table_name"], row["column_name"]): str(row["status"])
            for row in pq.read_table(files["columns"]).to_pylist()
        }
        return found[table, column]

    def links(self) -> set[tuple[str, str, str]]:
        known = {key: name for name, key in self.company.ids.items()}
        return {
            (known[r["activity_id"].split(":")[1]], r["target"], known[r["target_id"]])
            for r in self.rows("activity_links").values()
        }


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[Mill]:
    made = company()
    with serve(made.portal) as address:
        yield Mill(tmp_path, address, made)


def test_every_table_is_filled_from_where_hubspot_keeps_it(mill: Mill) -> None:
    synced = mill.sync()
    assert not synced.rejects
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
    assert not synced.rejects
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


def test_what_may_not_be_read_is_unreadable_and_the_rest_comes(mill: Mill) -> None:
    mill.company.portal.forbidden |= {"tickets", "emails"}
    mill.sync()
    assert mill.status("requests", "subject") == "unreadable"
    assert mill.status("accounts", "name") == "mapped"
    assert len(mill.rows("activities")) == 4


@pytest.mark.parametrize("calls", [5, 35, 45])
def test_a_portal_that_is_cut_off_is_gone_on_with(mill: Mill, calls: int) -> None:
    portal = mill.company.portal
    portal.page_limit = 1
    allowed = iter(range(calls))
    gone = Answer(200, "", drop=True)
    portal.faults = [lambda _call: None if next(allowed, None) is not None else gone]
    with pytest.raises(Unreachable):
        mill.sync()
    portal.faults = []
    mill.sync()
    counts = {table: len(mill.rows(table)) for table in ("contacts", "opportunities")}
    assert counts == {"contacts": 2, "opportunities": 3}
    assert len(mill.links()) == 5


def test_a_property_that_goes_between_two_pages_keeps_what_we_knew(mill: Mill) -> None:
    portal = mill.company.portal
    mill.sync()
    portal.page_limit = 1
    mill.pass_a_week()
    portal.edit("companies", mill.company.ids["denki"], name="大阪電機株式会社")
    pages = iter(range(100))

    def remove(call: Call) -> None:
        if call.path == "/crm/v3/objects/companies" and next(pages) == 2:
            del portal.properties["companies"]["description"]

    portal.faults.append(remove)
    mill.sync()
    assert "description" not in portal.properties["companies"]
    assert mill.row("accounts", "seiki")["business"] == "精密部品の加工"
    assert mill.row("accounts", "denki")["name"] == "大阪電機株式会社"
    assert mill.status("accounts", "business") == "unreadable"


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
        assert not synced.rejects
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
    assert not synced.rejects
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


def test_companies_that_only_seem_gone_are_not_marked(mill: Mill) -> None:
    for n in range(60):
        mill.company.portal.add("companies", name=f"会社{n}")
    mill.sync()
    portal = mill.company.portal
    mill.pass_a_week()
    hidden, portal.records["companies"] = portal.records["companies"], {}
    with pytest.raises(Shrunk):
        mill.sync()
    portal.records["companies"] = hidden
    mill.sync()
    assert not [r for r in mill.rows("accounts").values() if r["is_deleted"]]


@pytest.mark.parametrize("off", [-365, -1, 1, 365])
def test_our_clock_has_no_part_in_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off: int
) -> None:
    right = time.time
    asked = []
    for days in (0, off):
        made = company()
        made.portal.page_limit = 1
        with serve(made.portal) as address:
            mill = Mill(tmp_path / f"{days}", address, made)
            mill.sync()
            # Between the nights our clock jumps.
            monkeypatch.setattr("time.time", lambda d=days: right() + d * 86_400)
            mill.now += (1 + days) * DAY
            made.portal.now += DAY
            made.portal.edit("companies", made.ids["seiki"], name="x")
            mill.sync()
        asked.append(sorted(map(asking, made.portal.calls)))
    assert asked[0] == asked[1]


def asking(call: Call) -> str:
    """Write down what a call asks for."""
    return f"{call.method} {call.path} {call.query} {call.body}"


CALLS = 76
"""Calls of a night on the small company."""


@pytest.mark.parametrize("nth", range(1, CALLS, 1 if SOAK else 14))
def test_whichever_call_is_refused_nothing_is_passed_over(mill: Mill, nth: int) -> None:
    mill.sync()
    portal, ids = mill.company.portal, mill.company.ids
    portal.now += DAY
    edits = {
        ("companies", "seiki"): ("name", "accounts", "name"),
        ("contacts", "ono"): ("lastname", "contacts", "name"),
        ("deals", "open"): ("dealname", "opportunities", "name"),
        ("tickets", "ticket"): ("subject", "requests", "subject"),
        ("orders", "order"): ("hs_order_name", "orders", "product"),
    }
    for (kind, name), (field, _, _) in edits.items():
        portal.edit(kind, ids[name], **{field: "変更"})
    count = itertools.count(1)
    refusal = Answer(403, {"category": "MISSING_SCOPES", "message": "no"})
    portal.faults = [lambda _call: refusal if next(count) == nth else None]
    with contextlib.suppress(NotPermitted):
        mill.sync()
    assert next(count) > nth
    portal.faults = []
    portal.now += DAY  # what was changed is older than the overlap by now
    mill.sync()
    for (_, name), (_, table, column) in edits.items():
        assert mill.row(table, name)[column] == "変更"


KILLED = """\
import os, signal, sys
from pathlib import Path
from handover.mirror.staging import Staging
from tests.crm.hubspot_company import Company
from tests.test_hubspot_sync import Mill
left, keep = int(sys.argv[3]), Staging.add
def add(*args):
    global left
    keep(*args)
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
Staging.add = add
Mill(Path(sys.argv[1]), sys.argv[2], Company()).sync()
"""


@pytest.mark.parametrize("page", range(1, PAGES + 1, 1 if SOAK else 6))
def test_killed_at_any_page_at_most_one_page_of_a_type_is_read_twice(
    mill: Mill, page: int
) -> None:
    portal = mill.company.portal
    portal.page_limit = 1
    words = [sys.executable, "-c", KILLED, str(mill.folder), mill.address, str(page)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    ended = subprocess.run(words, check=False, env=env)  # noqa: S603 - our own
    assert ended.returncode == -signal.SIGKILL
    mill.sync()
    assert len(mill.rows("accounts")) == 3
    assert len(mill.links()) == 5
    pages = Counter(
        (call.path, call.query.get("archived"), call.query.get("after"))
        for call in portal.calls
        if call.query.get("limit") in {"100", "500"}
    )
    again = Counter(path for (path, *_), count in pages.items() if count > 1)
    assert max(pages.values()) <= 2
    assert all(count == 1 for count in again.values())
