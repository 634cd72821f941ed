"""HubSpot and a folder of files in one mirror, with the same ids in both."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.following import order_tasks
from tests.worlds.hubspot_company import Company, company
from tests.worlds.hubspot_data import TOKEN
from tests.worlds.hubspot_replies import Answer
from tests.worlds.hubspot_serving import serve

TODAY = ("--as-of", "2027-03-01")
CONFIG = """\
language = "en"
timezone = "Asia/Tokyo"
[time]
rehearsal = true
[crm.files]
folder = "export"
[crm.hubspot]
base_url = "{address}"
token = "env:TOKEN"
rate = {{ burst = 100000, search = 100000 }}
[people]
file = "people.csv"
"""
PEOPLE = "user,manager\n6,5\n7,5\n8,5\n"


@pytest.fixture
def made() -> Company:
    return company()


@pytest.fixture
def pair(
    made: Company, folder: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cli]:
    monkeypatch.setenv("TOKEN", TOKEN)
    (folder / "people.csv").write_text(
        "user,manager\n6,5\n7,5\n8,5\n", encoding="utf-8"
    )
    ids = made.ids
    export(
        folder,
        "users",
        [
            {"id": "5", "name": "上司"},
            {"id": "6", "name": "別の森"},
            {"id": "7", "name": "別の佐藤"},
            {"id": "8", "name": "別の田中"},
        ],
    )
    accounts = [
        {"id": ids["seiki"], "name": "(株)東京精機", "owner_id": "7"},
        {"id": ids["denki"], "name": "神戸造船", "owner_id": "7"},
        {"id": "9001", "name": "東京精機株式会社", "owner_id": "8"},
    ]
    export(folder, "accounts", accounts)
    with serve(made.portal) as address:
        text = CONFIG.format(address=address)
        (folder / "handover.toml").write_text(text, encoding="utf-8")
        yield cli


def export(folder: Path, table: str, rows: list[dict[str, str]]) -> None:
    with (folder / "export" / f"{table}.csv").open("w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_equal_ids_stay_apart_in_the_audit(pair: Cli, made: Company) -> None:
    assert pair("sync", *TODAY).code == 0
    data = pair("audit", "--json", *TODAY).data
    key = made.ids["denki"]
    named = {a["source"]: a["name"] for a in data["accounts"] if a["id"] == key}
    assert named == {"files": "神戸造船", "hubspot": "大阪電機"}
    owners = {o["source"]: o["name"] for o in data["owners"] if o["id"] == "7"}
    assert owners == {"files": "別の佐藤", "hubspot": "佐藤"}
    bought = {
        account["source"]: item["state"]
        for account in data["accounts"]
        for item in account["items"]
        if account["id"] == key and item["item"] == "purchases.product"
    }
    assert bought["hubspot"] != bought["files"] == "unmapped"


def test_likely_duplicates_of_both_are_listed_with_the_ambiguous_ones_marked(
    pair: Cli, made: Company, folder: Path
) -> None:
    pair("sync", *TODAY)
    (group,) = pair("audit", "--json", *TODAY).data["duplicates"]
    assert (group["by"], group["ambiguous"]) == ("name", True)
    assert {(one["source"], one["id"]) for one in group["accounts"]} == {
        ("files", made.ids["seiki"]),
        ("files", "9001"),
        ("hubspot", made.ids["seiki"]),
    }
    said = pair("audit", *TODAY).out
    assert "Likely one customer" in said
    assert "ambiguous" in said
    assert "特定できません" in pair("audit", "--lang", "ja", *TODAY).out
    pair("audit", "--format", "html", "-o", "audit.html", *TODAY)
    assert "ambiguous" in (folder / "audit.html").read_text(encoding="utf-8")


def test_an_id_of_both_has_to_be_told_apart(pair: Cli, made: Company) -> None:
    pair("sync", *TODAY)
    key = made.ids["denki"]
    ended = pair("show", key, "--json", *TODAY)
    assert (ended.code, ended.json["error"]["code"]) == (2, "ambiguous_name")
    assert f"hubspot:{key}" in ended.json["error"]["message"]
    for text in (f"hubspot:{key}", "大阪電機"):
        named = pair("show", text, "--json", *TODAY).data["account"]
        assert (named["source"], named["name"]) == ("hubspot", "大阪電機")


def test_a_plan_acts_on_one_source(pair: Cli, made: Company, folder: Path) -> None:
    before = (folder / "export" / "accounts.csv").read_bytes()
    pair("sync", *TODAY)
    words = ("plan", "new", "--from", "佐藤", "--to", "田中", "--json", *TODAY)
    (plan,) = pair(*words).data["plans"]
    assert plan["source"] == "hubspot"
    assert {row["source"] for row in plan["rows"]} == {"hubspot"}
    assert {row["account_id"] for row in plan["rows"]} == {
        made.ids["seiki"],
        made.ids["denki"],
    }
    mixed = pair("plan", "new", "--from", "佐藤", "--to", "別の田中", "--json", *TODAY)
    assert mixed.code == 2
    assert (folder / "export" / "accounts.csv").read_bytes() == before


def test_an_owner_of_both_has_to_be_told_apart(pair: Cli) -> None:
    pair("sync", *TODAY)
    ended = pair("plan", "new", "--from", "7", "--to", "8", "--json", *TODAY)
    assert (ended.code, ended.json["error"]["code"]) == (2, "ambiguous_name")
    assert "files:7, hubspot:7" in ended.json["error"]["message"]
    for source in ("hubspot", "files"):
        words = ("--from", f"{source}:7", "--to", "8", "--json", *TODAY)
        (plan,) = pair("plan", "new", *words).data["plans"]
        assert {row["source"] for row in plan["rows"]} == {source}
    plans = pair("plan", "list", "--json", *TODAY).data["plans"]
    assert len({plan["id"] for plan in plans}) == 2


def test_who_owns_accounts_in_one_of_them_is_meant_there(pair: Cli) -> None:
    pair("sync", *TODAY)
    (plan,) = pair("plan", "new", "--from", "6", "--to", "8", "--json", *TODAY).data[
        "plans"
    ]
    assert plan["source"] == "hubspot"


def test_when_one_fails_the_other_comes_and_the_first_keeps_its_rows(
    pair: Cli, made: Company, folder: Path
) -> None:
    pair("sync", *TODAY)
    export(folder, "accounts", [{"id": "9001", "name": "新社名", "owner_id": "8"}])
    made.portal.edit("companies", made.ids["denki"], name="大阪電機株式会社")
    made.portal.faults = [lambda _call: Answer(503, "<html>")]
    ended = pair("sync", "--json", "--allow-shrink", *TODAY)
    assert ended.code == 7
    assert ended.data["sources"] == [
        {"source": "files", "ok": True, "code": None},
        {"source": "hubspot", "ok": False, "code": "unreachable"},
    ]
    accounts = pair("audit", "--json", *TODAY).data["accounts"]
    names = {row["name"] for row in accounts}
    assert {"新社名", "大阪電機", "東京精機", "名古屋工業"} == names
    made.portal.faults = []
    assert pair("sync", *TODAY).code == 0
    accounts = pair("audit", "--json", *TODAY).data["accounts"]
    assert "大阪電機株式会社" in {row["name"] for row in accounts}


def test_a_refused_token_reads_the_same_with_one_crm_and_with_two(
    pair: Cli, made: Company, folder: Path
) -> None:
    pair("sync", *TODAY)
    export(folder, "accounts", [{"id": "9001", "name": "新社名", "owner_id": "8"}])
    refused = Answer(401, '{"status": "error", "category": "INVALID_AUTHENTICATION"}')
    made.portal.faults = [lambda _call: refused] * 9
    two = pair("sync", "--json", "--allow-shrink", *TODAY)
    assert two.code == 4
    assert [one["ok"] for one in two.data["sources"]] == [True, False]
    accounts = pair("audit", "--json", *TODAY).data["accounts"]
    assert "新社名" in {row["name"] for row in accounts}
    config = folder / "handover.toml"
    text = config.read_text(encoding="utf-8")
    for language in ("en", "ja"):
        beside = pair("sync", "--lang", language, "--allow-shrink", *TODAY)
        without = text.replace('[crm.files]\nfolder = "export"\n', "")
        config.write_text(without, encoding="utf-8")
        alone = pair("sync", "--lang", language, *TODAY)
        config.write_text(text, encoding="utf-8")
        assert (beside.code, alone.code) == (4, 4)
        what, why, remedy = (line.strip() for line in alone.err.splitlines()[-3:])
        assert what.partition(": ")[2] in beside.err
        assert why.partition(": ")[2] in beside.err
        assert beside.err.splitlines()[-1].strip() == remedy
        assert "files" in beside.err
        assert "detail=" not in beside.err


def test_a_missing_secret_of_one_leaves_the_other_its_sync(
    pair: Cli, made: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOKEN")
    ended = pair("sync", "--json", *TODAY)
    assert ended.code == 2
    assert ended.data["sources"] == [
        {"source": "files", "ok": True, "code": None},
        {"source": "hubspot", "ok": False, "code": "no_secret"},
    ]
    assert "TOKEN" in ended.json["error"]["message"]


def test_who_leaves_is_looked_for_in_both(pair: Cli, made: Company) -> None:
    assert pair("sync", *TODAY).code == 0
    both = pair("leaver", "7", "--json", *TODAY)
    assert both.code == 3
    found = {(r["source"], r["id"]) for r in both.data["left"]["accounts"]}
    assert ("files", made.ids["denki"]) in found
    assert {source for source, _ in found} == {"files", "hubspot"}
    one = pair("leaver", "hubspot:7", "--json", *TODAY)
    assert {r["source"] for r in one.data["left"]["accounts"]} == {"hubspot"}
    (user,) = one.data["users"]
    assert any("workflows" in line for line in user["unknown"])
    page = pair("leaver", "7", "--format", "html", *TODAY).out
    assert page.count("<h1>") == 2


def test_tasks_for_gaps_are_a_run_of_each_crm_and_one_stops_no_other(
    pair: Cli, folder: Path
) -> None:
    contact = {"id": "C1", "account_id": "9001", "name": "受付"}
    export(folder, "contacts", [contact])
    order_tasks(folder, "上司")
    assert pair("sync", *TODAY).code == 0
    ended = pair("tasks", "--json", "--yes", *TODAY)
    assert (ended.code, ended.json["error"]["code"]) == (5, "not_all_sources")
    files, hubspot = ended.data["runs"]
    assert (files["source"], hubspot["source"]) == ("files", "hubspot")
    assert files["run"]["counts"]["done"] > 0
    assert (hubspot["run"], hubspot["error"]["code"]) == (None, "no_standing_order")
    said = pair("tasks", "--lang", "ja", "--yes", *TODAY).out
    assert "hubspot に ToDo を作成しません" in said
    rules = 'enabled = true\napproved_by = "5"\n'
    (folder / "policy.toml").write_text(f"[tasks]\n{rules}", encoding="utf-8")
    both = pair("tasks", "--json", "--yes", *TODAY)
    assert both.data["runs"][1]["error"]["code"] == "confirm_production"
    named = pair("tasks", "--json", "--yes", "--org", "4242", *TODAY)
    assert named.code == 0
    (run,) = named.data["runs"]
    assert run["source"] == "hubspot"
    assert run["run"]["counts"]["done"] > 0
