"""Promises of writing, over the wire: intents, headers, dry runs, secrets."""

import base64
import re
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.conftest import Cli
from tests.worlds.killed import killed
from tests.worlds.salesforce import KEY, Answer, Call
from tests.worlds.salesforce_folder import (
    EFFECTIVE,
    SECRET,
    Desk,
    is_write,
    losing,
    sitting,
)


@pytest.fixture
def desk(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with sitting(cli, folder, monkeypatch) as desk:
        yield desk


def test_every_write_of_a_long_run_keeps_assignment_rules_out(desk: Desk) -> None:
    """Also after the session was renewed in the middle, again and again."""
    plan = desk.approved_plan()
    desk.org.tokens = [f"00D-token-{n}" for n in range(100)]
    left = [0]

    def expire(_call: Call) -> None:
        left[0] += 1
        if left[0] % 3 == 0:
            desk.org.token = "expired"

    desk.org.faults.append(expire)
    desk.done("plan", "publish", plan)
    run = desk.done("reassign", plan, day=EFFECTIVE)["run"]
    assert run["counts"]["done"] == run["counts"]["planned"]
    assert desk.owners("Case") == {desk.made.tanaka: 4}
    writes = [call for call in desk.org.calls if is_write(call)]
    assert len(writes) > 6
    assert {call.headers.get("sforce-auto-assign") for call in writes} == {"FALSE"}


def test_no_write_arrives_whose_intent_is_not_on_disk(desk: Desk, folder: Path) -> None:
    plan = desk.approved_plan()
    ledger = f"file:{folder / '.handover' / 'ledger.sqlite'}?mode=ro"
    strange: list[str] = []

    def look(call: Call) -> None:
        if is_write(call):
            with closing(sqlite3.connect(ledger, uri=True)) as connection:
                query = "select record_id, key from steps where outcome = 'intent'"
                known = {name for row in connection.execute(query) for name in row}
            names = map(_name, call.body["records"])
            strange.extend(name for name in names if name not in known)

    desk.org.faults.append(look)
    desk.done("plan", "publish", plan)
    run = desk.done("reassign", plan, day=EFFECTIVE)["run"]
    desk.done("undo", run["id"], person="山田 部長", day=EFFECTIVE)
    assert len(desk.org.commits) > 100
    assert strange == []


def _name(record: dict[str, Any]) -> str:
    """Name what a record of a call is: its id, our key, or the seat on a team."""
    seat = f"handover:team:{record.get('AccountId')}:{record.get('UserId')}"
    return str(record.get("id") or record.get(KEY) or seat)


def test_a_dry_run_sends_nothing_that_writes(desk: Desk, folder: Path) -> None:
    plan = desk.approved_plan()
    desk.org.faults.append(
        lambda call: Answer(500, "read only") if is_write(call) else None
    )
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    for words in (("plan", "publish", plan), ("reassign", plan, "--early", "x")):
        run = desk.done(*words, "--dry-run")["run"]
        assert (run["id"], run["state"]) == (None, "dry_run")
        assert run["counts"]["planned"] > 0
    assert desk.org.commits == []
    assert not any(map(is_write, desk.org.calls))
    after = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert after == before


def test_a_secret_in_a_refusal_is_written_nowhere(desk: Desk, folder: Path) -> None:
    plan = desk.approved_plan()
    told = base64.b64encode(SECRET.encode()).decode()
    forms = (SECRET, desk.org.token, told, quote("a+b/" + SECRET, safe=""))
    refused = {"statusCode": "X", "message": " ".join(forms), "fields": []}
    desk.org.faults.append(
        lambda call: (
            Answer(200, [{"success": False, "errors": [refused]}] * _count(call))
            if is_write(call)
            else None
        )
    )
    ended = desk.run("-vv", "reassign", plan, day=EFFECTIVE)
    assert ended.code == 6
    shown = desk.cli("-vv", "runs", "show", "last")
    said = ended.out + ended.err + shown.out + shown.err
    written = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    for canary in (SECRET, desk.org.token, told):
        assert canary not in said
        assert canary.encode() not in written


def _count(call: Call) -> int:
    return len(call.body["records"])


# Doubt


def test_what_nobody_can_find_stays_in_doubt_until_it_is_found(desk: Desk) -> None:
    """Without a key field, and with tasks that we may not see for now."""
    desk.org.hide("Task", KEY)
    plan = desk.approved_plan()
    desk.org.faults.append(losing(desk.org))
    nothing = Answer(200, {"totalSize": 0, "done": True, "records": []})

    def unseen(call: Call) -> Answer | None:
        text = call.query.get("q", "")
        return nothing if "FROM Task WHERE WhatId" in text else None

    desk.org.faults.append(unseen)
    first = desk.run("plan", "publish", plan)
    again = desk.run("plan", "publish", plan)
    assert (first.code, again.code) == (6, 6)
    counts = first.data["run"]["counts"]
    planned = counts["planned"]
    assert planned > 20
    assert counts["in_doubt"] == planned
    assert len(desk.org.commits) == planned  # never sent again
    desk.org.faults.clear()
    found = desk.done("plan", "publish", plan)["run"]
    assert found["counts"]["planned"] == 0  # they were there all the time
    assert len(desk.org.commits) == planned
    run = first.data["run"]["id"]
    undone = desk.done("undo", run, person="山田 部長")["run"]
    assert undone["counts"]["done"] == planned  # closed, now that they are known


# What is not promised, and said so


def test_the_time_in_which_people_may_win_or_lose_is_measured_and_told(
    desk: Desk,
) -> None:
    plan = desk.approved_plan()
    with desk.org.stall(0.15):
        words = ("--as-of", EFFECTIVE, "--yes", "reassign", plan)
        printed = desk.cli(*words).out
    told = re.search(r"last read and its write: (\d+\.\d) s", printed)
    assert told
    assert 0.1 <= float(told[1]) < 30
    shown = desk.done("runs", "show", "last")["run"]["window_seconds"]
    assert shown == pytest.approx(float(told[1]), abs=0.06)


# Killed


@pytest.mark.parametrize(
    ("point", "keyed"),
    [("intent_recorded", True), ("batch_sent", True), ("batch_sent", False)],
)
def test_kill_9_leaves_what_one_execution_would(
    desk: Desk, folder: Path, point: str, *, keyed: bool
) -> None:
    if not keyed:
        desk.org.hide("Task", KEY)
    plan = desk.approved_plan()
    for words in (("plan", "publish", plan), ("reassign", plan)):
        kind = words[-2]
        died = killed(folder, point, kind, plan, as_of=EFFECTIVE)
        assert died == -signal.SIGKILL
        desk.done(*words, day=EFFECTIVE)
    assert desk.owners("Account") == {desk.made.tanaka: 13}
    team = desk.org.records["AccountTeamMember"].values()
    assert sum(not row["IsDeleted"] for row in team) == 7
    made = Counter(
        row.get(KEY) or str(row["Description"]).splitlines()[-1]
        for row in desk.org.records["Task"].values()
        if "handover:" in f"{row.get(KEY)} {row.get('Description')}"
    )
    assert set(made.values()) == {1}
    owned = Counter(key for _, key, given in desk.org.commits if _is_owner(given))
    assert set(owned.values()) == {1}


def _is_owner(given: dict[str, Any]) -> bool:
    """Tell the change of an owner from a task with one."""
    return set(given) == {"OwnerId"}
