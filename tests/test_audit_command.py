"""``handover audit`` from the command line: options, forms, exit codes, the trend."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli
from tests.test_audit import COMPANY
from tests.worlds.audited_records import export

ROOT = Path(__file__).resolve().parents[1]
AS_OF = ("--as-of", "2027-04-01")


@pytest.fixture
def company(folder: Path, cli: Cli) -> Path:
    """A synced working folder."""
    export(COMPANY, folder / "export")
    with (folder / "people.csv").open("w", encoding="utf-8") as file:
        file.write("user,team\nu1,東\nu2,西\n")
    assert cli("sync").code == 0
    return folder


@pytest.mark.usefixtures("company")
def test_the_json_has_scores_findings_and_the_policy(cli: Cli) -> None:
    ended = cli("audit", "--json", *AS_OF)
    data = ended.data

    assert ended.code == 0
    assert ended.json["schema"] == "handover.audit/1"
    assert ended.json["as_of"] == "2027-04-01"
    assert data["generation"] == 1
    assert [account["ready"] for account in data["accounts"]] == [True, False, False]
    assert [owner["id"] for owner in data["owners"]] == ["u1", None]
    assert [orphan["id"] for orphan in data["orphans"]] == ["o4", "o5"]
    assert data["rejects"] == 0
    assert "trend" not in data
    assert "unmanaged" not in data


@pytest.mark.usefixtures("company")
def test_the_same_mirror_gives_the_same_bytes(cli: Cli) -> None:
    assert cli("audit", "--json", *AS_OF).out == cli("audit", "--json", *AS_OF).out


def test_before_any_sync_it_says_so(cli: Cli, folder: Path) -> None:
    ended = cli("audit", "--json")

    assert ended.code == 2
    assert ended.json["error"]["code"] == "no_generation"
    assert folder.exists()


def test_fewer_gaps_because_less_is_mapped_is_told(cli: Cli, company: Path) -> None:
    (company / "export" / "opportunities.csv").unlink()
    assert cli("sync", "--allow-shrink", *AS_OF).code == 0
    page = company / "audit.html"

    shown = cli("audit", *AS_OF).out
    totals = cli("audit", "--json", *AS_OF).data["totals"]
    assert cli("audit", "--format", "html", "-o", str(page), *AS_OF).code == 0

    assert totals["gaps"] < 13
    said = f"A further {totals['unjudged']} must-items cannot be judged"
    assert totals["unjudged"] > 0
    assert said in shown
    assert said in page.read_text(encoding="utf-8")


@pytest.mark.usefixtures("company")
def test_the_terminal_shows_numbers_owners_and_the_worst_first(cli: Cli) -> None:
    shown = cli("audit", *AS_OF).out

    assert "1 of 3 accounts are ready, score 46, 13 must-items to fill in." in shown
    assert "46 means: of the five kinds of information" in shown
    assert shown.index("佐藤") < shown.index("(nobody)")
    assert shown.index("見込") < shown.index("不足")
    worst, proposed = shown.split("Proposed classes", 1)
    assert "完備" not in worst
    assert "× A person by name" in worst
    (key,) = (line for line in proposed.splitlines() if "key account" in line)
    assert "完備" in key


@pytest.mark.usefixtures("company")
def test_japanese_is_spoken_as_well_and_survives_a_windows_console(cli: Cli) -> None:
    shown = cli("audit", "--lang", "ja", *AS_OF)

    assert "お客様 3 社のうち引継可 1 社、充足率 46" in shown.out
    assert (shown.out + shown.err).encode("cp932")


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    ("options", "accounts"),
    [
        (("--owner", "佐藤"), ["A", "B"]),
        (("--owner", "鈴木"), []),
        (("--team", "東"), ["A", "B"]),
        (("--account", "B"), ["B"]),
        (("--account", "見込", "--account", "完備"), ["A", "C"]),
        (("--owner", "佐藤", "--account", "B"), ["B"]),
        (("--owner", "佐藤", "--account", "C"), []),
    ],
)
@pytest.mark.every(2)
def test_it_can_be_narrowed(
    cli: Cli, options: tuple[str, ...], accounts: list[str]
) -> None:
    data = cli("audit", "--json", *options, *AS_OF).data

    assert [account["id"] for account in data["accounts"]] == accounts
    assert data["totals"]["accounts"] == len(accounts)


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("option", ["--owner", "--team", "--account"])
def test_an_unknown_name_is_refused(cli: Cli, option: str) -> None:
    ended = cli("audit", "--json", option, "誰か")

    assert ended.code == 2
    assert ended.json["error"]["code"] == "unknown_name"
    assert "誰か" in ended.json["error"]["message"]


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--fail-on", "never"), 0),
        (("--fail-on", "must"), 3),
        (("--fail-on", "must", "--account", "A"), 0),
        (("--fail-on", "should", "--account", "A"), 0),
        (("--min-score", "45"), 0),
        (("--min-score", "47"), 3),
    ],
)
@pytest.mark.every(2)
def test_gaps_end_with_three_and_the_result_is_there_all_the_same(
    cli: Cli, options: tuple[str, ...], code: int
) -> None:
    ended = cli("audit", "--json", *options, *AS_OF)

    assert ended.code == code
    assert ended.json["ok"] is (code == 0)
    assert ended.data["accounts"]
    if code:
        assert ended.json["error"]["code"] == "gaps"


@pytest.mark.usefixtures("company")
def test_a_csv_has_one_row_for_each_account_and_item(cli: Cli) -> None:
    rows = list(
        csv.DictReader(
            io.StringIO(cli("audit", "--format", "csv", *AS_OF).out.lstrip("\ufeff"))
        )
    )

    assert len(rows) == 3 * 19
    assert (rows[0]["Id"], rows[0]["Item"]) == ("A", "contacts.person")
    assert {row["State"] for row in rows} >= {"ok", "missing", "not_applicable"}


@pytest.mark.usefixtures("company")
def test_a_workbook_can_be_written(cli: Cli, folder: Path) -> None:
    assert cli("audit", "--format", "xlsx", "-o", "audit.xlsx", *AS_OF).code == 0
    assert (folder / "audit.xlsx").read_bytes().startswith(b"PK")


def codes(ended: Any) -> list[str]:
    return [warning["code"] for warning in ended.json["warnings"]]


def test_what_cannot_be_judged_is_said_on_top_with_what_to_do(
    cli: Cli, folder: Path
) -> None:
    records = {
        "users": [{"id": "u1", "name": "佐藤"}],
        "accounts": [
            {"id": "A", "name": "東", "owner_id": "u1", "customer_class": "VIP"}
        ],
    }
    export(records, folder / "export")
    cli("sync")
    ended = cli("audit", "--json")
    shown = cli("audit")

    assert {"class_unmapped", "activity_unknown", "items_unmapped"} <= {*codes(ended)}
    assert "VIP" in shown.err
    assert "purchases" in json.dumps(ended.data["unmapped"])
    assert "handover mapping show" in shown.err


@pytest.mark.usefixtures("company")
def test_without_a_class_the_audit_says_that_classes_are_proposals(cli: Cli) -> None:
    assert "classes_unknown" in codes(cli("audit", "--json", *AS_OF))


def test_rows_put_aside_are_counted_on_top(cli: Cli, folder: Path) -> None:
    accounts = [*COMPANY["accounts"], {"id": "", "name": "x", "owner_id": ""}]
    export({**COMPANY, "accounts": accounts}, folder / "export")
    cli("sync")
    ended = cli("audit", "--json", *AS_OF)

    assert ended.data["rejects"] == 1
    assert "rejects" in codes(ended)


def change_a_phone(folder: Path) -> None:
    contacts = [{**COMPANY["contacts"][0], "email": ""}, *COMPANY["contacts"][1:]]
    export({**COMPANY, "contacts": contacts}, folder / "export")


def test_the_trend_has_a_step_for_each_new_state_of_the_mirror(
    cli: Cli, company: Path
) -> None:
    cli("audit", *AS_OF)
    cli("audit", *AS_OF)
    change_a_phone(company)
    cli("sync")
    trend = cli("audit", "--json", "--trend", *AS_OF).data["trend"]
    mine = [step for step in trend if step["owner_id"] == "u1"]

    assert len(mine) == 2
    assert mine[0]["score"] > mine[1]["score"]
    assert (mine[0]["team"], mine[0]["accounts"]) == ("東", 2)
    assert {step["owner_id"] for step in trend} == {"u1", None}
    assert "Trend" in cli("audit", "--trend", "--owner", "佐藤", *AS_OF).out


@pytest.mark.usefixtures("company")
def test_a_narrowed_audit_is_not_kept_for_the_trend(cli: Cli) -> None:
    cli("audit", "--owner", "佐藤", *AS_OF)

    assert (
        cli("audit", "--trend", "--json", "--owner", "佐藤", *AS_OF).data["trend"] == []
    )


@pytest.mark.usefixtures("company")
def test_another_day_is_another_step(cli: Cli) -> None:
    cli("audit", "--as-of", "2027-04-01")
    cli("audit", "--as-of", "2027-10-01")
    trend = cli("audit", "--trend", "--json", "--as-of", "2027-04-01").data["trend"]
    mine = [step for step in trend if step["owner_id"] == "u1"]

    assert [step["as_of"] for step in mine] == ["2027-04-01", "2027-10-01"]
    assert mine[0]["score"] > mine[1]["score"]


def test_owner_changes_without_a_plan_are_listed(cli: Cli, company: Path) -> None:
    accounts = [{**COMPANY["accounts"][0], "owner_id": "u2"}, *COMPANY["accounts"][1:]]
    export({**COMPANY, "accounts": accounts}, company / "export")
    cli("sync")
    (change,) = cli("audit", "--unmanaged", "--json", *AS_OF).data["unmanaged"]
    other = cli("audit", "--unmanaged", "--json", "--account", "B").data["unmanaged"]

    assert (change["account_id"], change["before"], change["after"]) == (
        "A",
        "u1",
        "u2",
    )
    assert other == []
    assert (change["before_name"], change["after_name"]) == ("佐藤", "鈴木")
    assert change["team"] == "東"
    shown = cli("audit", "--unmanaged", *AS_OF).out
    assert "Owner changes without a plan" in shown
    assert {"東", COMPANY["accounts"][0]["name"], "佐藤", "鈴木"} <= {*shown.split()}
    assert "accounts are ready" not in shown


WITHOUT_PANDAS = """
import sys
class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name == "pandas":
            raise RuntimeError("pandas was imported")
