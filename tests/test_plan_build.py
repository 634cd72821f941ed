import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handover.ledger.states import Mode
from handover.plan.build import check_conserved, is_too_short
from handover.plan.errors import NotConserved
from handover.plan.model import LooseRecord, Plan
from handover.plan.moves import Move
from handover.plan.scheduler.calendar import Calendars, Days
from handover.plan.selection import AccountFacts
from tests.worlds.small_company import (
    CALENDARS,
    COMPANY,
    account,
    key_account,
    plan_of,
    row_of,
    wanting,
    with_opportunity,
)

LAST_DAY = dt.date(2027, 3, 2)

kinds = st.sampled_from([account, with_opportunity, key_account, wanting])
many = st.lists(kinds, min_size=1, max_size=25).map(
    lambda made: [make(number) for number, make in enumerate(made)]
)
some = settings(max_examples=25, deadline=None)


@some
@given(many, st.sampled_from([None, LAST_DAY, dt.date(2027, 3, 31)]))
def test_every_account_is_in_exactly_one_list(
    accounts: list[AccountFacts], end: dt.date | None
) -> None:
    plan = plan_of(accounts, end=end)
    assert [row.account_id for row in plan.rows] == [a.account_id for a in accounts]
    lists = {mode: [r for r in plan.rows if r.mode is mode] for mode in Mode}
    assert sum(map(len, lists.values())) == len(accounts)


@some
@given(many, st.sampled_from([None, LAST_DAY]))
def test_whom_a_must_rule_names_is_met_or_says_that_there_is_no_slot(
    accounts: list[AccountFacts], end: dt.date | None
) -> None:
    plan = plan_of(accounts, end=end)
    left = {each.account_id for each in plan.overflow}
    for row in plan.rows:
        if {"M1", "M2", "M3"} & set(row.reasons):
            assert row.mode is Mode.MEET
        assert (row.visit is None) == (row.mode is not Mode.MEET or is_left(row, left))


def is_left(row: object, left: set[str]) -> bool:
    return getattr(row, "account_id", "") in left


@some
@given(many)
def test_the_same_input_gives_the_same_plan_to_the_letter(
    accounts: list[AccountFacts],
) -> None:
    one, other = plan_of(accounts), plan_of(reversed(accounts))
    assert one == other
    assert one.fingerprint == one.computed_fingerprint()


@some
@given(many)
def test_the_default_period_is_the_shortest_that_works(
    accounts: list[AccountFacts],
) -> None:
    plan = plan_of(accounts)
    assert not is_too_short(plan)
    assert plan.end == plan.minimum_end
    again = plan_of(accounts, end=plan.minimum_end)
    assert not is_too_short(again)


def test_the_dates_that_nobody_gave_follow_each_other() -> None:
    plan = plan_of([with_opportunity(1)])
    assert plan.notice == plan.announce == dt.date(2027, 3, 1)
    assert plan.start == plan.end == dt.date(2027, 3, 4)
    assert plan.effective == dt.date(2027, 3, 5)
    assert plan.id == "2027-03-p-s"
    assert plan.expires == dt.date(2027, 3, 19)


def test_a_customer_whose_owner_has_just_changed_is_not_met_for_that_alone() -> None:
    plan = plan_of([account(1, owner_since=dt.date(2026, 12, 1))])
    row = row_of(plan, "A01")
    assert (row.mode, row.reasons) == (Mode.INFORM, ("S6",))
    assert plan.overflow == ()


def test_owners_change_on_the_next_working_day_after_the_end() -> None:
    plan = plan_of([with_opportunity(1)], end=dt.date(2027, 4, 28))
    assert plan.effective == dt.date(2027, 4, 30)


def story(count: int = 80) -> list[AccountFacts]:
    return [
        with_opportunity(n, amount=n, region=None, city=f"町{n % 58}")
        for n in range(count)
    ]


