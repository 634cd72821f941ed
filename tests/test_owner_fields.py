"""Owners and ids put together or looked up: written, or refused in true words."""

import csv
from pathlib import Path

import pytest

from tests.conftest import Cli, Ended

HEAD = """\
language = "en"
timezone = "Asia/Tokyo"
[time]
rehearsal = true
[crm.files]
folder = "export"
mapping = "mapping.toml"
[people]
file = "people.csv"
"""
USERS = "id,name\nu1,Ann Old\nu2,Ben New\nu3,Max Boss\n"
BY_NAME = """\
extends = "files"
[accounts.fields.owner_id.lookup]
object = "users.csv"
match = "name"
take = "id"
field = "Owner"
"""
JOINED_USERS = """\
[users]
object = "users.csv"
[users.fields]
id = { fields = ["First", "Last"] }
name = { fields = ["First", "Last"] }
is_active = "Active"
[accounts]
object = "accounts.csv"
[accounts.fields]
id = "id"
name = "name"
owner_id = "Owner"
"""
JOINED_OPPORTUNITIES = """\
extends = "files"
[opportunities.fields]
id = { fields = ["topic", "created"], join = "/" }
"""
LOOKED_UP_OPPORTUNITIES = """\
extends = "files"
[opportunities.fields.id.lookup]
object = "keys.csv"
match = "topic"
take = "key"
"""


class Folder:
    """A folder of exported files, and somebody at the command line."""

    def __init__(self, path: Path, cli: Cli, mapping: str, **files: str) -> None:
        self.path, self.cli = path, cli
        (path / "export").mkdir(exist_ok=True)
        (path / "handover.toml").write_text(HEAD, encoding="utf-8")
        (path / "mapping.toml").write_text(mapping, encoding="utf-8")
        for name, text in files.items():
            (path / "export" / f"{name}.csv").write_text(text, encoding="utf-8")

    def __call__(self, *words: str, day: str = "2026-11-30", code: int = 0) -> Ended:
        ended = self.cli(*words, "--json", "--as-of", day)
        assert ended.code == code, ended.out + ended.err
        return ended

    def approved(self, one: str, other: str, boss: str) -> str:
        """Draw up a plan from one to another, and have the boss approve it."""
        people = f"user,manager\n{one},{boss}\n{other},{boss}\n"
        (self.path / "people.csv").write_text(people, encoding="utf-8")
        self("sync")
        made = self("plan", "new", "--from", one, "--to", other)
        plan = str(made.data["plans"][0]["id"])
        self("plan", "submit", plan, "--as", one)
        self("plan", "approve", plan, "--as", boss)
        return plan

    def cells(self, name: str, column: str) -> list[str]:
        with (self.path / "export" / name).open(encoding="utf-8", newline="") as file:
            return [row[column] for row in csv.DictReader(file)]


def test_users_whose_id_is_put_together_are_only_looked_up(
    folder: Path, cli: Cli
) -> None:
    place = Folder(
        folder,
        cli,
        JOINED_USERS,
        users="First,Last,Active\nAnn,Old,true\nBen,New,true\nMax,Boss,true\n",
        accounts="id,name,Owner\nA1,Aoba,Ann Old\nA2,Kita,Ann Old\n",
    )
    plan = place.approved("Ann Old", "Ben New", "Max Boss")
    place("reassign", plan, "--dry-run", day="2026-12-10")
    place("reassign", plan, day="2026-12-10")
    assert place.cells("accounts.csv", "Owner") == ["Ben New", "Ben New"]
    place("runs", "verify")
    place("undo", "last", "--as", "Max Boss", day="2026-12-10")
    assert place.cells("accounts.csv", "Owner") == ["Ann Old", "Ann Old"]


