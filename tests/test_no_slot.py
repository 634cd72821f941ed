import datetime as dt
from collections import Counter
from dataclasses import replace

import pytest

from handover.plan.scheduler.calendar import (
    Calendars,
    Days,
    Engagement,
    parse_closed_days,
)
from handover.plan.scheduler.problem import Limits, Need, Slot, VisitProblem
from handover.plan.scheduler.refusals import NoSlot, find_refusal, list_refusals
from handover.plan.scheduler.solver import solve
from handover.plan.scheduler.travel import Area
from tests.worlds.visit_problems import COMPANY, MONDAY, need, needs, problem

TUESDAY = dt.date(2027, 3, 2)
FRIDAY = dt.date(2027, 3, 5)


def refusal(asked: Need, *others: Need, **known: object) -> NoSlot | None:
    """Why a visit finds no slot beside others that take place as soon as possible."""
    beside = problem(*others, **{"end": FRIDAY, "soon": True, **known})
    schedule = solve(beside)
    both = replace(beside, musts=(*beside.musts, asked))
    return find_refusal(both, schedule.slots, schedule.days, asked)


@pytest.mark.parametrize(
    ("asked", "others", "known", "cause"),
    [
        (
            need("B", date=dt.date(2027, 3, 6)),
            (),
            {},
            NoSlot(code="not_working_day", date=dt.date(2027, 3, 6)),
        ),
        (
            need("B", date=dt.date(2027, 3, 8)),
            (),
            {},
            NoSlot(code="outside_period", date=dt.date(2027, 3, 8)),
        ),
        (
            need("B", date=dt.date(2027, 2, 26)),
            (),
            {},
            NoSlot(code="outside_period", date=dt.date(2027, 2, 26)),
        ),
        (
            need("B", date=MONDAY, closed=parse_closed_days("月")),
            (),
            {},
            NoSlot(code="customer_closed", date=MONDAY),
        ),
        (
            need("B", date=MONDAY, manager="M"),
            (),
            {
                "calendars": Calendars(
                    company=COMPANY, absences={"M": [Days(first=MONDAY, last=MONDAY)]}
                )
            },
            NoSlot(code="away", date=MONDAY, person="M"),
        ),
        (
            need("B", date=MONDAY),
            needs(8, minutes=20),
            {},
            NoSlot(code="visits", date=MONDAY, person="P", limit=5),
        ),
        (
            need("B", date=MONDAY, people=3),
            needs(4, minutes=20, people=2),
            {},
            NoSlot(code="people", date=MONDAY, person="P", limit=8),
        ),
        (
            need("B", date=MONDAY, minutes=60),
            needs(4, minutes=60),
            {},
            NoSlot(code="minutes", date=MONDAY, person="P", limit=360),
        ),
        (
            need("B", date=MONDAY, manager="M"),
            needs(2, manager="M"),
            {},
            NoSlot(code="manager_visits", date=MONDAY, person="M", limit=2),
        ),
        (
            need("B", date=MONDAY, time=1060),
            (),
            {},
            NoSlot(code="outside_hours", date=MONDAY, start=1030),
        ),
        (
            need("B", date=MONDAY, time=600),
            needs(1),
            {},
            NoSlot(code="busy", date=MONDAY, person="P", start=540, end=605),
        ),
        (
            need("B", closed=parse_closed_days("月火水木金")),
            (),
            {},
            NoSlot(code="customer_closed", days=5),
        ),
        (need("B"), needs(21), {}, NoSlot(code="reserve", person="P", limit=21)),
    ],
)
def test_a_visit_without_a_slot_has_one_true_cause(
    asked: Need, others: tuple[Need, ...], known: dict[str, object], cause: NoSlot
) -> None:
    assert refusal(asked, *others, **known) == cause


def test_a_visit_that_fits_has_no_cause() -> None:
    assert refusal(need("B", date=MONDAY), *needs(3)) is None
    assert refusal(need("B", date=TUESDAY, time=900), *needs(5)) is None


