import datetime as dt
import random
from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handover.plan.scheduler.calendar import (
    Calendars,
    Days,
    Engagement,
    parse_closed_days,
)
from handover.plan.scheduler.problem import Limits, VisitProblem
from handover.plan.scheduler.solver import Schedule, solve
from handover.plan.scheduler.travel import Area, Travel
from tests.worlds.visit_problems import (
    COMPANY,
    MONDAY,
    broken,
    need,
    needs,
    problem,
    problems,
)

some = settings(max_examples=25, deadline=None)


@some
@given(problems())
def test_no_limit_is_ever_broken(problem: VisitProblem) -> None:
    assert broken(problem, solve(problem)) == []


@some
@given(problems())
def test_the_same_problem_has_the_same_schedule(problem: VisitProblem) -> None:
    shuffled = replace(problem, end=problem.end)
    assert solve(problem) == solve(shuffled)


@some
@given(problems(), st.integers(0, 3))
def test_planning_again_with_the_minimum_or_more_places_every_must(
    problem: VisitProblem, more: int
) -> None:
    minimum = solve(problem).minimum_days
    assume(minimum is not None)
    assert minimum is not None
    longer = replace(problem, end=problem.days[minimum - 1 + more])
    slots = solve(longer).slots
    assert {n.account_id for n in problem.musts} <= slots.keys()


@some
@given(problems())
def test_a_period_below_the_minimum_never_holds_every_must(
    problem: VisitProblem,
) -> None:
    minimum = solve(problem).minimum_days
    assume(minimum is not None and minimum > 1)
    assert minimum is not None
    shorter = replace(problem, end=problem.days[minimum - 2])
    schedule = solve(shorter)
    assert not {n.account_id for n in problem.musts} <= schedule.slots.keys()
    assert schedule.minimum_days == minimum


@some
@given(problems())
def test_the_bound_is_never_above_the_minimum(problem: VisitProblem) -> None:
    schedule = solve(problem)
    assert schedule.minimum_days is None or schedule.bound.days <= schedule.minimum_days


@some
@given(problems(), st.data())
def test_what_is_kept_stays_where_it_is_when_one_visit_is_dropped(
    problem: VisitProblem, data: st.DataObject
) -> None:
    before = solve(problem)
    assume(len(before.slots) == len(problem.musts) + len(problem.shoulds) > 1)
    dropped = data.draw(st.sampled_from(sorted(before.slots)))
    again = replace(
        problem,
        musts=tuple(n for n in problem.musts if n.account_id != dropped),
        shoulds=tuple(n for n in problem.shoulds if n.account_id != dropped),
        kept={a: s for a, s in before.slots.items() if a != dropped},
        end=before.end,
    )
    after = solve(again)
    assert broken(again, after) == []
    moved = {a for a, s in after.slots.items() if s.date != before.slots[a].date}
    assert moved <= same_day_as(before, dropped)


def same_day_as(schedule: Schedule, account: str) -> set[str]:
    """Visits of that day may follow a longer way now, and need another place."""
    day = schedule.slots[account].date
    return {a for a, slot in schedule.slots.items() if slot.date == day}


def test_a_day_holds_five_visits_and_the_period_keeps_its_slack() -> None:
    schedule = solve(problem(*needs(17)))
    assert schedule.minimum_days == 4
    assert max(slots_by_day(schedule).values()) == 5


def slots_by_day(schedule: Schedule) -> dict[dt.date, int]:
    days: dict[dt.date, int] = defaultdict(int)
    for slot in schedule.slots.values():
        days[slot.date] += 1
    return days


def test_the_first_visit_of_a_day_is_a_long_way_off_and_the_next_is_near() -> None:
    schedule = solve(problem(*needs(2, area="横浜")))
    first, second = sorted(schedule.slots.values())
    assert (first.start, first.travel) == (570, 30)
    assert (second.start, second.travel) == (first.end + 10, 10)


