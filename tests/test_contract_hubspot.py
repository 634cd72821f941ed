"""HubSpot keeps the connectors' contract, with and without the key property."""

from collections.abc import Iterator, Sequence

import pytest

from connectors.base import Connector, Create
from connectors.contract import ConnectorContract, Fault, World
from tests.worlds.hubspot_faults import after_commit, lost_before
from tests.worlds.hubspot_replies import Answer
from tests.worlds.hubspot_serving import serve
from tests.worlds.small_portal import KEY, companies, opened, small_portal, task


class HubSpotWorld:
    accounts = "companies"
    owner = "hubspot_owner_id"
    users = ("7", "8")

    def __init__(self, address: str) -> None:
        self.address = address
        self.portal = small_portal()
        self.portal.page_limit = 3
        companies(self.portal, 8)

    def connect(self) -> Connector:
        return opened(self.address)

    def ids(self) -> Sequence[str]:
        return [record.id for record in self.portal.living("companies")]

    def owner_of(self, account_id: str) -> str | None:
        return self.portal.owner("companies", account_id)

    def set_owner(self, account_id: str, owner: str) -> None:
        self.portal.edit("companies", account_id, hubspot_owner_id=owner)

    def remove(self, account_id: str) -> None:
        del self.portal.records["companies"][account_id]

    def task(self, key: str, account_id: str) -> Create:
        return task(account_id, key)

    def tasks(self, key: str) -> int:
        records = self.portal.living("tasks")
        return sum(
            record.properties.get(KEY) == key
            or f"[{key}]" in str(record.properties.get("hs_task_body"))
            for record in records
        )

    def fail(self, fault: Fault) -> bool:
        match fault:
            case "lost before":
                self.portal.faults.append(lost_before("/batch/"))
            case "lost after":
                self.portal.faults.append(after_commit(self.portal, "/batch/"))
            case "unreachable":
                self.portal.faults.append(lambda _call: Answer(502, "<html>"))
        return True


@pytest.fixture
def world() -> Iterator[HubSpotWorld]:
    world = HubSpotWorld("")
    with serve(world.portal) as world.address:
        yield world


class TestHubSpot(ConnectorContract):
    @pytest.fixture
    def crm(self, world: HubSpotWorld) -> World:
        world.portal.define("tasks", KEY, unique=(KEY,))
        return world


class TestHubSpotWithoutTheProperty(ConnectorContract):
    @pytest.fixture
    def crm(self, world: HubSpotWorld) -> World:
        return world
