"""The audit on paper: one page, made for a manager.

Three numbers and a sentence on top, then who, then which accounts, then what to fill
in, owner by owner and with links into the CRM.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from handover.audit.findings import lacking
from handover.audit.model import (
    AccountFinding,
    AuditReport,
    ItemFinding,
    OwnerFinding,
    TrendStep,
    mean,
)
from handover.audit.terminal import meaning, rounded, sign_of, unjudged
from handover.i18n import Words
from handover.paper import svg
from handover.paper.pages import page
from handover.policy import GROUPS, Policy

TEMPLATE = Path(__file__).with_name("page.html")
DRAWN = 40
"""Owners drawn one by one; of more, the teams are."""
LISTED = 100
"""Rows of a list beside the score; the JSON has all."""
PER_OWNER = 200
"""Accounts of an owner that are listed, the most urgent: nobody reads more on a page,
and no browser shows a hundred thousand. The workbook and the JSON have all."""
OPEN = 60
"""Accounts up to which the lists are unfolded."""


@dataclass(frozen=True, kw_only=True)
class GapLine:
    """An item to fill in, as it is shown."""

    name: str
    sign: str
    text: str


@dataclass(frozen=True, kw_only=True)
class AccountGaps:
    """An account with what there is to fill in."""

    account: AccountFinding
    gaps: Sequence[GapLine]


@dataclass(frozen=True, kw_only=True)
class OwnerChapter:
    """What the page has of one owner.

    ``listed`` are their accounts, the most urgent first, ``to_fill_in`` the first of
    the ``open`` ones; ``gaps`` counts the items that their accounts lack.
    """

    found: OwnerFinding
    name: str
    listed: Sequence[AccountFinding]
    open: int
    to_fill_in: Sequence[AccountGaps]
    gaps: Sequence[tuple[str, int]]


@dataclass(kw_only=True)
class ItemLine:
    """An item with its rule, and for how many of the accounts asked it is there."""

    group: str
    name: str
    level: str
    text: str
    ok: int = 0
    of: int = 0


def render(
    report: AuditReport,
    words: Words,
    as_of: dt.date,
    warnings: Sequence[str],
    mark: str = "",
) -> str:
    """Render the page.

    Args:
        report: what was found, with the items of all accounts.
        words: the reader's language.
        as_of: the rules' today.
        warnings: what the numbers do not show.
        mark: what the page is not, for all to see: no record of real decisions, say.
    """
    owners = _owners(report, words)
    return page(
        TEMPLATE,
        words,
        report=report,
        as_of=as_of,
        mark=mark,
        rounded=rounded,
        meaning=meaning(report, words),
        unjudged=unjudged(report, words) if report.totals.unjudged else None,
        warnings=warnings,
        picture=_picture(owners, words),
        trend=_trend(report.trend or (), words),
        owners=owners,
        groups=[(group, words(f"group:{group}")) for group in GROUPS],
        asked=_asked(report, words),
        is_short=len(report.accounts) <= OPEN,
        listed=LISTED,
        per_owner=PER_OWNER,
    )


def _owners(report: AuditReport, words: Words) -> list[OwnerChapter]:
    """Gather each owner's accounts and what there is to fill in, by team and name."""
    accounts: dict[tuple[str, str | None], list[AccountFinding]] = defaultdict(list)
    for account in report.accounts:
        accounts[account.source, account.owner_id].append(account)
    chapters = [
        _owner(owner, accounts[owner.source, owner.id], report.policy, words)
        for owner in report.owners
    ]
    return sorted(
        chapters,
        key=lambda chapter: (
            chapter.found.id is None,
            chapter.found.team or "",
            chapter.name,
            chapter.found.id or "",
        ),
    )


def _owner(
    owner: OwnerFinding,
    accounts: Sequence[AccountFinding],
    policy: Policy,
    words: Words,
) -> OwnerChapter:
    urgent_first = sorted(accounts, key=_by_urgency)
    looked_at = ((account, list(lacking(account))) for account in urgent_first)
    unfinished = [(account, items) for account, items in looked_at if items]
    count = Counter(item.item for _, items in unfinished for item in items)
    return OwnerChapter(
        found=owner,
        name=owner.name or words("(nobody)"),
        listed=urgent_first,
        open=len(unfinished),
        to_fill_in=[
            AccountGaps(
                account=account, gaps=[_gap(item, policy, words) for item in items]
            )
            for account, items in unfinished[:PER_OWNER]
        ],
        gaps=[(policy.item_name(code, words), n) for code, n in count.most_common()],
    )


def _by_urgency(account: AccountFinding) -> tuple[object, ...]:
    """Put key and priority accounts first, then the valuable ones."""
    classes = ("key", "priority")
    customer_class = account.customer_class
    rank = classes.index(customer_class) if customer_class in classes else len(classes)
    return (account.ready, rank, -account.value, account.source, account.id)


def _gap(item: ItemFinding, policy: Policy, words: Words) -> GapLine:
    return GapLine(
        name=policy.item_name(item.item, words),
        sign=sign_of(item.state),
        text=item.evidence.text,
    )


def _picture(owners: Sequence[OwnerChapter], words: Words) -> Markup:
    """Draw how complete each group is, by owner, or by team where they are many."""
    rows = [
        (owner.name, [owner.found.groups[group] for group in GROUPS])
        for owner in owners
    ]
    if len(owners) > DRAWN:
        rows = list(_by_team(owners, words))
    columns = [words(f"group:{group}") for group in GROUPS]
    return svg.grid(words("Completeness by owner and group"), columns, rows)


def _by_team(
    owners: Iterable[OwnerChapter], words: Words
) -> Iterable[tuple[str, list[float | None]]]:
    teams: dict[str, list[AccountFinding]] = defaultdict(list)
    for owner in owners:
        teams[owner.found.team or words("(no team)")].extend(owner.listed)
    for team, accounts in sorted(teams.items()):
        yield team, [mean(a.groups[group] for a in accounts) for group in GROUPS]


def _trend(steps: Iterable[TrendStep], words: Words) -> Markup:
    """Draw the score of all accounts, audit by audit."""
    summed: dict[tuple[str, str], list[TrendStep]] = defaultdict(list)
    for step in steps:
        summed[step.as_of, step.at].append(step)
    points = [
        (as_of, _mean_of_owners(own)) for (as_of, _), own in sorted(summed.items())
    ]
    return svg.line(words("Trend"), points) if len(points) > 1 else Markup("")


def _mean_of_owners(steps: Iterable[TrendStep]) -> float | None:
    """Weigh owners' scores by their accounts."""
    known = [(step.score, step.accounts) for step in steps if step.score is not None]
    whole = sum(accounts for _, accounts in known)
    return sum(score * n for score, n in known) / whole if whole else None


def _asked(report: AuditReport, words: Words) -> list[ItemLine]:
    """List the items asked with their rules, and count where each is there."""
    lines: dict[str, ItemLine] = {}
    asked = {item.code: item for item in report.policy.enabled}
    for found in (item for account in report.accounts for item in account.items):
        line = lines.get(found.item)
        if line is None:
            line = lines[found.item] = ItemLine(
                group=words(f"group:{found.group}"),
                name=report.policy.item_name(found.item, words),
                level=words(found.level),
                text=report.policy.item_rule(asked[found.item], words),
            )
        if found.state != "not_applicable":
            line.of += 1
            line.ok += found.state == "ok"
    return list(lines.values())
