"""Salesforce in the mirror: night by night nothing is lost, whatever happens."""

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.errors import ConnectorError, RateLimited
from connectors.salesforce import bulk
from handover.errors import HandoverError
from handover.mirror import watermarks
from handover.mirror.losses import Shrunk
from tests.worlds.salesforce import Answer, Call, Fault, error, later
from tests.worlds.salesforce_http import serve
from tests.worlds.salesforce_mirror import PAGES, Nights, filled, kind_of, names
from tests.worlds.small_org import once

CALLS = 17
"""Of a first sync: two to know where we are, five descriptions, ten pages."""
DAY_IS_OVER = error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    org = filled()
    with serve(org) as address:
        yield Nights(tmp_path, address, org)


# What was there is there


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_edited_during_a_sync_comes_in_the_end(
    nights: Nights, seed: int
) -> None:
    org, dice = nights.org, random.Random(seed)  # noqa: S311 - no secret
    nights.sync()

    def edit(_call: Call) -> None:
        later(org, seconds=dice.randrange(90))
        key = dice.choice(list(names(org)))
        match dice.randrange(4):
            case 0:
                org.add("Account", Name=f"新{dice.random()}", OwnerId=org.sato)
            case 1:
                org.delete("Account", key)
            case _:
                org.edit("Account", key, Name=f"改{dice.random()}")

    for _ in range(3):
        later(org, hours=20)
        before = {k: r["Name"] for k, r in org.records["Account"].items()}
        org.faults = [edit]
        nights.sync()
        org.faults = []
        mirrored = nights.mill.rows("accounts")
        for key, name in before.items():
            now = org.records["Account"][key]
            if key not in mirrored:  # it came and went while we looked away
                assert now["IsDeleted"]
                continue
            assert mirrored[key]["name"] == name or now["Name"] != name
    later(org, hours=20)
    nights.sync()
    assert nights.names() == names(org)


@pytest.mark.parametrize("index", range(CALLS))
@pytest.mark.every(2)
def test_no_refused_call_makes_a_shorter_mirror(nights: Nights, index: int) -> None:
    refused = error(403, "INSUFFICIENT_ACCESS", "no")
    nights.org.faults = [once(refused, "/services", skip=index)]
    failed = False
    try:
        nights.sync()
    except (ConnectorError, HandoverError) as stopped:
        failed = stopped.exit_code != 0
    nights.org.faults = []
    if not failed and nights.mill.status("accounts", "*") == "mapped":
        assert nights.names() == names(nights.org)
    nights.sync()
    assert nights.names() == names(nights.org)
    assert len(nights.mill.rows("contacts")) == 25


def test_a_record_committed_late_comes_the_next_night_or_by_the_sweep(
    nights: Nights,
) -> None:
    org = nights.org
    nights.sync()
    org.now -= dt.timedelta(minutes=9)
    late = org.add("Account", Name="遅れた会社", OwnerId=org.sato)
    later(org, hours=24, minutes=9)
    nights.sync()
    assert nights.names()[late] == "遅れた会社"
    org.now -= dt.timedelta(hours=3)
    later_still = org.add("Account", Name="もっと遅れた会社", OwnerId=org.sato)
    later(org, days=1, hours=3)
    nights.sync()
    assert later_still not in nights.names()
    later(org, days=7)
    (outcome,) = nights.sync().outcomes
    assert nights.names()[later_still] == "もっと遅れた会社"
    assert {"code": "late_records", "object": "Account", "count": 1} in list(
        outcome.announcements
    )


# Clock, kill, daily limit


@pytest.mark.parametrize("days", [-365, -1, 1, 365])
@pytest.mark.every(2)
def test_our_clock_changes_no_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    real, ours = time.time, [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + ours[0])

    def requests(name: str, *, before: int, after: int) -> Counter[str]:
        """Sync twice; the clock jumps after the seventh call."""
        org, folder = filled(), tmp_path / name
        folder.mkdir()
        calls = iter(range(100))

        def jump(_call: Call) -> None:
            ours[0] = 86_400.0 * (before if next(calls) < 7 else after)

        org.faults = [jump]
        with serve(org) as address:
            nights = Nights(folder, address, org)
            nights.mill.now += dt.timedelta(days=before)
            nights.sync()
            later(org, days=8)
            org.edit("Account", next(iter(names(org))), Name="改")
            nights.mill.now += dt.timedelta(days=8 + after - before)
            nights.sync()
        return Counter(_bytes(call) for call in org.calls)

    right = requests("right", before=0, after=0)
    assert requests("wrong", before=days, after=days) == right
    assert requests("jump", before=0, after=days) == right


