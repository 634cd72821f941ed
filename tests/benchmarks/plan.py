"""How long planning takes, and what it finds: 140 customers, and story 4.

python -m tests.benchmarks.plan
"""

import datetime as dt
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from handover.ledger.states import Mode
from handover.plan.amendment import edit_plan
from handover.plan.edits import Editor, Edits
from handover.plan.model import Plan
from handover.plan.selection import AccountFacts
from tests.worlds.small_company import ground_of, plan_of, row_of

CITIES = [("東京都", f"区{n}") for n in range(6)] + [("神奈川県", "横浜市")] * 2


def customers(count: int, seed: int) -> list[AccountFacts]:
    """Customers of one salesperson: a fifth key accounts, half with open business."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    places = [chance.choice(CITIES) for _ in range(count)]
    return [
        AccountFacts(
            source="files",
            account_id=f"A{n:03}",
            name=f"客先{n:03}",
            region=places[n][0],
            city=places[n][1],
            customer_class="key" if chance.random() < 0.2 else "normal",
            closed_days=chance.choice(["", "", "", "水", "土日"]),
            open_opportunities=chance.randrange(2),
            open_requests=chance.randrange(2),
            open_amounts={"JPY": Decimal(chance.randrange(10**7))},
            groups=chance.randint(3, 5),
            reachable=("C1", "C2"),
        )
        for n in range(count)
    ]


def eighty_in_two_days() -> Plan:
    """Draw up story 4: 80 customers with open business in 58 towns, and 2 days."""
    accounts = [
        AccountFacts(
            source="files",
            account_id=f"A{n:03}",
            name=f"客先{n:03}",
            city=f"町{n % 58}",
            open_opportunities=1,
            opportunities=(f"O{n}",),
            open_amounts={"JPY": Decimal(n)},
        )
        for n in range(80)
    ]
    return plan_of(accounts, start=dt.date(2027, 3, 1), end=dt.date(2027, 3, 2))


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long something took."""
    begun = time.perf_counter()
    yield
    print(f"{what:<42}{time.perf_counter() - begun:8.3f} s")


def described(plan: Plan) -> str:
    """Say what a plan came to."""
    placed = sum(row.visit is not None for row in plan.rows)
    return (
        f"  placed {placed}, overflow {len(plan.overflow)}, minimum"
        f" {plan.minimum_days} days (proved: {plan.minimum_days_bound.days},"
        f" {plan.minimum_days_bound.why})"
    )


def promoted(plan: Plan, accounts: list[AccountFacts]) -> Plan:
    """Let the manager promote the first customer who would only be informed."""
    first = next(row.account_id for row in plan.rows if row.mode is Mode.INFORM)
    return edit_plan(
        plan,
        Edits(meet=(first,), reason="依頼"),
        Editor(person_id="M", name="上司", is_manager=True, managers="上司"),
        ground_of(accounts),
        owner_is_active=True,
    )


def main() -> None:
    """Print seconds, visits and overflow."""
    for seed in range(3):
        accounts = customers(140, seed)
        with timed(f"140 customers, seed {seed}"):
            plan = plan_of(accounts)
        print(described(plan))
        with timed("  a week shorter"):
            short = plan_of(accounts, end=plan.end - dt.timedelta(days=7))
        print(described(short))
        with timed("  one promoted"):
            after = promoted(plan, accounts)
        met = [row for row in plan.rows if row.visit]
        moved = sum(row_of(after, row.account_id).visit != row.visit for row in met)
        print(f"  appointments moved or dropped: {moved} of {len(met)}")
    with timed("80 customers in 58 towns, 2 days"):
        story = eighty_in_two_days()
    print(described(story))


if __name__ == "__main__":
    main()
