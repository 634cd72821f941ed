"""Another day than the real one: for reading always, for the rest in a rehearsal."""

import datetime as dt
import re
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from typing import Any

import click
import pytest
import time_machine

from cli import handover as root
from handover.commands.shell import Group
from handover.ledger import Ledger
from handover.ledger.seals import list_broken
from tests.conftest import Ended
from tests.worlds.files_folder import (
    DECIDED,
    EFFECTIVE,
    EXPIRED,
    PLAN,
    PLANNED,
    Job,
    bytes_of,
)

REHEARSAL = "[time]\nrehearsal = true\n"


def in_earnest(job: Job) -> None:
    """Take out of the configuration that the folder is a rehearsal."""
    config = job.folder / "handover.toml"
    text = config.read_text(encoding="utf-8")
    assert REHEARSAL in text
    config.write_text(text.replace(REHEARSAL, ""), encoding="utf-8")


def rehearsed(job: Job) -> None:
    """Make the folder a rehearsal again."""
    config = job.folder / "handover.toml"
    config.write_text(config.read_text(encoding="utf-8") + REHEARSAL, encoding="utf-8")


def error(ended: Ended) -> tuple[int, str]:
    return ended.code, ended.json["error"]["code"]


def kept(job: Job) -> tuple[dict[str, bytes], list[Any]]:
    """Read what is outside the ledger, and what it has of people and runs."""
    ledger = job.folder / ".handover" / "ledger.sqlite"
    tables = ("plans", "plan_versions", "decisions", "runs", "steps", "audits")
    with closing(sqlite3.connect(ledger)) as raw:
        rows = [raw.execute(f"select * from {t}").fetchall() for t in tables]  # noqa: S608
    return bytes_of(job.export), rows


READING: dict[str, tuple[str, ...]] = {
    "sync": (),
    "audit": (),
    "show": ("A1",),
    "plan list": (),
    "plan show": (PLAN,),
    "plan export": (PLAN,),
    "runs list": (),
    "runs show": ("last",),
    "runs verify": (),
    "leaver": ("Sato",),
    "status": (PLAN,),
    "history": ("A1",),
    "report": (PLAN,),
    "meeting pack": (PLAN,),
    "meeting sheet": (PLAN,),
    "meeting mail": (PLAN,),
    "meeting check": ("visits.ics",),
    "meeting calendar": (PLAN,),
    "policy show": (),
    "policy check": (),
    "mapping list": (),
    "mapping show": ("files",),
    "mapping check": (),
    "doctor": (),
    "schedule": ("cron",),
    "help": ("exit-codes",),
}
DECIDING: dict[str, tuple[str, ...]] = {
    "plan new": ("--from", "Tanaka", "--to", "Sato"),
    "plan edit": (PLAN, *DECIDED, "--as", "M"),
    "plan import": ("plan.xlsx", "--as", "M"),
    "plan submit": (PLAN, "--as", "P"),
    "plan approve": (PLAN, "--as", "M"),
    "plan reject": (PLAN, "--reason", "no", "--as", "M"),
    "plan void": (PLAN, "--reason", "no", "--as", "M"),
    "plan end": (PLAN, "--reason", "no", "--as", "M"),
    "plan publish": (PLAN,),
    "close": (PLAN, "--as", "M"),
    "meeting record": (PLAN, "--account", "A1", "--note", "talked", "--as", "S"),
    "meeting import": (PLAN, "sheet.xlsx", "--as", "S"),
    "meeting accept": (PLAN, "--account", "A1", "--as", "S"),
    "meeting return": (PLAN, "--account", "A1", "--reason", "full", "--as", "S"),
    "reassign": (PLAN,),
    "tasks": (),
    "undo": ("last", "--as", "M"),
    "runs retry": ("last",),
    "runs adopt": ("--reason", "ours"),
    "purge": ("--contact", "C1", "--reason", "asked", "--yes", "--as", "M"),
    "runs settle": ("last", "--reason", "not there"),
    "doctor": ("--fix",),
}
NOT_IN_A_FOLDER = {"init", "completion"}