def _bytes(call: Call) -> str:
    """Write a request, without its port and what tells two locators apart."""
    headers = {k: v for k, v in call.headers.items() if k != "host"}
    path = call.path.partition("0r8")[0]
    return f"{call.method} {path} {sorted(call.query.items())} {headers} {call.body}"


SYNC = """\
import sys
import time
from pathlib import Path
from connectors.salesforce import open_salesforce
from tests.worlds.mirror import Mill, company
from tests.worlds.salesforce_mirror import MAPPING
folder, address, token = sys.argv[1:]
crm = open_salesforce({"base_url": address, "auth": "access_token", "token": token})
mill = Mill(Path(folder), company(), MAPPING)
mill.sync(mill.source("salesforce", crm))
"""


@pytest.mark.parametrize("page", [1, 4, 7])
def test_a_sync_killed_at_a_page_reads_one_page_a_stream_again(
    nights: Nights, tmp_path: Path, page: int
) -> None:
    org, calls = nights.org, iter(range(1, 100))
    started: list[int] = []

    def kill(call: Call) -> Answer | None:
        if not kind_of(org, call) or next(calls) != page:
            return None
        os.kill(started.pop(), signal.SIGKILL)
        return Answer(200, "", drop=True)

    org.faults = [kill]
    command = [sys.executable, "-c", SYNC, str(tmp_path), nights.address, org.token]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen(command, env=env) as process:  # noqa: S603 - our own
        started.append(process.pid)
    assert process.returncode == -signal.SIGKILL
    org.faults = []
    nights.sync()
    assert nights.names() == names(org)
    assert len(nights.mill.rows("contacts")) == 25
    asked = Counter(kind for call in org.calls if (kind := kind_of(org, call)))
    assert asked.keys() == PAGES.keys()
    for kind, count in asked.items():
        assert count <= PAGES[kind] + 1, kind


# What the org stops showing


def test_a_field_that_vanishes_between_two_pages_keeps_what_was_known(
    nights: Nights,
) -> None:
    org = nights.org
    nights.sync()
    known = {k: r["phone"] for k, r in nights.mill.rows("accounts").items()}
    assert any(known.values())
    later(org, hours=20)
    for key in names(org):
        org.edit("Account", key, Name=f"改{key[-6:]}")
    later(org, hours=1)

    def hide(call: Call) -> None:
        if "/query/0r8" in call.path and kind_of(org, call) == "Account":
            org.fields["Account"].pop("Phone", None)
            for rows in org.locators.values():
                for row in rows:
                    row.pop("Phone", None)

    org.faults = [hide]
    nights.sync()
    assert nights.names() == names(org)
    mirrored = nights.mill.rows("accounts")
    assert {k: r["phone"] for k, r in mirrored.items()} == known
    assert nights.mill.status("accounts", "phone") == "unreadable"
    later(org, hours=20)
    nights.sync()
    assert nights.mill.status("accounts", "phone") == "unreadable"


def test_a_field_of_another_type_is_refused_and_the_rest_loads(nights: Nights) -> None:
    org = nights.org
    org.retype("Account", "NumberOfEmployees", "int")
    for key in names(org):
        org.edit("Account", key, NumberOfEmployees=5)
    later(org, hours=1)
    nights.sync()
    for key in names(org):
        org.edit("Account", key, NumberOfEmployees="many", Name=f"改{key[-6:]}")
    org.retype("Account", "NumberOfEmployees", "string")
    for _ in range(2):
        later(org, hours=20)
        (outcome,) = nights.sync().outcomes
        assert [problem.code for problem in outcome.problems] == ["retyped_field"]
        assert nights.names() == names(org)
        rows = nights.mill.rows("accounts").values()
        assert {row["employees"] for row in rows} == {5}
        assert nights.mill.status("accounts", "employees") == "unreadable"
    for key in names(org):
        org.edit("Account", key, NumberOfEmployees="7")
    later(org, hours=20)
    nights.sync(full=True)
    assert {r["employees"] for r in nights.mill.rows("accounts").values()} == {7}
    assert nights.mill.status("accounts", "employees") == "mapped"


