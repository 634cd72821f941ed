"""``plan export`` and ``plan import``: a workbook there and back, or not at all."""

import datetime as dt
import hashlib
import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from handover.commands.shell import Shell
from tests.conftest import Cli, Ended
from tests.worlds.copies import copy_folder
from tests.worlds.planning_folder import (
    NEW,
    TODAY,
    planning_in,
    rows_of,
    submitted,
    write,
)
from tests.worlds.workbooks import Sheets, fill_in, save_again

BOOK = Path("plan.xlsx")
LONG = ("--end", "2027-03-31")
Cells = dict[tuple[str, str], Any]


@pytest.fixture
def plan(folder: Path, planning_files: Path, cli: Cli) -> Cli:
    return planning_in(folder, planning_files, cli)


@pytest.fixture
def key(plan: Cli, cli: Cli) -> str:
    """Draw Sato's plan up and export it; return its id."""
    made: str = plan(*NEW, *LONG).data["plan"]["id"]
    export(cli, made)
    return made


def export(cli: Cli, *words: str, lang: str = "en") -> None:
    ended = cli("plan", "export", *words, "-o", str(BOOK), *TODAY, "--lang", lang)
    assert (ended.code, ended.out) == (0, ""), ended.err


def fill(cells: Cells) -> None:
    """Fill in cells of the workbook, by the id in their row and their column."""

    def change(sheets: Sheets) -> None:
        for (row, column), value in cells.items():
            fill_in(sheets, [row], column, value)

    save_again(BOOK, change)


def take(plan: Cli, *words: str, by: str = "M") -> Ended:
    return plan("import", str(BOOK), "--as", by, *words)


def versions(plan: Cli, key: str) -> int:
    version: int = plan("show", key).data["plan"]["version"]
    return version


def refusal(ended: Ended) -> tuple[int, str]:
    return ended.code, ended.json["error"]["code"]


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_an_untouched_workbook_changes_nothing(plan: Cli, cli: Cli, lang: str) -> None:
    key = plan(*NEW).data["plan"]["id"]
    export(cli, key, lang=lang)
    for _ in range(2):
        ended = take(plan)
        assert (ended.code, ended.data["edits"], ended.data["kept"]) == (0, [], False)
        save_again(BOOK)
    assert versions(plan, key) == 1


WHY = "要訪問"
MODE: Cells = {("A4", "mode"): "met", ("A4", "reason"): WHY}
DATE: Cells = {("A2", "date"): "2027/3/8"}
SEVERAL: Cells = {
    **MODE,
    ("A2", "date"): "3月8日",
    ("A2", "start"): 0.625,
    ("A1", "co_attendance"): "yes",
    ("A1", "attendance_reason"): WHY,
    ("A1", "successor"): "Suzuki",
    ("A3", "mode"): "held",
    ("A3", "until"): dt.date(2027, 6, 1),
    ("A3", "reason"): WHY,
    ("O2", "action"): "is held",
    ("O2", "until"): "2027-06-01",
    ("O2", "reason"): WHY,
    ("O8", "action"): "stays",
    ("O8", "reason"): WHY,
}
OPTIONS = """
    --meet A4 --date A2=2027-03-08T15:00 --attend A1 --successor A1=T
    --hold A3 --until 2027-06-01 --opportunity O2=hold:2027-06-01
    --loose opportunities:O8=leave --reason 要訪問 --as M
"""


