"""Where plans stand, in words: one line for each, whom it waits for, what is late."""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from handover.follow.status import Late, PlanStatus
from handover.plan.desk_view import dump_waiting, print_waiting
from handover.plan.naming import name_first
from handover.plan.plan_list import PlanList
from handover.plan.terminal import lay_out
from handover.plan.view import Audience


def print_statuses(
    found: Sequence[PlanStatus],
    audience: Audience,
    today: dt.date,
    console: Console,
) -> None:
    """Print where some plans of one source stand."""
    console.print(lay_out(_list_plans(found, audience)))
    for each in found:
        if each.waits:
            print_waiting(each.waits, audience, today, console)
        for line in list_late(each.overdue, audience):
            console.print(f"  △ {line}", soft_wrap=True)


def _list_plans(found: Sequence[PlanStatus], audience: Audience) -> PlanList:
    words = audience.words
    headings = (
        *("Plan", "State", "Predecessor"),
        *("Met of planned", "Missed", "Accepted", "Owner changed", "Items open"),
    )
    rows = [
        (
            each.plan.id,
            words(f"state:{each.plan.state.value}"),
            audience.person(each.plan.predecessor),
            f"{each.counts.met}/{each.counts.to_meet}",
            str(each.counts.missed),
            f"{each.counts.accepted}/{each.counts.customers}",
            f"{each.counts.owner_changed}/{each.counts.customers}",
            "-" if each.counts.open is None else str(each.counts.open),
        )
        for each in found
    ]
    return PlanList(
        title=words("Where the plans stand"),
        headings=tuple(map(words, headings)),
        rows=rows,
        numbers=(3, 4, 5, 6, 7),
        whole=(0,),
    )


def list_late(overdue: Iterable[Late], audience: Audience) -> Iterator[str]:
    """Yield what is late at customers, since when, and who has to act."""
    words = audience.words
    grouped: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for late in overdue:
        if late.account is not None:
            named = f"{late.account} {audience.short_day(late.by)}"
            grouped.setdefault((late.step, late.persons), []).append(named)
    for (step, persons), names in grouped.items():
        yield words(
            f"late:{step}",
            n=len(names),
            names=name_first(names),
            persons=words(", ").join(map(audience.person, persons)),
        )


def dump_status(status: PlanStatus, audience: Audience) -> dict[str, Any]:
    """Return where a plan stands for JSON."""
    plan, words = status.plan, audience.words
    return {
        "id": plan.id,
        "source": plan.source,
        "version": plan.version,
        "state": plan.state.value,
        "waits_for": [
            {**dumped, "names": _name(dumped["persons"], audience)}
            for dumped in dump_waiting(status.waits, words)
        ],
        "overdue": [
            {**asdict(late), "names": _name(late.persons, audience)}
            for late in status.overdue
        ],
        "counts": asdict(status.counts),
    }


def _name(persons: Sequence[str], audience: Audience) -> list[str]:
    return [audience.person(each) for each in persons]
