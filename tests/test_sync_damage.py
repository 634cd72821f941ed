"""Full disks, damaged files and changed exports: what was there stays there."""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from connectors.base import Connector, Page, Pull
from connectors.errors import Unreachable
from connectors.files import FilesCRM
from handover.errors import DiskFull
from handover.ledger.tables import watermarks
from handover.mirror import threads
from handover.mirror.generations import DamagedMirror, NextGeneration
from handover.mirror.memory import OutOfMemory
from handover.mirror.merging import Merger
from handover.mirror.staging import Staging
from handover.mirror.sync import Source
from mappings.load import load_mapping
from tests.worlds.mirror import Mill, company, sums


@pytest.fixture
def mill(tmp_path: Path) -> Mill:
    return Mill(tmp_path, company())


def no_space(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def no_space_in_duckdb(*_: object, **__: object) -> None:
    said = f"IO Error: could not write: {os.strerror(errno.ENOSPC)}"
    raise duckdb.IOException(said)


def no_memory_in_duckdb(*_: object, **__: object) -> None:
    said = "failed to allocate data of size 32.0 MiB (242.4 MiB/244.1 MiB used)"
    raise duckdb.OutOfMemoryException(said)


def no_memory(*_: object, **__: object) -> None:
    raise MemoryError


@pytest.mark.parametrize(
    ("owner", "name", "fault"),
    [
        (Staging, "add", no_memory),
        (Merger, "merge", no_memory_in_duckdb),
        (NextGeneration, "write", no_memory_in_duckdb),
    ],
)
def test_a_lack_of_memory_keeps_what_was_read_for_the_next_sync(
    mill: Mill,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    fault: Callable[..., None],
) -> None:
    mill.sync()
    mill.crm.put("Accounts", "a0001", name="新社名")
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, fault)
        with pytest.raises(OutOfMemory) as caught:
            mill.sync()
    assert caught.value.exit_code == 7
    assert mill.generation().n == 1
    assert bool(staged(mill)) == (owner is not Staging)
    mill.sync()
    assert mill.living("accounts")["a0001"] == ("新社名", "u1", None)


@pytest.mark.parametrize(
    ("owner", "name", "fault"),
    [
        (Staging, "add", no_space),
        (NextGeneration, "write", no_space_in_duckdb),
        (NextGeneration, "finish", no_space),
        (os, "fsync", no_space),
    ],
)
def test_a_full_disk_keeps_the_old_generation(
    mill: Mill,
    monkeypatch: pytest.MonkeyPatch,
    owner: object,
    name: str,
    fault: Callable[..., None],
) -> None:
    mill.sync()
    mill.crm.put("Accounts", "a0001", name="新社名")
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, fault)
        with pytest.raises(DiskFull):
            mill.sync()
        assert mill.generation().n == 1
    assert not list(mill.mirror.glob(".tmp-*"))
    mill.sync()
    assert mill.living("accounts")["a0001"] == ("新社名", "u1", None)


def test_any_other_fault_of_the_system_is_what_it_is(
    mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(Staging, "add", refuse)
    with pytest.raises(PermissionError):
        mill.sync()


# Damaged


def damage(mill: Mill, table: str = "accounts") -> None:
    file = mill.generation().files[table]
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)


def test_a_damaged_file_is_not_built_upon(mill: Mill) -> None:
    mill.sync()
    damage(mill)
    mill.crm.put("Accounts", "a0001", name="新社名")
    with pytest.raises(DamagedMirror):
        mill.sync()


def test_a_full_sync_mends_a_damaged_mirror(mill: Mill) -> None:
    mill.sync()
    damage(mill)
    synced = mill.sync(full=True)
    sums(synced)
    assert synced.counts["accounts"].new == 3
    assert set(mill.living("accounts")) == {"a0000", "a0001", "a0002"}
    assert len(mill.living("users")) == 2


def test_a_damaged_mirror_is_not_mended_by_half(mill: Mill) -> None:
    """The rows of a source that fails now would be lost, and its marks would stay."""
    other = company(accounts=4)
    one, two = mill.source("one", mill.crm), mill.source("two", other)
    mill.sync(one, two)
    damage(mill)
    other.faults.unreachable_after = 0
    with pytest.raises(Unreachable):
        mill.sync(one, two, full=True)
    other.faults.unreachable_after = None
    mill.sync(one, two, full=True)
    assert len(mill.table("accounts")) == 7


