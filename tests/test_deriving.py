"""Owners by rule: who owns the latest record, or most of them."""

from typing import Literal
from zoneinfo import ZoneInfo

import duckdb
import pytest

from handover.mirror.owners import derived_owners
from mappings.model import DerivedOwner

Pick = Literal["latest", "most"]
Table = Literal["opportunities", "orders"]
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "timezone": "UTC",
    "autoinstall_known_extensions": False,
}
Record = tuple[str, str | None, str | None]
"""The id, owner and day of a record of account a1."""


def owner(
    pick: Pick,
    *records: Record,
    table: Table = "orders",
    made: dict[str, str] | None = None,
    zone: str = "UTC",
) -> object:
    """Derive the owner of a1 from records; ``made`` tells when some were made."""
    day = "date" if table == "orders" else "close_date"
    with duckdb.connect(config=SETTINGS) as con:
        con.execute(
            "create table accounts as from (values ('crm', 'a1', null), "
            "('other', 'a1', 'kept'), ('crm', 'a2', 'gone')) t(source, id, owner_id)"
        )
        con.execute(
            "create table records (source varchar, account_id varchar, id varchar, "
            f"owner_id varchar, {day} date, created_at timestamptz, is_deleted boolean)"
        )
        for key, user, on in records:
            con.execute(
                "insert into records values ('crm', 'a1', $1, $2, $3, $4, false)",
                [key, user, on, (made or {}).get(key)],
            )
        con.execute(
            "insert into records values "
            "('other', 'a1', 'z', 'stranger', '2030-01-01', null, false), "
            "('crm', 'a1', 'z', 'deleted', '2030-01-01', null, true), "
            "('crm', null, 'z', 'nowhere', '2030-01-01', null, false)"
        )
        rule = DerivedOwner(table=table, pick=pick)
        query = derived_owners("accounts", "records", "crm", rule, ZoneInfo(zone))
        found = {(source, key): user for source, key, user in con.sql(query).fetchall()}
    assert found["other", "a1"] == "kept"
    assert found["crm", "a2"] is None
    return found["crm", "a1"]


@pytest.mark.parametrize("table", ["orders", "opportunities"])
def test_the_latest_record_gives_the_owner(table: Table) -> None:
    records = [("r1", "u1", "2026-01-01"), ("r2", "u2", "2026-02-01")]
    assert owner("latest", *records, table=table) == "u2"


def test_of_one_day_the_larger_record_id_decides() -> None:
    """An owner's larger id of another day has no say."""
    assert (
        owner(
            "latest",
            ("r9", "u1", "2026-01-01"),
            ("r1", "u1", "2026-02-01"),
            ("r5", "u2", "2026-02-01"),
        )
        == "u2"
    )


def test_a_record_without_a_date_is_older_than_all_others() -> None:
    assert owner("latest", ("r1", "u1", None), ("r0", "u2", "1999-01-01")) == "u2"


def test_records_without_an_owner_do_not_count() -> None:
    assert owner("latest", ("r1", "u1", "2026-01-01"), ("r2", None, "2026-03-01"))
    assert owner("most", ("r1", None, "2026-01-01")) is None


def test_who_owns_most_records_is_the_owner() -> None:
    assert (
        owner(
            "most",
            ("r1", "u1", "2026-01-01"),
            ("r2", "u1", "2026-01-02"),
            ("r3", "u2", "2026-09-01"),
        )
        == "u1"
    )


def test_of_equal_numbers_the_later_record_decides() -> None:
    records = [("r1", "u1", "2026-01-02"), ("r2", "u2", "2026-01-01")]
    assert owner("most", *records) == "u1"


def test_an_opportunity_without_a_close_date_counts_by_its_making() -> None:
    records = [("r1", "u1", "2026-02-01"), ("r0", "u2", None)]
    made = {"r0": "2026-03-01 00:00:00+00"}
    assert owner("latest", *records, table="opportunities", made=made) == "u2"


@pytest.mark.parametrize(("zone", "later"), [("Asia/Tokyo", "u2"), ("UTC", "u1")])
def test_the_day_of_its_making_is_that_of_the_company(zone: str, later: str) -> None:
    """In Tokyo the second was made a day later than in London, on the first's day."""
    records = [("r1", "u1", "2026-03-01"), ("r2", "u2", None)]
    made = {"r2": "2026-02-28 15:00:00+00"}
    found = owner("latest", *records, table="opportunities", made=made, zone=zone)
    assert found == later
