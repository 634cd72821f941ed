"""Draw up a plan from facts: a pure function, the same plan for the same input.

Every account that the predecessor owns becomes a row, whatever happens with it (R3);
the rules say who is met, the scheduler when.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from handover.ledger.states import Mode, PlanState
from handover.plan.errors import NotConserved
from handover.plan.model import (
    Bound,
    CoAttendance,
    Option,
    Plan,
    PlannedOpportunity,
    Row,
)
from handover.plan.moves import Assignment, Move, assign
from handover.plan.scheduler.calendar import Calendars, parse_closed_days
from handover.plan.selection import (
    NOT_NAMED,
    AccountFacts,
    Measure,
    PlanFacts,
    blind_rules,
    measure,
    reasons,
)
from handover.plan.visits import (
    Arrangement,
    Frame,
    Ground,
    Wish,
    arrange,
    visit_minutes,
    wish,
)
from handover.plan.ways_out import Situation, options
from handover.policy import Policy


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """What somebody wants planned. Dates that are None are found."""

    source: str
    org_id: str
    generation: int
    plan_id: str
    """``{month}`` in it becomes the month of the effective date."""
    version: int = 1
    predecessor: str
    manager: str | None
    absent: bool = False
    moves: tuple[Move, ...]
    regions: Mapping[str, str | None] = field(default_factory=dict)
    """Of the successors, where known."""
    notice: dt.date | None = None
    announce: dt.date | None = None
    start: dt.date | None = None
    end: dt.date | None = None
    effective: dt.date | None = None
    reorganisation: str | None = None
    currency: str = "JPY"

    def frame(self, start: dt.date) -> Frame:
        """Say what the visits have in common."""
        return Frame(
            predecessor=self.predecessor,
            manager=self.manager,
            absent=self.absent,
            start=start,
            end=self.end,
        )


def build_plan(
    facts: PlanFacts,
    request: PlanRequest,
    policy: Policy,
    calendars: Calendars,
    as_of: dt.date,
) -> Plan:
    """Draw up one predecessor's plan; its overflow says if the period is too short."""
    by = measure(facts, policy, request.currency, as_of)
    blind = blind_rules(facts.mapped)
    drafted = _drafted(facts, request, by, blind)
    frame = request.frame(request.start or calendars.company.after(as_of))
    accounts = {account.account_id: account for account in facts.accounts}
    ground = Ground(accounts=accounts, policy=policy, calendars=calendars)
    arrangement = arrange(drafted, frame, ground)
    effective = request.effective or calendars.company.after(arrangement.schedule.end)
    rows = tuple(_dated(row, effective) for row in arrangement.rows)
    arrangement = replace(arrangement, rows=rows)
    check_conserved(facts.accounts, rows)
    notice = request.notice or as_of
    plan = Plan(
        id=request.plan_id.replace("{month}", f"{effective:%Y-%m}"),
        source=request.source,
        version=request.version,
        state=PlanState.DRAFT,
        fingerprint="",
        author=None,
        predecessor=request.predecessor,
        successors=successors_of(rows),
        manager=request.manager,
        absent=request.absent,
        notice=notice,
        announce=request.announce or notice,
        start=frame.start,
        effective=effective,
        expires_days=policy.plan.expires_days,
        loose=facts.loose,
        reorganisation=request.reorganisation,
        policy_hash=policy.hash,
        org_id=request.org_id,
        generation=request.generation,
        notes=_notes(facts, blind),
        **scheduled(arrangement, request.manager, effective, policy),
    )
    return sealed(plan)


def _drafted(
    facts: PlanFacts, request: PlanRequest, by: Measure, blind: Sequence[str]
) -> list[Row]:
    """Make a row of every account, by the rules alone."""
    minutes = {a.account_id: visit_minutes(a, by.policy) for a in facts.accounts}
    assigned = assign(facts.accounts, request.moves, minutes, request.regions)
    return [
        _row(account, assigned.get(account.account_id), request, by, blind)
        for account in sorted(facts.accounts, key=lambda account: account.account_id)
    ]


