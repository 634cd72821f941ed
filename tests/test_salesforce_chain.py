"""The whole way on Salesforce, as a person walks it: from the sync to undoing it."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.conftest import Cli
from tests.worlds.salesforce import KEY, Answer, Call, error
from tests.worlds.salesforce_company import Company
from tests.worlds.salesforce_folder import MAPPING, SECRET, Desk, sitting

ROOT = Path(__file__).resolve().parents[1]
INTERRUPTIBLE = """\
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from cli import main
main()
"""
"""A command that heeds Ctrl-C also where the tests were started in the background."""


@pytest.fixture
def desk(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with sitting(cli, folder, monkeypatch) as desk:
        yield desk


@pytest.fixture
def agreed(
    cli: Cli,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    approved_org: tuple[Path, Company],
) -> Iterator[Desk]:
    """Stand before the writing."""
    with sitting(cli, folder, monkeypatch, approved_org) as desk:
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


def test_a_version_that_the_org_does_not_have_is_named(
    desk: Desk, folder: Path
) -> None:
    text = (folder / "handover.toml").read_text(encoding="utf-8")
    text = text.replace("auth =", 'api_version = "99.0"\nauth =')
    (folder / "handover.toml").write_text(text, encoding="utf-8")
    ended = desk.run("sync")
    assert (ended.code, ended.json["error"]["code"]) == (2, "unknown_version")
    assert "63.0 – 65.0" in ended.json["error"]["message"]
    checked = desk.run("doctor")
    (failed,) = [c for c in checked.data["checks"] if c["state"] == "failed"]
    assert (checked.code, failed["code"]) == (2, "crm")
    assert "api_version" in failed["remedy"]


def test_an_org_that_shows_no_queues_is_synced_without(desk: Desk) -> None:
    del desk.org.fields["Group"]
    users = desk.done("sync")["objects"]["users"]
    assert users["new"] == len(desk.org.records["User"])


def test_an_object_that_cannot_be_read_is_found_by_doctor(desk: Desk) -> None:
    metered = error(403, "TXN_SECURITY_METERING_ERROR", "metered")
    desk.org.faults.append(
        lambda call: metered if "FROM Task" in call.query.get("q", "") else None
    )
    checked = desk.run("doctor")
    (failed,) = [c for c in checked.data["checks"] if c["state"] == "failed"]
    assert (checked.code, failed["code"]) == (4, "object")
    assert "Task" in failed["detail"]
    assert "Exempt from Transaction Security" in failed["remedy"]


def test_an_interrupted_sync_waits_for_no_slow_reply(desk: Desk, folder: Path) -> None:
    asked, over = threading.Event(), threading.Event()

    def stall(call: Call) -> None:
        if "FROM Account" in str(call.query):
            asked.set()
            over.wait()

    desk.org.faults.append(stall)
    command = [sys.executable, "-c", INTERRUPTIBLE, "sync"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=env) as process:  # noqa: S603 - ours
        try:
            assert asked.wait(60)
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130  # the reply has not come yet
        finally:
            over.set()
    desk.org.faults.clear()
    assert desk.done("sync")["objects"]["accounts"]["new"] == 13


def test_no_secret_is_written_anywhere(agreed: Desk, folder: Path) -> None:
    agreed.org.token = "00D-canary-other"
    agreed.org.faults.append(
        lambda call: (
            Answer(400, {"error": "invalid_grant", "error_description": SECRET})
            if "/token" in call.path
            else None
        )
    )
    ended = agreed.run("-vv", "sync")
    assert ended.code == 4
    written = [p.read_bytes() for p in folder.rglob("*") if p.is_file()]
    for canary in (SECRET, "00D-canary-token-1"):
        assert canary not in ended.out + ended.err
        assert all(canary.encode() not in content for content in written)


def test_values_without_a_stamp_are_named_with_their_age(desk: Desk) -> None:
    account = desk.made.accounts[0]
    desk.org.compute("Account", account, CustomerClass__c="重要顧客")
    told = desk.run("sync", "-v").err
    assert "salesforce: Account.CustomerClass__c" in told
    (check,) = (
        one for one in desk.done("doctor")["checks"] if one["code"] == "unstamped"
    )
    assert check["state"] == "ok"
    assert "Account.CustomerClass__c" in check["detail"]
    assert "2027-03-01 09:00" in check["detail"]
