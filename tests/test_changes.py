"""Owner changes: those that a run of ours made, and those that somebody made."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Connection, insert

from handover.ledger import Ledger
from handover.ledger.states import Action
from handover.ledger.tables import runs, steps
from handover.mirror.disk import open_duckdb
from handover.mirror.generations import publish
from handover.mirror.owners import (
    OwnerChange,
    changed_owners,
    remember,
    unmanaged_changes,
)

NOW = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
TEXT = pa.string()
ACCOUNTS = pa.schema(
    [("source", TEXT), ("id", TEXT), ("owner_id", TEXT), ("is_deleted", pa.bool_())]
)
USERS = pa.schema(
    [("source", TEXT), ("id", TEXT), ("team", TEXT), ("name", TEXT), ("email", TEXT)]
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    with Ledger.open(tmp_path / "ledger.sqlite").begin() as connection:
        for n in range(1, 5):
            publish(connection, n=n, files={}, sources={}, now=NOW)
        yield connection


def run(connection: Connection, run_id: str, **step: object) -> None:
    """Record a run with one step, which changed the owner of a1 to u2."""
    connection.execute(
        insert(runs).values(
            id=run_id,
            kind="reassign",
            source="crm",
            org_id="o",
            state="finished",
            actor="x",
            started_at=run_id,
        )
    )
    values = {
        "source": "crm",
        "account_id": "a1",
        "action": Action.ACCOUNT_OWNER.value,
        "object": "Account",
        "record_id": "a1",
        "field": "OwnerId",
        "before": "u1",
        "after": "u2",
        "authority": "plan",
        "outcome": "done",
    }
    connection.execute(insert(steps).values(run_id=run_id, n=1, **{**values, **step}))


def change(before: str | None, after: str | None) -> OwnerChange:
    return OwnerChange(
        source="crm",
        account_id="a1",
        before=before,
        after=after,
        seen_at=NOW.isoformat(),
        team="east",
    )


def test_a_change_that_a_run_made_is_explained(connection: Connection) -> None:
    run(connection, "r1")
    assert remember(connection, [change("u1", "u2")], 2, NOW) == []
    assert unmanaged_changes(connection, ["crm"]) == []


def test_a_change_that_no_run_made_is_unmanaged(connection: Connection) -> None:
    unmanaged = remember(connection, [change("u1", "u2")], 2, NOW)
    assert unmanaged == unmanaged_changes(connection, ["crm"]) == [change("u1", "u2")]
    assert unmanaged_changes(connection, ["other"]) == []


@pytest.mark.parametrize(
    "step",
    [
        {"outcome": "skipped"},
        {"outcome": "in_doubt"},
        {"after": "u3"},
        {"account_id": "a2"},
        {"source": "other"},
        {"action": Action.OWNER_FIELD.value},
    ],
)
def test_a_step_that_did_something_else_explains_nothing(
    connection: Connection, step: dict[str, str]
) -> None:
    run(connection, "r1", **step)
    assert remember(connection, [change("u1", "u2")], 2, NOW)


def test_who_brings_the_same_owner_back_did_it_himself(connection: Connection) -> None:
    run(connection, "r1")
    remember(connection, [change("u1", "u2")], 2, NOW)
    remember(connection, [change("u2", "u1")], 3, NOW)
    assert remember(connection, [change("u1", "u2")], 4, NOW)
    assert [c.after for c in unmanaged_changes(connection, ["crm"])] == ["u2", "u1"]


def test_the_json_has_the_fixed_names() -> None:
    assert list(change("u1", None).as_json()) == [
        "source",
        "account_id",
        "before",
        "after",
        "seen_at",
        "team",
    ]


def test_owners_are_compared_account_by_account(tmp_path: Path) -> None:
    old = tmp_path / "old.parquet"
    new = tmp_path / "new.parquet"
    users = tmp_path / "users.parquet"
    living = {"source": "crm", "is_deleted": False}
    before = {"kept": "u1", "moved": "u1", "lost": "u1", "found": None, "dead": "u1"}
    after = {"kept": "u1", "moved": "u2", "lost": None, "found": "u1", "dead": "u2"}
    for file, owners in ((old, before), (new, {**after, "fresh": "u1"})):
        rows = [{**living, "id": key, "owner_id": o} for key, o in owners.items()]
        rows += [{**living, "source": "other", "id": "moved", "owner_id": str(file)}]
        for row in rows:
            row["is_deleted"] = file == new and row["id"] == "dead"
        pq.write_table(pa.Table.from_pylist(rows, ACCOUNTS), file)
    pq.write_table(
        pa.Table.from_pylist(
            [
                {"source": "crm", "id": "u1", "team": "east", "name": "Mori"},
                {"source": "crm", "id": "u2", "team": "west", "name": "Ito"},
            ],
            USERS,
        ),
        users,
    )
    with open_duckdb(tmp_path) as con:
        found = changed_owners(con, old, new, f"'{users}'", source="crm", seen_at=NOW)
        without = changed_owners(con, old, new, None, source="crm", seen_at=NOW)
    assert [(c.account_id, c.before, c.after, c.team) for c in found] == [
        ("found", None, "u1", None),
        ("lost", "u1", None, "east"),
        ("moved", "u1", "u2", "east"),
    ]
    assert [c.team for c in without] == [None, None, None]
