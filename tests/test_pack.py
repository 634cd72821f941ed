"""Packs: what a successor has to know of a customer, and not before it is announced."""

import datetime as dt
import html
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import time_machine

from handover.i18n import LANGUAGES
from tests.conftest import Cli, Ended
from tests.test_browser import chromium
from tests.worlds.files_folder import PLAN, PLANNED, Job
from tests.worlds.hostile import page_of
from tests.worlds.world import plan_in

GOLDEN = Path(__file__).with_name("golden") / "meeting"
SYNCED = r"\d{4}-\d\d-\d\d \d\d:\d\d"
EARLY = "2027-02-20"
"""A day before the plan is announced."""
PHONE = "03-1234-5678"
REASON = ("--before-announcement", "取締役会の依頼", "--as", "M")


def pack_of(job: Job, account: str, on: str = PLANNED) -> dict[str, Any]:
    ended = job("meeting", "pack", PLAN, "--account", account, on=on)
    assert ended.code == 0, ended.err
    (pack,) = ended.data["packs"]
    assert isinstance(pack, dict)
    return pack


def lines_of(page: str) -> list[str]:
    """Return what a page says, each cell as a line."""
    shown = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    cells = re.sub(r"<[^>]+>", "\n", shown).splitlines()
    return [html.unescape(cell).strip() for cell in cells if cell.strip()]


def events(job: Job, kind: str) -> list[dict[str, str]]:
    ledger = job.folder / ".handover" / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as raw:
        raw.row_factory = sqlite3.Row
        found = raw.execute("select * from events where kind = ?", (kind,))
        return [dict(row) for row in found.fetchall()]


def refusal(ended: Ended) -> tuple[int, str]:
    return ended.code, ended.json["error"]["code"]


# What it holds


def test_a_pack_reads_as_it_is_kept_here(agreed: Job) -> None:
    agreed.edit(
        "activities.csv",
        "V1,P,visit",
        "T0,P,task,false,,2027-02-01,A2,send the <b>drawings</b>\n"
        "V2,P,call,true,2027-02-25,,A2,asked for a price &amp; a date\n"
        "V1,P,visit",
    )
    assert agreed("sync").code == 0
    words = ("meeting", "pack", PLAN, "--account", "A1", "--account", "Wakaba")
    for language in LANGUAGES:
        form = ("--format", "html", "--lang", language, "--as-of", PLANNED)
        page = agreed.cli(*words, *form).out
        page_of(page)
        golden = GOLDEN / f"pack.{language}.txt"
        shown = [re.sub(SYNCED, "…", line) for line in lines_of(page)]
        assert shown == golden.read_text(encoding="utf-8").splitlines()
        assert "keep" not in "".join(shown)  # what nobody mapped is not shown


def test_promises_stand_with_who_made_them_what_is_overdue_first(agreed: Job) -> None:
    data = agreed("meeting", "pack", PLAN, on="2027-05-01").data
    facts = {pack["account_id"]: pack["facts"] for pack in data["packs"]}
    found = [
        (p["subject"], p["owner_id"], p["overdue"]) for p in facts["A1"]["promises"]
    ]
    assert found == [("send the quote", "P", True)]
    (request,) = facts["A2"]["promises"]
    assert (request["kind"], request["subject"]) == ("request", "spare part")
    (purchase,) = facts["A2"]["purchases"]
    bought = (purchase["date"], purchase["amount"], purchase["reason"])
    assert bought == ("2026-10-01", 5000, None)


def test_the_last_five_talks_are_shown_and_never_the_handover_itself(
    agreed: Job,
) -> None:
    more = "".join(f"X{n},P,call,true,2027-01-0{n},,A1,talk {n}\n" for n in range(1, 8))
    agreed.edit("activities.csv", "V1,P,visit", f"{more}V1,P,visit")
    assert agreed("plan", "publish", PLAN).code == 0
    assert agreed("sync").code == 0
    facts = pack_of(agreed, "A1")["facts"]
    texts = [talk["text"] for talk in facts["talks"]]
    assert texts == ["talked", "talk 7", "talk 6", "talk 5", "talk 4"]
    assert [p["subject"] for p in facts["promises"]] == ["send the quote"]


def test_what_is_blank_is_told_from_what_nobody_mapped(agreed: Job) -> None:
    words = ("meeting", "pack", PLAN, "--account", "A2", "--as-of", PLANNED)
    lines = lines_of(agreed.cli(*words, "--format", "html").out)
    said = dict(pairwise(lines))
    assert said["What they do"] == "(blank)"
    assert said["Industry"] == "(not mapped)"