def test_four_visits_of_an_hour_fill_a_day() -> None:
    schedule = solve(problem(*needs(8, minutes=60, area="横浜")))
    assert sorted(slots_by_day(schedule).values()) == [4, 4]


def test_eighty_customers_do_not_fit_into_two_days() -> None:
    towns = [need(f"A{n:02}", area=f"町{n % 58}") for n in range(80)]
    schedule = solve(problem(*towns, end=dt.date(2027, 3, 2)))
    assert len(schedule.slots) == 8
    assert schedule.minimum_days == 19
    assert (schedule.bound.days, schedule.bound.why) == (19, "visits")
    assert set(schedule.slots) == {f"A{n:02}" for n in range(8)}


def test_the_bound_counts_minutes_where_they_are_what_runs_out() -> None:
    schedule = solve(problem(*needs(40, minutes=60, area="横浜")))
    assert (schedule.bound.days, schedule.bound.why) == (10, "minutes")
    longer = solve(problem(*needs(40, minutes=120, area="横浜")))
    assert longer.bound.why == "minutes"
    assert longer.bound.days == 20 == longer.minimum_days


def test_a_day_of_meetings_online_has_no_morning_on_the_road() -> None:
    online = needs(22, minutes=30, online=True)
    visit = need("B1", minutes=30, area="横浜")
    roomy = Limits(visits=22, people=23, slack=Fraction(0))
    schedule = solve(problem(*online, visit, limits=roomy))
    assert (schedule.bound.days, schedule.minimum_days) == (2, 2)


def test_one_rule_of_travel_places_visits_and_proves_the_bound() -> None:
    far = Limits(travel=Travel(far=90, near=60))
    schedule = solve(problem(*needs(4, minutes=60, area="横浜"), limits=far))
    assert [slot.travel for slot in sorted(schedule.slots.values())] == [90, 60] * 2
    assert schedule.bound.days == 2 == schedule.minimum_days


def test_a_way_takes_longer_to_another_region_and_what_the_policy_says_of_a_pair() -> (
    None
):
    shinjuku, shibuya = Area("東京都", "新宿区"), Area("東京都", "渋谷区")
    fukuoka, unknown = Area("福岡県", "福岡市"), Area("福岡県", "福岡県")
    pairs = {
        ("福岡県", "東京都"): 300,
        ("渋谷区", "福岡市"): 280,
        ("福岡市", "福岡市"): 5,
    }
    travel = Travel(pairs=pairs)
    assert travel.minutes(None, fukuoka) == 30
    assert travel.minutes(shinjuku, shinjuku) == 10
    assert travel.minutes(shinjuku, shibuya) == 30
    assert travel.minutes(fukuoka, unknown) == 30
    assert travel.minutes(shinjuku, Area("大阪府", "大阪市")) == 120
    assert travel.minutes(shinjuku, fukuoka) == 300 == travel.minutes(unknown, shibuya)
    assert travel.minutes(fukuoka, shibuya) == 280
    assert travel.minutes(fukuoka, fukuoka) == 5


def test_an_absence_of_the_successor_lengthens_the_bound() -> None:
    away = Days(first=MONDAY, last=dt.date(2027, 3, 5))
    calendars = Calendars(company=COMPANY, absences={"S": [away]})
    schedule = solve(problem(need(), calendars=calendars))
    assert schedule.minimum_days == 6 == schedule.bound.days


def test_a_customer_that_never_receives_has_no_minimum() -> None:
    closed = parse_closed_days("月火水木金")
    schedule = solve(problem(need("A1", closed=closed), need("A2")))
    assert schedule.minimum_days is None
    assert schedule.minimum_end is None
    assert set(schedule.slots) == {"A2"}


def test_a_should_never_takes_the_slot_of_a_must() -> None:
    schedule = solve(problem(*needs(4), shoulds=(need("B1"), need("B2")), end=MONDAY))
    assert set(schedule.slots) == {"A000", "A001", "A002", "A003"}


