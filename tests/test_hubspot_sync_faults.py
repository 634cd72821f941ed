"""A HubSpot portal in the mirror, when something goes wrong on the way."""

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.errors import NotPermitted, Unreachable
from handover.mirror.losses import Shrunk
from tests.worlds.hubspot_company import company
from tests.worlds.hubspot_mirror import DAY, Mill
from tests.worlds.hubspot_replies import Answer, Call
from tests.worlds.hubspot_serving import serve

SOAK = "HANDOVER_SOAK" in os.environ
PAGES = 18
"""Pages of the small company, one record each; of its owners two."""


@pytest.fixture
def mill(tmp_path: Path) -> Iterator[Mill]:
    made = company()
    with serve(made.portal) as address:
        yield Mill(tmp_path, address, made)


@pytest.mark.parametrize("calls", [5, 35, 45])
def test_a_sync_that_was_cut_off_is_resumed(mill: Mill, calls: int) -> None:
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
@pytest.mark.every(2)
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
from tests.worlds.hubspot_company import Company
from tests.worlds.hubspot_mirror import Mill
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
