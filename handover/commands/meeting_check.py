"""``handover meeting check``: days with too many visits in a calendar."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handover.commands.outcome import Result
from handover.commands.plan_result import audience_of
from handover.commands.shell import Shell, command
from handover.errors import ExitCode

if TYPE_CHECKING:
    from rich.console import Console

    from handover.jobs.calendar_check import CalendarCheck


@command("check", example="handover meeting check tanaka.ics --as 田中")
@click.argument("file", metavar="F.ics", type=click.Path(path_type=Path))
def check(shell: Shell, *, file: Path) -> Result:
    """Find days with more visits than a day holds; exit 3 if there are any.

    An event counts as a visit if it is one of ours, if somebody of a customer is
    invited, or if its title or place names a customer. It is the calendar of --as, else
    of the user whose name it bears, else of those who attend.
    """
    from handover.jobs.calendar_check import check_calendar
    from handover.meeting.flags import flag_full_days
    from handover.meeting.heard_view import dump_flag

    checks = check_calendar(shell.workspace, file)
    too_full = [day for each in checks for day in each.found.too_full]
    return Result(
        name="meeting",
        data={
            "flags": [
                dump_flag(flag, audience_of(shell, each.source))
                for each in checks
                for flag in flag_full_days(each.found.too_full)
            ],
            "calendars": [_dump(each) for each in checks],
        },
        text=lambda console: _print(shell, checks, console),
        exit_code=ExitCode.GAPS if too_full else ExitCode.DONE,
        as_of=shell.workspace.as_of,
    )


def _dump(found: "CalendarCheck") -> dict[str, object]:
    """Return for JSON what was counted of a calendar, and what was not."""
    return {
        "source": found.source,
        "from": found.first,
        "to": found.last,
        "days": [
            {
                "person": day.person_id,
                "date": day.date,
                "accounts": day.accounts,
                "visits": len(day.accounts),
                "people": day.people,
                "over": day.is_too_full,
            }
            for day in found.found.days
        ],
        "counted": dict(Counter(visit.how for visit in found.found.visits)),
        "not_counted": found.found.left_out,
    }


def _print(shell: Shell, checks: "Sequence[CalendarCheck]", console: "Console") -> None:
    from handover.plan.plan_list import PlanList
    from handover.plan.terminal import lay_out

    words = shell.words
    for each in checks:
        audience, found = audience_of(shell, each.source), each.found
        rows = [
            (
                audience.day(day.date),
                audience.person(day.person_id),
                f"{len(day.accounts)} / {day.most_visits}",
                f"{day.people} / {day.most_people}",
                words(", ").join(map(audience.account, day.accounts)),
            )
            for day in found.too_full
        ]
        if rows:
            headings = ("Day", "Person", "Customers", "People", "Whom they visit")
            listed = PlanList(
                title=words("Days with more visits than a day holds"),
                headings=tuple(map(words, headings)),
                rows=rows,
            )
            console.print(lay_out(listed))
        else:
            console.print(words("No day has more visits than it holds."))
        for line in _list_counted(shell, each):
            console.print(line, soft_wrap=True)


def _list_counted(shell: Shell, found: "CalendarCheck") -> list[str]:
    """Say what was counted, of which days, and what was not and why."""
    words, days = shell.words, audience_of(shell, found.source).day
    how = Counter(visit.how for visit in found.found.visits)
    counted = words(
        "Counted from {first} to {last}: visits of ours {ours}, customers invited"
        " {invited}, customers named {named}.",
        first=days(found.first),
        last=days(found.last),
        ours=how["ours"],
        invited=how["invited"],
        named=how["named"],
    )
    left = words("; ").join(
        words(f"not-counted:{why}", n=n) for why, n in found.found.left_out.items()
    )
    return [counted, *([words("Not counted: {left}.", left=left)] if left else [])]
