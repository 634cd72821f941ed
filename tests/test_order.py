"""What comes after what is counted; a clock that is set back changes nothing."""

import datetime as dt

import pytest
import time_machine

from handover.jobs.workspace import Workspace
from tests.worlds.files_folder import EFFECTIVE, PLAN, Job

STEPS = [dt.timedelta(days=1), dt.timedelta(days=365), dt.timedelta(minutes=5)]


@pytest.fixture
def job(agreed: Job) -> Job:
    """A folder with an approved plan."""
    return agreed


@pytest.mark.parametrize("back", STEPS)
def test_undo_last_takes_back_the_last_run_whatever_the_clock_says(
    job: Job, monkeypatch: pytest.MonkeyPatch, back: dt.timedelta
) -> None:
    assert job("plan", "publish", PLAN, "--before-announcement", "x").code == 0
    now = dt.datetime.now(dt.UTC) - back
    monkeypatch.setattr(Workspace, "clock", lambda _self: now)
    moved = job("reassign", PLAN, on=EFFECTIVE)
    assert moved.code == 0
    assert "clock_ran_back" in {one["code"] for one in moved.json["warnings"]}
    before = job.owners()
    undone = job("undo", "last", "--as", "M", on=EFFECTIVE)
    assert undone.code == 0
    assert {step["action"] for step in undone.data["run"]["steps"]} >= {"account_owner"}
    assert job.owners() != before
    assert job("runs", "verify").data["broken"] == []
    listed = [run["kind"] for run in job("runs", "list").data["runs"]]
    assert listed == ["undo", "reassign", "publish"]


def test_a_clock_that_runs_on_is_not_mentioned(job: Job) -> None:
    assert job("plan", "publish", PLAN, "--before-announcement", "x").code == 0
    moved = job("reassign", PLAN, on=EFFECTIVE)
    assert "clock_ran_back" not in {one["code"] for one in moved.json["warnings"]}


def test_whoever_decides_is_told_that_the_clock_was_set_back(job: Job) -> None:
    """And plans stand in the order in which they were drawn up."""
    back = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    with time_machine.travel(back, tick=True):
        drawn = job("plan", "new", "--from", "Tanaka", "--to", "Sato")
        voided = job("plan", "void", PLAN, "--reason", "not now", "--as", "M")
    for ended in (drawn, voided):
        assert "clock_ran_back" in {one["code"] for one in ended.json["warnings"]}
    assert voided.data["plan"]["state"] == "voided"
    listed = [plan["id"] for plan in job("plan", "list").data["plans"]]
    assert listed == [PLAN, drawn.data["plan"]["id"]]
    decided = [one["decision"] for one in job("plan", "show", PLAN).data["decisions"]]
    assert decided == ["submit", "approve", "void"]
