"""Plans that change while they are carried out, and plans that are ended early."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handover.plan import errors
from handover.plan.amendment import edit_plan
from handover.plan.dates import PlanDates
from handover.plan.edits import Editor, Edits
from handover.plan.model import CARRIED_OUT, Plan
from tests.conftest import Cli
from tests.worlds.planning_folder import NEW, planning_in, rows_of, submitted
from tests.worlds.small_company import (
    account,
    ground_of,
    key_account,
    plan_of,
    with_opportunity,
)

MANAGER = Editor(person_id="M", name="高橋", is_manager=True, managers="高橋")
LATER = ("--as-of", "2027-03-10")
CUSTOMERS = [key_account(1), *(with_opportunity(n) for n in range(2, 7)), account(7)]
IDS = [f"A0{n}" for n in range(1, 8)]


@pytest.fixture
def plan(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    return planning_in(folder, planning_files, cli)


def begun(plan: Cli, cli: Cli, folder: Path) -> str:
    """Publish a plan, and hand over one of its customers early."""
    key = submitted(plan)
    assert plan("approve", key, "--as", "M").code == 0
    early = ("--before-announcement", "急ぎ")
    assert plan("publish", key, *early).code == 0
    (folder / "rows.csv").write_text("Id\nA2\n", encoding="utf-8")
    words = ("--early", "急ぎ", "--rows", "rows.csv", "--as-of", "2027-03-10", "--json")
    assert cli("reassign", key, *words).data["run"]["counts"]["done"] >= 1
    assert rows_of(plan("show", key))["A2"]["state"] == CARRIED_OUT
    return key


def test_a_running_plan_is_amended_and_what_was_carried_out_stays(
    plan: Cli, cli: Cli, folder: Path
) -> None:
    key = begun(plan, cli, folder)
    before = rows_of(plan("show", key))
    refused = plan("edit", key, "--inform", "A2", "--reason", "x", "--as", "M")
    assert (refused.code, refused.json["error"]["code"]) == (5, "carried_out")
    edited = plan("edit", key, "--inform", "A3", "--reason", "遠い", "--as", "M")
    assert (edited.code, edited.data["plan"]["state"]) == (0, "draft")
    rows = rows_of(edited)
    assert (rows["A2"], rows["A3"]["mode"]) == (before["A2"], "inform")
    assert cli("reassign", key, *LATER, "--json").json["error"]["code"] == "unapproved"
    assert plan(*NEW, "--discard", "--as", "M").json["error"]["code"] == (
        "already_planned"
    )
    assert plan("submit", key, "--as", "P").code == 0
    again = plan("approve", key, "--as", "M")
    assert again.data["plan"]["state"] == "in_progress"
    tasks = plan("publish", key, "--before-announcement", "急ぎ").data["run"]
    assert {s["action"] for s in tasks["steps"] if s["account_id"] == "A3"} == {
        "create_task",
        "close_task",
    }
    assert not [s for s in tasks["steps"] if s["account_id"] == "A2"]
    effective = max(r["effective"] for r in rows.values())
    done = cli("reassign", key, "--as-of", effective, "--json").data["run"]
    owners = {s["record_id"] for s in done["steps"] if s["action"] == "account_owner"}
    assert "A2" not in owners
    assert {"A1", "A3"} <= owners


def test_loose_records_that_were_handed_over_stay_so(plan: Cli, cli: Cli) -> None:
    key = submitted(plan)
    assert plan("approve", key, "--as", "M").code == 0
    late = (*LATER, "--json")
    assert cli("reassign", key, "--early", "急ぎ", *late).code == 0
    loose = plan("show", key).data["plan"]["loose"]
    record = next(each for each in loose if each["object"] == "opportunities")
    words = ("--as", "M", "--reason", "x")
    one = plan("edit", key, "--loose", f"opportunities:{record['id']}=leave", *words)
    assert (one.code, one.json["error"]["code"]) == (5, "carried_out")
    every = plan("edit", key, "--loose", "opportunities=leave", *words)
    assert every.data["plan"]["loose"] == loose


def test_an_expired_approval_is_renewed_without_any_change(plan: Cli, cli: Cli) -> None:
    key = submitted(plan)
    assert plan("approve", key, "--as", "M").code == 0
    assert plan("submit", key, "--as", "P").json["error"]["code"] == "wrong_state"
    late = ("--as-of", "2027-09-01", "--json")
    expired = cli("reassign", key, *late)
    assert (expired.code, expired.json["error"]["code"]) == (5, "expired")
    assert cli("plan", "submit", key, "--as", "P", *late).code == 0
    assert cli("plan", "approve", key, "--as", "M", *late).code == 0
    assert cli("reassign", key, *late).data["run"]["counts"]["done"] > 0


DAYS = st.none() | st.dates(dt.date(2027, 3, 1), dt.date(2027, 5, 31))
MODES = ("meet", "inform", "exclude")
FATES = st.sampled_from(["done", "visited", *MODES, "none"])


@given(
    fates=st.fixed_dictionaries(dict.fromkeys(IDS, FATES)),
    rest=st.sampled_from([*MODES, None]),
    days=st.fixed_dictionaries(dict.fromkeys(("start", "end", "effective"), DAYS)),
)
def test_an_amendment_never_changes_what_was_carried_out(
    fates: dict[str, str], rest: str | None, days: dict[str, dt.date | None]
) -> None:
    def those(fate: str) -> tuple[str, ...]:
        return tuple(each for each, own in fates.items() if own == fate)

    done, visited = set(those("done")), set(those("visited"))
    modes: dict[str, Any] = {each: those(each) for each in MODES}
    if rest is not None:
        modes[rest] += ("rest",)
    before = carried_out(plan_of(CUSTOMERS), done)
    asked = replace(Edits(period=PlanDates(**days), reason="異動"), **modes)
    ground = replace(ground_of(CUSTOMERS), visited=frozenset(visited))
    try:
        after = edit_plan(before, asked, MANAGER, ground, owner_is_active=True)
    except errors.BadPeriod:
        return
    rows = {row.account_id: row for row in after.rows}
    assert list(rows) == [row.account_id for row in before.rows]
    for row in before.rows:
        if row.account_id in done:
            assert rows[row.account_id] == row
        elif row.account_id in visited and row.visit is not None:
            assert rows[row.account_id].visit == row.visit


def carried_out(plan: Plan, accounts: set[str]) -> Plan:
    rows = tuple(
        row.model_copy(update={"state": CARRIED_OUT})
        if row.account_id in accounts
        else row
        for row in plan.rows
    )
    return plan.model_copy(update={"rows": rows})
