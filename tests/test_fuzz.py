"""Whatever people write into their files: words and exit code 2, never a traceback.

Files that work are spoilt at random, always in the same way, and the command that reads
them runs. It may do its work, or refuse with a code that is explained; a mistake of
ours (exit 1) or a command that does not come back is neither.
"""

import datetime as dt
import io
import random
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
import xlsxwriter

from connectors.base import Pull
from connectors.files.crm import open_files
from handover.config import load_config
from handover.errors import KNOWN_ERRORS, ExitCode
from handover.i18n import words_for
from handover.jobs.workspace import Workspace
from handover.mirror.generations import Generation
from handover.mirror.people import load_people
from handover.plan.moves_file import read_moves
from handover.policy_file import load_policy
from handover.transfer.run_files import read_rows
from mappings.load import load_mapping
from tests.conftest import Cli
from tests.worlds.files_folder import PLANNED, build

LONGEST = 10.0
"""Seconds that no spoilt file may cost."""

CONFIG = """\
language = "en"
timezone = "Asia/Tokyo"
[data]
folder = ".handover"
keep_generations = 14
sweep_days = 7
[crm.files]
folder = "export"
mapping = "own.toml"
[time]
rehearsal = true
[network]
proxy = ""
[people]
file = "people.csv"
[policy]
file = "policy.toml"
[money]
currency = "JPY"
[calendar]
country = "JP"
fiscal_year_start = 4
closed = ["2027-03-08/2027-03-09", "2027-05-01"]
[mail]
from = "a@example.jp"
[style]
company = "御中"
"""
POLICY = """\
version = "2027-04"
[audit]
recent_days = 180
large_purchase = 100000
stale_is_ready = true
deciding = ["決裁", "decision maker"]
[placeholders]
words = ["なし", "-", "n/a"]
nobody = ["受付"]
[weights]
must = 2
[classes]
key_share = 0.2
[[item]]
code = "organisation.cleanroom"
name = "クリーンルーム"
level = "must"
columns = ["accounts.extra_cleanroom"]
[[item]]
code = "contacts.preference"
enabled = false
[plan]
large_account_percentile = 90
day = ["09:00-12:00", "13:00-18:00"]
minutes = 360
visits = 5
slack = 0.15
expires_days = 14
blackouts = ["2027-03-10"]
[transfer]
require = "approval"
max_accounts = 500
undo_by = ["M"]
[tasks]
enabled = false
"""
MAPPING = """\
extends = "files"
[accounts.fields]
customer_class = { field = "customer_class", values = { "重要顧客" = "key" } }
name = "name"
employees = { multiply = ["size", "units"] }
[accounts.extra]
cleanroom = "cleanroom"
[opportunities.fields]
close_date = { field = "close_date", date_format = "%Y-%m-%d" }
owner_id = "owner_id"
currency = { constant = "JPY" }
[contacts.fields]
name = { fields = ["name"], join = " " }
[write]
task_key = "HandoverKey__c"
[transfer]
also = ["accounts.memo"]
"""
ACCOUNTS = """\
memo,id,name,owner_id,customer_class,business,size,units,cleanroom
x,A1,青葉商事,P,重要顧客,金属加工,2,10,ISO 5
,A2,Wakaba,P,一般,,"1,000",1,
,B1,Tanaka's own,S,一般,,,,
"""
PEOPLE = """\
user,login,manager,delegate,team,region,absent_from,absent_to
P,sato@example.jp,M,,東,Tokyo,2027-03-02,2027-03-03
S,,M,,東,,,
M,,B,D,,,,
"""
MOVES = "predecessor,account,successor,effective\nP,A1,S,2027-04-01\nP,*,S,\n"

