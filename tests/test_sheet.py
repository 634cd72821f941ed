"""Sheets: what each customer is asked beside what is recorded, on paper and a book."""

import re
import zipfile
from pathlib import Path
from typing import Any

from handover.i18n import LANGUAGES
from tests.conftest import Ended
from tests.test_pack import EARLY, GOLDEN, REASON, SYNCED, events, lines_of, refusal
from tests.worlds.files_folder import PLAN, PLANNED, Job
from tests.worlds.hostile import page_of

SHEET = ("meeting", "sheet", PLAN)
ASAHI = ("--account", "A1")


def questions_of(job: Job, account: str) -> list[dict[str, Any]]:
    ended = job(*SHEET, "--account", account)
    assert ended.code == 0, ended.err
    (sheet,) = ended.data["sheets"]
    found: list[dict[str, Any]] = sheet["questions"]
    return found


def test_a_sheet_reads_as_it_is_kept_here(agreed: Job) -> None:
    for language in LANGUAGES:
        form = ("--format", "html", "--lang", language, "--as-of", PLANNED)
        page = agreed.cli(*SHEET, *ASAHI, "--account", "A2", *form).out
        page_of(page)
        shown = [re.sub(SYNCED, "…", line) for line in lines_of(page)]
        golden = GOLDEN / f"sheet.{language}.txt"
        assert shown == golden.read_text(encoding="utf-8").splitlines()


def test_each_item_that_applies_is_asked_of_each_record_it_is_about(
    agreed: Job,
) -> None:
    agreed.edit("contacts.csv", "C2,A2,", "C3,A1,林 次郎,chief,,P\nC2,A2,")
    more = "".join(
        f"{key},A1,P,Press,won,true,true,10,{day}\n"
        for key, day in (("Q1", "2026-11-05"), ("Q2", "2020-01-05"))
    )
    agreed.edit("opportunities.csv", "W1,A2,", f"{more}W1,A2,")
    assert agreed("sync").code == 0
    found = {(q["item"], q["table"], q["record"]) for q in questions_of(agreed, "A1")}
    assert found >= {
        ("contacts.person", "contacts", "C1"),
        ("contacts.person", "contacts", "C3"),
        ("organisation.business", "accounts", "A1"),
        ("purchases.product", "opportunities", "Q1"),
        ("purchases.reason", "opportunities", "Q1"),
        ("purchases.reason_older", "opportunities", "Q2"),
        ("opportunities.stage", "opportunities", "O1"),
        ("interactions.recent", None, None),
    }
    assert ("purchases.reason", "opportunities", "Q2") not in found
    assert ("opportunities.stage", "opportunities", "Q1") not in found
    shown = {(q["item"], q["record"]): q for q in questions_of(agreed, "A1")}
    assert shown["contacts.channel", "C1"]["recorded"] == {
        "contacts.phone": "03-1234-5678"
    }
    assert shown["opportunities.owner", "O1"]["columns"] == []  # nobody's to correct


def test_what_was_answered_stands_beside_the_question(agreed: Job) -> None:
    said = ("--item", "contacts.channel", "--result", "confirmed", "--person", "C1")
    answer = ("meeting", "record", PLAN, *ASAHI, *said, "--as", "S")
    assert agreed(*answer, on="2027-03-12").code == 0
    (sheet,) = agreed(*SHEET, *ASAHI, on="2027-03-12").data["sheets"]
    answered = {q["item"] for q in sheet["questions"] if q["answered"]}
    assert answered == {"contacts.channel"}
    assert "contacts.channel" not in sheet["open"]
    page = agreed.cli(*SHEET, *ASAHI, "--format", "html", "--as-of", "2027-03-12").out
    assert "Answered: confirmed (山田 太郎 Fri 12 Mar)" in page


def test_before_the_announcement_there_is_none_but_for_a_reason(agreed: Job) -> None:
    assert refusal(agreed(*SHEET, on=EARLY)) == (5, "not_announced")
    assert agreed(*SHEET, *ASAHI, *REASON, on=EARLY).code == 0
    (event,) = events(agreed, "meeting.before_announcement")
    assert '"sheet"' in event["details"]
    assert refusal(agreed(*SHEET, "--account", "B1")) == (2, "not_handed_over")


def test_a_workbook_offers_the_people_of_each_customer_and_locks_the_rest(
    agreed: Job,
) -> None:
    ended: Ended = agreed.cli(*SHEET, "-o", "sheet.xlsx", "--as-of", PLANNED)
    assert ended.code == 0, ended.err
    with zipfile.ZipFile(Path("sheet.xlsx")) as parts:
        pages = [
            parts.read(name).decode()
            for name in sorted(parts.namelist())
            if re.fullmatch(r"xl/worksheets/sheet\d\.xml", name)
        ]
        strings = parts.read("xl/sharedStrings.xml").decode()
    visits, answers = pages[1], pages[2]
    for page in (visits, answers):
        assert "<sheetProtection" in page
    offered = re.findall(r"<formula1>(_lists![^<]+)</formula1>", answers)
    assert len(set(offered)) >= 4  # results, columns, the people of two customers
    assert "山田 太郎" in strings
    assert "林" not in strings
