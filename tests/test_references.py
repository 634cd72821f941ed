"""References: ids in two lengths are one, and what leads nowhere is counted."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from connectors.files import FilesCRM
from handover.mirror.people import load_people
from handover.mirror.sync import Synced
from handover.mirror.views import Mirror, open_mirror
from mappings.load import load_mapping
from tests.conftest import Cli
from tests.worlds.mirror import Mill, company

USER, MANAGER = "0055g00000ABCDEAA4", "0055g00000XYZabAAD"
ONE, TWO = "0015g00000A1b2cAAB", "0015g00000A1B2CAA1"
"""Two accounts that differ in case alone."""
FILES = {
    "users": f"id,name,manager_id\n{USER},佐藤,{MANAGER[:15]}\n{MANAGER},部長,\n",
    "accounts": f"id,name,owner_id\n{ONE[:15]},甲,{USER[:15]}\n{TWO[:15]},乙,{USER}\n"
    f"7,丙,{USER}\n",
    "contacts": f"id,account_id,name\nc1,{ONE},山田\nc2,{TWO},鈴木\nc3,00007,高橋\n"
    "c4,00007,伊藤\nc5,,田中\n",
    "activities": "id,kind,is_done,happened_at,account_id,contact_id\n"
    f"v1,call,yes,2027-02-01,{ONE},\nv2,call,yes,2027-02-01,,c9\n",
}


class Folder(Mill):
    """A mirror of a folder of exported files."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, company())
        self.export = folder / "export"
        self.export.mkdir()
        for table, text in FILES.items():
            self.write(table, text)

    def write(self, table: str, text: str) -> None:
        """Write a file of the export."""
        (self.export / f"{table}.csv").write_text(text, encoding="utf-8")

    def read(self) -> Synced:
        """Sync the folder."""
        self.mapping = load_mapping("files", self.folder)
        return self.sync(self.source("files", FilesCRM(self.export)))

    @contextmanager
    def opened(self) -> Iterator[Mirror]:
        """Open the views of the current generation."""
        with open_mirror(
            self.generation(),
            "files",
            as_of=dt.date(2027, 3, 1),
            zone=ZoneInfo("Asia/Tokyo"),
            currency="JPY",
        ) as mirror:
            yield mirror

    def unresolved(self) -> dict[str, tuple[int, list[str]]]:
        """Read what leads nowhere, by column."""
        with self.opened() as mirror:
            return {
                f"{row['table_name']}.{row['column_name']}": (
                    row["count"],
                    row["examples"],
                )
                for row in mirror.rows("from unresolved")
            }


@pytest.fixture
def mill(tmp_path: Path) -> Folder:
    mill = Folder(tmp_path)
    mill.read()
    return mill


def test_ids_of_15_and_18_characters_are_one(mill: Folder) -> None:
    with mill.opened() as mirror:
        people = mirror.rows("select account_id, id from people order by id")
        owners = mirror.rows("select distinct owner_id from accounts")
        talks = mirror.rows("select account_id, activity_id from account_activities")
    assert [(row["account_id"], row["id"]) for row in people] == [
        (ONE[:15], "c1"),
        (TWO[:15], "c2"),
    ]
    assert [row["owner_id"] for row in owners] == [USER]
    assert [tuple(row.values()) for row in talks] == [(ONE[:15], "v1")]
    found = load_people(mill.generation(), "files", mill.folder / "people.csv")
    assert found.manager_of(USER) == MANAGER


def test_what_leads_nowhere_is_counted_by_column_with_examples(mill: Folder) -> None:
    assert mill.unresolved() == {
        "contacts.account_id": (2, ["00007"]),
        "activities.contact_id": (1, ["c9"]),
    }


def test_what_leads_somewhere_again_is_counted_no_more(mill: Folder) -> None:
    mill.write("accounts", FILES["accounts"].replace("\n7,", "\n00007,"))
    mill.read()
    assert "contacts.account_id" not in mill.unresolved()


def test_nothing_is_said_of_tables_that_are_not_there(tmp_path: Path) -> None:
    mill = Folder(tmp_path)
    (mill.export / "contacts.csv").unlink()
    mill.read()
    assert mill.unresolved() == {}


def test_another_source_keeps_what_is_known_of_it(mill: Folder) -> None:
    mill.map(mill.mapping_text)
    mill.sync(mill.source("memory", mill.crm))
    assert set(mill.unresolved()) == {"contacts.account_id", "activities.contact_id"}


def test_owners_written_in_another_length_have_not_changed(mill: Folder) -> None:
    mill.write("accounts", FILES["accounts"].replace(USER[:15] + "\n", USER + "\n"))
    assert mill.read().unmanaged == []


def test_an_owner_in_another_length_is_handed_over(folder: Path, cli: Cli) -> None:
    for table, text in FILES.items():
        file = folder / "export" / f"{table}.csv"
        file.write_text(text, encoding="utf-8")
    assert cli("sync").code == 0
    made = cli("plan", "new", "--from", USER, "--to", MANAGER, "--json")
    assert {row["account_id"] for row in made.data["plan"]["rows"]} == {
        *(ONE[:15], TWO[:15], "7"),
    }
