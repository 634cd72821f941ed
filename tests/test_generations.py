"""Generations: published atomically, read undisturbed, thrown away late."""

import datetime as dt
import errno
import threading
from pathlib import Path

import duckdb
import pytest

from handover.errors import NoGeneration
from handover.ledger import Ledger
from handover.mirror.disk import open_duckdb
from handover.mirror.generations import (
    LEAST_KEPT,
    DamagedMirror,
    Generation,
    NextGeneration,
    collect_garbage,
    current_generation,
    newest_generation,
    publish,
)

NOW = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
DAY = dt.timedelta(days=1)


class Shelf:
    """A mirror whose generations hold the numbers that they are given."""

    def __init__(self, folder: Path) -> None:
        self.ledger = Ledger.open(folder / "ledger.sqlite")
        self.folder = folder / "mirror"
        self.folder.mkdir(parents=True)

    def put(self, at: dt.datetime = NOW, **tables: int) -> Generation:
        """Publish a generation; a table not given stays as it is."""
        with open_duckdb(self.folder) as con:
            following = NextGeneration(
                con=con, folder=self.folder, before=self.newest()
            )
            for table, number in tables.items():
                following.write(table, f"range({number}, {number + 1})")
            files = following.finish()
        with self.ledger.begin() as connection:
            publish(connection, n=following.n, files=files, sources={}, now=at)
        return current_generation(self.ledger, self.folder)

    def newest(self) -> Generation | None:
        with self.ledger.read() as connection:
            return newest_generation(connection, self.folder)

    def collect(self, at: dt.datetime, keep: int = LEAST_KEPT) -> list[Path]:
        return collect_garbage(self.ledger, self.folder, keep=keep, now=at)

    def files(self) -> set[str]:
        found = self.folder.rglob("*.parquet")
        return {file.relative_to(self.folder).as_posix() for file in found}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def content(file: Path) -> set[int]:
    with duckdb.connect() as con:
        return {n for (n,) in con.read_parquet(str(file)).fetchall()}


def test_before_the_first_sync_there_is_none(shelf: Shelf) -> None:
    with pytest.raises(NoGeneration):
        current_generation(shelf.ledger, shelf.folder)


def test_a_table_that_did_not_change_keeps_its_file(shelf: Shelf) -> None:
    first = shelf.put(accounts=1, users=1)
    second = shelf.put(accounts=2)
    assert second.n == first.n + 1
    assert second.files["users"] == first.files["users"]
    assert content(second.files["accounts"]) == {2}
    assert content(first.files["accounts"]) == {1}


def test_files_may_be_read_by_their_owner_only(shelf: Shelf) -> None:
    home = shelf.put(accounts=1).files["accounts"].parent
    assert home.stat().st_mode & 0o777 == 0o700


def test_the_last_three_generations_are_kept_however_old(shelf: Shelf) -> None:
    for n in range(5):
        shelf.put(NOW + n * DAY, accounts=n)
    shelf.collect(NOW + 100 * DAY)
    assert shelf.files() == {f"g00000{n}/accounts.parquet" for n in (3, 4, 5)}


def test_as_many_generations_are_kept_as_are_asked_for(shelf: Shelf) -> None:
    for n in range(6):
        shelf.put(NOW + n * DAY, accounts=n)
    shelf.collect(NOW + 100 * DAY, keep=5)
    assert len(shelf.files()) == 5


def test_what_was_current_within_a_day_is_kept(shelf: Shelf) -> None:
    """A reader may have opened it just before the next one was published."""
    shelf.put(NOW - 9 * DAY, accounts=0)
    for n in range(1, 6):
        shelf.put(NOW, accounts=n)
    shelf.collect(NOW + dt.timedelta(hours=23))
    assert len(shelf.files()) == 6
    shelf.collect(NOW + dt.timedelta(hours=25))
    assert len(shelf.files()) == 3