sys.meta_path.insert(0, Refusing())
from cli import main
sys.argv = ["handover", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize(
    "words", [("audit",), ("audit", "--json"), ("show", "A")], ids=" ".join
)
@pytest.mark.every(2)
def test_what_makes_no_workbook_does_not_wait_for_pandas(
    company: Path, words: tuple[str, ...]
) -> None:
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", WITHOUT_PANDAS, *words, *AS_OF],
        cwd=company,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr.decode().count("Traceback")) == (0, 0)


def test_what_could_not_be_read_and_what_leads_nowhere_is_named(
    folder: Path, cli: Cli
) -> None:
    opportunities = [dict(row) for row in COMPANY["opportunities"]]
    opportunities[0] |= {"amount": "abc", "account_id": "B"}
    contacts = [*COMPANY["contacts"], {"id": "c9", "account_id": "gone", "name": "森"}]
    records = {**COMPANY, "contacts": contacts, "opportunities": opportunities}
    export(records, folder / "export")
    cli("sync", "--allow-shrink")
    ended = cli("audit", "--json", *AS_OF)
    (aside,) = ended.data["aside"]
    assert (aside["account_id"], aside["account"]) == ("B", "不足")
    assert (aside["table_name"], aside["column_name"]) == ("opportunities", "amount")
    assert (aside["id"], aside["value"]) == (opportunities[0]["id"], "abc")
    unresolved = {
        (one["table"], one["column"]): (one["count"], one["examples"])
        for one in ended.data["unresolved"]
    }
    assert unresolved["contacts", "account_id"] == (1, ["gone"])
    for language in ("en", "ja"):
        ended = cli("audit", "--lang", language, *AS_OF)
        assert "abc" in ended.out
        assert "gone" in ended.err
        page = cli("audit", "--lang", language, "--format", "html", *AS_OF).out
        assert "abc" in page
        assert "gone" in page
    owner = cli("audit", "--owner", "u2", "--json", *AS_OF)
    assert owner.data["aside"] == []
