"""Writing to a folder of files: cells, tasks, and who else has a file."""

import csv
import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from connectors.base import Create, Outcome, SetField
from connectors.errors import (
    ConnectorError,
    FileChanged,
    FileInUse,
    FolderFull,
    ReadOnlyFolder,
    UnreadableQuoting,
)
from connectors.files import TASKS_FILE, FilesCRM

ACCOUNTS = b'id,name,owner_id\r\n1,"A, Inc.",u1\r\n2,B,"u1"\r\n'


def set_owner(
    key: str,
    after: str | None = "u2",
    before: str | None = "u1",
    field: str = "owner_id",
) -> SetField:
    return SetField(
        object="accounts.*", id=key, field=field, before=before, after=after
    )


def task(key: str, *, subject: str = "引継ぎ訪問", account: str = "1") -> Create:
    return Create(
        object=TASKS_FILE,
        key=key,
        key_field="handover_key",
        values={"subject": subject, "due": "2026-12-01", "owner_id": "u1"},
        links={"account": account},
    )


def written(folder: Path, *changes: SetField | Create) -> list[Outcome]:
    return FilesCRM(folder).write(changes)


def told(outcomes: Sequence[Outcome]) -> list[str]:
    return [outcome.code or outcome.state for outcome in outcomes]


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    path = tmp_path / "accounts.csv"
    path.write_bytes(ACCOUNTS)
    return path


def test_only_the_wanted_cells_change(accounts: Path) -> None:
    assert told(written(accounts.parent, set_owner("1"), set_owner("2"))) == [
        "done",
        "done",
    ]
    assert accounts.read_bytes() == (
        b'id,name,owner_id\r\n1,"A, Inc.",u2\r\n2,B,"u2"\r\n'
    )


def test_a_cell_that_holds_something_else_is_refused(accounts: Path) -> None:
    assert told(written(accounts.parent, set_owner("1", before="u9"))) == ["changed"]
    assert accounts.read_bytes() == ACCOUNTS


def test_a_cell_that_holds_the_new_value_is_done_without_writing(
    accounts: Path,
) -> None:
    before = accounts.stat()
    assert told(written(accounts.parent, set_owner("1", after="u1"))) == ["already"]
    assert accounts.stat().st_ino == before.st_ino


def test_what_is_not_there_is_refused(accounts: Path) -> None:
    changes = [set_owner("3"), set_owner("1", field="phone"), set_owner("2")]
    assert told(written(accounts.parent, *changes)) == [
        "not_found",
        "unknown_field",
        "done",
    ]


def test_two_changes_of_one_record_both_arrive(accounts: Path) -> None:
    name = set_owner("2", field="name", before="B", after='B "the" Co., Ltd.')
    again = set_owner("2", before="u2", after="u3")
    assert told(written(accounts.parent, name, set_owner("2"), again)) == ["done"] * 3
    assert accounts.read_bytes().endswith(b'2,"B ""the"" Co., Ltd.","u3"\r\n')