VALUES = (
    *('""', "0", "-1", "1e999", "nan", "true", "[]", "{}", '"ZZ"', '"JPX"', "1.5"),
    *('"2026-99-99"', '["x"]', "[[]]", "99999999999999999999999", '"=1+1"', '"日本"'),
    *('"../../../etc"', '"env:NOBODY"', '" "', '"Asia/Tokio"', "2027-01-01", "12:00"),
    *('"25:99-24:61"', '["25:99-24:61"]', '["2027-02-30"]', '["b/a/c"]', "'''"),
    *('"%Q%"', '"%"', '["%Y", 1]', '{ a = "b" }', '"{x}"', '"\\u0000"', '"' * 3),
    '"' + "x" * 5000 + '"',
    *("9" * 10_000, "[" * 5000, "{a=" * 5000, "1" + "." * 3000 + "1"),
)
CELLS = (
    *("", " ", "-1", "0", "nan", "1e999", "true", "2026-99-99", "2027-02-30", '"', "'"),
    *("=1+1", "日本", "\x00", "\ufeff", "P", "M", "*", "A1", "A1;A2", "x" * 5000, "\t"),
    *("12/31/99", "令和99年1月1日", "1e400", "-0", "\u202e", "ALL", "\r", "a,b", "{x}"),
    "," * 20_000,
)


def spoil_toml(text: str, dice: random.Random) -> bytes:
    """Spoil a TOML file in one place, or as a whole."""
    lines = text.splitlines()
    at = dice.randrange(len(lines))
    key, equals, _ = lines[at].partition("=")
    match dice.randrange(9):
        case 0 | 1 | 2 | 3 if equals:
            lines[at] = f"{key}= {dice.choice(VALUES)}"
        case 4 if equals:
            lines[at] = f"{_misspelt(key, dice)}{lines[at][len(key) :]}"
        case 5:
            lines.insert(dice.randrange(len(lines)), lines[at])
        case 6:
            lines[at] = f"[{_misspelt(lines[at].strip('[]'), dice)}]"
        case 7:
            del lines[at]
        case _:
            return _as_a_whole("\n".join(lines), dice)
    return "\n".join(lines).encode()


def spoil_csv(text: str, dice: random.Random) -> bytes:
    """Spoil a CSV file in one cell, one line, or as a whole."""
    lines = [line.split(",") for line in text.splitlines()]
    row = dice.randrange(len(lines))
    cell = dice.randrange(len(lines[row]))
    match dice.randrange(9):
        case 0 | 1 | 2 | 3 | 4:
            lines[row][cell] = dice.choice(CELLS)
        case 5:
            lines[row].insert(cell, dice.choice(CELLS))
        case 6:
            del lines[row][cell:]
        case 7:
            lines.insert(row, lines[dice.randrange(len(lines))])
        case _:
            return _as_a_whole("\n".join(map(",".join, lines)), dice)
    return "\r\n".join(map(",".join, lines)).encode("utf-8", "surrogatepass")


def _misspelt(word: str, dice: random.Random) -> str:
    at = dice.randrange(len(word) + 1)
    return word[:at] + dice.choice(["", "x", "_", ".", '"', "é"]) + word[at + 1 :]


def _as_a_whole(text: str, dice: random.Random) -> bytes:
    content = text.encode()
    at = dice.randrange(len(content) + 1)
    return dice.choice(
        [
            b"",
            b"\x00",
            content[:at],
            content[:at] + b"\xff\xfe\x80" + content[at:],
            content[:at] + b"\x00" + content[at:],
            b"\xef\xbb\xbf" + content,
            text.encode("utf-16"),
            text.encode("utf-16") + b"x",
            f"{text[:at]}\0{text[at:]}".encode("utf-16"),
            text.encode("utf-16") + b"\x00\xd8\x00\xd8",
            text.encode("cp932", "replace"),
            content.replace(b"\n", b"\r"),
            content.replace(b",", b";").replace(b"=", b":"),
            content + content,
            bytes(dice.randrange(256) for _ in range(200)),
        ]
    )


def spoil_workbook(parts: Mapping[str, bytes], dice: random.Random) -> bytes:
    """Pack a workbook with one part spoilt, or spoil it when it is packed."""
    spoilt = dict(parts)
    name = dice.choice([name for name in parts if name.startswith("xl/")])
    if dice.random() < 0.1:
        del spoilt[name]
    elif dice.random() < 0.7:
        spoilt[name] = _spoil_bytes(parts[name], dice)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for part, content in spoilt.items():
            packed.writestr(part, content)
    content = file.getvalue()
    return content if spoilt != parts else _spoil_bytes(content, dice)


