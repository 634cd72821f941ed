"""The desk in words: one block for each plan that waits for somebody."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

from rich.console import Console

from handover.i18n import Words
from handover.plan.desk import Waiting
from handover.plan.view import Audience
from handover.safe_text import plain


def print_waiting(
    waiting: Iterable[Waiting], audience: Audience, today: dt.date, console: Console
) -> None:
    """Print what plans wait for, of whom, by when, and what stands against it."""
    words = audience.words
    for each in waiting:
        names = ", ".join(map(audience.person, each.persons)) or "-"
        console.print(each.plan.id, style="bold", soft_wrap=True)
        day = audience.day(each.by)
        turn = "settle" if each.is_to_be_settled else each.step
        text = words(f"waits:{turn}", persons=names, day=day)
        console.print(f"  {text}", soft_wrap=True)
        if each.by is not None and each.by < today:
            console.print(f"  △ {words('This day has passed.')}")
        if each.expires is not None:
            until = audience.day(each.expires)
            console.print(f"  {words('The approval counts until {day}.', day=until)}")
        for error in each.blocked:
            said = words.sentence(error)
            console.print(f"  △ {said}", soft_wrap=True)
        console.print(f"  → {each.command}", soft_wrap=True)


def dump_waiting(waiting: Iterable[Waiting], words: Words) -> list[dict[str, Any]]:
    """List for JSON what plans wait for."""
    return [
        {
            "plan": each.plan.id,
            "step": each.step,
            "persons": list(each.persons),
            "by": each.by,
            "expires": each.expires,
            "blocked": [
                {"code": error.code, "message": plain(str(words.sentence(error)))}
                for error in each.blocked
            ],
            "next": each.command,
        }
        for each in waiting
    ]
