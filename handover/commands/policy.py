"""``handover policy``: the rules in plain words, and whether they ask too much."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from handover.commands.outcome import Notice, Result
from handover.commands.shell import Shell, command, group

if TYPE_CHECKING:
    from rich.console import Console

    from handover.i18n import Words
    from handover.policy import Item, Policy

MOST_ITEMS = 15
"""More items than this eat selling time (R40)."""
ENTRY_MINUTES = {"must": 2.0, "should": 1.0}
"""What it takes to enter an item once, estimated, by level."""

ITEM_REQUIREMENTS = {
    "contacts": "R11",
    "organisation": "R12",
    "purchases": "R13",
    "opportunities": "R14",
    "interactions": "R15",
}
"""The requirement that each group of information answers."""
OWN_REQUIREMENT = "R16"

REQUIREMENTS = {
    "audit.recent_days_key": "R15",
    "audit.recent_days": "R15",
    "audit.new_account_days": "R15",
    "audit.channel_days": "R11",
    "audit.reason_days": "R13",
    "audit.large_purchase": "R13",
    "audit.next_step_days": "R14",
    "audit.requests_days": "R15",
    "audit.stale_is_ready": "R10",
    "audit.deciding": "R12",
    "placeholders.words": "R10",
    "placeholders.nobody": "R11",
    "placeholders.accepted": "R15",
    "weights.must": "R10",
    "weights.should": "R10",
    "weights.contacts": "R11",
    "weights.organisation": "R12",
    "weights.purchases": "R13",
    "weights.opportunities": "R14",
    "weights.interactions": "R15",
    "classes.key_share": "R24",
    "classes.priority_share": "R24",
    "classes.priority_won_at_most": "R24",
    "plan.large_account": "R26",
    "plan.large_account_percentile": "R26",
    "plan.renewal_days": "R18",
    "plan.silent_days": "R18",
    "plan.long_years": "R4",
    "plan.day": "R42",
    "plan.minutes": "R42",
    "plan.visits": "R42",
    "plan.people": "R42",
    "plan.visit_key": "R28",
    "plan.visit_base": "R28",
    "plan.visit_group": "R28",
    "plan.visit_online": "R28",
    "plan.travel_far": "R28",
    "plan.travel_near": "R28",
    "plan.prepare": "R32",
    "plan.slack": "R17",
    "plan.manager_visits": "R23",
    "plan.expires_days": "R20",
    "plan.blackouts": "R17",
    "transfer.require": "R1",
    "transfer.max_accounts": "R3",
    "transfer.max_share": "R3",
    "transfer.drift_share": "R3",
    "transfer.drift_min": "R3",
    "transfer.undo_by": "R1",
    "transfer.on_behalf": "R20",
    "tasks.enabled": "R37",
    "tasks.approved_by": "R37",
    "tasks.due_days": "R37",
    "tasks.max_new_per_owner": "R37",
}
"""The requirement that each of the other rules serves."""

Json = dict[str, Any]


@group("policy")
def policy() -> None:
    """Show and check the rules."""


@command("show", example="handover policy show", parent=policy)
def show(shell: Shell) -> Result:
    """Print every rule in plain words, with the requirement it comes from."""
    rules, words = shell.workspace.policy, shell.words
    items = [_item(item, words) for item in rules.items]
    numbers = list(_numbers(rules, words))

    def text(console: "Console") -> None:
        title = "policy {version} ({hash})"
        console.print(words(title, version=rules.version, hash=rules.hash[:12]))
        console.print()
        _print_items(items, words, console)
        console.print()
        _print_numbers(numbers, words, console)

    return Result(
        name="policy",
        data={
            "version": rules.version,
            "hash": rules.hash,
            "items": items,
            "rules": numbers,
        },
        text=text,
    )


def _item(item: "Item", words: "Words") -> Json:
    key = f"rule:{item.code}"
    return {
        "item": item.code,
        "group": item.group,
        "level": item.level,
        "enabled": item.enabled,
        "takes": item.takes,
        "if_none": item.if_none,
        "columns": list(item.columns),
        "requirement": (
            OWN_REQUIREMENT if item.is_own else ITEM_REQUIREMENTS[item.group]
        ),
        "text": words(key) if words.has(key) else item.name or words("rule:own"),
    }


def _numbers(rules: "Policy", words: "Words") -> Iterator[Json]:
    for key, requirement in REQUIREMENTS.items():
        section, _, name = key.partition(".")
        value = getattr(getattr(rules, section), name)
        yield {
            "rule": key,
            "value": value,
            "requirement": requirement,
            "text": words(f"rule:{key}", value=_said(value, words)),
        }


def _said(value: object, words: "Words") -> str:
    """Write a value of the policy as people say it."""
    match value:
        case bool():
            return words("yes") if value else words("no")
        case float() if value.is_integer():
            return f"{value:,.0f}"
        case tuple():
            return ", ".join(value) or words("nothing")
        case "":
            return words("nobody")
        case _:
            return str(value)


def _print_items(items: list[Json], words: "Words", console: "Console") -> None:
    from handover.paper.table import Table

    title = words("What is handed over")
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for name in ("Group", "Level", "Is there when", "From"):
        table.add_column(words(name))
    for item in items:
        level = words(item["level"]) if item["enabled"] else words("off")
        group_name = words(f"group:{item['group']}")
        table.add_row(group_name, level, item["text"], item["requirement"])
    console.print(table)


def _print_numbers(numbers: list[Json], words: "Words", console: "Console") -> None:
    from handover.paper.table import Table

    title = words("What else holds")
    table = Table(box=None, pad_edge=False, title=title, title_justify="left")
    for name in ("Rule", "In words", "From"):
        table.add_column(words(name))
    for rule in numbers:
        table.add_row(rule["rule"], rule["text"], rule["requirement"])
    console.print(table)


@command("check", example="handover policy check", parent=policy)
@click.option(
    "--max-items",
    type=int,
    default=MOST_ITEMS,
    show_default=True,
    help="Warn above this number of items.",
)
def check(shell: Shell, *, max_items: int) -> Result:
    """Check the policy: is it sound, and can salespeople keep up with it?"""
    rules = shell.workspace.policy
    enabled = rules.enabled
    minutes = sum(ENTRY_MINUTES[item.level] for item in enabled)
    warnings = []
    if len(enabled) > max_items:
        params = {"count": len(enabled), "most": max_items}
        warnings.append(Notice(code="many_items", params=params))
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
            "most_items": max_items,
            "minutes_per_account": minutes,
        },
        text=lambda console: console.print(said),
        warnings=warnings,
    )
