"""A folder of files read as a CRM: text as it stands, errors with file and line."""

import datetime as dt
import os
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from connectors.base import Capability, Page, Pull, SetField
from connectors.errors import (
    CellTooLong,
    ConnectorError,
    DuplicateColumn,
    FileChanged,
    FolderEmpty,
    FolderMissing,
    NulByte,
    OutsideFolder,
    ReadOnlySource,
    ResumeExpired,
    UnknownConnector,
    UnknownEncoding,
    UnknownObject,
    UnreadableFile,
    UnreadableQuoting,
)
from connectors.files import FilesCRM
from connectors.files.table_form import Expected
from connectors.registry import connect, kinds


def folder(tmp_path: Path, **files: str | bytes) -> FilesCRM:
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (tmp_path / f"{name}.csv").write_bytes(data)
    return FilesCRM(tmp_path)


def pages(
    crm: FilesCRM, pattern: str = "accounts.*", resume: str | None = None
) -> list[Page]:
    return list(crm.pull(Pull(object=pattern, fields=("id",), resume=resume)))


def rows(crm: FilesCRM, pattern: str = "accounts.*") -> list[dict[Any, object]]:
    return [dict(row) for page in pages(crm, pattern) for row in page.rows]


def numbers(crm: FilesCRM) -> list[int]:
    return [n for page in pages(crm) for n in page.numbers or ()]


def test_cells_are_text_as_it_stands(tmp_path: Path) -> None:
    crm = folder(tmp_path, accounts='id,name,phone\r\n007," N/A ",０３-1\r\n')
    assert rows(crm) == [{"id": "007", "name": " N/A ", "phone": "０３-1"}]


def test_too_few_cells_are_empty_and_too_many_are_kept_apart(tmp_path: Path) -> None:
    crm = folder(tmp_path, accounts="id,name,city\n1\n2,B,C,D,E\n")
    assert rows(crm) == [
        {"id": "1", "name": "", "city": ""},
        {"id": "2", "name": "B", "city": "C", None: ["D", "E"]},
    ]


def test_numbers_are_the_lines_on_which_rows_begin(tmp_path: Path) -> None:
    crm = folder(tmp_path, accounts='id,name\n1,"a\nb\nc"\n\n2,d\n')
    assert numbers(crm) == [2, 6]


def test_the_header_is_named_without_blanks_and_nameless_columns_are_no_fields(
    tmp_path: Path,
) -> None:
    crm = folder(tmp_path, accounts="id, name ,,\n1,A,,\n")
    assert set(crm.describe("accounts.*").fields) == {"id", "name"}
    assert rows(crm)[0]["name"] == "A"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf8_is_read_with_and_without_a_mark(tmp_path: Path, encoding: str) -> None:
    crm = folder(tmp_path, accounts="id,name\n1,髙橋商店\n".encode(encoding))
    assert rows(crm) == [{"id": "1", "name": "髙橋商店"}]
    assert pages(crm)[0].notes == ()


def test_shift_jis_is_read_and_said(tmp_path: Path) -> None:
    crm = folder(tmp_path, accounts="id,name\n1,髙橋表①\n".encode("cp932"))
    (page,) = pages(crm)
    assert page.rows == [{"id": "1", "name": "髙橋表①"}]
    assert [(n.code, n.params["file"]) for n in page.notes] == [
        ("read_as_cp932", "accounts.csv")
    ]


@pytest.mark.parametrize(
    ("content", "error", "line"),
    [
        ("id,name\n1,A\n2,\0\n", NulByte, 3),
        ("id,name\n1,社\n".encode() + "2,社\n".encode("cp932"), UnknownEncoding, 3),
        (b"\xef\xbb\xbfid,name\n1,\x8e\xd0\n", UnknownEncoding, 2),
        (b"id,name\n1,A\n\n2,\xff\n", UnknownEncoding, 4),
        ("id,name\n1,東京商会の田中\n".encode("euc_jp"), UnknownEncoding, 2),
        ("id,name\n1,A\n".encode("utf-16-le"), NulByte, 1),
        ('id,name\n1,A\n2,"B\n3,C\n', UnreadableQuoting, 3),
        ('id,name\n1,"A"B\n', UnreadableQuoting, 2),
        ("id,name,id\n1,A,2\n", DuplicateColumn, 1),
        ('id,name\n1,"' + "x" * (17 << 20) + '"\n', CellTooLong, 2),
        ("id,name\n1," + "x" * (66 << 20), CellTooLong, 2),
    ],
    ids=lambda value: getattr(value, "code", None) or type(value).__name__,
)
def test_what_is_no_csv_is_an_error_with_file_and_line(
    tmp_path: Path, content: str | bytes, error: type[ConnectorError], line: int
) -> None:
    crm = folder(tmp_path, accounts=content)
    with pytest.raises(error) as caught:
        rows(crm)
    assert caught.value.exit_code == 2
    assert caught.value.params["file"] == "accounts.csv"
    assert caught.value.params["line"] == line