def test_a_file_that_the_current_generation_still_names_is_kept(shelf: Shelf) -> None:
    shelf.put(NOW, users=1, accounts=1)
    for n in range(5):
        shelf.put(NOW + n * DAY, accounts=n)
    shelf.collect(NOW + 100 * DAY)
    current = current_generation(shelf.ledger, shelf.folder)
    assert current.files["users"].parent.name == "g000001"
    assert content(current.files["users"]) == {1}
    assert not (shelf.folder / "g000001" / "accounts.parquet").exists()


def test_a_dropped_generation_stays_in_the_history_without_files(shelf: Shelf) -> None:
    for n in range(5):
        shelf.put(NOW + n * DAY, accounts=n)
    shelf.collect(NOW + 100 * DAY)
    with shelf.ledger.read() as connection:
        rows = connection.exec_driver_sql("select n, files from generations").all()
    assert {n: files == "{}" for n, files in rows} == {
        1: True,
        2: True,
        3: False,
        4: False,
        5: False,
    }


def test_garbage_is_unfinished_folders_and_orphans(shelf: Shelf) -> None:
    shelf.put(accounts=1)
    (shelf.folder / ".tmp-000002-1").mkdir()
    orphan = shelf.folder / "g000002"
    orphan.mkdir()
    (orphan / "accounts.parquet").touch()
    other = shelf.folder / "notes"
    other.mkdir()
    shelf.collect(NOW)
    assert shelf.files() == {"g000001/accounts.parquet"}
    assert sorted(p.name for p in shelf.folder.iterdir()) == ["g000001", "notes"]


def test_an_orphan_of_the_same_number_is_replaced(shelf: Shelf) -> None:
    shelf.put(accounts=1)
    orphan = shelf.folder / "g000002"
    orphan.mkdir()
    (orphan / "users.parquet").touch()
    shelf.put(accounts=2)
    assert shelf.files() == {"g000001/accounts.parquet", "g000002/accounts.parquet"}


def test_what_cannot_be_removed_is_left_for_the_next_night(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows removes no file that somebody has open."""

    def refuse(file: Path) -> None:
        raise PermissionError(errno.EACCES, "in use", str(file))

    for n in range(5):
        shelf.put(NOW + n * DAY, accounts=n)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refuse)
        shelf.collect(NOW + 100 * DAY)
        assert len(shelf.files()) == 5
    shelf.collect(NOW + 100 * DAY)
    assert len(shelf.files()) == 3


@pytest.mark.parametrize("at", [0, 4, 100, -100, -5, -1])
def test_one_flipped_byte_is_noticed(shelf: Shelf, at: int) -> None:
    file = shelf.put(accounts=1, users=1).files["accounts"]
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
    with pytest.raises(DamagedMirror) as caught:
        current_generation(shelf.ledger, shelf.folder)
    assert caught.value.params == {"file": file, "table": "accounts"}


def test_a_missing_or_shortened_file_is_noticed(shelf: Shelf) -> None:
    generation = shelf.put(accounts=1, users=1)
    file = generation.files["users"]
    file.write_bytes(file.read_bytes()[:-10])
    assert list(generation.damaged()) == ["users"]
    file.unlink()
    assert list(generation.damaged()) == ["users"]


def test_readers_see_one_generation_while_others_are_published(shelf: Shelf) -> None:
    shelf.put(accounts=0, users=0)
    stop = threading.Event()
    seen: list[set[int]] = []
    torn: list[object] = []

    def read() -> None:
        while not stop.is_set():
            files = current_generation(shelf.ledger, shelf.folder).files
            try:
                both = content(files["accounts"]) | content(files["users"])
            except duckdb.Error as error:
                torn.append(error)
                return
            seen.append(both)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(1, 12):
        shelf.put(accounts=n, users=n)
        shelf.collect(NOW)
    stop.set()
    for reader in readers:
        reader.join()
    assert not torn
    assert all(len(both) == 1 for both in seen)
    assert len(set(map(tuple, seen))) > 1
