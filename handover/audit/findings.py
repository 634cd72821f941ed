"""What an audit found, in the names of the JSON (design §12) and for the plan.

Numbers are unrounded; everything is in a fixed order, so that the same mirror gives the
same bytes.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from handover.audit.engine import STATES, Audit
from handover.audit.evidence import Evidence
from handover.i18n import Words
from handover.mirror.people import People
from handover.policy import GROUPS

TO_FILL_IN = frozenset({"missing", "placeholder", "invalid", "stale"})
"""States that the predecessor can do something about."""
LACKING = frozenset({"missing", "placeholder", "invalid", "unreadable", "unmapped"})
"""States in which an item is not there."""

WORST = 15
"""Accounts that the terminal lists; the page and the workbook have all."""

Json = dict[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class AccountScore:
    """What the plan needs to know of an account.

    ``gaps`` are the must-items to fill in; ``groups`` counts the groups that apply.
    """

    score: float | None
    ready: bool
    gaps: tuple[str, ...]
    groups: int


def scores(audit: Audit) -> dict[str, AccountScore]:
    """Give each account's score, readiness and gaps."""
    gaps = to_fill_in(audit)
    return {
        row["id"]: AccountScore(
            score=row["score"],
            ready=row["ready"],
            gaps=tuple(gaps.get(row["id"], ())),
            groups=sum(row[group] is not None for group in GROUPS),
        )
        for row in audit.accounts.to_pylist()
    }


def to_fill_in(audit: Audit) -> dict[str, list[str]]:
    """Name each account's must-items that somebody has to fill in, in their order."""
    musts = _musts(audit)
    found: dict[str, list[str]] = defaultdict(list)
    for row in _items(audit, musts, TO_FILL_IN).to_pylist():
        found[row["account_id"]].append(row["item"])
    return {account: sorted(items, key=musts.index) for account, items in found.items()}


def count_to_fill_in(audit: Audit) -> int:
    """Count the must-items to fill in, over all accounts."""
    return len(_items(audit, _musts(audit), TO_FILL_IN))


def _musts(audit: Audit) -> list[str]:
    return [item.code for item in audit.policy.enabled if item.level == "must"]


def failing(audit: Audit, level: str) -> set[str]:
    """Name the accounts that lack an item: a must, or any for ``should``."""
    if level == "must":
        rows = audit.accounts.filter(pc.invert(audit.accounts["ready"]))
        return set(rows["id"].to_pylist())
    every = [item.code for item in audit.policy.enabled]
    return {*_items(audit, every, LACKING)["account_id"].to_pylist()}


def _items(audit: Audit, codes: Collection[str], states: Collection[str]) -> pa.Table:
    """Choose rows by item and state, without what is large in them."""
    rows = audit.items.select(["account_id", "item", "state"])
    state = rows["state"].cast(pa.string())
    chosen = pc.and_(
        pc.is_in(rows["item"], pa.array(codes, pa.string())),
        pc.is_in(state, pa.array(sorted(states), pa.string())),
    )
    return rows.filter(chosen)


def accounts_json(
    audit: Audit,
    people: People,
    words: Words,
    *,
    answered: Mapping[str, Collection[str]],
    only: Collection[str] | None = None,
) -> list[Json]:
    """List accounts with groups, items and evidence, by id.

    Args:
        audit: of one source.
        people: names the owners.
        words: the language of the evidence.
        answered: items that the customer confirmed, of the accounts that are being
            handed over.
        only: the accounts whose items are wanted, where not all are shown; the others
            have an empty list.
    """
    items = _items_json(audit, words, only)
    confirmed = _confirmed(audit, answered)
    return [
        {
            "id": row["id"],
            "source": audit.source,
            "name": row["name"],
            "owner_id": row["owner_id"],
            "owner": people.name(row["owner_id"]) or None,
            "customer_class": row["customer_class"],
            "customer_class_state": row["customer_class_state"],
            "proposed_class": row["proposed_class"],
            "score": row["score"],
            "ready": row["ready"],
            "confirmed": confirmed.get(row["id"]),
            "value": row["value"],
            "url": row["url"],
            "groups": {group: row[group] for group in GROUPS},
            "items": items.get(row["id"], []),
        }
        for row in audit.accounts.to_pylist()
    ]


