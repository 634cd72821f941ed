"""Translation of whole pages: rows of the schema, links, and rows put aside."""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.cells import Index, index_rows
from mappings.forms import Lookup
from mappings.load import load_mapping
from mappings.model import mappable
from mappings.schema import TABLES, arrow_schema, columns
from mappings.translate import Reject, Translated, TranslationSettings, Translator

Row = dict[Any, Any]

SETTINGS = TranslationSettings(
    timezone=ZoneInfo("Asia/Tokyo"),
    country="JP",
    currency="JPY",
    empty_words=frozenset({"なし", "不明", "-", "N/A", "0000"}),
)
FILES = load_mapping("files", Path())

CRM = """
[users]
object = "User"
fields = { id = "Id", name = "Name" }
[accounts]
object = "Account"
[accounts.fields]
id = "Id"
name = "Name"
owner_id = "Owner.Id"
customer_class = { field = "Class", values = { A = "key" } }
industry = { lookup = { object = "Industry", match = "Code", take = "Name" } }
address = { fields = ["Zip", "City"], join = " " }
employees = "Employees"
[accounts.fields.parent_id.lookup]
object = "Account"
match = "Name"
take = "Id"
field = "Parent"
[accounts.extra]
equipment = "Installed"
[contacts]
object = "Contact"
fields = { id = "Id", account_id = "companies", name = "Name" }
[contact_links]
object = "Contact"
fields = { contact_id = "Id", account_id = "companies", role = "labels" }
[orders]
object = "Order"
[orders.fields]
id = "Id"
account_id = "Account"
product = "Product"
date = { field = "Day", date_format = "%d.%m.%y" }
amount = { multiply = ["Price", "Number"] }
[[activities]]
object = "Task"
[activities.fields]
id = "Id"
kind = { field = "Type", values = { Ring = "call" } }
is_done = "Closed"
happened_at = "At"
outcome = { field = "Result", values = { OK = "done" } }
account_id = "AccountId"
contact_id = "Who"
[[activities]]
object = "Event"
[activities.fields]
id = "Id"
kind = { constant = "meeting" }
is_done = "Done"
happened_at = "At"
"""


def crm(
    tmp_path: Path, object_name: str, visible: Collection[str] | None = None
) -> Translator:
    (tmp_path / "crm.toml").write_text(CRM, encoding="utf-8")
    mapping = load_mapping("crm.toml", tmp_path)
    return Translator(mapping, "crm", object_name, SETTINGS, visible_fields=visible)


def files(object_name: str, rows: Sequence[Mapping[str, object]]) -> Translated:
    return Translator(FILES, "files", object_name, SETTINGS).page(rows)


def only(page: Translated, table: str) -> dict[str, object]:
    (row,) = page.tables[table].to_pylist()
    return {name: value for name, value in row.items() if value is not None}


def column(page: Translated, table: str, name: str) -> list[object]:
    values: list[object] = page.tables[table][name].to_pylist()
    return values


def aside(page: Translated) -> list[tuple[int, str | None, str | None, str]]:
    return [(r.row, r.field, r.value, r.reason) for r in page.rejects]


def test_a_row_of_a_file_becomes_a_row_of_the_schema() -> None:
    page = files(
        "accounts.csv",
        [
            {
                "id": " A1 ",
                "name": "株式会社　山田",
                "owner_id": "U1",
                "customer_class": "重要顧客",
                "business": "<p>部品の<b>製造</b></p>",
                "employees": "1,200",
                "phone": "03-1234-5678",
                "renewal_date": "2026年4月1日",
                "created_at": "2020-01-01 09:00",
                "requests": "なし",
            }
        ],
    )
    assert page.tables["accounts"].schema == arrow_schema("accounts")
    assert only(page, "accounts") == {
        "source": "files",
        "object": "accounts.csv",
        "id": "A1",
        "is_deleted": False,
        "name": "株式会社　山田",
        "owner_id": "U1",
        "customer_class": "key",
        "customer_class_state": "mapped",
        "business": "<p>部品の<b>製造</b></p>",
        "business_norm": "部品の製造",
        "employees": Decimal("1200.0000"),
        "phone": "03-1234-5678",
        "phone_quality": "ok",
        "renewal_date": dt.date(2026, 4, 1),
        "created_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC),
        "requests": "なし",
        "requests_norm": "なし",
    }