def test_one_area_is_visited_on_one_day() -> None:
    mixed = [need(f"A{n:02}", area="東西"[n % 2]) for n in range(10)]
    schedule = solve(problem(*mixed, end=dt.date(2027, 3, 5), soon=True))
    for area in range(2):
        dates = {schedule.slots[f"A{n:02}"].date for n in range(area, 10, 2)}
        assert len(dates) == 1


def test_a_parent_and_its_child_are_visited_on_the_same_day() -> None:
    family = [need("A01", family="F"), need("A09", family="F")]
    schedule = solve(problem(*needs(12), *family, end=dt.date(2027, 3, 12)))
    assert schedule.slots["A01"].date == schedule.slots["A09"].date


def test_the_manager_attends_twice_a_day_at_most() -> None:
    schedule = solve(problem(*needs(5, manager="M")))
    assert sorted(slots_by_day(schedule).values()) == [1, 2, 2]


def test_a_date_set_by_a_person_is_kept_whatever_comes_first() -> None:
    wednesday = dt.date(2027, 3, 3)
    schedule = solve(
        problem(*needs(10), need("B1", date=wednesday), end=dt.date(2027, 3, 5))
    )
    assert schedule.slots["B1"].date == wednesday


def test_a_new_visit_goes_between_those_that_stand() -> None:
    before = solve(problem(*needs(10), end=dt.date(2027, 3, 5)))
    with_one_more = problem(
        *needs(10), need("B1"), end=dt.date(2027, 3, 5), kept=before.slots
    )
    after = solve(with_one_more)
    assert {a: s for a, s in after.slots.items() if a != "B1"} == before.slots
    assert "B1" in after.slots


def test_a_should_makes_room_for_a_must() -> None:
    kept = solve(problem(*needs(2), shoulds=(need("B1"), need("B2")), end=MONDAY))
    assert len(kept.slots) == 4
    after = solve(
        problem(
            *needs(2),
            need("A9"),
            shoulds=(need("B1"), need("B2")),
            end=MONDAY,
            kept=kept.slots,
        )
    )
    assert {"A000", "A001", "A9"} <= after.slots.keys()
    assert len(after.slots) == 4


def test_one_other_appointment_moves_for_a_date_on_a_full_day() -> None:
    end = dt.date(2027, 3, 5)
    before = solve(problem(*needs(8), end=end, soon=True))
    full = MONDAY
    pinned = problem(
        *needs(7), need("A007", date=full), end=end, kept=before.slots, soon=True
    )
    assert before.slots["A007"].date != full
    after = solve(pinned)
    assert after.slots["A007"].date == full
    moved = [a for a in before.slots if before.slots[a].date != after.slots[a].date]
    assert len(moved) == 2


@pytest.mark.parametrize("seed", range(3))
def test_a_hundred_and_forty_customers_are_planned_within_limits(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    many = [
        need(
            f"A{n:03}",
            minutes=chance.choice([25, 30, 35, 60]),
            people=chance.choice([1, 2]),
            area=f"R{chance.randrange(8)}",
        )
        for n in range(140)
    ]
    schedule = solve(problem(*many))
    assert broken(problem(*many), schedule) == []
    assert len(schedule.slots) == 140


@some
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(9, 17)), max_size=12))
def test_what_is_no_visit_keeps_its_time_free_and_takes_no_slot(
    blocks: list[tuple[int, int]],
) -> None:
    days = COMPANY.first(MONDAY, 10)
    busy = [
        Engagement(
            date=days[number],
            start=hour * 60,
            end=hour * 60 + 60,
            travel=0,
            area=Area(region="", city=""),
            people=0,
            online=True,
            is_visit=False,
        )
        for number, hour in blocks
    ]
    calendars = Calendars(company=COMPANY, engagements={"P": busy})
    schedule = solve(problem(*needs(12), calendars=calendars))
    assert schedule.bound.days <= (schedule.minimum_days or 0)
    for slot in schedule.slots.values():
        assert not any(
            each.date == slot.date
            and each.start < slot.end
            and slot.start - slot.travel < each.end
            for each in busy
        )
    assert not any(room.taken for room in schedule.rooms)
