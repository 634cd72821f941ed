"""From the tables of an audit to findings, for the report and for the plan.

Everything is in a fixed order, so that the same mirror gives the same bytes.
"""

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import fsum

import pyarrow as pa
import pyarrow.compute as pc

from handover.audit.engine import STATES, Audit
from handover.audit.evidence import EvidenceTexts, JudgedItem
from handover.audit.model import (
    AccountFinding,
    ItemFinding,
    OwnerFinding,
    Totals,
    mean,
)
from handover.i18n import Words
from handover.mirror.people import People
from handover.policy import GROUPS

TO_FILL_IN = frozenset({"missing", "placeholder", "invalid", "stale"})
"""States that the predecessor can do something about."""
UNJUDGED = frozenset({"unmapped", "unreadable"})
"""States in which nobody can say whether the item is there."""
LACKING = frozenset({"missing", "placeholder", "invalid"}) | UNJUDGED
"""States in which an item is not there."""

WORST = 15
"""Accounts that the terminal lists; the page and the workbook have all."""


@dataclass(frozen=True, kw_only=True)
class AccountScore:
    """What the plan needs to know of an account.

    ``gaps`` are the must-items to fill in; ``groups`` counts the groups that apply.
    """

    score: float | None
    ready: bool
    gaps: tuple[str, ...]
    groups: int
    proposed_class: str | None = None
    """What the policy proposes where the CRM has no classes."""


def scores(audit: Audit) -> dict[str, AccountScore]:
    """Return each account's score, readiness and gaps, by id."""
    gaps = to_fill_in(audit)
    return {
        row["id"]: AccountScore(
            score=row["score"],
            ready=row["ready"],
            gaps=tuple(gaps.get(row["id"], ())),
            groups=sum(row[group] is not None for group in GROUPS),
            proposed_class=row["proposed_class"],
        )
        for row in audit.accounts.to_pylist()
    }


def to_fill_in(audit: Audit) -> dict[str, list[str]]:
    """List each account's must-items that somebody has to fill in, in their order."""
    musts = _musts(audit)
    found: dict[str, list[str]] = defaultdict(list)
    for row in _items(audit, musts, TO_FILL_IN).to_pylist():
        found[row["account_id"]].append(row["item"])
    return {account: sorted(items, key=musts.index) for account, items in found.items()}


def count_to_fill_in(audit: Audit) -> int:
    """Count the must-items to fill in, over all accounts."""
    return len(_items(audit, _musts(audit), TO_FILL_IN))


def count_unjudged(audit: Audit) -> int:
    """Count the must-items that nobody can judge, over all accounts."""
    return len(_items(audit, _musts(audit), UNJUDGED))


def _musts(audit: Audit) -> list[str]:
    return [item.code for item in audit.policy.enabled if item.level == "must"]


def failing(audit: Audit, level: str) -> set[str]:
    """Return the ids of accounts that lack an item: a must, or any for ``should``."""
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
        pc.is_in(rows["item"], _texts(codes)),
        pc.is_in(state, _texts(states)),
    )
    return rows.filter(chosen)


def _texts(values: Collection[str]) -> pa.Array:
    """Return texts as an Arrow array.

    Not by ``pa.array``, which imports pandas to see whether the values come from there:
    that takes longer than judging a few thousand accounts.
    """
    coded = [value.encode() for value in values]
    ends = array("i", [0, *accumulate(map(len, coded))])
    return pa.StringArray.from_buffers(
        len(coded), pa.py_buffer(ends), pa.py_buffer(b"".join(coded))
    )


def account_findings(
    audit: Audit,
    people: People,
    words: Words,
    *,
    answered: Mapping[str, Collection[str]],
    only: Collection[str] | None = None,
) -> list[AccountFinding]:
    """List accounts with groups, items and evidence, by id.

    Args:
        audit: of one source.
        people: names the owners.
        words: the language of the evidence.
        answered: items that the customer confirmed, of the accounts that are being
            handed over.
        only: the accounts whose items are wanted, where not all are shown; the others
            have no items.
    """
    items = _item_findings(audit, words, only)
    confirmed = _confirmed(audit, answered)
    return [
        AccountFinding(
            id=row["id"],
            source=audit.source,
            name=row["name"],
            owner_id=row["owner_id"],
            owner=people.name(row["owner_id"]) or None,
            customer_class=row["customer_class"],
            customer_class_state=row["customer_class_state"],
            proposed_class=row["proposed_class"],
            score=row["score"],
            ready=row["ready"],
            confirmed=confirmed.get(row["id"]),
            value=row["value"],
            url=row["url"],
            groups={group: row[group] for group in GROUPS},
            items=items.get(row["id"], ()),
        )
        for row in audit.accounts.to_pylist()
    ]


