"""The sync: what is in the CRM is in the mirror, whatever happened on the way."""

import datetime as dt
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.base import Capability, Page, Pull
from connectors.errors import NotPermitted, Unreachable
from handover.mirror.losses import Shrunk
from tests.conftest import SOAK
from tests.worlds.mirror import MAPPING, Mill, company, sums


@pytest.fixture
def mill(tmp_path: Path) -> Mill:
    return Mill(tmp_path, company())


def test_what_is_in_the_crm_is_in_the_mirror(mill: Mill) -> None:
    synced = mill.sync()
    sums(synced)
    assert synced.generation == 1
    assert set(mill.living("accounts")) == {"a0000", "a0001", "a0002"}
    (link,) = mill.rows("activity_links").values()
    assert (link["activity_id"], link["target_id"]) == ("v1", "a0000")


def test_a_second_sync_changes_nothing(mill: Mill) -> None:
    mill.sync()
    again = mill.sync()
    sums(again)
    assert again.generation == 1
    assert all(c.new == c.changed == c.deleted == 0 for c in again.counts.values())


def test_only_what_changed_is_read_again(mill: Mill) -> None:
    mill.sync()
    mill.crm.pass_time(dt.timedelta(days=1))
    mill.crm.put("Accounts", "a0001", owner_id="u2")
    synced = mill.sync()
    assert synced.counts["accounts"].read == 1
    assert synced.counts["accounts"].changed == 1
    assert mill.living("accounts")["a0001"] == ("会社1", "u2", None)


def test_a_change_within_the_overlap_is_read_twice_and_counted_once(mill: Mill) -> None:
    mill.crm.put("Accounts", "a0001", name="新社名")
    mill.sync()
    again = mill.sync()
    assert again.counts["accounts"].same == again.counts["accounts"].read == 1


def test_a_deleted_record_is_marked_and_stays(mill: Mill) -> None:
    mill.sync()
    mill.crm.delete("Accounts", "a0001")
    synced = mill.sync()
    sums(synced)
    assert synced.counts["accounts"].deleted == 1
    assert mill.rows("accounts")["a0001"]["is_deleted"] is True


def test_a_record_that_is_simply_gone_is_found_by_the_weekly_sweep(mill: Mill) -> None:
    mill.sync()
    mill.crm.erase("Accounts", "a0002")
    mill.crm.pass_time(dt.timedelta(days=1))
    assert "a0002" in mill.living("accounts")
    mill.sync()
    mill.crm.pass_time(dt.timedelta(days=7))
    assert mill.sync().vanished == 1
    assert "a0002" not in mill.living("accounts")
    assert "a0002" in mill.rows("accounts")


def test_links_of_a_record_follow_it(mill: Mill) -> None:
    mill.sync()
    mill.crm.pass_time(dt.timedelta(hours=1))
    mill.crm.put("Activities", "v1", account_id="a0002")
    mill.sync()
    assert [row["target_id"] for row in mill.rows("activity_links").values()] == [
        "a0002"
    ]


def test_a_cell_that_cannot_be_read_is_put_aside_and_named(mill: Mill) -> None:
    mill.crm.put("Accounts", "a0001", employees="many")
    synced = mill.sync()
    sums(synced)
    (aside,) = synced.asides
    assert (aside.id, aside.column_name, aside.reason, aside.whole) == (
        *("a0001", "employees", "bad_number", False),
    )
    assert mill.rows("accounts")["a0001"]["employees"] is None
    mill.crm.put("Accounts", "a0001", employees="12")
    assert mill.sync().counts["accounts"].changed == 1


def test_a_record_stays_in_the_mirror_when_a_cell_of_it_becomes_unreadable(
    mill: Mill,
) -> None:
    mill.sync()
    mill.crm.put("Accounts", "a0001", employees="many", name="新社名")
    mill.sync()
    assert mill.rows("accounts")["a0001"]["name"] == "新社名"


def test_a_large_loss_stops_the_sync_until_it_is_accepted(tmp_path: Path) -> None:
    mill = Mill(tmp_path, company(accounts=200))
    mill.sync()
    for n in range(60):
        mill.crm.erase("Accounts", f"a{n:04d}")
    with pytest.raises(Shrunk) as caught:
        mill.sync(full=True)
    assert caught.value.params["vanished"] == 60
    assert len(mill.living("accounts")) == 200
    assert mill.sync(full=True, allow_shrink=True).vanished == 60


def test_a_changed_mapping_reads_everything_again(mill: Mill) -> None:
    mill.sync()
    mill.crm.pass_time(dt.timedelta(days=1))
    mill.map(MAPPING.replace('employees = "employees"\n', ""))
    synced = mill.sync()
    assert synced.counts["accounts"].read == 3
    said = [one["why"] for o in synced.outcomes for one in o.announcements]
    assert "mapping_changed" in said


def test_a_hidden_field_is_unreadable_and_its_object_read_again(mill: Mill) -> None:
    mill.sync()
    mill.crm.faults.hidden.add(("Accounts", "employees"))
    mill.sync()
    columns = pq.read_table(mill.generation().files["columns"]).to_pylist()
    status = {(c["table_name"], c["column_name"]): c["status"] for c in columns}
    assert status["accounts", "employees"] == "unreadable"


def test_a_hidden_object_keeps_its_rows(mill: Mill) -> None:
    mill.sync()
    mill.crm.faults.hidden.add("Activities")
    synced = mill.sync()
    assert synced.vanished == 0
    assert "v1" in mill.living("activities")


