"""Visits to be scheduled, and a judge of schedules that shares no code with them."""

import datetime as dt
import random
from collections import defaultdict
from itertools import pairwise

from hypothesis import strategies as st

from handover.plan.scheduler.calendar import (
    Calendars,
    ClosedDays,
    Days,
    Engagement,
    WorkingDays,
    parse_closed_days,
)
from handover.plan.scheduler.problem import Limits, Need, Slot, VisitProblem
from handover.plan.scheduler.solver import Schedule
from handover.plan.scheduler.travel import Area

MONDAY = dt.date(2027, 3, 1)
COMPANY = WorkingDays(country="JP")
LIMITS = Limits()


def need(account: str = "A1", **known: object) -> Need:
    given: dict[str, object] = {
        "account_id": account,
        "minutes": 35,
        "sellers": ("P", "S"),
        "family": account,
    }
    if "area" in known:
        known["area"] = Area(city=str(known["area"]))
    return Need(**{**given, **known})  # type: ignore[arg-type]  # by keyword


def problem(*musts: Need, **known: object) -> VisitProblem:
    given: dict[str, object] = {
        "musts": musts,
        "start": MONDAY,
        "end": None,
        "calendars": Calendars(company=COMPANY),
        "limits": LIMITS,
    }
    return VisitProblem(**{**given, **known})  # type: ignore[arg-type]  # by keyword


def needs(count: int, **known: object) -> list[Need]:
    return [need(f"A{n:03}", **known) for n in range(count)]


CLOSED = [ClosedDays()] * 6 + [
    parse_closed_days(text) for text in ("水", "月火", "2027-03-01/2027-03-05")
]


@st.composite
def problems(draw: st.DrawFn) -> VisitProblem:
    """Handovers with key accounts, closed days, absences and other plans' visits."""
    absent = draw(st.booleans())
    successors = draw(st.sampled_from([("S",), ("S", "T")]))

    def one(number: int) -> Need:
        successor = draw(st.sampled_from(successors))
        return need(
            f"A{number:03}",
            minutes=draw(st.sampled_from([20, 25, 30, 35, 60])),
            people=draw(st.integers(1, 2)),
            area=draw(st.sampled_from(["東", "西", "南", ""])),
            sellers=(successor,) if absent else ("P", successor),
            manager=draw(st.sampled_from([None, None, None, "M"])),
            closed=draw(st.sampled_from(CLOSED)),
            family=draw(st.sampled_from(["", "", "F1", "F2"])),
            online=draw(st.sampled_from([False] * 5 + [True])),
        )

    everybody = [one(number) for number in range(draw(st.integers(0, 20)))]
    cut = draw(st.integers(0, len(everybody)))
    away = Days(first=dt.date(2027, 3, 3), last=dt.date(2027, 3, 4))
    there = Engagement(
        date=dt.date(2027, 3, 2),
        start=600,
        end=635,
        travel=30,
        area=Area(city="西"),
        people=2,
        online=False,
    )
    calendars = Calendars(
        company=COMPANY,
        absences={"S": [away]} if draw(st.booleans()) else {},
        engagements={"S": [there], "M": [there]} if draw(st.booleans()) else {},
    )
    return problem(
        *everybody[:cut],
        shoulds=tuple(everybody[cut:]),
        calendars=calendars,
        end=draw(st.sampled_from([None, dt.date(2027, 3, 3), dt.date(2027, 3, 31)])),
    )


def broken(problem: VisitProblem, schedule: Schedule) -> list[str]:
    """Name every limit that a schedule breaks, judged without the scheduler's code."""
    wanted = {n.account_id: n for n in (*problem.musts, *problem.shoulds)}
    days: dict[tuple[str, dt.date], list[Engagement]] = defaultdict(list)
    for person, engagements in problem.calendars.engagements.items():
        for engagement in engagements:
            days[person, engagement.date].append(engagement)
    found: list[str] = []
    visits: dict[str, int] = defaultdict(int)
    for account, slot in schedule.slots.items():
        found += wrong_day(problem, wanted[account], slot, schedule)
        entry = Engagement(
            date=slot.date,
            start=slot.start,
            end=slot.end,
            travel=slot.travel,
            area=wanted[account].area,
            people=wanted[account].people,
            online=wanted[account].online,
        )
        for person in wanted[account].persons:
            days[person, slot.date].append(entry)
            is_seller = person in wanted[account].sellers
            visits[person] += is_seller and not wanted[account].uses_reserve
    for (person, day), entries in days.items():
        found += wrong_at_once(person, day, entries)
        found += over_the_limit(problem, person, day, entries)
    slots = int(0.85 * 5 * schedule.days + 1e-9)
    found += [f"{person}: no slack" for person, n in visits.items() if n > slots]
    return found