def test_eighty_customers_in_two_days_are_refused_with_the_days_it_takes() -> None:
    plan = plan_of(story(), start=dt.date(2027, 3, 1), end=LAST_DAY)
    assert is_too_short(plan)
    assert (plan.minimum_days, plan.minimum_end) == (19, dt.date(2027, 3, 26))
    assert plan.minimum_days_bound.days == 19
    assert len(plan.overflow) == 72
    assert [each.account_id for each in plan.overflow[:2]] == ["A71", "A70"]
    assert all(each.reason == "M3" for each in plan.overflow)


def test_whom_we_should_meet_is_informed_where_no_slot_is_left() -> None:
    accounts = [*(with_opportunity(n) for n in range(4)), wanting(8), wanting(9)]
    plan = plan_of(accounts, start=LAST_DAY, end=LAST_DAY)
    assert not is_too_short(plan)
    assert {row_of(plan, "A08").mode, row_of(plan, "A09").mode} == {Mode.INFORM}
    assert [each.account_id for each in plan.overflow] == ["A08", "A09"]


def test_overflow_goes_by_must_then_value_then_account() -> None:
    accounts = [
        *(with_opportunity(n, amount=10_000) for n in range(4)),
        with_opportunity(5, amount=10),
        with_opportunity(6, amount=20),
        with_opportunity(4, amount=10),
        wanting(7),
    ]
    plan = plan_of(accounts, start=LAST_DAY, end=LAST_DAY)
    assert [each.account_id for each in plan.overflow] == ["A06", "A04", "A05", "A07"]


def test_a_key_account_takes_an_hour_and_others_five_minutes_a_group() -> None:
    plan = plan_of([key_account(1), with_opportunity(2), with_opportunity(3, groups=3)])
    minutes = [row.visit.minutes for row in plan.rows if row.visit]
    assert minutes == [60, 35, 25]


@pytest.mark.parametrize(
    ("make", "named"), [(with_opportunity, ("C1",)), (key_account, ("C1", "C2"))]
)
def test_a_visit_says_where_who_comes_and_whom_they_meet(
    make: Callable[..., AccountFacts], named: tuple[str, ...]
) -> None:
    where = {"region": "神奈川県", "city": "横浜市", "address": "本町1-1"}
    accounts = [make(1, reachable=("C1", "C2", "C3"), **where)]
    visit = row_of(plan_of(accounts), "A01").visit
    assert visit is not None
    assert visit.attendees == ("P", "S")
    assert visit.contact_ids == named
    assert visit.place == "神奈川県横浜市本町1-1"


def test_an_absent_predecessor_does_not_come_and_the_manager_is_proposed() -> None:
    plan = plan_of([key_account(1), with_opportunity(2)], absent=True)
    key, other = row_of(plan, "A01"), row_of(plan, "A02")
    assert key.co_attendance == "yes"
    assert other.co_attendance == "undecided"
    assert key.visit is not None
    assert key.visit.attendees == ("S", "M")
    assert other.visit is not None
    assert other.visit.attendees == ("S",)


def test_nobody_is_visited_while_the_successor_is_away() -> None:
    away = Days(first=dt.date(2027, 3, 2), last=dt.date(2027, 3, 5))
    calendars = Calendars(company=COMPANY, absences={"S": [away]})
    plan = plan_of([with_opportunity(1)], calendars=calendars)
    visit = row_of(plan, "A01").visit
    assert visit is not None
    assert visit.date == dt.date(2027, 3, 8)


def test_a_customers_closed_day_is_avoided_and_strange_words_are_reported() -> None:
    plan = plan_of([with_opportunity(1, closed_days="木曜、お盆")])
    visit = row_of(plan, "A01").visit
    assert visit is not None
    assert visit.date == dt.date(2027, 3, 5)
    assert plan.notes == ("closed_days_unread:A01",)


