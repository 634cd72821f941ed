"""Whatever customers and people are called, what we show of it does nothing."""

import csv
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handover import safe_text
from handover.commands.forms import as_json
from handover.i18n import words_for
from tests.conftest import FILES, Cli, Ended
from tests.worlds.files_folder import PLANNED
from tests.worlds.hostile import (
    COUNT,
    FORMULAS,
    SAMPLE,
    STYLE,
    TERMINAL,
    cells_of,
    computed_in,
    computes,
    controls_in,
    hostile_names,
    page_of,
    shown,
    squeezed,
)

ROOT = Path(__file__).resolve().parents[1]
NAMES = hostile_names()
PEOPLE = "user,manager,region\nP,M,\x1b[2J=1\nS,M,x;=1\n"
LATER = "2027-03-15"


# The piece itself


@given(st.text())
def test_a_plain_text_is_one_line_that_can_be_seen(text: str) -> None:
    found = safe_text.plain(text)
    assert not controls_in(found, allowed="")
    assert safe_text.plain(found) == found


def test_all_that_looks_like_the_begin_of_a_formula_is_known() -> None:
    signs = (chr(code) for code in range(0x80, 0x110000))
    wide = [s for s in signs if unicodedata.normalize("NFKC", s)[:1] in set("=+-@|%")]
    assert [s for s in wide if safe_text.cell(f"{s}1") == f"{s}1"] == []


TRICKY = st.text(st.sampled_from("=+-@＝';,\t\r\n\" \u3000ax1\u2028\x85"))


@given(st.lists(st.lists(TRICKY, min_size=3, max_size=3), min_size=1, max_size=3))
def test_no_reader_of_a_table_computes_and_the_marks_come_off(
    rows: list[list[str]],
) -> None:
    marked = [[safe_text.cell(text) for text in row] for row in rows]
    assert [[safe_text.plain_cell(text) for text in row] for row in marked] == rows
    lines = "".join(f"{_line(row)}\r\n" for row in marked)
    assert computed_in(lines.encode()) == []


def _line(row: list[str]) -> str:
    return ",".join('"' + text.replace('"', '""') + '"' for text in row)


@given(st.text(), st.text())
def test_json_is_true_and_shows_nothing_that_a_terminal_obeys(a: str, b: str) -> None:
    content = as_json({"a": a, b: [a, {"b": b}]})
    assert orjson.loads(content) == {"a": a, b: [a, {"b": b}]}
    assert not controls_in(content.decode())


def test_half_a_surrogate_pair_is_a_stand_in_in_json() -> None:
    assert orjson.loads(as_json({"a": ["x\udc80"]})) == {"a": ["x\ufffd"]}


@pytest.mark.parametrize(
    ("url", "is_linked"),
    [
        ("https://acme.my.salesforce.com/001A", True),
        ("http://localhost:8080/a?b=c#d", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("https://", False),
        ("https://a@evil.example/", False),
        ("https://a.example/\x1b", False),
        ('https://a.example/"onclick=', False),
        ("https://[bad/", False),
        (" https://a.example", False),
        ("", False),
        (None, False),
    ],
)
def test_only_web_addresses_are_linked(url: str | None, *, is_linked: bool) -> None:
    assert safe_text.web_link(url) == (url if is_linked else "")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_fills_a_sentence_stays_in_its_part(language: str) -> None:
    words = words_for(language)
    told = words.error("file_problem", {"file": Path("a\nb"), "detail": "c\nd\x1b[2J"})
    assert told is not None
    assert "a b" in told.what
    assert told.why == "c d[2J"


# A company in files


def fill(folder: Path) -> None:
    """Write a company in which everything is called like an attack."""
    names = iter(NAMES)
    tables: dict[str, list[tuple[str, ...]]] = {
        "users": [
            ("id", "name", "email", "team"),
            ("P", f"Sato {TERMINAL[0]}", "sato@example.jp", FORMULAS[9]),
            ("S", f"Tanaka {TERMINAL[5]}", "tanaka@example.jp", TERMINAL[2]),
            ("M", f"Suzuki {TERMINAL[17]}", "suzuki@example.jp", ""),
        ],
        "accounts": [
            ("id", "name", "owner_id", "customer_class", "city", "url"),
            *(
                (f"A{n}", name, "P", "重要顧客" if n < 3 else "一般", name, name)
                for n, name in enumerate(names)
            ),
        ],
        "contacts": [
            ("id", "account_id", "name", "title", "phone"),
            *((f"C{n}", f"A{n}", name, name, name) for n, name in enumerate(NAMES)),
        ],
        "opportunities": [
            ("id", "account_id", "owner_id", "name", "stage", "is_closed", "is_won"),
            *(
                (f"O{n}", f"A{n}", "P", name, name, "false", "false")
                for n, name in enumerate(NAMES[:20])
            ),
            *(
                (name, f"A{n}", "P", name, name, "maybe\x1b[2J", "false")
                for n, name in enumerate(NAMES[:2])
            ),
        ],
    }
    (folder / "export").mkdir(exist_ok=True)
    for table, rows in tables.items():
        path = folder / "export" / f"{table}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (folder / "handover.toml").write_text(
        f'{FILES}\n[people]\nfile = "people.csv"\n', encoding="utf-8"
    )


