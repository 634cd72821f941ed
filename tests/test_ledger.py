"""The ledger: opened, migrated, and never half written."""

import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError

from handover.errors import DiskFull
from handover.ledger import DamagedLedger, Ledger, NewerLedger, engine
from handover.ledger.engine import LedgerBusy
from handover.ledger.migrations import HEAD, upgrade
from handover.ledger.migrations.upgrade import configuration
from handover.ledger.tables import generations, metadata, policies, watermarks

POLICY = {"hash": "h", "version": "1", "text": "", "first_used_at": "2027-03-01"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "ledger.sqlite"


def names(ledger: Ledger) -> set[str]:
    with ledger.read() as connection:
        found = connection.execute(
            text("select name from sqlite_master where type = 'table'")
        )
        return set(found.scalars())


def hashes(ledger: Ledger) -> list[str]:
    with ledger.read() as connection:
        return list(connection.execute(select(policies.c.hash)).scalars())


def test_migrating_yields_exactly_the_declared_tables(path: Path) -> None:
    with Ledger.open(path).read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_newest_version_is_the_last_in_the_folder() -> None:
    assert ScriptDirectory.from_config(configuration()).get_heads() == [HEAD]


def test_only_its_owner_can_look_into_it(path: Path) -> None:
    with Ledger.open(path).begin() as connection:
        connection.execute(insert(policies).values(POLICY))
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_committed_is_on_the_disk_and_refers_to_what_exists(path: Path) -> None:
    ledger = Ledger.open(path)
    with ledger.read() as connection:
        for pragma, value in (("synchronous", 2), ("foreign_keys", 1)):
            assert connection.exec_driver_sql(f"pragma {pragma}").scalar() == value
        assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
    mark = {"source": "s", "object": "o", "mapping_hash": "", "visible_hash": ""}
    with pytest.raises(IntegrityError), ledger.begin() as connection:
        connection.execute(
            insert(watermarks).values(**mark, translation_version=1, generation=99)
        )


def test_a_transaction_that_fails_leaves_nothing(path: Path) -> None:
    ledger = Ledger.open(path)

    def fail() -> None:
        with ledger.begin() as connection:
            connection.execute(insert(policies).values(POLICY))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert hashes(ledger) == []


def test_a_reader_sees_one_state_and_does_not_wait_for_the_writer(path: Path) -> None:
    ledger = Ledger.open(path)
    with ledger.read() as reader:
        assert reader.execute(select(policies.c.hash)).all() == []
        with ledger.begin() as writer:
            writer.execute(insert(policies).values(POLICY))
        assert reader.execute(select(policies.c.hash)).all() == []
    assert hashes(ledger) == ["h"]


def test_writers_take_turns(path: Path) -> None:
    Ledger.open(path)

    def write(key: int) -> None:
        for n in range(5):
            with Ledger.open(path).begin() as connection:
                seen = connection.execute(select(policies.c.hash)).all()
                values = POLICY | {"hash": f"{key}-{n}", "text": str(len(seen))}
                connection.execute(insert(policies).values(values))

    threads = [threading.Thread(target=write, args=(key,)) for key in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Ledger.open(path).read() as connection:
        counted = connection.execute(select(policies.c.text)).scalars()
        assert sorted(map(int, counted)) == list(range(20))


def test_a_writer_that_waits_too_long_is_told_to_try_later(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    ledger = Ledger.open(path)
    with ledger.begin(), pytest.raises(LedgerBusy), ledger.begin():
        pass


def test_a_full_disk_keeps_what_was_there(path: Path) -> None:
    ledger = Ledger.open(path)
    with ledger.begin() as connection:
        connection.execute(insert(policies).values(POLICY))

    def fill() -> None:
        with ledger.begin() as connection:
            pages = connection.exec_driver_sql("pragma page_count").scalar()
            connection.exec_driver_sql(f"pragma max_page_count = {pages}")
            values = POLICY | {"hash": "large", "text": "x" * 1_000_000}
            connection.execute(insert(policies).values(values))

    with pytest.raises(DiskFull):
        fill()
    assert hashes(ledger) == ["h"]


def test_a_file_that_is_no_ledger_is_refused_and_left_alone(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"PK\x03\x04" * 2000)
    with pytest.raises(DamagedLedger) as caught:
        Ledger.open(path)
    assert caught.value.exit_code == 2
    assert path.read_bytes() == b"PK\x03\x04" * 2000


def test_broken_pages_are_found(path: Path) -> None:
    ledger = Ledger.open(path)
    assert ledger.damage() == []
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
        root = "select rootpage from sqlite_master where name = 'policies'"
        page = connection.execute(root).fetchone()[0]
    connection.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : (page - 1) * 4096 + 200] = b"\xff" * 200
    path.write_bytes(content)
    with pytest.raises(DamagedLedger):
        assert Ledger.open(path).damage() == []


def test_a_newer_ledger_is_refused_and_left_alone(path: Path) -> None:
    with Ledger.open(path).begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(NewerLedger) as caught:
        Ledger.open(path)
    assert caught.value.params["found"] == "9999"
    with sqlite3.connect(path) as raw:
        version = raw.execute("select version_num from alembic_version").fetchone()
    raw.close()
    assert version == ("9999",)


# An older ledger: as if the present version were the second one.


def older(path: Path) -> None:
    """Make a ledger that has another version and something in it."""
    with Ledger.open(path).begin() as connection:
        connection.execute(insert(policies).values(POLICY))
        connection.execute(text("update alembic_version set version_num = '0000'"))


def test_migrating_keeps_a_copy_of_the_older_ledger(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older(path)

    def pretend(connection: object) -> None:
        assert hasattr(connection, "execute")
        connection.execute(
            text("update alembic_version set version_num = :head"), {"head": HEAD}
        )

    monkeypatch.setattr(upgrade, "upgrade", pretend)
    assert hashes(Ledger.open(path)) == ["h"]
    copy = path.with_name("ledger-0000.sqlite")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with sqlite3.connect(copy) as raw:
        assert raw.execute("select hash from policies").fetchall() == [("h",)]
        assert raw.execute("select * from alembic_version").fetchall() == [("0000",)]
    raw.close()


def test_a_migration_that_stops_changes_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older(path)

    def stop(connection: object) -> None:
        assert hasattr(connection, "execute")
        connection.execute(text("drop table steps"))
        raise KeyboardInterrupt

    monkeypatch.setattr(upgrade, "upgrade", stop)
    with pytest.raises(KeyboardInterrupt):
        Ledger.open(path)
    with sqlite3.connect(path) as raw:
        assert raw.execute("select * from alembic_version").fetchall() == [("0000",)]
        assert raw.execute("select count(*) from steps").fetchone() == (0,)
    raw.close()


def test_two_that_open_a_new_ledger_at_once_make_one(path: Path) -> None:
    threads = [threading.Thread(target=Ledger.open, args=(path,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(metadata.tables) <= names(Ledger.open(path))


def test_opening_a_present_ledger_needs_no_migration_tool(path: Path) -> None:
    Ledger.open(path)
    script = (
        "import sys\nfrom pathlib import Path\nfrom handover.ledger import Ledger\n"
        "Ledger.open(Path(sys.argv[1]))\nassert 'alembic' not in sys.modules\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    root = Path(__file__).parents[1]
    subprocess.run(command, check=True, cwd=root)  # noqa: S603 - our own interpreter


def test_a_transaction_that_was_killed_is_as_if_it_never_began(path: Path) -> None:
    Ledger.open(path)
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from sqlalchemy import insert\n"
        "from handover.ledger import Ledger\n"
        "from handover.ledger.tables import generations\n"
        "with Ledger.open(Path(sys.argv[1])).begin() as connection:\n"
        "    connection.execute(insert(generations).values(n=1, published_at='',\n"
        "        schema_version=1, files={}, sources={}))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    root = Path(__file__).parents[1]
    ended = subprocess.run(command, check=False, cwd=root)  # noqa: S603 - our own
    assert ended.returncode == -9
    with Ledger.open(path).read() as connection:
        assert connection.execute(select(generations.c.n)).all() == []
