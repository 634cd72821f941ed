"""A small company whose handovers the plan's tests draw up."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from handover.mirror.people import People, Person
from handover.plan.build import PlanOrder, PlanRequest, build_plan
from handover.plan.dates import PlanDates
from handover.plan.decision import Decision
from handover.plan.model import Plan, Row
from handover.plan.moves import Move
from handover.plan.scheduler.calendar import Calendars, WorkingDays
from handover.plan.selection import RULES, AccountFacts, PlanFacts
from handover.plan.terms import Circumstances
from handover.plan.visits import Ground
from handover.policy_file import load_policy
from mappings.load import load_mapping

TODAY = dt.date(2027, 3, 1)
NOW = dt.datetime(2027, 3, 1, 9, 0, tzinfo=dt.UTC)
POLICY = load_policy(None)
COMPANY = WorkingDays(country="JP")
CALENDARS = Calendars(company=COMPANY)
ALL_MAPPED = frozenset(column for rule in RULES for column in rule.reads)


def account(number: int, **known: Any) -> AccountFacts:
    """An account about which no rule has anything to say, unless it is told."""
    given: dict[str, Any] = {
        "source": "files",
        "account_id": f"A{number:02}",
        "name": f"客先{number:02}",
        "owner_id": "P",
        "region": "東",
        "reachable": (f"C{number:02}a", f"C{number:02}b"),
        "latest_interaction": TODAY,
        "score": 80.0,
        "ready": True,
    }
    return AccountFacts(**{**given, **known})


def with_opportunity(number: int, amount: int = 100, **known: Any) -> AccountFacts:
    """An account that must be met, because an opportunity is open."""
    return account(
        number,
        open_opportunities=1,
        opportunities=(f"O{number:02}",),
        open_amounts={"JPY": Decimal(amount)},
        **known,
    )


def key_account(number: int, **known: Any) -> AccountFacts:
    """An account that the CRM calls a key account."""
    return account(number, customer_class="key", **known)


def wanting(number: int, **known: Any) -> AccountFacts:
    """An account that should be met, because it waits for something."""
    return account(number, open_requests=1, **known)


def plan_of(
    accounts: Iterable[AccountFacts],
    *,
    calendars: Calendars = CALENDARS,
    facts: dict[str, Any] | None = None,
    **request: Any,
) -> Plan:
    """Draw up the plan of P, for S if nothing else is said."""
    given: dict[str, Any] = {
        "source": "files",
        "org_id": "org",
        "generation": 1,
        "plan_id": "{month}-p-s",
        "predecessor": "P",
        "manager": "M",
        "moves": (Move(successor_id="S"),),
    }
    given |= request
    dates = {f.name: given.pop(f.name, None) for f in fields(PlanDates)}
    order = {f.name: given.pop(f.name) for f in fields(PlanOrder) if f.name in given}
    known = PlanFacts(accounts=tuple(accounts), mapped=ALL_MAPPED, **(facts or {}))
    asked = PlanRequest(order=PlanOrder(**order, dates=PlanDates(**dates)), **given)
    return build_plan(known, asked, POLICY, calendars, TODAY)


def ground_of(
    accounts: Iterable[AccountFacts], calendars: Calendars = CALENDARS
) -> Ground:
    """The facts on which a plan is edited."""
    return Ground(
        accounts={each.account_id: each for each in accounts},
        policy=POLICY,
        calendars=calendars,
        today=TODAY,
    )


def row_of(plan: Plan, account_id: str) -> Row:
    """The row of an account, which is there."""
    found = plan.row(account_id)
    assert found is not None
    return found


def people(**changes: dict[str, Any]) -> People:
    """P and S work for M, M for the boss B; D stands in for M; X has left."""
    known: dict[str, dict[str, Any]] = {
        "P": {"name": "佐藤", "manager_id": "M"},
        "S": {"name": "田中", "manager_id": "M"},
        "T": {"name": "鈴木", "manager_id": "M"},
        "M": {"name": "高橋", "manager_id": "B", "delegate_id": "D"},
        "D": {"name": "伊藤", "manager_id": "B"},
        "B": {"name": "渡辺"},
        "X": {"name": "山本", "is_active": False},
        "N": {"name": "誰の部下でもない人"},
    }
    for user, change in changes.items():
        known[user] = {**known[user], **change}
    persons = {user: Person(id=user, **known[user]) for user in known}
    return People(by_id=persons, file=Path("people.csv"))


MAPPING = load_mapping("files", Path())


def now(**changes: dict[str, Any]) -> Circumstances:
    """The company as it is, with these people changed."""
    return Circumstances(people=people(**changes), policy=POLICY, mapping=MAPPING)


def by(person: str, **known: Any) -> Decision:
    """A decision of a person, made at their own login."""
    given: dict[str, Any] = {
        "person_id": person,
        "actor": person.lower(),
        "host": "pc1",
        "tool_version": "1",
        "at": NOW,
    }
    return Decision(**{**given, **known})
