"""Workbooks that claim, unpack to or reach over more than a sheet can: exit 2."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter

from connectors.errors import (
    CellTooLong,
    EntitiesDeclared,
    SheetTooLarge,
    UnreadableFile,
    WorkbookTooLarge,
)
from connectors.files import workbook_parts
from connectors.files.table_form import Expected
from connectors.files.workbook import read_workbook
from tests.conftest import Cli
from tests.worlds.files_folder import PLANNED, build

SHEET = "xl/worksheets/sheet1.xml"
FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
EXPECTED = Expected(columns=frozenset({"id", "name"}))
Change = Callable[[bytes], bytes]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.xlsx"
    made = xlsxwriter.Workbook(str(path))
    sheet = made.add_worksheet()
    sheet.write_row(0, 0, ["id", "name"])
    sheet.write_row(1, 0, ["A1", "青葉商事"])
    made.close()
    return path


def change(path: Path, edit: Change, part: str = SHEET) -> None:
    """Write a workbook again, with one part edited."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts[part] = edit(parts.get(part, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            new.writestr(name, content)


def behind(more: bytes) -> Change:
    """Add rows behind the last one."""
    return lambda text: text.replace(b"</sheetData>", more + b"</sheetData>")


def read(path: Path) -> list[list[str]]:
    return [cells for _, cells in read_workbook(path, EXPECTED).rows]


FAR_CELLS = {
    "at the last place": behind(FAR),
    "beyond the last row": behind(FAR.replace(b"1048576", b"99999999999")),
    "beyond the last column": behind(FAR.replace(b"XFD", b"ZZZZ")),
    "in small letters": behind(FAR.replace(b"XFD", b"xfd")),
    "with its place last": behind(FAR.replace(b"<c ", b'<c s=">" ')),
    "with a name space": lambda text: re.sub(
        rb"<(/?)(?=\w)", rb"<\1x:", behind(FAR)(text)
    ),
    "behind one without a place": behind(
        b'<row r="1048576"><c r="XFC1048576"/><c><v>1</v></c></row>'
    ),
    "beside many small ones": behind(
        b"".join(b'<row r="%d"/>' % n for n in range(3, 90_000)) + FAR
    ),
}


@pytest.mark.parametrize("edit", FAR_CELLS.values(), ids=FAR_CELLS)
def test_a_cell_far_away_is_named_before_room_is_made_for_all_between(
    book: Path, edit: Change
) -> None:
    change(book, edit)
    with pytest.raises(SheetTooLarge) as caught:
        read(book)
    assert caught.value.exit_code == 2
    assert caught.value.params["file"] == "accounts.xlsx"
    assert caught.value.params["sheet"] == SHEET


@pytest.mark.parametrize(
    "edit",
    [
        behind(b'<row r="1048576"><c r="XFD1048576" s="0"/></row>'),
        behind(b'<row r="1048576"><c r="XFD1048576" s="0"></c></row>'),
        lambda text: re.sub(rb'ref="A1:B2"', b'ref="A1:XFD1048576"', text),
        lambda text: re.sub(rb'<dimension ref="A1:B2"/>', b"", text),
    ],
    ids=["a far colour", "a far border", "a claim", "no claim"],
)
def test_what_holds_nothing_and_what_is_only_claimed_takes_no_room(
    book: Path, edit: Change
) -> None:
    change(book, edit)
    assert read(book) == [["A1", "青葉商事"]]


def test_two_sheets_share_the_room(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = xlsxwriter.Workbook(str(book))
    for _ in range(2):
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["id", "name"])
        sheet.write(99, 1, "x")
    made.close()
    monkeypatch.setattr(workbook_parts, "MOST_CELLS", 399)
    with pytest.raises(SheetTooLarge):
        read(book)
    monkeypatch.setattr(workbook_parts, "MOST_CELLS", 400)
    assert len(read(book)) == 1


def test_a_bomb_is_not_unpacked(book: Path) -> None:
    change(book, lambda _: b"<x/>" * (16 << 20), "xl/media/more.xml")
    with pytest.raises(WorkbookTooLarge):
        read(book)


def test_what_a_part_really_unpacks_to_counts_and_not_its_claim(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(book, lambda _: b"x" * 3_000_000, "xl/media/more.bin")
    content = book.read_bytes()
    claim = (3_000_000).to_bytes(4, "little")
    book.write_bytes(content.replace(claim, (30).to_bytes(4, "little")))
    monkeypatch.setattr(workbook_parts, "LARGEST", 2_000_000)
    with pytest.raises(WorkbookTooLarge):
        read(book)


@pytest.mark.parametrize("count", [10_001, 65_535])
def test_a_list_of_too_many_parts_is_not_read(book: Path, count: int) -> None:
    content = bytearray(book.read_bytes())
    at = content.rfind(b"PK\x05\x06")
    content[at + 10 : at + 12] = count.to_bytes(2, "little")
    book.write_bytes(content)
    with pytest.raises(WorkbookTooLarge):
        read(book)


@pytest.mark.parametrize("part", [SHEET, "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_entities_are_refused(book: Path, part: str) -> None:
    laughs = b'<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'
    change(book, lambda text: text.replace(b"?>", b"?>" + laughs, 1), part)
    with pytest.raises(EntitiesDeclared) as caught:
        read(book)
    assert caught.value.params["part"] == part


def test_a_cell_without_end_is_refused(book: Path) -> None:
    text = bytes(range(97, 123)) * 200_000
    change(book, behind(b'<row r="3"><c r="A3" t="str"><v>%s</v></c></row>' % text))
    with pytest.raises(CellTooLong) as caught:
        read(book)
    assert caught.value.params["line"] == 3


def test_links_to_other_files_are_not_followed(book: Path) -> None:
    made = xlsxwriter.Workbook(str(book))
    sheet = made.add_worksheet()
    sheet.write_row(0, 0, ["id", "name"])
    sheet.write_formula(1, 0, "='[http://evil.example/x.xlsx]S'!A1", value="A1")
    sheet.write_url(1, 1, "http://evil.example/", string="x")
    made.close()
    change(
        book,
        lambda text: text.replace(
            b"</Relationships>",
            b'<Relationship Id="rId99" Type="externalLink" TargetMode="External"'
            b' Target="file:///etc/passwd"/></Relationships>',
        ),
        "xl/_rels/workbook.xml.rels",
    )
    assert read(book) == [["A1", "x"]]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK",
        b"id,name\r\n",
        bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
        b"PK\x05\x06" + bytes(18),
    ],
    ids=["empty", "two letters", "a CSV", "an old workbook", "no parts"],
)
def test_what_is_no_workbook_is_told(book: Path, content: bytes) -> None:
    book.write_bytes(content)
    with pytest.raises(UnreadableFile):
        read(book)


def test_a_sync_of_such_a_workbook_ends_with_exit_2_and_the_mirror_stays(
    tmp_path: Path, cli: Cli, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build(tmp_path / "work")
    monkeypatch.chdir(folder)
    before = {p: p.read_bytes() for p in folder.glob(".handover/**/*.parquet")}
    change(book, behind(FAR))
    (folder / "export" / "accounts.csv").unlink()
    (folder / "export" / "accounts.xlsx").write_bytes(book.read_bytes())
    ended = cli("sync", "--json", "--as-of", PLANNED)
    assert (ended.code, ended.json["error"]["code"]) == (2, "sheet_too_large")
    assert "1048576" in ended.json["error"]["message"]
    assert {p: p.read_bytes() for p in folder.glob(".handover/**/*.parquet")} == before