def test_each_customer_of_the_plan_has_one_in_the_order_of_the_visits(
    agreed: Job,
) -> None:
    packs = agreed("meeting", "pack", PLAN).data["packs"]
    assert [pack["account_id"] for pack in packs] == [
        "A1",
        "A3",
        "A4",
        "A5",
        "A6",
        "A2",
    ]
    days = [pack["visit"]["date"] for pack in packs]
    assert days == sorted(days)
    page = agreed.cli("meeting", "pack", PLAN, "--format", "html", "--as-of", PLANNED)
    assert page.out.count("<h1>") == 6


def test_who_is_gone_from_the_crm_is_said_to_be(agreed: Job) -> None:
    agreed.edit("accounts.csv", ",A6,Momiji,P", ",A9,Momiji,P")
    assert agreed("sync", "--allow-shrink").code == 0
    assert pack_of(agreed, "A6")["facts"] is None
    words = ("meeting", "pack", PLAN, "--account", "A6", "--as-of", PLANNED)
    text = agreed.cli(*words, "--format", "html").out
    assert "The CRM has this customer no more." in text


@pytest.fixture(params=["salesforce", "hubspot"])
def pack_of_crm(
    request: pytest.FixtureRequest,
    folder: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, Any]]:
    """Give the pack of the first customer that is met, from a CRM on loopback."""
    if request.param == "salesforce":
        from tests.worlds.salesforce_folder import sitting

        org = request.getfixturevalue("approved_org")
        opened: Any = sitting(cli, folder, monkeypatch, org)
    else:
        from tests.worlds.hubspot_folder import hubspot_world

        portal = request.getfixturevalue("approved_portal")
        opened = hubspot_world(cli, folder, portal)
    with opened:
        words = ("meeting", "pack", plan_in(folder), "--as-of", PLANNED, "--json")
        packs = cli(*words).data["packs"]
        kinds = [{p["kind"] for p in pack["facts"]["promises"]} for pack in packs]
        yield next(p for p, k in zip(packs, kinds, strict=True) if "request" in k)


@pytest.mark.sampled
def test_each_crm_fills_it_with_what_it_has_and_when_that_changed(
    pack_of_crm: dict[str, Any],
) -> None:
    facts = pack_of_crm["facts"]
    (person, *_) = facts["people"]
    assert person["name"]
    assert person["email"]["value"].endswith("example.jp")
    kinds = {promise["kind"] for promise in facts["promises"]}
    assert {"request", "task"} <= kinds
    for kind in ("people", "purchases", "opportunities", "promises"):
        assert all(record["changed"] for record in facts[kind]), kind
    assert facts["talks"]


def test_the_packs_of_somebodys_day_are_those_of_its_visits(agreed: Job) -> None:
    words = ("meeting", "pack", PLAN, "--person", "Tanaka", "--on")
    found = agreed(*words, "2027-03-04").data["packs"]
    assert [pack["account_id"] for pack in found] == ["A1"]
    assert agreed(*words, "2027-03-11").data["packs"] == []
    assert agreed.cli(*words, "2027-03-11", "--as-of", PLANNED).code == 0
    nobody = ("meeting", "pack", PLAN, "--person", "Ito", "--on", "2027-03-04")
    assert refusal(agreed(*nobody)) == (2, "not_of_plan")
    assert refusal(agreed("meeting", "pack", PLAN, "--on", "2027-03-04")) == (
        2,
        "usage",
    )


# Not before it is announced, and only of what is handed over


def test_before_the_announcement_there_is_none(agreed: Job) -> None:
    ended = agreed("meeting", "pack", PLAN, on=EARLY)
    assert refusal(ended) == (5, "not_announced")
    assert "--before-announcement" in ended.json["error"]["hint"]
    assert events(agreed, "meeting.before_announcement") == []


def test_who_cannot_wait_says_why_and_that_is_recorded(agreed: Job) -> None:
    ended = agreed("meeting", "pack", PLAN, "--account", "A1", *REASON, on=EARLY)
    assert ended.code == 0
    (event,) = events(agreed, "meeting.before_announcement")
    assert event["subject"] == PLAN
    details = event["details"].encode().decode("unicode_escape")
    for part in ("取締役会の依頼", '"A1"', '"M"', '"pack"', EARLY):
        assert part in details or part in event["details"]
    assert PHONE not in event["details"]
    assert agreed("runs", "verify").code == 0
    nobody = agreed("meeting", "pack", PLAN, *REASON[:2], on=EARLY)
    assert refusal(nobody) == (2, "no_decider")
    assert agreed("meeting", "pack", PLAN, *REASON).code == 0
    assert len(events(agreed, "meeting.before_announcement")) == 1


