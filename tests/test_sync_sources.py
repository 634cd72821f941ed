"""Several sources in one mirror: each its own rows, marks and misfortunes."""

from pathlib import Path

import pytest
from sqlalchemy import select

from connectors.errors import AuthenticationFailed, Unreachable
from connectors.memory import MemoryCRM
from handover.ledger.tables import watermarks
from handover.mirror.sync import Source, Synced
from tests.worlds.mirror import Mill, company, sums


class Pair(Mill):
    """A mirror of two CRMs whose records have the same ids."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, company())
        self.other = company(accounts=4)
        for record in self.other.rows("Accounts"):
            self.other.put("Accounts", record, name="他社")

    def both(self, *, full: bool = False) -> Synced:
        """Sync both."""
        one, two = self.source("one", self.crm), self.source("two", self.other)
        return self.sync(one, two, full=full)

    def names(self, source: str) -> list[str]:
        """Name the living accounts of a source."""
        table = self.table("accounts")
        return sorted(
            str(row["name"])
            for row in table
            if row["source"] == source and not row["is_deleted"]
        )

    def marks(self) -> dict[tuple[str, str], str]:
        """Read how far each object was read."""
        with self.ledger.read() as connection:
            rows = connection.execute(select(watermarks))
            return {(row.source, row.object): row.mark for row in rows}


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    return Pair(tmp_path)


def test_rows_of_two_sources_stand_side_by_side(pair: Pair) -> None:
    synced = pair.both()
    sums(synced)
    assert synced.counts["accounts"].new == 7
    assert pair.names("one") == ["会社0", "会社1", "会社2"]
    assert pair.names("two") == ["他社"] * 4
    assert set(pair.generation().sources) == {"one", "two"}


def test_a_change_in_one_source_leaves_the_other_alone(pair: Pair) -> None:
    pair.both()
    pair.other.put("Accounts", "a0001", name="新社名", owner_id="u2")
    synced = pair.both()
    assert synced.counts["accounts"].changed == 1
    assert pair.names("one") == ["会社0", "会社1", "会社2"]
    assert "新社名" in pair.names("two")
    assert [(c.source, c.account_id) for c in synced.unmanaged] == [("two", "a0001")]


def test_a_change_in_both_sources_is_merged_one_on_the_other(pair: Pair) -> None:
    pair.both()
    for crm in (pair.crm, pair.other):
        crm.put("Accounts", "a0001", name="新社名")
        crm.delete("Accounts", "a0002")
    synced = pair.both(full=True)
    sums(synced)
    assert pair.names("one") == ["会社0", "新社名"]
    assert pair.names("two") == ["他社", "他社", "新社名"]
    assert synced.vanished == 2
    assert not list(pair.mirror.glob("g*/*.*.parquet"))


def test_a_source_that_fails_keeps_its_rows_and_marks(pair: Pair) -> None:
    pair.both()
    marks = pair.marks()
    for crm in (pair.crm, pair.other):
        crm.put("Accounts", "a0001", name="新社名")
    pair.other.faults.unreachable_after = 1
    synced = pair.both()
    assert [(o.source, o.error and o.error.code) for o in synced.outcomes] == [
        ("one", None),
        ("two", "unreachable"),
    ]
    assert "新社名" in pair.names("one")
    assert "新社名" not in pair.names("two")
    moved = {key for key, mark in pair.marks().items() if mark != marks[key]}
    assert {source for source, _ in moved} == {"one"}
    pair.other.faults.unreachable_after = None
    pair.both()
    assert "新社名" in pair.names("two")


def test_a_source_that_fails_at_first_comes_later(pair: Pair) -> None:
    pair.other.faults.unreachable_after = 0
    assert pair.both().generation == 1
    assert (pair.names("two"), set(pair.generation().sources)) == ([], {"one"})
    pair.other.faults.unreachable_after = None
    assert pair.both().generation == 2
    assert len(pair.names("two")) == 4


def test_when_every_source_fails_the_first_says_why(pair: Pair) -> None:
    def locked_out() -> MemoryCRM:
        raise AuthenticationFailed(source="one")

    pair.other.faults.unreachable_after = 0
    one = Source(name="one", connect=locked_out, mapping=pair.mapping)
    with pytest.raises(AuthenticationFailed):
        pair.sync(one, pair.source("two", pair.other))
    with pytest.raises(Unreachable):
        pair.sync(pair.source("two", pair.other))


def test_a_source_that_is_not_synced_any_more_keeps_its_rows(pair: Pair) -> None:
    pair.both()
    pair.sync(pair.source("one", pair.crm), full=True)
    assert len(pair.names("two")) == 4
