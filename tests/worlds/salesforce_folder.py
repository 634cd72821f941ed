"""Somebody at the command line, in front of a loopback org with a company in it."""

import base64
import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pytest

from tests.conftest import Cli, Ended
from tests.worlds.copies import copy_folder
from tests.worlds.salesforce import KEY, Answer, Call, error
from tests.worlds.salesforce_company import Company, company
from tests.worlds.salesforce_http import serve
from tests.worlds.world import Act, Lost, Task, World, calling, plan_in

TODAY = "2027-03-01"
EFFECTIVE = "2027-04-01"
CONFIG = """\
language = "en"
timezone = "Asia/Tokyo"
[time]
rehearsal = true
[crm.salesforce]
base_url = "{address}"
auth = "client_credentials"
client_id = "env:SF_ID"
client_secret = "env:SF_SECRET"
mapping = "own.toml"
"""
MAPPING = """\
extends = "salesforce"
[accounts.fields]
customer_class = "CustomerClass__c"
"""
SECRET = "canary-secret-4711"
LOGIN = {"SF_ID": "client", "SF_SECRET": SECRET}
PREDECESSOR, MANAGER = "佐藤 健一", "山田 部長"
OWNED = ("Account", "Contact", "Opportunity", "Case", "Task", "Event")
DATES = ("--end", "2027-03-31", "--effective", EFFECTIVE)
DROPPED = Answer(200, "", drop=True)


class Desk:
    """Somebody at the command line, in front of an org."""

    def __init__(self, cli: Cli, made: Company) -> None:
        self.cli, self.made, self.org = cli, made, made.org

    def run(self, *words: str, person: str = "佐藤 健一", day: str = TODAY) -> Ended:
        given = ("--json", "--yes", "--as-of", day, "--as", person)
        return self.cli(*given, *words)

    def done(self, *words: str, **more: str) -> dict[str, Any]:
        ended = self.run(*words, **more)
        assert ended.code == 0, ended.out + ended.err
        return ended.data

    def approved_plan(self) -> str:
        """Leave an approved plan of the org as it is now; give its name."""
        return decided(lambda person, *words: self.done(*words, person=person))

    @property
    def plan(self) -> str:
        """The name of the plan in the folder."""
        return plan_in(Path.cwd())

    def owners(self, kind: str) -> Counter[str]:
        rows = self.org.records[kind].values()
        return Counter(str(row["OwnerId"]) for row in rows if not row["IsDeleted"])


def decided(call: Callable[..., object]) -> str:
    """Sync, draw up Sato's plan, decide what is open, submit and approve it."""
    call(PREDECESSOR, "sync")
    new = ("--from", PREDECESSOR, "--to", "田中 遥", *DATES)
    call(PREDECESSOR, "plan", "new", *new)
    plan = plan_in(Path.cwd())
    call(MANAGER, "plan", "edit", plan, "--no-attend", "rest")
    call(PREDECESSOR, "plan", "submit", plan)
    call(MANAGER, "plan", "approve", plan)
    return plan


@contextmanager
def sitting(
    cli: Cli,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    template: tuple[Path, Company] | None = None,
) -> Iterator[Desk]:
    """Serve a company, and configure a folder for it; a template has a plan already."""
    for name, value in LOGIN.items():
        monkeypatch.setenv(name, value)
    if template:
        copy_folder(template[0], folder)
    made = copy.deepcopy(template[1]) if template else company()
    with serve(made.org) as address:
        configure(folder, address)
        yield Desk(cli, made)


def configure(folder: Path, address: str, *lines: str) -> None:
    """Write the configuration; lines are further settings of the CRM."""
    text = CONFIG.format(address=address) + "".join(f"{line}\n" for line in lines)
    (folder / "handover.toml").write_text(text, encoding="utf-8")
    (folder / "own.toml").write_text(MAPPING, encoding="utf-8")


def is_write(call: Call) -> bool:
    """Return whether a call would change records."""
    return isinstance(call.body, dict) and "records" in call.body


def approve_in(folder: Path) -> Company:
    """Leave Sato's approved plan in a folder; return the org as it is then."""
    made = company()
    with serve(made.org) as address, calling(folder, **LOGIN) as call:
        configure(folder, address)
        decided(lambda person, *said: call(*said, "--as-of", TODAY, "--as", person))
    made.org.calls.clear()
    return made


