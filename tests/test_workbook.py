"""Workbooks that people fill in: what stands in them, and what comes back."""

import datetime as dt
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from handover.i18n import words_for
from handover.paper.typed_cells import Cell, read_day, read_time
from handover.paper.workbook import (
    SheetColumn,
    SheetTable,
    TextLine,
    TextSheet,
    write_workbook,
)
from handover.paper.workbook_marks import KINDS
from handover.paper.workbook_reading import NotAWorkbook, ReadTable, read_book
from tests.worlds.workbooks import Sheets, find_column, save_again

MODES = ("面会", "情報のみ")
NEAR = dt.date(2026, 12, 1)
ROWS: list[list[Any]] = [
    [
        "001",
        "株式会社東京精機",
        "面会",
        dt.date(2026, 12, 3),
        dt.time(10, 30),
        1234567.5,
    ],
    ["002", "=cmd|' /C calc'!A1", "情報のみ", None, None, Decimal(0)],
    ["003", "青葉商事\u3000札幌", "面会", dt.date(2026, 12, 4), dt.time(9), None],
]
TABLE = SheetTable(
    name="rows",
    title="お客様",
    columns=[
        SheetColumn(name="id", heading="ID", is_hidden=True),
        SheetColumn(name="account", heading="お客様"),
        SheetColumn(name="mode", heading="引継方法", choices=MODES, is_editable=True),
        SheetColumn(name="day", heading="日", kind="day", is_editable=True),
        SheetColumn(name="time", heading="開始", kind="time", is_editable=True),
        SheetColumn(name="value", heading="取引額", kind="number"),
    ],
    rows=ROWS,
)
SUMMARY = TextSheet(title="総括", lines=[TextLine(label="引継計画書", look="title")])


def turn_columns_round(sheets: Sheets) -> None:
    for row in sheets["お客様"]:
        row.reverse()


TOUCH_NOTHING: dict[str, Callable[[Sheets], None]] = {
    "saved by another program": lambda _: None,
    "sorted": lambda sheets: sheets["お客様"].insert(2, sheets["お客様"].pop(4)),
    "empty rows inserted": lambda sheets: sheets["お客様"].insert(3, [""] * 7),
    "rows inserted on top": lambda sheets: sheets["お客様"].insert(0, [""] * 7),
    "sheet renamed": lambda sheets: sheets.update({"x": sheets.pop("お客様")}),
    "columns turned round": turn_columns_round,
}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "plan.xlsx"
    path.write_bytes(write_workbook([SUMMARY, TABLE], words_for("ja"), subject="R & D"))
    return path


def read(path: Path) -> ReadTable:
    return read_book(path)["rows"]


def part(path: Path, name: str) -> str:
    with zipfile.ZipFile(path) as parts:
        return parts.read(name).decode()


def untouched(table: ReadTable) -> bool:
    assert len(table.lines) == len(ROWS)
    return not any(line.touched for line in table.lines)


def test_what_was_written_is_read_and_nobody_has_touched_it(book: Path) -> None:
    table = read(book)
    assert untouched(table)
    assert [line.cells.get("account") for line in table.lines] == [
        "株式会社東京精機",
        "=cmd|' /C calc'!A1",
        "青葉商事 札幌",
    ]
    assert table.lines[0].cells["day"] == dt.date(2026, 12, 3)
    assert table.place(table.lines[0], "mode") == "お客様!C3"


@pytest.mark.parametrize("how", TOUCH_NOTHING)
def test_what_a_program_does_to_a_workbook_touches_no_cell(
    book: Path, how: str
) -> None:
    table = read(save_again(book, TOUCH_NOTHING[how]))
    assert untouched(table)
    assert {str(line.cells["id"]) for line in table.lines} == {"001", "002", "003"}


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not here")
def test_saved_by_libreoffice_it_is_untouched_too(book: Path, tmp_path: Path) -> None:
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    words = (
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "xlsx:Calc MS Excel 2007 XML",
    )
    subprocess.run(  # noqa: S603
        [*words, "--outdir", tmp_path / "out", book], check=True, capture_output=True
    )
    assert untouched(read(tmp_path / "out" / book.name))


@pytest.mark.parametrize("column", [c.name for c in TABLE.columns])
def test_one_changed_cell_is_one_touched_cell(book: Path, column: str) -> None:
    def change(sheets: Sheets) -> None:
        rows = sheets["お客様"]
        rows[3][find_column(rows, column)] = "x"

    table = read(save_again(book, change))
    touched = {(n, name) for n, line in enumerate(table.lines) for name in line.touched}
    assert touched == {(1, column)}


def test_what_stands_beside_a_table_is_told_by_its_place(book: Path) -> None:
    def change(sheets: Sheets) -> None:
        sheets["お客様"][2].append("メモ")
        sheets["お客様"][6:] = [["", "以上"]]

    table = read(save_again(book, change))
    assert table.strays == ("お客様!H3",)
    assert table.lines[-1].cells == {"account": "以上"}
    assert table.lines[-1].touched >= {"account"}


def test_columns_that_went_or_stand_twice_are_named(book: Path) -> None:
    def change(sheets: Sheets) -> None:
        for row in sheets["お客様"]:
            row[5] = row[2]

    table = read(save_again(book, change))
    assert table.missing == ("value",)
    assert table.doubled == ("お客様!F",)


def test_merged_cells_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    made = xlsxwriter.Workbook(str(path))
    page = made.add_worksheet("s")
    page.write_row(0, 0, ["rows.id", "rows.marks id:text"])
    page.merge_range(2, 0, 3, 0, "001")
    made.close()
    assert read(path).merged == ("s!A3:A4",)


