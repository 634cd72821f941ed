"""The days on which a company and its people can visit."""

from collections.abc import Iterable, Sequence

from handover.config import JAPAN, Config
from handover.mirror.busy_days import BusyDays
from handover.mirror.people import Absence, People
from handover.plan.model import Away, Plan
from handover.plan.scheduler.calendar import Calendars, Days, WorkingDays, parse_days
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
    absences: dict[str, list[Absence | Away]] = {}
    for person in filter(None, persons):
        by_calendar = (each for each in known if each.person == person)
        absences[person] = [*people.absences(person), *by_calendar]
    return Calendars(
        company=company,
        absences={
            person: [Days(first=each.first, last=each.last) for each in away]
            for person, away in absences.items()
        },
        engagements=list_engagements(others),
    )
