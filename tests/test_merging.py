"""The merge of one table: what was read, laid over what was there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from handover.mirror.deltas import Delta
from handover.mirror.disk import open_duckdb
from handover.mirror.losses import Shrunk
from handover.mirror.merging import Counts, Merger
from handover.mirror.staging import PLACE, StagedRows
from mappings.schema import arrow_schema

SCHEMA = arrow_schema("accounts")


def account(key: str, **values: object) -> dict[str, object]:
    return {
        "source": "crm",
        "object": "Account",
        "id": key,
        "name": key.upper(),
        "is_deleted": False,
        **values,
    }


class Table:
    """The accounts of one source, merged night by night."""

    def __init__(self, folder: Path, con: duckdb.DuckDBPyConnection) -> None:
        self.folder, self.con = folder, con
        self.rows: pa.Table | None = None

    def merge(self, *rows: dict[str, object], **about: Any) -> Counts:
        """Merge what was read; keep what comes of it."""
        placed = [{**row, "place": n} for n, row in enumerate(rows)]
        schema = SCHEMA.append(PLACE)
        file = self.folder / "page.arrow"
        with pa.ipc.new_file(file, schema) as writer:
            writer.write_table(pa.Table.from_pylist(placed, schema=schema))
        delta = Delta(
            table="accounts",
            source="crm",
            rows=StagedRows(schema=schema, files=[file]),
            read=len(rows),
            **about,
        )
        merger = Merger(self.con, allow_shrink=False)
        if self.rows is not None:
            self.con.register("before", self.rows)
        counts = merger.merge("before" if self.rows is not None else None, delta)
        if counts.changes_anything:
            self.rows = self.con.sql(f"from {merger.ROWS}").to_arrow_table()
        return counts

    def row(self, key: str) -> dict[str, object]:
        """Read one account."""
        assert self.rows is not None
        (found,) = (row for row in self.rows.to_pylist() if row["id"] == key)
        return dict(found)


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    with open_duckdb(tmp_path) as con:
        yield Table(tmp_path, con)


def test_a_known_record_that_is_put_aside_keeps_what_was_known(table: Table) -> None:
    table.merge(account("a"), account("b"), whole=True)
    counts = table.merge(
        account("a", name="new"), whole=True, rejected=1, rejected_ids=["b"]
    )
    assert (counts.changed, counts.vanished, counts.rejected) == (1, 0, 1)
    assert (table.row("b")["name"], table.row("b")["is_deleted"]) == ("B", False)
    assert table.row("a")["name"] == "new"


def test_of_a_record_that_was_read_twice_the_newest_state_counts(table: Table) -> None:
    table.merge(account("a", name="older"), account("a", name="newer"))
    assert table.row("a")["name"] == "newer"


def test_a_deleted_record_keeps_what_the_crm_does_not_say_any_more(
    table: Table,
) -> None:
    table.merge(account("a", business="切削"), account("b"))
    counts = table.merge(account("a", name=None, is_deleted=True))
    assert counts.deleted == 1
    assert (table.row("a")["is_deleted"], table.row("a")["name"]) == (True, "A")
    assert table.row("a")["business"] == "切削"
    again = table.merge(account("a", name=None, is_deleted=True))
    assert (again.deleted, again.same, again.changes_anything) == (0, 1, False)


def test_what_was_deleted_before_we_had_it_is_no_record_of_ours(table: Table) -> None:
    table.merge(account("a"), account("b", is_deleted=True))
    assert table.rows is not None
    assert table.rows["id"].to_pylist() == ["a"]


def test_a_hidden_column_keeps_what_was_known_and_is_no_change(table: Table) -> None:
    table.merge(account("a", business="切削", city="大阪"))
    hidden = frozenset({"business", "business_norm"})
    assert table.merge(account("a", city="大阪"), hidden=hidden).same == 1
    assert table.merge(account("a", city="神戸"), hidden=hidden).changed == 1
    assert (table.row("a")["business"], table.row("a")["city"]) == ("切削", "神戸")


@pytest.mark.parametrize(("swept", "vanished"), [(["a", "c"], 1), (["a", "b"], 0)])
def test_a_sweep_finds_who_is_gone(
    table: Table, swept: list[str], vanished: int
) -> None:
    table.merge(account("a"), account("b"))
    counts = table.merge(swept={"Account": pa.array(swept)})
    assert counts.vanished == vanished
    assert table.row("b")["is_deleted"] == bool(vanished)


def test_five_records_of_an_optional_table_do_not_all_go_without_a_word(
    table: Table,
) -> None:
    known = (
        "(select 'crm' as source, 'o' || n as id, false as is_deleted "
        "from range(5) as r(n))"
    )
    schema = arrow_schema("opportunities").append(PLACE)
    nothing = Delta(
        table="opportunities",
        source="crm",
        rows=StagedRows(schema=schema, files=[]),
        whole=True,
    )
    with pytest.raises(Shrunk):
        Merger(table.con, allow_shrink=False).merge(known, nothing)
    assert Merger(table.con, allow_shrink=True).merge(known, nothing).vanished == 5