def test_what_is_filled_in_is_what_plan_edit_does(
    plan: Cli, key: str, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    before = tmp_path_factory.mktemp("before")
    shutil.copytree(folder / ".handover", before, dirs_exist_ok=True)
    edited = plan("edit", key, *OPTIONS.split()).data["plan"]
    shutil.rmtree(folder / ".handover")
    shutil.copytree(before, folder / ".handover")
    fill(SEVERAL)
    ended = take(plan)
    assert len(ended.data["edits"]) == len(SEVERAL)
    assert ended.data["plan"]["rows"] == edited["rows"]
    assert ended.data["plan"]["fingerprint"] == edited["fingerprint"]
    assert versions(plan, key) == 2
    assert refusal(take(plan)) == (5, "stale_workbook")


def test_a_dry_run_shows_what_would_be_and_keeps_nothing(plan: Cli, key: str) -> None:
    fill(MODE)
    ended = take(plan, "--dry-run")
    assert (ended.code, ended.data["kept"]) == (0, False)
    assert rows_of(ended)["A4"]["visit"] is not None
    assert [each["subject"] for each in ended.data["edits"]] == ["Sakura", "Sakura"]
    assert versions(plan, key) == 1
    assert take(plan).data["kept"]


def test_it_asks_and_a_no_changes_nothing(
    plan: Cli, cli: Cli, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(DATE)
    monkeypatch.setattr(Shell, "is_interactive", True)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    ended = cli("plan", "import", str(BOOK), "--as", "M", *TODAY)
    assert ended.code == 5
    assert "Wakaba" in ended.err
    assert "Mon, 8 March 2027" in ended.err
    assert "was shown and not agreed to" in ended.err
    assert versions(plan, key) == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    ended = cli("plan", "import", str(BOOK), "--as", "M", *TODAY)
    assert ended.code == 0
    assert versions(plan, key) == 2


def test_what_was_approved_has_to_be_approved_again(
    plan: Cli, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = submitted(plan)
    assert plan("approve", key, "--as", "M").code == 0
    export(cli, key)
    fill({("A3", "successor"): "Suzuki"})
    monkeypatch.setattr(Shell, "is_interactive", True)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    ended = cli("plan", "import", str(BOOK), "--as", "M", *TODAY)
    assert "To be submitted and approved again" in ended.err
    assert plan("show", key).data["plan"]["state"] == "draft"


def test_the_predecessor_may_not_decide_what_is_the_managers(
    plan: Cli, key: str
) -> None:
    fill(
        {
            ("A2", "mode"): "informed",
            ("A2", "reason"): "忙しい",
            ("A3", "mode"): "left out",
            ("A3", "reason"): "忙しい",
            ("A4", "class"): "key account",
            ("A4", "reason"): "成長中",
        }
    )
    ended = take(plan, by="P")
    assert refusal(ended) == (2, "bad_workbook")
    said = ended.json["error"]["message"]
    assert "Mistakes: 3" in said
    assert all(name in said for name in ("Wakaba", "Midori", "Sakura", "Takahashi"))
    assert versions(plan, key) == 1


def test_one_mistake_keeps_the_whole_workbook_out(plan: Cli, key: str) -> None:
    fill({**MODE, ("A2", "date"): "いつか"})
    ended = take(plan)
    assert refusal(ended) == (2, "bad_workbook")
    assert "Wakaba" in ended.json["error"]["message"]
    assert "いつか" in ended.json["error"]["message"]
    assert versions(plan, key) == 1


def test_a_day_that_is_not_free_is_refused_as_plan_edit_refuses_it(
    plan: Cli, key: str
) -> None:
    fill({("A2", "date"): dt.date(2027, 3, 9)})  # closed on Tuesdays
    assert refusal(take(plan)) == (5, "date_not_free")
    assert versions(plan, key) == 1


def test_all_days_that_are_not_free_are_told_at_once(plan: Cli, key: str) -> None:
    fill({("A2", "date"): "3/9", ("A3", "date"): "3/7"})
    ended = take(plan)
    assert refusal(ended) == (5, "dates_not_free")
    said = ended.json["error"]["message"]
    assert "Wakaba" in said
    assert "Midori" in said


def test_a_stale_workbook_is_refused_with_who_changed_the_plan(
    plan: Cli, key: str
) -> None:
    plan("edit", key, "--date", "A3=2027-03-08", "--as", "P")
    fill(MODE)
    ended = take(plan)
    assert refusal(ended) == (5, "stale_workbook")
    said = ended.json["error"]["message"]
    assert "version 2 (Sato, 20" in said
    assert versions(plan, key) == 2


def test_a_workbook_of_another_folder_is_refused(
    plan: Cli, cli: Cli, key: str, planning_files: Path, folder: Path
) -> None:
    shutil.rmtree(folder / ".handover")
    copy_folder(planning_files, folder)
    assert refusal(take(plan)) == (5, "foreign_workbook")
    assert plan(*NEW, *LONG, "--absent").data["plan"]["id"] == key
    assert refusal(take(plan)) == (5, "foreign_workbook")


def test_what_is_no_workbook_of_a_plan_is_refused(plan: Cli, key: str) -> None:
    def delete(sheets: Sheets) -> None:
        sheets.pop("_plans")

    save_again(BOOK, delete)
    assert refusal(take(plan)) == (2, "no_plan_workbook")
    BOOK.write_bytes(b"id,name\r\n")
    assert refusal(take(plan)) == (2, "not_a_workbook")
    BOOK.unlink()
    assert take(plan).code == 2
    assert versions(plan, key) == 1


def test_a_bomb_is_refused_before_it_is_unpacked(plan: Cli, key: str) -> None:
    with (
        zipfile.ZipFile(BOOK, "a", zipfile.ZIP_DEFLATED) as parts,
        parts.open("xl/media/x.bin", "w") as part,
    ):
        for _ in range(40):
            part.write(bytes(1 << 20))
    assert take(plan).code == 2
    assert versions(plan, key) == 1


MERGED = '<mergeCells count="1"><mergeCell ref="D3:D4"/></mergeCells>'
SHEET_DATA, ROW = "</sheetData>", '<row r="4"'
CHANGED: dict[str, tuple[str, str, str]] = {
    "merged": (SHEET_DATA, SHEET_DATA + MERGED, "D3:D4"),
    "hidden rows": (ROW, f'{ROW} hidden="1"', ""),
}


@pytest.mark.parametrize("what", CHANGED)
def test_merged_cells_are_refused_and_hidden_rows_are_read(
    what: str, plan: Cli, key: str
) -> None:
    before, after, said = CHANGED[what]
    with zipfile.ZipFile(BOOK) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    sheet = "xl/worksheets/sheet2.xml"
    assert before.encode() in parts[sheet]
    parts[sheet] = parts[sheet].replace(before.encode(), after.encode())
    with zipfile.ZipFile(BOOK, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)
    ended = take(plan)
    assert ended.code == (2 if said else 0)
    assert said in ended.out
    assert versions(plan, key) == 1


def test_deleted_rows_are_named_and_change_nothing(plan: Cli, key: str) -> None:
    def delete(sheets: Sheets) -> None:
        rows = sheets["Customers"]
        rows[:] = [row for row in rows if "Sakura" not in row]

    save_again(BOOK, delete)
    ended = take(plan)
    [notice] = [w for w in ended.json["warnings"] if w["code"] == "rows_deleted"]
    assert "Sakura" in notice["message"]
    assert versions(plan, key) == 1


def test_a_reorganisation_is_one_workbook_taken_as_a_whole(
    plan: Cli, cli: Cli, folder: Path
) -> None:
    rows = [("predecessor", "account", "successor"), ("P", "*", "S"), ("Q", "*", "T")]
    write(folder, "april.csv", rows)
    made = plan("new", "--moves", "april.csv", *LONG).data
    export(cli, "--reorganisation", made["reorganisation"], lang="ja")
    informed: Cells = {("A9", "mode"): "情報のみ", ("A9", "reason"): "遠方"}
    fill({**DATE, **informed})
    ended = take(plan)
    assert [each["version"] for each in ended.data["plans"]] == [2, 2]
    export(cli, "--reorganisation", made["reorganisation"])
    fill(
        {("A2", "date"): "2027/3/9", ("A9", "mode"): "informed", ("A9", "reason"): "x"}
    )
    assert refusal(take(plan)) == (5, "date_not_free")
    stand = [plan("show", each["id"]).data["plan"]["version"] for each in made["plans"]]
    assert stand == [2, 2]


def test_the_returned_workbook_is_evidence_of_what_it_says(plan: Cli, cli: Cli) -> None:
    key = submitted(plan)
    export(cli, key)
    fill({("A3", "successor"): "Suzuki"})
    evidence = ("--evidence", str(BOOK), "--as", "M")
    ended = plan("approve", key, *evidence)
    assert refusal(ended) == (5, "evidence_differs")
    assert "Midori: Successor" in ended.json["error"]["message"]
    assert plan("show", key).data["plan"]["state"] == "submitted"
    assert plan("approve", key, "--successor", "A3=T", *evidence).code == 0
    digest = hashlib.sha256(BOOK.read_bytes()).hexdigest()
    ledger = b"".join(p.read_bytes() for p in Path(".handover").glob("ledger.sqlite*"))
    assert digest.encode() in ledger


def test_a_workbook_needs_a_file_and_one_plan_or_reorganisation(
    plan: Cli, cli: Cli, key: str
) -> None:
    assert cli("plan", "export", key, *TODAY).code == 2
    assert cli("plan", "export", "-o", str(BOOK), *TODAY).code == 2
    assert plan("export", key).data["plans"][0]["id"] == key
