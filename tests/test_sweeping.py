"""Deletions, late records and what we may not see any more: nothing of it is lost."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.base import Page, Pull
from connectors.errors import NotPermitted, ShortPull
from connectors.memory import MemoryCRM
from handover.mirror.losses import Shrunk
from tests.worlds.mirror import Mill, company, sums

WEEK = dt.timedelta(days=8)


@pytest.fixture
def mill(tmp_path: Path) -> Mill:
    return Mill(tmp_path, company())


def later(crm: MemoryCRM, time: dt.timedelta = WEEK) -> None:
    crm.pass_time(time)


def test_the_sweep_keeps_the_links_of_records_that_are_there(mill: Mill) -> None:
    mill.sync()
    later(mill.crm)
    mill.sync()
    assert [row["target_id"] for row in mill.rows("activity_links").values()] == [
        "a0000"
    ]


def test_the_sweep_takes_the_links_of_records_that_are_gone(mill: Mill) -> None:
    mill.crm.put("Activities", "v2", kind="call", account_id="a0001", is_deleted=None)
    mill.sync()
    mill.crm.erase("Activities", "v1")
    later(mill.crm)
    mill.sync()
    assert [row["activity_id"] for row in mill.rows("activity_links").values()] == [
        "v2"
    ]
    assert mill.rows("activities")["v1"]["is_deleted"] is True


def test_how_often_hard_deletes_are_looked_for_is_configured(mill: Mill) -> None:
    mill.sync(sweep_days=2)
    mill.crm.erase("Accounts", "a0001")
    later(mill.crm, dt.timedelta(days=1))
    mill.sync(sweep_days=2)
    assert "a0001" in mill.living("accounts")
    later(mill.crm, dt.timedelta(days=1))
    mill.sync(sweep_days=2)
    assert "a0001" not in mill.living("accounts")


def test_a_record_that_became_visible_too_late_is_read_by_the_sweep(mill: Mill) -> None:
    """Committed three hours after its stamp, when its window had been read."""
    mill.sync()
    later(mill.crm, dt.timedelta(days=1))
    mill.sync()
    stamp = mill.crm.now - dt.timedelta(hours=3)
    now, mill.crm.now = mill.crm.now, stamp
    mill.crm.put("Accounts", "a0900", name="後から", owner_id="u1", is_deleted=None)
    mill.crm.now = now
    mill.sync()
    assert "a0900" not in mill.living("accounts")
    later(mill.crm)
    synced = mill.sync()
    sums(synced)
    assert mill.living("accounts")["a0900"] == ("後から", "u1", None)
    said = [a for o in synced.outcomes for a in o.announcements]
    assert said == [{"code": "late_records", "object": "Accounts", "count": 1}]
    assert mill.sync().outcomes[0].announcements == []


def test_a_short_sweep_deletes_nothing(
    mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    mill.sync()
    later(mill.crm)

    def shortened(_object: str) -> Iterator[Page]:
        yield Page(rows=[], promised=3)

    monkeypatch.setattr(mill.crm, "identifiers", shortened)
    with pytest.raises(ShortPull):
        mill.sync()
    assert len(mill.living("accounts")) == 3


@pytest.mark.parametrize("how", ["delete", "erase"])
def test_a_mass_deletion_stops_the_sync_whatever_it_looks_like(
    tmp_path: Path, how: str
) -> None:
    mill = Mill(tmp_path, company(accounts=200))
    mill.sync()
    for n in range(60):
        getattr(mill.crm, how)("Accounts", f"a{n:04d}")
    later(mill.crm)
    with pytest.raises(Shrunk) as caught:
        mill.sync()
    assert caught.value.params == {
        "source": "memory",
        "table": "accounts",
        "before": 200,
        "vanished": 60,
    }
    assert len(mill.living("accounts")) == 200
    mill.sync(allow_shrink=True)
    assert len(mill.living("accounts")) == 140


@pytest.mark.parametrize(
    ("before", "gone", "stops"),
    [(100, 49, False), (300, 60, False), (300, 61, True), (100, 50, True)],
)
def test_a_fifth_and_fifty_rows_have_to_go_for_a_stop(
    tmp_path: Path, before: int, gone: int, *, stops: bool
) -> None:
    mill = Mill(tmp_path, company(accounts=before))
    mill.sync()
    for n in range(gone):
        mill.crm.erase("Accounts", f"a{n:04d}")
    if stops:
        with pytest.raises(Shrunk):
            mill.sync(full=True)
    else:
        assert mill.sync(full=True).vanished == gone


def test_what_was_deleted_before_is_not_lost_again(tmp_path: Path) -> None:
    mill = Mill(tmp_path, company(accounts=200))
    mill.sync()
    for n in range(60):
        mill.crm.erase("Accounts", f"a{n:04d}")
    assert mill.sync(full=True, allow_shrink=True).vanished == 60
    assert mill.sync(full=True).vanished == 0


@pytest.mark.parametrize("goes", ["account", "nothing"])
def test_links_that_go_with_their_record_are_no_shrink(
    tmp_path: Path, goes: str
) -> None:
    """One customer with many activities may be archived; many lost links may not."""
    mill = Mill(tmp_path, company())
    for n in range(70):
        call = {"kind": "call", "is_done": "yes", "happened_at": "2027-02-01"}
        mill.crm.put("Activities", f"w{n}", account_id="a0000", **call)
    mill.sync()
    for n in range(70):
        mill.crm.put("Activities", f"w{n}", account_id=None)
    if goes == "account":
        mill.crm.delete("Accounts", "a0000")
        mill.sync(full=True)
        assert set(mill.living("accounts")) == {"a0001", "a0002"}
        assert len(mill.rows("activity_links")) == 1
    else:
        with pytest.raises(Shrunk) as caught:
            mill.sync(full=True)
        assert caught.value.params["table"] == "activity_links"


def test_a_second_sync_right_after_the_first_finds_nothing(mill: Mill) -> None:
    mill.sync()
    mill.crm.delete("Accounts", "a0002")
    mill.crm.put("Accounts", "late", name="X", owner_id="u1", employees="1")
    mill.crm.delete("Accounts", "late")  # made and deleted between two nights
    first = mill.sync().counts["accounts"]
    assert (first.read, first.deleted, first.same) == (2, 1, 1)
    again = mill.sync().counts["accounts"]
    assert (again.read, again.new, again.changed, again.deleted) == (2, 0, 0, 0)
    assert again.same == 2


def test_a_hidden_object_keeps_its_rows_and_their_links(mill: Mill) -> None:
    mill.sync()
    mill.crm.faults.hidden.add("Activities")
    mill.sync()
    mill.sync(full=True)
    assert "v1" in mill.living("activities")
    assert len(mill.rows("activity_links")) == 1


def test_a_hidden_field_keeps_what_was_known(mill: Mill) -> None:
    mill.sync()
    mill.crm.faults.hidden.add(("Accounts", "employees"))
    later(mill.crm, dt.timedelta(hours=1))
    mill.crm.put("Accounts", "a0001", name="新社名")
    synced = mill.sync()
    sums(synced)
    assert synced.counts["accounts"].changed == 1
    row = mill.rows("accounts")["a0001"]
    assert (row["name"], row["employees"]) == ("新社名", 5)


def test_a_hidden_link_keeps_what_records_hang_on(mill: Mill) -> None:
    mill.sync()
    mill.crm.faults.hidden.add(("Activities", "account_id"))
    mill.sync()
    assert len(mill.rows("activity_links")) == 1


def test_an_object_whose_first_page_is_refused_is_hidden(
    mill: Mill, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is described, and then not shown: unreadable, not empty."""
    mill.sync()
    pull = mill.crm.pull

    def refuse(request: Pull) -> Iterator[Page]:
        if request.object == "Activities":
            raise NotPermitted(source="memory", object="Activities")
        return pull(request)

    monkeypatch.setattr(mill.crm, "pull", refuse)
    mill.crm.put("Accounts", "a0001", name="新社名")
    synced = mill.sync()
    (problem,) = {p.code: p for o in synced.outcomes for p in o.problems}.values()
    assert (problem.code, problem.table) == ("hidden_object", "activities")
    assert "v1" in mill.living("activities")
    assert mill.living("accounts")["a0001"] == ("新社名", "u1", None)


def test_a_later_page_that_is_refused_stops_the_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mill = Mill(tmp_path, company(accounts=180))
    pull = mill.crm.pull

    def refuse(request: Pull) -> Iterator[Page]:
        pages = pull(request)
        yield next(pages)
        for page in pages:
            if page.cursor is None:
                raise NotPermitted(source="memory", object=request.object)
            yield page

    monkeypatch.setattr(mill.crm, "pull", refuse)
    with pytest.raises(NotPermitted):
        mill.sync()
    with mill.ledger.read() as connection:
        published = connection.exec_driver_sql("select count(*) from generations")
        assert published.scalar() == 0
