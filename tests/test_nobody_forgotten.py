"""Nobody is forgotten, whatever a predecessor owns and whatever is decided.

Small companies of files are made up, handed over and looked at again. What is still
open in the predecessor's name is read from the files by hand: all of it was said
before to be taken by nobody, and ``leaver`` names it.
"""

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from cli import handover as root
from handover.commands.shell import run
from tests.conftest import FILES

SOAK = "HANDOVER_SOAK" in os.environ
PLANNED, EFFECTIVE = "2027-03-01", "2027-04-01"
DAYS = ("2027-02-01", "2027-03-10", "2027-06-01")
"""Before the plan, before the owners change, after that."""
PEOPLE = "user,manager,delegate\nP,M,\nS,M,\n"
KINDS = ("accounts", "opportunities", "requests", "tasks", "events", "contacts")

Row = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Story:
    """A company, and what is decided in the plan of P."""

    is_active: bool
    tables: Mapping[str, Sequence[Row]]
    excluded: Sequence[str]
    loose: Mapping[str, str]


def rows(
    draw: st.DrawFn, prefix: str, /, **columns: st.SearchStrategy[str]
) -> list[Row]:
    """Draw a few rows with ids of their own."""
    found = draw(st.lists(st.fixed_dictionaries(columns), max_size=5))
    return [{"id": f"{prefix}{n}", **row} for n, row in enumerate(found)]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    owner = st.sampled_from(["P", "P", "P", "S"])
    accounts = [
        {"id": "A", "owner_id": "P", "name": "客先"},
        *rows(draw, "A", owner_id=owner, name=st.just("客先")),
    ]
    somewhere = st.sampled_from(["", *(row["id"] for row in accounts)])
    contacts = rows(
        draw, "C", account_id=somewhere, owner_id=owner, name=st.just("山田")
    )
    yes_no = st.sampled_from(["true", "false"])
    opportunities = rows(
        draw, "O", account_id=somewhere, owner_id=owner, is_closed=yes_no
    )
    requests = rows(draw, "R", account_id=somewhere, owner_id=owner, is_open=yes_no)
    activities = rows(
        draw,
        "T",
        owner_id=owner,
        kind=st.sampled_from(["task", "task", "meeting", "visit", "email"]),
        is_done=st.sampled_from(["true", "false", ""]),
        happened_at=st.sampled_from(DAYS),
        account_id=somewhere,
        contact_id=st.sampled_from(["", *(row["id"] for row in contacts)]),
    )
    mine = [row["id"] for row in accounts if row["owner_id"] == "P"]
    action = st.sampled_from(["transfer", "leave"])
    loose = ("opportunities", "requests", "activities", "contacts")
    return Story(
        is_active=draw(st.booleans()),
        tables={
            "accounts": accounts,
            "contacts": contacts,
            "opportunities": [
                {**row, "is_won": "false", "name": "商談"} for row in opportunities
            ],
            "requests": [{**row, "subject": "部品"} for row in requests],
            "activities": activities,
        },
        excluded=draw(st.lists(st.sampled_from(mine), unique=True)) if mine else [],
        loose={table: draw(action) for table in loose},
    )


