"""From the visits to the close: where a plan stands, what came of it, what is open."""

import datetime as dt
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from handover.answers.remarks import Remark, record_remark
from handover.errors import AmbiguousName
from handover.follow.open_items import OpenItem
from handover.follow.waiving import NothingOpen, find_waivers, spell
from handover.i18n import Phrase
from handover.jobs.plan import find_plan
from handover.jobs.recording import list_progress, record_visit
from handover.jobs.workspace import Workspace, open_workspace
from handover.meeting.answer import GivenAnswer
from handover.plan.errors import ReasonNeeded
from tests.conftest import Ended
from tests.worlds.files_folder import EFFECTIVE, PLAN, Job

VISITED, AFTER = "2027-03-12", "2027-03-16"
AOBA = ("--account", "青葉商事")


def said(job: Job, *words: str, on: str = VISITED, by: str = "Tanaka") -> Ended:
    return job("meeting", *words[:1], PLAN, *words[1:], "--as", by, on=on)


def standing(job: Job, *words: str, on: str) -> dict[str, Any]:
    (plan,) = job("status", *words, on=on).data["plans"]
    assert plan["id"] == PLAN
    return dict(plan)


def late(status: dict[str, Any]) -> set[tuple[str, str | None]]:
    return {(each["step"], each["account_id"]) for each in status["overdue"]}


def test_status_says_whom_a_plan_waits_for_what_is_late_and_how_much_is_done(
    agreed: Job,
) -> None:
    before = standing(agreed, PLAN, on="2027-03-04")
    (turn,) = before["waits_for"]
    assert (turn["step"], turn["names"], before["overdue"]) == ("publish", ["Sato"], [])
    assert (before["counts"]["to_meet"], before["counts"]["met"]) == (6, 0)
    asked = before["counts"]["open"]

    confirm = ("--item", "contacts.channel", "--result", "confirmed", "--person", "C1")
    assert said(agreed, "record", *AOBA, *confirm).code == 0
    missed = ("--account", "A3", "--missed", "急用のため")
    assert said(agreed, "record", *missed).code == 0
    assert said(agreed, "return", "--account", "A4", "--reason", "満杯").code == 0
    assert said(agreed, "accept", *AOBA).code == 0

    after = standing(agreed, PLAN, on=AFTER)
    steps = {turn["step"]: turn["names"] for turn in after["waits_for"]}
    assert steps["make_up"] == ["Suzuki", "Mori"]
    assert steps["name_other"] == ["Suzuki", "Mori"]
    recorded = {each for each in late(after) if each[0] == "record"}
    assert recorded == {("record", a) for a in ("A2", "A4", "A5", "A6")}
    accepted = {each for each in late(after) if each[0] == "accept"}
    assert accepted == {("accept", a) for a in ("A2", "A3", "A5", "A6")}
    counts = after["counts"]
    told = ("met", "missed", "accepted", "returned", "confirmed", "owner_changed")
    assert [counts[name] for name in told] == [1, 1, 1, 1, 1, 0]
    assert counts["open"] == asked - 1
    assert standing(agreed, on=AFTER)["counts"] == {**counts, "open": None}

    for language, words in {
        "ja": "結果が記録されていません",
        "en": "whose day",
    }.items():
        text = agreed.cli("status", "--as-of", AFTER, "--lang", language).out
        assert words in text
        assert "Wakaba" in text


def open_on(day: str, person: str) -> Workspace:
    return open_workspace("en", as_of=dt.date.fromisoformat(day), as_user=person)


