"""The audit's report as values: what terminal, page, workbook and JSON show.

The fields carry the names of the JSON, in its order, and numbers are unrounded. There
are about twenty items for each account, so items and their evidence are named tuples:
they are made faster and take less memory than anything else with names.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import fsum
from typing import NamedTuple

from handover.policy import Group, Level, Policy

Groups = Mapping[Group, float | None]
"""Scores of the five kinds of information; None where nothing applies."""


class Evidence(NamedTuple):
    """Why an item is in its state: a sentence, the records, the date that counts."""

    text: str
    records: Sequence[str]
    at: dt.date | None


class ItemFinding(NamedTuple):
    """What was found of one item of one account.

    ``rows`` were judged, ``rows_ok`` of them are fine; None where no row was judged.
    ``quality`` is 0 to 1, None where the item does not apply.
    """

    group: Group
    item: str
    level: Level
    state: str
    quality: float | None
    rows: int | None
    rows_ok: int | None
    evidence: Evidence


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountFinding:
    """What was found of one account.

    ``confirmed`` is the share of the must-items that the customer confirmed in the
    handover under way. ``value`` is the lifetime purchases and the open business.
    """

    id: str
    source: str
    name: str
    owner_id: str | None
    owner: str | None
    customer_class: str | None
    customer_class_state: str
    proposed_class: str | None
    score: float | None
    ready: bool
    confirmed: float | None
    value: float
    url: str | None
    groups: Groups
    items: Sequence[ItemFinding]


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnerFinding:
    """What the accounts of one owner come to; ``id`` None: of nobody."""

    id: str | None
    source: str
    name: str | None
    team: str | None
    is_active: bool
    accounts: int
    ready: int
    score: float | None
    weighted_score: float | None
    groups: Groups


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """What accounts come to together.

    Accounts without a score are counted and left out of the mean. ``gaps`` are the
    must-items to fill in, ``unjudged`` those that nobody can judge, as their fields are
    not mapped or not visible: a smaller mapping has fewer gaps and more of these.
    """

    accounts: int
    ready: int
    score: float | None
    without_score: int
    gaps: int
    unjudged: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Orphan:
    """An open opportunity on no account, or on one that is not in the mirror."""

    source: str
    object: str
    id: str
    name: str | None
    owner_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class InactiveOwner:
    """An owner of accounts who is no active user."""

    source: str
    id: str
    name: str | None
    accounts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UnmanagedChange:
    """A new owner whom no run of ours explains, with the names of all whom it concerns.

    ``team`` is the former owner's: their manager has to know. Names are None where the
    mirror does not have them any more.
    """

    source: str
    account_id: str
    account: str | None
    before: str | None
    before_name: str | None
    after: str | None
    after_name: str | None
    team: str | None
    seen_at: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedPerson:
    """A person who stands on several accounts, by link or by a personal address."""

    source: str
    contact_ids: Sequence[str]
    name: str | None
    account_ids: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedAccount:
    """An account where it stands in a list of others."""

    source: str
    id: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LikelyDuplicates:
    """Accounts that are likely one customer, ``by`` ``name`` or ``domain``."""

    by: str
    value: str
    ambiguous: bool
    accounts: Sequence[NamedAccount]


@dataclass(frozen=True, kw_only=True, slots=True)
class UnseenColumn:
    """A column that items need and a source does not show, or does not map."""

    source: str
    table_name: str
    column_name: str
    status: str
    items: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class AsideFinding:
    """A value, or a ``whole`` record, that the sync put aside.

    ``account`` is the name of the account that it belongs to, ``field`` what the CRM
    calls the column, ``row`` the line or position in the source. A record without an
    id has none, and nobody can tell its account.
    """

    source: str
    account_id: str | None
    account: str | None
    table_name: str
    id: str | None
    column_name: str | None
    field: str | None
    value: str | None
    reason: str
    whole: bool
    row: int


@dataclass(frozen=True, kw_only=True, slots=True)
class UnresolvedColumn:
    """A column with references that lead nowhere: how many, and some of them."""

    source: str
    table: str
    column: str
    count: int
    examples: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class TrendStep:
    """What an owner's accounts came to in an earlier audit."""

    at: str
    as_of: str
    source: str
    owner_id: str | None
    team: str | None
    score: float | None
    ready: int
    accounts: int
    owner: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditReport:
    """All that an audit found, in all sources. ``unmanaged`` and ``trend``: if asked.

    ``unmanaged`` are the owner changes that no run of ours explains. ``rejects`` counts
    all records and cells that the sync put aside, ``aside`` lists those of the accounts
    looked at.
    """

    policy: Policy
    generation: int
    totals: Totals
    accounts: Sequence[AccountFinding]
    owners: Sequence[OwnerFinding]
    orphans: Sequence[Orphan]
    inactive_owners: Sequence[InactiveOwner]
    shared_people: Sequence[SharedPerson]
    duplicates: Sequence[LikelyDuplicates]
    unmapped: Sequence[UnseenColumn]
    rejects: int
    aside: Sequence[AsideFinding]
    unresolved: Sequence[UnresolvedColumn]
    unmanaged: Sequence[UnmanagedChange] | None = None
    trend: Sequence[TrendStep] | None = None

    def as_json(self) -> dict[str, object]:
        """Return the report under its names, for ``forms.as_json`` to serialise."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        asked = {name: part for name, part in parts.items() if part is not None}
        asked["policy"] = {"version": self.policy.version, "hash": self.policy.hash}
        if self.unmanaged is not None:
            asked["unmanaged"] = [asdict(change) for change in self.unmanaged]
        return asked


def mean(values: Iterable[float | None]) -> float | None:
    """Return the mean of what is known."""
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if known else None
