"""The audit on paper: one page, made for a manager.

Three numbers and a sentence on top, then who, then which accounts, then what to fill
in.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handover.audit.findings import TO_FILL_IN
from handover.i18n import Words
from handover.paper import svg
from handover.paper.pages import page
from handover.policy import GROUPS

TEMPLATE = Path(__file__).with_name("page.html")
Json = Mapping[str, Any]


def render(
    report: Json,
    words: Words,
    as_of: dt.date,
    sentence: str,
    warnings: Sequence[str],
) -> str:
    """Render the page.

    Args:
        report: the data of the JSON.
        words: the reader's language.
        as_of: the rules' today.
        sentence: the result in one sentence.
        warnings: what the numbers do not show.
    """
    return page(
        TEMPLATE,
        words,
        report=report,
        as_of=as_of,
        sentence=sentence,
        warnings=warnings,
        picture=_picture(report, words),
        people=[_person(owner, report, words) for owner in report["owners"]],
        rules=_rules(report, words),
    )


def _picture(report: Json, words: Words) -> str:
    """Draw how complete each group is, owner by owner."""
    rows = [
        (owner["name"] or words("(nobody)"), [owner["groups"][g] for g in GROUPS])
        for owner in report["owners"]
    ]
    columns = [words(f"group:{group}") for group in GROUPS]
    return svg.grid(words("Completeness by owner and group"), columns, rows)


def _person(owner: Json, report: Json, words: Words) -> Json:
    """Gather an owner's accounts, those with most to do first."""
    own = [a for a in report["accounts"] if a["owner_id"] == owner["id"]]
    own.sort(key=lambda a: (a["ready"], -a["value"], a["id"]))
    return {
        **owner,
        "name": owner["name"] or words("(nobody)"),
        "open": [
            {**account, "gaps": list(_gaps(account, words))}
            for account in own
            if not account["ready"]
        ],
    }


def _gaps(account: Json, words: Words) -> Sequence[Json]:
    return [
        {
            "item": words(f"item:{item['item']}"),
            "state": words(f"state:{item['state']}"),
            "text": item["evidence"]["text"],
            "must": item["level"] == "must",
        }
        for item in account["items"]
        if item["state"] in TO_FILL_IN | {"unreadable", "unmapped"}
        and item["level"] == "must"
    ]


def _rules(report: Json, words: Words) -> Sequence[Json]:
    """Explain each item, with how many accounts it holds for."""
    rows: dict[str, dict[str, Any]] = {}
    for account in report["accounts"]:
        for item in account["items"]:
            row = rows.setdefault(
                item["item"],
                {
                    "item": words(f"item:{item['item']}"),
                    "text": words(f"rule:{item['item']}"),
                    "level": words(item["level"]),
                    "ok": 0,
                    "of": 0,
                },
            )
            if item["state"] != "not_applicable":
                row["of"] += 1
                row["ok"] += item["state"] == "ok"
    return list(rows.values())
