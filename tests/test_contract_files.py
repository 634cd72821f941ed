"""A folder of CSV files keeps the connectors' contract."""

import csv
from collections.abc import Sequence
from pathlib import Path

import pytest

from connectors.base import Create
from connectors.contract import ConnectorContract, Fault, World
from connectors.files import TASKS_FILE, FilesCRM


class FilesWorld:
    accounts = "accounts.*"
    owner = "owner_id"
    users = ("u1", "u2")

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._save([["id", "name", "owner_id"]] + [self._row(n) for n in range(8)])

    def _row(self, n: int) -> list[str]:
        return [f"{n:03}", f"株式会社{n}, 東京", "u1"]

    def _rows(self) -> list[list[str]]:
        path = self.folder / "accounts.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))

    def _save(self, rows: list[list[str]]) -> None:
        path = self.folder / "accounts.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            csv.writer(file).writerows(rows)

    def connect(self) -> FilesCRM:
        return FilesCRM(self.folder, page_rows=3)

    def ids(self) -> Sequence[str]:
        return [row[0] for row in self._rows()[1:]]

    def owner_of(self, account_id: str) -> str | None:
        return {row[0]: row[2] for row in self._rows()}[account_id] or None

    def set_owner(self, account_id: str, owner: str) -> None:
        rows = self._rows()
        self._save([[*r[:2], owner] if r[0] == account_id else r for r in rows])

    def remove(self, account_id: str) -> None:
        self._save([row for row in self._rows() if row[0] != account_id])

    def task(self, key: str, account_id: str) -> Create:
        return Create(
            object=TASKS_FILE,
            key=key,
            key_field="handover_key",
            values={"subject": "引継ぎ訪問", "owner_id": "u1"},
            links={"account": account_id},
        )

    def tasks(self, key: str) -> int:
        path = self.folder / TASKS_FILE
        if not path.exists():
            return 0
        with path.open(encoding="utf-8-sig", newline="") as file:
            return sum(row["handover_key"] == key for row in csv.DictReader(file))

    def fail(self, fault: Fault) -> bool:
        return False


class TestFiles(ConnectorContract):
    @pytest.fixture
    def crm(self, tmp_path: Path) -> World:
        return FilesWorld(tmp_path)
