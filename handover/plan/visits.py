"""From rows to visits and back.

A row wishes a visit because a rule or a person says so; here the wishes become needs
for the scheduler, and what it found becomes visits, modes and the overflow.
"""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction

from handover.ledger.states import Mode
from handover.plan.model import Overflow, Plan, Row, Visit
from handover.plan.scheduler.calendar import Calendars, Engagement, parse_closed_days
from handover.plan.scheduler.diary import Limits, Need, Slot
from handover.plan.scheduler.packing import VisitProblem
from handover.plan.scheduler.solver import Schedule, solve
from handover.plan.selection import DECIDED, MUST, AccountFacts
from handover.policy import Policy

CONTACTS = {"key": 2}
"""People named in a visit, by class; one where nothing is said."""


class Wish(IntEnum):
    """How much a row wants a visit; the order is that of priority."""

    MUST = 0
    SHOULD = 1
    NONE = 2


def wish(row: Row) -> Wish:
    """Tell from a row's mode, reasons and decisions how much it wants a visit."""
    if row.mode in (Mode.HOLD, Mode.EXCLUDE):
        return Wish.NONE
    if row.visit is not None and row.visit.pinned:
        return Wish.MUST
    if row.mode_by is not None:
        return Wish.MUST if row.mode is Mode.MEET else Wish.NONE
    if must_rules(row):
        return Wish.MUST
    return Wish.SHOULD if row.reasons else Wish.NONE


def must_rules(row: Row) -> frozenset[str]:
    """Tell which rules, not persons, make a row a must."""
    return MUST.intersection(row.reasons) - {DECIDED}


def priority(row: Row) -> tuple[Wish, object, str]:
    """Sort rows: must before should, then value, then account (design §17)."""
    return wish(row), -row.value, row.account_id


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What a predecessor's visits have in common."""

    predecessor: str
    manager: str | None
    absent: bool
    start: dt.date
    end: dt.date | None
    """None: as short as the musts allow."""


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What visits are planned on: facts of the accounts, policy and calendars."""

    accounts: Mapping[str, AccountFacts]
    policy: Policy
    calendars: Calendars


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """Rows with their visits, and how the scheduler got there."""

    rows: tuple[Row, ...]
    overflow: tuple[Overflow, ...]
    schedule: Schedule
    problem: VisitProblem


def arrange(
    rows: Sequence[Row],
    frame: Frame,
    ground: Ground,
    dates: Mapping[str, dt.date] | None = None,
) -> Arrangement:
    """Give the rows that wish one a visit; visits they have stay if they can.

    Args:
        rows: all rows of a plan.
        frame: people and period.
        ground: facts, policy and calendars.
        dates: days that a person set for accounts, beyond visits pinned already.
    """
    pinned = dict(dates or {})
    for row in rows:
        if row.visit and row.visit.pinned:
            pinned.setdefault(row.account_id, row.visit.date)
    desk = _Desk(frame=frame, ground=ground, dates=pinned)
    problem = desk.problem(rows)
    schedule = solve(problem)
    arranged = tuple(desk.arranged(row, schedule.slots) for row in rows)
    return Arrangement(
        rows=arranged,
        overflow=_overflow(arranged),
        schedule=schedule,
        problem=problem,
    )


def _overflow(rows: Iterable[Row]) -> tuple[Overflow, ...]:
    """List the rows that wish a visit and have none, in order of priority."""
    left = [r for r in rows if wish(r) is not Wish.NONE and r.visit is None]
    return tuple(
        Overflow(
            account_id=row.account_id, reason=" ".join(row.reasons), value=row.value
        )
        for row in sorted(left, key=priority)
    )


@dataclass(frozen=True, kw_only=True)
class _Desk:
    """Translates between rows and needs for one arrangement."""

    frame: Frame
    ground: Ground
    dates: Mapping[str, dt.date] = field(default_factory=dict)

    def problem(self, rows: Iterable[Row]) -> VisitProblem:
        wishing: dict[Wish, list[Need]] = {each: [] for each in Wish}
        kept: dict[str, Slot] = {}
        for row in sorted(rows, key=priority):
            level = Wish.MUST if row.account_id in self.dates else wish(row)
            if level is Wish.NONE or not self._sellers(row):
                continue
            wishing[level].append(self._need(row))
            if row.visit is not None:
                kept[row.account_id] = _slot(row.visit)
        return VisitProblem(
            musts=tuple(wishing[Wish.MUST]),
            shoulds=tuple(wishing[Wish.SHOULD]),
            start=self.frame.start,
            end=self.frame.end,
            calendars=self.ground.calendars,
            limits=limits(self.ground.policy),
            kept=kept,
        )

    def arranged(self, row: Row, slots: Mapping[str, Slot]) -> Row:
        slot = slots.get(row.account_id)
        if slot is not None:
            visit = self._visit(row, slot)
            return row.model_copy(update={"mode": Mode.MEET, "visit": visit})
        left = {Wish.MUST: Mode.MEET, Wish.SHOULD: Mode.INFORM, Wish.NONE: row.mode}
        mode = left[wish(row)]
        return row.model_copy(update={"mode": mode, "visit": None})

    def _visit(self, row: Row, slot: Slot) -> Visit:
        account = self._account(row)
        attendees = self._sellers(row)
        if manager := self._manager(row):
            attendees = (*attendees, manager)
        return Visit(
            date=slot.date,
            start=clock(slot.start),
            end=clock(slot.end),
            minutes=slot.end - slot.start,
            travel_minutes=slot.travel,
            online=row.online,
            place=None if row.online else account.place,
            contact_ids=self._contacts(account),
            attendees=attendees,
            pinned=row.account_id in self.dates,
        )

    def _need(self, row: Row) -> Need:
        account = self._account(row)
        policy = self.ground.policy
        return Need(
            account_id=row.account_id,
            minutes=(
                policy.plan.visit_online
                if row.online
                else visit_minutes(account, policy)
            ),
            people=max(len(self._contacts(account)), 1),
            area=row.area or "",
            sellers=self._sellers(row),
            manager=self._manager(row),
            closed=parse_closed_days(account.closed_days),
            online=row.online,
            date=self.dates.get(row.account_id),
            family=account.family or row.account_id,
        )

    def _account(self, row: Row) -> AccountFacts:
        """Take the account's facts; of one that is gone we know its name."""
        return self.ground.accounts.get(row.account_id) or AccountFacts(
            source=row.source, account_id=row.account_id, name=row.account
        )

    def _contacts(self, account: AccountFacts) -> tuple[str, ...]:
        most = CONTACTS.get(account.customer_class or "", 1)
        return account.reachable[: min(most, self.ground.policy.plan.people)]

    def _sellers(self, row: Row) -> tuple[str, ...]:
        both = (None if self.frame.absent else self.frame.predecessor, row.successor_id)
        return tuple(dict.fromkeys(person for person in both if person))

    def _manager(self, row: Row) -> str | None:
        attends = row.co_attendance == "yes" and self.frame.manager
        return attends if attends and attends not in self._sellers(row) else None


