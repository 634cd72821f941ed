"""``handover show``: one account with everything that is known of it."""

from pathlib import Path

import pytest

from tests.conftest import Cli
from tests.test_audit import COMPANY
from tests.worlds.audited_records import export

AS_OF = ("--as-of", "2027-04-01")


@pytest.fixture
def synced(folder: Path, cli: Cli) -> Path:
    """A synced working folder."""
    export(COMPANY, folder / "export")
    assert cli("sync").code == 0
    return folder


@pytest.mark.usefixtures("synced")
def test_the_account_is_the_one_of_the_audit_with_its_facts(cli: Cli) -> None:
    shown = cli("show", "完備", "--json", *AS_OF).data["account"]
    audited = cli("audit", "--json", *AS_OF).data["accounts"][0]
    facts = shown.pop("facts")

    assert shown == audited
    assert [contact["id"] for contact in facts["contacts"]] == ["c1", "c2"]
    assert facts["purchases"] == [
        {
            "id": "o1",
            "date": "2027-01-10",
            "product": "旋盤",
            "amount": 100,
            "currency": "JPY",
            "reason": "増産",
        }
    ]
    assert facts["interactions"][0]["on_date"] == "2027-03-01"
    assert facts["requests"][0]["owner"] == "鈴木"


@pytest.mark.usefixtures("synced")
def test_the_terminal_shows_state_evidence_and_facts(cli: Cli) -> None:
    shown = cli("show", "B", *AS_OF).out

    assert "不足 (B)" in shown
    assert "not ready" in shown
    assert "× wrong" in shown
    assert "0 of 1 recent or large purchases have a reason." in shown
    assert "Open opportunities" in shown
    assert "見積" in shown


@pytest.mark.usefixtures("synced")
def test_an_unknown_account_is_refused(cli: Cli) -> None:
    ended = cli("show", "誰か", "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "unknown_name")


def test_two_accounts_of_one_name_have_to_be_told_apart(cli: Cli, folder: Path) -> None:
    accounts = [{**COMPANY["accounts"][0], "id": key} for key in ("A", "A2")]
    export({**COMPANY, "accounts": accounts}, folder / "export")
    cli("sync")
    ended = cli("show", "完備", "--json")

    assert (ended.code, ended.json["error"]["code"]) == (2, "ambiguous_name")
    assert "A2" in ended.json["error"]["message"]


def test_a_request_was_opened_on_the_day_it_was_here(cli: Cli, folder: Path) -> None:
    """Eight in the morning in Tokyo is the evening before in London."""
    opened = "2027-03-10T08:00:00+09:00"
    requests = [{**COMPANY["requests"][0], "opened_at": opened}]
    export({**COMPANY, "requests": requests}, folder / "export")
    cli("sync")
    account = cli("show", "完備", "--json", *AS_OF).data["account"]

    (item,) = [i for i in account["items"] if i["item"] == "interactions.requests"]
    assert item["evidence"]["at"] == "2027-03-10"
    assert account["facts"]["requests"][0]["opened_on"] == "2027-03-10"
