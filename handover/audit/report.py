"""The data of ``handover audit``: what was found in each source, put together."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handover.audit import beside
from handover.audit.engine import Audit
from handover.audit.engine import audit as judge
from handover.audit.findings import (
    WORST,
    accounts_json,
    count_to_fill_in,
    owners_json,
    totals,
    worst_first,
)
from handover.i18n import Words
from handover.mirror.generations import Generation
from handover.mirror.people import People
from handover.mirror.views import Mirror
from handover.policy import Policy

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class SourceFindings:
    """What the audit of one source found.

    ``unknown_classes`` counts the values that the mapping does not know. ``unseen``:
    the items that cannot be judged, ``unmapped`` or ``unreadable``, with the columns.
    """

    audit: Audit
    people: People
    accounts: Sequence[Json]
    owners: Sequence[Json]
    orphans: Sequence[Json]
    shared_people: Sequence[Json]
    knows_classes: bool
    knows_who_is_active: bool
    unknown_classes: Mapping[str, int]
    unseen: Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who asks, and for what.

    ``owner_ids`` are those asked for, None for everybody; ``in_full``: the items of all
    accounts, not only of the worst.
    """

    words: Words
    policy: Policy
    owner_ids: Collection[str] | None = None
    in_full: bool = True


def read_source(
    mirror: Mirror,
    asked: Asked,
    people: People,
    answered: Mapping[str, Collection[str]],
) -> SourceFindings:
    """Audit one source.

    Args:
        mirror: the source, perhaps narrowed to some accounts.
        asked: who asks, and for what.
        people: the source's users.
        answered: the items that customers confirmed, by account.
    """
    audit = judge(mirror, asked.policy, mirror.as_of)
    accounts = accounts_json(
        audit,
        people,
        asked.words,
        answered=answered,
        only=None if asked.in_full else _worst(audit),
    )
    return SourceFindings(
        audit=audit,
        people=people,
        accounts=accounts,
        owners=owners_json(accounts, people),
        orphans=beside.orphans(mirror, asked.owner_ids),
        shared_people=beside.shared_people(mirror),
        knows_classes=mirror.sees("accounts", "customer_class"),
        knows_who_is_active=mirror.sees("users", "is_active"),
        unknown_classes=beside.unknown_classes(audit),
        unseen=beside.unseen_items(audit),
    )


def _worst(audit: Audit) -> list[str]:
    rows = [{**row, "source": audit.source} for row in audit.accounts.to_pylist()]
    return [row["id"] for row in worst_first(rows)[:WORST]]


def combine(
    parts: Sequence[SourceFindings], generation: Generation, policy: Policy
) -> Json:
    """Put the findings of all sources together, in the names of design §12."""
    accounts = [account for part in parts for account in part.accounts]
    gaps = sum(count_to_fill_in(part.audit) for part in parts)
    return {
        "policy": {"version": policy.version, "hash": policy.hash},
        "generation": generation.n,
        "totals": {**totals(accounts), "gaps": gaps},
        "accounts": accounts,
        "owners": [owner for part in parts for owner in part.owners],
        "orphans": [orphan for part in parts for orphan in part.orphans],
        "inactive_owners": [
            owner
            for part in parts
            for owner in beside.inactive_owners(part.audit.source, part.owners)
        ],
        "shared_people": [person for part in parts for person in part.shared_people],
        "duplicates": beside.duplicates([part.audit for part in parts]),
        "unmapped": [row for part in parts for row in beside.unmapped(part.audit)],
        "rejects": sum(
            int(about.get("rejects") or 0) for about in generation.sources.values()
        ),
    }
