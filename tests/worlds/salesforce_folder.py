"""Somebody at the command line, in front of a loopback org with a company in it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cli, Ended
from tests.worlds.salesforce import Answer, Call, Fault, Org
from tests.worlds.salesforce_company import Company, company
from tests.worlds.salesforce_http import serve

TODAY = "2027-03-01"
EFFECTIVE = "2027-04-01"
CONFIG = """\
language = "en"
timezone = "Asia/Tokyo"
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
        self.done("sync")
        made = self.run(
            "plan",
            "new",
            "--from",
            "佐藤 健一",
            "--to",
            "田中 遥",
            "--end",
            "2027-03-31",
            "--effective",
            EFFECTIVE,
        )
        assert made.code == 0, made.out
        plan = made.data["plans"][0]
        undecided = [
            row["account_id"]
            for row in plan["rows"]
            if row["co_attendance"] == "undecided"
        ]
        words = [w for a in undecided for w in ("--no-attend", a)]
        if words:
            self.done("plan", "edit", plan["id"], *words, person="山田 部長")
        self.done("plan", "submit", plan["id"])
        self.done("plan", "approve", plan["id"], person="山田 部長")
        return str(plan["id"])

    def owners(self, kind: str) -> Counter[str]:
        rows = self.org.records[kind].values()
        return Counter(str(row["OwnerId"]) for row in rows if not row["IsDeleted"])


@contextmanager
def sitting(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Serve a company, and configure a folder for it."""
    monkeypatch.setenv("SF_ID", "client")
    monkeypatch.setenv("SF_SECRET", SECRET)
    made = company()
    with serve(made.org) as address:
        configure(folder, address)
        yield Desk(cli, made)


def configure(folder: Path, address: str, *lines: str) -> None:
    """Write the configuration; lines are further settings of the CRM."""
    text = CONFIG.format(address=address) + "".join(f"{line}\n" for line in lines)
    (folder / "handover.toml").write_text(text, encoding="utf-8")
    (folder / "own.toml").write_text(MAPPING, encoding="utf-8")


def losing(org: Org) -> Fault:
    """Carry the next write out, and lose its reply."""
    waiting = [Answer(200, "", drop=True)]

    def lose(call: Call) -> Answer | None:
        if not waiting or not is_write(call):
            return None
        org.route(call)
        return waiting.pop()

    return lose


def is_write(call: Call) -> bool:
    """Tell whether a call would change records."""
    return isinstance(call.body, dict) and "records" in call.body
