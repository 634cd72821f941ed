"""Names that want something of whoever shows them, and how to tell that none got it."""

import csv
import io
import os
import re
import unicodedata
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from itertools import cycle, islice
from xml.etree import ElementTree as ET

from handover.safe_text import plain

TERMINAL = (
    "\x1b[31mred\x1b[0m",
    "\x1b[2J\x1b[H",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x9b2J",
    "\x9d0;title\x9c",
    "\x90q\x9c",
    "\x07bell",
    "ab\b\bcd",
    "over\rwritten",
    "\x7fdeleted",
    "\x0e\x0f",
    "next\x85line",
    "one\u2028two",
    "one\u2029two",
    "\n× Error: everything is lost",
    "\u202egnp.exe",
    "\u2066left\u2069",
    "\u2067right\u2069",
    "\u061cmark",
    "a\u200bb",
    "a\u200db",
    "a\u2060b",
    "\ufeffbegin",
    "so\u00adft",
    "\U000e0041\U000e007f",
    "none\uffff",
    "none\ufdd0",
    "tab\tbed",
)
MARKUP = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><h1>x",
    "</style><h1>x",
    "</svg><h1>x",
    "<!-- ",
    "]]>",
    "&lt;b&gt;",
    "<a href=javascript:alert(1)>x</a>",
    "{{ 7 * 7 }}",
    "{% include 'x' %}",
    "{name}",
    "{0.__class__}",
    "%s %(name)s %n",
    "[bold red]x[/]",
    "[link=http://evil.example]x[/link]",
    "[/nothing]",
    ":smile:",
    "http://evil.example/?a=1",
    "**bold** `code`",
)
FORMULAS = (
    "=1+1",
    "+1+1",
    "-1+1",
    "-5",
    "@SUM(1)",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "x;=1+1",
    "x; =1+1",
    'x;"=1+1',
    "x,=1+1",
    "x\t=1+1",
    "x\n=1+1",
    "x\r\n=1+1",
    "=cmd|' /C calc'!A0",
    '=HYPERLINK("http://evil.example","x")',
    "'=1",
    '"=1',
    '"',
    '";"',
    "\u3000=1",
    "|x",
    "%0A",
)
WORDS = (
    "--yes",
    "$(id)",
    "`id`",
    "; rm -rf x",
    "../../etc/passwd",
    "NULL",
    "__proto__",
    "a" * 300,
    "e" + "\u0301" * 40,
    "株式会社\u3000青葉",
    "𠮷野家\U000e0100",
)
KINDS = (*TERMINAL, *MARKUP, *FORMULAS, *WORDS)
IS_SOAK = "HANDOVER_SOAK" in os.environ
COUNT = 200 if IS_SOAK else len(KINDS)
"""Customers of a company; ``make soak`` shows each kind with others around it, too."""
SAMPLE = KINDS if IS_SOAK else KINDS[::3]


def hostile_names(count: int = COUNT) -> list[str]:
    """Return so many names: each kind alone, then in front of others and behind."""
    forms = ("{}", "{}商事{n}", "名{n} {}", "{n}{}{}")
    every = (form for form in forms for _ in KINDS)
    named = (
        form.replace("{n}", str(n)).replace("{}", text)
        for n, (form, text) in enumerate(zip(every, cycle(KINDS), strict=False))
    )
    return list(islice(named, count))


STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""What we colour with, and nothing else may come through."""


def controls_in(text: str, allowed: str = "\n") -> set[str]:
    """List what a terminal would obey, or show as something else, of a text."""
    return {
        f"{ord(char):04x}"
        for char in text
        if char not in allowed
        and unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    }


def computed_in(content: bytes) -> list[str]:
    """List the cells of a CSV file that a reader of some kind would compute."""
    text = content.decode("utf-8-sig")
    return [
        field
        for separator in (",", ";", "\t")
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        for field in row
        if computes(field)
    ]


def computes(field: str) -> bool:
    """Return whether a spreadsheet would take a field for a formula."""
    start = unicodedata.normalize("NFKC", field.strip('\ufeff\u200b" \t\r\n\u3000'))
    if not start.startswith(("=", "+", "-", "@")):
        return False
    return re.fullmatch(r"-?\d+(\.\d+)?", start) is None


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.attributes: set[str] = set()
        self.links: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes |= {name for name, _ in attrs}
        links = {value or "" for name, value in attrs if name in ("href", "src")}
        self.links |= {link for link in links if not link.startswith("#")}

    def handle_data(self, data: str) -> None:
        self.text += data


OUR_ELEMENTS = (
    " html head meta title style body main header h1 h2 h3 p ul li b span div"
    " section table caption thead tbody tr th td details summary figure figcaption"
    " svg text rect line polyline circle meter br a"
    " "
)
OUR_ATTRIBUTES = (
    " lang charset name content http-equiv class scope style id href role aria-label"
    " aria-hidden viewbox width height xmlns x y x1 y1 x2 y2 cx cy r fill stroke"
    " colspan data-label stroke-width points text-anchor font-size min max value open"
    " "
)


def page_of(content: str) -> _Page:
    """Read a page as a browser does; all that it is made of is ours."""
    page = _Page()
    page.feed(content)
    page.close()
    assert [one for one in page.elements if f" {one} " not in OUR_ELEMENTS] == []
    assert [one for one in page.attributes if f" {one} " not in OUR_ATTRIBUTES] == []
    assert not controls_in(content)
    return page


def squeezed(text: str) -> str:
    """Return a text without what layouts add to it: blanks and line ends."""
    return "".join(text.split())


def shown(name: str) -> str:
    """Return how a name looks wherever it is shown, but for blanks."""
    return squeezed(plain(name))


def cells_of(workbook: bytes) -> Iterator[str]:
    """Yield the texts of a workbook; there are no formulas and links in it."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as book:
        for name in book.namelist():
            content = book.read(name)
            root = ET.fromstring(content)  # noqa: S314 - we wrote it
            tags = {element.tag.rpartition("}")[2] for element in root.iter()}
            assert not tags & {"f", "hyperlink", "externalReference"}
            if name == "xl/sharedStrings.xml":
                for item in root:
                    yield "".join(item.itertext())