@pytest.mark.parametrize("page", range(6))
def test_a_sync_that_stops_at_a_page_publishes_nothing_and_goes_on(
    tmp_path: Path, page: int
) -> None:
    mill = Mill(tmp_path, company(accounts=180))
    mill.crm.faults.unreachable_after = page
    with pytest.raises(Unreachable):
        mill.sync()
    with mill.ledger.read() as connection:
        assert (
            connection.exec_driver_sql("select count(*) from watermarks").scalar() == 0
        )
    pages = mill.crm.calls
    mill.crm.faults.unreachable_after = None
    mill.sync()
    assert len(mill.living("accounts")) == 180
    assert mill.crm.calls - pages <= 6 - page + 12  # the rest, and describing


def test_a_refused_page_publishes_nothing(mill: Mill) -> None:
    def refuse(*_: object) -> None:
        raise NotPermitted(source="memory", detail="no")

    mill.crm.pull = refuse  # type: ignore[method-assign,assignment]
    with pytest.raises(NotPermitted):
        mill.sync()
    with mill.ledger.read() as connection:
        assert (
            connection.exec_driver_sql("select count(*) from generations").scalar() == 0
        )


def test_a_dry_run_keeps_nothing(mill: Mill) -> None:
    mill.sync()
    before = sorted(mill.folder.rglob("*"))
    mill.crm.put("Accounts", "a0001", name="新社名")
    assert mill.sync(dry_run=True).counts["accounts"].changed == 1
    assert [p for p in sorted(mill.folder.rglob("*")) if "staging" not in str(p)] == [
        p for p in before if "staging" not in str(p)
    ]
    assert mill.living("accounts")["a0001"] == ("会社1", "u1", None)


def test_our_clock_has_no_say(mill: Mill) -> None:
    asked: list[dt.datetime] = []
    pull = mill.crm.pull

    def listen(request: Pull) -> Iterator[Page]:
        if request.since is not None:
            asked.append(request.since)
        return pull(request)

    mill.crm.pull = listen  # type: ignore[method-assign]
    mill.sync()
    mill.crm.pass_time(dt.timedelta(hours=2))
    mill.sync()  # NOW, our clock, is a year ahead of the server's
    assert asked
    assert all(abs((since - mill.crm.now).days) < 2 for since in asked)


Edit = tuple[str, int, str]
EDITS = st.lists(
    st.tuples(
        st.sampled_from(["name", "owner", "delete", "add", "sync", "bad"]),
        st.integers(0, 5),
        st.sampled_from(["x", "y", "u1", "u2"]),
    ),
    max_size=25,
)


def edit(mill: Mill, what: str, n: int, text: str) -> None:
    key = f"a{n:04d}"
    there = key in mill.crm.rows("Accounts")
    if what == "sync":
        mill.crm.pass_time(dt.timedelta(minutes=30))
        sums(mill.sync())
    elif what == "add" or not there:
        mill.crm.put(
            "Accounts", key, name=text, owner_id="u1", employees="1", is_deleted=None
        )
    elif what == "delete":
        mill.crm.delete("Accounts", key)
    elif what == "bad":
        mill.crm.put("Accounts", key, employees="many")
    else:
        field = {"name": "name", "owner": "owner_id"}[what]
        mill.crm.put("Accounts", key, **{field: text}, employees="1")


@settings(
    max_examples=60 if SOAK else 6,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(edits=EDITS)
def test_a_mirror_grown_night_by_night_equals_one_read_at_once(
    edits: list[Edit], tmp_path_factory: pytest.TempPathFactory
) -> None:
    mill = Mill(tmp_path_factory.mktemp("mill"), company())
    for what, n, text in edits:
        edit(mill, what, n, text)
    mill.sync()
    fresh = Mill(tmp_path_factory.mktemp("fresh"), mill.crm)
    fresh.sync(full=True)
    assert mill.living("accounts") == fresh.living("accounts")


# Killed

KILLED = """\
import os, signal, sys
from pathlib import Path
from tests.worlds.mirror import Mill, company
mill = Mill(Path(sys.argv[1]), company(accounts=180))
if sys.argv[2] == "second":
    mill.sync()
    mill.crm.put("Accounts", "a0001", name="新社名")
def die(point):
    if point == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
mill.sync(reached=die)
"""


@pytest.mark.parametrize("which", ["first", "second"])
@pytest.mark.parametrize("point", ["written", "renamed", "published"])
@pytest.mark.every(2)
def test_a_killed_writer_leaves_a_whole_generation(
    tmp_path: Path, point: str, which: str
) -> None:
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", KILLED, str(tmp_path), which, point],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL
    crm = company(accounts=180)
    crm.put("Accounts", "a0001", name="新社名")
    mill = Mill(tmp_path, crm)
    if which == "second":
        assert len(mill.living("accounts")) == 180
    mill.sync()  # publishes what was staged before the kill
    mill.sync()
    assert mill.living("accounts")["a0001"] == ("新社名", "u1", None)
    assert not list((tmp_path / "mirror").glob(".tmp-*"))


def test_without_incremental_reading_every_night_reads_everything(
    tmp_path: Path,
) -> None:
    crm = company()
    crm.capabilities = frozenset({Capability.WRITE})
    mill = Mill(tmp_path, crm)
    mill.sync()
    crm.erase("Accounts", "a0001")
    synced = mill.sync()
    assert (synced.counts["accounts"].read, synced.vanished) == (2, 1)
