"""What a CRM does not show any more is hidden, not gone: what we knew of it stays."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from connectors.base import ObjectSchema, Page, Pull
from connectors.errors import NotPermitted, UnknownObject
from connectors.memory import MemoryCRM
from handover.mirror.sync import Synced
from mappings.errors import UnknownField
from tests.worlds.mirror import MAPPING, Mill, company, sums

CLASSES = MAPPING.replace(
    'employees = "employees"',
    'employees = "employees"\ncustomer_class = { field = "class", values = '
    '{ A = "key", B = "normal" } }',
)


class SilentCRM:
    """A CRM that leaves out what is hidden, as if it were not there at all."""

    def __init__(self, crm: MemoryCRM) -> None:
        self.crm = crm
        self.name, self.capabilities = crm.name, crm.capabilities
        self.identify, self.read = crm.identify, crm.read
        self.identifiers = crm.identifiers
        self.batches, self.write, self.find = crm.batches, crm.write, crm.find
        self.prepare = crm.prepare
        self.gone: set[str] = set()

    @property
    def calls(self) -> int:
        return self.crm.calls

    def objects(self, pattern: str) -> Sequence[str]:
        return (pattern,)

    def describe(self, object_name: str) -> ObjectSchema:
        if object_name in self.gone:
            raise UnknownObject(source=self.name, object=object_name)
        return replace(self.crm.describe(object_name), hidden=frozenset())

    def pull(self, request: Pull) -> Iterator[Page]:
        return self.crm.pull(request)


class Nights:
    """A mirror that is synced night by night from a silent CRM."""

    def __init__(self, folder: Path) -> None:
        self.crm = company()
        for n, letter in enumerate("AB"):
            self.crm.put("Accounts", f"a{n:04d}", **{"class": letter})
        self.silent = SilentCRM(self.crm)
        self.mill = Mill(folder, self.crm, CLASSES)

    def sync(self) -> Synced:
        self.crm.pass_time(dt.timedelta(days=1))
        synced = self.mill.sync(self.mill.source("memory", self.silent))
        sums(synced)
        return synced

    def status(self, table: str, column: str) -> str:
        file = self.mill.generation().files["columns"]
        found = {
            (row["table_name"], row["column_name"]): row["status"]
            for row in pq.read_table(file).to_pylist()
        }
        return str(found[table, column])

    def accounts(self, *names: str) -> dict[str, tuple[object, ...]]:
        rows = self.mill.rows("accounts")
        return {key: tuple(row[name] for name in names) for key, row in rows.items()}


@pytest.fixture
def nights(tmp_path: Path) -> Nights:
    found = Nights(tmp_path)
    found.sync()
    return found


def test_a_field_that_is_not_shown_any_more_is_unreadable(nights: Nights) -> None:
    before = nights.accounts("employees", "customer_class", "customer_class_state")
    nights.crm.faults.hidden |= {("Accounts", "employees"), ("Accounts", "class")}
    synced = nights.sync()
    assert nights.mill.status("accounts", "employees") == "unreadable"
    assert nights.mill.status("accounts", "customer_class") == "unreadable"
    assert synced.counts["accounts"].same == 3
    after = nights.accounts("employees", "customer_class", "customer_class_state")
    assert after == before
    (outcome,) = synced.outcomes
    assert {p.code for p in outcome.problems} == {"hidden_field"}


def test_it_stays_unreadable_and_what_else_changes_comes_in(nights: Nights) -> None:
    nights.crm.faults.hidden.add(("Accounts", "class"))
    nights.sync()
    nights.crm.put("Accounts", "a0000", name="新社名")
    nights.sync()
    assert nights.mill.status("accounts", "customer_class") == "unreadable"
    assert nights.accounts("name", "customer_class")["a0000"] == ("新社名", "key")


def test_shown_again_it_is_read_again(nights: Nights) -> None:
    nights.crm.faults.hidden.add(("Accounts", "class"))
    nights.sync()
    nights.crm.put("Accounts", "a0000", **{"class": "B"})
    nights.crm.faults.hidden.clear()
    nights.sync()
    assert nights.mill.status("accounts", "customer_class") == "mapped"
    assert nights.accounts("customer_class")["a0000"] == ("normal",)


def test_an_object_that_is_not_shown_any_more_keeps_its_rows(nights: Nights) -> None:
    nights.silent.gone.add("Activities")
    for _ in range(2):
        assert nights.sync().vanished == 0
        assert nights.mill.status("activities", "*") == "unreadable"
        assert set(nights.mill.living("activities")) == {"v1"}
        assert len(nights.mill.living("activity_links")) == 1


def test_a_wrong_name_in_a_changed_mapping_is_an_error(nights: Nights) -> None:
    nights.mill.map(CLASSES.replace('field = "class"', 'field = "clas"'))
    with pytest.raises(UnknownField) as caught:
        nights.sync()
    assert caught.value.params["suggestion"] == "class"


def test_an_object_refused_at_its_first_page_is_hidden_as_a_whole(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull = nights.crm.pull

    def refuse(request: Pull) -> Iterator[Page]:
        if request.object == "Activities":
            raise NotPermitted(source="memory", object=request.object)
        return pull(request)

    monkeypatch.setattr(nights.crm, "pull", refuse)
    assert nights.sync().vanished == 0
    assert nights.mill.status("activities", "kind") == "unreadable"
    assert set(nights.mill.living("activities")) == {"v1"}