def test_no_look_ahead_brings_the_announcement_forward(agreed: Job) -> None:
    config = agreed.folder / "handover.toml"
    text = config.read_text(encoding="utf-8")
    assert "[time]\nrehearsal = true\n" in text
    config.write_text(text.replace("[time]\nrehearsal = true\n", ""), encoding="utf-8")
    with time_machine.travel(dt.datetime(2027, 2, 20, 3, tzinfo=dt.UTC), tick=True):
        ahead = agreed("meeting", "pack", PLAN, on="2027-03-05")
        early = agreed("meeting", "pack", PLAN, *REASON, on="2027-02-19")
    assert refusal(ahead) == (5, "not_announced")
    assert refusal(early) == (5, "not_a_rehearsal")


def test_a_plan_that_is_over_and_a_customer_left_out_are_refused(agreed: Job) -> None:
    other = agreed("meeting", "pack", PLAN, "--account", "B1")
    assert refusal(other) == (2, "not_handed_over")
    unknown = agreed("meeting", "pack", PLAN, "--account", "Nowhere")
    assert refusal(unknown) == (2, "unknown_name")
    assert agreed("plan", "void", PLAN, "--reason", "x", "--as", "M").code == 0
    assert refusal(agreed("meeting", "pack", PLAN)) == (5, "voided")


# Files


def test_a_folder_takes_a_file_for_each_customer_that_only_its_owner_reads(
    agreed: Job,
) -> None:
    words = ("meeting", "pack", PLAN, "--as-of", PLANNED, "-o", "packs")
    assert agreed.cli(*words).code == 0
    packs = agreed.folder / "packs"
    names = {path.name for path in packs.iterdir()}
    assert {"青葉商事-A1.html", "Wakaba-A2.html"} < names
    assert len(names) == 6
    assert packs.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in packs.iterdir()} == {0o600}
    (packs / "mine.txt").write_text("x", encoding="utf-8")
    assert agreed.cli(*words).code == 0
    assert {path.name for path in packs.iterdir()} == {*names, "mine.txt"}


def test_a_folder_is_refused_where_a_file_is_wanted(agreed: Job) -> None:
    (agreed.folder / "packs").mkdir()
    for words in (("audit",), ("meeting", "pack", PLAN, "--json")):
        ended = agreed.cli(*words, "--as-of", PLANNED, "-o", "packs")
        assert ended.code == 2
        assert "packs is a folder" in ended.err


def test_names_lead_nowhere_and_none_covers_another(agreed: Job) -> None:
    for old, new in (("Midori", "../../etc"), ("Sakura", "wakaba"), ("Kaede", "...")):
        agreed.edit("accounts.csv", old, new)
    agreed.edit("accounts.csv", ",A4,", ",a2,")
    assert agreed("sync", "--allow-shrink").code == 0
    plan = agreed("plan", "new", "--from", "Sato", "--to", "Tanaka")
    key = plan.data["plans"][0]["id"] if plan.code in (0, 5) and plan.data else PLAN
    ended = agreed.cli("meeting", "pack", key, "--as-of", PLANNED, "-o", "packs")
    assert ended.code == 0, ended.err
    names = [path.name for path in (agreed.folder / "packs").iterdir()]
    assert not [name for name in names if name.startswith((".", "-"))]
    assert len({name.casefold() for name in names}) == len(names) == 6
    assert not (agreed.folder.parent / "etc-A3.html").exists()


@pytest.mark.browser
def test_a_customer_of_whom_much_is_known_takes_two_sheets(agreed: Job) -> None:
    words = "言われたことをそのまま残した長い記録。" * 20
    more = "".join(
        f"X{n},P,call,true,2027-01-{n + 1:02},,A1,{words}\n" for n in range(12)
    )
    tasks = "".join(
        f"Y{n},P,task,false,,2027-04-{n + 1:02},A1,{words}\n" for n in range(12)
    )
    agreed.edit("activities.csv", "V1,P,visit", f"{more}{tasks}V1,P,visit")
    people = "".join(f"Z{n},A1,山田 {n}郎,部長,{PHONE},P\n" for n in range(12))
    agreed.edit("contacts.csv", "C2,A2,", f"{people}C2,A2,")
    wins = "".join(
        f"W{n}9,A1,P,{words[:40]},won,true,true,900{n},2026-0{n % 9 + 1}-01\n"
        f"Q{n}9,A1,P,{words[:40]},quoted,false,false,900{n},2027-0{n % 9 + 1}-01\n"
        for n in range(12)
    )
    agreed.edit("opportunities.csv", "W1,A2,", f"{wins}W1,A2,")
    assert agreed("sync").code == 0
    form = ("--as-of", PLANNED, "--lang", "ja", "-o", "pack.html")
    assert agreed.cli("meeting", "pack", PLAN, "--account", "A1", *form).code == 0
    printed = agreed.folder / "pack.pdf"
    flags = ("--no-pdf-header-footer", f"--print-to-pdf={printed}")
    chromium(agreed.folder, *flags, (agreed.folder / "pack.html").as_uri())
    assert len(re.findall(rb"/Type /Page\b", printed.read_bytes())) == 2
