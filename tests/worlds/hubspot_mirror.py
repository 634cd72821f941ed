"""A mirror of a HubSpot portal, for the tests that sync it."""

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from connectors.base import Page
from handover.mirror.sync import Source
from tests.worlds.hubspot_company import Company
from tests.worlds.mirror import Mirrored
from tests.worlds.small_portal import opened

DAY = dt.timedelta(days=1)


class Mill(Mirrored):
    """A mirror of a portal; ``ways`` tells how the last sync read each object."""

    def __init__(self, folder: Path, address: str, company: Company) -> None:
        super().__init__(folder, 'extends = "hubspot"\n')
        self.address, self.company = address, company
        self.ways: dict[str, str] = {}

    def sources(self) -> list[Source]:
        self.ways.clear()
        return [
            Source(
                name="hubspot",
                connect=lambda: opened(self.address),
                mapping=self.mapping,
            )
        ]

    def note(self, name: str, page: Page) -> None:
        if page.way:
            self.ways[name] = page.way

    def pass_a_week(self) -> None:
        """Let the nights pass until everything is read again."""
        for days in (6, 1):
            self.company.portal.now += days * DAY
            if days > 1:
                self.sync()

    def row(self, table: str, name: str, kind: str = "") -> Mapping[str, Any]:
        """Read a row by its record's name in the company."""
        key = self.company.ids[name]
        return self.rows(table)[f"{kind}:{key}" if kind else key]

    def links(self) -> set[tuple[str, str, str]]:
        """Read what each activity hangs on, by names in the company."""
        known = {key: name for name, key in self.company.ids.items()}
        return {
            (known[r["activity_id"].split(":")[1]], r["target"], known[r["target_id"]])
            for r in self.rows("activity_links").values()
        }
