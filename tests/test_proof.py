import os
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from handover.plan.scheduler.bound import prove_bound
from handover.plan.scheduler.calendar import (
    Calendars,
    Days,
    Engagement,
    parse_closed_days,
)
from handover.plan.scheduler.day_order import order_day
from handover.plan.scheduler.diary import Diary
from handover.plan.scheduler.packing import count_days, open_packing, pack_all
from handover.plan.scheduler.problem import Limits, Need, VisitProblem
from handover.plan.scheduler.proof import Shortest, shorten
from handover.plan.scheduler.solver import Schedule, find_shortest, solve
from handover.plan.scheduler.standing import restate_travel
from handover.plan.scheduler.tidying import bring_together
from handover.plan.scheduler.travel import Area
from tests.worlds.visit_problems import (
    COMPANY,
    MONDAY,
    broken,
    draw_case,
    need,
    needs,
    problem,
)

CASES = 40 if os.environ.get("HANDOVER_SOAK") else 8
a_few = settings(max_examples=CASES // 2, deadline=None)


@pytest.mark.parametrize("seed", range(CASES))
def test_the_shortest_period_of_a_hard_case_is_proved_and_holds_every_visit(
    seed: int,
) -> None:
    case = draw_case(seed)
    schedule = solve(case)
    assert broken(case, schedule) == []
    assert len(schedule.slots) == len(case.musts)
    assert schedule.minimum_days == schedule.bound.days
    assert schedule.is_proved


@a_few
@given(st.integers(0, 10_000), st.integers(0, 2))
def test_planning_again_with_the_shortest_period_or_a_longer_one_succeeds(
    seed: int, more: int
) -> None:
    case = draw_case(seed, least=10, most=30)
    minimum = solve(case).minimum_days
    assert minimum is not None
    again = replace(case, end=case.days[minimum - 1 + more])
    schedule = solve(again)
    assert len(schedule.slots) == len(case.musts)
    assert broken(again, schedule) == []


@a_few
@given(st.integers(0, 10_000))
def test_a_period_below_the_proved_bound_never_holds_every_visit(seed: int) -> None:
    case = draw_case(seed, least=10, most=30)
    bound = solve(case).bound
    if bound.days > 1:
        shorter = solve(replace(case, end=case.days[bound.days - 2]))
        assert len(shorter.slots) < len(case.musts)
        assert broken(replace(case, end=shorter.end), shorter) == []


@a_few
@given(st.integers(0, 10_000))
def test_a_proof_never_makes_the_period_longer_or_the_bound_weaker(seed: int) -> None:
    case = draw_case(seed, least=10, most=30)
    quick, proved = solve(case, prove=False), solve(case)
    assert quick.minimum_days is not None
    assert proved.minimum_days is not None
    assert quick.bound.days <= proved.bound.days <= proved.minimum_days
    assert proved.minimum_days <= quick.minimum_days


@st.composite
def small_cases(draw: st.DrawFn) -> VisitProblem:
    """A few long visits beside visits of other plans, on days that are nearly full."""
    minutes = st.sampled_from([60, 90, 150])
    areas = [Area("東京都", "港区"), Area("東京都", "北区"), Area("埼玉県", "大宮")]
    musts = [
        replace(
            need(f"A{number}", minutes=draw(minutes), people=draw(st.integers(1, 4))),
            area=draw(st.sampled_from(areas)),
            manager=draw(st.sampled_from([None, None, "M"])),
            closed=parse_closed_days(draw(st.sampled_from(["", "", "月", "火"]))),
        )
        for number in range(draw(st.integers(2, 5)))
    ]
    there = [
        Engagement(
            date=COMPANY.first(MONDAY, 3)[draw(st.integers(0, 2))],
            start=start,
            end=start + 40,
            travel=30,
            area=draw(st.sampled_from(areas)),
            people=1,
            online=draw(st.booleans()),
        )
        for start in draw(st.lists(st.sampled_from([600, 700, 840, 960]), max_size=2))
    ]
    busy = draw(st.sampled_from([("P",), ("S",), ("P", "S"), ("M",)]))
    engagements = {person: _keep_apart(there) for person in busy}
    return problem(
        *musts, calendars=Calendars(company=COMPANY, engagements=engagements)
    )


def _keep_apart(entries: list[Engagement]) -> list[Engagement]:
    """Of visits at one time, the first."""
    return list({(each.date, each.start): each for each in reversed(entries)}.values())


def can_hold(case: VisitProblem, days: int) -> bool:
    """Whether some way to give every visit a day works out, by trying them all."""
    diary = Diary(case)

    def place(number: int, left: list[Need], there: list[Need]) -> bool:
        if number == days:
            return not left
        if there and not order_day(diary, there, number).slots:
            return False
        if place(number + 1, left, []):
            return True
        later = [*left]
        while later:
            taken = later.pop(0)
            if there and taken.account_id < there[-1].account_id:
                continue
            if place(number, [n for n in left if n != taken], [*there, taken]):
                return True
        return False

    counts = [len(case.musts)] * 2
    allowed = [case.reserve.count(seller, days) for seller in ("P", "S")]
    fits = all(c <= a for c, a in zip(counts, allowed, strict=True))
    return fits and place(0, list(case.musts), [])


@a_few
@given(small_cases())
def test_no_way_to_give_visits_a_day_beats_what_is_proved(case: VisitProblem) -> None:
    schedule = solve(case)
    assert broken(case, schedule) == []
    assert schedule.minimum_days is not None
    assert can_hold(case, schedule.minimum_days)
    assert not can_hold(case, schedule.bound.days - 1)


WHY = {
    "manager": problem(*needs(12, manager="M"), limits=Limits(manager_visits=1)),
    "closed_days": problem(*needs(10, closed=parse_closed_days("月火水木"))),
    "absences": problem(
        *needs(12, closed=parse_closed_days("木金")),
        calendars=Calendars(
            company=COMPANY,
            absences={"S": [Days(first=MONDAY, last=COMPANY.first(MONDAY, 3)[-1])]},
        ),
    ),
    "travel": problem(
        *(replace(n, area=Area(f"県{n.account_id}")) for n in needs(4, minutes=60))
    ),
    "minutes": problem(*needs(9, minutes=100)),
    "visits": problem(*needs(17)),
}


@pytest.mark.parametrize("why", WHY)
def test_the_bound_says_what_takes_so_many_days(why: str) -> None:
    schedule = solve(WHY[why])
    assert schedule.is_proved
    assert schedule.bound.why == why
    persons = {"manager": "M", "minutes": "P", "visits": "P"}
    assert schedule.bound.person == persons.get(why)


def test_what_takes_too_much_effort_is_left_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = draw_case(0)
    monkeypatch.setattr("handover.plan.scheduler.proof.LARGEST", 0)
    schedule = solve(case)
    assert schedule.minimum_days is not None
    assert schedule.bound == prove_bound(case)
    assert schedule.bound.days < schedule.minimum_days
    assert not schedule.is_proved


def test_a_visit_that_fits_on_no_day_leaves_nothing_to_prove() -> None:
    never = problem(need(closed=parse_closed_days("月火水木金")))
    found = find_shortest(never, prove=True)
    assert shorten(never, found) == found
    assert isinstance(found, Shortest)
    assert found.days is None


@a_few
@given(st.integers(0, 10_000))
def test_bringing_visits_together_takes_no_day_more_and_breaks_no_limit(
    seed: int,
) -> None:
    case = draw_case(seed, least=10, most=40)
    packing = solve(case, prove=False)
    assert packing.minimum_days is not None
    packed = pack_all(case, case.free, packing.minimum_days)
    assume(packed is not None)
    assert packed is not None
    tidied = bring_together(packed)
    assert tidied.slots.keys() == packed.slots.keys()
    assert count_days(case, tidied.slots) <= packing.minimum_days
    schedule = replace(packing, slots=restate_travel(tidied))
    assert broken(case, schedule) == []


def test_a_family_comes_together_where_its_members_were_apart() -> None:
    apart = problem(*(need(f"A{n}", area=f"町{n}", family="F") for n in range(2)))
    packing = open_packing(apart, 3)
    for number, each in enumerate(apart.musts):
        assert packing.place(each, 1 << number)
    tidied = bring_together(packing)
    assert len({slot.date for slot in tidied.slots.values()}) == 1


def test_the_proof_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    solve(draw_case(1))
    assert capfd.readouterr() == ("", "")


def said(case: VisitProblem) -> str:
    """A schedule, slot by slot."""
    return _write(solve(case))


def _write(schedule: Schedule) -> str:
    return repr((sorted(schedule.slots.items()), schedule.minimum_days, schedule.bound))


def test_another_process_finds_the_same_slots() -> None:
    program = (
        "from tests.test_proof import said; from tests.worlds.visit_problems import"
        " draw_case; print(said(draw_case(2)))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    run = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == said(draw_case(2))