def names(group: Group, before: tuple[str, ...] = ()) -> set[str]:
    """List all commands there are, by the words one types."""
    found: set[str] = set()
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, Group):
            found |= names(command, (*before, name))
        else:
            found.add(" ".join((*before, name)))
    return found


def test_each_command_either_reads_or_decides() -> None:
    assert names(root) - NOT_IN_A_FOLDER == {*READING, *DECIDING}


@pytest.fixture
def carried_out(agreed: Job) -> Job:
    """A folder in which a plan was published, that is no rehearsal from now on."""
    publish = ("plan", "publish", PLAN, "--before-announcement", "x")
    assert agreed(*publish).code == 0
    in_earnest(agreed)
    return agreed


@pytest.mark.parametrize("day", ["2020-01-01", EFFECTIVE])
def test_in_earnest_nothing_is_decided_or_written_on_another_day(
    carried_out: Job, day: str
) -> None:
    before = kept(carried_out)
    for name, words in DECIDING.items():
        ended = carried_out(*name.split(), *words, on=day)
        assert error(ended) == (5, "not_a_rehearsal"), name
        message = ended.json["error"]["message"] + ended.json["error"]["hint"]
        assert day in message
        assert "--as-of" in message
    assert kept(carried_out) == before


def test_reading_looks_at_any_day_and_keeps_nothing_of_it(carried_out: Job) -> None:
    before = kept(carried_out)
    for name, words in READING.items():
        ended = carried_out(*name.split(), *words, on="2028-01-01")
        assert "not_a_rehearsal" not in ended.out, name
    assert kept(carried_out) == before
    assert carried_out.cli("audit", "--json").code == 0  # that of today is kept
    assert kept(carried_out) != before


REAL_NOW = dt.datetime(2027, 3, 1, 3, tzinfo=dt.UTC)
"""Noon in Tokyo on the day of the plan."""


