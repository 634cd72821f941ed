"""The audit on paper: one page, made for a manager.

Three numbers and a sentence on top, then who, then which accounts, then what to fill
in, owner by owner and with links into the CRM.
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from handover.audit.findings import lacking, mean
from handover.audit.terminal import SIGNS, item_name, meaning, rounded
from handover.i18n import Words
from handover.paper import svg
from handover.paper.pages import page
from handover.policy import GROUPS

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

Json = Mapping[str, Any]


def render(report: Json, words: Words, as_of: dt.date, warnings: Sequence[str]) -> str:
    """Render the page.

    Args:
        report: the data of the JSON, in full.
        words: the reader's language.
        as_of: the rules' today.
        warnings: what the numbers do not show.
    """
    owners = _owners(report, words)
    return page(
        TEMPLATE,
        words,
        report=report,
        as_of=as_of,
        rounded=rounded,
        meaning=meaning(report, words),
        warnings=warnings,
        picture=_picture(owners, words),
        trend=_trend(report.get("trend", ()), words),
        owners=owners,
        groups=[(group, words(f"group:{group}")) for group in GROUPS],
        asked=_asked(report["accounts"], words),
        is_short=len(report["accounts"]) <= OPEN,
        listed=LISTED,
        per_owner=PER_OWNER,
    )


def _owners(report: Json, words: Words) -> list[Json]:
    """Gather each owner's accounts and what there is to fill in, by team and name."""
    accounts: dict[tuple[str, str | None], list[Json]] = defaultdict(list)
    for account in report["accounts"]:
        accounts[account["source"], account["owner_id"]].append(account)
    return sorted(
        (
            _owner(owner, accounts[owner["source"], owner["id"]], words)
            for owner in report["owners"]
        ),
        key=lambda owner: (
            owner["id"] is None,
            owner["team"] or "",
            owner["name"],
            owner["id"] or "",
        ),
    )


def _owner(owner: Json, accounts: Sequence[Json], words: Words) -> Json:
    urgent_first = sorted(accounts, key=_by_urgency)
    looked_at = ((account, list(lacking(account))) for account in urgent_first)
    unfinished = [(account, items) for account, items in looked_at if items]
    count = Counter(item["item"] for _, items in unfinished for item in items)
    return {
        **owner,
        "name": owner["name"] or words("(nobody)"),
        "accounts": len(urgent_first),
        "all": urgent_first,
        "open": len(unfinished),
        "to_fill_in": [
            {**account, "gaps": [_gap(item, words) for item in items]}
            for account, items in unfinished[:PER_OWNER]
        ],
        "gaps": [(item_name(code, words), n) for code, n in count.most_common()],
    }


def _by_urgency(account: Json) -> tuple[object, ...]:
    """Put key and priority accounts first, then the valuable ones."""
    classes = ("key", "priority")
    customer_class = account["customer_class"]
    rank = classes.index(customer_class) if customer_class in classes else len(classes)
    return (account["ready"], rank, -account["value"], account["source"], account["id"])


def _gap(item: Json, words: Words) -> Json:
    return {
        "name": item_name(item["item"], words),
        "sign": SIGNS.get(item["state"], "×"),
        "state": words(f"state:{item['state']}"),
        "text": item["evidence"]["text"],
    }


def _picture(owners: Sequence[Json], words: Words) -> Markup:
    """Draw how complete each group is, by owner, or by team where they are many."""
    rows = [
        (owner["name"], [owner["groups"][group] for group in GROUPS])
        for owner in owners
    ]
    if len(owners) > DRAWN:
        rows = list(_by_team(owners, words))
    columns = [words(f"group:{group}") for group in GROUPS]
    return svg.grid(words("Completeness by owner and group"), columns, rows)


def _by_team(
    owners: Iterable[Json], words: Words
) -> Iterable[tuple[str, list[float | None]]]:
    teams: dict[str, list[Json]] = defaultdict(list)
    for owner in owners:
        teams[owner["team"] or words("(no team)")].extend(owner["all"])
    for team, accounts in sorted(teams.items()):
        yield team, [mean(a["groups"][group] for a in accounts) for group in GROUPS]


def _trend(steps: Iterable[Json], words: Words) -> Markup:
    """Draw the score of all accounts, audit by audit."""
    summed: dict[tuple[str, str], list[Json]] = defaultdict(list)
    for step in steps:
        summed[step["as_of"], step["at"]].append(step)
    points = [
        (as_of, _mean_of_owners(own)) for (as_of, _), own in sorted(summed.items())
    ]
    return svg.line(words("Trend"), points) if len(points) > 1 else Markup("")


def _mean_of_owners(steps: Iterable[Json]) -> float | None:
    """Weigh owners' scores by their accounts."""
    known = [step for step in steps if step["score"] is not None]
    whole = sum(step["accounts"] for step in known)
    return sum(s["score"] * s["accounts"] for s in known) / whole if whole else None


def _asked(accounts: Iterable[Json], words: Words) -> list[Json]:
    """Explain each item, and tell for how many accounts it is there."""
    rows: dict[str, dict[str, Any]] = {}
    for item in (item for account in accounts for item in account["items"]):
        row = rows.setdefault(
            item["item"],
            {
                "group": words(f"group:{item['group']}"),
                "name": item_name(item["item"], words),
                "level": words(item["level"]),
                "text": _rule(item["item"], words),
                "ok": 0,
                "of": 0,
            },
        )
        if item["state"] != "not_applicable":
            row["of"] += 1
            row["ok"] += item["state"] == "ok"
    return list(rows.values())


def _rule(code: str, words: Words) -> str:
    key = f"rule:{code}"
    return words(key if words.has(key) else "rule:own")
