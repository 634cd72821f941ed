"""What an owner change through the API cannot keep: people are told of it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.worlds.salesforce_company import Company
from tests.worlds.salesforce_folder import EFFECTIVE, Desk, sitting


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


def invite(desk: Desk, account: str | None, starts: str, **event: object) -> str:
    """Invite Sato to an event of Tanaka's, of which the org keeps a copy for Sato."""
    made = desk.made
    given = {"WhatId": account, "AccountId": account, "StartDateTime": starts, **event}
    desk.org.add("Event", OwnerId=made.tanaka, IsChild=False, **given)
    return desk.org.add("Event", OwnerId=made.sato, IsChild=True, **given)


def test_an_invitation_is_no_step_and_is_named(agreed: Desk) -> None:
    """Only the organiser can invite the successor, so that people have to ask."""
    org, plan, made = agreed.org, agreed.plan, agreed.made
    account, *_ = made.accounts
    ours = org.records["Account"][account]["Name"]
    first = "2027-05-01T20:00:00.000+0000"  # the next day in Tokyo
    copies = [
        invite(agreed, account, first, Subject="定例会"),
        invite(
            agreed,
            account,
            "2027-05-03T00:00:00.000+0000",
            Subject="展示会",
            IsAllDayEvent=True,
            ActivityDate="2027-05-03",
        ),
        invite(agreed, account, "2027-03-20T01:00:00.000+0000", Subject="昔の会"),
        invite(agreed, None, first, Subject="社内会議"),
    ]
    refuse = "INVALID_FIELD_FOR_INSERT_UPDATE"
    org.refuse = lambda _kind, record: refuse if record.get("id") in copies else None
    agreed.done("sync")
    told = "佐藤 健一 is invited to “{}” with {} on {}, which belongs to {}."
    for words in (("--dry-run",), ()):
        ended = agreed.run("reassign", plan, *words, day=EFFECTIVE)
        assert ended.code == 0
        named = [w["message"] for w in ended.json["warnings"] if w["code"] == "invited"]
        assert [text.partition(" An ")[0] for text in named] == [
            told.format("定例会", ours, "2027-05-02", "田中 遥"),
            told.format("展示会", ours, "2027-05-03", "田中 遥"),
        ]
        steps = {step["record_id"] for step in ended.data["run"]["steps"]}
        assert steps
        assert not steps.intersection(copies)
    japanese = agreed.run("--lang", "ja", "reassign", plan, day=EFFECTIVE)
    assert japanese.code == 0
    told_of = (w for w in japanese.json["warnings"] if w["code"] == "invited")
    text = next(told_of)["message"]
    assert text.startswith("佐藤 健一 さんは 2027-05-02 の「定例会」")
    assert "主催者は 田中 遥 さんです" in text


def test_an_invitation_whose_event_is_not_seen_is_named_all_the_same(
    agreed: Desk,
) -> None:
    """Two meetings of one name on one day, say: whose this is cannot be told."""
    starts = "2027-05-01T01:00:00.000+0000"
    for _ in range(12):
        invite(agreed, agreed.made.accounts[0], starts, Subject="定例会")
    ended = agreed.run("reassign", agreed.plan, "--dry-run", day=EFFECTIVE)
    codes = Counter(each["code"] for each in ended.json["warnings"])
    assert (codes["invited_unseen"], codes["invited_more"]) == (10, 1)


def test_teams_that_we_may_not_read_are_named_before_they_are_dropped(
    agreed: Desk,
) -> None:
    agreed.org.forbidden.add("AccountTeamMember")
    agreed.done("sync")
    for lang, word in (("en", "team"), ("ja", "チーム")):
        words = ("--lang", lang, "reassign", agreed.plan, "--dry-run")
        ended = agreed.run(*words, day=EFFECTIVE)
        assert ended.code == 0
        told = {each["code"]: each["message"] for each in ended.json["warnings"]}
        assert word in told["teams_hidden"]