def test_a_field_that_changes_its_type_within_a_pull_costs_cells_and_no_record(
    nights: Nights,
) -> None:
    org = nights.org
    for key in names(org):
        org.edit("Account", key, NumberOfEmployees=5)
    later(org, hours=1)
    nights.sync()
    for key in names(org):
        later(org, seconds=1)
        org.edit("Account", key, Name=f"改{key[-6:]}")
    late = sorted(names(org))[-4:]
    begun = iter(range(100))

    def change(call: Call) -> None:
        if kind_of(org, call) == "Account" and next(begun) == 1:
            org.retype("Account", "NumberOfEmployees", "string")
            for key in late:
                org.records["Account"][key]["NumberOfEmployees"] = "many"
            for row in (row for rest in org.locators.values() for row in rest):
                if row["Id"] in late:
                    row["NumberOfEmployees"] = "many"

    org.faults.append(change)
    (outcome,) = nights.sync().outcomes
    assert nights.names() == names(org)
    counts = outcome.counts["accounts"]
    assert (counts.rejected, counts.cells_rejected) == (0, 4)
    rows = nights.mill.rows("accounts").items()
    assert {key for key, row in rows if row["employees"] is None} == set(late)
    later(org, hours=20)
    (outcome,) = nights.sync().outcomes
    assert [problem.code for problem in outcome.problems] == ["retyped_field"]
    assert nights.names() == names(org)


def test_a_field_that_appears_is_read_for_all_records(nights: Nights) -> None:
    org = nights.org
    entry = org.fields["Account"].pop("NumberOfEmployees")
    nights.sync()
    org.fields["Account"]["NumberOfEmployees"] = entry
    key = next(iter(names(org)))
    org.records["Account"][key]["NumberOfEmployees"] = 12  # no stamp moves
    later(org, hours=20)
    nights.sync()
    assert nights.mill.rows("accounts")[key]["employees"] == 12


def test_merged_deleted_and_lost_records_are_marked_and_stay(nights: Nights) -> None:
    org = nights.org
    nights.sync()
    soft, hard, loser, master, *_ = names(org)
    later(org, hours=20)
    org.delete("Account", soft)
    org.merge("Account", loser, master, "Contact")
    del org.records["Account"][hard]
    later(org, hours=1)
    nights.sync()
    gone = {k for k, r in nights.mill.rows("accounts").items() if r["is_deleted"]}
    assert gone == {soft, loser}
    hangs = Counter(r["account_id"] for r in nights.mill.rows("contacts").values())
    assert (hangs[loser], hangs[master]) == (0, 2)
    later(org, days=8)
    assert nights.sync().vanished == 1
    gone = {k for k, r in nights.mill.rows("accounts").items() if r["is_deleted"]}
    assert gone == {soft, loser, hard}


def test_an_object_that_looks_empty_stops_the_sync(nights: Nights) -> None:
    org = nights.org
    org.accounts(60)
    later(org, hours=1)
    nights.sync()
    before = nights.names()
    kept = dict(org.records["Account"])
    org.records["Account"].clear()
    later(org, days=8)
    with pytest.raises(Shrunk):
        nights.sync()
    assert nights.names() == before
    org.records["Account"].update(kept)
    nights.sync()
    assert nights.names() == before