PIECES = (
    *(b"<", b">", b'"', b"&#0;", b"\xff", b"\x00", b"99999999999", b"-1", b"1048576"),
    *(b'<c r="B3"><v>1e999</v></c>', b'<c t="s"><v>99999</v></c>', b'r="XFD1"'),
    *(b'<c t="e"><v>\xff</v></c>', b'<c t="d"><v>x</v></c>', b"<!DOCTYPE x>", b""),
)


def _spoil_bytes(content: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(content) + 1)
    length = dice.choice((0, 1, 5, 200))
    return content[:at] + dice.choice(PIECES) + content[at + length :]


COMMANDS = (
    ("policy", "check"),
    ("mapping", "show", "own.toml"),
    ("mapping", "check"),
    ("audit", "--team", "東"),
    ("plan", "new", "--from", "P", "--to", "S"),
    ("plan", "new", "--moves", "moves.csv"),
    ("sync", "--dry-run", "--allow-shrink"),
)
Spoil = Callable[[str, random.Random], bytes]
ASKED = ("--as-of", PLANNED, "-q")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a synced company that has a file of each kind."""
    folder = build(tmp_path_factory.mktemp("fuzzed"))
    for name, text in (
        ("export/accounts.csv", ACCOUNTS),
        *(("handover.toml", CONFIG), ("policy.toml", POLICY), ("own.toml", MAPPING)),
        *(("people.csv", PEOPLE), ("moves.csv", MOVES), ("rows.csv", "Id\nA1\nO1\n")),
    ):
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def place(folder: Path, template: Path) -> Path:
    """Work in a copy."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return folder


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_the_files_work_before_they_are_spoilt(
    cli: Cli, words: tuple[str, ...]
) -> None:
    assert cli(*words, *ASKED).code == 0


def spoilt(file: Path, spoil: Spoil, seed: str, times: int) -> Iterator[bytes]:
    """Spoil a file again and again; afterwards it is as before."""
    whole = file.read_bytes()
    dice = random.Random(seed)  # noqa: S311 - no secret
    for _ in range(times):
        content = spoil(whole.decode("utf-8", "replace"), dice)
        file.write_bytes(content)
        yield content
    file.write_bytes(whole)


SYNC = ("sync", "--dry-run", "--allow-shrink")
PLAN = ("plan", "new", "--from", "P", "--to", "S")


@pytest.mark.parametrize(
    ("name", "spoil", "words", "times"),
    [
        ("handover.toml", spoil_toml, ("policy", "check"), 40),
        ("handover.toml", spoil_toml, PLAN, 10),
        ("policy.toml", spoil_toml, ("policy", "check"), 40),
        ("policy.toml", spoil_toml, PLAN, 10),
        ("own.toml", spoil_toml, ("mapping", "show", "own.toml"), 40),
        ("own.toml", spoil_toml, ("mapping", "check"), 20),
        ("people.csv", spoil_csv, ("audit", "--team", "東"), 10),
        ("moves.csv", spoil_csv, ("plan", "new", "--moves", "moves.csv"), 10),
        ("export/accounts.csv", spoil_csv, SYNC, 15),
        ("export/opportunities.csv", spoil_csv, SYNC, 15),
        ("export/users.csv", spoil_csv, SYNC, 15),
    ],
)
@pytest.mark.every(3)
def test_a_spoilt_file_ends_a_command_with_words(
    place: Path, cli: Cli, name: str, spoil: Spoil, words: tuple[str, ...], times: int
) -> None:
    for content in spoilt(place / name, spoil, " ".join((name, *words)), times):
        begun = time.monotonic()
        ended = cli(*words, *ASKED)
        said = (content[-2000:], ended.code, ended.err)
        assert ended.code not in {1, 130}, said
        assert "Traceback" not in ended.err, said
        assert time.monotonic() - begun < LONGEST, said


def read_mapping(file: Path) -> object:
    """Read a mapping by its name, as the configuration does."""
    return load_mapping(file.name, file.parent)


