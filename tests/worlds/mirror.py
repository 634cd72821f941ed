"""What the tests of the sync share: a mirror, its ledger, and the CRM that feeds it."""

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from connectors.base import Connector, Page
from connectors.memory import MemoryCRM
from handover.ledger import Ledger
from handover.mirror.generations import Generation, current_generation
from handover.mirror.sync import Source, Synced, Syncer, SyncOptions
from mappings.load import load_mapping
from mappings.translate import TranslationSettings

NOW = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
MAPPING = """\
[users]
object = "Users"
[users.fields]
id = "id"
name = "name"
is_deleted = "is_deleted"
modified_at = "modified_at"
[accounts]
object = "Accounts"
[accounts.fields]
id = "id"
name = "name"
owner_id = "owner_id"
employees = "employees"
is_deleted = "is_deleted"
modified_at = "modified_at"
[activities]
object = "Activities"
[activities.fields]
id = "id"
kind = "kind"
is_done = "is_done"
happened_at = "happened_at"
account_id = "account_id"
is_deleted = "is_deleted"
modified_at = "modified_at"
"""


def settings_() -> TranslationSettings:
    """Read cells as a Japanese company does."""
    return TranslationSettings(
        timezone=ZoneInfo("Asia/Tokyo"),
        country="JP",
        currency="JPY",
        empty_words=frozenset({"なし", "-"}),
    )


class Mirrored:
    """One mirror and its ledger; what feeds them is told by each class below."""

    def __init__(self, folder: Path, mapping: str) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        self.now = NOW
        self.map(mapping)
        self.ledger = Ledger.open(folder / "ledger.sqlite")

    def map(self, text: str) -> None:
        """Use another mapping from now on."""
        self.mapping_text = text
        (self.folder / "test.toml").write_text(text, encoding="utf-8")
        self.mapping = load_mapping("test.toml", self.folder)

    def source(self, name: str, connector: Connector) -> Source:
        """Make a source of a connector, with this mapping."""
        return Source(name=name, connect=lambda: connector, mapping=self.mapping)

    def sources(self) -> list[Source]:
        """Return what is synced where nothing is given."""
        return []

    def note(self, name: str, page: Page) -> None:
        """Hear of each page that was read of an object."""

    def sync(
        self,
        *sources: Source,
        reached: Callable[[str], None] = lambda _point: None,
        sweep_days: int = 7,
        **options: bool,
    ) -> Synced:
        """Sync the CRM, or what is given."""
        return Syncer(
            ledger=self.ledger,
            folder=self.mirror,
            settings=settings_(),
            now=self.now,
            options=SyncOptions(sweep_days=sweep_days, **options),
            told=self.note,
            reached=reached,
        ).sync(sources or self.sources())

    @property
    def mirror(self) -> Path:
        """The mirror's folder."""
        return self.folder / "mirror"

    def generation(self) -> Generation:
        """Open the current generation."""
        return current_generation(self.ledger, self.mirror)

    def rows(self, table: str) -> dict[str, Mapping[str, Any]]:
        """Read a table, deleted rows too, by id."""
        return {str(row["id"]): row for row in self.table(table)}

    def table(self, table: str) -> list[Mapping[str, Any]]:
        """Read a table, all sources and deleted rows too."""
        file = self.generation().files.get(table)
        return list(pq.read_table(file).to_pylist()) if file else []

    def living(self, table: str) -> dict[str, object]:
        """Read what tells the living rows of a table apart, by id."""
        return {
            key: (row.get("name"), row.get("owner_id"), row.get("target_id"))
            for key, row in self.rows(table).items()
            if not row["is_deleted"]
        }

    def status(self, table: str, column: str) -> str:
        """Return what the newest generation could see of a column."""
        found = {
            (row["table_name"], row["column_name"]): str(row["status"])
            for row in self.table("columns")
        }
        return found[table, column]


class Mill(Mirrored):
    """A mirror of a CRM in memory."""

    def __init__(self, folder: Path, crm: MemoryCRM, mapping: str = MAPPING) -> None:
        super().__init__(folder, mapping)
        self.crm = crm

    def sources(self) -> list[Source]:
        return [self.source("memory", self.crm)]


def company(accounts: int = 3) -> MemoryCRM:
    """Make a small company."""
    crm = MemoryCRM(
        {
            "Users": [
                {"id": "u1", "name": "佐藤", "is_deleted": None},
                {"id": "u2", "name": "田中", "is_deleted": None},
            ],
            "Accounts": [
                {
                    "id": f"a{n:04d}",
                    "name": f"会社{n}",
                    "owner_id": "u1",
                    "employees": "5",
                    "is_deleted": None,
                }
                for n in range(accounts)
            ],
            "Activities": [
                {
                    "id": "v1",
                    "kind": "call",
                    "is_done": "yes",
                    "happened_at": "2027-02-01",
                    "account_id": "a0000",
                    "is_deleted": None,
                }
            ],
        },
        page_size=50,
    )
    crm.pass_time(dt.timedelta(days=1))
    return crm


def sums(synced: Synced) -> None:
    """Hold every sync to its sum."""
    for counts in synced.counts.values():
        parts = counts.new + counts.changed + counts.same + counts.deleted
        assert counts.read == parts + counts.rejected
