"""Salesforce keeps the connectors' contract, with and without a key field."""

from collections.abc import Iterator, Sequence

import pytest

from connectors.base import Create
from connectors.contract import ConnectorContract, Fault, World
from connectors.salesforce.crm import SalesforceCRM
from tests.worlds.salesforce import KEY, Answer, Call
from tests.worlds.salesforce_http import serve
from tests.worlds.small_org import Company, after_commit, once, opened


class SalesforceWorld:
    accounts = "Account"
    owner = "OwnerId"

    def __init__(self, address: str, org: Company, key: str | None) -> None:
        org.page = 3
        first = org.accounts(8)[0]
        org.add("AccountTeamMember", AccountId=first, UserId=org.tanaka)
        self.org = org
        self.users = (org.sato, org.tanaka)
        self._address = address
        self._key = key

    def connect(self) -> SalesforceCRM:
        return opened(self._address, self.org, task_key=self._key)

    def ids(self) -> Sequence[str]:
        rows = self.org.records["Account"]
        return [key for key, row in rows.items() if not row["IsDeleted"]]

    def owner_of(self, account_id: str) -> str | None:
        return str(self.org.records["Account"][account_id]["OwnerId"])

    def set_owner(self, account_id: str, owner: str) -> None:
        self.org.edit("Account", account_id, OwnerId=owner)

    def remove(self, account_id: str) -> None:
        del self.org.records["Account"][account_id]

    def task(self, key: str, account_id: str) -> Create:
        return Create(
            object="Task",
            key=key,
            key_field=self._key,
            values={"Subject": "引継ぎ訪問", "OwnerId": self.users[0]},
            links={"account": account_id},
        )

    def tasks(self, key: str) -> int:
        rows = self.org.records.get("Task", {}).values()
        return sum(
            key in (row.get(KEY), str(row.get("Description")).strip("[]"))
            for row in rows
        )

    def fail(self, fault: Fault) -> bool:
        dropped = Answer(200, "", drop=True)
        match fault:
            case "lost before":
                self.org.faults.append(once(dropped, "composite"))
            case "lost after":
                self.org.faults.append(after_commit(self.org, dropped))
            case "unreachable":
                self.org.faults.append(_down)
        return True


def _down(_call: Call) -> Answer:
    return Answer(503, "<html>Down for maintenance</html>")


class TestSalesforce(ConnectorContract):
    @pytest.fixture
    def crm(self) -> Iterator[World]:
        org = Company()
        with serve(org) as address:
            yield SalesforceWorld(address, org, KEY)


class TestSalesforceWithoutAKeyField(ConnectorContract):
    @pytest.fixture
    def crm(self) -> Iterator[World]:
        org = Company()
        org.hide("Task", KEY)
        with serve(org) as address:
            yield SalesforceWorld(address, org, None)
