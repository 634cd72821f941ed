"""Rows put aside stay known until their record is read again and fits."""

import datetime as dt
from pathlib import Path

import pytest

from handover.mirror.losses import CellsLost, NothingLeft
from tests.worlds.mirror import Mill, company, sums

NIGHT, WEEK = dt.timedelta(days=1), dt.timedelta(days=8)


@pytest.fixture
def mill(tmp_path: Path) -> Mill:
    """A mirror that lacks a0001, whose number of employees is no number."""
    mill = Mill(tmp_path, company())
    mill.crm.put("Accounts", "a0001", employees="many")
    mill.sync()
    return mill


def aside(
    mill: Mill, night: dt.timedelta = NIGHT, *, full: bool = False
) -> list[str | None]:
    """Sync once more; name the records that are put aside after it."""
    mill.crm.pass_time(night)
    synced = mill.sync(full=full)
    sums(synced)
    assert mill.generation().sources["memory"]["rejects"] == len(synced.asides)
    return [one.id for one in synced.asides]


def test_a_night_that_does_not_meet_it_still_names_it(mill: Mill) -> None:
    assert aside(mill) == ["a0001"]
    mill.crm.put("Accounts", "a0002", name="新社名")
    assert aside(mill) == ["a0001"]
    assert aside(mill, full=True) == ["a0001"]


def test_once_it_fits_it_is_named_no_more(mill: Mill) -> None:
    mill.crm.put("Accounts", "a0001", employees="12")
    assert aside(mill) == []
    assert "a0001" in mill.living("accounts")


def test_what_is_put_aside_again_is_named_once(mill: Mill) -> None:
    mill.crm.put("Accounts", "a0001", employees="several")
    mill.crm.put("Accounts", "a0002", employees="a few")
    assert sorted(map(str, aside(mill))) == ["a0001", "a0002"]


def test_what_a_deleted_record_holds_is_not_named(mill: Mill) -> None:
    mill.crm.delete("Accounts", "a0001")
    assert aside(mill) == []
    assert aside(mill, full=True) == []


def test_a_record_that_is_gone_is_named_until_the_next_sweep(mill: Mill) -> None:
    mill.crm.erase("Accounts", "a0001")
    assert aside(mill) == ["a0001"]
    assert aside(mill, WEEK) == []


def test_another_source_changes_nothing(mill: Mill) -> None:
    other = mill.source("other", company())
    synced = mill.sync(other)
    assert not synced.asides
    mill.crm.pass_time(NIGHT)
    assert [one.source for one in mill.sync().asides] == ["memory"]


def test_a_dry_run_names_it_too(mill: Mill) -> None:
    mill.crm.pass_time(NIGHT)
    assert [one.id for one in mill.sync(dry_run=True).asides] == ["a0001"]


def test_a_column_that_changed_its_form_stops_the_sync_until_it_is_accepted(
    tmp_path: Path,
) -> None:
    """A notation that changed in the CRM must not empty a column over night."""
    mill = Mill(tmp_path, company(accounts=40))
    mill.sync()
    mill.crm.pass_time(NIGHT)
    for n in range(40):
        mill.crm.put("Accounts", f"a{n:04d}", employees="5 people")
    with pytest.raises(CellsLost) as caught:
        mill.sync()
    assert caught.value.exit_code == 5
    assert caught.value.params == {
        "source": "memory",
        "table": "accounts",
        "column": "employees",
        "rows": 40,
        "lost": 40,
    }
    assert {row["employees"] for row in mill.rows("accounts").values()} == {5}
    synced = mill.sync(allow_shrink=True)
    assert synced.counts["accounts"].cells_rejected == 40
    assert len(mill.living("accounts")) == 40
    assert {row["employees"] for row in mill.rows("accounts").values()} == {None}
    # What was accepted is not asked about again.
    mill.crm.pass_time(NIGHT)
    assert len(mill.sync(full=True).asides) == 40


@pytest.mark.parametrize(("lost", "stops"), [(4, False), (5, False), (6, True)])
def test_a_column_is_lost_with_more_than_a_fifth_of_the_records(
    tmp_path: Path, lost: int, *, stops: bool
) -> None:
    mill = Mill(tmp_path, company(accounts=25))
    for n in range(lost):
        mill.crm.put("Accounts", f"a{n:04d}", employees="5-10")
    if stops:
        with pytest.raises(CellsLost):
            mill.sync()
    else:
        assert len(mill.sync().asides) == lost


def test_of_a_small_table_four_cells_are_no_column(tmp_path: Path) -> None:
    mill = Mill(tmp_path, company(accounts=4))
    for n in range(4):
        mill.crm.put("Accounts", f"a{n:04d}", employees="5-10")
    assert len(mill.sync().asides) == 4
    assert len(mill.living("accounts")) == 4


def test_customers_of_whom_none_is_left_are_never_published(tmp_path: Path) -> None:
    crm = company(accounts=4)
    mill = Mill(tmp_path, crm)
    mill.sync()
    mill.crm.pass_time(NIGHT)
    for n in range(4):
        crm.delete("Accounts", f"a{n:04d}")
    with pytest.raises(NothingLeft) as caught:
        mill.sync()
    assert caught.value.exit_code == 5
    assert caught.value.params["before"] == 4
    assert len(mill.living("accounts")) == 4
    mill.sync(allow_shrink=True)
    assert not mill.living("accounts")
