"""Two real data sets, said in the mapping language and compared with plain csv."""

import csv
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from mappings.cells import Index, index_rows
from mappings.check import Seen, check
from mappings.forms import Lookup
from mappings.load import load_mapping
from mappings.translate import Reject, TranslationSettings, Translator

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CASES = Path(__file__).parent / "cases"
SETTINGS = TranslationSettings(
    timezone=ZoneInfo("Asia/Tokyo"),
    country="JP",
    currency="JPY",
    empty_words=frozenset({"-", "n/a"}),
)

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="the public data sets are not on this machine"
)


def rows_of(folder: str, name: str) -> list[dict[str, str]]:
    path = DATA / folder / name
    if not path.exists():
        return []
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def translated(case: str, folder: str) -> tuple[dict[str, pa.Table], list[Reject]]:
    mapping = load_mapping(f"{case}.toml", CASES)
    lookups: dict[Lookup, Index] = {}
    for lookup in mapping.lookups():
        index = lookups.setdefault(lookup, Index())
        index_rows(lookup, rows_of(folder, lookup.object), index)
    tables: dict[str, pa.Table] = {}
    rejects: list[Reject] = []
    for name in mapping.objects():
        rows = rows_of(folder, name)
        page = Translator(mapping, "files", name, SETTINGS, lookups).page(rows)
        tables.update({k: v for k, v in page.tables.items() if rows})
        rejects += page.rejects
    return tables, rejects


@pytest.mark.parametrize(
    ("case", "folder"), [("maven", "maven_crm"), ("northwind", "northwind")]
)
def test_every_field_that_a_case_names_is_in_its_files(case: str, folder: str) -> None:
    def describe(name: str) -> Seen | None:
        rows = rows_of(folder, name)
        return Seen(fields=rows[0]) if rows else None

    found = check(load_mapping(f"{case}.toml", CASES), describe)
    assert not found.problems


def test_maven_is_translated_whole() -> None:
    tables, rejects = translated("maven", "maven_crm")
    pipeline = rows_of("maven_crm", "sales_pipeline.csv")
    interactions = rows_of("maven_crm", "interactions.csv")
    opportunities = tables["opportunities"].to_pylist()
    assert len(opportunities) == len(pipeline) == 8800
    assert len(tables["users"]) == 35
    assert len(tables["accounts"]) == 85
    assert sum(o["is_won"] for o in opportunities) == 4238
    assert sum(o["is_closed"] for o in opportunities) == 4238 + 2473
    no_account = [o for o in opportunities if o["account_id"] is None]
    assert len(no_account) == 1425
    assert not any(o["is_closed"] for o in no_account)
    assert sum(o["amount"] or 0 for o in opportunities) == sum(
        int(row["close_value"] or 0) for row in pipeline
    )
    agents = {
        r["sales_agent"]: r["sales_person_id"]
        for r in rows_of("maven_crm", "sales_teams.csv")
    }
    assert [o["owner_id"] for o in opportunities] == [
        agents[row["sales_agent"]] for row in pipeline
    ]
    assert "GTX Pro" in {o["product"] for o in opportunities}
    assert "GTXPro" in {row["product"] for row in pipeline}
    assert [
        o["close_date"] and f"{o['close_date']:%-m/%-d/%y}" for o in opportunities
    ] == [row["close_date"] or None for row in pipeline]
    parents = [a["parent_id"] for a in tables["accounts"].to_pylist() if a["parent_id"]]
    assert len(parents) == 15
    assert set(parents) <= set(tables["accounts"]["id"].to_pylist())
    people = {(row["account_id"], row["contact_name"]) for row in interactions}
    assert len(tables["contacts"]) == len(people)
    # A contact is named in the row of each interaction; two interactions share an id.
    assert Counter(reject.reason for reject in rejects) == {"duplicate_id": 2}
    done = sum(row["status"] == "Completed" for row in interactions)
    activities = tables["activities"].to_pylist()
    assert len(activities) == len(interactions) - 2
    assert sum(a["is_done"] for a in activities) == done - 1
    assert not any(a["has_time"] for a in activities)


def test_northwind_is_translated_whole() -> None:
    tables, rejects = translated("northwind", "northwind")
    details = rows_of("northwind", "order_details.csv")
    heads = {row["order_id"]: row for row in rows_of("northwind", "orders.csv")}
    assert not rejects
    assert len(tables["users"]) == 9
    assert len(tables["accounts"]) == len(tables["contacts"]) == 91
    orders = tables["orders"].to_pylist()
    assert len(orders) == len(details) == 2155
    for order, row in zip(orders, details, strict=True):
        head = heads[row["order_id"]]
        exact = Decimal(row["unit_price"]) * Decimal(row["quantity"])
        assert order["amount"] == exact.quantize(Decimal("0.0001"), ROUND_HALF_UP)
        assert order["account_id"] == head["customer_id"]
        assert order["owner_id"] == head["employee_id"]
        assert order["date"].isoformat() == head["order_date"]
    assert tables["accounts"]["owner_id"].null_count == 91
    reports_to = {
        row["employee_id"]: row["reports_to"] or None
        for row in rows_of("northwind", "employees.csv")
    }
    assert {u["id"]: u["manager_id"] for u in tables["users"].to_pylist()} == reports_to
