import csv
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from cli import handover as root
from handover.audit.findings import AccountScore
from handover.commands.shell import run
from handover.config import load_config
from handover.ledger import Ledger
from handover.mirror.generations import current_generation
from handover.mirror.views import Mirror, open_mirror
from handover.plan.facts import read_facts
from handover.plan.selection import AccountFacts, PlanFacts
from tests.conftest import FILES
from tests.worlds.small_company import TODAY

TABLES: Mapping[str, Sequence[Sequence[str]]] = {
    "users": [("id", "name"), ("P", "Sato"), ("Q", "Kato")],
    "accounts": [
        ("id", "name", "owner_id", "parent_id", "customer_class", "city", "created_at"),
        ("A1", "親会社", "P", "", "重要顧客", "横浜市", "2020-01-01"),
        ("A2", "子会社", "P", "A1", "上得意", "川崎市", ""),
        ("A3", "孫会社", "P", "A2", "", "", ""),
        ("A4", "輪の一", "P", "A5", "", "", ""),
        ("A5", "輪の二", "P", "A4", "", "", ""),
        ("A9", "他の担当", "Q", "", "", "", ""),
    ],
    "contacts": [
        ("id", "account_id", "name", "owner_id", "phone", "is_decision_maker"),
        ("C1", "A1", "山田", "P", "03-1234-5678", "false"),
        ("C2", "A1", "田村", "P", "03-1234-5679", "true"),
        ("C3", "A1", "連絡先なし", "P", "", "true"),
        ("C4", "", "リンクのみ", "P", "03-1234-5670", ""),
        ("C5", "", "両方", "P", "03-1234-5671", ""),
        ("C6", "", "主は自分", "P", "03-1234-5672", ""),
        ("C7", "A9", "他社の人", "P", "03-1234-5673", ""),
        ("C8", "A9", "担当も他人", "Q", "03-1234-5674", ""),
    ],
    "contact_links": [
        ("contact_id", "account_id", "is_primary"),
        ("C4", "A2", ""),
        ("C5", "A2", ""),
        ("C5", "A9", ""),
        ("C6", "A2", "true"),
        ("C6", "A9", "false"),
    ],
    "opportunities": [
        ("id", "account_id", "owner_id", "is_closed", "is_won", "amount", "currency"),
        ("O1", "A1", "P", "false", "false", "100", ""),
        ("O2", "A1", "Q", "false", "false", "20", "JPY"),
        ("O3", "A1", "P", "false", "false", "7", "USD"),
        ("O4", "A1", "P", "true", "true", "1000", ""),
        ("O5", "A1", "P", "true", "false", "9999", ""),
        ("O6", "A2", "P", "true", "true", "300", "USD"),
        ("O7", "", "P", "false", "false", "1", ""),
        ("O8", "A9", "P", "false", "false", "1", ""),
        ("O9", "A9", "P", "true", "true", "50", ""),
    ],
    "orders": [
        ("id", "account_id", "product", "date", "amount"),
        ("K1", "A1", "部品", "2026-01-01", "500"),
        ("K2", "A3", "見本", "2026-01-01", "0"),
    ],
    "requests": [
        ("id", "account_id", "subject", "is_open", "owner_id"),
        ("R1", "A1", "納期", "true", "P"),
        ("R2", "A1", "済", "false", "P"),
        ("R3", "A9", "他社", "true", "P"),
    ],
    "activities": [
        (
            *("id", "owner_id", "kind", "is_done", "happened_at", "account_id"),
            *("contact_id", "handover_key"),
        ),
        ("V1", "P", "visit", "true", "2027-01-10", "A1", "", ""),
        ("V2", "P", "visit", "false", "2027-04-01", "A1", "", ""),
        ("V3", "P", "visit", "false", "2027-04-01", "A9", "", ""),
        ("V4", "P", "visit", "false", "2027-02-01", "A9", "", ""),
        ("T1", "P", "task", "false", "", "A2", "", ""),
        ("T2", "P", "task", "false", "", "", "", ""),
        ("T3", "P", "task", "true", "", "", "", ""),
        ("T4", "P", "task", "false", "", "", "", "handover:x"),
        ("T5", "P", "task", "false", "", "", "C5", ""),
        ("T6", "Q", "task", "false", "", "", "", ""),
    ],
}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirror]:
    folder = tmp_path_factory.mktemp("facts")
    (folder / "handover.toml").write_text(FILES, encoding="utf-8")
    (folder / "export").mkdir()
    for name, rows in TABLES.items():
        path = folder / "export" / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    config = folder / "handover.toml"
    assert run(root, ("sync", "-q", "-c", str(config)), {}) == 0
    yield from opened(config)