def test_a_cell_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    crm = folder(tmp_path, accounts='id,name\n1,"' + "長" * (10 << 20) + '"\n2,B\n')
    assert [len(str(row["name"])) for row in rows(crm)] == [10 << 20, 1]


def test_pages_of_long_texts_end_early(tmp_path: Path) -> None:
    line = "1," + "x" * (1 << 20) + "\n"
    crm = folder(tmp_path, accounts="id,name\n" + line * 40)
    assert [len(page.rows) for page in pages(crm)] == [16, 16, 8]


def test_an_empty_file_has_no_columns_and_no_rows(tmp_path: Path) -> None:
    crm = folder(tmp_path, accounts="")
    assert crm.describe("accounts.*").fields == {}
    assert rows(crm) == []


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FolderMissing) as caught:
        FilesCRM(tmp_path / "nowhere").objects("*")
    assert caught.value.exit_code == 2


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "memo.doc").write_text("no table")
    with pytest.raises(FolderEmpty) as caught:
        FilesCRM(tmp_path).objects("*")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (("calls_2026-03-05", "calls_2026-03-04"), "calls_2026-03-05"),
        (("CALLS_20260305", "calls_20251231"), "CALLS_20260305"),
        (("calls_2026-03-05_0900", "calls_2026-03-05_1730"), "calls_2026-03-05_1730"),
        (("calls_2026年03月05日", "calls_2026年02月28日"), "calls_2026年03月05日"),
        (("calls_2026-03", "calls_2026-02"), "calls_2026-03"),
        (("calls_2025", "CALLS_2026"), "CALLS_2026"),
    ],
)
def test_of_several_exports_the_newest_by_the_date_in_its_name_is_read(
    tmp_path: Path, names: tuple[str, str], chosen: str
) -> None:
    crm = folder(tmp_path, **dict.fromkeys(names, "id\n1\n"))
    (other,) = set(names) - {chosen}
    assert crm.objects("calls_*.csv") == (f"{chosen}.csv",)
    (page,) = pages(crm, "calls_*.csv")
    assert [(n.code, n.params) for n in page.notes] == [
        ("newest_file", {"file": f"{chosen}.csv", "others": f"{other}.csv"})
    ]


def test_without_dates_the_plain_name_is_read_and_else_the_newest(
    tmp_path: Path,
) -> None:
    folder(tmp_path, **{"accounts.old": "id\n1\n", "accounts": "id\n2\n"})
    os.utime(tmp_path / "accounts.csv", (1, 1))
    assert FilesCRM(tmp_path).objects("accounts.*") == ("accounts.csv",)
    folder(tmp_path, export_b="id\n1\n", export_a="id\n2\n")
    os.utime(tmp_path / "export_b.csv", (1, 1))
    assert FilesCRM(tmp_path).objects("export_*") == ("export_a.csv",)


def test_files_that_nothing_reads_are_named(tmp_path: Path) -> None:
    folder(tmp_path, **{"accounts": "id\n1\n", "accounts (1)": "id\n2\n"})
    (tmp_path / "users.xls").write_bytes(b"old")
    crm = FilesCRM(tmp_path, expected={"accounts.*": Expected()})
    assert crm.unread() == ["accounts (1).csv", "users.xls"]
    (page,) = pages(crm)
    assert [note.code for note in page.notes] == ["files_not_read"]


def test_a_composed_and_a_decomposed_name_are_one(tmp_path: Path) -> None:
    (tmp_path / "ガス会社.csv").write_text("id\n1\n")
    assert len(FilesCRM(tmp_path).objects("ガス会社.*")) == 1


def test_no_file_matches_without_error_but_cannot_be_described(tmp_path: Path) -> None:
    crm = folder(tmp_path, accounts="id\n1\n")
    assert crm.objects("orders.*") == ()
    with pytest.raises(UnknownObject) as caught:
        crm.describe("orders.*")
    assert caught.value.params["known"] == "accounts.csv"


@pytest.mark.parametrize(
    "pattern", ["../accounts.csv", "/etc/passwd", "a/../b.csv", "..", "..\\x.csv", ""]
)
def test_a_pattern_that_leads_elsewhere_is_refused(
    tmp_path: Path, pattern: str
) -> None:
    crm = folder(tmp_path, accounts="id\n1\n")
    with pytest.raises(OutsideFolder):
        crm.objects(pattern)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("id\n1\n")
    export = tmp_path / "export"
    export.mkdir()
    (export / "accounts.csv").symlink_to(secret)
    with pytest.raises(OutsideFolder):
        FilesCRM(export).objects("accounts.*")


def test_hidden_files_and_excel_owner_files_are_no_tables(tmp_path: Path) -> None:
    crm = folder(tmp_path, accounts="id\n1\n")
    for name in ("~$accounts.xlsx", ".accounts.csv", "accounts.csv.bak"):
        (tmp_path / name).write_bytes(b"\0")
    assert crm.objects("*") == ("accounts.csv",)


