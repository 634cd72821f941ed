import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handover.plan.scheduler.calendar import (
    Calendars,
    Days,
    WorkingDays,
    parse_closed_days,
    parse_days,
)

JAPAN = WorkingDays(country="JP", closed=(parse_days("2026-12-29/2027-01-03"),))


@pytest.mark.parametrize(
    "day",
    [
        dt.date(2027, 4, 3),  # Saturday
        dt.date(2027, 4, 4),  # Sunday
        dt.date(2027, 4, 29),  # 昭和の日
        dt.date(2027, 3, 22),  # 春分の日, moved to Monday
        dt.date(2026, 12, 29),  # closed by the company
        dt.date(2027, 1, 1),
    ],
)
def test_nobody_works_on_weekends_holidays_and_closed_days(day: dt.date) -> None:
    assert day not in JAPAN


def test_golden_week_has_two_working_days_between_its_holidays() -> None:
    days = JAPAN.first(dt.date(2027, 4, 28), 4)
    assert [f"{day:%m-%d}" for day in days] == ["04-28", "04-30", "05-06", "05-07"]


def test_the_next_working_day_after_a_friday_is_monday() -> None:
    assert JAPAN.after(dt.date(2027, 4, 9)) == dt.date(2027, 4, 12)


def test_days_are_counted_with_both_ends() -> None:
    assert JAPAN.count(dt.date(2027, 4, 5), dt.date(2027, 4, 9)) == 5
    assert JAPAN.count(dt.date(2027, 4, 9), dt.date(2027, 4, 5)) == 0


@given(
    st.dates(dt.date(2024, 1, 1), dt.date(2030, 12, 31)),
    st.integers(min_value=1, max_value=60),
)
def test_the_nth_working_day_is_n_working_days_away(start: dt.date, n: int) -> None:
    assert JAPAN.count(start, JAPAN.first(start, n)[-1]) == n


def test_a_company_that_never_works_is_a_mistake_and_no_endless_search() -> None:
    never = WorkingDays(
        country="JP", closed=(Days(first=dt.date.min, last=dt.date.max),)
    )
    with pytest.raises(ValueError, match="no working day"):
        never.after(dt.date(2027, 4, 1))


@pytest.mark.parametrize("text", ["2027-01-03/2026-12-29", "soon", "", "2027-13-01"])
def test_closed_days_of_the_company_must_be_days(text: str) -> None:
    with pytest.raises(ValueError, match=r"no day|ends before|month"):
        parse_days(text)


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("水曜日", {"04-07"}),
        ("毎週水", {"04-07"}),
        ("Wed", {"04-07"}),
        ("wednesday, Friday", {"04-07", "04-09"}),
        ("火木", {"04-06", "04-08"}),
        ("2027-04-05", {"04-05"}),
        ("2027/4/5〜2027/4/7", {"04-05", "04-06", "04-07"}),
        ("月曜・2027年4月9日", {"04-05", "04-09"}),
        ("日曜・祝日", set()),
        (None, set()),
    ],
)
def test_a_customers_closed_days_are_read_in_both_languages(
    text: str | None, closed: set[str]
) -> None:
    week = JAPAN.first(dt.date(2027, 4, 5), 5)
    found = parse_closed_days(text)
    assert {f"{day:%m-%d}" for day in week if day in found} == closed
    assert found.unread == ()


def test_words_that_say_no_day_are_left_for_a_person() -> None:
    assert parse_closed_days("お盆、水曜").unread == ("お盆",)


def test_an_absence_includes_both_its_ends() -> None:
    away = Days(first=dt.date(2027, 4, 5), last=dt.date(2027, 4, 6))
    calendars = Calendars(company=JAPAN, absences={"U1": [away]})
    days = JAPAN.first(dt.date(2027, 4, 2), 4)
    assert [calendars.is_absent("U1", day) for day in days] == [
        False,
        True,
        True,
        False,
    ]


def kept_free(
    month: int, month_end: int = 0, quarter_end: int = 0, fiscal_year_start: int = 4
) -> list[int]:
    """The days of a month of 2027 that are kept free of visits though people work."""
    company = WorkingDays(
        country="JP",
        closed=JAPAN.closed,
        month_end=month_end,
        quarter_end=quarter_end,
        fiscal_year_start=fiscal_year_start,
    )
    days = [dt.date(2027, month, n) for n in range(1, 29)]
    days += [days[-1] + dt.timedelta(days=n) for n in range(1, 4)]
    found = [day for day in days if company.find_blackout(day)]
    assert not any(day in company for day in found)
    return [day.day for day in found if day.month == month]


def test_the_last_working_days_of_a_month_are_kept_free_if_the_policy_says_so() -> None:
    assert kept_free(4) == []
    assert kept_free(4, month_end=2) == [28, 30]  # the 29th is a holiday
    assert kept_free(1, month_end=2) == [28, 29]  # the month ends on a Sunday


def test_quarters_are_those_of_the_fiscal_year() -> None:
    assert kept_free(3, quarter_end=3) == [29, 30, 31]
    assert kept_free(4, quarter_end=3) == []
    assert kept_free(4, quarter_end=1, fiscal_year_start=2) == [30]
    assert kept_free(3, quarter_end=1, month_end=2) == [30, 31]
    assert kept_free(3, quarter_end=3, month_end=1) == [29, 30, 31]