def test_a_visit_that_a_person_decided_may_use_what_is_kept_for_changes() -> None:
    full = needs(21, minutes=20)
    assert refusal(need("B"), *full) == NoSlot(code="reserve", person="P", limit=21)
    decided = need("B", use_reserve=True)
    assert refusal(decided, *full) is None
    schedule = solve(problem(*full, decided, end=FRIDAY))
    assert "B" in schedule.slots
    assert {(r.person, r.used, r.decided) for r in schedule.rooms} == {
        ("P", 21, 1),
        ("S", 21, 1),
    }


def test_visits_of_other_plans_are_a_cause_as_well() -> None:
    there = [
        Engagement(
            date=MONDAY,
            start=start,
            end=start + 60,
            travel=0,
            area=Area(),
            people=1,
            online=False,
        )
        for start in (540, 600, 660, 780, 840)
    ]
    busy = Calendars(company=COMPANY, engagements={"S": there})
    asked = need("B", date=MONDAY)
    cause = NoSlot(code="visits", date=MONDAY, person="S", limit=5)
    assert refusal(asked, calendars=busy) == cause
    alone = problem(end=FRIDAY, calendars=busy)
    assert find_refusal(alone, {}, 5, asked) == cause


def test_a_manager_who_attends_nothing_is_the_cause() -> None:
    never = Limits(manager_visits=0)
    asked = need("B", date=MONDAY, manager="M")
    cause = NoSlot(code="manager_visits", date=MONDAY, person="M", limit=0)
    assert refusal(asked, limits=never) == cause
    assert solve(problem(asked, end=FRIDAY, limits=never)).slots == {}


def test_all_that_find_no_slot_are_told_why() -> None:
    asked = problem(*needs(12, minutes=20), end=TUESDAY)
    schedule = solve(asked)
    refused = list_refusals(asked, schedule.slots, schedule.days)
    assert sorted(refused) == [f"A{n:03}" for n in range(8, 12)]
    assert set(refused.values()) == {NoSlot(code="reserve", person="P", limit=8)}


def test_the_slots_of_a_period_are_days_times_visits_less_what_is_kept() -> None:
    away = Calendars(
        company=COMPANY, absences={"S": [Days(first=MONDAY, last=TUESDAY)]}
    )
    schedule = solve(problem(*needs(5), end=dt.date(2027, 3, 10), calendars=away))
    for room in schedule.rooms:
        assert (room.days, room.visits_a_day, room.slots, room.kept) == (6, 5, 30, 5)
        assert (room.taken, room.used, room.decided) == (0, 5, 0)


def agreed_problem(**known: object) -> VisitProblem:
    slot = Slot(date=TUESDAY, start=600, end=635, travel=30)
    return problem(*needs(6), need("B", agreed=slot), end=FRIDAY, **known)


def test_what_a_customer_agreed_to_stands_whatever_happens() -> None:
    away = Calendars(
        company=COMPANY, absences={"S": [Days(first=TUESDAY, last=TUESDAY)]}
    )
    for asked in (agreed_problem(), agreed_problem(calendars=away)):
        slot = solve(asked).slots["B"]
        assert (slot.date, slot.start) == (TUESDAY, 600)


def test_a_time_that_a_person_set_is_kept() -> None:
    slot = solve(problem(*needs(6), need("B", date=TUESDAY, time=840))).slots["B"]
    assert (slot.date, slot.start, slot.travel) == (TUESDAY, 840, 10)


def test_a_date_far_away_does_not_lengthen_the_shortest_period() -> None:
    far = need("B", date=dt.date(2027, 3, 30))
    schedule = solve(problem(*needs(17), far))
    assert schedule.minimum_days == 4
    assert schedule.end == dt.date(2027, 3, 30)
    assert "B" in schedule.slots


def test_visits_are_spread_over_a_long_period() -> None:
    schedule = solve(problem(*needs(11), end=dt.date(2027, 3, 31)))
    dates = sorted(slot.date for slot in schedule.slots.values())
    assert len(set(dates)) == 11
    assert (dates[0], dates[-1]) == (MONDAY, dt.date(2027, 3, 31))
    even = solve(problem(*needs(21), end=FRIDAY))
    by_day = Counter(slot.date for slot in even.slots.values())
    assert sorted(by_day.values()) == [4, 4, 4, 4, 5]
    soon = solve(problem(*needs(11), end=dt.date(2027, 3, 31), soon=True))
    assert len({slot.date for slot in soon.slots.values()}) == 3