def test_a_page_is_resumed_behind_its_last_line(tmp_path: Path) -> None:
    folder(tmp_path, a_1='id\n"1\n1"\n2\n3\n4\n5\n')
    crm = FilesCRM(tmp_path, page_rows=2)
    whole = pages(crm, "a_*")
    assert [len(page.rows) for page in whole] == [2, 2, 1]
    for at, page in enumerate(whole[:-1], 1):
        rest = pages(crm, "a_*", page.cursor)
        assert [p.rows for p in rest] == [p.rows for p in whole[at:]]


def test_a_changed_file_cannot_be_resumed(tmp_path: Path) -> None:
    folder(tmp_path, accounts="id\n1\n2\n")
    crm = FilesCRM(tmp_path, page_rows=1)
    cursor = pages(crm)[0].cursor
    folder(tmp_path, accounts="id\n1\n2\n3\n")
    with pytest.raises(ResumeExpired) as caught:
        pages(crm, resume=cursor)
    assert caught.value.exit_code == 7


def test_a_file_that_is_written_to_while_we_read_is_not_believed(
    tmp_path: Path,
) -> None:
    folder(tmp_path, accounts="id\n1\n2\n3\n")
    reading = FilesCRM(tmp_path, page_rows=1).pull(
        Pull(object="accounts.*", fields=("id",))
    )
    next(reading)
    folder(tmp_path, accounts="id\n1\n2\n3\n4\n")
    with pytest.raises(FileChanged):
        list(reading)


def test_the_first_row_of_an_id_counts(tmp_path: Path) -> None:
    crm = folder(tmp_path, accounts="id,name\n1,A,surplus\n1,B\n 1 ,C\n")
    assert crm.read("accounts.*", ["1"], ["name"])["1"]["name"] == "A"


def test_the_id_column_is_what_the_mapping_says(tmp_path: Path) -> None:
    folder(tmp_path, Kunden="name,kdnr\nA,k1\n,\n", accounts="id,name\n1,B\n")
    crm = FilesCRM(tmp_path, expected={"kunden.*": Expected(id_columns=("kdnr",))})
    found = crm.read("kunden.csv", ["k1"], ["name"])
    assert found == {"k1": {"name": "A", "kdnr": "k1"}}
    (page,) = crm.identifiers("kunden.*")
    assert page.rows == [{"id": "k1"}]


def test_opened_files_are_counted(tmp_path: Path) -> None:
    crm = folder(tmp_path, accounts="id\n1\n", users="id\nu\n")
    pages(crm)
    crm.describe("users.*")
    assert crm.calls == 2


def test_the_folder_is_its_own_org(tmp_path: Path) -> None:
    export = tmp_path / "export"
    export.mkdir()
    identity = FilesCRM(export).identify()
    assert identity.org_id == "files:export"
    assert identity.org_name == "export"
    assert identity.local
    assert not identity.production
    assert identity.user_id is None


def workbook(path: Path) -> None:
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, ["id", "name", "date", "at", "amount", "share", "left"])
    sheet.write_row(1, 0, ["007", "N/A"])
    sheet.write_datetime(1, 2, dt.datetime(2026, 4, 1), day)  # noqa: DTZ001
    sheet.write_datetime(1, 3, dt.datetime(2026, 4, 1, 9, 30), day)  # noqa: DTZ001
    sheet.write_number(1, 4, 1_234_567_890_123)
    sheet.write_number(1, 5, 0.00001)
    sheet.write_boolean(1, 6, True)  # noqa: FBT003
    sheet.write_row(3, 0, ["008", "B", "", "", "", "", "", "surplus"])
    book.close()


def test_a_workbook_is_read_as_text(tmp_path: Path) -> None:
    workbook(tmp_path / "Accounts.XLSX")
    crm = FilesCRM(tmp_path)
    assert numbers(crm) == [2, 4]
    first, second = rows(crm)
    assert first == {
        "id": "007",
        "name": "N/A",
        "date": "2026-04-01",
        "at": "2026-04-01T09:30:00",
        "amount": "1234567890123",
        "share": "0.00001",
        "left": "true",
    }
    assert second[None] == ["surplus"]


def test_a_folder_with_a_workbook_is_only_read(tmp_path: Path) -> None:
    workbook(tmp_path / "accounts.xlsx")
    crm = folder(tmp_path, users="id,name\nu,A\n")
    assert Capability.WRITE not in crm.capabilities
    assert not crm.describe("users.*").fields["name"].writable
    change = SetField(object="users.*", id="u", field="name", before="A", after="B")
    with pytest.raises(ReadOnlySource) as caught:
        crm.write([change])
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("content", [b"no workbook", b"PK\3\4 damaged", b""])
def test_what_is_no_workbook_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "accounts.xlsx").write_bytes(content)
    with pytest.raises(UnreadableFile) as caught:
        rows(FilesCRM(tmp_path))
    assert caught.value.params["file"] == "accounts.xlsx"


def test_a_kind_opens_its_connector(tmp_path: Path) -> None:
    connector = connect("files", {"folder": tmp_path})
    assert connector.name == "files"
    assert {"files", "salesforce", "hubspot"} <= set(kinds())


def test_an_unknown_kind_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownConnector) as caught:
        connect("file", {"folder": tmp_path})
    assert caught.value.params["suggestion"] == "files"
    assert caught.value.exit_code == 2