def opened(config: Path) -> Iterator[Mirror]:
    known = load_config(config)
    ledger = Ledger.open(known.data_folder / "ledger.sqlite")
    generation = current_generation(ledger, known.data_folder / "mirror")
    with open_mirror(
        generation, "files", as_of=TODAY, zone=known.zone, currency="JPY"
    ) as mirror:
        yield mirror


@pytest.fixture(scope="module")
def facts(mirror: Mirror) -> PlanFacts:
    score = AccountScore(score=60.0, ready=False, gaps=("contacts.person",), groups=4)
    return read_facts(mirror, "P", {"A1": score})


def of(facts: PlanFacts, account: str) -> AccountFacts:
    return next(each for each in facts.accounts if each.account_id == account)


def test_the_accounts_are_those_the_predecessor_owns(facts: PlanFacts) -> None:
    assert [each.account_id for each in facts.accounts] == [
        f"A{n}" for n in range(1, 6)
    ]


def test_accounts_that_changed_hands_are_read_when_a_plan_has_them(
    mirror: Mirror,
) -> None:
    found = read_facts(mirror, "Q", {}, ["A1"]).accounts
    assert [each.account_id for each in found] == ["A1", "A9"]


def test_money_is_summed_by_currency(facts: PlanFacts) -> None:
    account = of(facts, "A1")
    assert account.purchases == {"JPY": Decimal(1500)}
    assert account.largest == {"JPY": Decimal(1000)}
    assert account.open_amounts == {"JPY": Decimal(120), "USD": Decimal(7)}
    assert account.value("JPY") == 1620


def test_lifetime_purchases_are_those_of_the_whole_source(facts: PlanFacts) -> None:
    found = {currency: sorted(all_) for currency, all_ in facts.lifetime.items()}
    assert found == {"JPY": [Decimal(50), Decimal(1500)], "USD": [Decimal(300)]}


def test_everybodys_open_opportunities_count_and_the_predecessors_are_listed(
    facts: PlanFacts,
) -> None:
    account = of(facts, "A1")
    assert account.open_opportunities == 3
    assert account.opportunities == ("O1", "O3")


def test_what_else_the_rules_read(facts: PlanFacts) -> None:
    account = of(facts, "A1")
    assert account.open_requests == 1
    assert str(account.latest_interaction) == "2027-01-10"
    assert str(account.created) == "2020-01-01"
    assert (account.score, account.ready, account.groups) == (60.0, False, 4)
    assert account.gaps == ("contacts.person",)
    assert account.area == "横浜市"


def test_who_decides_is_named_first_and_who_cannot_be_reached_not_at_all(
    facts: PlanFacts,
) -> None:
    assert of(facts, "A1").reachable == ("C2", "C1")
    assert of(facts, "A2").reachable == ("C4", "C5", "C6")


def test_a_class_that_the_mapping_does_not_know_is_none(facts: PlanFacts) -> None:
    assert of(facts, "A1").customer_class == "key"
    assert of(facts, "A2").customer_class is None


def test_a_family_is_known_by_its_topmost_company(facts: PlanFacts) -> None:
    assert [of(facts, f"A{n}").family for n in (1, 2, 3)] == ["A1", "A1", "A1"]


def test_companies_that_own_each_other_do_not_go_round_for_ever(
    facts: PlanFacts,
) -> None:
    assert {of(facts, "A4").family, of(facts, "A5").family} <= {"A4", "A5"}


def test_loose_is_what_does_not_hang_on_their_accounts_alone(facts: PlanFacts) -> None:
    found = [(each.object, each.id) for each in facts.loose]
    assert found == [
        ("opportunities", "O7"),
        ("opportunities", "O8"),
        ("requests", "R3"),
        ("contacts", "C5"),
        ("contacts", "C7"),
        ("activities", "T2"),
        ("activities", "T5"),
        ("activities", "V3"),
    ]


def test_columns_that_are_mapped_are_known(facts: PlanFacts) -> None:
    assert ("opportunities", "amount") in facts.mapped
    assert ("accounts", "renewal_date") not in facts.mapped