def scheduled(
    arrangement: Arrangement, manager: str | None, effective: dt.date, policy: Policy
) -> dict[str, Any]:
    """State the parts of a plan that follow from its schedule."""
    schedule = arrangement.schedule
    situation = Situation(
        rows=arrangement.rows,
        overflow=arrangement.overflow,
        problem=arrangement.problem,
        schedule=schedule,
        manager=manager,
        effective=effective,
        online_minutes=policy.plan.visit_online,
    )
    found: tuple[Option, ...] = options(situation)
    return {
        "rows": arrangement.rows,
        "end": schedule.end,
        "minimum_days": schedule.minimum_days,
        "minimum_end": schedule.minimum_end,
        "minimum_days_bound": Bound(days=schedule.bound.days, why=schedule.bound.why),
        "overflow": arrangement.overflow,
        "options": found,
    }


def sealed(plan: Plan) -> Plan:
    """Write a plan's own fingerprint on it."""
    return plan.model_copy(update={"fingerprint": plan.computed_fingerprint()})


def is_too_short(plan: Plan) -> bool:
    """Tell whether a must row has no slot."""
    return any(row.mode is Mode.MEET and row.visit is None for row in plan.rows)


def successors_of(rows: Sequence[Row]) -> tuple[str, ...]:
    """List who takes over something, each once."""
    found = (row.successor_id for row in rows if row.mode is not Mode.EXCLUDE)
    return tuple(dict.fromkeys(sorted(each for each in found if each)))


def check_conserved(accounts: Sequence[AccountFacts], rows: Sequence[Row]) -> None:
    """Insist that every account owned is exactly one row (R3).

    Raises:
        NotConserved: an account is missing, doubled or made up.
    """
    owned = sorted(account.account_id for account in accounts)
    planned = sorted(row.account_id for row in rows)
    if owned != planned:
        raise NotConserved(
            missing=sorted(set(owned) - set(planned)),
            extra=sorted(set(planned) - set(owned)),
        )


def _row(
    account: AccountFacts,
    assignment: Assignment | None,
    request: PlanRequest,
    by: Measure,
    blind: Sequence[str],
) -> Row:
    found = reasons(account, by, blind)
    row = Row(
        source=account.source,
        account_id=account.account_id,
        account=account.name,
        successor_id=assignment.successor_id if assignment else None,
        successor_reason=assignment.reason if assignment else None,
        mode=Mode.INFORM if assignment else Mode.EXCLUDE,
        reasons=found if assignment else (*found, NOT_NAMED),
        customer_class=account.customer_class,
        value=account.value(request.currency),
        score=account.score,
        ready=account.ready,
        effective=assignment.effective if assignment else None,
        co_attendance=_proposed(found, absent=request.absent),
        opportunities=tuple(
            PlannedOpportunity(id=each, action="transfer")
            for each in account.opportunities
        ),
        gaps=account.gaps,
        state="proposed" if assignment else "excluded",
        visit=None,
        area=account.area or None,
    )
    return row.model_copy(update={"mode": _mode(row)})


def _dated(row: Row, effective: dt.date) -> Row:
    """Date the change of owner; what is left out has none."""
    if row.mode is Mode.EXCLUDE or row.effective is not None:
        return row
    return row.model_copy(update={"effective": effective})


def _mode(row: Row) -> Mode:
    """Start with what the rules want; the schedule may still say otherwise."""
    if row.mode is Mode.EXCLUDE:
        return row.mode
    return Mode.INFORM if wish(row) is Wish.NONE else Mode.MEET


def _proposed(found: Sequence[str], *, absent: bool) -> CoAttendance:
    """Propose the manager where the predecessor cannot introduce the successor."""
    return "yes" if absent and "M1" in found else "undecided"


def _notes(facts: PlanFacts, blind: Sequence[str]) -> tuple[str, ...]:
    """List what the reader must know, as ``code:subject``."""
    unread = (
        f"closed_days_unread:{account.account_id}"
        for account in facts.accounts
        if parse_closed_days(account.closed_days).unread
    )
    return (*(f"rule_unmapped:{code}" for code in blind), *unread)
