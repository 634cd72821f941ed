"""What can be asked of one customer: the items that apply, of which records, of whom.

Recording an answer, the sheet and what is still open start from the same value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from handover.audit.engine import audit
from handover.audit.findings import to_fill_in
from handover.mirror.views import Mirror
from handover.policy import Item, Policy
from mappings.one_value import in_words
from mappings.schema import TABLES, columns

RECORDS = Path(__file__).parent / "queries" / "records"
"""A query for each table whose records can be asked about: id, name, its columns."""
NOT_APPLICABLE = "not_applicable"


@dataclass(frozen=True, kw_only=True)
class KnownRecord:
    """A record of the CRM; ``values`` are its canonical columns in canonical words."""

    id: str
    name: str
    values: Mapping[str, str | None]


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What can be asked of one customer.

    ``applying`` are the codes of the items that apply, in the policy's order; ``musts``
    those without an answer to which the visit is not done. ``records`` by table.
    """

    account_id: str
    items: Mapping[str, Item]
    applying: tuple[str, ...]
    gaps: tuple[str, ...] = ()
    """The must-items that somebody has to fill in."""
    records: Mapping[str, tuple[KnownRecord, ...]] = field(default_factory=dict)
    country: str | None = None

    @property
    def musts(self) -> tuple[str, ...]:
        """The items that have to be answered."""
        return tuple(code for code in self.applying if self.items[code].level == "must")

    @property
    def people(self) -> tuple[KnownRecord, ...]:
        """The customer's people."""
        return self.records.get("contacts", ())


def read_questions(mirror: Mirror, policy: Policy) -> dict[str, Questions]:
    """Read what can be asked of the customers to which a mirror is narrowed, by id."""
    items = {item.code: item for item in policy.enabled}
    judged: dict[str, set[str]] = {}
    found = audit(mirror, policy, mirror.as_of)
    gaps = to_fill_in(found)
    for row in found.items.to_pylist():
        if row["state"] != NOT_APPLICABLE:
            judged.setdefault(row["account_id"], set()).add(row["item"])
    records = {table: _read_records(mirror, table) for table in _list_tables(policy)}
    return {
        row["id"]: Questions(
            account_id=row["id"],
            items=items,
            applying=tuple(c for c in items if c in judged.get(row["id"], ())),
            gaps=tuple(gaps.get(row["id"], ())),
            records={t: known.get(row["id"], ()) for t, known in records.items()},
            country=row["country"],
        )
        for row in mirror.rows("select id, country from accounts order by id")
    }


def split_column(column: str) -> tuple[str, str]:
    """Split ``contacts.phone`` into table and column."""
    table, _, name = column.partition(".")
    return table, name


def _list_tables(policy: Policy) -> list[str]:
    """List the tables of which records can be asked about."""
    named = {split_column(c)[0] for item in policy.enabled for c in item.columns}
    return [t for t in TABLES if t in named | {"contacts"} and _query(t).exists()]


def _query(table: str) -> Path:
    return RECORDS / f"{table}.sql"


def _read_records(mirror: Mirror, table: str) -> dict[str, tuple[KnownRecord, ...]]:
    """Read the records of a table by account."""
    found: dict[str, list[KnownRecord]] = {}
    for row in mirror.rows(_query(table).read_text(encoding="utf-8")):
        account, key = row.pop("of_account"), row["id"]
        record = KnownRecord(
            id=key, name=row.pop("called") or key, values=_in_words(table, row)
        )
        found.setdefault(account, []).append(record)
    return {account: tuple(records) for account, records in found.items()}


def _in_words(table: str, row: Mapping[str, Any]) -> dict[str, str | None]:
    """Write a record's own columns in canonical words."""
    known = columns(table)
    return {
        name: in_words(value)
        for name, value in row.items()
        if name in known or name.startswith("extra_")
    }
