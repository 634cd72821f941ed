"""A company of CSV files on whose command line the whole job is done.

Sato hands six customers over to Tanaka; Suzuki is the manager. The files are written
as different programs would write them, so that nothing but owners may change in them.
"""

import csv
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cli import handover as root
from connectors.base import Change, Create, Outcome
from connectors.files.crm import FilesCRM
from handover.commands.shell import run
from tests.conftest import FILES, Cli, Ended
from tests.worlds.copies import copy_folder
from tests.worlds.world import Act, Lost, Task, World

PLANNED, EFFECTIVE, EXPIRED = "2027-03-01", "2027-03-15", "2027-03-30"
PLAN = "2027-03-sato-tanaka"
NEW = ("--from", "Sato", "--to", "Tanaka", "--end", "2027-03-12")
DECIDED = ("--no-attend", "rest", "--loose", "opportunities=transfer")

PEOPLE = "user,manager,delegate\nP,M,\nS,M,\nM,B,D\n"
ENCODINGS = {"accounts.csv": "cp932", "contacts.csv": "utf-8-sig"}
EXPORT = {
    "users.csv": (
        "id,name,email,is_active\n"
        "P,Sato,sato@example.jp,true\n"
        "S,Tanaka,tanaka@example.jp,true\n"
        "M,Suzuki,suzuki@example.jp,true\n"
        "D,Mori,mori@example.jp,true\n"
        "B,Ito,ito@example.jp,true\n"
        "K,Kato,kato@example.jp,false\n"
    ),
    "accounts.csv": (
        "memo,id,name,owner_id,customer_class,business\r\n"
        '"keep, ""this""",A1,青葉商事,P,重要顧客,金属加工\r\n'
        ',A2,"Wakaba","P",一般,\r\n'
        "007,A3,Midori,P,一般,\r\n"
        ",A4,Sakura,P,一般,N/A\r\n"
        ",A5,Kaede,P,一般,\r\n"
        ",A6,Momiji,P,一般,\r\n"
        ",B1,Tanaka's own,S,一般,\r\n"
    ),
    "contacts.csv": (
        "id,account_id,name,title,phone,owner_id\n"
        "C1,A1,山田 太郎,buyer,03-1234-5678,P\n"
        "C2,A2,森 花子,,,S\n"
    ),
    "opportunities.csv": (
        "id,account_id,owner_id,name,stage,is_closed,is_won,amount,close_date\n"
        "O1,A1,P,Renewal,quoted,false,false,1000,2027-06-30\n"
        "W1,A2,P,Delivery,won,true,true,5000,2026-10-01\n"
        "L1,,P,No customer,new,false,false,10,2027-06-30\n"
    ),
    "activities.csv": (
        "id,owner_id,kind,is_done,happened_at,due,account_id,text\n"
        "T1,P,task,false,,2027-04-20,A1,send the quote\n"
        "V1,P,visit,true,2027-02-20,,A1,talked"
    ),
    "requests.csv": (
        "id,account_id,owner_id,subject,is_open\nR1,A2,P,spare part,true\n"
    ),
}


@dataclass(frozen=True, kw_only=True)
class Job:
    """The command line in one company's folder; every answer is JSON."""

    cli: Cli
    folder: Path

    def __call__(self, *words: str, on: str = PLANNED) -> Ended:
        return self.cli(*words, "--as-of", on, "--json")

    @property
    def export(self) -> Path:
        """The folder that is the CRM."""
        return self.folder / "export"

    @property
    def plan(self) -> str:
        """The id of the plan."""
        return str(self("plan", "list").data["plans"][0]["id"])

    def reassign(self, *words: str, on: str = EFFECTIVE) -> Ended:
        """Change the owners, by default on the day they are due."""
        return self("reassign", self.plan, *words, on=on)

    def edit(self, name: str, old: str, new: str) -> None:
        """Change one place of a file, as somebody at the company would."""
        path = self.export / name
        content = path.read_bytes()
        assert content.count(old.encode()) == 1
        path.write_bytes(content.replace(old.encode(), new.encode()))

    def owners(self) -> dict[str, str]:
        """Who owns which account, read from the file by hand."""
        lines = (self.export / "accounts.csv").read_text("cp932").splitlines()[1:]
        cells = [line.rsplit(",", 5) for line in lines]
        return {cell[1]: cell[3].strip('"') for cell in cells}


HANDED = {
    **dict.fromkeys(("A1", "A2", "A3", "A4", "A5", "A6"), "S"),
    **dict.fromkeys(("B1", "C1", "C2", "O1", "L1", "R1", "T1"), "S"),
    **dict.fromkeys(("W1", "V1"), "P"),
}
"""Who owns what when Sato's plan is carried out."""
TASKS = "handover_tasks.csv"


