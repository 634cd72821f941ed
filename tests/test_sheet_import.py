"""``meeting import``: what was filled in in a workbook, all of it or nothing."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from handover.commands.shell import Shell
from tests.conftest import Ended
from tests.test_recording import VISITED, answer, error, kept
from tests.worlds.files_folder import PLAN, PLANNED, Job
from tests.worlds.workbooks import HEADINGS, Sheets, fill_in, find_column, save_again

BOOK = Path("sheet.xlsx")
CHANNEL, ROLE, STAGE = (
    ["contacts.channel", "C1"],
    ["organisation.role", "C1"],
    ["opportunities.stage", "O1"],
)
VISIT = ["A1", "Thu, 4 March 2027 09:30-10:30"]
VISIT_JA = ["A1", "2027年3月4日(木) 09:30-10:30"]


@pytest.fixture
def sheet(agreed: Job) -> Job:
    """Give the company with a sheet of questions that was made for it."""
    return make(agreed)


def make(job: Job, *words: str, on: str = PLANNED) -> Job:
    form = ("-o", str(BOOK), "--as-of", on, *words)
    ended = job.cli("meeting", "sheet", PLAN, *form)
    assert ended.code == 0, ended.err
    return job


def fill(change: Callable[[Sheets], None]) -> None:
    save_again(BOOK, change)


def take(job: Job, *words: str, by: str = "Tanaka", on: str = VISITED) -> Ended:
    return job("meeting", "import", PLAN, str(BOOK), "--as", by, *words, on=on)


def answered(sheets: Sheets) -> None:
    """Fill in what came back of one customer, as a person would."""
    fill_in(sheets, VISIT_JA, "person", "山田 太郎")
    fill_in(sheets, VISIT_JA, "date", "3月4日")
    fill_in(sheets, VISIT_JA, "need", "=1+1 second line")
    fill_in(sheets, VISIT_JA, "amount", "1,200,000")
    fill_in(sheets, CHANNEL, "result", "訂正")
    fill_in(sheets, CHANNEL, "value", "03-9876-5432")
    fill_in(sheets, CHANNEL, "note", "moved")
    fill_in(sheets, ROLE, "result", "Confirmed")
    fill_in(sheets, ROLE, "time", 0.4375)
    fill_in(sheets, STAGE, "result", "unknown")
    fill_in(sheets, STAGE, "date", dt.date(2027, 3, 10))
    fill_in(sheets, ["interactions.recent", "A1"], "result", "該当なし")


def test_what_was_filled_in_is_recorded_once_however_often_it_is_imported(
    agreed: Job,
) -> None:
    make(agreed, "--lang", "ja")
    fill(answered)
    shown = take(agreed, "--dry-run")
    assert (shown.code, shown.data["kept"]) == (0, False), shown.out
    assert kept(agreed, "confirmations") == []
    ended = take(agreed)
    assert (ended.code, ended.data["kept"]) == (0, True)
    said = {each["item"]: each for each in ended.data["confirmations"]}
    correction = said["contacts.channel"]
    assert {name: correction[name] for name in ("record", "result", "column")} == {
        "record": "C1",
        "result": "corrected",
        "column": "phone",
    }
    assert (correction["before"], correction["value"]) == (
        "03-1234-5678",
        "03-9876-5432",
    )
    assert {key: each["at"] for key, each in said.items()} == {
        "contacts.channel": "2027-03-03T15:00:00+00:00",
        "organisation.role": "2027-03-04T01:30:00+00:00",
        "opportunities.stage": "2027-03-09T15:00:00+00:00",
        "interactions.recent": "2027-03-03T15:00:00+00:00",
    }
    assert {(each["person"], each["by"]) for each in said.values()} == {("C1", "S")}
    need, note = ended.data["remarks"]
    assert (need["text"], need["amount"]) == ("=1+1 second line", 1_200_000)
    assert "moved" in note["text"]
    (visit,) = ended.data["visits"]
    assert "contacts.channel" not in visit["open"]
    steps = [(s["action"], s["outcome"]) for s in ended.data["run"]["steps"]]
    assert steps == [("correction", "done"), ("create_task", "done")]
    assert b"03-9876-5432" in (agreed.export / "contacts.csv").read_bytes()

    before = (kept(agreed, "confirmations"), kept(agreed, "remarks"))
    again = take(agreed, on="2027-03-13")
    assert (again.code, again.data["kept"], again.data["already"]) == (0, False, 6)
    assert "recorded_already" in {each["code"] for each in again.json["warnings"]}
    assert "run" not in again.data
    assert (kept(agreed, "confirmations"), kept(agreed, "remarks")) == before

    fill(lambda sheets: fill_in(sheets, ROLE, "result", "unknown"))
    stale = take(agreed)  # what it shows was answered since
    assert error(stale) == (5, "stale_sheet")
    assert (kept(agreed, "confirmations"), kept(agreed, "remarks")) == before


def wrong(sheets: Sheets) -> None:
    """Fill in what cannot be, each in its own way."""
    fill_in(sheets, VISIT, "person", "山田 太郎")
    fill_in(sheets, CHANNEL, "result", "confirmed")
    fill_in(sheets, CHANNEL, "value", "03-9876-5432")
    fill_in(sheets, ROLE, "result", "corrected")
    fill_in(sheets, STAGE, "result", "confirmed")
    fill_in(sheets, STAGE, "person", "Nobody")
    fill_in(sheets, ["opportunities.next_step", "O1"], "result", "perhaps")
    fill_in(sheets, ["opportunities.owner", "O1"], "result", "corrected")
    fill_in(sheets, ["opportunities.owner", "O1"], "value", "Mori")
    fill_in(sheets, ["contacts.person", "C1"], "result", "confirmed")
    fill_in(sheets, ["contacts.person", "C1"], "date", dt.date(2027, 3, 20))
    fill_in(sheets, ["organisation.business", "A1"], "result", "confirmed")
    fill_in(sheets, ["organisation.business", "A1"], "recorded", "woodwork")
    fill_in(sheets, ["contacts.preference", "C1"], "result", "corrected")
    fill_in(sheets, ["contacts.preference", "C1"], "value", "不明")
    (rows,) = (each for each in sheets.values() if find_row_of(each, "A3"))
    for row in rows:
        if "A3" in row and "organisation.business" in row:
            row[row.index("A3")] = "B1"
            row[find_column(rows, "result")] = "confirmed"
    twice = next(row for row in rows if {"interactions.recent", "A1"} <= {*row})
    twice[find_column(rows, "result")] = "confirmed"
    rows.append([*twice[: find_column(rows, "result")], "unknown"])
    rows[-1] += twice[len(rows[-1]) :]


def find_row_of(rows: list[list[Any]], account: str) -> bool:
    return any(
        account in row and "organisation.business" in row for row in rows[HEADINGS:]
    )


MISTAKES = (
    "the answer is not",
    "there is no correct value",
    '"Nobody" is nobody of this customer',
    "perhaps is none of",
    "is nothing that can be corrected here",
    "2027-03-20 00:00 lies ahead",
    "cannot be changed here",
    "is not in the plan",
    "placeholder",
    "answers the same",
)


def test_all_that_cannot_be_taken_is_named_and_nothing_is_recorded(sheet: Job) -> None:
    fill(wrong)
    ended = take(sheet)
    assert error(ended) == (2, "bad_workbook")
    message = ended.json["error"]["message"]
    assert [each for each in MISTAKES if each not in message] == []
    assert "Questions to ask!" in message
    assert kept(sheet, "confirmations") == []
    assert kept(sheet, "remarks") == []


def test_who_does_not_report_on_a_customer_records_nothing_of_it(sheet: Job) -> None:
    def change(sheets: Sheets) -> None:
        fill_in(sheets, VISIT, "person", "山田 太郎")
        fill_in(sheets, ROLE, "result", "confirmed")

    fill(change)
    ended = take(sheet, by="Kato")
    assert error(ended) == (2, "bad_workbook")
    assert "青葉商事" in ended.json["error"]["message"]
    assert error(take(sheet, on="2027-02-01")) == (5, "not_announced")


def test_what_changed_since_the_sheet_was_made_is_stale_and_the_rest_is_taken(
    sheet: Job,
) -> None:
    answer(sheet, "opportunities.stage", "unknown")
    sheet.edit("contacts.csv", "03-1234-5678", "03-5555-6666")
    assert sheet("sync").code == 0

    def change(sheets: Sheets) -> None:
        fill_in(sheets, VISIT, "person", "C1")
        for key in (CHANNEL, ROLE, STAGE):
            fill_in(sheets, key, "result", "confirmed")

    fill(change)
    ended = take(sheet)
    assert error(ended) == (5, "stale_sheet")
    assert "In 2 rows" in ended.json["error"]["message"]

    def clear(sheets: Sheets) -> None:
        for key in (CHANNEL, STAGE):
            fill_in(sheets, key, "result", "")

    fill(clear)
    rest = take(sheet)
    assert [each["item"] for each in rest.data["confirmations"]] == [
        "organisation.role"
    ]


def test_a_workbook_of_something_else_is_refused(sheet: Job) -> None:
    other = sheet("plan", "new", "--from", "Tanaka", "--to", "Sato").data["plan"]["id"]
    foreign = sheet("meeting", "import", other, str(BOOK), "--as", "M", on=VISITED)
    assert error(foreign) == (5, "foreign_workbook")
    assert PLAN in foreign.json["error"]["message"]
    fill(lambda sheets: fill_in(sheets, [PLAN], "fingerprint", "0"))
    assert error(take(sheet)) == (2, "no_sheet_workbook")
    plan = ("plan", "export", PLAN, "-o", str(BOOK), "--as-of", PLANNED)
    assert sheet.cli(*plan).code == 0
    assert error(take(sheet)) == (2, "no_sheet_workbook")
    BOOK.write_text("a,b\n", encoding="utf-8")
    assert error(take(sheet)) == (2, "not_a_workbook")


def test_nothing_filled_in_is_nothing_to_do_and_a_no_records_nothing(
    sheet: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_again(BOOK)
    ended = take(sheet)
    assert (ended.code, ended.data["kept"], ended.data["confirmations"]) == (
        0,
        False,
        [],
    )
    assert "nothing_filled_in" in {each["code"] for each in ended.json["warnings"]}

    def change(sheets: Sheets) -> None:
        fill_in(sheets, VISIT, "person", "山田 太郎")
        fill_in(sheets, ROLE, "result", "confirmed")

    fill(change)
    monkeypatch.setattr(Shell, "is_interactive", True)
    monkeypatch.setattr("click.confirm", lambda *_, **__: False)
    assert error(take(sheet)) == (5, "import_not_confirmed")
    assert kept(sheet, "confirmations") == []
    assert take(sheet, "--yes").data["kept"]