def test_missing_cells_of_a_short_row_are_added(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes(b"id,name,city,owner_id\n1\n2,B\n")
    assert told(written(tmp_path, set_owner("1", before=None))) == ["done"]
    assert path.read_bytes() == b"id,name,city,owner_id\n1,,,u2\n2,B\n"


def test_an_emptied_lone_cell_does_not_make_its_row_vanish(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_bytes(b"id\n1\n")
    change = set_owner("1", field="id", before="1", after=None)
    assert told(written(tmp_path, change)) == ["done"]
    assert path.read_bytes() == b'id\n""\n'


def test_a_character_that_the_file_cannot_hold_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    content = "id,owner_id,name\n1,佐藤,社\n".encode("cp932")
    path.write_bytes(content)
    change = set_owner("1", before="佐藤", after="𠮷田")
    assert told(written(tmp_path, change)) == ["not_encodable"]
    assert path.read_bytes() == content
    assert told(written(tmp_path, set_owner("1", before="佐藤", after="髙田"))) == [
        "done"
    ]
    assert path.read_bytes() == "id,owner_id,name\n1,髙田,社\n".encode("cp932")


def test_a_nul_is_never_written(accounts: Path) -> None:
    assert told(written(accounts.parent, set_owner("1", after="u\0"))) == [
        "not_encodable"
    ]


def test_an_object_without_an_id_column_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "accounts.csv").write_bytes(b"no,owner_id\n1,u1\n")
    assert told(written(tmp_path, set_owner("1"))) == ["not_writable"]


def test_mode_and_links_stay(accounts: Path) -> None:
    accounts.chmod(0o640)
    link = accounts.with_name("accounts_all.csv")
    link.symlink_to(accounts)
    change = SetField(
        object=link.name, id="1", field="owner_id", before="u1", after="u2"
    )
    assert told(written(accounts.parent, change)) == ["done"]
    assert accounts.stat().st_mode & 0o7777 == 0o640
    assert link.is_symlink()
    assert b",u2" in link.read_bytes()


def test_nothing_is_left_beside_the_file(accounts: Path) -> None:
    (accounts.parent / ".accounts.csv.draft").write_bytes(b"of a killed run")
    written(accounts.parent, set_owner("1"))
    assert [path.name for path in accounts.parent.iterdir()] == ["accounts.csv"]


# Files that others have open, and folders that do not let us.


@pytest.mark.parametrize("owner", ["~$accounts.csv", ".~lock.accounts.csv#"])
def test_a_file_that_an_office_program_holds_is_not_touched(
    accounts: Path, owner: str
) -> None:
    (accounts.parent / owner).touch()
    with pytest.raises(FileInUse) as caught:
        written(accounts.parent, set_owner("1"))
    assert caught.value.exit_code == 7
    assert caught.value.params["file"] == "accounts.csv"
    assert accounts.read_bytes() == ACCOUNTS


@contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    code = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+b');"
        "fcntl.flock(file, fcntl.LOCK_EX); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.communicate()


def test_a_file_that_another_process_has_locked_is_not_touched(accounts: Path) -> None:
    with held_by_another_process(accounts), pytest.raises(FileInUse):
        written(accounts.parent, set_owner("1"))
    assert told(written(accounts.parent, set_owner("1"))) == ["done"]


def test_a_file_that_was_replaced_before_we_held_it_is_not_touched(
    accounts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def slow_lock(descriptor: int, how: int) -> None:
        other = accounts.with_suffix(".new")
        other.write_bytes(ACCOUNTS)
        other.replace(accounts)
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", slow_lock)
    with pytest.raises(FileInUse):
        written(accounts.parent, set_owner("1"))


def test_a_file_that_was_written_to_meanwhile_is_not_replaced(
    accounts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def slow_sync(descriptor: int) -> None:
        with accounts.open("ab") as file:
            file.write(b"3,C,u1\r\n")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", slow_sync)
    with pytest.raises(FileChanged):
        written(accounts.parent, set_owner("1"))
    assert accounts.read_bytes() == ACCOUNTS + b"3,C,u1\r\n"


@pytest.mark.parametrize(
    ("number", "error", "exit_code"),
    [
        (errno.ENOSPC, FolderFull, 7),
        (errno.EROFS, ReadOnlyFolder, 5),
        (errno.EACCES, ReadOnlyFolder, 5),
    ],
)
def test_what_the_system_refuses_is_said_and_leaves_the_old_file(
    accounts: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: type[ConnectorError],
    exit_code: int,
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(error) as caught:
        written(accounts.parent, set_owner("1"))
    assert caught.value.exit_code == exit_code
    assert accounts.read_bytes() == ACCOUNTS
    assert [path.name for path in accounts.parent.iterdir()] == ["accounts.csv"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_only_be_read_is_said(accounts: Path) -> None:
    accounts.parent.chmod(0o500)
    with pytest.raises(ReadOnlyFolder):
        written(accounts.parent, set_owner("1"))


def test_a_file_that_cannot_be_read_is_not_written(tmp_path: Path) -> None:
    content = b'id,owner_id\n1,"u1\n2,u1\n'
    (tmp_path / "accounts.csv").write_bytes(content)
    with pytest.raises(UnreadableQuoting) as caught:
        written(tmp_path, set_owner("2"))
    assert caught.value.params["line"] == 2
    assert (tmp_path / "accounts.csv").read_bytes() == content


# Tasks.


def test_the_first_task_makes_the_file(accounts: Path) -> None:
    (outcome,) = written(accounts.parent, task("handover:1"))
    assert (outcome.state, outcome.id) == ("done", "handover:1")
    with (accounts.parent / TASKS_FILE).open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert {name: value for name, value in row.items() if value} == {
        "id": "handover:1",
        "kind": "task",
        "is_done": "false",
        "due": "2026-12-01",
        "subject": "引継ぎ訪問",
        "owner_id": "u1",
        "account_id": "1",
        "handover_key": "handover:1",
    }


def test_a_task_is_appended_once_whatever_happens(accounts: Path) -> None:
    folder = accounts.parent
    one, two = task("handover:1"), task("handover:2", subject='"A", 改行\nあり')
    assert told(written(folder, one, two, one)) == ["done", "done", "already"]
    assert told(written(folder, two, task("handover:3"))) == ["already", "done"]
    found = FilesCRM(folder).find([one, two, task("handover:9")])
    assert list(found) == ["handover:1", "handover:2"]
    assert found["handover:2"]["subject"] == '"A", 改行\nあり'
    assert found["handover:2"]["account_id"] == "1"


def test_an_interrupted_creation_of_the_file_does_no_harm(accounts: Path) -> None:
    (accounts.parent / TASKS_FILE).touch()
    assert told(written(accounts.parent, task("handover:1"))) == ["done"]


def test_a_task_is_changed_like_any_record(accounts: Path) -> None:
    written(accounts.parent, task("handover:1"))
    close = SetField(
        object=TASKS_FILE,
        id="handover:1",
        field="is_done",
        before="false",
        after="true",
    )
    assert told(written(accounts.parent, close)) == ["done"]
    (row,) = FilesCRM(accounts.parent).find([task("handover:1")]).values()
    assert row["is_done"] == "true"


def test_a_row_is_appended_in_the_manner_of_its_file(accounts: Path) -> None:
    path = accounts.parent / "todo.csv"
    path.write_bytes("key,subject\nk0,訪問".encode("cp932"))
    create = Create(
        object="todo.*", key="k1", key_field="key", values={"subject": "電話"}
    )
    assert told(written(accounts.parent, create)) == ["unknown_field"]
    path.write_bytes("id,kind,is_done,key,subject\n0,,,k0,訪問".encode("cp932"))
    assert told(written(accounts.parent, create)) == ["done"]
    assert path.read_bytes() == (
        "id,kind,is_done,key,subject\n0,,,k0,訪問\nk1,task,false,k1,電話\n"
    ).encode("cp932")


def test_finding_tasks_where_there_are_none_yet_finds_none(accounts: Path) -> None:
    assert FilesCRM(accounts.parent).find([task("handover:1")]) == {}


def test_batches_hold_five_hundred_changes_of_one_object(accounts: Path) -> None:
    changes: list[SetField | Create] = [
        *(set_owner(str(n)) for n in range(1_100)),
        task("handover:1"),
    ]
    batches = list(FilesCRM(accounts.parent).batches(changes))
    assert [len(batch) for batch in batches] == [500, 500, 100, 1]
