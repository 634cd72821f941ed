"""A plan on paper: one page that a manager can read, sign and file."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from handover.ledger.states import Mode
from handover.paper.pages import page
from handover.plan.appointments import describe_absences, describe_answers
from handover.plan.decision import RecordedDecision
from handover.plan.lists import list_parts
from handover.plan.model import Plan, Row
from handover.plan.plan_list import PlanList
from handover.plan.scheduler.calendar import WorkingDays
from handover.plan.view import (
    Audience,
    count_modes,
    describe_note,
    describe_plan,
    describe_shortfall,
    list_effects,
    list_head,
    list_legend,
    list_undecided,
    name_decider,
)

TEMPLATE = Path(__file__).with_name("page.html")
_WEEK = dt.timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class PageDay:
    """One day of the calendar; ``works`` is false on holidays and closed days."""

    date: dt.date
    works: bool
    is_kept_free: bool
    """The company works, and visits nobody."""
    in_period: bool
    rows: Sequence[Row]


def list_weeks(plan: Plan, company: WorkingDays) -> Iterator[list[PageDay]]:
    """Yield the weeks of the period, Monday to Friday, with their visits."""
    visits: dict[dt.date, list[Row]] = defaultdict(list)
    for row in plan.rows:
        if row.visit is not None:
            visits[row.visit.date].append(row)
    monday = plan.start - dt.timedelta(days=plan.start.weekday())
    last = max([plan.end, *visits])
    while monday <= last:
        yield [
            PageDay(
                date=date,
                works=date in company,
                is_kept_free=company.find_blackout(date) is not None,
                in_period=plan.start <= date <= plan.end,
                rows=sorted(visits[date], key=_start),
            )
            for date in (monday + dt.timedelta(days=n) for n in range(5))
        ]
        monday += _WEEK


def _start(row: Row) -> str:
    return row.visit.start if row.visit else ""


def plan_page(
    plans: Sequence[Plan],
    decisions: dict[str, list[RecordedDecision]],
    audience: Audience,
    company: WorkingDays,
    zone: ZoneInfo,
    overview: Sequence[PlanList] = (),
) -> str:
    """Write plans as one HTML page.

    Args:
        plans: one, or all of a reorganisation.
        decisions: by plan.
        audience: words and names.
        company: on which days it works.
        zone: in which times are told.
        overview: tables of the whole reorganisation, to stand first.
    """
    return page(
        TEMPLATE,
        audience.words,
        plans=[
            {
                "plan": plan,
                "head": list_head(plan, audience),
                "shortfall": describe_shortfall(plan, audience),
                "sentence": describe_plan(plan, audience),
                "away": describe_absences(plan, audience),
                "answers": describe_answers(plan, audience.words),
                "met": count_modes(plan)[Mode.MEET],
                "informed": count_modes(plan)[Mode.INFORM],
                "days": company.count(plan.start, plan.end),
                "weeks": list(list_weeks(plan, company)),
                "tables": list_parts(plan, audience),
                "legend": list_legend(plan, audience.words),
                "effects": list(list_effects(audience.effects, audience.words)),
                "undecided": list(list_undecided(plan, audience.words)),
                "notes": [describe_note(note, audience.words) for note in plan.notes],
                "decisions": [
                    {
                        "made": made,
                        "when": _local(made.by.at, zone),
                        "who": name_decider(made, audience),
                    }
                    for made in decisions.get(plan.id, [])
                ],
            }
            for plan in plans
        ],
        person=audience.person,
        mark=audience.mark,
        overview=overview,
    )


def _local(at: dt.datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M}"
