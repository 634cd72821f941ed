"""``handover policy``: the rules in plain words, and whether they ask too much."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Notice, Result
from handover.commands.shell import Shell, command, group

if TYPE_CHECKING:
    from rich.console import Console

    from handover.i18n import Words
    from handover.policy import Item, Policy

MOST_ITEMS = 15
"""More must-items than this cost salespeople too much of their selling time."""
ENTRY_MINUTES = {"must": 2.0, "should": 1.0}
"""What it takes to enter an item once, estimated, by level."""


@dataclass(frozen=True, kw_only=True)
class ItemText:
    """An item of the policy, and when it counts as present, in words."""

    item: "Item"
    text: str

    def as_json(self) -> dict[str, object]:
        """Return the item under its names in the policy file."""
        item = self.item
        return {
            "item": item.code,
            "group": item.group,
            "level": item.level,
            "enabled": item.enabled,
            "takes": item.takes,
            "if_none": item.if_none,
            "columns": list(item.columns),
            "text": self.text,
        }


@dataclass(frozen=True, kw_only=True)
class RuleText:
    """Another rule of the policy, by its key in the file, in words."""

    rule: str
    value: object
    text: str


@group("policy")
def policy() -> None:
    """Show and check the rules."""


@command("show", example="handover policy show", parent=policy)
def show(shell: Shell) -> Result:
    """Print every rule in plain words."""
    rules, words = shell.workspace.policy, shell.words
    items = [_item_text(rules, item, words) for item in rules.items]
    others = list(_other_rules(rules, words))

    def text(console: "Console") -> None:
        title = "policy {version} ({hash})"
        console.print(words(title, version=rules.version, hash=rules.hash[:12]))
        console.print()
        _print_items(items, words, console)
        console.print()
        _print_others(others, words, console)

    return Result(
        name="policy",
        data={
            "version": rules.version,
            "hash": rules.hash,
            "items": [one.as_json() for one in items],
            "rules": others,
        },
        text=text,
    )


def _item_text(rules: "Policy", item: "Item", words: "Words") -> ItemText:
    text = rules.item_rule(item, words)
    return ItemText(item=item, text=f"{item.name}: {text}" if item.name else text)


def _other_rules(rules: "Policy", words: "Words") -> Iterator[RuleText]:
    """Yield what the sections of the policy say, in the order of the file."""
    from handover.policy import PolicySection

    for section, content in rules:
        if isinstance(content, PolicySection):
            for name, value in content:
                key = f"{section}.{name}"
                text = words(f"policy:{key}", value=_said(value, words))
                yield RuleText(rule=key, value=value, text=text)


def _said(value: object, words: "Words") -> str:
    """Write a value of the policy as people say it."""
    match value:
        case bool():
            return words("yes") if value else words("no")
        case float() if value.is_integer():
            return f"{value:,.0f}"
        case tuple():
            return ", ".join(value) or words("nothing")
        case dict():
            pairs = (f"{pair}: {minutes}" for pair, minutes in value.items())
            return ", ".join(pairs) or words("nothing")
        case "":
            return words("nobody")
        case _:
            return str(value)


def _print_items(items: Iterable[ItemText], words: "Words", console: "Console") -> None:
    from handover.paper.table import Table

    title = words("What is handed over")
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for name in ("Group", "Level", "Is there when"):
        table.add_column(words(name))
    for one in items:
        level = words(one.item.level) if one.item.enabled else words("off")
        table.add_row(words(f"group:{one.item.group}"), level, one.text)
    console.print(table)


def _print_others(
    rules: Iterable[RuleText], words: "Words", console: "Console"
) -> None:
    from handover.paper.table import Table

    title = words("What else holds")
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for name in ("Rule", "In words"):
        table.add_column(words(name))
    for one in rules:
        table.add_row(one.rule, one.text)
    console.print(table)


@command("check", example="handover policy check", parent=policy)
@click.option(
    "--max-items",
    type=int,
    default=MOST_ITEMS,
    show_default=True,
    help="Warn above this number of must-items.",
)
def check(shell: Shell, *, max_items: int) -> Result:
    """Check the policy: is it sound, and can salespeople keep up with it?"""
    rules = shell.workspace.policy
    enabled = rules.enabled
    minutes = sum(ENTRY_MINUTES[item.level] for item in enabled)
    warnings = []
    musts = sum(item.level == "must" for item in enabled)
    if musts > max_items:
        params = {"count": musts, "most": max_items}
        warnings.append(Notice(code="many_items", params=params))
    if rules.tasks.enabled and not rules.tasks.approved_by.strip():
        warnings.append(Notice(code="tasks_unsigned"))
    said = shell.words(
        "{n} items; to enter them takes about {minutes} minutes for each account.",
        n=len(enabled),
        minutes=f"{minutes:.0f}",
    )
    return Result(
        name="policy",
        data={
            "version": rules.version,
            "hash": rules.hash,
            "items": len(enabled),
            "must_items": musts,
            "most_items": max_items,
            "minutes_per_account": minutes,
        },
        text=lambda console: console.print(said),
        warnings=warnings,
    )