def test_a_failed_formula_is_what_it_shows(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    made = xlsxwriter.Workbook(str(path))
    page = made.add_worksheet("s")
    page.write_row(0, 0, ["rows.id", "rows.marks id:text"])
    page.write_formula(2, 0, "=NOSUCH()", None, "#NAME?")
    made.close()
    [line] = read(path).lines
    assert str(line.cells["id"]) == "#NAME?"


def test_printing_and_looks_are_made_for_a4_and_sorting(book: Path) -> None:
    page = part(book, "xl/worksheets/sheet2.xml")
    assert 'orientation="landscape"' in page
    assert 'paperSize="9"' in page
    assert '<pageSetUpPr fitToPage="1"/>' in page
    assert '<autoFilter ref="A2:G5"/>' in page
    assert 'topLeftCell="C3"' in page  # names of customers stay in sight
    assert re.search(r'<row r="1"[^>]*hidden="1"', page)
    assert "R &amp;&amp; D" in page
    assert "お客様" in part(book, "xl/workbook.xml")
    assert "Print_Titles" in part(book, "xl/workbook.xml")
    assert 'sqref="C3:C5"' in page


def test_no_cell_computes_and_long_texts_are_cut(tmp_path: Path) -> None:
    column = SheetColumn(name="a", heading="=A")
    rows = [["=1+1"], ["@x"], ["\x1b[31m\nx"], ["長" * 40_000], ["+81 3 1234 5678"]]
    table = SheetTable(name="t", title="[a]:*?/\\", columns=[column], rows=rows)
    path = tmp_path / "a.xlsx"
    path.write_bytes(write_workbook([table, table], words_for("en"), subject="x"))
    assert "<f>" not in part(path, "xl/worksheets/sheet1.xml")
    [found] = read_book(path).values()
    assert not any(line.touched for line in found.lines)
    assert found.lines[4].cells["a"] == "+81 3 1234 5678"


@given(
    rows=st.lists(
        st.tuples(
            st.text(), st.floats(-1e9, 1e9), st.dates(dt.date(1901, 1, 1)), st.times()
        )
    )
)
def test_any_values_come_back_untouched(
    rows: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    table = SheetTable(
        name="t",
        title="t",
        columns=[SheetColumn(name=kind, heading=kind, kind=kind) for kind in KINDS],
        rows=rows,
    )
    path = tmp_path_factory.mktemp("any") / "a.xlsx"
    path.write_bytes(write_workbook([table], words_for("en"), subject="x"))
    found = read_book(path)["t"]
    assert not any(line.touched for line in found.lines)


DAYS: list[Cell] = [
    dt.date(2026, 12, 3),
    dt.datetime(2026, 12, 3),  # noqa: DTZ001 - as a program keeps it
    46359.0,
    "2026/12/3",
    "2026-12-03",
    "2026年12月3日(木)",
    "令和8年12月3日",
    "12月3日",
    "１２／３",
    "12/3(木)",
]


@pytest.mark.parametrize("typed", DAYS)
def test_a_day_is_read_however_it_was_typed(typed: Cell) -> None:
    assert read_day(typed, NEAR) == dt.date(2026, 12, 3)


def test_a_day_without_a_year_is_the_nearest() -> None:
    assert read_day("1月5日", NEAR) == dt.date(2027, 1, 5)
    assert read_day("2/29", NEAR) == dt.date(2028, 2, 29)


TIMES: list[Cell] = [
    dt.time(13, 30),
    dt.datetime(1899, 12, 31, 13, 30),  # noqa: DTZ001
    dt.timedelta(hours=13, minutes=30),
    0.5625,
    "13:30",
    "１３：３０",
    "午後1時30分",
    "13時半",
    "1:30 pm",
]


@pytest.mark.parametrize("typed", TIMES)
def test_a_time_is_read_however_it_was_typed(typed: Cell) -> None:
    assert read_time(typed) == "13:30"


@pytest.mark.parametrize(
    "typed", ["", "soon", "13/45", True, -1.0, dt.time(9), "12月3日 10:00", None, 9e9]
)
def test_what_is_no_day_is_none(typed: Cell) -> None:
    with pytest.raises(ValueError, match=r"^"):
        read_day(typed, NEAR)


@pytest.mark.parametrize(
    "typed", ["", "soon", "25:00", "10:99", True, 1.5, dt.date(2026, 1, 1), None]
)
def test_what_is_no_time_is_none(typed: Cell) -> None:
    with pytest.raises(ValueError, match=r"^"):
        read_time(typed)


NOT_BOOKS: dict[str, bytes] = {
    "text": b"id,name\r\n1,x\r\n",
    "xls": bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600,
    "password": bytes.fromhex("d0cf11e0a1b11ae1")
    + "EncryptedPackage".encode("utf-16-le"),
    "empty": b"",
    "other": b"\x89PNG\0\0",
}


@pytest.mark.parametrize("kind", NOT_BOOKS)
def test_what_is_no_workbook_is_called_what_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "plan.xlsx"
    path.write_bytes(NOT_BOOKS[kind])
    with pytest.raises(NotAWorkbook) as raised:
        read_book(path)
    said = words_for("en").sentence(raised.value)
    assert said.why == words_for("en")(f"book-kind:{kind}")


@pytest.mark.parametrize(
    ("part", "kind"),
    [("content.xml", "ods"), ("xl/workbook.bin", "xlsb"), ("a", "zip")],
)
def test_other_packed_files_are_called_what_they_are(
    tmp_path: Path, part: str, kind: str
) -> None:
    path = tmp_path / "plan.xlsx"
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr(part, "x")
    with pytest.raises(NotAWorkbook) as raised:
        read_book(path)
    said = words_for("en").sentence(raised.value)
    assert said.why == words_for("en")(f"book-kind:{kind}")
