"""Runs on Salesforce by the command line: what people are shown, and what is left."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.worlds.salesforce import KEY, Answer, Call
from tests.worlds.salesforce_company import Company
from tests.worlds.salesforce_folder import EFFECTIVE, Desk, is_write, sitting

DROPPED = Answer(200, "", drop=True)


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


# What people are told


@pytest.mark.parametrize(
    "code",
    [
        "TRANSFER_REQUIRES_READ",
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "DUPLICATES_DETECTED",
    ],
)
def test_each_permanent_refusal_is_told_per_record(
    agreed: Desk, folder: Path, code: str
) -> None:
    plan = agreed.plan
    stubborn = agreed.made.accounts[11]
    agreed.org.refuse = lambda _kind, record: (
        code if record.get("id") == stubborn else None
    )
    ended = agreed.run("reassign", plan, day=EFFECTIVE)
    assert ended.code == 6
    steps = ended.data["run"]["steps"]
    told = [(s["record_id"], s["code"]) for s in steps if s["outcome"] == "refused"]
    assert told == [(stubborn, code)]
    waiting = {s["account_id"] for s in steps if s["code"] == "account_not_done"}
    assert waiting == {stubborn}
    shown = agreed.cli("runs", "show", "last").out
    assert f"× {stubborn}: {code}: {code} in the org's own words" in shown
    assert "its account was not handed over" in shown
    (listed,) = (folder / ".handover" / "runs").glob("*/error.csv")
    assert f"refused: {code}: {code} in the org's own words" in listed.read_text(
        "utf-8"
    )
    agreed.org.refuse = lambda _kind, _record: None
    again = agreed.done("reassign", plan, "--rows", str(listed), day=EFFECTIVE)["run"]
    assert again["counts"]["done"] == again["counts"]["planned"] > 0
    assert agreed.owners("Account") == {agreed.made.tanaka: 13}


@pytest.mark.parametrize("kind", ["CsnOnly", "Guest"])
def test_a_successor_who_can_own_nothing_is_found_before_the_first_write(
    agreed: Desk, kind: str
) -> None:
    plan = agreed.plan
    agreed.org.edit("User", agreed.made.tanaka, UserType=kind)
    ended = agreed.run("reassign", plan, day=EFFECTIVE)
    assert (ended.code, ended.json["error"]["code"]) == (5, "unlicensed_successor")
    assert agreed.org.commits == []
    agreed.org.edit("User", agreed.made.tanaka, UserType="Standard")
    assert agreed.run("reassign", plan, day=EFFECTIVE).code == 0


# What the org decides otherwise, and calls a success


@pytest.mark.parametrize("holder", ["predecessor", "somebody else"])
def test_an_owner_that_a_rule_of_the_org_decides_is_told_and_not_sent_again(
    desk: Desk, folder: Path, holder: str
) -> None:
    made, org = desk.made, desk.org
    plan = desk.approved_plan()
    owner = made.sato if holder == "predecessor" else made.manager
    territory = set(made.accounts[:5])
    org.automation = lambda _kind, given: (
        {"OwnerId": owner} if given.get("Id") in territory else {}
    )
    ended = desk.run("reassign", plan, day=EFFECTIVE)
    assert (ended.code, ended.json["error"]["code"]) == (6, "partly")
    steps = ended.data["run"]["steps"]
    told = {s["record_id"]: (s["code"], s["message"]) for s in steps}
    refused = {s["record_id"] for s in steps if s["outcome"] == "refused"}
    assert refused == territory
    assert {told[each] for each in territory} == {("overruled", owner)}
    waiting = {s["account_id"] for s in steps if s["code"] == "account_not_done"}
    assert waiting == territory
    name = "佐藤 健一" if holder == "predecessor" else "山田 部長"
    shown = desk.cli("--lang", "ja", "runs", "show", "last").out
    assert f"現在の値: {name}" in shown
    writes = len([call for call in org.calls if is_write(call)])
    again = desk.run("reassign", plan, day=EFFECTIVE)
    assert again.code == 6
    assert len([call for call in org.calls if is_write(call)]) == writes
    org.automation = lambda _kind, _given: {}
    (first, _) = sorted((folder / ".handover" / "runs").glob("*/error.csv"))
    done = desk.done("reassign", plan, "--rows", str(first), day=EFFECTIVE)["run"]
    assert done["counts"]["done"] == done["counts"]["planned"] > 5
    assert desk.owners("Account") == {made.tanaka: 13}


def test_a_task_that_a_flow_gives_to_somebody_else_is_told(desk: Desk) -> None:
    plan = desk.approved_plan()
    desk.org.automation = lambda kind, _given: (
        {"OwnerId": desk.made.manager} if kind == "Task" else {}
    )
    ended = desk.run("plan", "publish", plan)
    assert ended.code == 6
    steps = ended.data["run"]["steps"]
    assert {s["code"] for s in steps} == {"overruled"}
    assert {s["message"] for s in steps} == {f"OwnerId={desk.made.manager}"}


# Records that people change between the sync and the run


def test_a_team_comes_back_with_all_its_access(agreed: Desk) -> None:
    made, org = agreed.made, agreed.org
    levels = {
        "TeamMemberRole": "法務",
        "AccountAccessLevel": "Edit",
        "OpportunityAccessLevel": "Read",
        "CaseAccessLevel": "Edit",
        "ContactAccessLevel": "Read",
    }
    plan = agreed.plan
    account = made.accounts[1]
    org.add("AccountTeamMember", AccountId=account, UserId=made.manager, **levels)
    opportunity = next(
        key
        for key, row in org.records["Opportunity"].items()
        if row["AccountId"] == made.accounts[0] and not row["IsClosed"]
    )
    seat = {"TeamMemberRole": "技術", "OpportunityAccessLevel": "Edit"}
    org.add(
        "OpportunityTeamMember", OpportunityId=opportunity, UserId=made.manager, **seat
    )
    org.faults.append(_lose_teams(agreed))
    agreed.done("reassign", plan, day=EFFECTIVE)
    members = [
        {name: row[name] for name in levels}
        for row in org.records["AccountTeamMember"].values()
        if not row["IsDeleted"] and row["UserId"] == made.manager
    ]
    assert members == [levels]
    seats = [
        {name: row[name] for name in seat}
        for row in org.records["OpportunityTeamMember"].values()
        if not row["IsDeleted"]
    ]
    assert seats == [seat]


def _lose_teams(desk: Desk) -> Any:
    """Lose the first reply of each kind of team, after the commit."""
    lost: set[str] = set()

    def lose(call: Call) -> Answer | None:
        records = call.body.get("records", ()) if isinstance(call.body, dict) else ()
        kinds = {r["attributes"]["type"] for r in records if "Team" in str(r)}
        if not kinds or kinds <= lost:
            return None
        lost.update(kinds)
        desk.org.route(call)
        return DROPPED

    return lose


def test_an_org_without_teams_needs_none(desk: Desk) -> None:
    del desk.org.fields["AccountTeamMember"], desk.org.records["AccountTeamMember"]
    plan = desk.approved_plan()
    run = desk.done("reassign", plan, day=EFFECTIVE)["run"]
    assert "team_member" not in {step["action"] for step in run["steps"]}
    assert desk.owners("Account") == {desk.made.tanaka: 13}


# Words of the org


def test_tasks_are_opened_and_closed_in_the_orgs_own_words(desk: Desk) -> None:
    org, words = desk.org, (("着手前", False), ("保留", False), ("済", True))
    for order, (word, closed) in enumerate(words):
        org.add(
            "TaskStatus",
            ApiName=word,
            MasterLabel=word,
            IsClosed=closed,
            IsDefault=order == 1,
            SortOrder=order,
        )
    org.fields["Task"]["Status"]["picklistValues"] = [
        {"value": word, "active": True} for word, _ in words
    ]
    plan = desk.approved_plan()
    published = desk.done("plan", "publish", plan)["run"]
    ours = [row for row in org.records["Task"].values() if row.get(KEY)]
    assert {row["Status"] for row in ours} == {"保留"}  # its default for open ones
    desk.done("undo", published["id"], person="山田 部長")
    assert {row["Status"] for row in ours} == {"済"}


# Texts and days


def test_a_long_name_still_fits_into_a_subject(desk: Desk) -> None:
    name = "見本" * 127 + "株"
    desk.org.edit("Account", desk.made.accounts[0], Name=name)
    desk.org.refuse = lambda _kind, record: (
        "STRING_TOO_LONG" if len(record.get("Subject") or "") > 255 else None
    )
    plan = desk.approved_plan()
    run = desk.done("plan", "publish", plan)["run"]
    assert run["counts"]["done"] == run["counts"]["planned"]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Honolulu"])
@pytest.mark.every(2)
def test_a_day_is_that_day_in_every_zone(desk: Desk, folder: Path, zone: str) -> None:
    config = folder / "handover.toml"
    text = config.read_text(encoding="utf-8").replace("Asia/Tokyo", zone)
    config.write_text(text, encoding="utf-8")
    plan = desk.approved_plan()
    rows = desk.done("plan", "show", plan)["plan"]["rows"]
    days = {row["account_id"]: row["visit"]["date"] for row in rows if row["visit"]}
    desk.done("plan", "publish", plan)
    visits = [
        row
        for row in desk.org.records["Task"].values()
        if ":visit:" in str(row.get(KEY))
    ]
    assert visits
    assert {row["WhatId"]: row["ActivityDate"] for row in visits} == days
    again = desk.done("plan", "publish", plan)["run"]
    assert again["counts"]["planned"] == 0


def test_future_events_move_and_past_ones_never(agreed: Desk) -> None:
    plan = agreed.plan
    before = {k: r["OwnerId"] for k, r in agreed.org.records["Event"].items()}
    agreed.done("reassign", plan, "--early", "personnel change", day="2027-03-05")
    moved = {
        key
        for key, row in agreed.org.records["Event"].items()
        if row["OwnerId"] != before[key]
    }
    ahead = {
        key
        for key, row in agreed.org.records["Event"].items()
        if row["StartDateTime"] > "2027-03-06" and before[key] == agreed.made.sato
    }
    assert moved == ahead
    assert ahead


def test_what_takes_no_owner_of_its_own_is_no_step(desk: Desk) -> None:
    """A copy of a meeting that somebody was invited to, and a person account's contact.

    The org refuses an owner for both, whatever we send.
    """
    org, account = desk.org, desk.made.accounts[0]
    (contact,) = [
        k for k, r in org.records["Contact"].items() if r["AccountId"] == account
    ]
    org.define("Contact", "IsPersonAccount")
    org.edit("Contact", contact, IsPersonAccount=True)
    starts = "2027-05-01T00:00:00.000+0000"
    invited = org.add(
        "Event",
        Subject="打合せ",
        WhatId=account,
        AccountId=account,
        OwnerId=desk.made.sato,
        IsChild=True,
        StartDateTime=starts,
    )
    refused = {contact: "INSUFFICIENT_ACCESS_OR_READONLY"}
    refused[invited] = "INVALID_FIELD_FOR_INSERT_UPDATE"
    org.refuse = lambda _kind, record: refused.get(str(record.get("id")))
    plan = desk.approved_plan()
    run = desk.done("reassign", plan, day=EFFECTIVE)["run"]
    assert run["counts"]["done"] == run["counts"]["planned"]
    assert not {contact, invited} & {step["record_id"] for step in run["steps"]}


def test_a_record_that_takes_no_owner_keeps_no_plan_from_its_end(agreed: Desk) -> None:
    """A master of a series, say: no field tells that it is one of those."""
    org, plan = agreed.org, agreed.plan
    task = next(k for k, r in org.records["Task"].items() if not r["IsClosed"])
    code = "INVALID_FIELD_FOR_INSERT_UPDATE"
    org.refuse = lambda _kind, record: code if record.get("id") == task else None
    first = agreed.run("reassign", plan, day=EFFECTIVE)
    assert first.code == 6
    refused = [s for s in first.data["run"]["steps"] if s["outcome"] == "refused"]
    assert [(s["record_id"], s["code"]) for s in refused] == [(task, code)]
    again = agreed.run("reassign", plan, day=EFFECTIVE)
    assert (again.code, again.data["run"]["steps"]) == (0, [])
    told = {each["code"]: each["message"] for each in again.json["warnings"]}
    assert task in told["takes_no_owner"]


def test_what_hung_on_a_merged_customer_goes_with_the_winner(agreed: Desk) -> None:
    org, plan, made = agreed.org, agreed.plan, agreed.made
    deal, loser = next(
        (key, row["AccountId"])
        for key, row in org.records["Opportunity"].items()
        if not row["IsClosed"] and row["OwnerId"] == made.sato
    )
    winner = next(each for each in made.accounts if each != loser)
    gone = str(org.records["Account"][loser]["Name"])
    org.merge("Account", loser, winner, "Contact", "Opportunity", "Case", "Task")
    first = agreed.run("reassign", plan, day=EFFECTIVE)
    assert first.code == 6
    steps = {s["record_id"]: s for s in first.data["run"]["steps"]}
    assert (steps[loser]["code"], steps[deal]["code"]) == ("gone", "account_not_done")
    agreed.done("sync")
    second = agreed.run("reassign", plan, day=EFFECTIVE)
    assert second.code == 0, second.out
    assert org.records["Opportunity"][deal]["OwnerId"] == made.tanaka
    told = {each["code"]: each["message"] for each in second.json["warnings"]}
    name = str(org.records["Opportunity"][deal]["Name"])
    assert name in told["opportunities_elsewhere"]
    assert gone in told["accounts_gone"]


def test_rows_may_be_listed_by_the_short_ids_of_a_report(
    agreed: Desk, folder: Path
) -> None:
    plan = agreed.plan
    account = agreed.made.accounts[4]
    (folder / "report.csv").write_text(f"Id\n{account[:15]}\n", encoding="utf-8")
    run = agreed.done("reassign", plan, "--rows", "report.csv", day=EFFECTIVE)["run"]
    assert {step["account_id"] for step in run["steps"]} == {account}


# What every write carries, and what is not promised


def test_every_write_of_a_long_run_keeps_assignment_rules_out(agreed: Desk) -> None:
    """Also after the session was renewed in the middle, again and again."""
    plan = agreed.plan
    agreed.org.tokens = [f"00D-token-{n}" for n in range(100)]
    left = [0]

    def expire(_call: Call) -> None:
        left[0] += 1
        if left[0] % 3 == 0:
            agreed.org.token = "expired"

    agreed.org.faults.append(expire)
    agreed.done("plan", "publish", plan)
    run = agreed.done("reassign", plan, day=EFFECTIVE)["run"]
    assert run["counts"]["done"] == run["counts"]["planned"]
    assert agreed.owners("Case") == {agreed.made.tanaka: 4}
    writes = [call for call in agreed.org.calls if is_write(call)]
    assert len(writes) > 6
    assert {call.headers.get("sforce-auto-assign") for call in writes} == {"FALSE"}


def test_the_time_in_which_people_may_win_or_lose_is_measured_and_told(
    agreed: Desk,
) -> None:
    plan = agreed.plan
    with agreed.org.stall(0.15):
        words = ("--as-of", EFFECTIVE, "--yes", "reassign", plan)
        printed = agreed.cli(*words).out
    told = re.search(r"last read and its write: (\d+\.\d) s", printed)
    assert told
    assert 0.1 <= float(told[1]) < 30
    shown = agreed.done("runs", "show", "last")["run"]["window_seconds"]
    assert shown == pytest.approx(float(told[1]), abs=0.06)