def test_a_placeholder_word_is_an_empty_cell_where_no_text_is_expected() -> None:
    words = dict.fromkeys(
        ["owner_id", "employees", "renewal_date", "customer_class", "is_deleted"],
        "Ｎ/Ａ",
    )
    page = files("accounts.csv", [{"id": "1", "name": "-", **words}])
    found = only(page, "accounts")
    assert not words.keys() - {"is_deleted"} & found.keys()
    assert (found["is_deleted"], found["name"]) == (False, "-")
    assert found["customer_class_state"] == "empty"


@pytest.mark.parametrize(
    ("class_", "state", "stored"),
    [
        *(("一般", "mapped", "normal"), ("VIP", "unmapped", "VIP")),
        *(("", "empty", None), ("不明", "empty", None)),
    ],
)
def test_a_class_has_a_state_beside_it(
    class_: str, state: str, stored: str | None
) -> None:
    row = {"id": "1", "name": "A", "owner_id": "", "customer_class": class_}
    page = files("accounts.csv", [row])
    assert column(page, "accounts", "customer_class_state") == [state]
    assert column(page, "accounts", "customer_class") == [stored]


def test_an_unmapped_class_has_no_state() -> None:
    mapping = load_mapping("files", Path())
    page = Translator(
        mapping, "files", "accounts.csv", SETTINGS, {}, {"id", "name", "owner_id"}
    ).page([{"id": "1", "name": "A", "owner_id": ""}])
    assert column(page, "accounts", "customer_class_state") == [None]


def test_listed_words_alone_make_a_class_mapped(tmp_path: Path) -> None:
    rows = [{"Id": "1", "Class": "A"}, {"Id": "2", "Class": "key"}]
    page = crm(tmp_path, "Account").page(rows)
    assert column(page, "accounts", "customer_class_state") == ["mapped", "unmapped"]


def test_a_cell_that_does_not_convert_is_put_aside_and_its_record_stays() -> None:
    good: Row = {"id": "1", "account_id": "A", "product": "P", "date": "2026-04-01"}
    rows: list[Row] = [
        good,
        {**good, "id": "2", "date": "2026-02-30"},
        {**good, "id": "3", "amount": "some"},
        {**good, "id": "4", "quantity": "many", "amount": "x" * 100},
        {**good, "id": "", "product": "Q", "date": "soon"},
        {**good, "id": "5", None: ["surplus"]},
        {**good, "id": "6", "is_deleted": "maybe"},
    ]
    page = files("orders.csv", rows)
    assert column(page, "orders", "id") == ["1", "2", "3", "4", "5", "6"]
    day = dt.date(2026, 4, 1)
    assert column(page, "orders", "date") == [day, None, day, day, day, day]
    assert column(page, "orders", "is_deleted") == [False] * 6
    assert page.read == {"orders": 7}
    assert [r.id for r in page.rejects if r.whole] == [None]
    assert aside(page) == [
        (2, "date", "2026-02-30", "bad_date"),
        (3, "amount", "some", "bad_number"),
        (4, "quantity", "many", "bad_number"),
        (4, "amount", "x" * 80, "bad_number"),
        (5, "id", None, "no_id"),
        (7, "is_deleted", "maybe", "bad_yes_no"),
        (6, None, "surplus", "too_many_cells"),
    ]
    assert [r.column for r in page.rejects] == [
        *("date", "amount", "quantity", "amount", "id", "is_deleted", None)
    ]


BAD = {dt.date: "soon", dt.datetime: "soon", Decimal: "11-50", bool: "perhaps"}


@pytest.mark.parametrize("table", [t for t in TABLES if t != "activity_links"])
def test_no_cell_of_any_column_of_any_table_takes_its_record_away(table: str) -> None:
    specs = columns(table).values()
    cells = {spec.name: BAD.get(spec.type, "x") for spec in specs}
    page = files(f"{table}.csv", [{**cells, "id": "1"}])
    (row,) = page.tables[table].to_pylist()
    names = {name for name in mappable(table) if name in cells}
    wrong = {spec.name for spec in specs if spec.type in BAD} & names
    assert {r.column for r in page.rejects} >= wrong
    assert not any(reject.whole for reject in page.rejects)
    assert {row[name] for name in wrong - {"is_deleted"}} <= {None}


