"""Who takes over whom, where several could: by area, fit and load."""

import datetime as dt
from collections import Counter
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from handover.plan.moves import Move
from handover.plan.portfolio import Holding, Portfolio, add_up, make_area
from handover.plan.selection import AccountFacts
from handover.plan.successors import UNEVEN, Sharing, assign
from tests.conftest import SOAK
from tests.worlds.small_company import plan_of

BOTH = (Move(successor_id="S"), Move(successor_id="T"))


def customer(n: int, city: str = "", region: str = "", **more: object) -> AccountFacts:
    place = {"city": city or None, "region": region or None}
    named = {"source": "files", "account_id": f"A{n:02}", "name": f"customer {n}"}
    return AccountFacts(**{**named, **place, **more})  # type: ignore[arg-type]


def holding(accounts: int = 1, **known: str) -> Portfolio:
    places = dict.fromkeys(("city", "region", "industry", "customer_class"))
    return add_up([Holding(**{**places, **known}, accounts=accounts, value=0)])  # type: ignore[arg-type]


def shared(
    accounts: list[AccountFacts],
    moves: tuple[Move, ...] = BOTH,
    minutes: dict[str, int] | None = None,
    **known: object,
) -> dict[str, tuple[str | None, str | None]]:
    took = minutes or {account.account_id: 30 for account in accounts}
    sharing = Sharing(minutes=took, **known)  # type: ignore[arg-type]
    found = assign(accounts, moves, sharing)
    return {key: (made.successor_id, made.reason) for key, made in found.items()}


def test_an_area_goes_to_whom_has_customers_there_and_stays_whole() -> None:
    accounts = [customer(n, "横浜市" if n % 2 else "川崎市") for n in range(8)]
    known = {"S": holding(city="川崎市"), "T": holding(city="横浜市")}
    found = shared(accounts, portfolios=known)
    assert {found["A00"], found["A02"]} == {("S", "area")}
    assert {found["A01"], found["A07"]} == {("T", "area")}


def test_an_area_that_fits_nobody_any_more_is_split() -> None:
    accounts = [customer(n, "横浜市") for n in range(9)]
    found = shared(accounts, portfolios={"S": holding(city="横浜市")})
    takers = Counter(successor for successor, _ in found.values())
    assert takers == {"S": 5, "T": 4}


def test_without_a_customer_in_the_city_the_region_decides() -> None:
    accounts = [customer(1, "札幌市", "北海道"), customer(2, "福岡市", "福岡県")]
    found = shared(accounts, regions={"S": "福岡県", "T": "北海道"})
    assert found == {"A01": ("T", "region"), "A02": ("S", "region")}


def test_who_knows_such_customers_goes_before_who_has_less_to_do() -> None:
    accounts = [customer(1, "大阪市", industry="chemicals"), customer(2, "京都市")]
    known = {"S": Portfolio(), "T": holding(9, industry="chemicals")}
    found = shared(accounts, portfolios=known)
    assert found == {"A01": ("T", "fit"), "A02": ("S", "balanced")}


def test_what_is_named_is_not_shared_out() -> None:
    accounts = [customer(n, "横浜市") for n in range(3)]
    moves = (Move(account_id="A02", successor_id="U"), *BOTH)
    found = shared(accounts, moves)
    assert found["A02"] == ("U", "named")
    assert len({found["A00"], found["A01"]}) == 2


def test_a_company_and_its_subsidiaries_stay_together() -> None:
    accounts = [customer(n, f"町{n}", family="A00") for n in range(3)]
    accounts += [customer(n, f"町{n}") for n in range(3, 9)]
    found = shared(accounts)
    assert len({found[f"A{n:02}"][0] for n in range(3)}) == 1


CITIES = st.sampled_from(["", "横浜市", "川崎市", "札幌市", "福岡市"])
COMPANIES = st.lists(st.tuples(CITIES, st.integers(10, 60)), min_size=1, max_size=40)
some = settings(max_examples=300 if SOAK else 30, deadline=None)


@some
@given(COMPANIES, st.integers(2, 4), st.randoms(use_true_random=False))
def test_all_are_shared_out_evenly_enough_and_the_order_says_nothing(
    made: list[tuple[str, int]], several: int, dice: object
) -> None:
    accounts = [customer(n, city) for n, (city, _) in enumerate(made)]
    minutes = {a.account_id: m for a, (_, m) in zip(accounts, made, strict=True)}
    moves = tuple(Move(successor_id=f"S{n}") for n in range(several))
    found = shared(accounts, moves, minutes)
    assert set(found) == set(minutes)

    mixed = list(accounts)
    dice.shuffle(mixed)  # type: ignore[attr-defined]
    assert shared(mixed, moves, minutes) == found

    load: Counter[str | None] = Counter()
    for account in accounts:
        load[found[account.account_id][0]] += minutes[account.account_id]
    share = Fraction(sum(minutes.values()), several)
    assert max(load.values()) <= max(share * UNEVEN, share + max(minutes.values()))


def test_a_plan_says_what_each_successor_has_before_and_after() -> None:
    accounts = [customer(n, "横浜市" if n < 3 else "川崎市") for n in range(6)]
    known = {"S": holding(4, city="横浜市")}
    plan = plan_of(accounts, moves=BOTH, facts={"portfolios": known})
    loads = {load.person: load for load in plan.loads}
    assert (loads["S"].accounts_before, loads["S"].accounts_after) == (4, 7)
    assert (loads["T"].accounts_before, loads["T"].accounts_after) == (0, 3)
    assert loads["T"].areas == ("川崎市",)
    met = [row for row in plan.rows if row.visit and row.successor_id == "T"]
    assert loads["T"].visits == len(met)


def test_whom_nobody_is_named_for_is_in_the_plan_all_the_same() -> None:
    moves = (Move(account_id="A01", successor_id=None), Move(successor_id="S"))
    plan = plan_of([customer(1), customer(2)], moves=moves, end=dt.date(2027, 3, 31))
    row = plan.row("A01")
    assert row is not None
    assert row.successor_id is None
    assert [load.person for load in plan.loads] == ["S"]


def test_an_area_is_a_city_in_its_region() -> None:
    assert make_area(" 府中市 ", "東京都") != make_area("府中市", "広島県")
    assert make_area(None, "東京都").city == "東京都"
