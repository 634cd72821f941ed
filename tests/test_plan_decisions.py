import hashlib
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.worlds.planning_folder import NEW, planning_in, rows_of, submitted


@pytest.fixture
def plan(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    return planning_in(folder, planning_files, cli)


def test_the_way_to_approval(plan: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    refused = plan("submit", key, "--as", "P")
    assert (refused.code, refused.json["error"]["code"]) == (
        5,
        "co_attendance_undecided",
    )
    plan("edit", key, "--attend", "Aoba", "--as", "M")
    refused = plan("submit", key, "--as", "P")
    assert (refused.code, refused.json["error"]["code"]) == (5, "loose_undecided")
    plan("edit", key, "--loose", "opportunities=transfer", "--as", "P")
    done = plan("submit", key, "--as", "P")
    assert (done.code, done.data["plan"]["state"]) == (0, "submitted")
    refused = plan("approve", key, "--as", "P")
    assert (refused.code, refused.json["error"]["code"]) == (5, "wrong_approver")
    done = plan("approve", key, "--as", "M")
    assert (done.code, done.data["plan"]["state"]) == (0, "approved")
    assert rows_of(done)["A1"]["visit"]["attendees"] == ["P", "S", "M"]


def test_a_decision_needs_a_person(plan: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    key = plan(*NEW).data["plan"]["id"]
    ended = plan("submit", key)
    assert (ended.code, ended.json["error"]["code"]) == (2, "no_decider")
    monkeypatch.setenv("HANDOVER_USER", "P")
    assert plan("edit", key, "--meet", "A4", "--reason", "要訪問").code == 0


def test_an_edit_after_the_approval_voids_it(plan: Cli) -> None:
    key = submitted(plan)
    before = plan("approve", key, "--as", "M").data["plan"]
    ended = plan("edit", key, "--meet", "Sakura", "--reason", "要訪問", "--as", "M")
    made = ended.data["plan"]
    assert (made["state"], made["version"]) == ("draft", before["version"] + 1)
    assert made["fingerprint"] != before["fingerprint"]
    assert made["author"] == "P"
    rows, old = rows_of(ended), {r["account_id"]: r for r in before["rows"]}
    for account in ("A1", "A2", "A3"):
        assert rows[account]["visit"] == old[account]["visit"]
    assert rows["A4"]["visit"] is not None


def test_the_manager_amends_while_approving(plan: Cli) -> None:
    key = submitted(plan)
    ended = plan(
        "approve",
        key,
        *("--meet", "Sakura", "--inform", "Midori", "--attend", "Aoba"),
        *("--reason", "重要な案件があるため", "--as", "M"),
    )
    made, rows = ended.data["plan"], rows_of(ended)
    assert (ended.code, made["state"], made["author"]) == (0, "approved", "P")
    assert (rows["A4"]["mode"], rows["A3"]["mode"]) == ("meet", "inform")
    assert rows["A3"]["reason"] == "重要な案件があるため"
    assert {change["account_id"] for change in ended.data["changes"]} <= {
        "A1",
        "A3",
        "A4",
    }
    shown = plan("show", key, "--changes").data
    assert shown["changes"] == ended.data["changes"]
    assert shown["drift"] == []


def test_an_amendment_that_leaves_something_open_is_not_approved(plan: Cli) -> None:
    key = submitted(plan)
    before = plan("show", key).data["plan"]
    ended = plan("approve", key, "--successor", "Aoba=Yamamoto", "--as", "M")
    assert (ended.code, ended.json["error"]["code"]) == (5, "inactive_successor")
    assert plan("show", key).data["plan"] == before


def test_the_hash_of_the_evidence_stands_on_the_page(
    plan: Cli, cli: Cli, folder: Path
) -> None:
    key = submitted(plan)
    (folder / "signed.pdf").write_bytes(b"signed")
    done = plan("approve", key, "--evidence", "signed.pdf", "--as", "D")
    assert done.data["plan"]["state"] == "approved"
    page = cli("plan", "show", key, "--format", "html").out
    assert "Ito (as delegate)" in page
    assert hashlib.sha256(b"signed").hexdigest()[:16] in page


def test_a_plan_is_rejected_and_goes_around_again(plan: Cli) -> None:
    key = submitted(plan)
    done = plan("reject", key, "--reason", "期間が短い", "--as", "M")
    assert done.data["plan"]["state"] == "rejected"
    again = plan("edit", key, "--date", "Aoba=2027-03-03", "--as", "P")
    assert again.data["plan"]["state"] == "draft"
    assert rows_of(again)["A1"]["visit"]["date"] == "2027-03-03"


EDITS = [
    (("--inform", "Midori", "--reason", "遠い"), "P", 5, "not_yours"),
    (("--attend", "Aoba"), "P", 5, "not_yours"),
    (("--meet", "Sakura", "--reason", "要訪問"), "Q", 5, "not_yours"),
    (("--meet", "Sakura"), "P", 2, "reason_needed"),
    (("--hold", "Midori"), "P", 2, "until_needed"),
    (("--hold", "Midori", "--until", "2027-02-01"), "P", 2, "bad_period"),
    (("--date", "Aoba=2027-03-06"), "P", 5, "date_not_free"),
    (("--date", "Aoba"), "P", 2, "bad_edit"),
    (("--date", "Aoba=soon"), "P", 2, "bad_edit"),
    (("--opportunity", "O2=keep"), "P", 2, "bad_edit"),
    (("--opportunity", "O4=transfer"), "P", 2, "not_in_plan"),
    (("--loose", "orders=leave"), "P", 2, "bad_edit"),
    (("--waive", "Aoba"), "M", 2, "bad_edit"),
    (("--meet", "Momiji", "--reason", "要訪問"), "P", 2, "not_in_plan"),
    (("--meet", "Nowhere", "--reason", "要訪問"), "P", 2, "unknown_name"),
    (("--successor", "Aoba=Sato"), "P", 2, "same_user"),
    ((), "P", 2, "nothing_to_edit"),
]


def test_what_is_not_allowed_or_not_understood_changes_nothing(plan: Cli) -> None:
    key = submitted(plan)
    before = plan("show", key).data["plan"]
    for words, who, code, error in EDITS:
        ended = plan("edit", key, *words, "--as", who)
        assert (ended.code, ended.json["error"]["code"]) == (code, error), words
    assert plan("show", key).data["plan"] == before


def test_holds_and_opportunities_keep_their_dates(plan: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    ended = plan(
        "edit",
        key,
        *("--hold", "Midori", "--until", "2027-06-30"),
        *("--opportunity", "O2=hold:2027-05-31", "--as", "P"),
    )
    rows = rows_of(ended)
    assert (rows["A3"]["mode"], rows["A3"]["effective"]) == ("hold", "2027-06-30")
    assert rows["A2"]["opportunities"] == [
        {"id": "O2", "action": "hold", "until": "2027-05-31"}
    ]


def test_changes_are_those_since_the_last_approval(plan: Cli) -> None:
    key = submitted(plan)
    seen = plan("approve", key, "--as", "M").data["plan"]["version"]
    plan("edit", key, "--inform", "Aoba", "--reason", "日程", "--as", "M")
    plan("edit", key, "--successor", "Wakaba=Suzuki", "--as", "P")
    plan("edit", key, "--attend", "Midori", "--reason", "紹介", "--as", "M")
    shown = plan("show", key, "--changes").data
    assert shown["since"] == seen
    changed = {(each["account_id"], each["field"]) for each in shown["changes"]}
    assert {("A1", "mode"), ("A2", "successor_id"), ("A3", "co_attendance")} <= changed
    last = plan("show", key, "--since", str(seen + 2)).data
    assert {each["account_id"] for each in last["changes"]} == {"A3"}
    unknown = plan("show", key, "--since", "99")
    assert (unknown.code, unknown.json["error"]["code"]) == (2, "unknown_name")