def test_a_factor_that_is_no_number_costs_the_product_only(tmp_path: Path) -> None:
    row = {"Id": "1", "Day": "01.04.26", "Price": "12", "Number": "11-50"}
    page = crm(tmp_path, "Order").page([row])
    assert only(page, "orders")["id"] == "1"
    assert aside(page) == [(1, "Price + Number", "11-50", "bad_number")]


def test_line_numbers_of_the_source_are_kept() -> None:
    translator = Translator(FILES, "files", "users.csv", SETTINGS)
    page = translator.page([{"id": "1"}, {"id": ""}], [2, 7])
    assert [reject.row for reject in page.rejects] == [7]


def test_a_long_value_is_quoted_in_part() -> None:
    page = files("orders.csv", [{"id": "1", "amount": "x" * 100}])
    assert page.rejects[0].value == "x" * 80


def test_later_duplicates_are_put_aside_across_pages_with_what_differs() -> None:
    translator = Translator(FILES, "files", "users.csv", SETTINGS)
    rows: list[Row] = [
        {"id": "1", "name": "first", "is_active": "perhaps"},
        {"id": "1", "name": "second", "is_active": "perhaps"},
    ]
    first = translator.page(rows)
    second = translator.page([{"id": "1", "name": "third"}, {"id": "2", "name": "B"}])
    assert column(first, "users", "name") == ["first"]
    assert column(second, "users", "name") == ["B"]
    assert aside(first) == [
        (1, "is_active", "perhaps", "bad_yes_no"),
        (2, "id", "1 (name: first / second)", "duplicate_id"),
    ]
    assert aside(second) == [(1, "id", "1", "duplicate_id")]
    assert [r.whole for r in (*first.rejects, *second.rejects)] == [False, True, True]


def test_a_row_that_says_again_what_is_known_is_none() -> None:
    """Owners are often taken from the rows of the accounts, one line for each."""
    translator = Translator(FILES, "files", "users.csv", SETTINGS)
    mori = {"id": "1", "name": "Mori"}
    pages = [translator.page([mori, mori]), translator.page([mori])]
    assert [page.read["users"] for page in pages] == [1, 0]
    assert [column(page, "users", "id") for page in pages] == [["1"], []]
    assert not any(page.rejects for page in pages)


def test_a_crm_may_deliver_a_record_again_while_it_changes(tmp_path: Path) -> None:
    page = crm(tmp_path, "User").page(
        [{"Id": "1", "Name": "a"}, {"Id": "1", "Name": "b"}]
    )
    assert column(page, "users", "name") == ["a", "b"]
    assert not page.rejects


def test_too_few_cells_are_empty_cells() -> None:
    page = files("contacts.csv", [{"id": "1", "name": "N"}])
    assert only(page, "contacts")["id"] == "1"
    assert column(page, "contacts", "account_id") == [None]


def test_what_activities_hang_on_becomes_links() -> None:
    rows = [
        {
            "id": "1",
            "kind": "電話",
            "is_done": "はい",
            "happened_at": "2026-04-01",
            "account_id": "A1",
            "contact_id": "なし",
            "opportunity_id": "O1",
        },
        {"id": "2", "kind": "謎", "is_done": "1", "account_id": "A2"},
    ]
    page = files("activities.csv", rows)
    links = page.tables["activity_links"]
    assert links.schema == arrow_schema("activity_links")
    assert links.select(["id", "activity_id", "target", "target_id"]).to_pylist() == [
        {
            "id": f"{activity}:{target}:{target_id}",
            "activity_id": activity,
            "target": target,
            "target_id": target_id,
        }
        for activity, target, target_id in (
            *(("1", "account", "A1"), ("2", "account", "A2")),
            ("1", "opportunity", "O1"),
        )
    ]
    assert aside(page) == [(2, "kind", "謎", "unknown_word")]
    assert column(page, "activities", "kind") == ["call", "other"]
    assert page.read == {"activities": 2, "activity_links": 3}


def test_a_day_without_a_time_is_told_from_midnight() -> None:
    page = files(
        "activities.csv",
        [
            {"id": "1", "kind": "call", "is_done": "1", "happened_at": "2026-04-01"},
            {
                "id": "2",
                "kind": "call",
                "is_done": "1",
                "happened_at": "2026-04-01 00:00",
            },
            {"id": "3", "kind": "call", "is_done": "1", "happened_at": ""},
        ],
    )
    assert column(page, "activities", "has_time") == [False, True, None]
    on = dt.date(2026, 4, 1)
    assert column(page, "activities", "happened_on") == [on, on, None]