def settle() -> None:
    """Ask two customers everything, and miss the four others."""
    workspace = open_on(VISITED, "Tanaka")
    plan = find_plan(workspace, PLAN)
    asked = {each.account_id: each for each in list_progress(workspace, plan)}
    for account, person in {"A1": "C1", "A2": "C2"}.items():
        first, *others = asked[account].open
        answers = [GivenAnswer(item=first, result="confirmed", person=person)]
        answers += [
            GivenAnswer(item=item, result="unknown", person=person) for item in others
        ]
        at = dt.datetime.fromisoformat("2027-03-12T09:00")
        record_visit(workspace, PLAN, account, answers, at=at)
    with workspace.ledger.begin() as connection:
        for account in ("A3", "A4", "A5", "A6"):
            record_remark(connection, make_missed(account, workspace))


def make_missed(account: str, workspace: Workspace) -> Remark:
    return Remark(
        source="files",
        plan_id=PLAN,
        account_id=account,
        kind="missed",
        text="先方の急用",
        at=dt.datetime.fromisoformat("2027-03-12T18:00+09:00"),
        recorded_by="S",
        recorded_at=workspace.now,
        actor="tester",
        rehearsed_on=workspace.rehearsed_on,
    )


def test_a_report_compares_plan_and_actual_and_is_handed_in_when_all_is_told(
    agreed: Job, folder: Path
) -> None:
    settle()
    note = ("--account", "A2", "--note", "特に問題ない", "--need", "検査機")
    assert said(agreed, "record", *note, "--amount", "500").code == 0
    assert said(agreed, "accept", *AOBA, "--account", "A2").code == 0
    reading = agreed("report", PLAN, on=AFTER)
    assert reading.json["warnings"][0]["code"] == "to_be_reported"
    assert reading.data["plan"]["state"] == "approved"
    agreed.reassign("--as", "P")

    ended = agreed("report", PLAN, "--as", "Tanaka", "--eml", "r.eml", on=AFTER)
    assert (ended.data["handed_in"], ended.data["plan"]["state"]) == (True, "reported")
    rows = {row["account_id"]: row for row in ended.data["report"]["rows"]}
    assert rows["A1"]["actual"] == "met"
    assert rows["A1"]["visit"]["held_on"] == [VISITED]
    assert rows["A1"]["items"]["confirmed"] == rows["A1"]["yield"] == 1
    assert (rows["A1"]["accepted"], rows["A1"]["owner_changed_on"]) == (True, EFFECTIVE)
    assert (rows["A3"]["actual"], rows["A3"]["accepted"]) == ("missed", None)
    assert rows["A3"]["visit"]["missed"][0]["reason"] == "先方の急用"
    assert rows["A3"]["items"]["open"] > 0
    left = {(each["account_id"], each["item"]) for each in ended.data["report"]["open"]}
    assert {item for account, item in left if account == "A1"} == set()
    assert {("A3", "visit"), ("A3", "acceptance")} <= left
    assert ended.data["report"]["needs"] == {"count": 1, "amount": 500.0}

    mail = message_from_bytes((folder / "r.eml").read_bytes(), policy=default)
    assert mail["To"] == "Suzuki <suzuki@example.jp>"
    body, attached = mail.iter_parts()
    assert "REHEARSAL" in mail["Subject"]
    assert "Midori" in body.get_content()
    assert "青葉商事" in attached.get_content()
    told = ("report", PLAN, "--as-of", AFTER, "--as", "Tanaka", "--lang")
    page = agreed.cli(*told, "ja", "--format", "html").out
    for words in ("計画と実績", "× 面会できず", "報告", "Tanaka"):
        assert words in page
    shown = agreed.cli(*told, "en").out
    assert "Plan and actual" in shown
    assert "is reported to" not in shown


def refusal(ended: Ended) -> tuple[int, str]:
    return ended.code, ended.json["error"]["code"]


