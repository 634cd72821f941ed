"""Calendars as a list, as files, and for machines."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from handover.meeting.calendars import PersonCalendar
from handover.paper.calendar_file import write_calendar
from handover.paper.file_names import name_file, number_doubles
from handover.plan.model import Plan
from handover.plan.plan_list import PlanList
from handover.plan.terminal import lay_out
from handover.plan.view import Audience


def print_calendars(
    plan: Plan,
    calendars: Sequence[PersonCalendar],
    audience: Audience,
    console: Console,
) -> None:
    """Print one line for each person's calendar."""
    words = audience.words
    rows = [
        (each.name, str(len(each.meetings) - each.cancelled), str(each.cancelled))
        for each in calendars
    ]
    headings = tuple(map(words, ("Whose calendar", "Meetings", "Cancelled")))
    title = words("Calendars of {plan}", plan=plan.id)
    table = PlanList(title=title, headings=headings, rows=rows, numbers=(1, 2))
    console.print(lay_out(table))
    console.print(words("-o FOLDER writes them as .ics files."), soft_wrap=True)


def write_calendars(
    plan: Plan, calendars: Sequence[PersonCalendar], zone: ZoneInfo, at: datetime
) -> dict[str, bytes]:
    """Write each person's calendar as a file, named by the plan and the person."""
    names = number_doubles(
        name_file(each.name, each.person_id, plan.id, suffix=".ics")
        for each in calendars
    )
    return {
        name: write_calendar(f"{each.name} {plan.id}", each.meetings, zone, at)
        for name, each in zip(names, calendars, strict=True)
    }


def dump_calendar(calendar: PersonCalendar) -> dict[str, Any]:
    """Return a person's calendar for JSON; times are local."""
    return {
        "person": calendar.person_id,
        "person_name": calendar.name,
        "meetings": [asdict(each) for each in calendar.meetings],
    }
