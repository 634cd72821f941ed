"""The log of who decided and did what: append-only, and every change is noticed."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, null, select, text, update
from sqlalchemy.exc import IntegrityError

from handover.ledger import Ledger
from handover.ledger.events import BEGINNING, BrokenLink, record, verify
from handover.ledger.tables import events

NOW = dt.datetime(2027, 3, 1, 9, tzinfo=dt.UTC)
TRIGGERS = (
    "events_are_not_deleted",
    "events_are_not_edited",
    "event_details_are_only_erased",
)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger in which five things have happened."""
    found = Ledger.open(tmp_path / "ledger.sqlite")
    with found.begin() as connection:
        for n in range(5):
            record(connection, NOW, "plan.approved", f"p{n}", {"person": "u1", "n": n})
    return found


def found_broken(ledger: Ledger) -> list[BrokenLink]:
    with ledger.read() as connection:
        return verify(connection)


def tamper(ledger: Ledger, statement: str) -> None:
    """Change the file as somebody with a tool would, past the triggers."""
    with ledger.begin() as connection:
        for trigger in TRIGGERS:
            connection.execute(text(f"drop trigger {trigger}"))
        connection.execute(text(statement))


def test_events_are_numbered_and_chained(ledger: Ledger) -> None:
    with ledger.read() as connection:
        rows = connection.execute(select(events).order_by(events.c.n)).all()
    assert [row.n for row in rows] == [1, 2, 3, 4, 5]
    assert [row.previous for row in rows] == [BEGINNING, *(r.hash for r in rows[:-1])]
    assert found_broken(ledger) == []


def test_an_event_that_was_rolled_back_leaves_no_gap(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.begin() as connection:
            record(connection, NOW, "plan.voided", "p1", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with ledger.begin() as connection:
        assert record(connection, NOW, "plan.voided", "p1", {}) == 6
    assert found_broken(ledger) == []


@pytest.mark.parametrize("n", range(1, 6))
@pytest.mark.parametrize(
    "edit",
    [
        "subject = 'p9'",
        "at = '2027-03-02'",
        "kind = 'plan.voided'",
        "details_hash = 'x'",
        "previous = 'x'",
        "hash = 'x'",
    ],
)
def test_an_edited_event_is_named(ledger: Ledger, n: int, edit: str) -> None:
    tamper(ledger, f"update events set {edit} where n = {n}")  # noqa: S608 - ours
    assert found_broken(ledger)[0] == BrokenLink(n=n, what="changed")


@pytest.mark.parametrize("n", range(1, 6))
def test_a_removed_event_is_named_also_the_last(ledger: Ledger, n: int) -> None:
    tamper(ledger, f"delete from events where n = {n}")  # noqa: S608 - ours
    assert found_broken(ledger)[0] == BrokenLink(n=n, what="missing")


def test_changed_details_are_named(ledger: Ledger) -> None:
    tamper(ledger, """update events set details = '{"person": "u9"}' where n = 3""")
    assert found_broken(ledger) == [BrokenLink(n=3, what="details")]


def test_details_can_be_erased_and_the_chain_holds(ledger: Ledger) -> None:
    with ledger.begin() as connection:
        connection.execute(update(events).where(events.c.n == 3).values(details=null()))
    assert found_broken(ledger) == []


def delete_one(connection: Connection) -> None:
    connection.execute(text("delete from events where n = 2"))


def edit_one(connection: Connection) -> None:
    connection.execute(text("update events set subject = 'x' where n = 2"))


def reword_one(connection: Connection) -> None:
    connection.execute(text("update events set details = '{}' where n = 2"))


@pytest.mark.parametrize("change", [delete_one, edit_one, reword_one])
def test_the_ledger_itself_refuses_to_change_the_past(
    ledger: Ledger, change: Callable[[Connection], None]
) -> None:
    with pytest.raises(IntegrityError), ledger.begin() as connection:
        change(connection)
    assert found_broken(ledger) == []