def test_times_with_a_zone_give_the_local_day(tmp_path: Path) -> None:
    rows: list[Row] = [
        {"Id": "1", "At": "2026-04-01T15:30:00.000Z", "Done": True},
        {"Id": "2", "At": None, "Done": False},
    ]
    page = crm(tmp_path, "Event").page(rows)
    assert column(page, "activities", "happened_on") == [dt.date(2026, 4, 2), None]
    assert column(page, "activities", "has_time") == [True, None]
    assert column(page, "activities", "is_done") == [True, False]


@pytest.mark.parametrize(
    "at",
    ["2026-04-01T09Z", "2026-04-01T09:30:00.1234567Z", "0001-01-01T00:00:00+09:00"],
)
def test_a_whole_column_is_read_as_strictly_as_a_cell(tmp_path: Path, at: str) -> None:
    translator = crm(tmp_path, "Event")
    row = {"Id": "1", "At": at, "Done": True}
    alone = translator.page([row])
    beside = translator.page([row, {**row, "Id": "2", "At": "2026年4月1日"}])
    rows = alone.tables["activities"]
    assert rows.equals(beside.tables["activities"].slice(0, len(rows)))
    assert list(alone.rejects) == list(beside.rejects)


def test_ids_of_several_objects_carry_the_object_in_links_too(tmp_path: Path) -> None:
    row = {
        "Id": "7",
        "Type": "Ring",
        "Closed": True,
        "At": "2026-04-01T00:00:00Z",
        "Result": "voicemail",
        "AccountId": ["A1", "A2", "A1"],
        "Who": 9,
    }
    page = crm(tmp_path, "Task").page([row])
    found = only(page, "activities")
    assert (found["id"], found["object"]) == ("Task:7", "Task")
    assert (found["kind"], found["outcome"]) == ("call", "other")
    assert column(page, "activity_links", "activity_id") == ["Task:7"] * 3
    assert column(page, "activity_links", "target_id") == ["A1", "A2", "9"]
    assert page.origins["activity_links"] == ("Task:7",)


def test_lists_are_read_side_by_side_in_a_link_table(tmp_path: Path) -> None:
    rows: list[Row] = [
        {
            "Id": "1",
            "Name": "N",
            "companies": ["A", "B", "A"],
            "labels": ["決裁者", None],
        },
        {"Id": "2", "Name": "M", "companies": []},
        {"Id": "3", "Name": "L", "companies": None},
    ]
    page = crm(tmp_path, "Contact").page(rows)
    links = page.tables["contact_links"].select(["id", "account_id", "role", "origin"])
    assert links.to_pylist() == [
        {"id": "1:A", "account_id": "A", "role": "決裁者", "origin": "1"},
        {"id": "1:B", "account_id": "B", "role": None, "origin": "1"},
    ]
    assert page.origins["contact_links"] == ("1", "2", "3")
    assert column(page, "contacts", "account_id") == ["A", None, None]
    assert page.read == {"contacts": 3, "contact_links": 2}
    assert not page.rejects


def test_the_key_of_a_link_in_a_file_is_its_pair() -> None:
    pair = {"contact_id": "C", "account_id": "A"}
    page = files(
        "contact_links.csv", [pair, {**pair, "role": "x"}, {"contact_id": "C"}]
    )
    assert column(page, "contact_links", "id") == ["C:A"]
    assert aside(page) == [
        (2, "id", "C:A (role:  / x)", "duplicate_id"),
        (3, "contact_id", "C", "no_id"),
    ]


def test_teams_are_read_by_their_pair() -> None:
    page = files("account_team.csv", [{"record_id": "A", "user_id": "U", "role": "SE"}])
    assert only(page, "account_team")["id"] == "A:U"


