import hashlib
import io
from pathlib import Path

import pytest

from handover.commands.shell import Shell
from tests.conftest import Cli
from tests.worlds.planning_folder import NEW, TODAY, planning_in, rows_of, submitted


@pytest.fixture
def plan(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    return planning_in(folder, planning_files, cli)


def test_the_way_to_approval(plan: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    refused = plan("submit", key, "--as", "P")
    assert (refused.code, refused.json["error"]["code"]) == (5, "loose_undecided")
    plan("edit", key, "--loose", "opportunities=transfer", "--as", "P")
    done = plan("submit", key, "--as", "P")
    assert (done.code, done.data["plan"]["state"]) == (0, "submitted")
    refused = plan("approve", key, "--as", "P")
    assert (refused.code, refused.json["error"]["code"]) == (5, "wrong_approver")
    refused = plan("approve", key, "--as", "M")
    assert (refused.code, refused.json["error"]["code"]) == (
        5,
        "co_attendance_undecided",
    )
    assert plan("show", key).data["plan"]["state"] == "submitted"
    done = plan("approve", key, "--attend", "Aoba", "--as", "M")
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
    unchanged = plan("submit", key, "--as", "P")
    assert unchanged.json["error"]["code"] == "rejected_unchanged"
    assert "期間が短い" in unchanged.json["error"]["message"]
    (turn,) = plan("list", "--mine", "--as", "P").data["waiting"]
    assert turn["blocked"][0]["code"] == "rejected_unchanged"
    assert turn["next"] == f"handover plan edit {key}"
    answered = plan("submit", key, "--reason", "お客様の都合", "--as", "P")
    assert answered.data["plan"]["state"] == "submitted"
    plan("reject", key, "--reason", "期間が短い", "--as", "M")
    again = plan("edit", key, "--end", "2027-03-05", "--as", "P")
    again = plan("edit", key, "--date", "Aoba=2027-03-05", "--as", "P")
    assert again.data["plan"]["state"] == "draft"
    assert rows_of(again)["A1"]["visit"]["date"] == "2027-03-05"


EDITS = [
    (("--inform", "Midori", "--reason", "遠い"), "P", 5, "not_yours"),
    (("--attend", "Aoba"), "P", 5, "not_yours"),
    (("--class", "Sakura=key", "--reason", "大口"), "P", 5, "not_yours"),
    (("--class", "Sakura=key"), "M", 2, "reason_needed"),
    (("--class", "Sakura=large"), "M", 2, "bad_edit"),
    (("--meet", "Sakura", "--reason", "要訪問"), "Q", 5, "not_yours"),
    (("--meet", "Sakura"), "P", 2, "reason_needed"),
    (("--hold", "Midori"), "P", 2, "until_needed"),
    (("--hold", "Midori", "--until", "2027-06-30"), "P", 5, "not_yours"),
    (("--hold", "Midori", "--until", "2027-02-01"), "P", 2, "bad_period"),
    (("--date", "Aoba=2027-03-03"), "P", 5, "date_not_free"),
    (("--date", "Aoba"), "P", 2, "bad_edit"),
    (("--date", "Aoba=2027-03-04T9"), "P", 2, "bad_edit"),
    (("--date", "Aoba=2027-03-04T07:00"), "P", 5, "date_not_free"),
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
        *("--opportunity", "O2=hold:2027-05-31", "--as", "M"),
    )
    rows = rows_of(ended)
    assert (rows["A3"]["mode"], rows["A3"]["effective"]) == ("hold", "2027-06-30")
    assert rows["A2"]["opportunities"] == [
        {
            "id": "O2",
            "name": "更新",
            "action": "hold",
            "until": "2027-05-31",
            "reason": None,
        }
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


def test_each_change_has_one_cause_whoever_made_it(plan: Cli, cli: Cli) -> None:
    key = submitted(plan)
    seen = plan("approve", key, "--as", "M").data["plan"]["version"]
    late = ("--end", "2027-03-19", "--effective", "2027-03-25")
    plan("edit", key, *late, "--reason", "年度末", "--as", "P")
    plan("edit", key, "--inform", "Aoba", "--reason", "日程", "--as", "M")
    plan("edit", key, "--loose", "opportunities=leave", "--as", "P")
    plan("edit", key, "--attend", "Midori", "--reason", "紹介", "--as", "P")

    shown = plan("show", key, "--changes").data
    causes = {
        (each["name"], each["field"]): (
            each["why"],
            each["person"],
            each["version"],
            each["reason"],
        )
        for each in shown["changes"]
    }
    assert causes[None, "effective"] == ("decided", "P", seen + 1, "年度末")
    assert causes["Aoba", "mode"] == ("decided", "M", seen + 2, "日程")
    assert causes["お客様のない商談", "loose"] == ("decided", "P", seen + 3, None)
    proposed = causes["Midori", "attendance_proposed"]
    assert proposed == ("decided", "P", seen + 4, "紹介")
    (turn,) = shown["waiting"]
    assert (turn["step"], turn["persons"]) == ("submit", ["P"])
    for language in ("ja", "en"):
        text = cli("plan", "show", key, "--changes", "--lang", language).out
        assert "年度末" in text
        assert f"handover plan submit {key}" in text
        assert "facts" not in text


def test_what_is_decided_back_is_no_change(plan: Cli) -> None:
    key = submitted(plan)
    plan("approve", key, "--as", "M")
    plan("edit", key, "--effective", "2027-03-25", "--as", "P")
    plan("edit", key, "--end", "2027-03-08", "--as", "P")
    before = plan("show", key, "--changes").data["changes"]
    assert {each["field"] for each in before} >= {"effective"}
    old = next(each for each in before if each["field"] == "effective")["before"]
    plan("edit", key, "--effective", old, "--as", "P")
    after = plan("show", key, "--changes").data["changes"]
    assert "effective" not in {each["field"] for each in after}


def test_reasons_of_holds_co_attendance_and_classes_stand_in_every_view(
    plan: Cli, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    key = plan(*NEW).data["plan"]["id"]
    hold = ("--opportunity", "O2=hold:2027-06-30")
    for words in (
        ("--attend", "Aoba", "--reason", "社長交代のため"),
        (*hold, "--reason", "契約直前のため"),
        ("--hold", "Midori", "--until", "2027-06-30", "--reason", "監査中のため"),
        ("--meet", "Sakura", "--reason", "紹介のため"),
        ("--class", "Wakaba=priority", "--reason", "成長中のため"),
    ):
        done = plan("edit", key, *words, "--as", "M")
        assert done.code == 0, done.json["error"]
    reasons = (
        *("社長交代のため", "契約直前のため"),
        *("監査中のため", "紹介のため", "成長中のため"),
    )
    shown = plan("show", key)
    for form in (
        shown.out,
        cli("plan", "show", key, "--lang", "ja").out,
        cli("plan", "show", key, "--format", "html", "--lang", "ja").out,
        plan("show", key, "--since", "1").out,
    ):
        missing = [each for each in reasons if each not in form]
        assert not missing


def test_whom_the_manager_names_prepares_the_plan_and_never_approves_it(
    plan: Cli,
) -> None:
    key = plan(*NEW).data["plan"]["id"]
    loose = ("--loose", "opportunities=transfer")
    for words in (("edit", key, *loose), ("submit", key)):
        assert plan(*words, "--as", "Q").json["error"]["code"] == "not_yours"
    own = plan("edit", key, "--prepared-by", "Q", "--as", "P")
    assert own.json["error"]["code"] == "not_yours"
    named = ("--prepared-by", "Q", "--no-attend", "rest")
    assert plan("edit", key, *named, "--as", "M").data["plan"]["prepared_by"] == "Q"
    assert plan("edit", key, *loose, "--as", "Q").code == 0
    assert plan("submit", key, "--as", "Q").data["plan"]["author"] == "Q"
    refused = plan("approve", key, "--as", "Q")
    assert refused.json["error"]["code"] == "wrong_approver"
    assert plan("approve", key, "--as", "M").code == 0


# Which version was read


def test_the_version_that_was_read_is_approved_or_none(plan: Cli) -> None:
    key = submitted(plan)
    read = plan("show", key).data["plan"]["version"]
    plan("edit", key, "--meet", "Sakura", "--reason", "要訪問", "--as", "M")
    newest = plan("submit", key, "--as", "P").data["plan"]["version"]
    refused = plan("approve", key, "--version", str(read), "--as", "M")
    error = refused.json["error"]
    assert (refused.code, error["code"]) == (5, "other_version")
    for said in (f"version {read} ", f"version {newest} ", "Sakura"):
        assert said in error["message"]
    unknown = plan("approve", key, "--version", "99", "--as", "M")
    assert (unknown.code, unknown.json["error"]["code"]) == (2, "unknown_name")
    assert plan("show", key).data["plan"]["state"] == "submitted"
    done = plan("approve", key, "--version", str(newest), "--as", "M").data["plan"]
    assert (done["state"], done["version"]) == ("approved", newest)


@pytest.mark.parametrize("named", [True, False])
def test_the_page_says_whether_a_version_was_named(
    plan: Cli, cli: Cli, *, named: bool
) -> None:
    key = submitted(plan)
    version = str(plan("show", key).data["plan"]["version"])
    read = ("--version", version) if named else ()
    assert plan("approve", key, *read, "--as", "M").code == 0
    page = cli("plan", "show", key, "--format", "html").out
    assert f"version {version}" in page
    assert ("no version named as read" in page) is not named


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 5)])
def test_on_a_terminal_the_plan_is_shown_and_asked_for(
    plan: Cli, cli: Cli, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    key = submitted(plan)
    monkeypatch.setattr(Shell, "is_interactive", True)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    ended = cli("plan", "approve", key, "--as", "M", *TODAY)
    assert ended.code == code
    assert f"Approve version 2 of {key}?" in ended.err
    assert "version 2" in ended.err.split("Approve version")[0]
    state = "approved" if code == 0 else "submitted"
    assert plan("show", key).data["plan"]["state"] == state


# Drawing up again over decisions


def test_decisions_are_not_replaced_by_a_new_draft(plan: Cli) -> None:
    key = plan(*NEW).data["plan"]["id"]
    assert plan(*NEW, "--as", "Q").data["plan"]["version"] == 2
    loose = ("--loose", "opportunities=transfer")
    edited = plan("edit", key, "--no-attend", "Aoba", *loose, "--as", "M")
    refused = plan(*NEW)
    error = refused.json["error"]
    assert (refused.code, error["code"]) == (5, "draft_decided")
    for said in ("Takahashi", "Aoba: co-attendance", "without a customer"):
        assert said in error["message"]
    assert plan("show", key).data["plan"] == edited.data["plan"]
    nobody = plan(*NEW, "--discard")
    assert (nobody.code, nobody.json["error"]["code"]) == (2, "no_decider")
    stranger = plan(*NEW, "--discard", "--as", "Q")
    assert (stranger.code, stranger.json["error"]["code"]) == (5, "not_yours")
    fresh = plan(*NEW, "--discard", "--as", "P")
    assert fresh.data["plan"]["version"] == 4
    assert rows_of(fresh)["A1"]["co_attendance"] == "undecided"


EVERY_OPTION = (
    *("--class", "Wakaba=priority", "--attend", "Wakaba", "--no-attend", "rest"),
    *("--meet", "Sakura", "--inform", "Midori", "--online", "Wakaba"),
    *("--successor", "Sakura=Suzuki", "--opportunity", "O2=hold:2027-06-30"),
    *("--loose", "opportunities=leave", "--end", "2027-03-19"),
    *("--effective", "2027-03-25", "--date", "Aoba=2027-03-10"),
    *("--announce", "2027-03-02", "--start", "2027-03-08"),
)


def test_whatever_can_be_edited_can_be_decided_with_the_approval(plan: Cli) -> None:
    key = submitted(plan)
    done = plan("approve", key, *EVERY_OPTION, "--reason", "面談の結果", "--as", "M")
    assert done.code == 0, done.json["error"]
    made, rows = done.data["plan"], rows_of(done)
    assert (made["state"], made["end"], made["effective"]) == (
        "approved",
        "2027-03-19",
        "2027-03-25",
    )
    assert (rows["A2"]["customer_class"], rows["A2"]["co_attendance"]) == (
        "priority",
        "yes",
    )
    assert (rows["A4"]["mode"], rows["A4"]["successor_id"]) == ("meet", "T")
    assert rows["A1"]["visit"]["date"] == "2027-03-10"
    assert rows["A2"]["visit"]["online"]
    assert {each["action"] for each in made["loose"]} == {"leave"}
    assert rows["A2"]["opportunities"][0]["reason"] == "面談の結果"
