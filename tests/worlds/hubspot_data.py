"""What a loopback portal holds, and how its people change it."""

import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.worlds.hubspot_replies import Answer, Call, Json

Fault = Callable[[Call], Answer | None]

TOKEN = "pat-canary-5f1c"


@dataclass
class Record:
    id: str
    properties: dict[str, str | None]
    updated: datetime
    archived_at: datetime | None = None
    links: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """Other type → id → names of association types or labels."""


Automation = Callable[[str, dict[str, Any]], dict[str, Any]]
"""What workflows set in the save of a record: by kind, from its id and properties."""


class Holdings:
    def __init__(self) -> None:
        self.now = datetime(2027, 3, 1, 0, 0, tzinfo=UTC)
        self.token = TOKEN
        self.records: dict[str, dict[str, Record]] = {}
        self.properties: dict[str, dict[str, Json]] = {}
        self.owners: list[Json] = []
        self.pipelines: dict[str, list[Json]] = {}
        self.labels: dict[tuple[str, str], list[Json]] = {}
        self.commits: list[tuple[str, str, dict[str, str | None]]] = []
        self.calls: list[Call] = []
        self.faults: list[Fault] = []
        self.automation: Automation = lambda _kind, _given: {}
        self.search_lag = timedelta(0)
        self.forbidden: set[str] = set()
        self.unwritable: set[str] = set()
        self.page_limit = 100
        self.url_limit = 8000
        """Characters of property names that fit into an address."""
        self.too_long = 414
        """What a longer one is answered with."""
        self.rate, self.search_rate = 10_000, 10_000
        """Calls in ten seconds, and searches in one."""
        self.tells_time = True
        """Replies have a header Date."""
        self.rejections = 0
        self.merged: dict[str, str] = {}
        self.account_type = "STANDARD"
        self.account: Json = {"uiDomain": "app.hubspot.com"}
        """What account-info tells beside the portal's id and type."""
        self.contacts_follow = False
        """The setting that copies a company's new owner to its contacts."""
        self.daily_left: int | None = None
        """Of 1,000 calls a day."""
        self.delay = 0.0
        """Seconds that each answer takes."""
        self.clock = time.monotonic
        self._window: deque[float] = deque()
        self._searches: deque[float] = deque()
        self.last_id = 999
        self._lock = threading.RLock()

    def define(self, kind: str, *names: str, unique: tuple[str, ...] = ()) -> None:
        known = self.properties.setdefault(kind, {})
        for name in names:
            definition = {
                "name": name,
                "type": "string",
                "hasUniqueValue": name in unique,
                "modificationMetadata": {"readOnlyValue": False},
            }
            known.setdefault(name, definition)

    def add(self, kind: str, **properties: str | None) -> str:
        self.last_id += 1
        key = str(self.last_id)
        self.define(kind, *properties)
        self.records.setdefault(kind, {})[key] = Record(
            id=key, properties=dict(properties), updated=self.now
        )
        return key

    def link(self, one: str, key: str, other: str, other_key: str, *names: str) -> None:
        names = names or ("unlabeled", "primary")
        for a, x, b, y in ((one, key, other, other_key), (other, other_key, one, key)):
            near = self.records[a][x].links.setdefault(b, {})
            near.setdefault(y, set()).update(names)

    def edit(self, kind: str, key: str, **properties: str | None) -> None:
        record = self.records[kind][key]
        record.properties.update(properties)
        record.updated = self.now

    def owner(self, kind: str, key: str) -> str | None:
        return self.records[kind][key].properties.get("hubspot_owner_id")

    def living(self, kind: str) -> list[Record]:
        return [r for r in self.from_id(kind, 0) if r.archived_at is None]

    def from_id(self, kind: str, least: int) -> list[Record]:
        """List the records from an id on; they stand in the order of their ids."""
        found = list(self.records.get(kind, {}).values())
        return found[bisect_left(found, least, key=lambda record: int(record.id)) :]

    def merge(self, kind: str, loser: str, winner: str) -> None:
        gone = self.records[kind].pop(loser)
        for other, near in gone.links.items():
            self.records[kind][winner].links.setdefault(other, {}).update(near)
        self.merged[loser] = winner
        self.define(kind, "hs_merged_object_ids")
        old = self.records[kind][winner].properties.get("hs_merged_object_ids")
        ids = ";".join(filter(None, [old, loser]))
        self.edit(kind, winner, hs_merged_object_ids=ids)
        self._hang_on(kind, loser, winner)

    def _hang_on(self, kind: str, loser: str, winner: str) -> None:
        """Let what hung on a record hang on another; no stamp moves with that."""
        for others in self.records.values():
            for record in others.values():
                near = record.links.get(kind, {})
                if loser in near:
                    near.setdefault(winner, set()).update(near.pop(loser))

    def archive(self, kind: str, key: str) -> None:
        self.records[kind][key].archived_at = self.now
