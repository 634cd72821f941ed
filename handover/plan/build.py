"""Draw up a plan from facts: a pure function, the same plan for the same input.

Every account that the predecessor owns becomes a row, whatever happens with it; the
rules say who is met, the scheduler when.
"""

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any

from handover.ledger.states import Mode, PlanState
from handover.mirror.busy_days import BusyDays
from handover.plan.capacity import Bound, Slots
from handover.plan.dates import RUSHED, Period, PlanDates, check_visit_day, settle
from handover.plan.errors import NotConserved
from handover.plan.loads import list_loads
from handover.plan.model import (
    LOOSE_TABLES,
    UNRESOLVED,
    Away,
    CoAttendance,
    Plan,
    PlannedOpportunity,
    PutAside,
    Row,
    Visit,
)
from handover.plan.moves import Move
from handover.plan.scheduler.calendar import Calendars, parse_closed_days
from handover.plan.selection import (
    NOT_NAMED,
    AccountFacts,
    Measure,
    PlanFacts,
    Wish,
    is_key_or_priority,
    list_blind_rules,
    list_reasons,
    measure,
)
from handover.plan.successors import Assignment, Sharing, assign
from handover.plan.visits import (
    Frame,
    Ground,
    ScheduledRows,
    count_visit_minutes,
    find_wish,
    schedule_visits,
)
from handover.policy import Policy

NEW_YEAR = "new_year_assumed"
"""The note of a plan over a new year for which nobody named closed days."""


@dataclass(frozen=True, kw_only=True)
class PlanOrder:
    """One predecessor's handover, as somebody asks for it; people by their ids."""

    predecessor: str
    moves: tuple[Move, ...]
    dates: PlanDates = field(default_factory=PlanDates)
    absent: bool = False
    """The predecessor cannot take part."""
    soon: bool = False
    """Visits take place as soon as possible, not spread over the period."""
    reorganisation: str | None = None
    discard: bool = False
    """Drop what people decided on an earlier draft."""
    busy: tuple[BusyDays, ...] = ()
    """When people are busy by their calendars."""


@dataclass(frozen=True, kw_only=True)
class PlanRequest:
    """An order, and what it is drawn up in: a source, its people, a plan's version."""

    order: PlanOrder
    source: str
    org_id: str
    generation: int
    plan_id: str
    """``{month}`` in it becomes the month of the effective date."""
    version: int = 1
    manager: str | None
    regions: Mapping[str, str | None] = field(default_factory=dict)
    """Of the successors, where known."""
    currency: str = "JPY"
    agreed: Mapping[str, Visit] = field(default_factory=dict)
    """Visits of an earlier draft that customers agreed to, by account."""
    absences: tuple[Away, ...] = ()
    """Of those who take part, by their calendars."""

    def frame(self, start: dt.date, end: dt.date | None) -> Frame:
        """Return what the visits have in common."""
        return Frame(
            predecessor=self.order.predecessor,
            manager=self.manager,
            absent=self.order.absent,
            start=start,
            end=end,
            soon=self.order.soon,
            afresh=True,
        )