@pytest.fixture
def hostile(cli: Cli, folder: Path) -> Cli:
    """Sync the company, and look at whatever any command says."""
    fill(folder)

    def call(
        *words: str, on: str = PLANNED, env: dict[str, str] | None = None
    ) -> Ended:
        ended = cli(*words, "--as-of", on, env=env)
        assert ended.code != 1, ended.err
        assert not controls_in(ended.err), words
        if "html" not in words and "csv" not in words:
            assert not controls_in(ended.out), words
        return ended

    assert call("sync", "-v").code == 0
    return call


def test_every_command_shows_names_that_do_nothing(hostile: Cli, folder: Path) -> None:
    plan = _told(hostile("plan", "new", "--from", "P", "--to", "S", "--json"))["id"]
    by = ("--as", "M")
    why = f"{TERMINAL[0]}{FORMULAS[9]}"
    edits = ("--no-attend", "rest", "--opportunity", "rest=transfer")
    texts = [
        _worked(hostile(*words))
        for words in (
            ("audit",),
            ("audit", "--trend", "--unmanaged"),
            ("show", "A0"),
            ("show", "A7", "--json"),
            ("plan", "show", plan),
            ("plan", "show", plan, "--person", "P", "--on", "2027-03-04"),
            ("meeting", "pack", plan),
            ("meeting", "sheet", plan),
            ("meeting", "mail", plan),
            ("meeting", "calendar", plan),
            ("meeting", "mail", plan, "--json"),
            ("plan", "list"),
            ("plan", "edit", plan, *edits, "--reason", why, *by),
            ("plan", "submit", plan, "--as", "P"),
            ("plan", "approve", plan, "--reason", why, *by),
            ("plan", "publish", plan),
            ("history", "A0"),
            ("mapping", "list"),
            ("mapping", "check"),
            ("policy", "show"),
            ("doctor",),
            ("schedule", "cron"),
        )
    ]
    assert hostile("reassign", plan, "--dry-run", on=LATER).code == 0
    assert hostile("reassign", plan, on=LATER).code in (0, 6)
    assert hostile("undo", "last", *by, on=LATER).code in (0, 6)
    for words in (("runs", "list"), ("runs", "show"), ("runs", "verify")):
        hostile(*words, on=LATER)
    _look_into_files(folder / ".handover" / "runs")
    assert sum(len(text) for text in texts) > 50 * COUNT
    told = squeezed(texts[4])
    short = (name for name in NAMES if len(name) < 60)  # others go over several lines
    assert [name for name in short if shown(name) not in told] == []


def _worked(ended: Ended) -> str:
    assert ended.code in (0, 6), ended.err
    return ended.out


def _told(ended: Ended) -> dict[str, Any]:
    assert ended.code == 0, ended.err
    found: dict[str, Any] = ended.data["plan"]
    return found


def _look_into_files(runs: Path) -> None:
    written = sorted(runs.glob("*/*.csv"))
    assert {path.name for path in written} == {
        *("before.csv", "success.csv", "error.csv", "rejects.csv")
    }
    for path in written:
        assert computed_in(path.read_bytes()) == [], path
        assert path.stat().st_mode & 0o777 == 0o600


def test_pages_and_tables_hold_every_name_and_do_nothing(
    hostile: Cli, folder: Path
) -> None:
    plan = _told(hostile("plan", "new", "--from", "P", "--to", "S", "--json"))["id"]
    packs = page_of(hostile("meeting", "pack", plan, "--format", "html").out)
    assert packs.links == set()
    assert [name for name in NAMES if shown(name) not in squeezed(packs.text)] == []
    page_of(hostile("meeting", "sheet", plan, "--format", "html").out)
    assert hostile("meeting", "sheet", plan, "-o", "sheet.xlsx").code == 0
    cells = set(cells_of((folder / "sheet.xlsx").read_bytes()))
    assert [text for text in cells if computes(text) or controls_in(text)] == []
    for words in (("audit",), ("plan", "show", plan)):
        page = page_of(hostile(*words, "--format", "html").out)
        assert page.links <= set(filter(safe_text.web_link, NAMES))
        told = squeezed(page.text)
        assert [name for name in NAMES if shown(name) not in told] == []
        content = hostile(*words, "--format", "csv").out
        assert not controls_in(content, allowed="\r\n\ufeff")
        assert computed_in(content.encode()) == []
        texts = {safe_text.plain_cell(text) for text in _cells(content)}
        assert [n for n in NAMES if not _is_among(n, texts)] == []
        assert hostile(*words, "-o", "book.xlsx").code == 0
        cells = set(cells_of((folder / "book.xlsx").read_bytes()))
        assert [text for text in cells if computes(text) or controls_in(text)] == []
        texts = {safe_text.plain_cell(text) for text in cells}
        assert [n for n in NAMES if not _is_among(n, texts)] == []