@pytest.fixture
def decided(job: Job, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """A folder in earnest with an approved plan, on the real day of it."""
    in_earnest(job)
    call = on_day(job, monkeypatch, REAL_NOW)
    new = ("plan", "new", "--from", "Sato", "--to", "Tanaka", "--end", "2027-03-12")
    assert call(*new).code == 0
    assert call("plan", "edit", PLAN, *DECIDED, "--as", "M").code == 0
    assert call("plan", "submit", PLAN, "--as", "P").code == 0
    assert call("plan", "approve", PLAN, "--as", "M").code == 0
    return call


def on_day(
    job: Job, monkeypatch: pytest.MonkeyPatch, now: dt.datetime
) -> Callable[..., Ended]:
    """Set the clock of the commands that follow."""

    def call(*words: str, on: str | None = None, at: dt.datetime = now) -> Ended:
        with time_machine.travel(at, tick=True):
            return job.cli(*words, *(("--as-of", on) if on else ()), "--json")

    return call


def test_what_writes_follows_the_real_day_too(decided: Callable[..., Ended]) -> None:
    publish = ("plan", "publish", PLAN, "--before-announcement", "x")
    for day in ("2027-02-28", "2027-03-02", EFFECTIVE):
        assert error(decided(*publish, on=day)) == (5, "not_a_rehearsal")
        assert error(decided("reassign", PLAN, on=day)) == (5, "not_a_rehearsal")
    assert decided("reassign", PLAN, "--dry-run", on=EFFECTIVE).code == 0
    assert decided(*publish, on=PLANNED).code == 0
    undone = decided("undo", "last", "--as", "M", on=EFFECTIVE)
    assert error(undone) == (5, "not_a_rehearsal")
    assert decided("undo", "last", "--as", "M").code == 0


def test_no_day_revives_an_approval_that_has_run_out(
    decided: Callable[..., Ended],
) -> None:
    late = dt.datetime.fromisoformat(f"{EXPIRED}T03:00:00+00:00")
    for words in (("reassign", PLAN), ("reassign", PLAN, "--dry-run")):
        ended = decided(*words, on=PLANNED, at=late)
        assert ended.code == 5
        assert decided(*words, at=late).json["error"]["code"] == "expired"
    dry = decided("reassign", PLAN, "--dry-run", on=PLANNED, at=late)
    assert error(dry) == (5, "expired")
    ahead = decided("reassign", PLAN, "--dry-run", on=EXPIRED)
    assert error(ahead) == (5, "expired")


@pytest.mark.parametrize(
    ("now", "today"),
    [
        ("2027-03-14T14:59:59+00:00", "2027-03-14"),
        ("2027-03-14T15:00:00+00:00", EFFECTIVE),
    ],
)
def test_the_real_day_begins_at_midnight_where_the_company_is(
    decided: Callable[..., Ended], now: str, today: str
) -> None:
    at = dt.datetime.fromisoformat(now)
    edit = ("plan", "edit", PLAN, "--no-attend", "rest", "--as", "M")
    other = EFFECTIVE if today != EFFECTIVE else "2027-03-14"
    assert error(decided(*edit, on=other, at=at)) == (5, "not_a_rehearsal")
    assert decided(*edit, on=today, at=at).code in (0, 5)
    assert "not_a_rehearsal" not in decided(*edit, on=today, at=at).out


# What was rehearsed does not count in earnest, and the other way round


def test_an_approval_of_a_rehearsal_authorises_nothing_in_earnest(agreed: Job) -> None:
    in_earnest(agreed)
    before = kept(agreed)
    for words in (("reassign", PLAN, "--early", "x"), ("plan", "publish", PLAN)):
        for dry in ((), ("--dry-run",)):
            ended = agreed.cli(*words, *dry, "--json")
            assert ended.code == 5
    assert kept(agreed) == before


def test_it_is_refused_by_name_and_counts_again_once_it_was_approved_in_earnest(
    agreed: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_earnest(agreed)
    call = on_day(agreed, monkeypatch, REAL_NOW)
    publish = ("plan", "publish", PLAN, "--before-announcement", "x")
    for words in (publish, ("reassign", PLAN, "--early", "x")):
        ended = call(*words)
        assert error(ended) == (5, "only_rehearsed")
        assert PLAN in ended.json["error"]["message"]
    assert call("plan", "edit", PLAN, "--no-attend", "rest", "--as", "M").code == 0
    assert call("plan", "submit", PLAN, "--as", "P").code == 0
    assert call("plan", "approve", PLAN, "--as", "M").code == 0
    assert call(*publish).code == 0


def test_an_approval_in_earnest_is_not_rehearsed_with(
    decided: Callable[..., Ended], job: Job
) -> None:
    publish = ("plan", "publish", PLAN, "--before-announcement", "x")
    assert decided(*publish).code == 0
    rehearsed(job)
    for words in (publish, ("reassign", PLAN), ("undo", "last", "--as", "M")):
        assert error(decided(*words, on=EFFECTIVE)) == (5, "not_rehearsed"), words


def test_a_run_of_a_rehearsal_is_taken_back_in_a_rehearsal_alone(
    carried_out: Job,
) -> None:
    undo = ("undo", "last", "--as", "M")
    assert error(carried_out.cli(*undo, "--json")) == (5, "only_rehearsed")
    rehearsed(carried_out)
    assert carried_out(*undo).code == 0


def test_a_rehearsal_is_kept_with_what_was_decided_and_written(
    carried_out: Job,
) -> None:
    ledger = Ledger.open(carried_out.folder / ".handover" / "ledger.sqlite")
    with ledger.read() as connection:
        for table in ("plan_versions", "decisions", "runs"):
            query = f"select distinct rehearsed_on from {table}"  # noqa: S608 - ours
            days = connection.exec_driver_sql(query).scalars().all()
            assert days == [PLANNED]
        assert list(list_broken(connection)) == []
    real = dt.datetime.now(dt.UTC).date().isoformat()
    with ledger.read() as connection:
        query = "select at from decisions"
        moments = connection.exec_driver_sql(query).scalars().all()
    assert all(moment[:10] <= real != PLANNED for moment in moments)


def test_in_earnest_nothing_says_rehearsal(
    decided: Callable[..., Ended], job: Job
) -> None:
    ledger = job.folder / ".handover" / "ledger.sqlite"
    with closing(sqlite3.connect(ledger)) as raw:
        for table in ("plan_versions", "decisions"):
            query = f"select distinct rehearsed_on from {table}"  # noqa: S608 - ours
            assert raw.execute(query).fetchall() == [(None,)]


def test_what_was_sealed_before_there_were_rehearsals_still_holds(
    decided: Callable[..., Ended], job: Job
) -> None:
    file = job.folder / ".handover" / "ledger.sqlite"
    with closing(sqlite3.connect(file)) as raw:
        for table in ("plan_versions", "decisions", "runs"):
            raw.execute(f"alter table {table} drop column rehearsed_on")
        for table in (
            "agreements",
            "remarks",
            "acceptances",
            "names",
            "erasures",
            "acknowledgements",
        ):
            raw.execute(f"drop table {table}")
        for name in ("table_name", "actor", "rehearsed_on", "before"):
            raw.execute(f"alter table confirmations drop column {name}")
        raw.execute("update alembic_version set version_num = '0002'")
        raw.commit()
    with Ledger.open(file).read() as connection:
        assert list(list_broken(connection)) == []
    assert decided("plan", "publish", PLAN, "--before-announcement", "x").code == 0


# Every output of a rehearsal says what it is

OFFLINE = {"help", "policy show", "schedule", "mapping list", "mapping show"}
"""What may be asked without opening a working folder."""


def test_each_command_says_once_that_it_is_a_rehearsal(agreed: Job) -> None:
    for name, words in {**READING, **DECIDING}.items():
        ended = agreed.cli(*name.split(), *words, "--json")
        codes = [warning["code"] for warning in ended.json["warnings"]]
        assert codes.count("rehearsal") == 1 or name in OFFLINE, name
        shown = agreed.cli(*name.split(), *words, "--as-of", PLANNED)
        assert shown.err.count("A rehearsal: ") == 1 or name in OFFLINE, name


def test_in_earnest_no_command_says_so(decided: Callable[..., Ended], job: Job) -> None:
    for name in ("audit", "plan list", "doctor"):
        ended = decided(*name.split())
        assert "rehearsal" not in {one["code"] for one in ended.json["warnings"]}
    assert decided("audit", "--format", "html", "-o", "a.html").code == 0
    assert 'class="mark"' not in (job.folder / "a.html").read_text(encoding="utf-8")


PAGES = [("audit",), ("plan", "show", PLAN)]


@pytest.mark.parametrize("words", PAGES)
@pytest.mark.parametrize(("language", "said"), [("en", "rehearsal"), ("ja", "リハ")])
def test_pages_and_workbooks_bear_it_on_screen_and_in_print(
    agreed: Job, words: tuple[str, ...], language: str, said: str
) -> None:
    to = ("--as-of", PLANNED, "--lang", language, "-o")
    assert agreed.cli(*words, *to, "page.html").code == 0
    page = (agreed.folder / "page.html").read_text(encoding="utf-8")
    (mark,) = re.findall(r'<p class="mark"[^>]*>(.*?)</p>', page)
    assert said in mark
    assert PLANNED in mark
    assert re.search(r"@media print.*\.behind \{\s*display: block", page, re.DOTALL)
    assert agreed.cli(*words, *to, "book.xlsx").code == 0
    with zipfile.ZipFile(agreed.folder / "book.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
    assert re.search(rf"<oddHeader>.*{said}.*</oddHeader>", sheet)
    assert said in texts
