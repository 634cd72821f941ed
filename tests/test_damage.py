"""A damaged ledger is noticed by every command, and none ends without words."""

import hashlib
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from handover.ledger import anchors, seals
from tests.conftest import Cli, Ended
from tests.worlds.copies import copy_folder
from tests.worlds.files_folder import EFFECTIVE, PLAN, Job, bytes_of, job_in

SOAK = "HANDOVER_SOAK" in os.environ
PAGE = 4096
NAMED = {2, 5, 6, 7}
DATA, LEDGER = ".handover", "ledger.sqlite"
COMMANDS = [
    ("reassign", PLAN),
    ("undo", "last", "--as", "M"),
    ("plan", "publish", PLAN),
    ("plan", "void", PLAN, "--as", "M", "--reason", "no"),
    ("plan", "list"),
    ("runs", "list"),
    ("runs", "verify"),
    ("sync",),
    ("audit",),
    ("doctor",),
]


@pytest.fixture(scope="module")
def published(approved_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company whose plan is published: there are plans, decisions, runs, steps."""
    from cli import handover as root
    from handover.commands.shell import run

    folder = copy_folder(approved_files, tmp_path_factory.mktemp("published") / "it")
    config = ("-c", str(folder / "handover.toml"), "--as-of", "2027-03-01", "-q")
    assert run(root, ("plan", "publish", PLAN, *config), {}) == 0
    with closing(sqlite3.connect(folder / DATA / LEDGER)) as raw:
        raw.execute("pragma wal_checkpoint(truncate)")
    return folder


@pytest.fixture
def job(folder: Path, published: Path, cli: Cli) -> Job:
    return job_in(folder, published, cli)


class Damaged:
    """One folder that is put back as it was before each attempt."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.path = job.folder / DATA / LEDGER
        self._kept = job.folder.parent / f"{job.folder.name} kept"
        with closing(sqlite3.connect(self.path)) as raw:
            raw.execute("pragma wal_checkpoint(truncate)")
        shutil.copytree(job.folder, self._kept)
        self.whole = self.path.read_bytes()
        self.export = bytes_of(job.export)
        assert job("reassign", PLAN, on=EFFECTIVE).code == 0
        self.handed = bytes_of(job.export)

    def reassign(self, content: bytes) -> Ended:
        """Reassign with another ledger: all that is due is done, or nothing is."""
        self._put_back()
        self.path.write_bytes(content)
        ended = self.job("reassign", PLAN, on=EFFECTIVE)
        found = bytes_of(self.job.export)
        if ended.code == 0:
            assert found == self.handed
        else:
            assert ended.code in NAMED
            assert found == self.export
        return ended

    def _put_back(self) -> None:
        """Leave the ledger's file where it is: it is known by its number."""
        data = self.job.folder / DATA
        for path in data.glob(f"{LEDGER}-*"):
            path.unlink()
        for name in ("runs", "mirror"):
            shutil.rmtree(data / name)
            shutil.copytree(self._kept / DATA / name, data / name)
        shutil.rmtree(self.job.export)
        shutil.copytree(self._kept / "export", self.job.export)


def flipped(content: bytes, at: int, bit: int) -> bytes:
    changed = bytearray(content)
    changed[at] ^= 1 << bit
    return bytes(changed)


def test_a_flipped_bit_in_any_page_is_refused_by_name_or_has_no_effect(
    job: Job,
) -> None:
    damaged, chance = Damaged(job), random.Random(26)  # noqa: S311 - to repeat it
    pages = range(len(damaged.whole) // PAGE)
    for page in pages if SOAK else chance.sample(pages, 4):
        at = page * PAGE + chance.randrange(PAGE)
        damaged.reassign(flipped(damaged.whole, at, chance.randrange(8)))
        for words in (("doctor",), ("runs", "verify")):
            assert job(*words, on=EFFECTIVE).code in {0, *NAMED}


def rows_of_authority(path: Path) -> list[tuple[str, str, int]]:
    """List table, column and row id of all that a seal or the chain stands for."""
    columns = {kind.table.name: set[str]() for kind in seals.KINDS}
    for kind in seals.KINDS:
        columns[kind.table.name] |= {*kind.columns, *kind.key}
    columns["events"] = {"n", "at", "kind", "subject", "details", "hash", "previous"}
    columns["seals"] = {"event_n", "subject", "hash"}
    found = []
    with closing(sqlite3.connect(path)) as raw:
        for table, names in sorted(columns.items()):
            ids = raw.execute(f"select rowid from {table}").fetchall()  # noqa: S608
            found += [(table, c, n) for c in sorted(names) for (n,) in ids]
    return found


def edit(path: Path, place: tuple[str, str, int], chance: random.Random) -> bool:
    """Change one byte of a cell, as the file would have it; tell whether it did."""
    table, column, row = place
    query = f'select cast("{column}" as blob) from {table} where rowid = ?'  # noqa: S608
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("pragma foreign_keys = off")
        triggers = "select name from sqlite_master where type = 'trigger'"
        for (name,) in raw.execute(triggers).fetchall():
            raw.execute(f"drop trigger {name}")
        (content,) = raw.execute(query, [row]).fetchone()
        if not content:
            return False
        changed = flipped(content, chance.randrange(len(content)), chance.randrange(8))
        raw.execute(
            f'update {table} set "{column}" = cast(? as text) where rowid = ?',  # noqa: S608
            [changed, row],
        )
        raw.commit()
        raw.execute("pragma wal_checkpoint(truncate)")
    return True


def test_any_byte_of_any_row_of_authority_is_refused_by_name_or_has_no_effect(
    job: Job,
) -> None:
    damaged, chance = Damaged(job), random.Random(42)  # noqa: S311 - to repeat it
    scratch = job.folder.parent / "scratch.sqlite"
    scratch.write_bytes(damaged.whole)
    places = rows_of_authority(scratch)
    for place in chance.sample(places, 400 if SOAK else 6):
        scratch.write_bytes(damaged.whole)
        try:
            changed = edit(scratch, place, chance)
        except sqlite3.IntegrityError:
            continue  # the table itself does not take it
        if changed:
            ended = damaged.reassign(scratch.read_bytes())
            assert job("runs", "verify").code in NAMED, place
            assert ended.code in {0, *NAMED}


@pytest.fixture(params=["empty", "short", "no database", "another database"])
def wrong(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[bytes], bytes]:
    """What may lie where the ledger was."""

    def another(_whole: bytes) -> bytes:
        with closing(sqlite3.connect(tmp_path / "another.db")) as raw:
            raw.execute("create table plans (id)")
            raw.commit()
        return (tmp_path / "another.db").read_bytes()

    made: dict[str, Callable[[bytes], bytes]] = {
        "empty": lambda _whole: b"",
        "short": lambda whole: whole[: len(whole) // 2],
        "no database": lambda _whole: b"PK\x03\x04" * 2000,
        "another database": another,
    }
    return made[request.param]


def test_no_command_ends_without_words_where_the_ledger_is_none(
    job: Job, wrong: Callable[[bytes], bytes]
) -> None:
    before = bytes_of(job.export)
    path = job.folder / DATA / LEDGER
    content = wrong(path.read_bytes())
    path.write_bytes(content)
    for words in COMMANDS:
        ended = job(*words, on=EFFECTIVE)
        assert ended.code == 2, words
        if words != ("doctor",):
            assert ended.json["error"]["code"] == "damaged_ledger"
        else:
            states = {each["code"]: each["state"] for each in ended.data["checks"]}
            assert states["ledger"] == "failed"
    assert bytes_of(job.export) == before
    assert path.read_bytes()[100:] == content[100:]  # but for how it is journaled


def test_a_ledger_that_cannot_be_written_ends_every_writing_command_in_words(
    job: Job,
) -> None:
    def protect(connection: Any, _record: object) -> None:
        connection.execute("pragma query_only = on").close()

    event.listen(Engine, "connect", protect)
    try:
        for words in COMMANDS[:4]:
            ended = job(*words, on=EFFECTIVE)
            error = ended.json["error"]["code"]
            assert (ended.code, error) == (7, "ledger_out_of_reach")
        assert job("plan", "list").code == 0
    finally:
        event.remove(Engine, "connect", protect)
    assert job("reassign", PLAN, on=EFFECTIVE).code == 0


def test_a_ledger_without_a_file_to_be_is_told_to_the_user(
    folder: Path, cli: Cli
) -> None:
    (folder / DATA).write_text("a file where the folder belongs", encoding="utf-8")
    ended = cli("plan", "list", "--json")
    assert (ended.code, ended.json["error"]["code"]) == (7, "ledger_out_of_reach")


# The chain, and what runs say of it


@pytest.fixture
def run(agreed: Job) -> Job:
    """Stand behind a first run."""
    assert agreed("plan", "publish", PLAN).code == 0
    return agreed


def refused(job: Job) -> str:
    before = bytes_of(job.export)
    ended = job("reassign", PLAN, on=EFFECTIVE)
    assert ended.code == 5
    assert bytes_of(job.export) == before
    return str(ended.json["error"]["code"])


def faults(job: Job) -> set[tuple[str, str]]:
    return {(e["kind"], e["what"]) for e in job("runs", "verify").data["broken"]}


def test_a_run_leaves_where_the_chain_stood(run: Job) -> None:
    (file,) = (run.folder / DATA / "runs").glob(f"*/{anchors.FILE}")
    with closing(sqlite3.connect(run.folder / DATA / LEDGER)) as raw:
        query = "select n, hash from events where kind = 'run_finished'"
        (told,) = raw.execute(query).fetchall()
    found = json.loads(file.read_bytes())
    assert (found["serial"], found["events"], found["hash"]) == (1, *told)
    assert faults(run) == set()


def test_a_chain_that_was_cut_off_without_a_trace_in_the_ledger_is_noticed(
    run: Job,
) -> None:
    with closing(sqlite3.connect(run.folder / DATA / LEDGER)) as raw:
        triggers = "select name from sqlite_master where type = 'trigger'"
        for (name,) in raw.execute(triggers).fetchall():
            raw.execute(f"drop trigger {name}")
        begun = "(select min(n) from events where kind = 'run_begun')"
        raw.execute(f"delete from seals where event_n >= {begun}")  # noqa: S608
        for table in ("steps", "runs"):
            raw.execute(f"delete from {table}")  # noqa: S608
        raw.execute("update plans set state = 'approved'")
        raw.execute(f"delete from events where n >= {begun}")  # noqa: S608
        raw.execute("update sqlite_sequence set seq = (select max(n) from events)")
        raw.commit()
    assert refused(run) == "ledger_behind"
    shutil.rmtree(run.folder / DATA / "runs")
    assert run("reassign", PLAN, on=EFFECTIVE).code == 0  # nothing is left that tells


def hashed(*parts: object) -> str:
    """Hash as the chain does."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()


def test_a_chain_that_was_written_again_is_noticed(run: Job) -> None:

    with closing(sqlite3.connect(run.folder / DATA / LEDGER)) as raw:
        raw.row_factory = sqlite3.Row
        triggers = "select name from sqlite_master where type = 'trigger'"
        for (name,) in raw.execute(triggers).fetchall():
            raw.execute(f"drop trigger {name}")
        previous = "0" * 64
        for row in raw.execute("select * from events order by n").fetchall():
            at = "2026-01-01T00:00:00+00:00"
            sealed = dict(
                raw.execute(
                    "select subject, hash from seals where event_n = ?", [row["n"]]
                ).fetchall()
            )
            told = (row["n"], at, row["kind"], row["subject"], row["details_hash"])
            pairs = [part for pair in sorted(sealed.items()) for part in pair]
            own = hashed(*told, previous, *([hashed(*pairs)] if sealed else []))
            raw.execute(
                "update events set at = ?, previous = ?, hash = ? where n = ?",
                [at, previous, own, row["n"]],
            )
            previous = own
        raw.commit()
    assert faults(run) == {("anchor", "rewritten")}
    assert refused(run) == "chain_differs"
    checks = {each["code"]: each["state"] for each in run("doctor").data["checks"]}
    assert checks["home"] == "failed"
    assert run("runs", "adopt", "--reason", "I did it").code == 0
    assert faults(run) == set()
    assert run("reassign", PLAN, on=EFFECTIVE).code == 0


def test_a_ledger_that_is_gone_is_told_and_no_empty_one_stands_in_its_place(
    job: Job,
) -> None:
    path = job.folder / DATA / LEDGER
    for file in path.parent.glob(f"{LEDGER}*"):
        file.unlink()
    for words in (("plan", "list"), ("sync",)):
        ended = job(*words, on=EFFECTIVE)
        assert (ended.code, ended.json["error"]["code"]) == (2, "damaged_ledger")
    assert not path.exists()
