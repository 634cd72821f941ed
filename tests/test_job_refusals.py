"""What the command line refuses, and that a refusal leaves the CRM as it was."""

import csv
import os
import re
import stat
from collections.abc import Callable

import pandas as pd
import pytest

from tests.conftest import Ended
from tests.worlds.files_folder import (
    DECIDED,
    EFFECTIVE,
    EXPIRED,
    NEW,
    Job,
    bytes_of,
    outcomes,
)

ALL = ["A1", "A2", "A3", "A4", "A5", "A6"]


def refused(job: Job, ended: Ended) -> tuple[int, str]:
    """Return exit code and code of a refusal that wrote no run and no file."""
    assert ended.json["ok"] is False
    assert ended.json["error"]["message"]
    assert ended.json["error"]["hint"]
    assert job("runs", "list").data["runs"] == []
    return ended.code, ended.json["error"]["code"]


def void(job: Job) -> None:
    ended = job("plan", "void", job.plan, "--reason", "he stays", "--as", "M")
    assert ended.code == 0


def other_rules(job: Job, rules: str) -> None:
    config = job.folder / "handover.toml"
    text = config.read_text(encoding="utf-8") + '[policy]\nfile = "policy.toml"\n'
    config.write_text(text, encoding="utf-8")
    policy = f"[transfer]\n{rules}\n"
    (job.folder / "policy.toml").write_text(policy, encoding="utf-8")


def lift_a_guard(job: Job) -> None:
    other_rules(job, "drift_share = 1.0")


def allow_fewer_accounts(job: Job) -> None:
    other_rules(job, "max_accounts = 5")
    assert job("plan", "submit", job.plan, "--as", "P").code == 0
    assert job("plan", "approve", job.plan, "--as", "M").code == 0


def keep_in_a_workbook(job: Job) -> None:
    path = job.export / "accounts.csv"
    frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="cp932")
    path.unlink()
    frame.to_excel(path.with_suffix(".xlsx"), index=False)


def nothing(job: Job) -> None:
    """Leave the company as it is."""


