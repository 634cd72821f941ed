"""The in-memory CRM keeps the connectors' contract."""

from collections.abc import Sequence

import pytest

from connectors.base import Capability, Create
from connectors.contract import ConnectorContract, Fault, World
from connectors.memory import MemoryCRM


class MemoryWorld:
    accounts = "accounts"
    owner = "owner_id"
    users = ("u1", "u2")

    def __init__(self) -> None:
        rows = [{"id": f"a{n}", "name": f"社{n}", "owner_id": "u1"} for n in range(8)]
        self.memory = MemoryCRM({"accounts": rows}, page_size=3)

    def connect(self) -> MemoryCRM:
        return self.memory

    def ids(self) -> Sequence[str]:
        return list(self.memory.rows("accounts"))

    def owner_of(self, account_id: str) -> str | None:
        owner = self.memory.rows("accounts")[account_id]["owner_id"]
        return str(owner) if owner else None

    def set_owner(self, account_id: str, owner: str) -> None:
        self.memory.put("accounts", account_id, owner_id=owner)

    def remove(self, account_id: str) -> None:
        self.memory.erase("accounts", account_id)

    def task(self, key: str, account_id: str) -> Create:
        return Create(
            object="tasks",
            key=key,
            key_field="handover_key",
            values={"subject": "引継ぎ訪問", "owner_id": "u1"},
            links={"account": account_id},
        )

    def tasks(self, key: str) -> int:
        rows = self.memory.rows("tasks").values()
        return sum(row["handover_key"] == key for row in rows)

    def fail(self, fault: Fault) -> bool:
        match fault:
            case "lost before":
                self.memory.faults.lose_before = 1
            case "lost after":
                self.memory.faults.lose_after = 1
            case "unreachable":
                self.memory.faults.unreachable_after = 1
        return True


class TestMemory(ConnectorContract):
    @pytest.fixture
    def crm(self) -> World:
        return MemoryWorld()


class TestMemoryThatCanDoNothing(ConnectorContract):
    @pytest.fixture
    def crm(self) -> World:
        world = MemoryWorld()
        world.memory.capabilities = frozenset[Capability]()
        return world
