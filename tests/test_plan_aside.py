"""What the sync could not read, as plans and runs name it."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import FILES, Cli, Ended
from tests.worlds.planning_folder import write

TODAY = "2027-03-01"
LATER = "2027-03-10"
TABLES: dict[str, Sequence[Sequence[str]]] = {
    "users": [("id", "name"), ("P", "Sato"), ("S", "Tanaka"), ("Q", "Kato")],
    "accounts": [
        ("id", "name", "owner_id", "employees"),
        ("A1", "Aoba", "P", "11-50"),
        ("A2", "Sakura", "P", "20"),
        ("A9", "Kaede", "Q", "many"),
    ],
    "contacts": [
        ("id", "account_id", "name", "owner_id"),
        ("C1", "A1", "Yamada", "P"),
        ("C7", "A404", "Mori", "P"),
    ],
    "opportunities": [
        ("id", "account_id", "owner_id", "name", "is_closed", "is_won", "amount"),
        ("O1", "A1", "P", "pumps", "false", "false", "a lot"),
        ("O2", "A2", "P", "valves", "false", "false", "200"),
        ("O3", "A2", "P", "pipes", "true", "true", "plenty"),
        ("O4", "A1", "Q", "boilers", "false", "false", "some"),
        ("O5", "A2", "00007", "hoses", "false", "false", "7"),
        ("O6", "A2", "00007", "lids", "true", "true", "7"),
        ("O9", "A9", "Q", "tanks", "false", "false", "few"),
    ],
    "requests": [
        ("id", "account_id", "owner_id", "subject", "is_open"),
        ("R1", "A2", "00008", "spare part", "true"),
        ("R2", "A2", "00008", "answered", "false"),
    ],
    "orders": [
        ("id", "account_id", "owner_id", "product", "date", "amount"),
        ("K1", "A2", "Q", "seals", "soon", "5"),
        ("K9", "A9", "Q", "rings", "later", "5"),
    ],
}


@pytest.fixture
def office(folder: Path, cli: Cli) -> Cli:
    """A company whose export has cells that cannot be read, synced."""
    (folder / "handover.toml").write_text(
        FILES + '[people]\nfile = "people.csv"\n', encoding="utf-8"
    )
    write(folder, "people.csv", [("user", "manager"), *((u, "M") for u in "PSQ")])
    for name, rows in TABLES.items():
        known = [("M", "Takahashi")] if name == "users" else []
        write(folder / "export", f"{name}.csv", [*rows, *known])

    def call(*words: str, on: str = TODAY) -> Ended:
        return cli(*words, "--as-of", on, "--json")

    call("sync")
    return call


def new(office: Cli) -> dict[str, Any]:
    plan: dict[str, Any] = office("plan", "new", "--from", "P", "--to", "S").data[
        "plan"
    ]
    return plan


def named(aside: Sequence[dict[str, Any]]) -> list[tuple[str, str, str, str]]:
    return [
        (each["account"], each["id"], each["column"], each["value"])
        for each in aside
        if each["reason"] != "unresolved"
    ]


UNREAD = [
    ("Aoba", "A1", "employees", "11-50"),
    ("Aoba", "O1", "amount", "a lot"),
    ("Aoba", "O4", "amount", "some"),
    ("Sakura", "O3", "amount", "plenty"),
    ("Sakura", "K1", "date", "soon"),
]


def test_a_plan_names_what_was_not_read_of_its_customers(office: Cli) -> None:
    plan = new(office)
    assert named(plan["aside"]) == UNREAD
    shown = office("plan", "show", plan["id"])
    assert named(shown.data["plan"]["aside"]) == UNREAD
    warned = {each["code"]: each["message"] for each in shown.json["warnings"]}
    assert 'Aoba: customer employees "11-50"' in warned["put_aside"]
    assert "Kaede" not in warned["put_aside"]


def test_page_and_terminal_list_what_was_not_read(office: Cli, cli: Cli) -> None:
    plan = new(office)["id"]
    for form in ("--format", "table"), ("--format", "html"):
        text = cli("plan", "show", plan, *form, "--as-of", TODAY).out
        assert "Values that could not be read" in text
        assert "a lot" in text
        assert "A404: there is no such customer" in text


def test_an_open_opportunity_that_was_not_read_waits_for_a_decision(
    office: Cli,
) -> None:
    plan = new(office)
    planned = {r["account_id"]: r["opportunities"] for r in plan["rows"]}
    decided = {each["id"]: each["action"] for a in ("A1", "A2") for each in planned[a]}
    assert decided == {"O1": None, "O2": "transfer"}
    refused = office("plan", "submit", plan["id"], "--as", "P")
    assert (refused.code, refused.json["error"]["code"]) == (5, "opportunity_undecided")
    assert "Aoba: pumps (O1)" in refused.json["error"]["message"]


def approved(office: Cli, *decided: str) -> str:
    key: str = new(office)["id"]
    for words in (("edit", key, *decided, "--as", "P"), ("submit", key, "--as", "P")):
        assert office("plan", *words).code == 0
    assert office("plan", "approve", key, "--as", "M").code == 0
    return key


def owners(folder: Path) -> dict[str, str]:
    with (folder / "export" / "opportunities.csv").open(encoding="utf-8") as file:
        return {row["id"]: row["owner_id"] for row in csv.DictReader(file)}


def test_what_somebody_decides_goes_with_its_customer_and_the_run_names_it(
    office: Cli, folder: Path
) -> None:
    key = approved(office, "--opportunity", "O1=transfer")
    for words in (("--dry-run",), ()):
        run = office("reassign", key, *words, on=LATER)
        assert run.code == 0
        assert named(run.data["aside"]) == UNREAD
        assert "put_aside" in {each["code"] for each in run.json["warnings"]}
    assert {o: owners(folder)[o] for o in ("O1", "O2", "O4")} == {
        "O1": "S",
        "O2": "S",
        "O4": "Q",
    }


def test_rest_decides_all_that_wait_and_nothing_else(office: Cli) -> None:
    key = new(office)["id"]
    edited = office(
        "plan", "edit", key, "--opportunity", "rest=hold:2027-06-30", "--as", "M"
    ).data["plan"]
    planned = {r["account_id"]: r["opportunities"][0] for r in edited["rows"]}
    assert (planned["A1"]["action"], planned["A1"]["until"]) == ("hold", "2027-06-30")
    assert planned["A2"]["action"] == "transfer"


def test_a_value_that_fits_by_now_waits_no_longer_and_a_new_one_does(
    office: Cli, folder: Path
) -> None:
    key = new(office)["id"]
    file = folder / "export" / "opportunities.csv"
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("a lot", "100").replace("200", "two hundred"), encoding="utf-8"
    )
    office("sync")
    edited = office("plan", "edit", key, "--online", "A1", "--as", "M").data["plan"]
    planned = {r["account_id"]: r["opportunities"][0] for r in edited["rows"]}
    assert planned["A1"]["action"] == "transfer"
    assert planned["A2"]["action"] is None
    decided = office("plan", "edit", key, "--opportunity", "O2=transfer", "--as", "P")
    again = office("plan", "edit", key, "--online", "A2", "--as", "M")
    for ended in (decided, again):
        row = next(r for r in ended.data["plan"]["rows"] if r["account_id"] == "A2")
        assert row["opportunities"][0]["action"] == "transfer"


def test_a_reference_that_leads_nowhere_is_named_with_its_record(office: Cli) -> None:
    plan = new(office)
    loose = {each["id"]: each for each in plan["loose"]}
    assert (loose["C7"]["account_id"], loose["C7"]["account"]) == ("A404", None)
    lost = [each for each in plan["aside"] if each["reason"] == "unresolved"]
    assert [(e["account"], e["id"], e["column"], e["value"]) for e in lost] == [
        ("Sakura", "O5", "owner_id", "00007"),
        ("Sakura", "R1", "owner_id", "00008"),
        (None, "C7", "account_id", "A404"),
    ]
    warned = {
        each["code"]: each["message"]
        for each in office("plan", "show", plan["id"]).json["warnings"]
    }
    assert 'Sakura: opportunity hoses owner "00007"' in warned["lost_references"]


def test_an_open_opportunity_of_nobody_knows_whom_is_not_left_behind_in_silence(
    office: Cli, folder: Path
) -> None:
    file = folder / "export" / "opportunities.csv"
    text = file.read_text(encoding="utf-8").replace("O4,A1,Q", "O4,A1,#N/A")
    file.write_text(text.replace("a lot", "100"), encoding="utf-8")
    office("sync")
    key = new(office)["id"]
    for words in (
        ("submit", key, "--as", "P"),
        ("edit", key, "--opportunity", "O4=transfer", "--as", "P"),
    ):
        refused = office("plan", *words)
        assert (refused.code, refused.json["error"]["code"]) == (5, "owner_unread")
        assert "O4" in refused.json["error"]["message"]
    edited = office("plan", "edit", key, "--opportunity", "rest=transfer", "--as", "P")
    row = next(r for r in edited.data["plan"]["rows"] if r["account_id"] == "A1")
    assert [each["action"] for each in row["opportunities"]] == ["transfer", None]
    office("plan", "edit", key, "--opportunity", "O4=leave", "--as", "P")
    assert office("plan", "submit", key, "--as", "P").code == 0


def test_a_table_that_is_not_there_is_named_with_the_rule_that_needs_it(
    office: Cli, folder: Path
) -> None:
    file = folder / "export" / "opportunities.csv"
    file.write_text("id,account_id\nO1,A1\n", encoding="utf-8")
    office("sync", "--allow-shrink")
    ended = office("plan", "new", "--from", "P", "--to", "S")
    warned = {each["code"]: each["message"] for each in ended.json["warnings"]}
    assert "opportunity" in warned["tables_unread"]
    assert "contact" not in warned["tables_unread"]
    assert any(
        "an opportunity is open" in each["message"]
        and "opportunities.is_closed" in each["message"]
        for each in ended.json["warnings"]
    )
