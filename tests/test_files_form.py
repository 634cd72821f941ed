"""The form of a file is found, and what was found out is said."""

from dataclasses import replace
from pathlib import Path

import pytest
import xlsxwriter

from connectors.base import Page, Pull, Row, SetField
from connectors.errors import DuplicateColumn, WrongEncoding
from connectors.files import FilesCRM
from connectors.files.table_form import Expected

COLUMNS = frozenset({"id", "name", "owner_id", "employees"})


EXPECTED = Expected(columns=COLUMNS)


def reading(folder: Path, expected: Expected = EXPECTED) -> FilesCRM:
    return FilesCRM(folder, expected={"accounts.*": expected})


def pages(
    folder: Path, content: bytes | str, expected: Expected = EXPECTED
) -> list[Page]:
    if isinstance(content, str):
        content = content.encode()
    (folder / "accounts.csv").write_bytes(content)
    request = Pull(object="accounts.*", fields=())
    return list(reading(folder, expected).pull(request))


def rows(found: list[Page]) -> list[Row]:
    return [row for page in found for row in page.rows]


def notes(found: list[Page]) -> dict[str, dict[str, object]]:
    return {note.code: dict(note.params) for page in found for note in page.notes}


# Encodings.


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("id,name\n1,Crédito Aoba\n2,Lérin Kita\n", "cp1252"),
        ("id,name\n1,Müller & Söhne\n2,Café Noir\n", "cp1252"),
        ('id,name\n1,Peña\n2,"Nº 7, São"\n', "cp1252"),
        ("id,name\n1,株式会社青葉\n", "cp932"),
        ("id,name\n1,ABC商事\n2,NTT東日本\n3,田中\n", "cp932"),
        ("id,name\n1,ﾃｽﾄ ｶﾌﾞｼｷｶﾞｲｼｬ\n", "cp932"),
        ("id,name\n1,A社\n2,髙橋\n", "cp932"),
        ("id,name\n1,Aoba 支店\n", "cp932"),
    ],
)
def test_shift_jis_and_western_european_are_told_apart_by_what_they_read_as(
    tmp_path: Path, text: str, codec: str
) -> None:
    found = pages(tmp_path, text.encode(codec))
    names = [line.split(",", 1)[1].strip('"') for line in text.splitlines()[1:]]
    assert [row["name"] for row in rows(found)] == names
    said = notes(found)[f"read_as_{codec}"]
    assert said["file"] == "accounts.csv"
    assert str(said["sample"]) in "\n".join(names)


def test_the_encoding_of_the_mapping_is_taken_without_a_word(tmp_path: Path) -> None:
    content = "id,name\n1,Crédito Aoba\n".encode("cp1252")
    found = pages(tmp_path, content, replace(EXPECTED, encoding="cp1252"))
    assert rows(found)[0]["name"] == "Crédito Aoba"
    assert not notes(found)


def test_an_encoding_that_does_not_fit_is_an_error_that_names_it(
    tmp_path: Path,
) -> None:
    content = "id,name\n1,Crédito Aoba\n".encode("cp1252")
    with pytest.raises(WrongEncoding) as caught:
        pages(tmp_path, content, replace(EXPECTED, encoding="utf-8"))
    assert (caught.value.exit_code, caught.value.params["encoding"]) == (2, "utf-8")


# Separators.


@pytest.mark.parametrize(
    "text",
    [
        "id;name;owner_id\n1;A, Inc.;u1\n",
        "id\tname\towner_id\n1\tA, Inc.\tu1\n",
        "sep=;\nid;name;owner_id\n1;A, Inc.;u1\n",
        "\ufeffsep=|\r\nid|name|owner_id\r\n1|A, Inc.|u1\r\n",
        'id,name,owner_id\n1,"A, Inc.",u1\n',
    ],
)
def test_cells_are_separated_as_the_header_is(tmp_path: Path, text: str) -> None:
    found = pages(tmp_path, text)
    assert rows(found) == [{"id": "1", "name": "A, Inc.", "owner_id": "u1"}]


def test_ids_that_are_guarded_against_spreadsheets_are_read_plainly(
    tmp_path: Path,
) -> None:
    found = pages(tmp_path, 'id,name,owner_id\n="0012",A,"=""u1"""\n')
    assert rows(found) == [{"id": "0012", "name": "A", "owner_id": "u1"}]
    assert reading(tmp_path).read("accounts.*", ["0012"], []).keys() == {"0012"}


# Header and foot.

REPORT = """\
Accounts by owner

As of 2026-03-05
owner_id,id,name,employees
u1,A1,Aoba,20
,A2,Kita,30
Subtotal,,,50
u2,A3,Total Energy,1
Total,,,51

Sales Accounts
Copyright (c) 2000-2026 CRM vendor
Confidential
"""


def test_titles_totals_and_small_print_are_no_records_and_are_named(
    tmp_path: Path,
) -> None:
    found = pages(tmp_path, REPORT)
    assert [row["id"] for row in rows(found)] == ["A1", "A2", "A3"]
    said = notes(found)
    assert said["header_found"] == {"file": "accounts.csv", "line": 4}
    assert said["rows_left_out"]["count"] == 5
    assert "7: Subtotal" in str(said["rows_left_out"]["rows"])
    assert said["group_left_blank"] == {
        "file": "accounts.csv",
        "column": "owner_id",
        "count": 1,
    }