def test_a_day_holds_every_name_and_does_nothing(hostile: Cli) -> None:
    plan = _told(hostile("plan", "new", "--from", "P", "--to", "S", "--json"))
    rows = [row for row in plan["rows"] if row["visit"]]
    for date in sorted({row["visit"]["date"] for row in rows}):
        words = ("plan", "show", plan["id"], "--person", "S", "--on", date)
        page = page_of(hostile(*words, "--format", "html").out)
        assert page.links <= set(filter(safe_text.web_link, NAMES))
        mine = [row["account"] for row in rows if row["visit"]["date"] == date]
        assert [n for n in mine if shown(n) not in squeezed(page.text)] == []
        assert computed_in(hostile(*words, "--format", "csv").out.encode()) == []


def _cells(content: str) -> Iterator[str]:
    lines = content.removeprefix("\ufeff").splitlines(keepends=True)
    for row in csv.reader(lines):
        yield from row


def _is_among(name: str, texts: set[str]) -> bool:
    return not shown(name) or shown(name) in {squeezed(text) for text in texts}


def test_what_somebody_types_comes_back_as_text(hostile: Cli) -> None:
    for n, name in enumerate(SAMPLE):
        noun = ("plan", "runs")[n % 2]
        form = ("--json",) if n % 3 == 0 else ()
        ended = hostile(noun, "show", *form, "--", name)
        assert ended.code == 2
    for name in SAMPLE[::9]:
        for words in (
            ("show", "--", name[:-1] or "x"),
            ("audit", "--owner", f"Sato{name}"),
            ("plan", "new", f"--from={name}", "--to=S"),
            (name,),
            ("audit", f"--{name}"),
            ("audit", "--format", name),
            ("help", "-c", name),
            ("audit", "-o", f"nowhere/{name}"),
            ("audit", f"--as-of={name}"),
        ):
            assert hostile(*words).code in (0, 2), words


@pytest.mark.skipif(os.name != "posix", reason="Windows has no pseudo-terminals")
def test_a_terminal_is_given_our_colours_and_nothing_else(
    hostile: Cli, folder: Path
) -> None:
    plan = ("plan", "show", f"Aoba{TERMINAL[0]}\udc80")
    for columns, words in (("20", ("audit", "-v")), ("200", plan)):
        ours, theirs = os.openpty()
        known = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
        with subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "cli", *words],
            cwd=folder,
            env={**known, "COLUMNS": columns, "PYTHONIOENCODING": "utf-8"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        ) as running:
            os.close(theirs)
            told = b"".join(_read_all(ours))
            assert running.wait() != 1
        os.close(ours)
        text = told.decode().replace("\r\n", "\n")
        assert "\x1b" in text
        assert not controls_in(STYLE.sub("", text)), words


def _read_all(handle: int) -> Iterator[bytes]:
    try:
        while part := os.read(handle, 65536):
            yield part
    except OSError:  # the other side was closed
        return


def test_bytes_that_are_no_text_can_be_typed(folder: Path) -> None:
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "cli", "plan", b"a\xff\x9b", "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (2, b"")
    assert json.loads(ended.stdout)["error"]["code"] == "usage"


def test_a_list_of_moves_may_be_cut_out_of_a_report(hostile: Cli, folder: Path) -> None:
    account = "=cmd|' /C calc'!A0"
    content = hostile("audit", "--format", "csv").out
    marked = safe_text.cell(account)
    assert marked in set(_cells(content))
    with (folder / "moves.csv").open("w", encoding="utf-8", newline="") as file:
        lines = [("predecessor", "account", "successor"), ("P", marked, "S")]
        csv.writer(file).writerows(lines)
    plan = _told(hostile("plan", "new", "--moves", "moves.csv", "--json"))
    taken = [row["account"] for row in plan["rows"] if row["mode"] != "exclude"]
    assert taken == [account]