def build_plan(
    facts: PlanFacts,
    request: PlanRequest,
    policy: Policy,
    calendars: Calendars,
    as_of: dt.date,
) -> Plan:
    """Draw up one predecessor's plan; its overflow tells if the period is too short."""
    order = request.order
    by = measure(facts, policy, request.currency, as_of)
    blind = list_blind_rules(facts.mapped)
    ground = Ground(
        accounts={account.account_id: account for account in facts.accounts},
        policy=policy,
        calendars=calendars,
        today=as_of,
        portfolios=facts.portfolios,
    )
    drafted = _make_rows(facts, request, by, blind)
    period = settle(
        order.dates,
        [row.effective for row in drafted if row.mode is not Mode.EXCLUDE],
        company=calendars.company,
        today=as_of,
        lead_days=policy.plan.lead_days,
    )
    scheduled = _schedule(drafted, request, period, ground)
    effective = period.find_effective(scheduled.schedule.end, calendars.company)
    rows = tuple(_date_row(row, effective) for row in scheduled.rows)
    for row in rows:
        agreed = row.visit.date if row.visit and row.is_agreed else None
        check_visit_day(row, agreed, period.announce)
    check_conserved(facts.accounts, rows)
    plan = Plan(
        id=request.plan_id.replace("{month}", f"{effective:%Y-%m}"),
        source=request.source,
        version=request.version,
        state=PlanState.DRAFT,
        fingerprint="",
        author=None,
        predecessor=order.predecessor,
        successors=list_successors(rows),
        manager=request.manager,
        absent=order.absent,
        notice=period.notice,
        announce=period.announce,
        start=period.start,
        effective=effective,
        expires_days=policy.plan.expires_days,
        loose=facts.loose,
        aside=facts.aside,
        absences=request.absences,
        reorganisation=order.reorganisation,
        policy_hash=policy.hash,
        org_id=request.org_id,
        generation=request.generation,
        notes=_list_notes(
            facts,
            blind,
            period,
            is_over_new_year=calendars.company.assumes_closure(period.start, effective),
        ),
        loads=list_loads(rows, facts.portfolios),
        **read_schedule(replace(scheduled, rows=rows)),
    )
    return seal(plan)


def _schedule(
    rows: Sequence[Row], request: PlanRequest, period: Period, ground: Ground
) -> ScheduledRows:
    """Schedule the visits, in the shortest period if nobody named its end.

    If the day on which owners change leaves less than that, what there is is used.
    """
    frame = request.frame(period.start, period.end)
    scheduled = schedule_visits(rows, frame, ground)
    if period.latest is None or scheduled.schedule.end <= period.latest:
        return scheduled
    return schedule_visits(rows, request.frame(period.start, period.latest), ground)


def _make_rows(
    facts: PlanFacts, request: PlanRequest, by: Measure, blind: Sequence[str]
) -> list[Row]:
    """Make a row of every account, by the rules alone."""
    accounts = sorted(facts.accounts, key=lambda account: account.account_id)
    minutes = {
        account.account_id: count_visit_minutes(
            account, by.policy, account.customer_class
        )
        for account in accounts
    }
    sharing = Sharing(
        minutes=minutes, regions=request.regions, portfolios=facts.portfolios
    )
    assigned = assign(accounts, request.order.moves, sharing)
    unread = list_unread_opportunities(facts.aside)
    rows = [
        _make_row(account, assigned.get(account.account_id), request, by, blind)
        for account in accounts
    ]
    return [wait_for_decisions(row, unread, known=()) for row in rows]


def _make_row(
    account: AccountFacts,
    assignment: Assignment | None,
    request: PlanRequest,
    by: Measure,
    blind: Sequence[str],
) -> Row:
    found = list_reasons(account, by, blind)
    row = Row(
        source=account.source,
        account_id=account.account_id,
        account=account.name,
        successor_id=assignment.successor_id if assignment else None,
        successor_reason=assignment.reason if assignment else None,
        mode=Mode.INFORM if assignment else Mode.EXCLUDE,
        reasons=found if assignment else (*found, NOT_NAMED),
        customer_class=account.customer_class,
        proposed_class=account.proposed_class,
        value=account.value(request.currency),
        open_amount=account.open_amounts.get(request.currency, Decimal(0)),
        score=account.score,
        ready=account.ready,
        effective=assignment.effective if assignment else None,
        co_attendance=_propose_attendance(found, absent=request.order.absent),
        opportunities=tuple(
            PlannedOpportunity(
                id=each, name=account.opportunity_names.get(each), action="transfer"
            )
            for each in account.opportunities
        ),
        gaps=account.gaps,
        state="proposed" if assignment else "excluded",
        visit=request.agreed.get(account.account_id) if assignment else None,
        area=account.area or None,
        region=account.region,
    )
    if assignment and find_wish(row) is not Wish.NONE:  # the schedule may say otherwise
        return row.model_copy(update={"mode": Mode.MEET})
    return row


