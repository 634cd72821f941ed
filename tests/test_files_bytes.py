"""Every other byte stays, whatever the file looks like and whenever we are killed."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from connectors.base import Outcome, Pull, SetField
from connectors.errors import UnreadableQuoting
from connectors.files import FilesCRM

ACCOUNTS = b'id,name,owner_id\r\n1,"A, Inc.",u1\r\n2,B,"u1"\r\n'


def written(folder: Path, *changes: SetField) -> list[Outcome]:
    return FilesCRM(folder).write(changes)


def states(outcomes: list[Outcome]) -> set[str]:
    return {outcome.state for outcome in outcomes}


def set_field(key: str, field: str, before: str, after: str) -> SetField:
    return SetField(
        object="accounts.csv", id=key, field=field, before=before, after=after
    )


def set_owners() -> tuple[SetField, SetField]:
    return set_field("1", "owner_id", "u1", "u2"), set_field(
        "2", "owner_id", "u1", "u2"
    )


# Whatever the file looks like.

CHARACTERS = st.sampled_from('aZ ,"\r\n;\tあ表①ｶ')


@dataclass(frozen=True, kw_only=True)
class Written:
    """A cell as some program might write it."""

    text: str
    quoted: bool

    def __str__(self) -> str:
        if self.quoted or set(self.text) & set(',"\r\n'):
            return '"' + self.text.replace('"', '""') + '"'
        return self.text


cells = st.builds(Written, text=st.text(CHARACTERS, max_size=6), quoted=st.booleans())


@st.composite
def files(draw: st.DrawFn) -> tuple[list[list[Written]], str, str, str]:
    """Draw rows, line end, encoding, and what stands at the end of the file."""
    body = draw(st.lists(st.lists(cells, min_size=2, max_size=4), min_size=1))
    quoted = draw(st.booleans())
    rows = [[Written(text=f"k{n}", quoted=quoted), *row] for n, row in enumerate(body)]
    line_end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "cp932"]))
    return rows, line_end, encoding, draw(st.sampled_from(["", line_end]))


@given(files(), st.data())
def test_every_other_byte_stays_whatever_the_file(
    file: tuple[list[list[Written]], str, str, str], data: st.DataObject
) -> None:
    rows, line_end, encoding, end = file
    header = "id,会社,a,b,c"
    at = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(1, len(rows[at]) - 1))
    old = rows[at][column]
    new = Written(text=data.draw(st.text(CHARACTERS, max_size=6)), quoted=old.quoted)
    assume(new.text != old.text)

    def content(cell: Written) -> bytes:
        table = [list(row) for row in rows]
        was_quoted = str(old).startswith('"')
        table[at][column] = Written(text=cell.text, quoted=was_quoted)
        lines = [header, *(",".join(map(str, row)) for row in table)]
        return (line_end.join(lines) + end).encode(encoding)

    with TemporaryDirectory() as name:
        path = Path(name) / "accounts.csv"
        path.write_bytes(content(old))
        field = header.split(",")[column]
        change = set_field(f"k{at}", field, old.text, new.text)
        assert states(written(path.parent, change)) == {"done"}
        assert path.read_bytes() == content(new)


@given(st.text('",\r\na', max_size=60))
def test_the_writer_finds_the_cells_that_the_reader_reads(body: str) -> None:
    with TemporaryDirectory() as name:
        path = Path(name) / "accounts.csv"
        path.write_bytes(("id,b,c\n" + body).encode())
        crm = FilesCRM(path.parent)
        try:
            before = _table(crm)
        except UnreadableQuoting:
            assume(False)  # noqa: FBT003
        keys = [row[0].strip() for row in before]
        key = next(filter(None, keys), "")
        assume(key)
        at = keys.index(key)
        change = set_field(key, "c", before[at][2], "new")
        assert states(crm.write([change])) == {"done"}
        before[at][2] = "new"
        assert _table(crm) == before


def _table(crm: FilesCRM) -> list[list[str]]:
    pages = crm.pull(Pull(object="accounts.csv", fields=()))
    rows = [row for page in pages for row in page.rows if None not in row]
    return [[str(row[name]) for name in ("id", "b", "c")] for row in rows]


# Whatever happens on the way.


class Killed(BaseException):
    """Stands for the end of the process: nothing below catches it."""


@pytest.mark.parametrize(
    ("owner", "name"),
    [(Path, "unlink"), (os, "fsync"), (Path, "chmod"), (Path, "replace")],
)
@pytest.mark.parametrize("after", [False, True])
def test_a_write_cut_off_at_any_step_leaves_the_old_or_the_new_file(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    after: bool,  # noqa: FBT001
) -> None:
    accounts = tmp_path / "accounts.csv"
    accounts.write_bytes(ACCOUNTS)
    original = getattr(owner, name)

    def cut(*args: object, **options: object) -> None:
        if after:
            original(*args, **options)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, cut)
        with pytest.raises(Killed):
            written(tmp_path, *set_owners())
    new = ACCOUNTS.replace(b"u1", b"u2")
    assert accounts.read_bytes() in {ACCOUNTS, new}
    assert {o.state for o in written(tmp_path, *set_owners())} == {"done"}
    assert accounts.read_bytes() == new
    assert [path.name for path in tmp_path.iterdir()] == ["accounts.csv"]


ENDLESS = """
import itertools, sys
from pathlib import Path
from connectors.base import SetField
from connectors.files import FilesCRM
crm = FilesCRM(Path(sys.argv[1]))
print("ready", flush=True)
for n in itertools.count():
    row = crm.read("accounts.csv", ["1"], [])["1"]
    crm.write([SetField(object="accounts.csv", id=str(i), field="owner_id",
                        before=row["owner_id"], after=f"u{n}") for i in range(300)])
"""


def test_a_killed_process_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    lines = [f"{n},{'長い名前' * 40},start" for n in range(300)]
    path.write_text("\n".join(["id,name,owner_id", *lines, ""]), encoding="utf-8")
    root = Path(__file__).parents[1]
    for wait in (0.005, 0.02, 0.05):
        with subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-c", ENDLESS, str(tmp_path)],
            cwd=root,
            stdout=subprocess.PIPE,
        ) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(wait)
            process.send_signal(signal.SIGKILL)
        table = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        assert len(table) == 300
        assert len({row["owner_id"] for row in table}) == 1
        assert {row["name"] for row in table} == {"長い名前" * 40}
