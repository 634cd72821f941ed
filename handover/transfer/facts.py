"""What a plan's transfer has to know of the mirror, and of what we wrote since.

The mirror is as old as the last sync. Our own steps are known from the ledger, so a
second run needs no sync in between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from handover.mirror.views import Mirror
from handover.transfer.to_crm import CanonicalRecord, CrmRecord

ChildTable = Literal["contacts", "opportunities", "requests", "activities"]
CHILDREN: tuple[ChildTable, ...] = (
    "contacts",
    "opportunities",
    "requests",
    "activities",
)
CHILDREN_SQL = Path(__file__).with_name("children.sql")


@dataclass(frozen=True, kw_only=True)
class OwnedAccount(CanonicalRecord):
    """An account, and who owns it as far as we know."""

    table: str = "accounts"
    name: str | None = None
    owner_id: str | None


@dataclass(frozen=True, kw_only=True)
class Child(CanonicalRecord):
    """A record of the predecessor that may follow accounts.

    It follows when all of ``accounts`` change hands; empty means that it hangs on none.
    """

    table: ChildTable
    name: str | None = None
    accounts: tuple[str, ...]
    expects: Mapping[str, str | None] = field(default_factory=dict)
    """Fields of the CRM that show that it is still open, as they are now."""


@dataclass(frozen=True, kw_only=True)
class KeptContact(CanonicalRecord):
    """A contact of an account that belongs to somebody else than the predecessor."""

    table: str = "contacts"
    account_id: str
    owner_id: str


@dataclass(frozen=True, kw_only=True)
class Extra(CanonicalRecord):
    """An owner-like field beyond the standard ones that holds the predecessor."""

    field: str


@dataclass(frozen=True, kw_only=True)
class OurTask(CrmRecord):
    """A task of ours as the CRM has it now, and as we last wrote it.

    ``written`` is None where the ledger does not know: another machine made it.
    """

    key: str
    due: str | None
    owner_id: str | None
    status: str | None
    written: Mapping[str, str | None] | None
    text: str | None = None
    written_text: str | None = None


@dataclass(frozen=True, kw_only=True)
class TransferFacts:
    """All that decides which steps a plan needs."""

    accounts: Mapping[str, OwnedAccount]
    """Those of the plan and those the predecessor owns, by id."""
    total: int
    """How many accounts the source has."""
    children: tuple[Child, ...] = ()
    kept: tuple[KeptContact, ...] = ()
    extras: tuple[Extra, ...] = ()
    tasks: tuple[OurTask, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Written:
    """Owners that we set since the mirror was read: by table, id to user."""

    owners: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    def given(self, table: str, user: str) -> tuple[list[str], list[str]]:
        """List a table's records that we took from a user and those we gave them."""
        known = self.owners.get(table, {})
        taken = [record for record, owner in known.items() if owner != user]
        return taken, [record for record, owner in known.items() if owner == user]


def read_facts(
    mirror: Mirror, *, predecessor: str, planned: Sequence[str], written: Written
) -> TransferFacts:
    """Read what a plan's transfer has to know out of the mirror's views.

    Args:
        mirror: of the plan's source; its ``as_of`` tells past from future events.
        predecessor: whose records may move.
        planned: ids of the plan's accounts.
        written: owners we set since.
    """
    return TransferFacts(
        accounts=_accounts(mirror, predecessor, planned, written),
        total=len(mirror.table("select id from accounts")),
        children=_children(mirror, predecessor, written),
    )


def our_keys(mirror: Mirror, prefix: str) -> dict[str, CanonicalRecord]:
    """Find the tasks whose key begins so, by key."""
    found = mirror.rows(
        "select handover_key, object, id from activities"
        " where starts_with(handover_key, $prefix)",
        prefix=prefix,
    )
    return {
        row["handover_key"]: CanonicalRecord(
            table="activities", id=row["id"], object=row["object"]
        )
        for row in found
    }


def _accounts(
    mirror: Mirror, predecessor: str, planned: Sequence[str], written: Written
) -> dict[str, OwnedAccount]:
    found = mirror.rows(
        "select id, name, object, owner_id from accounts"
        " where owner_id = $predecessor or list_contains($planned, id) order by id",
        predecessor=predecessor,
        planned=[*planned],
    )
    known = written.owners.get("accounts", {})
    return {
        row["id"]: OwnedAccount(
            id=row["id"],
            name=row["name"],
            object=row["object"],
            owner_id=known.get(row["id"], row["owner_id"]),
        )
        for row in found
    }


def _children(mirror: Mirror, predecessor: str, written: Written) -> tuple[Child, ...]:
    values: dict[str, object] = {"predecessor": predecessor, "as_of": mirror.as_of}
    for table in CHILDREN:
        taken, given = written.given(table, predecessor)
        values |= {f"{table}_taken": taken, f"{table}_given": given}
    return tuple(
        Child(
            table=row["table_name"],
            id=row["id"],
            name=row["label"],
            object=row["object"],
            accounts=tuple(row["accounts"] or ()),
        )
        for row in mirror.rows(CHILDREN_SQL.read_text(encoding="utf-8"), **values)
    )
