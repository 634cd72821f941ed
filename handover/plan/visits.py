"""Schedule the visits of a plan's rows.

A row wishes a visit because a rule or a person says so; here the wishes become needs
for the scheduler, and the slots it finds become visits, modes and the overflow.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from handover.ledger.states import Mode
from handover.plan.answered import keep_answer
from handover.plan.capacity import Overflow
from handover.plan.limits import read_limits, read_time, write_time
from handover.plan.model import Plan, PutAside, Row, Visit
from handover.plan.portfolio import Portfolio
from handover.plan.scheduler.calendar import (
    Calendars,
    ClosedDays,
    Days,
    Engagement,
    parse_closed_days,
)
from handover.plan.scheduler.problem import Need, Slot, VisitProblem
from handover.plan.scheduler.solver import Schedule, solve
from handover.plan.scheduler.travel import Area
from handover.plan.selection import KEY_CLASSES, SHOULD, AccountFacts, Wish, find_musts
from handover.policy import Policy

RANKS = {"key": 0, "priority": 1}
"""Customer classes by who is met first."""
CONTACTS = {"key": 2}
"""People named in a visit, by class; one where nothing is said."""


def find_wish(row: Row) -> Wish:
    """Decide by a row's mode, reasons and decisions how much it is to be visited.

    What is held is visited by the rules, as it changes hands all the same.
    """
    if row.mode is Mode.EXCLUDE:
        return Wish.NONE
    if row.visit is not None and (row.visit.pinned or row.is_agreed):
        return Wish.MUST
    if row.mode_by is not None and row.mode is not Mode.HOLD:
        return Wish.MUST if row.mode is Mode.MEET else Wish.NONE
    if find_musts(row.reasons):
        return Wish.MUST
    return Wish.NONE if SHOULD.isdisjoint(row.reasons) else Wish.SHOULD


def priority(row: Row) -> tuple[Wish, int, Decimal, str]:
    """Sort rows by who is to be met first, if not everybody can be.

    Musts: key accounts, priority accounts, open business by its amount, the others by
    their value; then what should be met, by value; ties by account.
    """
    wish = find_wish(row)
    rank = RANKS.get(row.customer_class or "", len(RANKS) + 1)
    if wish is Wish.MUST and rank > len(RANKS) and row.open_amount:
        return wish, len(RANKS), -row.open_amount, row.account_id
    if wish is not Wish.MUST:
        rank = 0
    return wish, rank, -row.value, row.account_id


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a predecessor's visits have in common."""

    predecessor: str
    manager: str | None
    absent: bool
    start: dt.date
    end: dt.date | None
    """None: as short as the musts allow."""
    effective: dt.date | None = None
    """The day on which owners change unless a row has a day of its own. It follows the
    end of the visits, and bounds nothing."""
    soon: bool = False
    """Visits take place as soon as possible, not spread over the period."""
    afresh: bool = False
    """Of the visits there are, only those that customers agreed to stay."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What visits are planned on: facts of the accounts, policy and calendars."""

    accounts: Mapping[str, AccountFacts]
    policy: Policy
    calendars: Calendars
    today: dt.date
    aside: tuple[PutAside, ...] = ()
    """What could not be read of them."""
    visited: frozenset[str] = frozenset()
    """Accounts whose visit, as it was approved, is over."""
    given: frozenset[tuple[str, str]] = frozenset()
    """Loose records that were handed over, by table and id."""
    portfolios: Mapping[str, Portfolio] = field(default_factory=dict)
    """What people own now, by user id."""
    name: Callable[[str], str] = str
    """Turns the ids of users into names; by default they stay ids."""


@dataclass(frozen=True, kw_only=True)
class ScheduledRows:
    """Rows with their visits, and how the scheduler came to them."""

    rows: tuple[Row, ...]
    overflow: tuple[Overflow, ...]
    schedule: Schedule
    problem: VisitProblem