def test_related_fields_lookups_and_joins_are_followed(tmp_path: Path) -> None:
    translator = crm(tmp_path, "Account")
    indexes: dict[Lookup, Index] = {}
    others: dict[str, list[Row]] = {
        "Account": [{"Id": "A1", "Name": "Parent Inc"}],
        "Industry": [{"Code": 5, "Name": "小売"}, {"Code": 5, "Name": "小売"}],
    }
    for lookup in translator.mapping.lookups():
        index_rows(lookup, others[lookup.object], indexes.setdefault(lookup, Index()))
    translator.lookups = indexes
    page = translator.page(
        [
            {
                "Id": "2",
                "Owner": {"Id": "U1"},
                "Parent": "Parent Inc",
                "Code": "5",
                "Zip": "100",
                "City": "東京",
                "Installed": "2台",
                "Employees": 12.5,
            },
            {"Id": "3", "Owner": None, "Parent": "Nobody", "Code": "6", "City": "大阪"},
        ]
    )
    assert column(page, "accounts", "owner_id") == ["U1", None]
    assert column(page, "accounts", "parent_id") == ["A1", "Nobody"]
    assert column(page, "accounts", "industry") == ["小売", None]
    assert column(page, "accounts", "address") == ["100 東京", "大阪"]
    assert column(page, "accounts", "extra_equipment_norm") == ["2台", None]
    assert column(page, "accounts", "employees") == [Decimal("12.5"), None]


OWNERS = """
extends = "files"
[accounts.fields.owner_id.lookup]
object = "users.csv"
match = "name"
take = "id"
field = "owner"
"""


def test_a_name_is_looked_up_whatever_its_case_and_width_unless_it_fits_several(
    tmp_path: Path,
) -> None:
    (tmp_path / "own.toml").write_text(OWNERS, encoding="utf-8")
    mapping = load_mapping("own.toml", tmp_path)
    (lookup,) = mapping.lookups()
    index = Index()
    names = ["Hana Mori", "Jun Hara", "Jun Hara", "佐藤　花"]
    users = [{"id": f"u{n}", "name": name} for n, name in enumerate(names, 1)]
    index_rows(lookup, users, index)
    translator = Translator(mapping, "files", "accounts.csv", SETTINGS, {lookup: index})
    owners = ["hana mori", "Ｈａｎａ　Ｍｏｒｉ", "Jun Hara", "佐藤花", "Nobody", "なし"]
    page = translator.page(
        [{"id": str(n), "owner": owner} for n, owner in enumerate(owners, 1)]
    )
    found = column(page, "accounts", "owner_id")
    assert found == ["u1", "u1", None, "u4", "Nobody", None]
    assert aside(page) == [(3, "owner", "Jun Hara (u2, u3)", "ambiguous")]


def test_an_unknown_word_keeps_its_record_and_is_named() -> None:
    good: Row = {"kind": "call", "is_done": "1", "happened_at": "2026-04-01"}
    rows: list[Row] = [
        {**good, "id": "1", "kind": "Demo", "outcome": "Went well"},
        {**good, "id": "2", "is_done": "perhaps"},
    ]
    page = files("activities.csv", rows)
    assert column(page, "activities", "kind") == ["other", "call"]
    assert column(page, "activities", "outcome") == ["other", None]
    assert column(page, "activities", "is_done") == [True, None]
    assert aside(page) == [
        (1, "kind", "Demo", "unknown_word"),
        (1, "outcome", "Went well", "unknown_word"),
        (2, "is_done", "perhaps", "bad_yes_no"),
    ]


def test_a_status_that_the_mapping_does_not_list_leaves_done_empty(
    tmp_path: Path,
) -> None:
    own = """
extends = "files"
[activities.fields]
is_done = { field = "status", values = { Completed = true, Open = false } }
"""
    (tmp_path / "own.toml").write_text(own, encoding="utf-8")
    mapping = load_mapping("own.toml", tmp_path)
    row = {"id": "1", "kind": "call", "happened_at": "2026-04-01", "status": "Paused"}
    page = Translator(mapping, "files", "activities.csv", SETTINGS).page([row])
    assert column(page, "activities", "is_done") == [None]
    assert aside(page) == [(1, "status", "Paused", "bad_yes_no")]


def test_what_a_spreadsheet_shows_for_an_error_is_put_aside_in_every_column() -> None:
    row = {"id": "1", "name": "#REF!", "owner_id": "#N/A", "employees": "#DIV/0!"}
    page = files("accounts.csv", [row, {**row, "id": "#NAME?"}])
    found = only(page, "accounts")
    assert found["id"] == "1"
    assert not {"name", "owner_id", "employees"} & found.keys()
    assert sorted(aside(page)) == [
        (1, "employees", "#DIV/0!", "spreadsheet_error"),
        (1, "name", "#REF!", "spreadsheet_error"),
        (1, "owner_id", "#N/A", "spreadsheet_error"),
        (2, "id", "#NAME?", "spreadsheet_error"),
    ]