def test_a_source_that_lost_its_rows_is_read_in_full_again(mill: Mill) -> None:
    other = company(accounts=4)
    one, two = mill.source("one", mill.crm), mill.source("two", other)
    mill.sync(one, two)
    damage(mill)
    mill.sync(one, full=True)
    with mill.ledger.read() as connection:
        rows = connection.execute(watermarks.select()).all()
    assert {row.source for row in rows} == {"one"}
    mill.sync(one, two)
    assert len(mill.table("accounts")) == 7


# Staged pages


def staged(mill: Mill) -> list[Path]:
    return sorted(mill.mirror.glob("staging/memory/Accounts-*/0*"))


@pytest.mark.parametrize("name", ["page.json", "accounts.arrow"])
def test_a_staged_page_that_a_power_cut_left_empty_is_read_again(
    tmp_path: Path, name: str
) -> None:
    mill = Mill(tmp_path, company(accounts=180))
    mill.crm.faults.unreachable_after = 4
    with pytest.raises(Unreachable):
        mill.sync()
    (staged(mill)[0] / name).write_bytes(b"")
    mill.crm.faults.unreachable_after = None
    sums(mill.sync())
    assert len(mill.living("accounts")) == 180


def test_rejects_of_pages_read_before_the_break_are_told_after_it(
    tmp_path: Path,
) -> None:
    mill = Mill(tmp_path, company(accounts=180))
    mill.crm.put("Accounts", "a0003", employees="many")
    mill.crm.put("Accounts", "a0170", employees="several")
    mill.crm.faults.unreachable_after = 4
    with pytest.raises(Unreachable):
        mill.sync()
    assert len(staged(mill)) in range(1, 4)
    mill.crm.faults.unreachable_after = None
    synced = mill.sync()
    sums(synced)
    assert sorted(str(one.id) for one in synced.asides) == ["a0003", "a0170"]
    assert mill.generation().sources["memory"]["rejects"] == 2


def test_pages_of_another_window_are_thrown_away(tmp_path: Path) -> None:
    mill = Mill(tmp_path, company(accounts=180))
    mill.crm.faults.unreachable_after = 4
    with pytest.raises(Unreachable):
        mill.sync()
    kept = staged(mill)
    assert kept
    mill.crm.faults.unreachable_after = 0
    mill.map(mill.mapping_text.replace('employees = "employees"\n', ""))
    with pytest.raises(Unreachable):
        mill.sync()
    assert not staged(mill)


# Exports that change


def export(folder: Path, accounts: int, name: str = "会社") -> None:
    folder.mkdir(exist_ok=True)
    (folder / "users.csv").write_text("id,name\nu1,佐藤\n", encoding="utf-8")
    rows = "".join(f"a{n},{name}{n},u1\n" for n in range(accounts))
    (folder / "accounts.csv").write_text(f"id,name,owner_id\n{rows}", encoding="utf-8")


class Breaking(FilesCRM):
    """Files whose reading ends after some pages."""

    pages: int

    def pull(self, request: Pull) -> Iterator[Page]:
        """Read until it breaks."""
        for page in super().pull(request):
            if self.pages <= 0:
                raise Unreachable(source="files", detail="switched off")
            self.pages -= 1
            yield page


def files(mill: Mill, connector: Connector) -> Source:
    mapping = load_mapping("files", mill.folder)
    return Source(name="files", connect=lambda: connector, mapping=mapping)


def test_an_export_that_changed_since_the_break_is_read_again(mill: Mill) -> None:
    """Its ids must not count as duplicates of what was read before the break."""
    folder = mill.folder / "export"
    export(folder, 30)
    broken = Breaking(folder, page_rows=10)
    broken.pages = 3
    with pytest.raises(Unreachable):
        mill.sync(files(mill, broken))
    export(folder, 30, name="新社名")
    synced = mill.sync(files(mill, FilesCRM(folder, page_rows=10)))
    sums(synced)
    assert not synced.asides
    assert len(mill.living("accounts")) == 30


