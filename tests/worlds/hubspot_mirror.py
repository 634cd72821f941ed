"""A mirror of a HubSpot portal, for the tests that sync it."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from connectors.base import Page
from handover.ledger import Ledger
from handover.mirror.generations import current_generation
from handover.mirror.sync import Source, Synced, Syncer, SyncOptions
from mappings.load import load_mapping
from mappings.translate import TranslationSettings
from tests.worlds.hubspot_company import Company
from tests.worlds.small_portal import opened

DAY = dt.timedelta(days=1)


class Mill:
    """A mirror of a portal."""

    def __init__(self, folder: Path, address: str, company: Company) -> None:
        self.folder, self.address, self.company = folder, address, company
        folder.mkdir(exist_ok=True)
        self.now = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
        self.ledger = Ledger.open(folder / "ledger.sqlite")
        self.ways: dict[str, str] = {}

    def sync(self) -> Synced:
        self.ways = {}
        return Syncer(
            ledger=self.ledger,
            folder=self.folder / "mirror",
            settings=TranslationSettings(
                timezone=ZoneInfo("Asia/Tokyo"),
                country="JP",
                currency="JPY",
                empty_words=frozenset({"なし"}),
            ),
            now=self.now,
            options=SyncOptions(),
            told=self._note,
        ).sync(
            [
                Source(
                    name="hubspot",
                    connect=lambda: opened(self.address),
                    mapping=load_mapping("hubspot", self.folder),
                )
            ]
        )

    def pass_a_week(self) -> None:
        """Let the nights pass until everything is read again."""
        for days in (6, 1):
            self.company.portal.now += days * DAY
            if days > 1:
                self.sync()

    def _note(self, name: str, page: Page) -> None:
        if page.way:
            self.ways[name] = page.way

    def rows(self, table: str) -> dict[str, Mapping[str, Any]]:
        file = current_generation(self.ledger, self.folder / "mirror").files[table]
        return {row["id"]: row for row in pq.read_table(file).to_pylist()}

    def row(self, table: str, name: str, kind: str = "") -> Mapping[str, Any]:
        key = self.company.ids[name]
        return self.rows(table)[f"{kind}:{key}" if kind else key]

    def status(self, table: str, column: str) -> str:
        """Return what the newest generation could see of a column."""
        files = current_generation(self.ledger, self.folder / "mirror").files
        found = {
            (row["table_name"], row["column_name"]): str(row["status"])
            for row in pq.read_table(files["columns"]).to_pylist()
        }
        return found[table, column]

    def links(self) -> set[tuple[str, str, str]]:
        known = {key: name for name, key in self.company.ids.items()}
        return {
            (known[r["activity_id"].split(":")[1]], r["target"], known[r["target_id"]])
            for r in self.rows("activity_links").values()
        }
