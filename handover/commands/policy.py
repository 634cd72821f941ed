"""``handover policy``: the rules in plain words, and whether they ask too much."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from handover.commands.shell import Notice, Result, Shell, command, group

if TYPE_CHECKING:
    from rich.console import Console

    from handover.policy import Policy

MOST_ITEMS = 15
"""More items than this eat selling time (R40)."""
ENTRY_MINUTES = {"must": 2.0, "should": 1.0}
"""What one item costs to enter, estimated, by level."""

RULES = (
    ("R11", "audit", "channel_days"),
    ("R13", "audit", "reason_days"),
    ("R26", "audit", "large_purchase"),
    ("R14", "audit", "next_step_days"),
    ("R15", "audit", "recent_days_key"),
    ("R15", "audit", "recent_days"),
    ("R15", "audit", "new_account_days"),
    ("R15", "audit", "requests_days"),
    ("R26", "plan", "large_account"),
    ("R26", "plan", "large_account_percentile"),
    ("R42", "plan", "minutes"),
    ("R42", "plan", "visits"),
    ("R42", "plan", "people"),
    ("R44", "plan", "slack"),
    ("R23", "plan", "manager_visits"),
    ("R20", "plan", "expires_days"),
    ("R1", "transfer", "require"),
    ("R1", "transfer", "max_accounts"),
    ("R3", "transfer", "max_share"),
    ("R3", "transfer", "drift_share"),
    ("R37", "tasks", "enabled"),
)
"""Requirement, section and key of each rule that has a number or a switch."""


@group("policy")
def policy() -> None:
    """Show and check the rules."""


@command("show", example="handover policy show", parent=policy)
def show(shell: Shell) -> Result:
    """Print every rule in plain words, with the requirement it comes from."""
    rules = shell.workspace.policy
    rows = [*_items(shell, rules), *_numbers(shell, rules)]

    def text(console: "Console") -> None:
        from rich.table import Table

        title = shell.words(
            "Policy {version} ({hash})", version=rules.version, hash=rules.hash[:12]
        )
        table = Table(box=None, pad_edge=False, title=title, title_justify="left")
        for name in ("Rule", "Level", "In words", "From"):
            table.add_column(shell.words(name))
        for row in rows:
            table.add_row(row["code"], row["level"], row["text"], row["source"])
        console.print(table)

    data = {"version": rules.version, "hash": rules.hash, "rules": rows}
    return Result(name="policy", data=data, text=text)


def _items(shell: Shell, rules: "Policy") -> Iterator[dict[str, Any]]:
    words = shell.words
    for item in rules.items:
        level = words(item.level) if item.enabled else words("off")
        described = f"rule:{item.code}"
        text = words(described) if words.has(described) else item.name or item.code
        yield {
            "code": item.code,
            "level": level,
            "text": text,
            "source": REQUIREMENT[item.group],
            "enabled": item.enabled,
        }


REQUIREMENT = {
    "contacts": "R11",
    "organisation": "R12",
    "purchases": "R13",
    "opportunities": "R14",
    "interactions": "R15",
}
"""The requirement that each group of information answers."""


def _numbers(shell: Shell, rules: "Policy") -> Iterator[dict[str, Any]]:
    for requirement, section, key in RULES:
        value = getattr(getattr(rules, section), key)
        yield {
            "code": f"{section}.{key}",
            "level": "",
            "text": shell.words(f"rule:{section}.{key}", value=value),
            "source": requirement,
            "enabled": True,
        }


@command("check", example="handover policy check", parent=policy)
@click.option("--max-items", type=int, default=MOST_ITEMS, help="Warn above this.")
def check(shell: Shell, *, max_items: int) -> Result:
    """Check the policy: does it ask more than salespeople can keep up?"""
    rules = shell.workspace.policy
    enabled = rules.enabled
    minutes = sum(ENTRY_MINUTES[item.level] for item in enabled)
    warnings = []
    if len(enabled) > max_items:
        warnings.append(
            Notice(code="many_items", params={"count": len(enabled), "most": max_items})
        )

    def text(console: "Console") -> None:
        said = shell.words(
            "{n} items; entering them takes about {minutes} minutes per account.",
            n=len(enabled),
            minutes=f"{minutes:.0f}",
        )
        console.print(said)

    return Result(
        name="policy",
        data={
            "version": rules.version,
            "hash": rules.hash,
            "items": len(enabled),
            "minutes_per_account": minutes,
        },
        text=text,
        warnings=warnings,
    )
