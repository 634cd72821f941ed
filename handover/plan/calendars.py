"""The days on which a company and its people can visit."""

from collections.abc import Iterable, Sequence

from handover.config import JAPAN, Config
from handover.mirror.busy_days import BusyDays
from handover.mirror.people import People
from handover.plan.limits import read_time, write_time
from handover.plan.model import Away, Plan
from handover.plan.scheduler.calendar import (
    Calendars,
    Days,
    Engagement,
    WorkingDays,
    parse_days,
)
from handover.plan.scheduler.travel import Area
from handover.plan.visits import list_engagements
from handover.policy import Policy


def list_company_days(config: Config, policy: Policy) -> WorkingDays:
    """Return the days on which the company works, and visits."""
    calendar, rules = config.calendar, policy.plan
    return WorkingDays(
        country=calendar.country,
        closed=tuple(map(parse_days, calendar.closed)),
        blackouts=tuple(map(parse_days, rules.blackouts)),
        month_end=rules.month_end,
        quarter_end=rules.quarter_end,
        fiscal_year_start=calendar.fiscal_year_start,
        closes_at_new_year=calendar.country == JAPAN and not calendar.names_closed_days,
    )


def list_absences(busy: Iterable[BusyDays], known: Iterable[Away]) -> tuple[Away, ...]:
    """List who is away by their calendars.

    Args:
        busy: what calendars say now.
        known: what they said before, of those of whom they say nothing now.
    """
    told = {each.person_id for each in busy}
    return (
        *(each for each in known if each.person not in told),
        *(
            Away(person=each.person_id, first=days.first, last=days.last)
            for each in busy
            for days in each.away
        ),
        *(
            Away(
                person=each.person_id,
                first=day,
                last=day,
                start=write_time(start),
                end=write_time(end),
            )
            for each in busy
            for day, (start, end) in each.partly
        ),
    )


def read_calendars(
    company: WorkingDays,
    people: People,
    persons: Iterable[str | None],
    others: Iterable[Plan],
    known: Sequence[Away],
) -> Calendars:
    """Read the absences and diaries of some people beside the company's days.

    Args:
        company: on which days it works and visits.
        people: with the absences that the company's list has.
        persons: who takes part.
        others: plans that fill their diaries.
        known: their absences by calendar files.
    """
    absences: dict[str, list[Days]] = {}
    engagements = list_engagements(others)
    for person in filter(None, persons):
        own = [each for each in known if each.person == person]
        absences[person] = [
            *(Days(first=a.first, last=a.last) for a in people.absences(person)),
            *(Days(first=a.first, last=a.last) for a in own if a.start is None),
        ]
        busy = [_make_engagement(each) for each in own if each.start is not None]
        if busy:
            engagements[person] = [*engagements.get(person, ()), *busy]
    return Calendars(company=company, absences=absences, engagements=engagements)


def _make_engagement(away: Away) -> Engagement:
    """Keep a part of a day free in somebody's diary."""
    return Engagement(
        date=away.first,
        start=read_time(away.start or "00:00"),
        end=read_time(away.end or "24:00"),
        travel=0,
        area=Area(region="", city=""),
        people=0,
        online=True,
        is_visit=False,
    )
