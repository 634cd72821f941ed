"""What somebody writes into the ledger past the product is obeyed by nobody."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from handover.ledger import seals
from tests.conftest import Cli
from tests.worlds.files_folder import (
    EFFECTIVE,
    PLAN,
    Job,
    build,
)

Write = Callable[[str], None]


@pytest.fixture
def job(agreed: Job) -> Job:
    """A folder with an approved plan."""
    return agreed


def write_past_the_product(folder: Path, *statements: str) -> None:
    """Change the ledger as somebody with a tool would, past its triggers."""
    with closing(sqlite3.connect(folder / ".handover" / "ledger.sqlite")) as raw:
        raw.execute("pragma foreign_keys = off")
        triggers = "select name from sqlite_master where type = 'trigger'"
        for (name,) in raw.execute(triggers).fetchall():
            raw.execute(f"drop trigger {name}")
        for statement in statements:
            raw.execute(statement)
        raw.commit()


def broken_rows(job: Job) -> set[str]:
    """List what ``runs verify`` finds wrong."""
    ended = job("runs", "verify")
    if ended.code == 5:  # a row that cannot even be read
        return {ended.json["error"]["message"]}
    return {str(each["id"]) for each in ended.data["broken"]}


COPY = "insert into decisions select 99, {columns} from decisions where id = 1"
COLUMNS = (
    "plan_id, version, fingerprint, 'approve', 'M', as_delegate, actor, host,"
    " tool_version, evidence, on_behalf, reason, at,"
    " rehearsed_on"
)


def test_an_approval_that_was_typed_in_is_none(folder: Path, cli: Cli) -> None:
    job = Job(cli=cli, folder=build(folder / "company"))
    config = ("-c", str(job.folder / "handover.toml"))
    assert job("plan", "new", "--from", "Sato", "--to", "Tanaka", *config).code in {
        0,
        5,
    }
    plan = job("plan", "list", *config).data["plans"][0]["id"]
    decided = ("--no-attend", "rest", "--loose", "opportunities=transfer")
    assert job("plan", "edit", plan, *decided, "--as", "M", *config).code == 0
    assert job("plan", "submit", plan, "--as", "P", *config).code == 0
    write_past_the_product(
        job.folder,
        COPY.format(columns=COLUMNS),
        "update plans set state = 'approved'",
    )
    ended = job("reassign", plan, *config, "--early", "now")
    assert (ended.code, ended.json["error"]["code"]) == (5, "ledger_changed")
    assert set(job.owners().values()) == {"P", "S"}
    found = {str(e["id"]) for e in job("runs", "verify", *config).data["broken"]}
    assert any(row.startswith(f"decisions:{plan}:99") for row in found)
    assert f"plans:{plan}" in found


AUTHORITY = {
    "plans": "state version author_id predecessor_id source",
    "plan_versions": "content fingerprint policy_hash made_by made_at cause",
    "decisions": "decision person_id version fingerprint actor host as_delegate "
    "on_behalf reason evidence at rehearsed_on",
}


@pytest.mark.parametrize(
    ("table", "column"),
    [(table, column) for table, names in AUTHORITY.items() for column in names.split()],
)
def test_no_edited_row_gives_authority(job: Job, table: str, column: str) -> None:
    value = "'{}'" if column in {"content", "evidence"} else "'7'"
    write_past_the_product(
        job.folder,
        f"update {table} set {column} = {value}",  # noqa: S608 - ours
    )
    ended = job("reassign", PLAN, on=EFFECTIVE)
    assert ended.code in {2, 5}
    assert set(job.owners().values()) == {"P", "S"}


@pytest.mark.parametrize("table", ["decisions", "events", "seals", "plan_versions"])
def test_no_row_can_be_taken_away(job: Job, table: str) -> None:
    write_past_the_product(
        job.folder,
        f"delete from {table} where rowid = (select max(rowid) from {table})",  # noqa: S608
    )
    ended = job("reassign", PLAN, on=EFFECTIVE)
    assert ended.code in {2, 5}
    assert set(job.owners().values()) == {"P", "S"}
    assert broken_rows(job)


@pytest.mark.parametrize(
    ("table", "column"),
    [
        *(("steps", name) for name in ("before", "after", "record_id", "object")),
        *(("steps", name) for name in ("field", "action", "outcome", "authority")),
        *(("runs", name) for name in ("plan_id", "person_id", "org_id", "state")),
        *(("runs", name) for name in ("actor", "reason", "started_at")),
        ("runs", "rehearsed_on"),
    ],
)
@pytest.mark.every(2)
def test_a_run_whose_rows_were_edited_is_not_taken_back(
    job: Job, table: str, column: str
) -> None:
    assert job("reassign", PLAN, on=EFFECTIVE).code == 0
    before = job.owners()
    write_past_the_product(
        job.folder,
        f"update {table} set {column} = '2027'",  # noqa: S608 - ours
    )
    ended = job("undo", "last", "--as", "M", on=EFFECTIVE)
    assert ended.code in {2, 5}
    assert job.owners() == before
    assert broken_rows(job)


def test_an_untouched_ledger_is_obeyed_and_vouched_for(job: Job) -> None:
    assert job("reassign", PLAN, on=EFFECTIVE).code == 0
    assert broken_rows(job) == set()
    assert job("undo", "last", "--as", "M", on=EFFECTIVE).code == 0
    assert broken_rows(job) == set()


def test_every_kind_of_row_that_is_sealed_occurs(job: Job) -> None:
    asahi, visited = ("--account", "青葉商事"), "2027-03-11"
    agreed = ("plan", "edit", PLAN, "--agreed", "青葉商事", "--as", "M")
    said = ("--item", "contacts.channel", "--result", "confirmed")
    recorded = ("record", PLAN, *asahi, *said, "--person", "山田 太郎", "--as", "S")
    assert job(*agreed).code == 0
    assert job("meeting", *recorded, on=visited).code == 0
    accepted = job("meeting", "accept", PLAN, *asahi, "--as", "S", on=visited)
    assert accepted.code == 0
    job("reassign", PLAN, on=EFFECTIVE)
    with closing(sqlite3.connect(job.folder / ".handover" / "ledger.sqlite")) as raw:
        subjects = raw.execute("select subject from seals").fetchall()
    begun = {subject.partition(":")[0] for (subject,) in subjects}
    assert begun == {kind.name for kind in seals.KINDS}


LATER = (
    *("agreements", "remarks", "acceptances"),
    *("names", "erasures", "acknowledgements"),
)
"""Tables that the first ledgers did not have."""


def test_what_an_older_ledger_holds_is_sealed_when_it_is_opened(job: Job) -> None:
    write_past_the_product(
        job.folder,
        "delete from seals",
        "drop index ix_seals_subject",
        "drop table seals",
        *(f"drop table {each}" for each in LATER),
        *(
            f"alter table confirmations drop column {name}"
            for name in ("table_name", "actor", "rehearsed_on", "before")
        ),
        "delete from events",
        "delete from sqlite_sequence where name = 'events'",
        "alter table events drop column seals_hash",
        "alter table runs drop column serial",
        *(
            f"alter table {table} drop column rehearsed_on"
            for table in ("plan_versions", "decisions", "runs")
        ),
        "update alembic_version set version_num = '0001'",
        "create trigger events_are_not_edited before update on events"
        " begin select 1; end",
    )
    assert broken_rows(job) == set()
    # Vouched for, and from before there were rehearsals: it counts in earnest.
    ended = job("reassign", PLAN, on=EFFECTIVE)
    assert ended.json["error"]["code"] == "not_rehearsed"