@pytest.mark.parametrize(
    "text",
    [
        "id,name\nA1,Aoba\nA2\n",
        "id,name\nA1,Aoba\n\nA2\n",
        "id,name\nA1,Total\nA2,合計\n",
        "name,id\nTotal,17\nAoba,A2\n",
        "id,name\nA1,Confidential Ltd.\nB B,\n",
        "id\nA1\nTotal\n",
    ],
)
def test_a_record_is_never_taken_for_a_total_or_small_print(
    tmp_path: Path, text: str
) -> None:
    found = pages(tmp_path, text)
    kept = 1 if text.startswith("id\n") else 2
    assert len(rows(found)) == kept


def test_the_row_of_the_header_may_be_given(tmp_path: Path) -> None:
    text = "id,name,owner_id\nnames of columns,,\nid,name,x\n1,A,u1\n"
    found = pages(tmp_path, text, replace(EXPECTED, header_row=3))
    assert rows(found) == [{"id": "1", "name": "A", "x": "u1"}]


def test_a_column_that_stands_twice_is_a_fault_only_where_it_is_read(
    tmp_path: Path,
) -> None:
    found = pages(tmp_path, "id,name,note,note\n1,A,x,y\n")
    assert rows(found)[0]["name"] == "A"
    with pytest.raises(DuplicateColumn):
        pages(tmp_path, "id,name,name\n1,A,B\n")


# Writing keeps every other byte, whatever the form.


@pytest.mark.parametrize(
    ("text", "codec", "old", "new"),
    [
        ("sep=;\r\nid;name;owner_id\r\n1;A, Inc.;u1\r\n", "utf-8", ";u1", ";u2"),
        (REPORT, "utf-8", "u1,A1,", "u2,A1,"),
        ('id,owner_id\n="A1",="u1"\n', "utf-8", '="u1"', '="u2"'),
        ('id,owner_id\n"=""A1""","=""u1"""\n', "utf-8", '"u1"', '"u2"'),
        ("id,name,owner_id\nA1,Crédito Müller,u1\n", "cp1252", "u1", "u2"),
        ("id,name,owner_id\r\nA1,青葉,u1\r\n", "utf-16", "u1", "u2"),
        ("id\tname\towner_id\nA1\t青葉\tu1\n", "utf-16-be", "u1", "u2"),
    ],
)
def test_only_the_owner_changes(
    tmp_path: Path, text: str, codec: str, old: str, new: str
) -> None:
    mark = b"\xfe\xff" if codec == "utf-16-be" else b""
    (tmp_path / "accounts.csv").write_bytes(mark + text.encode(codec))
    key = "1" if text.startswith("sep") else "A1"
    change = SetField(
        object="accounts.csv", id=key, field="owner_id", before="u1", after="u2"
    )
    (outcome,) = reading(tmp_path).write([change])
    assert outcome.state == "done"
    content = (tmp_path / "accounts.csv").read_bytes()
    assert content == mark + text.replace(old, new, 1).encode(codec)


def test_a_record_is_found_and_written_by_its_joined_columns(tmp_path: Path) -> None:
    text = "topic,created,owner\nDeal,2026-01-01,u1\nDeal,,u1\n"
    (tmp_path / "opps.csv").write_text(text)
    expected = Expected(id_columns=("topic", "created"), join="/")
    crm = FilesCRM(tmp_path, expected={"opps.csv": expected})
    key = "Deal/2026-01-01"
    assert crm.read("opps.csv", [key, "Deal"], ["owner"]).keys() == {key, "Deal"}
    change = SetField(object="opps.csv", id=key, field="owner", before="u1", after="u2")
    assert [outcome.state for outcome in crm.write([change])] == ["done"]
    assert (tmp_path / "opps.csv").read_text() == text.replace("01,u1", "01,u2")


# Workbooks.


def test_a_workbook_is_read_from_the_visible_sheet_that_holds_the_header(
    tmp_path: Path,
) -> None:
    book = xlsxwriter.Workbook(tmp_path / "accounts.xlsx")
    book.add_worksheet("About").write(0, 0, "Accounts by owner")
    hidden = book.add_worksheet("Old")
    hidden.write_row(0, 0, ["id", "name", "owner_id", "employees"])
    hidden.hide()
    sheet = book.add_worksheet("Data")
    sheet.write_row(2, 1, ["id", "name", "owner_id"])
    sheet.write_number(3, 1, 1234567890123456789)
    sheet.write_row(3, 2, ["Aoba", "u1"])
    sheet.write_row(4, 1, ["A2", "Kita"])
    sheet.write_formula(4, 3, '=VLOOKUP("x",A1:B2,2,0)', None, "#N/A")
    book.close()
    found = list(reading(tmp_path).pull(Pull(object="accounts.*", fields=())))
    assert rows(found) == [
        {"id": "1.234567890123457E+18", "name": "Aoba", "owner_id": "u1"},
        {"id": "A2", "name": "Kita", "owner_id": "#N/A"},
    ]