def schedule_visits(
    rows: Sequence[Row],
    frame: Frame,
    ground: Ground,
    dates: Mapping[str, dt.date] | None = None,
    times: Mapping[str, str] | None = None,
    *,
    prove: bool = True,
) -> ScheduledRows:
    """Schedule a visit for each row that wishes one; visits they have stay if they can.

    What a customer agreed to never moves, unless a person sets another day for it. What
    one declined stays as it is, and takes nobody's time, until a person decides.

    Args:
        rows: all rows of a plan.
        frame: people and period.
        ground: facts, policy and calendars.
        dates: days that a person set for accounts, beyond visits pinned already.
        times: when visits begin on those days, as ``HH:MM``, where the person said so.
        prove: see ``solve``.
    """
    pinned, timed = dict(dates or {}), dict(times or {})
    for row in rows:
        is_known = row.account_id in pinned or row.is_declined
        if row.visit and row.visit.pinned and not is_known:
            pinned[row.account_id] = row.visit.date
            if row.visit.timed:
                timed[row.account_id] = row.visit.start
    visiting = _Visiting(frame=frame, ground=ground, dates=pinned, times=timed)
    problem = visiting.make_problem(rows)
    schedule = solve(problem, prove=prove)
    scheduled = tuple(visiting.schedule_row(row, schedule.slots) for row in rows)
    return ScheduledRows(
        rows=scheduled,
        overflow=_list_overflow(scheduled),
        schedule=schedule,
        problem=problem,
    )


def _list_overflow(rows: Iterable[Row]) -> tuple[Overflow, ...]:
    """List the rows that wish a visit and have none, in order of priority."""
    left = [r for r in rows if find_wish(r) is not Wish.NONE and r.visit is None]
    return tuple(
        Overflow(
            account_id=row.account_id, reason=" ".join(row.reasons), value=row.value
        )
        for row in sorted(left, key=priority)
    )


@dataclass(frozen=True, kw_only=True)
class _Visiting:
    """Turns the rows of one plan into needs, and slots into visits."""

    frame: Frame
    ground: Ground
    dates: Mapping[str, dt.date] = field(default_factory=dict)
    times: Mapping[str, str] = field(default_factory=dict)

    def make_problem(self, rows: Iterable[Row]) -> VisitProblem:
        wishing: dict[Wish, list[Need]] = {each: [] for each in Wish}
        kept: dict[str, Slot] = {}
        for row in sorted(rows, key=priority):
            level = Wish.MUST if row.account_id in self.dates else find_wish(row)
            if row.mode is Mode.HOLD and not self._leaves_room(row):
                continue
            if level is Wish.NONE or not self._list_sellers(row):
                continue
            if self._is_off(row):
                continue
            need = self._make_need(row)
            wishing[level].append(need)
            if row.visit is not None and not self.frame.afresh:
                slot = _read_slot(row.visit)
                if row.class_by and not row.is_agreed:  # it may last longer now
                    slot = replace(slot, end=slot.start + need.minutes)
                kept[row.account_id] = slot
        return VisitProblem(
            musts=tuple(wishing[Wish.MUST]),
            shoulds=tuple(wishing[Wish.SHOULD]),
            start=self.frame.start,
            end=self.frame.end,
            calendars=self.ground.calendars,
            limits=read_limits(self.ground.policy),
            kept=kept,
            soon=self.frame.soon,
        )

    def _leaves_room(self, row: Row) -> bool:
        """Tell whether any day of the visits comes before a row's change of owner."""
        return row.effective is None or self.frame.start < row.effective

    def _is_off(self, row: Row) -> bool:
        """Tell whether a visit was declined, and nobody set another day for it."""
        return row.is_declined and row.account_id not in self.dates

    def schedule_row(self, row: Row, slots: Mapping[str, Slot]) -> Row:
        if self._is_off(row):
            return row
        slot = slots.get(row.account_id)
        if slot is not None:
            visit = self._make_visit(row, slot)
            met = row.mode if row.mode is Mode.HOLD else Mode.MEET
            return row.model_copy(update={"mode": met, "visit": visit})
        if row.mode is Mode.HOLD:
            return row.model_copy(update={"visit": None})
        left = {Wish.MUST: Mode.MEET, Wish.SHOULD: Mode.INFORM, Wish.NONE: row.mode}
        mode = left[find_wish(row)]
        return row.model_copy(update={"mode": mode, "visit": None})

    def _make_visit(self, row: Row, slot: Slot) -> Visit:
        account = self._find_account(row)
        attendees = self._list_sellers(row)
        if manager := self._find_manager(row):
            attendees = (*attendees, manager)
        visit = Visit(
            date=slot.date,
            start=write_time(slot.start),
            end=write_time(slot.end),
            minutes=slot.end - slot.start,
            travel_minutes=slot.travel,
            online=row.online,
            place=None if row.online else account.place,
            contact_ids=self._choose_contacts(row, account),
            attendees=attendees,
            pinned=row.account_id in self.dates,
            timed=row.account_id in self.times,
        )
        return keep_answer(visit, row.visit)

    def _find_agreed(self, row: Row) -> Slot | None:
        """Find what a customer agreed to, unless a person set another day or time."""
        visit, account = row.visit, row.account_id
        if visit is None or not row.is_agreed:
            return None
        asked = self.dates.get(account, visit.date), self.times.get(account)
        is_kept = asked in ((visit.date, None), (visit.date, visit.start))
        return _read_slot(visit) if is_kept else None

    def _make_need(self, row: Row) -> Need:
        account = self._find_account(row)
        policy = self.ground.policy
        time = self.times.get(row.account_id)
        return Need(
            account_id=row.account_id,
            minutes=(
                policy.plan.visit_online
                if row.online
                else count_visit_minutes(account, policy, row.customer_class)
            ),
            people=max(len(self._choose_contacts(row, account)), 1),
            area=read_area(row),
            sellers=self._list_sellers(row),
            manager=self._find_manager(row),
            closed=self._find_closed(row, account),
            online=row.online,
            date=self.dates.get(row.account_id),
            time=read_time(time) if time is not None else None,
            agreed=self._find_agreed(row),
            use_reserve=_is_decided(row),
            family=account.family or row.account_id,
        )

    def _find_closed(self, row: Row, account: AccountFacts) -> ClosedDays:
        """Find on which days a customer cannot be visited.

        Besides their own closed days those from the change of owner on, and for visits
        that are still to come the days that are over.
        """
        own = parse_closed_days(account.closed_days)
        more = []
        if row.effective not in (None, self.frame.effective):
            more.append(Days(first=row.effective, last=dt.date.max))
        today = self.ground.today
        if self.frame.start < today and (row.visit is None or row.visit.date >= today):
            over = today - dt.timedelta(days=1)
            more.append(Days(first=self.frame.start, last=over))
        return replace(own, days=(*own.days, *more)) if more else own

    def _find_account(self, row: Row) -> AccountFacts:
        """Find the account's facts; of one that is gone we know the name."""
        return self.ground.accounts.get(row.account_id) or AccountFacts(
            source=row.source, account_id=row.account_id, name=row.account
        )

    def _choose_contacts(self, row: Row, account: AccountFacts) -> tuple[str, ...]:
        most = CONTACTS.get(row.customer_class or "", 1)
        return account.reachable[: min(most, self.ground.policy.plan.people)]

    def _list_sellers(self, row: Row) -> tuple[str, ...]:
        both = (None if self.frame.absent else self.frame.predecessor, row.successor_id)
        return tuple(dict.fromkeys(person for person in both if person))

    def _find_manager(self, row: Row) -> str | None:
        attends = row.is_attended and self.frame.manager
        return attends if attends and attends not in self._list_sellers(row) else None