@pytest.mark.parametrize("unset", ["--None--", "--なし--"])
def test_the_empty_value_of_a_picklist_is_empty(unset: str) -> None:
    names = ("customer_class", "industry", "owner_id")
    page = files("accounts.csv", [{"id": "1", **dict.fromkeys(names, unset)}])
    found = only(page, "accounts")
    assert not {"customer_class", "industry", "industry_norm"} & found.keys()
    assert "owner_id" not in found
    assert found["customer_class_state"] == "empty"
    assert not page.rejects


def test_an_id_that_a_spreadsheet_took_for_a_number_is_not_used() -> None:
    row: Row = {"id": "1", "account_id": "1.23457E+18", "name": "P"}
    page = files("contacts.csv", [row, {**row, "id": "1E+18"}, {**row, "id": "1E5"}])
    assert column(page, "contacts", "id") == ["1", "1E5"]
    assert column(page, "contacts", "account_id") == [None, None]
    assert aside(page) == [
        (1, "account_id", "1.23457E+18", "damaged_id"),
        (2, "id", "1E+18", "damaged_id"),
        (3, "account_id", "1.23457E+18", "damaged_id"),
    ]
    hung = {"id": "1", "kind": "call", "account_id": "1E+18"}
    assert not len(files("activities.csv", [hung]).tables["activity_links"])


def test_a_column_of_phones_without_their_lead_is_told_once() -> None:
    translator = Translator(FILES, "files", "contacts.csv", SETTINGS)
    phones = ["03-1234-5678", "312345678", "81312345678", "9012345678", "12"]
    rows = [{"id": str(n), "phone": phone} for n, phone in enumerate(phones, 1)]
    page = translator.page(rows)
    again = translator.page([{"id": "9", "phone": "312345678"}])
    qualities = ["ok", "invalid", "invalid", "invalid", "invalid"]
    assert column(page, "contacts", "phone_quality") == qualities
    assert aside(page) == [(2, "phone", "312345678", "lost_lead")]
    assert [(r.id, r.whole) for r in page.rejects] == [(None, False)]
    assert not again.rejects


def test_decimal_commas_are_read_where_the_mapping_says_so(tmp_path: Path) -> None:
    own = """
extends = "files"
[opportunities.fields]
amount = { field = "amount", decimal = "," }
[orders]
decimal = ","
[orders.fields]
amount = { multiply = ["price", "number"] }
"""
    (tmp_path / "own.toml").write_text(own, encoding="utf-8")
    mapping = load_mapping("own.toml", tmp_path)

    def page(name: str, row: Row) -> Translated:
        return Translator(mapping, "files", name, SETTINGS).page([row])

    opportunity = page("opportunities.csv", {"id": "1", "amount": "1.234,56"})
    order = page(
        "orders.csv", {"id": "1", "price": "1,5", "number": "3", "cost": "2,5"}
    )
    wrong = page("orders.csv", {"id": "1", "price": "1.5", "number": "3"})
    assert only(opportunity, "opportunities")["amount"] == Decimal("1234.56")
    assert only(order, "orders")["amount"] == Decimal("4.5")
    assert only(order, "orders")["cost"] == Decimal("2.5")
    assert aside(wrong) == [(1, "price + number", "1.5", "bad_number")]


def test_products_and_notations_of_their_own_are_read(tmp_path: Path) -> None:
    rows: list[Row] = [
        {"Id": "1", "Day": "01.04.26", "Price": "¥1,000", "Number": 3},
        {"Id": "2", "Day": "31.02.26", "Price": "1", "Number": "1"},
        {"Id": "3", "Day": None, "Price": "1", "Number": "N/A"},
        {"Id": "4", "Day": None, "Price": "1", "Number": "many"},
    ]
    page = crm(tmp_path, "Order").page(rows)
    days = [dt.date(2026, 4, 1), None, None, None]
    assert column(page, "orders", "date") == days
    assert column(page, "orders", "amount") == [Decimal(3000), Decimal(1), None, None]
    assert aside(page) == [
        (2, "Day", "31.02.26", "bad_date"),
        (4, "Price + Number", "many", "bad_number"),
    ]


def test_fields_that_the_crm_hides_leave_their_columns_empty(tmp_path: Path) -> None:
    translator = crm(tmp_path, "Account", {"Id", "Name", "Zip", "Owner"})
    row = {"Id": "1", "Name": "A", "Zip": "100", "City": "東京", "Owner": {"Id": "U"}}
    found = only(translator.page([row]), "accounts")
    assert found["address"] == "100"
    assert found["owner_id"] == "U"
    assert "customer_class_state" not in found