class Folder:
    """A working folder with the company of a story."""

    def __init__(self, folder: Path, story: Story) -> None:
        self.folder, self.export = folder, folder / "export"
        self.export.mkdir()
        (folder / "handover.toml").write_text(FILES, encoding="utf-8")
        (folder / "people.csv").write_text(PEOPLE, encoding="utf-8")
        users = [
            {"id": key, "name": f"User {key}", "is_active": "true"} for key in "PSM"
        ]
        users[0]["is_active"] = "true" if story.is_active else "false"
        for name, found in {"users": users, **story.tables}.items():
            self.write(name, found)

    def write(self, name: str, found: Sequence[Row]) -> None:
        if found:
            with (self.export / f"{name}.csv").open("w", encoding="utf-8") as file:
                writer = csv.DictWriter(file, found[0])
                writer.writeheader()
                writer.writerows(found)

    def read(self, name: str) -> list[Row]:
        path = self.export / f"{name}.csv"
        if not path.exists():
            return []
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def run(self, *words: str, on: str = PLANNED) -> tuple[int, dict[str, Any]]:
        config = ("-c", str(self.folder / "handover.toml"), "--as-of", on)
        answer = self.folder / "answer.json"
        code = run(root, (*words, *config, "--json", "-o", str(answer)), {})
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return code, found

    def done(self, *words: str, on: str = PLANNED) -> dict[str, Any]:
        code, found = self.run(*words, on=on)
        assert code == 0, found["error"]
        return found

    def left(self, on: str) -> dict[str, str]:
        """Return what ``leaver`` names of P, and what becomes of it."""
        code, found = self.run("leaver", "P", on=on)
        listed = found["data"]["left"]
        assert (code == 3) == any(listed.values())
        return {r["id"]: r["standing"] for kind in KINDS for r in listed[kind]}

    def owned(self, on: str) -> Iterator[str]:
        """Yield what is open in P's name, read from the files by hand."""
        open_ones: Mapping[str, Callable[[Row], bool]] = {
            "accounts": lambda _row: True,
            "contacts": lambda _row: True,
            "opportunities": lambda row: row["is_closed"] == "false",
            "requests": lambda row: row["is_open"] == "true",
            "activities": lambda row: row["is_done"] != "true" and is_ahead(row, on),
        }
        for name, is_open in open_ones.items():
            for row in self.read(name):
                if row["owner_id"] == "P" and is_open(row):
                    yield row["id"]


def is_ahead(row: Row, on: str) -> bool:
    """Return whether a task, or an event after some day."""
    return row["kind"] == "task" or (
        row["kind"] in ("meeting", "visit", "call") and row["happened_at"] > on
    )


@given(stories())
@settings(
    max_examples=60 if SOAK else 2,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink takes minutes
    derandomize=not SOAK,
    suppress_health_check=list(HealthCheck),
)
def test_what_remains_was_named_before_and_is_named_after(story: Story) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(Path(place), story)
        folder.done("sync")
        assert set(folder.left(PLANNED)) == set(folder.owned(PLANNED))
        if approved(folder, story):
            event("approved")
            carried_out(folder, story)


def approved(folder: Folder, story: Story) -> bool:
    """Draw the plan up and have it approved, if nothing is forgotten in it."""
    dates = ("--end", "2027-03-31", "--effective", EFFECTIVE)
    drawn = folder.done("plan", "new", "--from", "P", "--to", "S", *dates)
    plan = drawn["data"]["plan"]
    out = [word for key in story.excluded for word in ("--exclude", key)]
    loose = [w for t, a in story.loose.items() for w in ("--loose", f"{t}={a}")]
    reason = ("--reason", "決定", "--no-attend", "rest")
    folder.done("plan", "edit", plan["id"], *out, *loose, *reason, "--as", "M")
    code, ended = folder.run("plan", "submit", plan["id"], "--as", "P")
    kept = set(story.excluded) | {
        record["id"]
        for record in plan["loose"]
        if record["object"] != "contacts" and story.loose[record["object"]] == "leave"
    }
    if kept and not story.is_active:
        assert (code, ended["error"]["code"]) == (5, "leaver_keeps")
        event("refused")
        return False
    assert code == 0, ended["error"]
    folder.done("plan", "approve", plan["id"], "--as", "M")
    return True


def carried_out(folder: Folder, story: Story) -> None:
    """Change the owners; what remains is what nobody was said to take."""
    said = folder.left(EFFECTIVE)
    assert set(said.values()) <= {"approved", "nobody"}
    plan = folder.done("plan", "list")["data"]["plans"][0]["id"]
    folder.done("reassign", plan, on=EFFECTIVE)
    left = {key for key, standing in said.items() if standing == "nobody"}
    assert set(folder.left(EFFECTIVE)) == left == set(folder.owned(EFFECTIVE))
    if not story.is_active:
        assert {key[0] for key in left} <= {"C"}
    folder.done("sync", on=EFFECTIVE)
    assert set(folder.left(EFFECTIVE)) == left
