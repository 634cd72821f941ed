import csv
import datetime as dt
import io
import re
import zipfile
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import UndefinedError
from rich.console import Console

from handover import safe_text
from handover.i18n import words_for
from handover.paper import dates, pages, svg
from handover.paper.table import Table
from tests.conftest import Cli

MARKUP = "<script>alert(1)</script>\x1b[31m</p>"
FORMULAS = [
    "=1+1",
    "+SUM(A1)",
    "-2+3",
    "@SUM(1)",
    "＝1+1",
    "＋1+1",
    "－1+1",
    "＠SUM",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "\u3000=1",
    "\ufeff=1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://example.com")',
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_cell_that_could_be_a_formula_is_marked_as_text(formula: str) -> None:
    assert safe_text.cell(formula)[0] == safe_text.MARK


@pytest.mark.parametrize("text", ["5", "1,200.50", "株式会社 東雲", "a=b", "03-1234"])
def test_a_harmless_cell_stays_as_it_is(text: str) -> None:
    assert safe_text.cell(text) == text


@given(st.text() | st.sampled_from(FORMULAS))
def test_the_mark_comes_off_again_without_a_trace(text: str) -> None:
    assert safe_text.plain_cell(safe_text.cell(text)) == text


def test_a_terminal_gets_nothing_to_obey() -> None:
    said = safe_text.plain("a\x1b[31mred\x07\u202e\r\nb\x9b2J")
    assert said == "a[31mred  b2J"


def test_days_carry_their_weekday_in_both_languages() -> None:
    date = dt.date(2026, 4, 1)
    assert dates.day(date, "ja") == "2026年4月1日(水)"
    assert dates.day(date, "en") == "Wed, 1 April 2026"
    assert dates.day(None, "ja") == ""


def test_money_is_said_with_a_character_that_any_console_has() -> None:
    assert dates.money(Decimal(1200000), "JPY", "ja") == "1,200,000円"
    assert dates.money(1200, "USD", "en") == "1,200 USD"
    assert dates.money(None, "JPY", "ja") == "-"


PICTURES = [
    svg.bars("<S&P>", [svg.Bar(label="a<b", share=40), svg.Bar(label="c", share=None)]),
    svg.grid("<S&P>", ["x&y"], [("a<b", [90, None])]),
    svg.line("<S&P>", [("1<2", 10.0), ("b", None), ("c&d", 100.0)]),
]


@pytest.mark.parametrize("picture", PICTURES, ids=["bars", "grid", "line"])
def test_a_picture_is_xml_with_its_numbers_as_text(picture: str) -> None:
    root = ET.fromstring(picture)  # noqa: S314 - our own text
    space = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{space}title") == root.get("aria-label") == "<S&P>"
    texts = [element.text for element in root.iter(f"{space}text")]
    assert any(text and text.isdigit() for text in texts)


def test_a_line_without_a_known_point_is_no_picture() -> None:
    assert svg.line("empty", [("a", None)]) == ""


def template(folder: Path, body: str) -> Path:
    path = folder / "t.html"
    text = f'{{% extends "skeleton.html" %}}{{% block body %}}{body}{{% endblock %}}'
    path.write_text(text, encoding="utf-8")
    return path


def test_a_page_escapes_what_it_is_given(tmp_path: Path) -> None:
    html = pages.page(
        template(tmp_path, "<p>{{ name }}</p>"),
        words_for("en"),
        name="<script>alert(1)</script>",
    )
    assert "<p>&lt;script&gt;" in html
    assert "<script" not in html


def test_a_page_loads_nothing_and_prints(tmp_path: Path) -> None:
    html = pages.page(template(tmp_path, "x"), words_for("ja"))
    assert '<html lang="ja">' in html
    assert "default-src 'none'" in html
    assert "@media print" in html
    assert "http" not in html.replace("http-equiv", "")
    assert "url(" not in html
    assert "@import" not in html


def test_a_page_with_a_forgotten_value_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UndefinedError):
        pages.page(template(tmp_path, "{{ nobody }}"), words_for("en"))


@pytest.fixture
def hostile(cli: Cli, folder: Path) -> Cli:
    """Audit a company whose customers are named like formulas and markup."""
    names = [*FORMULAS, MARKUP]
    tables: dict[str, list[tuple[str, ...]]] = {
        "users": [("id", "name"), ("U1", "=1+1"), ("U2", "Mori")],
        "accounts": [
            ("id", "name", "owner_id"),
            *((f"A{n}", name, "U1") for n, name in enumerate(names)),
        ],
    }
    for table, rows in tables.items():
        path = folder / "export" / f"{table}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    assert cli("sync").code == 0
    return cli


def unread(text: str) -> bool:
    """Return whether a spreadsheet takes the text as it stands."""
    return not text.lstrip("\ufeff\u3000 \t\r\n").startswith(tuple("=+-@＝＋－＠"))


def test_a_csv_of_the_audit_computes_nothing(hostile: Cli) -> None:
    text = hostile("audit", "--format", "csv").out.removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) > len(FORMULAS)
    assert [cell for row in rows for cell in row if not unread(cell)] == []
    assert safe_text.cell("=cmd|' /C calc'!A0") in {
        cell for row in rows for cell in row
    }


def test_a_workbook_of_the_audit_computes_nothing(hostile: Cli, folder: Path) -> None:
    assert hostile("audit", "-o", "audit.xlsx").code == 0
    with zipfile.ZipFile(folder / "audit.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = ET.fromstring(book.read("xl/sharedStrings.xml"))  # noqa: S314 - ours
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet.lower()
    cells = ["".join(cell.itertext()) for cell in texts]
    assert safe_text.cell("@SUM(1)") in cells
    assert [cell for cell in cells if not unread(cell)] == []


def test_a_page_of_the_audit_runs_and_loads_nothing(hostile: Cli) -> None:
    html = hostile("audit", "--format", "html").out
    assert "&lt;script&gt;" in html
    assert not re.search(r"<script|<iframe|<object|\son\w+=", html)
    assert re.findall(r"""(?:src|href|action)\s*=\s*["'][^#]""", html) == []
    assert re.findall(r"url\(|@import", html) == []


def test_a_terminal_is_not_told_what_to_do_by_a_name(hostile: Cli) -> None:
    assert "\x1b" not in hostile("audit").out
    assert "\x1b" not in hostile("show", f"A{len(FORMULAS)}").out


def test_a_table_in_a_narrow_window_cuts_nothing_off() -> None:
    text = (
        "組織のトリガー・フロー・入力規則が動き、メールの送信やレコードの拒否があります"
    )
    table = Table("効果", box=None)
    table.add_row(text)
    console = Console(width=20, file=io.StringIO(), record=True)
    console.print(table)
    assert text in console.export_text().replace("\n", "").replace(" ", "")
