"""What became of a customer, the oldest first, readable when all else is gone."""

import datetime as dt
from typing import Any

import pytest
import time_machine

from tests.conftest import Ended
from tests.worlds.files_folder import EFFECTIVE, PLAN, PLANNED, Job

VISITED = "2027-03-12"
PHONE = ("--column", "contacts.phone", "--value", "03-9876-5432")
CORRECTED = ("--item", "contacts.channel", "--result", "corrected", *PHONE)
CLOSED = ("--person", "C1", "--note", "工場の話", "--need", "塗装機")
WAKABA = 'A2,"Wakaba","P"'


def play(job: Job, *words: str, on: str = PLANNED) -> None:
    ended = job(*words, on=on)
    assert ended.code == 0, ended.err


@pytest.fixture
def played(agreed: Job) -> Job:
    """Play a handover to its end, take it back, and have others give a customer away.

    The clock is set back for the last runs: order comes from what the ledger counts.
    """
    record = ("meeting", "record", PLAN, "--account", "A1", "--as", "S")
    play(agreed, "plan", "edit", PLAN, "--agreed", "A1", "--as", "M")
    play(agreed, *record, *CORRECTED, *CLOSED, on=VISITED)
    play(agreed, "meeting", "accept", PLAN, "--account", "A1", "--as", "S", on=VISITED)
    with time_machine.travel(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)):
        play(agreed, "reassign", PLAN, on=EFFECTIVE)
        play(agreed, "undo", "last", "--as", "M", on=EFFECTIVE)
    agreed.edit("accounts.csv", WAKABA, WAKABA.replace('"P"', '"K"'))
    play(agreed, "sync")
    return agreed


def strike_out(job: Job, name: str, part: bytes) -> None:
    """Take a line out of a file, as somebody who deletes a record does."""
    file = job.export / name
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(line for line in lines if part not in line))


def entries(ended: Ended) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ended.data["history"]
    return found


def test_all_that_happened_is_told_in_the_order_of_the_ledger(played: Job) -> None:
    ended = played("history", "青葉商事")
    assert ended.code == 0
    found = entries(ended)
    assert [(entry["kind"], entry["who"]) for entry in found] == [
        ("plan.new", None),
        ("plan.edit", "M"),
        ("plan.submit", "P"),
        ("plan.approve", "M"),
        ("visit.agreed", "M"),
        ("item.answered", "S"),
        ("visit.note", "S"),
        ("visit.need", "S"),
        ("run.corrections", "S"),
        ("customer.accepted", "S"),
        ("run.reassign", "M"),
        ("run.undo", "M"),
    ]
    answer, (run, undo) = found[5], found[-2:]
    assert (answer["before"], answer["after"]) == ("03-1234-5678", "03-9876-5432")
    assert "山田 太郎" in answer["text"]
    assert (run["before"], run["after"], run["plan"]) == ("P", "S", PLAN)
    assert (undo["before"], undo["after"]) == ("S", "P")
    assert run["run"] != undo["run"]
    owners = [(each["before"], each["after"]) for each in ended.data["owners"]]
    assert owners == [("P", "S"), ("S", "P")]
    shown = played.cli("history", "A1", "--lang", "ja").out
    assert "Sato → Tanaka / 担当者様の所有者: 1" in shown
    assert "2027年3月4日(木) 09:30" in shown
    gone = entries(played("history", "A2"))[-1]
    assert (gone["kind"], gone["before"], gone["after"]) == ("owner.changed", "P", "K")


def test_who_is_gone_from_the_crm_keeps_the_name_that_was_known(agreed: Job) -> None:
    agreed.edit("users.csv", "K,Kato", "K,Kato Ryo")
    agreed.edit("accounts.csv", WAKABA, WAKABA.replace('"P"', '"K"'))
    play(agreed, "sync")
    strike_out(agreed, "accounts.csv", b"Wakaba")
    strike_out(agreed, "users.csv", b"K,Kato")
    strike_out(agreed, "users.csv", b"P,Sato")
    (agreed.folder / "people.csv").unlink()
    play(agreed, "sync")
    ended = agreed("history", "wakaba")
    assert agreed("history", "files:A2").data == ended.data
    account = ended.data["account"]
    assert (account["name"], account["is_gone"]) == ("Wakaba", True)
    (owner,) = ended.data["owners"]
    assert (owner["before_name"], owner["after_name"]) == ("Sato", "Kato Ryo")
    assert "Sato" in [each["who_name"] for each in entries(ended)]
    page = agreed.folder / "history.html"
    assert agreed.cli("history", "A2", "-o", str(page), "--lang", "ja").code == 0
    shown = page.read_text(encoding="utf-8")
    assert "Wakaba の引継の履歴" in shown
    assert "Sato → Kato Ryo" in shown
    table = agreed.cli("history", "A2", "--format", "csv").out.splitlines()
    assert len(table) == 1 + len(entries(ended))
    unknown = agreed("history", "Nobody Ltd")
    assert (unknown.code, unknown.json["error"]["code"]) == (2, "unknown_name")


def test_a_manager_takes_note_of_what_others_changed_and_it_stays_told(
    agreed: Job,
) -> None:
    agreed.edit("accounts.csv", WAKABA, WAKABA.replace('"P"', '"K"'))
    play(agreed, "sync")
    (change,) = agreed("audit", "--unmanaged").data["unmanaged"]
    words = ("audit", "--acknowledge", "Wakaba", "--reason", "社長のご指示")
    for person in ("P", "K", "B"):
        ended = agreed(*words, "--as", person)
        assert (ended.code, ended.json["error"]["code"]) == (5, "not_your_team")
        assert "Suzuki, Mori" in ended.json["error"]["message"]
    done = agreed(*words, "--as", "D")
    (acknowledged,) = done.data["acknowledged"]
    assert acknowledged["account_id"] == change["account_id"] == "A2"
    assert agreed("audit", "--unmanaged").data["unmanaged"] == []
    told = [(e["kind"], e["who"]) for e in entries(agreed("history", "A2"))]
    assert told[-2:] == [("owner.changed", None), ("owner.acknowledged", "D")]
    again = agreed(*words, "--as", "M")
    assert (again.code, again.json["error"]["code"]) == (2, "nothing_unmanaged")
    assert agreed("audit", "--acknowledge", "Wakaba").code == 2
