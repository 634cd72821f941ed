"""Confirmations in the ledger, as the audit reads them."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from handover.answers.confirmations import answered_items, confirmations
from handover.ledger import Ledger
from handover.ledger.tables import confirmations as table
from handover.ledger.tables import decisions, plan_versions, plans
from tests.worlds.audited_records import ZONE

AT = "2027-03-31T16:00:00+00:00"


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Ledger.open(tmp_path / "ledger.sqlite")


def add_plan(connection: Connection, plan: str, state: str, **modes: str) -> None:
    connection.execute(
        insert(plans).values(
            id=plan,
            source="files",
            predecessor_id="u1",
            version=2,
            state=state,
            created_at=AT,
        )
    )
    for version in (1, 2):
        rows = [{"account_id": key, "mode": mode} for key, mode in modes.items()]
        connection.execute(
            insert(plan_versions).values(
                plan_id=plan,
                version=version,
                content={"rows": rows if version == 2 else []},
                fingerprint="x",
                policy_hash="x",
                generation=1,
                made_at=AT,
                cause="new",
            )
        )


def approve(connection: Connection, plan: str) -> None:
    """Approve the first version of a plan."""
    connection.execute(
        insert(decisions).values(
            plan_id=plan,
            version=1,
            fingerprint="x",
            decision="approve",
            person_id="m",
            as_delegate=False,
            actor="m",
            host="pc",
            tool_version="1",
            evidence={},
            at=AT,
        )
    )


def confirm(connection: Connection, plan: str, account: str, **given: Any) -> None:
    connection.execute(
        insert(table).values(
            **{
                "plan_id": plan,
                "source": "files",
                "account_id": account,
                "item": "contacts.person",
                "result": "confirmed",
                "person": "c1",
                "at": AT,
                "recorded_by": "u2",
                "recorded_at": AT,
                **given,
            }
        )
    )


def test_a_confirmation_has_the_local_day_of_its_time(ledger: Ledger) -> None:
    with ledger.begin() as connection:
        confirm(connection, "p", "A")
        confirm(connection, "p", "B", source="hubspot")
        (row,) = confirmations(connection, "files", ZONE, rehearsed=False)

    assert row["account_id"] == "A"
    assert row["on_date"] == dt.date(2027, 4, 1)
    assert row["happened_at"] == dt.datetime(2027, 3, 31, 16, tzinfo=dt.UTC)


def test_answers_count_in_the_handover_that_is_under_way(ledger: Ledger) -> None:
    with ledger.begin() as connection:
        add_plan(connection, "p", "in_progress", A="meet", B="inform", C="exclude")
        add_plan(connection, "old", "closed", D="meet")
        approve(connection, "p")
        approve(connection, "old")
        confirm(connection, "p", "A")
        confirm(connection, "p", "A", item="contacts.channel", result="corrected")
        confirm(connection, "p", "A", item="organisation.role", result="unknown")
        confirm(connection, "p", "C")
        confirm(connection, "old", "A", item="organisation.business")
        confirm(connection, "old", "D")

        assert answered_items(connection, "files", rehearsed=False) == {
            "A": {"contacts.person", "contacts.channel"},
            "B": frozenset(),
        }


@pytest.mark.parametrize("state", ["draft", "submitted", "rejected", "in_progress"])
def test_a_handover_is_under_way_while_its_amendment_waits(
    ledger: Ledger, state: str
) -> None:
    with ledger.begin() as connection:
        add_plan(connection, "p", state, A="meet")
        approve(connection, "p")
        confirm(connection, "p", "A")

        assert answered_items(connection, "files", rehearsed=False) == {
            "A": {"contacts.person"}
        }


@pytest.mark.parametrize("state", ["draft", "submitted", "rejected", "voided"])
def test_a_plan_that_is_not_approved_is_no_handover(ledger: Ledger, state: str) -> None:
    with ledger.begin() as connection:
        add_plan(connection, "p", state, A="meet")
        confirm(connection, "p", "A")

        assert answered_items(connection, "files", rehearsed=False) == {}
