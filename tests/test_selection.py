import datetime as dt
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handover.plan.selection import (
    RULES,
    AccountFacts,
    PlanFacts,
    find_percentile,
    list_blind_rules,
    list_reasons,
    measure,
    subtract_years,
)
from handover.policy import Policy
from handover.policy_file import load_policy

TODAY = dt.date(2027, 4, 1)
CASES = tomllib.loads(
    (Path(__file__).parent / "cases" / "plan" / "rules.toml").read_text("utf-8")
)["case"]
POLICY = load_policy(None)


def account_of(case: dict[str, Any]) -> AccountFacts:
    """Nothing is true of the account but what the case says."""
    given: dict[str, Any] = {
        "reachable": ("C1", "C2"),
        "latest_interaction": TODAY,
        **case["account"],
    }
    for name in ("purchases", "largest"):
        given[name] = {k: Decimal(v) for k, v in given.get(name, {}).items()}
    given["reachable"] = tuple(given["reachable"])
    given["latest_interaction"] = given["latest_interaction"] or None
    return AccountFacts(source="files", account_id="A1", name="青葉商事", **given)


def policy_of(case: dict[str, Any]) -> Policy:
    rules = POLICY.plan.model_copy(
        update={"large_account": case.get("large_account", 0)}
    )
    return POLICY.model_copy(update={"plan": rules})


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_rule_case_gives_its_reasons(case: dict[str, Any]) -> None:
    lifetime = {k: [Decimal(v)] for k, v in case.get("large_from", {}).items()}
    by = measure(
        PlanFacts(accounts=(), lifetime=lifetime), policy_of(case), "JPY", TODAY
    )
    found = list_reasons(account_of(case), by, case.get("blind", ()))
    assert list(found) == case["reasons"]


def test_every_rule_has_a_case_in_which_it_holds() -> None:
    shown = {code for case in CASES for code in case["reasons"]}
    assert shown == {rule.code for rule in RULES}


@pytest.mark.parametrize(
    ("count", "rank"), [(1, 1), (2, 2), (9, 9), (10, 9), (11, 10), (20, 18), (21, 19)]
)
def test_the_90th_percentile_is_the_amount_of_rank_nine_tenths_rounded_up(
    count: int, rank: int
) -> None:
    amounts = [Decimal(n) for n in range(1, count + 1)]
    assert find_percentile(reversed(amounts), 90) == rank


@given(st.lists(st.decimals(1, 10**9, places=0), min_size=1, max_size=200))
def test_at_most_a_tenth_lies_above_the_percentile(amounts: list[Decimal]) -> None:
    above = [amount for amount in amounts if amount > find_percentile(amounts, 90)]
    assert len(above) * 10 <= len(amounts)


def test_a_rule_is_blind_only_when_none_of_its_columns_is_mapped() -> None:
    mapped = {("orders", "amount"), ("accounts", "project"), ("contacts", "email")}
    assert list_blind_rules(mapped) == ("M1", "M3", "S2", "S4", "S5", "S6")


def test_value_adds_purchases_and_open_business_of_one_currency() -> None:
    account = AccountFacts(
        source="files",
        account_id="A1",
        name="青葉商事",
        purchases={"JPY": Decimal(100), "USD": Decimal(7)},
        open_amounts={"JPY": Decimal(20)},
    )
    assert account.value("JPY") == 120
    assert account.value("EUR") == 0


def test_an_area_is_the_city_else_the_region_else_one() -> None:
    account = AccountFacts(
        source="files", account_id="A1", name="青葉商事", city="横浜"
    )
    assert account.area == "横浜"
    assert AccountFacts(source="files", account_id="A2", name="若葉").area == ""


def test_five_years_before_a_leap_day_is_the_28th() -> None:
    assert subtract_years(dt.date(2028, 2, 29), 5) == dt.date(2023, 2, 28)