def visit_minutes(account: AccountFacts, policy: Policy) -> int:
    """Tell how long a visit takes: a key account's, or by the groups that apply."""
    if account.customer_class == "key":
        return policy.plan.visit_key
    return policy.plan.visit_base + policy.plan.visit_group * account.groups


def limits(policy: Policy) -> Limits:
    """Take the limits of a day from the policy."""
    plan = policy.plan
    return Limits(
        spans=tuple(_span(text) for text in plan.day),
        minutes=plan.minutes,
        visits=plan.visits,
        people=plan.people,
        travel_far=plan.travel_far,
        travel_near=plan.travel_near,
        manager_visits=plan.manager_visits,
        slack=Fraction(str(plan.slack)),
    )


def engagements(plans: Iterable[Plan]) -> dict[str, list[Engagement]]:
    """Enter the visits of other plans into the diaries of all who come (R45)."""
    found: dict[str, list[Engagement]] = {}
    for row in (row for plan in plans for row in plan.rows if row.visit):
        engagement = _engagement(row)
        for person in row.visit.attendees if row.visit else ():
            found.setdefault(person, []).append(engagement)
    return found


def _engagement(row: Row) -> Engagement:
    visit = row.visit
    assert visit is not None  # noqa: S101  # callers pick rows with a visit
    slot = _slot(visit)
    return Engagement(
        date=slot.date,
        start=slot.start,
        end=slot.end,
        travel=slot.travel,
        area=row.area or "",
        people=max(len(visit.contact_ids), 1),
        online=visit.online,
    )


def _slot(visit: Visit) -> Slot:
    return Slot(
        date=visit.date,
        start=minute(visit.start),
        end=minute(visit.end),
        travel=visit.travel_minutes,
    )


def _span(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    return minute(first), minute(last)


def clock(time: int) -> str:
    """Write minutes since midnight as ``HH:MM``."""
    return f"{time // 60:02}:{time % 60:02}"


def minute(text: str) -> int:
    """Read ``HH:MM`` as minutes since midnight."""
    hours, _, minutes = text.strip().partition(":")
    return int(hours) * 60 + int(minutes)