def _propose_attendance(found: Sequence[str], *, absent: bool) -> CoAttendance:
    """Propose the manager where the predecessor cannot introduce the successor."""
    return "yes" if absent and is_key_or_priority(found) else "undecided"


def _date_row(row: Row, effective: dt.date) -> Row:
    """Date the change of owner; what is left out has none."""
    if row.mode is Mode.EXCLUDE or row.effective is not None:
        return row
    return row.model_copy(update={"effective": effective})


def _list_notes(
    facts: PlanFacts, blind: Sequence[str], period: Period, *, is_over_new_year: bool
) -> tuple[str, ...]:
    """List what people must know, as ``code:subject``."""
    seen = {table for table, _ in facts.mapped}
    unseen = [table for table in LOOSE_TABLES if table not in seen]
    unread = (
        f"closed_days_unread:{account.account_id}"
        for account in facts.accounts
        if parse_closed_days(account.closed_days).unread
    )
    return (
        *([NEW_YEAR] if is_over_new_year else []),
        *((f"{RUSHED}:{period.start}",) if period.is_rushed else ()),
        *((f"tables_unread:{' '.join(unseen)}",) if unseen else ()),
        *(f"rule_unmapped:{code}" for code in blind),
        *unread,
    )


# What a plan says that was edited, as well.


def list_unread_opportunities(aside: Iterable[PutAside]) -> frozenset[str]:
    """Return the ids of the open opportunities of which a value could not be read."""
    return frozenset(
        each.id for each in aside if each.is_open and each.reason != UNRESOLVED
    )


def wait_for_decisions(
    row: Row, unread: Collection[str], known: Collection[str]
) -> Row:
    """Let opportunities of which a value could not be read wait for a decision.

    Args:
        row: with its opportunities.
        unread: the ids of all that could not be read.
        known: those of them that the version before knew, decided or not.
    """

    def wait(each: PlannedOpportunity) -> PlannedOpportunity:
        if each.id in unread and each.id not in known:
            return each.model_copy(update={"action": None, "until": None})
        if each.id not in unread and each.action in (None, "leave"):
            return each.model_copy(update={"action": "transfer", "until": None})
        return each

    waiting = tuple(map(wait, row.opportunities))
    return row.model_copy(update={"opportunities": waiting})


def read_schedule(scheduled: ScheduledRows) -> dict[str, Any]:
    """Read the parts of a plan that follow from its schedule."""
    schedule = scheduled.schedule
    return {
        "rows": scheduled.rows,
        "end": schedule.end,
        "minimum_days": schedule.minimum_days,
        "minimum_end": schedule.minimum_end,
        "minimum_days_bound": Bound(**asdict(schedule.bound)),
        "minimum_days_proved": schedule.is_proved,
        "slots": tuple(Slots(**asdict(room)) for room in schedule.rooms),
        "overflow": scheduled.overflow,
        "options": (),
    }


def seal(plan: Plan) -> Plan:
    """Write a plan's own fingerprint on it."""
    return plan.model_copy(update={"fingerprint": plan.computed_fingerprint()})


def is_too_short(plan: Plan) -> bool:
    """Return whether a must row has no slot."""
    return bool(plan.unplaced)


def list_successors(rows: Sequence[Row]) -> tuple[str, ...]:
    """List who takes over something, each once."""
    found = (row.successor_id for row in rows if row.mode is not Mode.EXCLUDE)
    return tuple(dict.fromkeys(sorted(each for each in found if each)))


def check_conserved(accounts: Sequence[AccountFacts], rows: Sequence[Row]) -> None:
    """Check that every account owned is exactly one row.

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