def test_a_user_put_together_who_is_inactive_is_refused(folder: Path, cli: Cli) -> None:
    place = Folder(
        folder,
        cli,
        JOINED_USERS,
        users="First,Last,Active\nAnn,Old,true\nBen,New,true\nMax,Boss,true\n",
        accounts="id,name,Owner\nA1,Aoba,Ann Old\n",
    )
    plan = place.approved("Ann Old", "Ben New", "Max Boss")
    users = folder / "export" / "users.csv"
    users.write_text(users.read_text("utf-8").replace("New,true", "New,false"), "utf-8")
    refused = place("reassign", plan, day="2026-12-10", code=5)
    assert refused.json["error"]["code"] == "inactive_successor"


def test_owners_by_name_are_written_by_name(folder: Path, cli: Cli) -> None:
    place = Folder(
        folder,
        cli,
        BY_NAME,
        users=USERS,
        accounts="id,name,Owner\nA1,Aoba,Ann Old\nA2,Kita,ann old\n",
    )
    plan = place.approved("u1", "u2", "u3")
    place("reassign", plan, day="2026-12-10")
    assert place.cells("accounts.csv", "Owner") == ["Ben New", "Ben New"]
    assert place("reassign", plan, day="2026-12-10").data["run"]["steps"] == []
    assert place("sync").data["unmanaged"] == []
    place("undo", "last", "--as", "u3", day="2026-12-10")
    assert place.cells("accounts.csv", "Owner") == ["Ann Old", "ann old"]


@pytest.mark.parametrize("words", [(), ("--dry-run",)])
def test_a_name_that_several_users_have_is_not_written(
    folder: Path, cli: Cli, words: tuple[str, ...]
) -> None:
    place = Folder(
        folder,
        cli,
        BY_NAME,
        users=USERS + "u4,Ben New\n",
        accounts="id,name,Owner\nA1,Aoba,Ann Old\n",
    )
    plan = place.approved("u1", "u2", "u3")
    refused = place("reassign", plan, *words, day="2026-12-10", code=5)
    error = refused.json["error"]
    assert error["code"] == "owner_not_writable"
    said = error["message"] + error["hint"]
    assert "In accounts: Several users are called Ben New" in said
    assert place.cells("accounts.csv", "Owner") == ["Ann Old"]


DEALS = "topic,created,account_id,owner_id,is_closed,is_won\n"


def test_an_opportunity_whose_id_is_put_together_is_written_through_its_columns(
    folder: Path, cli: Cli
) -> None:
    place = Folder(
        folder,
        cli,
        JOINED_OPPORTUNITIES,
        users=USERS,
        accounts="id,name,owner_id\nA1,Aoba,u1\n",
        opportunities=f"{DEALS}Deal,2026-01-01,A1,u1,false,false\n",
    )
    plan = place.approved("u1", "u2", "u3")
    place("reassign", plan, day="2026-12-10")
    assert place.cells("opportunities.csv", "owner_id") == ["u2"]
    place("undo", "last", "--as", "u3", day="2026-12-10")
    assert place.cells("opportunities.csv", "owner_id") == ["u1"]


def test_an_opportunity_whose_id_is_looked_up_stops_all_before_the_first_write(
    folder: Path, cli: Cli
) -> None:
    place = Folder(
        folder,
        cli,
        LOOKED_UP_OPPORTUNITIES,
        users=USERS,
        keys="topic,key\nDeal,O1\n",
        accounts="id,name,owner_id\nA1,Aoba,u1\n",
        opportunities=f"{DEALS}Deal,2026-01-01,A1,u1,false,false\n",
    )
    plan = place.approved("u1", "u2", "u3")
    told = place("plan", "show", plan).json["warnings"]
    assert "opportunities" in str(
        [w for w in told if w["code"] == "owner_not_writable"]
    )
    for words in ((), ("--dry-run",)):
        refused = place("reassign", plan, *words, day="2026-12-10", code=5)
        assert refused.json["error"]["code"] == "owner_not_writable"
    assert place.cells("accounts.csv", "owner_id") == ["u1"]
    checks = place("doctor").data["checks"]
    (found,) = [check for check in checks if check["code"] == "owner_not_writable"]
    assert "opportunities" in str(found)