@pytest.mark.parametrize(
    ("meanwhile", "on", "expected"),
    [
        (void, EFFECTIVE, (5, "voided")),
        (nothing, EXPIRED, (5, "expired")),
        (lift_a_guard, EFFECTIVE, (5, "terms_changed")),
        (allow_fewer_accounts, EFFECTIVE, (5, "too_large")),
        (keep_in_a_workbook, EFFECTIVE, (5, "read_only_source")),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_owners_stay_as_they_are_when(
    agreed: Job,
    meanwhile: Callable[[Job], None],
    on: str,
    expected: tuple[int, str],
) -> None:
    meanwhile(agreed)
    before = bytes_of(agreed.export)
    assert refused(agreed, agreed.reassign(on=on)) == expected
    assert bytes_of(agreed.export) == before


@pytest.mark.parametrize("writer", ["P", "M", "D"])
def test_nobody_approves_a_plan_of_their_own(job: Job, writer: str) -> None:
    plan = job("plan", "new", *NEW).data["plan"]["id"]
    assert job("plan", "edit", plan, *DECIDED, "--as", "M").code == 0
    assert job("plan", "submit", plan, "--as", writer).code == 0
    before = bytes_of(job.export)
    for person in {"S", "P", writer}:
        ended = job("plan", "approve", plan, "--as", person)
        assert refused(job, ended) == (5, "wrong_approver")
    assert refused(job, job.reassign()) == (5, "unapproved")
    assert bytes_of(job.export) == before
    approver = "D" if writer == "M" else "M"
    assert job("plan", "approve", plan, "--as", approver).code == 0


def test_a_stranger_hands_no_plan_to_the_manager(job: Job) -> None:
    plan = job("plan", "new", *NEW).data["plan"]["id"]
    assert job("plan", "edit", plan, *DECIDED, "--as", "M").code == 0
    for stranger in "SB":
        ended = job("plan", "submit", plan, "--as", stranger)
        assert refused(job, ended) == (5, "not_yours")
        ended = job("plan", "edit", plan, "--meet", "A6", "--as", stranger)
        assert refused(job, ended) == (5, "not_yours")
    assert job("plan", "show", plan).data["plan"]["author"] is None


def test_a_decision_needs_somebody_who_decides(job: Job) -> None:
    plan = job("plan", "new", *NEW).data["plan"]["id"]
    assert refused(job, job("plan", "submit", plan)) == (2, "no_decider")


@pytest.mark.parametrize(
    ("successor", "expected"),
    [
        ("Kato", (5, "inactive_successor")),
        ("Tanakaa", (2, "unknown_name")),
        ("P", (2, "same_user")),
    ],
)
def test_customers_go_to_nobody_who_cannot_take_them(
    job: Job, successor: str, expected: tuple[int, str]
) -> None:
    ended = job("plan", "new", "--from", "Sato", "--to", successor)
    assert refused(job, ended) == expected
    assert job("plan", "list").data["plans"] == []


def test_nothing_is_published_before_the_announcement(job: Job) -> None:
    dates = ("--announce", "2027-03-02", "--start", "2027-03-03")
    plan = job("plan", "new", *NEW, *dates).data["plan"]["id"]
    assert job("plan", "edit", plan, *DECIDED, "--as", "M").code == 0
    assert job("plan", "submit", plan, "--as", "P").code == 0
    assert job("plan", "approve", plan, "--as", "M").code == 0
    early = job("plan", "publish", plan)
    assert refused(job, early) == (5, "not_announced")
    assert not (job.export / "handover_tasks.csv").exists()
    told = ("--before-announcement", "all of them know")
    assert job("plan", "publish", plan, *told).code == 0


def give(job: Job, accounts: list[str], owner: str) -> None:
    """Change owners as if somebody had done it in the CRM."""
    path = job.export / "accounts.csv"
    content = path.read_bytes()
    for account in accounts:
        cell = rb'(,%s,[^,]*,"?)\w("?,)' % account.encode()
        content = re.sub(cell, rb"\g<1>%s\g<2>" % owner.encode(), content)
    path.write_bytes(content)


def test_a_plan_from_which_the_crm_moved_away_is_not_carried_out(agreed: Job) -> None:
    give(agreed, ALL[1:], "D")
    before = bytes_of(agreed.export)
    assert refused(agreed, agreed.reassign()) == (5, "drifted")
    assert bytes_of(agreed.export) == before


def test_what_a_run_left_can_be_given_to_the_next(agreed: Job) -> None:
    give(agreed, ["A1"], "D")
    run = agreed.reassign().data["run"]["id"]
    errors = agreed.folder / ".handover" / "runs" / run / "error.csv"
    with errors.open(encoding="utf-8-sig", newline="") as file:
        listed = [row["Id"] for row in csv.DictReader(file)]
    assert listed == ["A1", "C1", "O1", "T1"]

    give(agreed, ["A1", "A2"], "P")
    ended = agreed.reassign("--rows", str(errors))
    assert outcomes(ended) == dict.fromkeys(listed, "done")
    assert agreed.owners() == {**dict.fromkeys(ALL, "S"), "A2": "P", "B1": "S"}


def test_a_file_open_in_excel_is_named_and_waited_for(agreed: Job) -> None:
    before = bytes_of(agreed.export)
    mark = agreed.export / "~$accounts.csv"
    mark.write_bytes(b"")
    ended = agreed.reassign()
    assert (ended.code, ended.json["error"]["code"]) == (7, "file_in_use")
    assert "accounts.csv" in ended.json["error"]["message"]
    assert ended.data["run"]["counts"]["done"] == 0
    mark.unlink()
    assert bytes_of(agreed.export) == before
    assert agreed.reassign().data["run"]["counts"]["done"] == 11


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_what_is_kept_of_customers_is_for_its_owner_alone(agreed: Job) -> None:
    agreed.reassign()
    kept = agreed.folder / ".handover"
    for path in (kept, *(kept / "runs").rglob("*"), kept / "ledger.sqlite"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path
