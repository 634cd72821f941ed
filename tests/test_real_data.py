"""Two data sets that nobody here made: synced, audited, planned, and counted again."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import Cli, Ended

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
CASES = Path(__file__).parent / "cases"
MAVEN_DAY, NORTHWIND_DAY = "2025-12-31", "1998-05-06"


def set_up(folder: Path, name: str, files: str, currency: str, country: str) -> None:
    """Copy a data set into the working folder, with its mapping."""
    if not (SHARED / files).is_dir():
        pytest.skip(f"the data set {files} is not on this machine")
    shutil.rmtree(folder / "export")
    shutil.copytree(SHARED / files, folder / "export")
    shutil.copy(CASES / f"{name}.toml", folder)
    (folder / "handover.toml").write_text(
        'language = "en"\n[time]\nrehearsal = true\n'
        f'[crm.files]\nfolder = "export"\nmapping = "{name}.toml"\n'
        f'[money]\ncurrency = "{currency}"\n[calendar]\ncountry = "{country}"\n',
        encoding="utf-8",
    )


def audited(cli: Cli, day: str) -> Ended:
    assert cli("sync", "--json").code == 0
    ended = cli("audit", "--as-of", day, "--json")
    assert ended.code == 0
    return ended


def codes(ended: Ended) -> set[str]:
    return {warning["code"] for warning in ended.json["warnings"]}


# Maven: opportunities without accounts, no owner column, managers who are no users


@pytest.fixture
def maven(folder: Path) -> pd.DataFrame:
    set_up(folder, "maven", "maven_crm", "USD", "US")
    pipeline = pd.read_csv(folder / "export" / "sales_pipeline.csv", dtype=str)
    for column in ("close_date", "engage_date"):
        pipeline[column] = pd.to_datetime(pipeline[column], format="%m/%d/%y")
    return pipeline


def test_maven_owners_orphans_and_purchases_are_those_that_pandas_counts(
    maven: pd.DataFrame, cli: Cli, folder: Path
) -> None:
    ended = audited(cli, MAVEN_DAY)
    data = ended.data
    is_open = maven.deal_stage.isin(["Engaging", "Prospecting"])
    assert len(data["orphans"]) == (is_open & maven.account_id.isna()).sum() == 1425
    assert data["totals"]["accounts"] == maven.account_id.nunique() == 85
    assert "owner_rule_latest" in codes(ended)

    agents = pd.read_csv(folder / "export" / "sales_teams.csv", dtype=str)
    ids = agents.set_index("sales_agent").sales_person_id
    known = maven.dropna(subset=["account_id"]).assign(
        day=maven.close_date.fillna(maven.engage_date), owner=maven.sales_agent.map(ids)
    )
    known = known.sort_values(["day", "opportunity_id"], na_position="first")
    last = known.groupby("account_id").last()
    owners = {a["id"]: a["owner_id"] for a in data["accounts"]}
    assert {key: owners[key] for key in last.index} == last.owner.to_dict()

    won = maven[maven.deal_stage == "Won"].groupby("account_id").size()
    rows = {
        a["id"]: i["rows"]
        for a in data["accounts"]
        for i in a["items"]
        if i["item"] == "purchases.date"
    }
    assert {key: rows[key] for key in won.index} == won.to_dict()


def test_a_maven_plan_meets_whoever_has_an_open_opportunity(
    maven: pd.DataFrame, cli: Cli, folder: Path
) -> None:
    data = audited(cli, MAVEN_DAY).data
    book = pd.Series([a["owner_id"] for a in data["accounts"]]).value_counts()
    predecessor, successor = book.index[0], book.index[1]
    boss = "boss@x.example"
    lines = f"user,name,manager\n{boss},The Boss,\n{predecessor},,{boss}\n"
    (folder / "people.csv").write_text(lines, encoding="utf-8")
    ended = cli(
        "plan", "new", "--from", predecessor, "--to", successor,
        "--as-of", MAVEN_DAY, "--json",
    )  # fmt: skip
    assert ended.code == 0
    plan = ended.data["plan"]
    assert plan["manager"] == boss
    assert len(plan["rows"]) == book.iloc[0]
    is_open = maven.deal_stage.isin(["Engaging", "Prospecting"])
    busy = set(maven[is_open].account_id.dropna())
    for row in plan["rows"]:
        assert ("M3" in row["reasons"]) is (row["account_id"] in busy)
        assert row["mode"] == "meet" or not set(row["reasons"]) & {"M1", "M2", "M3"}


# Northwind: customers without owner, purchases in order lines


@pytest.fixture
def northwind(folder: Path) -> pd.DataFrame:
    set_up(folder, "northwind", "northwind", "USD", "US")
    files = folder / "export"
    orders = pd.read_csv(files / "orders.csv", dtype=str)
    return pd.read_csv(files / "order_details.csv", dtype=str).merge(
        orders, on="order_id"
    )


def test_northwind_purchases_and_values_are_those_that_pandas_sums(
    northwind: pd.DataFrame, cli: Cli
) -> None:
    ended = audited(cli, NORTHWIND_DAY)
    accounts = {a["id"]: a for a in ended.data["accounts"]}
    assert len(accounts) == 91
    assert "owner_rule_most" in codes(ended)
    amounts = northwind.unit_price.astype(float) * northwind.quantity.astype(float)
    sums = amounts.groupby(northwind.customer_id).sum()
    for key, value in sums.items():
        assert accounts[str(key)]["value"] == pytest.approx(value, rel=1e-4)
    lines = northwind.groupby("customer_id").size()
    for key, account in accounts.items():
        rows = {i["item"]: i["rows"] for i in account["items"]}
        assert rows["purchases.product"] == (lines.get(key) or None)


def test_northwind_owners_are_those_with_most_order_lines(
    northwind: pd.DataFrame, cli: Cli
) -> None:
    data = audited(cli, NORTHWIND_DAY).data
    counted = northwind.groupby(["customer_id", "employee_id"]).size()
    for account in data["accounts"]:
        if account["id"] in counted.index.get_level_values(0):
            mine = counted[account["id"]]
            assert mine[account["owner_id"]] == mine.max()
        else:
            assert account["owner_id"] is None


def test_an_owner_that_is_only_a_rule_can_be_planned_but_not_written(
    northwind: pd.DataFrame, cli: Cli
) -> None:
    audited(cli, NORTHWIND_DAY)
    on = ("--as-of", NORTHWIND_DAY)
    new = cli("plan", "new", "--from", "1", "--to", "3", "--json", *on)
    assert new.code == 0
    plan = new.data["plan"]
    assert plan["manager"] == "2"  # employees.reports_to
    assert {row["account_id"] for row in plan["rows"]} <= set(northwind.customer_id)
    cli("plan", "edit", plan["id"], "--no-attend", "rest", "--as", "2", *on)
    assert cli("plan", "submit", plan["id"], "--as", "1", *on).code == 0
    assert cli("plan", "approve", plan["id"], "--as", "2", *on).code == 0
    ended = cli("reassign", plan["id"], "--early", "a test", "--json", *on)
    assert (ended.code, ended.json["error"]["code"]) == (5, "owner_not_writable")