def test_a_duplicate_in_another_file_of_the_table_is_put_aside(mill: Mill) -> None:
    folder = mill.folder / "export"
    export(folder, 3)
    (folder / "activities.csv").write_text(
        "id,kind,is_done,happened_at\nv1,call,yes,2027-01-01\n", encoding="utf-8"
    )
    (folder / "handover_tasks.csv").write_text(
        "id,kind,is_done,happened_at\nv1,task,no,2027-01-02\nv2,task,no,\n",
        encoding="utf-8",
    )
    synced = mill.sync(files(mill, FilesCRM(folder)))
    sums(synced)
    (aside,) = synced.asides
    assert (aside.id, aside.reason) == ("v1", "duplicate_id")
    assert {key: row["kind"] for key, row in mill.rows("activities").items()} == {
        "v1": "call",
        "v2": "task",
    }


def test_an_optional_file_comes_goes_and_comes_back(mill: Mill) -> None:
    folder = mill.folder / "export"
    export(folder, 2)
    source = files(mill, FilesCRM(folder))
    contacts = folder / "contacts.csv"
    text = "id,account_id,name\nc1,a0,山田\nc2,a1,鈴木\n"

    def living() -> set[str]:
        return set(mill.living("contacts"))

    assert "contacts" not in mill.sync(source).counts
    contacts.write_text(text, encoding="utf-8")
    assert mill.sync(source).counts["contacts"].new == 2
    assert living() == {"c1", "c2"}
    contacts.unlink()
    assert mill.sync(source).vanished == 2
    assert living() == set()
    contacts.write_text(text, encoding="utf-8")
    assert mill.sync(source).counts["contacts"].changed == 2
    assert living() == {"c1", "c2"}


def test_a_company_column_that_comes_later_is_kept(mill: Mill) -> None:
    folder = mill.folder / "export"
    export(folder, 2)
    source = files(mill, FilesCRM(folder))
    mill.sync(source)
    (folder / "accounts.csv").write_text(
        "id,name,owner_id,extra_equipment\na0,会社0,u1,旋盤\na1,会社1,u1,\n",
        encoding="utf-8",
    )
    synced = mill.sync(source)
    sums(synced)
    assert synced.counts["accounts"].changed == 1
    rows = mill.rows("accounts")
    assert [rows[key]["extra_equipment"] for key in ("a0", "a1")] == ["旋盤", None]
    export(folder, 2)
    mill.sync(source)
    assert mill.rows("accounts")["a0"]["extra_equipment"] is None


@pytest.mark.parametrize(
    "amount", ["NaN", "inf", "1e40", "99999999999999999999", "0.12345678", "-5"]
)
def test_numbers_that_do_not_fit_are_put_aside_or_rounded(
    mill: Mill, amount: str
) -> None:
    folder = mill.folder / "export"
    export(folder, 1)
    (folder / "opportunities.csv").write_text(
        "id,account_id,owner_id,is_closed,is_won,amount\n"
        f"o1,a0,u1,no,no,{amount}\no2,a0,u1,no,no,1\n",
        encoding="utf-8",
    )
    synced = mill.sync(files(mill, FilesCRM(folder)))
    sums(synced)
    assert {"o1", "o2"} <= mill.living("opportunities").keys()
    fits = amount in {"0.12345678", "-5"}
    assert (mill.rows("opportunities")["o1"]["amount"] is not None) == fits
    assert [one.reason for one in synced.asides] == ([] if fits else ["bad_number"])


def test_ctrl_c_keeps_the_pages_and_ends_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mill = Mill(tmp_path, company(accounts=180))
    add = Staging.add
    done: list[int] = []

    def interrupted(staging: Staging, page: Page, translated: object) -> None:
        add(staging, page, translated)  # type: ignore[arg-type]
        done.append(1)
        if len(done) == 1:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(Staging, "add", interrupted)
    # An interrupted process ends; here the next sync begins in the same one, and must
    # not meet the threads of the first.
    monkeypatch.setattr(threads, "GRACE", 60.0)
    with pytest.raises(KeyboardInterrupt):
        mill.sync()
    monkeypatch.undo()
    mill.sync()
    assert len(mill.living("accounts")) == 180