class FilesWorld(World):
    """The company of CSV files; what is written is seen in the connector's own verb."""

    days: ClassVar[Mapping[Act, str]] = {"publish": PLANNED, "reassign": EFFECTIVE}
    mapping = "files"
    manager, successor, other = "M", "S", "D"
    account, person, handed = "A1", "C1", HANDED
    answered_on = EFFECTIVE
    loses_replies = False

    def __init__(self, cli: Cli, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().__init__(cli, folder)
        self.export = folder / "export"
        self.changed: list[tuple[str, str]] = []
        write = FilesCRM.write

        def seen(crm: FilesCRM, batch: Sequence[Change]) -> list[Outcome]:
            self.arriving([c.key if isinstance(c, Create) else c.id for c in batch])
            outcomes = write(crm, batch)
            for change, outcome in zip(batch, outcomes, strict=True):
                if not isinstance(change, Create) and outcome.state == "done":
                    self.changed.append((change.id, str(change.after)))
            return outcomes

        patch.setattr(FilesCRM, "write", seen)

    def another_machine(self, folder: Path) -> Sequence[str]:
        """Both machines work on the one folder of files."""
        words = super().another_machine(folder)
        shutil.rmtree(folder / "export")
        (folder / "export").symlink_to(self.export)
        return words

    def owners(self) -> dict[str, str | None]:
        return {
            row["id"]: row["owner_id"]
            for name in EXPORT
            if name != "users.csv"
            for row in self._rows(name)
        }

    def rest(self) -> object:
        """Return the files byte for byte, where P and S are the same letter."""
        found = {name: (self.export / name).read_bytes() for name in EXPORT}
        return {name: content.replace(b"P", b"S") for name, content in found.items()}

    def tasks(self) -> list[Task]:
        if not (self.export / TASKS).exists():
            return []
        return [
            Task(
                row["handover_key"],
                row["account_id"],
                row["is_done"] == "true",
                row["text"],
            )
            for row in self._rows(TASKS)
        ]

    def owner_changes(self) -> list[tuple[str, str]]:
        return self.changed

    def phone(self) -> str | None:
        (found,) = [
            row for row in self._rows("contacts.csv") if row["id"] == self.person
        ]
        return found["phone"] or None

    def edit_phone(self, number: str) -> None:
        self._edit("contacts.csv", self.person, "phone", number)

    def give(self, account: str, owner: str) -> None:
        self._edit("accounts.csv", account, "owner_id", owner)

    def finish(self) -> Sequence[str]:
        self._edit("opportunities.csv", "O1", "is_closed", "true")
        self._edit("requests.csv", "R1", "is_open", "false")
        self._edit("activities.csv", "T1", "is_done", "true")
        return ("O1", "R1", "T1")

    def take_in_hand(self, task: Task) -> None:
        self._edit(TASKS, task.key, "due", "2027-03-09", by="handover_key")

    def retire_successor(self) -> None:
        self._edit("users.csv", "S", "is_active", "false")

    def pin_another_org(self) -> None:
        shutil.copytree(self.export, self.folder / "elsewhere")
        config = self.folder / "handover.toml"
        text = config.read_text(encoding="utf-8").replace('"export"', '"elsewhere"')
        config.write_text(text, encoding="utf-8")

    def take_key_field_away(self) -> None:
        self.cannot("the file of tasks is ours: its key column is always there")

    def lose_replies(self, when: Lost) -> None:
        self.cannot("a file is replaced by this process: there is no reply to lose")

    def hide_tasks(self) -> None:
        self.cannot("a file is replaced by this process: it is never in doubt")

    def end_the_day(self) -> None:
        self.cannot("a folder has no allowance of calls")

    def refuse(self, account: str) -> tuple[str, str]:
        self.cannot("a cell takes every value")

    def quote_secrets(self) -> None:
        self.cannot("a folder is opened without a secret")

    def calls_turned_away(self) -> int:
        return 0

    def heal(self) -> None:
        """Nothing goes wrong here."""

    def _rows(self, name: str) -> list[dict[str, str]]:
        encoding = ENCODINGS.get(name, "utf-8-sig")
        with (self.export / name).open(encoding=encoding, newline="") as file:
            return list(csv.DictReader(file))

    def _edit(
        self, name: str, key: str, column: str, value: str, by: str = "id"
    ) -> None:
        rows = self._rows(name)
        for row in rows:
            row[column] = value if row[by] == key else row[column]
        encoding = ENCODINGS.get(name, "utf-8-sig")
        with (self.export / name).open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)


def build(folder: Path) -> Path:
    """Write the company's files, and sync them."""
    (folder / "export").mkdir(parents=True)
    (folder / "handover.toml").write_text(FILES, encoding="utf-8")
    (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
    for name, text in EXPORT.items():
        content = text.encode(ENCODINGS.get(name, "utf-8"))
        (folder / "export" / name).write_bytes(content)
    _run(folder, "sync")
    return folder


def build_approved(folder: Path) -> Path:
    """Build the company, with a plan that its manager has approved."""
    build(folder)
    _run(folder, "plan", "new", *NEW)
    _run(folder, "plan", "edit", PLAN, *DECIDED, "--as", "M")
    _run(folder, "plan", "submit", PLAN, "--as", "P")
    _run(folder, "plan", "approve", PLAN, "--as", "M")
    return folder


def _run(folder: Path, *words: str) -> None:
    config = ("-c", str(folder / "handover.toml"), "--as-of", PLANNED, "-q")
    assert run(root, (*words, *config), {}) == 0


def job_in(folder: Path, template: Path, cli: Cli) -> Job:
    """Take up a copy of a company."""
    copy_folder(template, folder)
    return Job(cli=cli, folder=folder)


def bytes_of(folder: Path) -> dict[str, bytes]:
    """Read every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def outcomes(ended: Ended) -> dict[str, str]:
    """What became of each record of a run."""
    steps: Sequence[dict[str, Any]] = ended.data["run"]["steps"]
    return {str(step["record_id"]): step["outcome"] for step in steps}