def wrong_day(
    problem: VisitProblem, need: Need, slot: Slot, schedule: Schedule
) -> list[str]:
    calendars = problem.calendars
    wrong = {
        "not a working day": slot.date not in COMPANY,
        "outside the period": not problem.start <= slot.date <= schedule.end,
        "customer closed": slot.date in need.closed,
        "wrong length": slot.end - slot.start != need.minutes,
        "lunch": slot.start - slot.travel < 780 and slot.end > 720,
        "too early or late": slot.start - slot.travel < 540 or slot.end > 1080,
        "travel online": need.online and slot.travel > 0,
        "absent": any(calendars.is_absent(p, slot.date) for p in need.persons),
    }
    return [f"{need.account_id}: {what}" for what, is_so in wrong.items() if is_so]


def wrong_at_once(person: str, day: dt.date, entries: list[Engagement]) -> list[str]:
    ordered = sorted(entries, key=lambda entry: entry.start)
    return [
        f"{person} {day}: in two places"
        for one, other in pairwise(ordered)
        if other.start - other.travel < one.end
    ]


def over_the_limit(
    problem: VisitProblem, person: str, day: dt.date, entries: list[Engagement]
) -> list[str]:
    if person == "M":
        return [f"M {day}: attends too often"] if len(entries) > 2 else []
    minutes = sum(entry.end - entry.start + entry.travel for entry in entries)
    over = {
        "minutes": minutes > 360,
        "visits": len(entries) > 5,
        "people": sum(entry.people for entry in entries) > 8,
    }
    return [f"{person} {day}: {what}" for what, is_so in over.items() if is_so]


def draw_case(seed: int, least: int = 40, most: int = 60) -> VisitProblem:
    """A handover with all that makes a period hard to shorten.

    Several successors who are away, customers with closed weekdays, a manager who
    attends, cities in one or two regions; in every fourth the predecessor is gone, and
    in every other one the visits are longer and farther apart.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    is_far = seed % 2 == 0
    successors = ("S", "T", "U")[: chance.choice([2, 2, 3])]
    cities = [
        Area(region=chance.choice(["東京都", "東京都", "神奈川県"]), city=f"市{n}")
        for n in range(chance.randint(14, 40) if is_far else chance.randint(4, 14))
    ]
    is_gone = seed % 4 == 3

    def draw(number: int) -> Need:
        area, is_key = (
            chance.choice(cities),
            chance.random() < (0.5 if is_far else 0.25),
        )
        successor = successors[cities.index(area) % len(successors)]
        if chance.random() < 0.15:  # an area that is split
            successor = chance.choice(successors)
        return Need(
            account_id=f"A{number:03}",
            minutes=60 if is_key else chance.choice([20, 25, 30, 35]),
            people=2 if is_key else 1,
            area=area,
            sellers=(successor,) if is_gone else ("P", successor),
            manager="M" if is_key and chance.random() < 0.7 else None,
            closed=parse_closed_days(chance.choice(_OFTEN_CLOSED)),
        )

    def away(most: int) -> list[Days]:
        return [
            Days(first=first, last=first + dt.timedelta(days=chance.randint(0, 4)))
            for first in (
                MONDAY + dt.timedelta(days=chance.randint(0, 24))
                for _ in range(chance.randint(0, most))
            )
        ]

    people = ("M", *successors) if is_gone else ("M", "P", *successors)
    absences = {person: away(3 if person in successors else 2) for person in people}
    visits = tuple(draw(number) for number in range(chance.randint(least, most)))
    calendars = Calendars(company=COMPANY, absences=absences)
    return VisitProblem(
        musts=visits, start=MONDAY, end=None, calendars=calendars, limits=LIMITS
    )


_OFTEN_CLOSED = [
    "",
    "",
    "",
    "水",
    "月火",
    "土日",
    "木金",
    "月水金",
    "2027-03-08/2027-03-12",
]