def read_people_file(file: Path) -> object:
    """Read the people of a company as its last sync knows them."""
    return load_people(generation_in(file.parent), "files", file)


@cache
def generation_in(folder: Path) -> Generation:
    """Open the mirror of a working folder."""
    workspace = Workspace(
        config=load_config(folder / "handover.toml"),
        language="en",
        now=dt.datetime.now(dt.UTC),
        environ={},
    )
    return workspace.generation()


def read_export(file: Path) -> object:
    """Read a file of records to its end, as the sync does."""
    crm = open_files({"folder": str(file.parent), "name": "export", "id_fields": {}})
    schema = crm.describe(f"{file.stem}.*")
    request = Pull(object=f"{file.stem}.*", fields=tuple(schema.fields))
    return list(crm.pull(request))


def test_a_spoilt_workbook_is_read_or_refused_with_words(tmp_path: Path) -> None:
    file = tmp_path / "accounts.xlsx"
    book = xlsxwriter.Workbook(str(file))
    sheet = book.add_worksheet()
    for row, line in enumerate(ACCOUNTS.splitlines()):
        sheet.write_row(row, 0, line.split(","))
    book.close()
    with zipfile.ZipFile(file) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    dice = random.Random("workbooks")  # noqa: S311 - no secret
    for _ in range(150):
        content = spoil_workbook(parts, dice)
        file.write_bytes(content)
        ended = ended_with(lambda: read_export(file))
        if ended is not None:
            assert isinstance(ended, KNOWN_ERRORS), (ended, content[-500:])
            assert ended.exit_code == ExitCode.USAGE, ended


def ended_with(read: Callable[[], object]) -> Exception | None:
    """Read; return what it was stopped by."""
    try:
        read()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    return None


@pytest.mark.parametrize(
    ("name", "spoil", "read", "times"),
    [
        ("handover.toml", spoil_toml, load_config, 800),
        ("policy.toml", spoil_toml, load_policy, 500),
        (
            "own.toml",
            spoil_toml,
            read_mapping,
            700,
        ),
        ("people.csv", spoil_csv, read_people_file, 200),
        ("moves.csv", spoil_csv, read_moves, 300),
        ("rows.csv", spoil_csv, read_rows, 200),
        ("export/accounts.csv", spoil_csv, read_export, 200),
        ("export/opportunities.csv", spoil_csv, read_export, 200),
    ],
)
def test_a_spoilt_file_is_read_or_refused_with_words(
    place: Path, name: str, spoil: Spoil, read: Callable[[Path], object], times: int
) -> None:
    words = words_for("en")
    for content in spoilt(place / name, spoil, name, times):
        begun = time.monotonic()
        ended = ended_with(lambda: read(place / name))
        if ended is not None:
            assert isinstance(ended, KNOWN_ERRORS), content[-2000:]
            said = words.sentence(ended)
            assert (bool(said.what), bool(said.remedy)) == (True, True), content
            assert ended.exit_code == ExitCode.USAGE, (content, said)
        assert time.monotonic() - begun < LONGEST, content


@pytest.mark.parametrize(
    ("old", "new", "line", "near"),
    [
        ('country = "JP"', 'country = "JX"', 21, "J"),
        ('timezone = "Asia/Tokyo"', 'timezone = "Asia/Tokio"', 2, "Asia/Tokyo"),
        ('currency = "JPY"', 'currency = "JPX"', 19, "JP"),
        ('"2027-05-01"', '"2027-05-41"', 23, "2027-05-01"),
        ('language = "en"', 'language = "english"', 1, "en"),
    ],
)
def test_a_wrong_value_is_named_with_its_line_and_the_nearest_that_is_right(
    place: Path, cli: Cli, old: str, new: str, line: int, near: str
) -> None:
    file = place / "handover.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    ended = cli("policy", "check", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (2, "bad_config")
    assert "handover.toml" in ended.json["error"]["message"]
    assert f"line {line}" in ended.json["error"]["message"].casefold()
    assert near in ended.json["error"]["message"]
