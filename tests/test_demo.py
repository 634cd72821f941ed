"""The sample company: always the same, whole, and with the faults it promises."""

import csv
import datetime as dt
from collections import Counter
from pathlib import Path

import pytest

from connectors.base import Pull
from connectors.files import FilesCRM
from handover.demo import write_demo
from mappings.reachable import phone_quality
from mappings.schema import columns

TODAY = dt.date(2026, 11, 24)
ALSO_IN_FILES = {"account_id", "contact_id", "opportunity_id"}

Tables = dict[str, list[dict[str, str]]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    write_demo(folder, TODAY)
    return folder


@pytest.fixture(scope="module")
def tables(demo: Path) -> Tables:
    found: Tables = {}
    for path in [*(demo / "export").iterdir(), demo / "people.csv"]:
        with path.open(encoding="utf-8-sig", newline="") as file:
            found[path.stem] = list(csv.DictReader(file))
    return found


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*.csv")
    }


def test_the_same_day_gives_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    write_demo(tmp_path, TODAY)
    assert contents(tmp_path) == contents(demo)


def test_another_day_moves_the_dates_and_nothing_else(
    demo: Path, tmp_path: Path
) -> None:
    write_demo(tmp_path, TODAY + dt.timedelta(weeks=30))
    moved = {n for n, data in contents(demo).items() if contents(tmp_path)[n] != data}
    assert moved == {
        f"export/{table}.csv"
        for table in (
            "accounts",
            "activities",
            "line_items",
            "opportunities",
            "orders",
            "requests",
        )
    }


def test_columns_are_those_of_the_common_schema(tables: Tables) -> None:
    for table, rows in tables.items():
        if table != "people":
            assert set(rows[0]) <= set(columns(table)) | ALSO_IN_FILES


def test_files_are_written_for_excel_and_read_by_the_connector(demo: Path) -> None:
    raw = (demo / "export" / "accounts.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbfid,name,owner_id")
    assert raw.count(b"\r\n") == raw.count(b"\n") == 241
    crm = FilesCRM(demo / "export")
    pages = list(crm.pull(Pull(object="accounts.*", fields=("id",))))
    assert sum(len(page.rows) for page in pages) == 240


def test_six_salespeople_have_forty_customers_each(tables: Tables) -> None:
    owners = Counter(row["owner_id"] for row in tables["accounts"])
    assert owners == {
        "U01": 40,
        "U02": 40,
        "U03": 40,
        "U04": 40,
        "U05": 40,
        "U06": 38,
        "": 2,
    }


def test_everybody_but_one_is_active_and_has_a_manager(tables: Tables) -> None:
    names = {row["id"]: row["name"] for row in tables["users"]}
    assert names["U01"] == "佐藤 健一"
    assert [r["id"] for r in tables["users"] if r["is_active"] == "false"] == ["U06"]
    managers = {row["user"]: row["manager"] for row in tables["people"]}
    assert [user for user, manager in managers.items() if not manager] == ["M0"]
    assert set(managers.values()) - {""} <= set(names)
    assert all(row["delegate"] != row["user"] for row in tables["people"])
    assert {row["login"] for row in tables["people"]} == {""}


def test_links_lead_somewhere_but_for_the_planted_ones(tables: Tables) -> None:
    ids = {table: {row.get("id", "") for row in rows} for table, rows in tables.items()}
    lost = [
        (table, row[column])
        for table, rows in tables.items()
        for row in rows
        for column, target in (
            ("account_id", "accounts"),
            ("contact_id", "contacts"),
            ("opportunity_id", "opportunities"),
            ("parent_id", "accounts"),
            ("owner_id", "users"),
        )
        if row.get(column) and row[column] not in ids[target]
    ]
    assert lost == [("opportunities", "A999")]


def test_orphans_are_nobodys_whose_handover_is_shown(tables: Tables) -> None:
    orphans = [
        row["owner_id"]
        for row in tables["opportunities"]
        if row["is_closed"] == "false" and row["account_id"] in {"", "A999"}
    ]
    assert sorted(orphans) == ["U03", "U04", "U05", "U06"]


def test_open_business_of_a_colleague_who_is_gone_lies_with_others(
    tables: Tables,
) -> None:
    owners = {row["id"]: row["owner_id"] for row in tables["accounts"]}
    lying = {
        owners[row["account_id"]]
        for row in tables["opportunities"]
        if row["owner_id"] == "U06" and row["account_id"] in owners
    }
    assert {"U04", "U05"} <= lying


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("accounts", "business", {"", "不明", "-"}),
        ("accounts", "customer_class", {"重要顧客", "重点顧客", "一般", "A", ""}),
        ("contacts", "name", {"ご担当者様", "受付"}),
        ("contacts", "email", {"", "test"}),
        ("contacts", "phone", {"", "0000"}),
        ("contacts", "has_left", {"true"}),
        ("contacts", "email_bounced", {"true"}),
        ("contacts", "preferred_channel", {""}),
        ("opportunities", "reason", {"", "不明", "なし"}),
        ("opportunities", "next_step", {"", "未定"}),
        ("activities", "outcome", {"不在"}),
        ("activities", "kind", {"電話", "訪問", "打合せ", "メール", "メモ", "ToDo"}),
        ("requests", "is_open", {"true", "false"}),
    ],
)
def test_gaps_and_placeholders_are_planted(
    tables: Tables, table: str, column: str, words: set[str]
) -> None:
    assert words <= {row[column] for row in tables[table]}


def test_phones_are_possible_numbers(tables: Tables) -> None:
    written = [r["phone"] for r in tables["accounts"] if r["phone"]]
    written += [r["mobile"] for r in tables["contacts"] if r["mobile"]]
    assert {phone_quality(number, "JP", frozenset()) for number in written} == {"ok"}


def test_dates_lie_on_their_side_of_today(tables: Tables) -> None:
    today = TODAY.isoformat()
    for row in tables["activities"]:
        if row["kind"] != "ToDo":
            assert (row["happened_at"] < today) == (row["is_done"] == "true")
    won = [r for r in tables["opportunities"] if r["is_won"] == "true"]
    assert max(row["close_date"] for row in won) < today
    stale = [
        row
        for row in tables["opportunities"]
        if row["is_closed"] == "false" and row["close_date"] < today
    ]
    assert stale
