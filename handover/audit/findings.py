"""What an audit found, in the names of the JSON (design §12) and for the plan.

Numbers are unrounded; everything is in a fixed order, so that the same mirror gives the
same bytes.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any
from urllib.parse import urlsplit

from handover.audit.engine import Audit
from handover.i18n import Words
from handover.mirror.people import People
from handover.mirror.views import Mirror
from handover.paper.dates import day
from handover.policy import GROUPS, Item

TO_FILL_IN = frozenset({"missing", "placeholder", "invalid", "stale"})
"""States that the predecessor can do something about."""
LACKING = frozenset({"missing", "placeholder", "invalid", "unreadable", "unmapped"})
"""States in which an item does not meet its level (``--fail-on``)."""

Json = dict[str, Any]


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
    musts = [item.code for item in audit.policy.enabled if item.level == "must"]
    gaps: dict[str, list[str]] = defaultdict(list)
    columns = (
        audit.items[name].to_pylist() for name in ("account_id", "item", "state")
    )
    for account, item, state in zip(*columns, strict=True):
        if item in musts and state in TO_FILL_IN:
            gaps[account].append(item)
    return {
        row["id"]: AccountScore(
            score=row["score"],
            ready=row["ready"],
            gaps=tuple(sorted(gaps[row["id"]], key=musts.index)),
            groups=sum(row[group] is not None for group in GROUPS),
        )
        for row in audit.accounts.to_pylist()
    }


def accounts_json(
    audit: Audit, people: People, words: Words, confirmed: Mapping[str, float]
) -> list[Json]:
    """List the accounts with groups, items and evidence."""
    known = {item.code: item for item in audit.policy.enabled}
    order = list(known)
    items: dict[str, list[Json]] = defaultdict(list)
    for row in audit.items.to_pylist():
        items[row["account_id"]].append(_item(row, known[row["item"]], words))
    for own in items.values():
        own.sort(key=lambda item: order.index(item["item"]))
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
            "items": items[row["id"]],
        }
        for row in audit.accounts.to_pylist()
    ]


def _item(row: Mapping[str, Any], item: Item, words: Words) -> Json:
    state, at = row["state"], row["on_date"]
    return {
        "group": item.group,
        "item": item.code,
        "level": item.level,
        "state": state,
        "quality": row["quality"],
        "rows": row["rows"],
        "rows_ok": row["rows_ok"],
        "evidence": {
            "text": evidence(row, words),
            "records": row["records"] or [],
            "at": at,
        },
    }


def evidence(row: Mapping[str, Any], words: Words) -> str:
    """Say in a sentence why an item is in its state."""
    state, at = row["state"], row["on_date"]
    special = f"evidence:{row['item']}:{state}"
    text = special if words.has(special) else f"evidence:{state}"
    parts = [words(text)]
    if row["rows"] is not None and row["rows"] > 1:
        parts.append(words("{ok} of {n}", ok=row["rows_ok"], n=row["rows"]))
    if at is not None:
        parts.append(day(at, words.language))
    return words("; ").join(parts)


def totals(accounts: Sequence[Json]) -> Json:
    """Sum up: accounts without a score are counted and left out of the mean."""
    scored = [a["score"] for a in accounts if a["score"] is not None]
    return {
        "accounts": len(accounts),
        "ready": sum(a["ready"] for a in accounts),
        "score": fmean(scored) if scored else None,
        "without_score": len(accounts) - len(scored),
    }


def owners_json(accounts: Sequence[Json], people: People) -> list[Json]:
    """Roll up by owner; accounts that nobody owns stand under None."""
    by_owner: dict[str | None, list[Json]] = defaultdict(list)
    for account in accounts:
        by_owner[account["owner_id"]].append(account)
    return [
        {
            "id": owner,
            "name": people.name(owner) or None,
            "is_active": people.is_active(owner),
            **{k: v for k, v in totals(own).items() if k != "without_score"},
            "weighted_score": _weighted(own),
            "groups": {
                group: _mean(a["groups"][group] for a in own) for group in GROUPS
            },
        }
        for owner, own in sorted(
            by_owner.items(), key=lambda pair: (pair[0] is None, pair[0] or "")
        )
    ]


def _weighted(accounts: Sequence[Json]) -> float | None:
    """Weigh scores by what the customers are worth to us."""
    scored = [a for a in accounts if a["score"] is not None and a["value"] > 0]
    whole = sum(a["value"] for a in scored)
    if not whole:
        return None
    return float(sum(a["score"] * a["value"] for a in scored) / whole)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def orphans_json(mirror: Mirror) -> list[Json]:
    """List open opportunities that hang on no account of the mirror."""
    rows = mirror.rows(
        "select id, name, owner_id from opportunities "
        "where not coalesce(is_closed, is_won, false) and (account_id is null "
        "or account_id not in (select id from all_accounts)) order by id"
    )
    return [
        {
            "source": mirror.source,
            "object": "opportunities",
            "id": row["id"],
            "name": row["name"],
            "owner_id": row["owner_id"],
        }
        for row in rows
    ]


def unmapped_json(audit: Audit) -> list[Json]:
    """List the columns that items need and this source does not show."""
    return [
        {
            "source": audit.source,
            "table_name": row["table_name"],
            "column_name": row["column_name"],
            "status": row["status"],
            "items": row["items"],
        }
        for row in audit.columns.to_pylist()
        if row["status"] != "mapped"
    ]


def duplicates_json(accounts: Iterable[tuple[str, str, str, str]]) -> list[Json]:
    """List accounts that are likely one customer, by web domain or name.

    Args:
        accounts: source, id, name and website of each.
    """
    groups: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for source, key, name, website in accounts:
        one = {"source": source, "id": key, "name": name}
        for by, value in (("name", plain_name(name)), ("domain", domain(website))):
            if value:
                groups[by, value].append(one)
    found: list[Json] = []
    for (by, value), same in sorted(groups.items()):
        if len(same) > 1:
            crowded = len(same) > 2
            found.append(
                {"by": by, "value": value, "ambiguous": crowded, "accounts": same}
            )
    return found


def plain_name(name: str) -> str:
    """Take the legal form, width, case and blanks out of a company's name."""
    text = unicodedata.normalize("NFKC", name).casefold()
    forms = (
        r"株式会社|有限会社|合同会社|\(株\)|\(有\)|\b(co|ltd|inc|corp|llc|gmbh|kk)\b\.?"
    )
    return re.sub(rf"{forms}|[\s.,・]", "", text)


def domain(website: str) -> str:
    """Give the domain of a website, without www."""
    text = website.strip().lower()
    if not text:
        return ""
    host = urlsplit(text if "://" in text else f"//{text}").hostname or ""
    return host.removeprefix("www.")


def shared_people(mirror: Mirror) -> list[Json]:
    """List persons who stand on several accounts."""
    rows = mirror.rows(
        "select id, any_value(name) as name, "
        "list(account_id order by account_id) as ids "
        "from people group by id having count(*) > 1 order by id"
    )
    return [
        {
            "source": mirror.source,
            "contact_id": row["id"],
            "name": row["name"],
            "account_ids": row["ids"],
        }
        for row in rows
    ]


def failing(accounts: Iterable[Json], level: str) -> Iterator[str]:
    """Yield accounts that lack an item at a level; ``should`` includes ``must``."""
    levels: Collection[str] = {"must": ("must",), "should": ("must", "should")}[level]
    for account in accounts:
        if any(
            item["level"] in levels and item["state"] in LACKING
            for item in account["items"]
        ):
            yield account["id"]
