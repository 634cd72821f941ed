"""What the tests of the Salesforce connector share: an org of a small company."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from connectors.base import Create, Page, Pull, Row, SetField
from connectors.pace import Limiter
from connectors.salesforce.crm import SalesforceCRM, open_org
from tests.worlds.salesforce import KEY, Answer, Call, Fault, Org
from tests.worlds.salesforce_http import serve

SECRET = "canary-secret-4711"


@dataclass
class Clock:
    """Time that passes only where somebody waits for it."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Company(Org):
    """Two salespeople and one who has left; accounts are added by the tests."""

    def __init__(self) -> None:
        super().__init__()
        self.sato = self.add("User", Name="佐藤 健一", IsActive=True)
        self.tanaka = self.add("User", Name="田中 遥", IsActive=True)
        self.gone = self.add("User", Name="高橋 直樹", IsActive=False)
        self.define("User", "UserType")
        self.define("Account", "Name", "OwnerId", "Phone")
        self.define("Task", "Subject", "Description", "WhatId", "WhoId", "OwnerId", KEY)

    def accounts(self, count: int) -> list[str]:
        return [
            self.add("Account", Name=f"会社{n}", OwnerId=self.sato, Phone=None)
            for n in range(count)
        ]

    def moves(self, keys: list[str], kind: str = "Account") -> list[SetField]:
        return [
            SetField(
                object=kind,
                id=key,
                field="OwnerId",
                before=self.sato,
                after=self.tanaka,
            )
            for key in keys
        ]

    def owners(self, keys: list[str]) -> set[str]:
        return {self.records["Account"][key]["OwnerId"] for key in keys}

    def task(self, account: str, key_field: str | None = KEY, n: int = 1) -> Create:
        return Create(
            object="Task",
            key=f"handover:p:{n}",
            key_field=key_field,
            values={"Subject": "引継", "OwnerId": self.tanaka},
            links={"account": account},
        )

    def sent(self, part: str) -> list[Call]:
        return [call for call in self.calls if part in call.path]


@contextmanager
def connected(org: Org, **settings: object) -> Iterator[SalesforceCRM]:
    """Serve an org and open it, with time that costs none."""
    with serve(org) as address:
        yield opened(address, org, **settings)


def opened(address: str, org: Org, **settings: object) -> SalesforceCRM:
    """Open an org; ``clock`` is no setting but counts the time that is waited."""
    clock = settings.pop("clock", Clock())
    assert isinstance(clock, Clock)
    given: dict[str, object] = {
        "base_url": address,
        "auth": "access_token",
        "token": org.token,
        "task_key": KEY,
    }
    limiter = Limiter(calls=100_000, clock=clock, sleep=clock.sleep)
    return open_org({**given, **settings}, limiter=limiter, sleep=clock.sleep)


CLIENT = {
    "auth": "client_credentials",
    "client_id": "client",
    "client_secret": SECRET,
}


def pages(crm: SalesforceCRM, kind: str, *fields: str, **more: Any) -> list[Page]:
    return list(crm.pull(Pull(object=kind, fields=fields, **more)))


def rows(crm: SalesforceCRM, kind: str, *fields: str, **more: Any) -> list[Row]:
    return [row for page in pages(crm, kind, *fields, **more) for row in page.rows]


def ids(found: list[Row]) -> list[str]:
    return [str(row["Id"]) for row in found]


def once(answer: Answer, when: str, skip: int = 0) -> Fault:
    """Answer so, once, when a path has this in it; after ``skip`` such calls."""
    left = [skip]

    def fault(call: Call) -> Answer | None:
        if when not in call.path or left[0] < 0:
            return None
        left[0] -= 1
        return answer if left[0] < 0 else None

    return fault


def always(answer: Answer) -> Fault:
    """Answer every call so."""
    return lambda _call: answer


def after_commit(org: Org, answer: Answer) -> Fault:
    """Carry the next write out, and answer so."""
    waiting = [answer]

    def fault(call: Call) -> Answer | None:
        if not waiting or "composite" not in call.path:
            return None
        waiting.clear()
        org.route(call)
        return answer

    return fault