def _is_decided(row: Row) -> bool:
    """Return whether a person decided that a customer is met, or is a key account."""
    is_key = row.class_by is not None and row.customer_class in KEY_CLASSES
    return row.mode is Mode.MEET and (row.mode_by is not None or is_key)


def count_visit_minutes(
    account: AccountFacts, policy: Policy, customer_class: str | None
) -> int:
    """Count the minutes of a visit: a key account's, or by the groups that apply."""
    if customer_class == "key":
        return policy.plan.visit_key
    return policy.plan.visit_base + policy.plan.visit_group * account.groups


def list_engagements(plans: Iterable[Plan]) -> dict[str, list[Engagement]]:
    """List the visits of other plans in the diaries of all who come, by user id."""
    found: dict[str, list[Engagement]] = {}
    visited = (row for plan in plans for row in plan.rows if row.visit)
    for row in (row for row in visited if not row.is_declined):
        engagement = _read_engagement(row)
        for person in row.visit.attendees if row.visit else ():
            found.setdefault(person, []).append(engagement)
    return found


def _read_engagement(row: Row) -> Engagement:
    visit = row.visit
    assert visit is not None  # noqa: S101  # callers pick rows with a visit
    slot = _read_slot(visit)
    return Engagement(
        date=slot.date,
        start=slot.start,
        end=slot.end,
        travel=slot.travel,
        area=read_area(row),
        people=max(len(visit.contact_ids), 1),
        online=visit.online,
    )


def read_area(row: Row) -> Area:
    """Read where a row's customer is."""
    return Area(region=row.region or "", city=row.area or "")


def _read_slot(visit: Visit) -> Slot:
    return Slot(
        date=visit.date,
        start=read_time(visit.start),
        end=read_time(visit.end),
        travel=visit.travel_minutes,
    )
