"""A person of a customer is erased: no byte is left, and all that is sealed holds."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from handover.answers.confirmations import list_corrections
from handover.ledger import Ledger
from tests.conftest import Ended
from tests.worlds.files_folder import PLAN, PLANNED, Job

VISITED = "2027-03-12"
NAMING = ("山田 太郎", "山田太郎", "03-1234-5678", "0312345678", "03-9876-5432")
PHONE = ("--column", "contacts.phone", "--value", NAMING[-1])
SAID = ("--item", "contacts.channel", "--result", "corrected", *PHONE, "--person", "C1")
PURGE = ("purge", "--contact", "C1", "--reason", "山田 太郎 様のご依頼", "--as", "M")


def traces(folder: Path) -> list[tuple[str, str]]:
    """List where one of the words stands in a data folder, packed or not."""
    found = []
    for file in sorted(folder.rglob("*")):
        if not file.is_file():
            continue
        content = file.read_bytes()
        if file.suffix == ".parquet":
            content += str(pq.ParquetFile(file).read().to_pylist()).encode()
        for word in NAMING:
            forms = (word, json.dumps(word)[1:-1])
            if any(form.encode() in content for form in forms):
                found.append((file.name, word))
    return found


def play(job: Job, *words: str, on: str = PLANNED) -> Ended:
    ended = job(*words, on=on)
    assert ended.code == 0, ended.out
    return ended


def test_no_byte_is_left_of_who_was_erased_nor_comes_back_with_the_next_sync(
    agreed: Job,
) -> None:
    data = agreed.folder / ".handover"
    agreed.edit("activities.csv", "talked", "山田太郎様、Tel 03-1234-5678")
    why = ("--reason", "山田 太郎様のご要望")
    play(agreed, "plan", "edit", PLAN, "--inform", "A1", *why, "--as", "M")
    play(agreed, "plan", "submit", PLAN, "--as", "P")
    play(agreed, "plan", "approve", PLAN, "--as", "M")
    play(agreed, "plan", "publish", PLAN)
    record = ("meeting", "record", PLAN, "--account", "A1", "--as", "S")
    note = ("--note", "山田さんは来月ご異動", "--need", "電話は0312345678へ")
    play(agreed, *record, *SAID, *note, on=VISITED)
    declined = ("--declined", "A2", "--reason", "山田 太郎の紹介待ち")
    play(agreed, "plan", "edit", PLAN, *declined, "--as", "M")
    play(agreed, "sync")
    pack = agreed.folder / "packs.html"
    play(agreed, "meeting", "pack", PLAN, "-o", str(pack), on=VISITED)
    assert {word for _, word in traces(data)} == {*NAMING}

    refused = agreed(*PURGE)
    assert (refused.code, refused.json["error"]["code"]) == (5, "purge_unconfirmed")
    unknown = agreed("purge", "--contact", "C7", "--reason", "x", "--yes", "--as", "M")
    assert (unknown.code, unknown.json["error"]["code"]) == (2, "unknown_name")
    ended = play(agreed, *PURGE, "--yes")
    purged = ended.data["purged"]
    assert purged["counts"]["rows"] > 3
    assert purged["files"] == [str(pack)]
    assert {"table": "activities", "id": "V1"} in purged["in_crm"]
    assert traces(data) == []
    assert "山田" not in (data / "ledger.sqlite").read_bytes().decode("utf-8", "ignore")

    for words in (("sync",), ("sync", "--full"), ("runs", "verify")):
        play(agreed, *words)
        assert traces(data) == []
    # The CRM has them still: it is not ours to erase them there.
    assert NAMING[0] in (agreed.export / "contacts.csv").read_text("utf-8-sig")
    play(agreed, "doctor")
    history = play(agreed, "history", "A1", on=VISITED)
    assert "contact.erased" not in {e["kind"] for e in history.data["history"]}
    assert play(agreed, "plan", "show", PLAN).data["plan"]["state"] == "in_progress"
    with Ledger.open(data / "ledger.sqlite").read() as connection:
        assert list_corrections(connection, PLAN, rehearsed=True) == {}
    again = play(agreed, *PURGE, "--yes").data["purged"]
    assert (again["was_done"], again["counts"]) == (True, {})
    assert agreed.reassign().code == 0