def test_phones_are_meant_in_the_country_of_the_row() -> None:
    rows = [
        {
            "id": "1",
            "name": "A",
            "phone": "(206) 555-9857",
            "country": "アメリカ合衆国",
        },
        {"id": "2", "name": "B", "phone": "(206) 555-9857", "country": "somewhere"},
    ]
    page = files("accounts.csv", rows)
    assert column(page, "accounts", "phone_quality") == ["ok", "invalid"]


def test_a_contacts_phone_is_meant_in_its_own_country_else_in_its_accounts() -> None:
    countries: dict[str, str] = {}
    accounts = Translator(FILES, "files", "accounts.csv", SETTINGS, countries=countries)
    accounts.page([{"id": "A", "country": "USA"}, {"id": "B", "country": "Japan"}])
    contacts = Translator(FILES, "files", "contacts.csv", SETTINGS, countries=countries)
    phone = {"phone": "(206) 555-9857"}
    page = contacts.page(
        [
            {"id": "1", "account_id": "A", **phone},
            {"id": "2", "account_id": "B", **phone},
            {"id": "3", "account_id": "B", "country": "US", **phone},
            {"id": "4", "account_id": "A", "country": "JP", **phone},
        ]
    )
    qualities = ["ok", "invalid", "ok", "invalid"]
    assert column(page, "contacts", "phone_quality") == qualities


def test_amounts_without_a_currency_have_the_configured_one() -> None:
    row = {"id": "1", "account_id": "A", "owner_id": "U", "currency": ""}
    page = files("opportunities.csv", [row, {**row, "id": "2", "currency": "usd"}])
    assert column(page, "opportunities", "currency") == ["JPY", "USD"]
    line = files("line_items.csv", [{"id": "1", "opportunity_id": "O", "product": "P"}])
    assert column(line, "line_items", "currency") == [None]


def test_formula_looking_text_is_data() -> None:
    page = files("users.csv", [{"id": "=1+1", "name": '=HYPERLINK("x")'}])
    assert only(page, "users")["name"] == '=HYPERLINK("x")'


def test_an_empty_page_has_the_schema(tmp_path: Path) -> None:
    for name in ("Task", "Contact", "Account"):
        page = crm(tmp_path, name).page([])
        extra = ("extra_equipment",)
        for table, rows in page.tables.items():
            assert rows.schema == arrow_schema(
                table, extra if table == "accounts" else ()
            )
            assert len(rows) == 0


CELLS = st.sampled_from(
    ["", "A", "なし", "2026-04-01", "2026-02-30", "1,000", "はい", "電話", "x@y.jp"]
)
ROWS = st.lists(
    st.fixed_dictionaries(
        dict.fromkeys(["id", "kind", "is_done", "happened_at", "account_id"], CELLS)
    ),
    max_size=12,
)


def place(reject: Reject) -> tuple[int, str | None, str | None, str, bool]:
    return (reject.row, reject.id, reject.column, reject.reason, reject.whole)


@given(rows=ROWS, cut=st.integers(min_value=0, max_value=12))
def test_where_pages_are_cut_makes_no_difference(
    rows: list[dict[str, str]], cut: int
) -> None:
    whole = files("activities.csv", rows)
    translator = Translator(FILES, "files", "activities.csv", SETTINGS)
    numbers = range(1, len(rows) + 1)
    parts = [
        translator.page(rows[:cut], numbers[:cut]),
        translator.page(rows[cut:], numbers[cut:]),
    ]
    for table, expected in whole.tables.items():
        assert pa.concat_tables([p.tables[table] for p in parts]).equals(expected)
    rejects = [r for part in parts for r in part.rejects]
    # What differs is quoted of rows on one page only.
    assert list(map(place, rejects)) == list(map(place, whole.rejects))


@given(rows=ROWS)
def test_every_record_read_stands_or_is_put_aside(rows: list[dict[str, str]]) -> None:
    page = files("activities.csv", rows)
    for table, count in page.read.items():
        whole = [r for r in page.rejects if r.table == table and r.whole]
        assert count == len(page.tables[table]) + len(whole)
        assert {r.reason for r in whole} <= {"no_id", "duplicate_id"}