def _items_json(
    audit: Audit, words: Words, only: Collection[str] | None
) -> dict[str, list[Json]]:
    """Build the items of accounts, each account's in the policy's order."""
    asked = {item.code: item for item in audit.policy.enabled}
    order = {code: position for position, code in enumerate(asked)}
    evidence = Evidence(words)
    rows = audit.items
    if only is not None:
        wanted = pa.array(sorted(only), pa.string())
        rows = rows.filter(pc.is_in(rows["account_id"], wanted))
    found: dict[str, list[Json]] = defaultdict(list)
    for row in rows.to_pylist():
        item = asked[row["item"]]
        found[row["account_id"]].append(
            {
                "group": item.group,
                "item": item.code,
                "level": item.level,
                "state": row["state"],
                "quality": row["quality"],
                "rows": row["rows"],
                "rows_ok": row["rows_ok"],
                "evidence": evidence.of(row),
            }
        )
    for items in found.values():
        items.sort(key=lambda entry: order[entry["item"]])
    return found


def _confirmed(
    audit: Audit, answered: Mapping[str, Collection[str]]
) -> dict[str, float]:
    """Give the share of must-items that apply and were confirmed, by account."""
    asked: dict[str, list[str]] = defaultdict(list)
    if answered:
        musts = _musts(audit)
        states = {*STATES} - {"not_applicable"}
        for row in _items(audit, musts, states).to_pylist():
            asked[row["account_id"]].append(row["item"])
    return {
        account: len({*items} & {*asked[account]}) / len(asked[account])
        for account, items in answered.items()
        if asked[account]
    }


def totals(accounts: Sequence[Json]) -> Json:
    """Sum up: accounts without a score are counted and left out of the mean."""
    without = sum(account["score"] is None for account in accounts)
    return {
        "accounts": len(accounts),
        "ready": sum(account["ready"] for account in accounts),
        "score": mean(account["score"] for account in accounts),
        "without_score": without,
    }


def owners_json(accounts: Sequence[Json], people: People) -> list[Json]:
    """Roll one source up by owner; accounts that nobody owns stand under None, last."""
    by_owner: dict[str | None, list[Json]] = defaultdict(list)
    for account in accounts:
        by_owner[account["owner_id"]].append(account)
    return [
        _owner(people, owner, by_owner[owner])
        for owner in sorted(by_owner, key=lambda owner: (owner is None, owner or ""))
    ]


def _owner(people: People, owner: str | None, accounts: Sequence[Json]) -> Json:
    person = people.user(owner)
    summed = totals(accounts)
    return {
        "id": owner,
        "source": accounts[0]["source"],
        "name": people.name(owner) or None,
        "team": person.team if person else None,
        "is_active": people.is_active(owner),
        "accounts": summed["accounts"],
        "ready": summed["ready"],
        "score": summed["score"],
        "weighted_score": _weighted(accounts),
        "groups": {
            group: mean(account["groups"][group] for account in accounts)
            for group in GROUPS
        },
    }


def _weighted(accounts: Iterable[Json]) -> float | None:
    """Weigh scores by what the customers are worth to us."""
    scored = [a for a in accounts if a["score"] is not None and a["value"] > 0]
    whole = fsum(a["value"] for a in scored)
    return fsum(a["score"] * a["value"] for a in scored) / whole if whole else None


def mean(values: Iterable[float | None]) -> float | None:
    """Take the mean of what is known."""
    known = [value for value in values if value is not None]
    return fsum(known) / len(known) if known else None


def worst_first(accounts: Iterable[Row]) -> list[Row]:
    """Choose accounts that are not ready: the lowest score and the largest first."""
    return sorted(
        (account for account in accounts if not account["ready"]),
        key=lambda a: (
            a["score"] is None,
            a["score"] or 0.0,
            -a["value"],
            a["source"],
            a["id"],
        ),
    )


def lacking(account: Row) -> Iterator[Json]:
    """Yield an account's must-items that are not as they should be."""
    for item in account["items"]:
        if item["level"] == "must" and item["state"] in TO_FILL_IN | LACKING:
            yield item
