"""The whole way on Salesforce, as a person walks it: from the sync to undoing it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import Cli
from tests.worlds.salesforce import KEY, Answer, Call
from tests.worlds.salesforce_folder import EFFECTIVE, MAPPING, SECRET, Desk, sitting


@pytest.fixture
def desk(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with sitting(cli, folder, monkeypatch) as desk:
        yield desk


def test_doctor_leaves_the_key_field_to_an_administrator(desk: Desk) -> None:
    desk.org.hide("Task", KEY)
    for words in ((), ("--fix",)):
        (check,) = [
            c for c in desk.done("doctor", *words)["checks"] if c["code"] == "key"
        ]
        assert check["state"] == "warning"
        assert KEY in check["detail"]
        assert "administrator" in check["remedy"]


def test_what_is_in_the_org_is_in_the_mirror(desk: Desk) -> None:
    counts = desk.done("sync")["objects"]
    for table, kinds in {
        "users": ("User", "Group"),
        "accounts": ("Account",),
        "contacts": ("Contact",),
        "opportunities": ("Opportunity",),
        "line_items": ("OpportunityLineItem",),
        "activities": ("Task", "Event"),
        "requests": ("Case",),
        "account_team": ("AccountTeamMember",),
    }.items():
        there = sum(len(desk.org.records[kind]) for kind in kinds)
        assert (table, counts[table]["new"]) == (table, there)
        assert counts[table]["rejected"] == 0
    again = desk.done("sync")["objects"]
    assert all(c["new"] == c["changed"] == c["deleted"] == 0 for c in again.values())


@pytest.mark.parametrize("kept", ["Asset", "OrderItem"])
def test_purchases_kept_elsewhere_are_read_as_the_mapping_says(
    desk: Desk, folder: Path, kept: str
) -> None:
    org, account = desk.org, desk.made.accounts[0]
    sold = {"Product2Id": "01t", "Product2": {"Name": "計量機"}, "Quantity": 1}
    order = {"AccountId": account, "OwnerId": None, "EffectiveDate": "2026-12-01"}
    day = {"PurchaseDate": "2026-12-01"}
    org.add("Asset", AccountId=account, **sold, Price=5, **day)
    org.add("OrderItem", OrderId="801", Order=order, **sold, TotalPrice=5)
    text = files("mappings").joinpath("salesforce.toml").read_text(encoding="utf-8")
    options = re.findall(r"(#   \[orders\]\n(?:#   .*\n)+)", text)
    (option,) = [o for o in options if f'"{kept}"' in o]
    own = MAPPING + option.replace("#   ", "")
    (folder / "own.toml").write_text(own, encoding="utf-8")
    assert desk.done("sync")["objects"]["orders"]["new"] == 1
    (bought,) = [
        row
        for row in pq.read_table(next(folder.rglob("orders*.parquet"))).to_pylist()
        if row["account_id"] == account
    ]
    assert (bought["product"], str(bought["date"])) == ("計量機", "2026-12-01")


def test_the_audit_tells_hidden_from_missing(desk: Desk) -> None:
    desk.org.hide("Account", "Industry")
    desk.org.hide("Account", "Phone")
    desk.done("sync")
    data = desk.done("audit")
    states = {
        (column["table_name"], column["column_name"]): column["status"]
        for column in data["unmapped"]
    }
    assert states["accounts", "phone"] == "unreadable"
    assert len(data["accounts"]) == 13


def test_customers_change_hands_and_back(desk: Desk) -> None:
    made, org = desk.made, desk.org
    before = {kind: dict(desk.owners(kind)) for kind in ("Account", "Opportunity")}
    done = {k for k, r in org.records["Task"].items() if r["IsClosed"]}
    plan = desk.approved_plan()

    published = desk.done("plan", "publish", plan)["run"]
    assert published["counts"]["done"] == published["counts"]["planned"] > 0
    ours = [row for row in org.records["Task"].values() if row.get(KEY)]
    assert len(ours) == len({row[KEY] for row in ours}) == published["counts"]["done"]
    assert all(row["WhatId"] in made.accounts for row in ours)

    run = desk.done("reassign", plan, day=EFFECTIVE)["run"]
    assert run["counts"]["done"] == run["counts"]["planned"]
    assert desk.owners("Account") == {made.tanaka: 13}
    assert desk.owners("Contact")[made.sato] == 0
    assert desk.owners("Case") == {made.tanaka: 4}
    won = [r for r in org.records["Opportunity"].values() if r["IsWon"]]
    assert Counter(r["OwnerId"] for r in won)[made.sato] == 12
    moved = {r["OwnerId"] for k, r in org.records["Task"].items() if k in done}
    assert made.sato in moved  # completed activities stay
    team = [r for r in org.records["AccountTeamMember"].values() if not r["IsDeleted"]]
    assert Counter(r["TeamMemberRole"] for r in team) == {"技術担当": 7}

    again = desk.done("reassign", plan, day=EFFECTIVE)["run"]
    assert again["counts"]["planned"] == 0

    desk.done("undo", run["id"], person="山田 部長", day=EFFECTIVE)
    after = {kind: dict(desk.owners(kind)) for kind in ("Account", "Opportunity")}
    assert after == before


@pytest.mark.parametrize("when", ["before", "after", "mid-body"])
def test_a_lost_reply_changes_nothing_about_the_end(desk: Desk, when: str) -> None:
    plan = desk.approved_plan()
    dropped = Answer(200, "", drop=True)
    lost: set[str] = set()

    def lose(call: Call) -> Answer | None:
        """Lose the first reply of every kind of write."""
        if call.method == "GET" or "composite" not in call.path:
            return None
        kinds = {r["attributes"]["type"] for r in call.body.get("records", ())}
        if not kinds or kinds <= lost:
            return None
        lost.update(kinds)
        if when == "before":
            return dropped
        answer = desk.org.route(call)
        return replace(answer, cut=40) if when == "mid-body" else dropped

    desk.org.faults.append(lose)
    desk.done("plan", "publish", plan)
    desk.done("reassign", plan, day=EFFECTIVE)
    assert desk.owners("Account") == {desk.made.tanaka: 13}
    keys = Counter(r[KEY] for r in desk.org.records["Task"].values() if r.get(KEY))
    assert set(keys.values()) == {1}
    assert lost >= {"Account", "Task", "Contact"}
    owned = Counter(
        key
        for kind, key, given in desk.org.commits
        if kind == "Account" and "OwnerId" in given
    )
    assert set(owned.values()) == {1}


def test_an_org_without_the_key_field_gets_each_task_once(desk: Desk) -> None:
    desk.org.hide("Task", KEY)
    plan = desk.approved_plan()
    first = desk.done("plan", "publish", plan)["run"]["counts"]["done"]
    desk.done("plan", "publish", plan)
    marks = [
        row["Description"].splitlines()[-1]
        for row in desk.org.records["Task"].values()
        if "[handover:" in str(row.get("Description"))
    ]
    assert len(marks) == len(set(marks)) == first


def test_each_refusal_reaches_the_person_who_asked(desk: Desk) -> None:
    plan = desk.approved_plan()
    code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    stubborn = desk.made.accounts[3]
    desk.org.refuse = lambda _kind, record: (
        code if record.get("id") == stubborn else None
    )
    ended = desk.run("reassign", plan, day=EFFECTIVE)
    assert ended.code == 6
    steps = ended.data["run"]["steps"]
    (refused,) = [s for s in steps if s["outcome"] == "refused"]
    assert (refused["record_id"], refused["code"]) == (stubborn, code)
    assert "own words" in refused["message"]
    held = {s["code"] for s in steps if s["outcome"] == "skipped"}
    assert held == {"account_not_done"}
    assert SECRET not in ended.out + ended.err


@pytest.mark.parametrize(
    "keys",
    [
        'auth = "password"',
        'auth = "SOAP"\nusername = "it@example.jp"\npassword = "env:SF_SECRET"',
        'username = "it@example.jp"\npassword = "x"\nsecurity_token = "y"',
    ],
)
@pytest.mark.parametrize("command", ["sync", "doctor"])
def test_a_password_is_refused_with_the_reason_and_the_date_it_ends(
    desk: Desk, folder: Path, keys: str, command: str
) -> None:
    text = (folder / "handover.toml").read_text(encoding="utf-8")
    text = text.replace('auth = "client_credentials"', keys)
    (folder / "handover.toml").write_text(text, encoding="utf-8")
    ended = desk.run(command)
    assert (ended.code, ended.json["error"]["code"]) == (4, "retired_login")
    said = desk.cli("--lang", "en", command).err
    assert "Summer '27" in said
    assert "client_credentials" in said
    assert not desk.org.calls


@pytest.mark.parametrize("pinned", [15, 18])
def test_the_org_is_pinned_by_either_form_of_its_id(
    desk: Desk, folder: Path, pinned: int
) -> None:
    (org_id,) = desk.org.records["Organization"]
    text = (folder / "handover.toml").read_text(encoding="utf-8")
    text = text.replace("auth =", f'org_id = "{org_id[:pinned]}"\nauth =')
    (folder / "handover.toml").write_text(text, encoding="utf-8")
    desk.done("sync")


def test_certificates_that_are_not_there_are_a_mistake_of_the_configuration(
    desk: Desk, folder: Path
) -> None:
    text = (folder / "handover.toml").read_text(encoding="utf-8")
    text += '[network]\nca_file = "company.pem"\n'
    (folder / "handover.toml").write_text(text, encoding="utf-8")
    ended = desk.run("sync")
    assert (ended.code, ended.json["error"]["code"]) == (2, "bad_config")
    assert "network.ca_file" in ended.json["error"]["message"]


def test_another_org_is_refused(desk: Desk, folder: Path) -> None:
    text = (folder / "handover.toml").read_text(encoding="utf-8")
    text = text.replace("auth =", 'org_id = "00Dxx0000001gER"\nauth =')
    (folder / "handover.toml").write_text(text, encoding="utf-8")
    ended = desk.run("sync")
    assert (ended.code, ended.json["error"]["code"]) == (5, "wrong_org")


def test_an_interrupted_sync_waits_for_no_slow_reply(desk: Desk, folder: Path) -> None:
    asked, over = threading.Event(), threading.Event()

    def stall(call: Call) -> None:
        if "FROM Account" in str(call.query):
            asked.set()
            over.wait(20)

    desk.org.faults.append(stall)
    command = [sys.executable, str(Path(__file__).parents[1] / "cli.py"), "sync"]
    env = {**os.environ, "SF_ID": "client", "SF_SECRET": SECRET}
    with subprocess.Popen(command, cwd=folder, env=env) as process:  # noqa: S603 - ours
        assert asked.wait(20)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert time.monotonic() - began < 5
    over.set()
    desk.org.faults.clear()
    assert desk.done("sync")["objects"]["accounts"]["new"] == 13


def test_no_secret_is_written_anywhere(desk: Desk, folder: Path) -> None:
    desk.approved_plan()
    desk.org.token = "00D-canary-other"
    desk.org.faults.append(
        lambda call: (
            Answer(400, {"error": "invalid_grant", "error_description": SECRET})
            if "/token" in call.path
            else None
        )
    )
    ended = desk.run("-vv", "sync")
    assert ended.code == 4
    written = [p.read_bytes() for p in folder.rglob("*") if p.is_file()]
    for canary in (SECRET, "00D-canary-token-1"):
        assert canary not in ended.out + ended.err
        assert all(canary.encode() not in content for content in written)