def test_a_locator_that_is_lost_costs_only_its_own_query(nights: Nights) -> None:
    org = nights.org
    gone = error(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    lost = iter([gone])

    def lose(call: Call) -> Answer | None:
        kind = kind_of(org, call) if "0r8" in call.path else ""
        return next(lost, None) if kind == "Account" else None

    org.faults = [lose]
    nights.sync()
    assert nights.names() == names(org)
    asked = Counter(kind_of(org, call) for call in org.calls if call.query)
    assert (asked["Account"], asked["Contact"], asked["Visit__c"]) == (2, 1, 1)


# The end of the day


@pytest.mark.parametrize("index", [6, 8, 10, 13])
def test_the_end_of_the_day_stops_all_objects_and_the_next_day_goes_on(
    nights: Nights, index: int
) -> None:
    org = nights.org
    calls = iter(range(1000))
    over: list[int] = []

    def end(_call: Call) -> Answer | None:
        n = next(calls)
        over.extend([n] if n >= index else [])
        return DAY_IS_OVER if n >= index else None

    org.faults = [end]
    with pytest.raises(RateLimited):
        nights.sync()
    assert len(over) <= 4  # those that were under way
    org.faults = []
    before = len(org.calls)
    nights.sync()
    assert nights.names() == names(org)
    assert len(org.calls) - before <= CALLS


# Bulk results


def cut_short(told: Answer) -> Answer:
    lines = str(told.body).splitlines(keepends=True)
    return Answer(200, "".join(lines[:-2]))


@pytest.mark.parametrize(
    "broken",
    [
        lambda _told: Answer(200, "<html>please sign in</html>"),
        lambda _told: Answer(204, ""),
        lambda _told: Answer(200, ""),
        lambda _told: Answer(200, "Id,Name\n001,A\n"),
        cut_short,
    ],
)
def test_a_job_taken_up_again_ends_well_only_with_all_of_its_records(
    nights: Nights,
    monkeypatch: pytest.MonkeyPatch,
    broken: Callable[[Answer], Answer],
) -> None:
    """The first run breaks off in the middle of a result; the second gets nonsense."""
    monkeypatch.setattr(bulk, "ABOVE", 20)
    monkeypatch.setattr(bulk, "CHUNKS", (10,))
    org = nights.org
    org.accounts(30)

    def later_piece(call: Call) -> bool:
        return "/results" in call.path and "locator" in call.query

    down = Answer(503, "<html>maintenance</html>")
    faults: list[Fault] = [
        lambda call: down if later_piece(call) else None,
        lambda call: broken(org.route(call)) if later_piece(call) else None,
    ]
    for fault in faults:
        org.faults = [fault]
        with pytest.raises(ConnectorError) as caught:
            nights.sync()
        assert caught.value.exit_code == 7
    org.faults = []
    nights.sync()
    assert nights.names() == names(org)


# Values that change without a stamp


@pytest.fixture
def formula(nights: Nights) -> str:
    """Make the accounts' phone a formula, and read it once."""
    key = next(iter(nights.org.records["Account"]))
    nights.org.compute("Account", key, Phone="03-5555-1234")
    nights.sync()
    later(nights.org, hours=24)
    nights.org.compute("Account", key, Phone="03-5555-9999")
    return key


def test_a_formula_of_few_records_is_read_again_each_night(
    nights: Nights, formula: str
) -> None:
    synced = nights.sync()
    assert nights.mill.rows("accounts")[formula]["phone"] == "03-5555-9999"
    assert synced.counts["accounts"].changed == 1
    (unstamped,) = synced.outcomes[0].unstamped
    assert (unstamped.object_name, unstamped.fields) == ("Account", ("Phone",))
    assert unstamped.read_at == nights.org.now


def test_a_deletion_is_one_also_where_all_is_read_again(
    nights: Nights, formula: str
) -> None:
    nights.org.delete("Account", formula)
    counts = nights.sync().counts["accounts"]
    assert (counts.deleted, counts.vanished) == (1, 0)


def test_a_formula_of_many_records_is_read_again_once_a_week(
    nights: Nights, formula: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watermarks, "FEW", 20)
    read = later(nights.org, hours=0) - dt.timedelta(hours=24)
    for _ in range(5):
        synced = nights.sync()
        assert nights.mill.rows("accounts")[formula]["phone"] == "03-5555-1234"
        assert synced.outcomes[0].unstamped[0].read_at == read
        later(nights.org, hours=24)
    nights.sync()
    later(nights.org, hours=24)
    nights.sync()
    assert nights.mill.rows("accounts")[formula]["phone"] == "03-5555-9999"