def _item_findings(
    audit: Audit, words: Words, only: Collection[str] | None
) -> dict[str, list[ItemFinding]]:
    """Build the items of accounts, each account's in the policy's order."""
    asked = {item.code: item for item in audit.policy.enabled}
    order = {code: position for position, code in enumerate(asked)}
    texts = EvidenceTexts(words, _aside(audit))
    rows = audit.items
    if only is not None:
        rows = rows.filter(pc.is_in(rows["account_id"], _texts(only)))
    found: dict[str, list[ItemFinding]] = defaultdict(list)
    for row in _judged(rows):
        item = asked[row.item]
        found[row.account_id].append(
            ItemFinding(
                group=item.group,
                item=item.code,
                level=item.level,
                state=row.state,
                quality=row.quality,
                rows=row.rows,
                rows_ok=row.rows_ok,
                evidence=texts.of(row),
            )
        )
    for items in found.values():
        items.sort(key=lambda entry: order[entry.item])
    return found


def _aside(audit: Audit) -> dict[tuple[str, str], list[tuple[str, str | None]]]:
    """Return the cells put aside on which items rest, by account and item."""
    found: dict[tuple[str, str], list[tuple[str, str | None]]] = defaultdict(list)
    for row in audit.aside.to_pylist():
        cell = (row["field"], row["value"])
        found[row["account_id"], row["item"]].append(cell)
    return found


def _judged(rows: pa.Table) -> Iterator[JudgedItem]:
    """Read the rows column by column, which takes half the time of row by row."""
    columns = [rows[name].to_pylist() for name in JudgedItem._fields]
    return map(JudgedItem._make, zip(*columns, strict=True))


def _confirmed(
    audit: Audit, answered: Mapping[str, Collection[str]]
) -> dict[str, float]:
    """Return the share of must-items that apply and were confirmed, by account."""
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


def totals(accounts: Sequence[AccountFinding], *, gaps: int, unjudged: int) -> Totals:
    """Sum accounts up; the must-items are counted already."""
    return Totals(
        accounts=len(accounts),
        ready=sum(account.ready for account in accounts),
        score=mean(account.score for account in accounts),
        without_score=sum(account.score is None for account in accounts),
        gaps=gaps,
        unjudged=unjudged,
    )


def owner_findings(
    accounts: Sequence[AccountFinding], people: People
) -> list[OwnerFinding]:
    """Roll one source up by owner; accounts that nobody owns stand under None, last."""
    by_owner: dict[str | None, list[AccountFinding]] = defaultdict(list)
    for account in accounts:
        by_owner[account.owner_id].append(account)
    return [
        _owner(people, owner, by_owner[owner])
        for owner in sorted(by_owner, key=lambda owner: (owner is None, owner or ""))
    ]


def _owner(
    people: People, owner: str | None, accounts: Sequence[AccountFinding]
) -> OwnerFinding:
    person = people.user(owner)
    return OwnerFinding(
        id=owner,
        source=accounts[0].source,
        name=people.name(owner) or None,
        team=person.team if person else None,
        is_active=people.is_active(owner),
        accounts=len(accounts),
        ready=sum(account.ready for account in accounts),
        score=mean(account.score for account in accounts),
        weighted_score=_weighted(accounts),
        groups={
            group: mean(account.groups[group] for account in accounts)
            for group in GROUPS
        },
    )


def _weighted(accounts: Iterable[AccountFinding]) -> float | None:
    """Weigh scores by what the customers are worth to us."""
    scored = [
        (account.score, account.value)
        for account in accounts
        if account.score is not None and account.value > 0
    ]
    whole = fsum(value for _, value in scored)
    return fsum(score * value for score, value in scored) / whole if whole else None


def worst_first(accounts: Iterable[AccountFinding]) -> list[AccountFinding]:
    """List accounts that are not ready: the lowest score and the largest first."""
    return sorted(
        (account for account in accounts if not account.ready),
        key=lambda account: (
            *_how_bad(account.score, account.value),
            account.source,
            account.id,
        ),
    )


def worst_ids(audit: Audit) -> list[str]:
    """List the ids of one source's accounts in the order of ``worst_first``."""
    names = ("id", "ready", "score", "value")
    columns = (audit.accounts[name].to_pylist() for name in names)
    return [
        key
        for *_, key in sorted(
            (*_how_bad(score, value), key)
            for key, ready, score, value in zip(*columns, strict=True)
            if not ready
        )
    ]


def _how_bad(score: float | None, value: float) -> tuple[bool, float, float]:
    return (score is None, score or 0.0, -value)


def lacking(account: AccountFinding) -> Iterator[ItemFinding]:
    """Yield an account's must-items that are not as they should be."""
    for item in account.items:
        if item.level == "must" and item.state in TO_FILL_IN | LACKING:
            yield item