def test_accounts_that_the_moves_do_not_name_are_left_out_with_the_reason() -> None:
    moves = (
        Move(account_id="A01", successor_id="S", effective=dt.date(2027, 5, 6)),
        Move(account_id="A02", successor_id="T"),
    )
    plan = plan_of([with_opportunity(n) for n in (1, 2, 3)], moves=moves)
    left_out = row_of(plan, "A03")
    assert (left_out.mode, left_out.visit) == (Mode.EXCLUDE, None)
    assert left_out.reasons == ("M3", "X")
    assert left_out.effective is None
    assert row_of(plan, "A01").effective == dt.date(2027, 5, 6)
    assert row_of(plan, "A02").effective == plan.effective
    assert plan.successors == ("S", "T")


def test_several_successors_share_by_region_then_by_minutes() -> None:
    accounts = [
        with_opportunity(1, region="東"),
        with_opportunity(2, region="西"),
        with_opportunity(3, region="南"),
        with_opportunity(4, region="南"),
    ]
    plan = plan_of(
        accounts,
        moves=(Move(successor_id="S"), Move(successor_id="T")),
        regions={"S": "東", "T": "西"},
    )
    by_id = {row.account_id: row for row in plan.rows}
    assert (by_id["A01"].successor_id, by_id["A01"].successor_reason) == ("S", "region")
    assert (by_id["A02"].successor_id, by_id["A02"].successor_reason) == ("T", "region")
    shared = {by_id["A03"].successor_id, by_id["A04"].successor_id}
    assert shared == {"S", "T"}
    assert by_id["A03"].successor_reason == "balanced"


def test_a_family_of_companies_goes_to_one_successor() -> None:
    accounts = [account(n, family="A01") for n in range(1, 7)]
    plan = plan_of(accounts, moves=(Move(successor_id="S"), Move(successor_id="T")))
    assert len({row.successor_id for row in plan.rows}) == 1


def test_only_the_predecessors_own_opportunities_are_listed() -> None:
    accounts = [account(1, open_opportunities=2, opportunities=("O1",))]
    row = row_of(plan_of(accounts), "A01")
    assert [each.id for each in row.opportunities] == ["O1"]
    assert row.opportunities[0].action == "transfer"


def test_loose_records_are_listed_as_they_are() -> None:
    loose = LooseRecord(object="opportunities", id="O9", action=None)
    plan = plan_of([account(1)], facts={"loose": (loose,)})
    assert plan.loose == (loose,)


def test_a_large_customer_is_met_by_the_percentile_of_the_source() -> None:
    rich = account(1, purchases={"JPY": Decimal(90)})
    poor = account(2, purchases={"JPY": Decimal(10)})
    amounts = {"JPY": [Decimal(n) for n in range(1, 101)]}
    plan = plan_of([rich, poor], facts={"lifetime": amounts})
    assert row_of(plan, "A01").reasons == ("M2",)
    assert row_of(plan, "A02").reasons == ()


def test_losing_an_account_is_an_error_with_its_name() -> None:
    plan = plan_of([account(1), account(2)])
    with pytest.raises(NotConserved) as caught:
        check_conserved([account(1), account(2), account(3)], plan.rows)
    assert caught.value.params["missing"] == ["A03"]


def test_approvals_and_measurements_do_not_change_the_fingerprint() -> None:
    plan = plan_of([with_opportunity(1)])
    rows = tuple(r.model_copy(update={"score": 1.0, "ready": False}) for r in plan.rows)
    measured = plan.model_copy(update={"rows": rows, "author": "P", "version": 9})
    assert measured.computed_fingerprint() == plan.fingerprint
    moved = plan.model_copy(update={"effective": dt.date(2027, 4, 1)})
    assert moved.computed_fingerprint() != plan.fingerprint


def test_a_plan_survives_the_way_through_json() -> None:
    plan = plan_of([key_account(1), wanting(2), account(3)], calendars=CALENDARS)
    assert Plan.model_validate_json(plan.model_dump_json()) == plan
