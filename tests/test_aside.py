"""Rows put aside stay known until their record is read again and fits."""

import datetime as dt
from pathlib import Path

import pytest

from handover.mirror.merging import Shrunk
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


@pytest.mark.xfail(strict=True, reason="the merge counts no cells put aside yet")
def test_too_many_rows_put_aside_at_once_stop_the_sync(tmp_path: Path) -> None:
    """A notation that changed in the CRM must not empty the mirror over night."""
    mill = Mill(tmp_path, company(accounts=200))
    mill.sync()
    mill.crm.pass_time(NIGHT)
    for n in range(60):
        mill.crm.put("Accounts", f"a{n:04d}", employees="5 people")
    with pytest.raises(Shrunk) as caught:
        mill.sync()
    assert caught.value.params["vanished"] == 60
    assert len(mill.living("accounts")) == 200
    mill.sync(allow_shrink=True)
    assert len(mill.living("accounts")) == 140
