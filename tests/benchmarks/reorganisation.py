"""How long a reorganisation takes: 24 people who hand over to the next one in a ring.

python -m tests.benchmarks.reorganisation [PEOPLE] [ACCOUNTS OF EACH]

Each plan knows the diaries that those before it filled. The ratio is to the time of one
plan alone, so that it says how much the others' diaries and the ways out cost.
"""

import datetime as dt
import sys
import time

from handover.plan.model import Plan
from handover.plan.moves import Move
from handover.plan.scheduler.calendar import Calendars
from handover.plan.visits import list_engagements
from tests.benchmarks.plan import customers
from tests.worlds.small_company import COMPANY, plan_of

END = dt.date(2027, 9, 1)
"""Half a year; too short where everybody hands over 540 customers."""


def draw_up(people: int, accounts: int) -> list[Plan]:
    """Draw up everybody's plan, one after the other."""
    plans: list[Plan] = []
    for number in range(people):
        following = (number + 1) % people
        successor = f"P{following:02}" if people > 1 else "S"
        plan = plan_of(
            customers(accounts, number),
            calendars=Calendars(company=COMPANY, engagements=list_engagements(plans)),
            predecessor=f"P{number:02}",
            manager=f"M{number // 6}",
            moves=(Move(successor_id=successor),),
            end=END,
        )
        plans.append(plan)
    return plans


def timed(people: int, accounts: int) -> float:
    """Print what a reorganisation came to; return its CPU seconds."""
    begun = time.process_time()
    plans = draw_up(people, accounts)
    taken = time.process_time() - begun
    placed = sum(row.visit is not None for plan in plans for row in plan.rows)
    left = sum(len(plan.overflow) for plan in plans)
    print(
        f"{people:>3} people, {accounts:>4} accounts each {taken:9.2f} CPU s"
        f"   placed {placed}, without slot {left},"
        f" proved {sum(plan.minimum_days_proved for plan in plans)}"
    )
    return taken


def main() -> None:
    """Print CPU seconds and ratios."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    accounts = int(sys.argv[2]) if len(sys.argv) > 2 else 540
    one = timed(1, 540)
    shared = timed(24, 540 // 24)
    print(f"{'540 rows of 24 people to 540 of one':<42}{shared / one:8.1f}")
    alone = timed(1, accounts)
    everybody = timed(people, accounts)
    print(f"{'one of them to one plan alone':<42}{everybody / people / alone:8.1f}")


if __name__ == "__main__":
    main()