class SalesforceWorld(World):
    """The company in an org; its commits are the judge."""

    days: ClassVar[Mapping[Act, str]] = {"publish": TODAY, "reassign": EFFECTIVE}
    manager, mapping = MANAGER, "own.toml"
    answered_on = EFFECTIVE

    def __init__(self, cli: Cli, folder: Path, made: Company) -> None:
        super().__init__(cli, folder)
        self.made, self.org = made, made.org
        self.successor, self.other = made.tanaka, made.manager
        self.account = made.accounts[0]
        self.person = next(
            key
            for key, row in self.org.records["Contact"].items()
            if row["AccountId"] == self.account
        )
        self.handed = {
            key: made.tanaka if _moves(kind, row, made.sato) else row["OwnerId"]
            for kind, key, row in self._owned()
        }
        encoded = base64.b64encode(SECRET.encode()).decode()
        self.secrets = (SECRET, self.org.token, encoded)
        self._turned_away = 0
        self.heal()

    @property
    def manager_id(self) -> str:
        return str(self.made.manager)

    def owners(self) -> dict[str, str | None]:
        return {key: row["OwnerId"] for _, key, row in self._owned()}

    def rest(self) -> object:
        """Return the records without owners and stamps, and who is on which team."""
        own = {"OwnerId", "SystemModstamp"}
        records = {
            key: {name: value for name, value in row.items() if name not in own}
            for _, key, row in self._owned()
        }
        teams = self.org.records["AccountTeamMember"].values()
        seats = ("AccountId", "UserId", "TeamMemberRole", "AccountAccessLevel")
        living = sorted(
            [str(row[name]) for name in seats] for row in teams if not row["IsDeleted"]
        )
        return records, living

    def tasks(self) -> list[Task]:
        found = []
        for row in self.org.records["Task"].values():
            mark = str(row.get("Description")).splitlines()[-1]
            key = row.get(KEY) or (mark if "[handover:" in mark else None)
            if key:
                done = row["Status"] == "Completed"
                found.append(
                    Task(key, row.get("WhatId") or "", done, str(row["Description"]))
                )
        return found

    def owner_changes(self) -> list[tuple[str, str]]:
        return [
            (key, given["OwnerId"])
            for _, key, given in self.org.commits
            if set(given) == {"OwnerId"}
        ]

    def phone(self) -> str | None:
        found = self.org.records["Contact"][self.person].get("Phone")
        return None if found is None else str(found)

    def edit_phone(self, number: str) -> None:
        self.org.edit("Contact", self.person, Phone=number)

    def give(self, account: str, owner: str) -> None:
        self.org.edit("Account", account, OwnerId=owner)

    def finish(self) -> Sequence[str]:
        finished = []
        for kind in ("Opportunity", "Case", "Task"):
            key = next(
                key
                for key, row in self.org.records[kind].items()
                if _moves(kind, row, self.made.sato)
            )
            self.org.edit(kind, key, IsClosed=True)
            finished.append(key)
        return finished

    def take_in_hand(self, task: Task) -> None:
        (found,) = [
            key
            for key, row in self.org.records["Task"].items()
            if row.get(KEY) == task.key
        ]
        self.org.edit("Task", found, ActivityDate="2027-03-09")

    def retire_successor(self) -> None:
        self.org.edit("User", self.successor, IsActive=False)

    def pin_another_org(self) -> None:
        config = self.folder / "handover.toml"
        text = config.read_text(encoding="utf-8")
        text = text.replace("auth =", 'org_id = "00Dxx0000001gER"\nauth =')
        config.write_text(text, encoding="utf-8")

    def take_key_field_away(self) -> None:
        self.org.hide("Task", KEY)

    def lose_replies(self, when: Lost) -> None:
        lost: set[str] = set()

        def lose(call: Call) -> Answer | None:
            kinds = {r["attributes"]["type"] for r in _records(call)}
            if not kinds or kinds <= lost:
                return None
            lost.update(kinds)
            if when == "before":
                return DROPPED
            answer = self.org.route(call)
            return replace(answer, cut=40) if when == "mid-body" else DROPPED

        self.org.faults.append(lose)

    def hide_tasks(self) -> None:
        self.lose_replies("after")
        nothing = Answer(200, {"totalSize": 0, "done": True, "records": []})

        def unseen(call: Call) -> Answer | None:
            text = call.query.get("q", "")
            return nothing if "FROM Task WHERE WhatId" in text else None

        self.org.faults.append(unseen)

    def end_the_day(self) -> None:
        over = error(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        left = [1]

        def spent(call: Call) -> Answer | None:
            left[0] -= is_write(call) or left[0] < 0
            if left[0] >= 0:
                return None
            self._turned_away += 1
            return over

        self.org.faults.append(spent)

    def refuse(self, account: str) -> tuple[str, str]:
        code = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
        self.org.refuse = lambda _kind, record: (
            code if record.get("id") == account else None
        )
        return code, f"{code} in the org's own words"

    def quote_secrets(self) -> None:
        forms = (*self.secrets, quote("a+b/" + SECRET, safe=""))
        refused = {
            "statusCode": "X",
            "message": f"{' '.join(forms)} is bad",
            "fields": [],
        }
        failed = {"success": False, "errors": [refused]}
        self.org.faults.append(
            lambda call: (
                Answer(200, [failed] * len(_records(call))) if is_write(call) else None
            )
        )

    def calls_turned_away(self) -> int:
        return self._turned_away

    def heal(self) -> None:
        self.org.faults = [self._see]
        self.org.refuse = lambda _kind, _record: None

    def _owned(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for kind in OWNED:
            for key, row in self.org.records[kind].items():
                if not row["IsDeleted"] and not _is_ours(row):
                    yield kind, key, row

    def _see(self, call: Call) -> None:
        if is_write(call):
            self.arriving([_name(record) for record in _records(call)])


def _moves(kind: str, row: dict[str, Any], owner: str) -> bool:
    """Return whether a record follows its account: it is Sato's, and not over."""
    if kind == "Event":
        return bool(row["OwnerId"] == owner and row["StartDateTime"] > EFFECTIVE)
    return row["OwnerId"] == owner and not row.get("IsClosed")


def _is_ours(row: dict[str, Any]) -> bool:
    return bool(row.get(KEY)) or "[handover:" in str(row.get("Description"))


def _records(call: Call) -> Sequence[dict[str, Any]]:
    return call.body["records"] if is_write(call) else ()


def _name(record: dict[str, Any]) -> str:
    """Return what a record of a call is: its id, our key, or the seat on a team."""
    seat = f"handover:team:{record.get('AccountId')}:{record.get('UserId')}"
    return str(record.get("id") or record.get(KEY) or seat)


@contextmanager
def salesforce_world(
    cli: Cli, folder: Path, template: tuple[Path, Company]
) -> Iterator[SalesforceWorld]:
    """Serve the org as the template left it, with a copy of its folder."""
    copy_folder(template[0], folder)
    made = copy.deepcopy(template[1])
    with serve(made.org) as address:
        configure(folder, address)
        yield SalesforceWorld(cli, folder, made)
