"""The views: what hangs together, worked out from the tables."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from handover.mirror.views import Mirror, open_mirror
from tests.worlds.audited_records import AS_OF, ZONE, generation_of, mirror_of

ACCOUNTS = [
    {"id": "A", "name": "東京精機", "owner_id": "u1"},
    {"id": "B", "name": "大阪精機", "owner_id": "u1"},
]
WON = {"account_id": "A", "owner_id": "u1", "is_closed": "true", "is_won": "true"}
CALL = {"kind": "call", "is_done": "true", "happened_at": "2027-03-20"}


def amounts(mirror: Mirror) -> dict[str, Any]:
    rows = mirror.rows("select id, amount, currency from purchases order by id")
    return {str(row["id"]): row["amount"] for row in rows}


def linked(mirror: Mirror) -> set[tuple[str, str]]:
    rows = mirror.rows("from account_activities")
    return {(str(row["account_id"]), str(row["activity_id"])) for row in rows}


def test_lines_without_an_amount_share_what_is_left(tmp_path: Path) -> None:
    records = {
        "accounts": ACCOUNTS,
        "opportunities": [{"id": "o1", **WON, "amount": "1000"}],
        "line_items": [
            {"id": "l1", "opportunity_id": "o1", "product": "a", "amount": "400"},
            {"id": "l2", "opportunity_id": "o1", "product": "b", "amount": ""},
            {"id": "l3", "opportunity_id": "o1", "product": "c", "amount": ""},
        ],
    }
    with mirror_of(records, tmp_path) as mirror:
        assert amounts(mirror) == {
            "l1": Decimal(400),
            "l2": Decimal(300),
            "l3": Decimal(300),
        }


def test_the_rest_is_never_below_nothing(tmp_path: Path) -> None:
    records = {
        "accounts": ACCOUNTS,
        "opportunities": [{"id": "o1", **WON, "amount": "100"}],
        "line_items": [
            {"id": "l1", "opportunity_id": "o1", "product": "a", "amount": "400"},
            {"id": "l2", "opportunity_id": "o1", "product": "b", "amount": ""},
        ],
    }
    with mirror_of(records, tmp_path) as mirror:
        assert amounts(mirror) == {"l1": Decimal(400), "l2": Decimal(0)}


def test_lines_of_another_currency_neither_share_nor_count(tmp_path: Path) -> None:
    line = {"opportunity_id": "o1", "product": "a"}
    records = {
        "accounts": ACCOUNTS,
        "opportunities": [{"id": "o1", **WON, "amount": "1000", "currency": "JPY"}],
        "line_items": [
            {"id": "l1", **line, "amount": "400", "currency": "USD"},
            {"id": "l2", **line, "amount": "", "currency": "JPY"},
            {"id": "l3", **line, "amount": "", "currency": "USD"},
        ],
    }
    with mirror_of(records, tmp_path) as mirror:
        assert amounts(mirror) == {
            "l1": Decimal(400),
            "l2": Decimal(1000),
            "l3": None,
        }


def test_a_line_has_its_own_date_else_the_close_date(tmp_path: Path) -> None:
    records = {
        "accounts": ACCOUNTS,
        "opportunities": [{"id": "o1", **WON, "close_date": "2027-01-31"}],
        "line_items": [
            {"id": "l1", "opportunity_id": "o1", "product": "a", "date": "2027-02-01"},
            {"id": "l2", "opportunity_id": "o1", "product": "b", "date": ""},
        ],
    }
    with mirror_of(records, tmp_path) as mirror:
        rows = mirror.rows("select id, date from purchases order by id")

    assert [row["date"] for row in rows] == [dt.date(2027, 2, 1), dt.date(2027, 1, 31)]


def test_purchases_are_lines_opportunities_without_lines_and_orders(
    tmp_path: Path,
) -> None:
    records = {
        "accounts": ACCOUNTS,
        "opportunities": [
            {"id": "o1", **WON, "amount": "10"},
            {"id": "o2", **WON, "amount": "0"},
            {"id": "o3", **WON, "is_won": "false", "amount": "30"},
            {"id": "o4", **WON, "account_id": "Z", "amount": "40"},
        ],
        "line_items": [{"id": "l1", "opportunity_id": "o1", "product": "a"}],
        "orders": [
            {
                "id": "r1",
                "account_id": "A",
                "product": "a",
                "date": "2027-01-01",
                "amount": "5",
            }
        ],
    }
    with mirror_of(records, tmp_path) as mirror:
        assert amounts(mirror) == {
            "l1": Decimal(10),
            "o2": Decimal(0),
            "r1": Decimal(5),
        }


def test_an_activity_counts_once_for_every_account_it_leads_to(tmp_path: Path) -> None:
    records = {
        "accounts": ACCOUNTS,
        "contacts": [{"id": "c1", "account_id": "A", "name": "山田"}],
        "contact_links": [{"contact_id": "c1", "account_id": "B"}],
        "opportunities": [{"id": "o1", **WON}],
        "activities": [
            {
                "id": "t1",
                **CALL,
                "account_id": "A",
                "contact_id": "c1",
                "opportunity_id": "o1",
            },
            {
                "id": "t2",
                **CALL,
                "account_id": "Z",
                "contact_id": "",
                "opportunity_id": "",
            },
        ],
    }
    with mirror_of(records, tmp_path) as mirror:
        assert linked(mirror) == {("A", "t1"), ("B", "t1")}
        assert len(mirror.rows("from interactions")) == 2


def test_roles_of_a_contact_and_of_a_link_are_kept_together(tmp_path: Path) -> None:
    records = {
        "accounts": ACCOUNTS,
        "contacts": [
            {"id": "c1", "account_id": "A", "name": "山田", "role": "窓口"},
            {"id": "c2", "account_id": "", "name": "佐藤", "role": ""},
        ],
        "contact_links": [
            {"contact_id": "c1", "account_id": "A", "role": "決裁者"},
            {"contact_id": "c2", "account_id": "B", "role": "相談役"},
        ],
    }
    with mirror_of(records, tmp_path) as mirror:
        rows = mirror.rows("select account_id, id, role_norm from people order by id")

    assert [tuple(row.values()) for row in rows] == [
        ("A", "c1", "窓口; 決裁者"),
        ("B", "c2", "相談役"),
    ]


@pytest.mark.parametrize(
    ("cells", "reachable"),
    [
        ({"phone": "03-1234-5678"}, True),
        ({"email": "info@example.co.jp"}, True),
        ({"email": "y@example.co.jp", "email_bounced": "true"}, False),
        ({"email": "y@example.co.jp", "opted_out": "true"}, False),
        ({"phone": "03-1234-5678", "opted_out": "true"}, True),
        ({"phone": "なし", "email": "x"}, False),
        ({"mobile": "090-1234-5678", "has_left": "true"}, False),
    ],
)
def test_who_can_be_reached(
    cells: dict[str, str],
    reachable: bool,  # noqa: FBT001 - the expected answer
    tmp_path: Path,
) -> None:
    contacts = [{"id": "c1", "account_id": "A", "name": "山田", **cells}]
    with mirror_of({"accounts": ACCOUNTS, "contacts": contacts}, tmp_path) as mirror:
        assert mirror.rows("select reachable from people")[0]["reachable"] is reachable


def test_tables_that_are_not_there_are_empty_and_complete(tmp_path: Path) -> None:
    with mirror_of({"accounts": ACCOUNTS}, tmp_path) as mirror:
        assert mirror.rows("select id, stage_norm, amount from opportunities") == []
        assert mirror.rows("from open_requests") == []


def test_deleted_rows_and_other_sources_are_not_seen(tmp_path: Path) -> None:
    records = {
        "accounts": [
            *({**account, "is_deleted": "false"} for account in ACCOUNTS),
            {"id": "C", "name": "x", "owner_id": "", "is_deleted": "true"},
        ]
    }
    generation = generation_of(records, tmp_path)
    given: dict[str, Any] = {"as_of": AS_OF, "zone": ZONE, "currency": "JPY"}

    with open_mirror(generation, "files", **given) as mirror:
        assert len(mirror.rows("from accounts")) == 2
    with open_mirror(generation, "hubspot", **given) as mirror:
        assert mirror.rows("from accounts") == []


def test_a_file_of_an_older_schema_has_nulls_where_it_has_no_column(
    tmp_path: Path,
) -> None:
    generation = generation_of({"accounts": ACCOUNTS}, tmp_path)
    file = generation.files["accounts"]
    older = pq.read_table(file).drop_columns(["renewal_date", "potential"])
    pq.write_table(older, file)

    with open_mirror(
        generation, "files", as_of=AS_OF, zone=ZONE, currency="JPY"
    ) as mirror:
        rows = mirror.rows("select renewal_date, potential from accounts")

    assert rows == [{"renewal_date": None, "potential": None}] * 2


def test_own_columns_are_read_by_name(tmp_path: Path) -> None:
    accounts = [{**ACCOUNTS[0], "extra_equipment": "旋盤"}]
    with mirror_of({"accounts": accounts}, tmp_path) as mirror:
        rows = mirror.rows("select column_name, value_norm from account_texts")

    assert rows == [{"column_name": "extra_equipment", "value_norm": "旋盤"}]


def test_narrowing_gives_exactly_the_rows_of_the_chosen_accounts(
    tmp_path: Path,
) -> None:
    records = {
        "accounts": ACCOUNTS,
        "contacts": [
            {"id": "c1", "account_id": "A", "name": "山田"},
            {"id": "c2", "account_id": "B", "name": "佐藤"},
        ],
        "opportunities": [
            {"id": "o1", **WON},
            {"id": "o2", **WON, "account_id": "B", "is_closed": "false", "is_won": ""},
        ],
        "activities": [{"id": "t1", **CALL, "account_id": "B"}],
        "requests": [{"id": "q1", "account_id": "B", "subject": "x", "is_open": "yes"}],
    }
    views = [
        *("people", "account_activities", "interactions", "latest_interactions"),
        *("purchases", "open_opportunities", "open_requests"),
    ]
    with mirror_of(records, tmp_path) as mirror:
        whole = {
            view: mirror.rows(f"from {view} where account_id = 'B'") for view in views
        }
    with mirror_of(records, tmp_path, accounts=["B"]) as mirror:
        assert {view: mirror.rows(f"from {view}") for view in views} == whole
        assert [row["id"] for row in mirror.rows("from accounts")] == ["B"]
        assert len(mirror.rows("from all_accounts")) == 2
    assert len(whole["open_opportunities"]) == 1


def test_a_confirmation_by_a_person_is_an_interaction_of_its_day(
    tmp_path: Path,
) -> None:
    at = dt.datetime(2027, 3, 31, 16, tzinfo=dt.UTC)
    row = {
        "id": 7,
        "account_id": "A",
        "item": "contacts.person",
        "record_id": None,
        "result": "confirmed",
        "person": "c1",
        "recorded_by": "u1",
        "happened_at": at,
        "on_date": at.astimezone(ZONE).date(),
    }

    with mirror_of({"accounts": ACCOUNTS}, tmp_path, confirmations=[row]) as mirror:
        found = mirror.rows("select id, on_date from latest_interactions")
    earlier = dt.date(2027, 3, 31)
    with mirror_of(
        {"accounts": ACCOUNTS}, tmp_path, confirmations=[row], as_of=earlier
    ) as mirror:
        before = mirror.rows("from latest_interactions")

    assert found == [{"id": "confirmation:7", "on_date": dt.date(2027, 4, 1)}]
    assert before == []


def test_what_could_be_seen_is_told_column_by_column(tmp_path: Path) -> None:
    contacts = [{"id": "c1", "account_id": "A", "name": "山田"}]
    with mirror_of(
        {"accounts": ACCOUNTS, "contacts": contacts},
        tmp_path,
        hidden=["contacts.email", "orders.*"],
    ) as mirror:
        seen = {
            (row["table_name"], row["column_name"]): row["status"]
            for row in mirror.rows("from seen_columns")
        }

    assert seen["contacts", "name"] == "mapped"
    assert seen["contacts", "email"] == "unreadable"
    assert seen["contacts", "phone"] == "unmapped"
    assert seen["orders", "*"] == "unreadable"
    assert seen["requests", "*"] == "unmapped"