def test_only_the_manager_closes_and_everything_open_is_done_or_waived_one_by_one(
    agreed: Job,
) -> None:
    def close(*words: str, by: str = "M") -> Ended:
        return agreed("close", PLAN, *words, "--as", by, on=AFTER)

    tasks = agreed("plan", "publish", PLAN, "--as", "P").data["run"]["counts"]["done"]
    settle()
    assert said(agreed, "accept", *AOBA, "--account", "A2").code == 0
    assert agreed.reassign("--as", "P").code == 0
    assert refusal(close()) == (5, "not_reported")
    report = agreed("report", PLAN, "--as", "Sato", on=AFTER).data
    assert report["plan"]["state"] == "reported"
    assert refusal(close(by="Tanaka")) == (5, "not_yours")

    refused = close()
    assert refusal(refused) == (5, "open_items")
    left = [(each["account"], each["item"]) for each in refused.data["open"]]
    assert left == [(e["account"], e["item"]) for e in report["report"]["open"]]
    assert {name for name, _ in left} == {"Midori", "Sakura", "Kaede", "Momiji"}
    assert {("Midori", "visit"), ("Midori", "acceptance")} <= {*left}
    shown = agreed.cli("close", PLAN, "--as", "M", "--as-of", AFTER, "--lang", "ja")
    assert "--waive Midori:visit" in shown.out
    assert "面会できず" in shown.out

    waived = [w for name, item in left for w in ("--waive", f"{name}:{item}")]
    almost = close(*waived[:-2], "--reason", "情報のみで引継")
    assert [(e["account"], e["item"]) for e in almost.data["open"]] == left[-1:]
    own = (*waived[:-1], f"{waived[-1]}=先方の希望")
    dry = close(*own, "--reason", "情報のみで引継", "--dry-run")
    assert dry.data["plan"]["state"] == "reported"
    closed = close(*own, "--reason", "情報のみで引継")
    assert (closed.code, closed.data["plan"]["state"]) == (0, "closed")
    assert closed.data["run"]["counts"]["done"] == tasks
    assert {each["reason"] for each in closed.data["waived"]} == {
        "情報のみで引継",
        "先方の希望",
    }

    after = agreed("report", PLAN, on=AFTER).data["report"]
    waivers = [each for row in after["rows"] for each in row["waivers"]]
    assert (len(waivers), after["open"]) == (len(left), [])
    assert {each["by"] for each in waivers} == {"M"}
    assert refusal(said(agreed, "record", *AOBA, "--note", "x")) == (5, "closed")
    assert refusal(agreed.reassign("--as", "P")) == (5, "closed")
    assert close().data["run"]["counts"]["planned"] == 0
    assert agreed("runs", "verify", on=AFTER).data["broken"] == []
    assert agreed("status", on=AFTER).data["plans"] == []
    assert agreed("sync", on=AFTER).code == 0
    back = agreed("plan", "new", "--from", "Tanaka", "--to", "Sato", on=AFTER)
    assert {"A1", "A3"} <= {row["account_id"] for row in back.data["plan"]["rows"]}


def make_open(account_id: str, account: str) -> OpenItem:
    why = Phrase(text="open-why:not_accepted")
    return OpenItem(
        kind="acceptance",
        account_id=account_id,
        account=account,
        item="acceptance",
        why=why,
    )


def test_what_is_waived_is_named_and_has_a_reason() -> None:
    found = [make_open("A1", "Sakura"), make_open("A2", "Sakura"), make_open("A3", "B")]

    def waive(*wanted: str, reason: str | None = None) -> list[tuple[str, str | None]]:
        made = find_waivers(found, wanted, reason, "M")
        return [(each.account_id, each.reason) for each in made]

    assert waive("B:acceptance=full", "A2:acceptance", reason="gone") == [
        ("A3", "full"),
        ("A2", "gone"),
    ]
    assert [spell(each, found) for each in found] == [
        "A1:acceptance",
        "A2:acceptance",
        "B:acceptance",
    ]
    with pytest.raises(ReasonNeeded):
        waive("B:acceptance", reason=" ")
    with pytest.raises(AmbiguousName):
        waive("Sakura:acceptance", reason="x")
    with pytest.raises(NothingOpen) as raised:
        waive("B:acceptence", reason="x")
    assert raised.value.params["suggestion"] == "B:acceptance"
