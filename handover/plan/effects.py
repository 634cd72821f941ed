"""What a CRM does of its own accord when a plan is carried out, in words (P22)."""

from collections.abc import Iterable, Iterator
from typing import Any

from rich.console import Console

from connectors.effects import SideEffect
from handover.i18n import Words
from handover.paper.table import Table


def effect_lines(
    effects: Iterable[SideEffect], words: Words
) -> Iterator[tuple[str, str]]:
    """Yield for each effect whether it happens, and what it is."""
    for effect in effects:
        yield words(f"happens:{effect.happens}"), _text(effect, words)


def effects_json(effects: Iterable[SideEffect], words: Words) -> list[dict[str, Any]]:
    """Give the effects for JSON."""
    return [
        {
            "code": effect.code,
            "of": effect.of,
            "happens": effect.happens,
            "by": effect.by or None,
            "text": _text(effect, words),
        }
        for effect in effects
    ]


def print_effects(
    effects: Iterable[SideEffect], words: Words, console: Console
) -> None:
    """Print the effects, one a line."""
    listed = list(effect_lines(effects, words))
    if not listed:
        return
    console.print(words("What the CRM does of its own accord"), style="bold")
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column()
    for happens, text in listed:
        table.add_row(f"  [{happens}]", text)
    console.print(table)


def _text(effect: SideEffect, words: Words) -> str:
    return words(f"effect:{effect.code}", by=effect.by)
