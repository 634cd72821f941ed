"""The days of a handover, in their order.

Notice, announcement, first visit, last visit, change of owner: nothing that a customer
can notice comes before the announcement, and nobody is visited once the owner has
changed. What nobody names is found here.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

from handover.ledger.states import Mode
from handover.plan.errors import BadPeriod
from handover.plan.model import Plan, Row
from handover.plan.scheduler.calendar import WorkingDays

ONE_DAY = dt.timedelta(days=1)
RUSHED = "rushed"
"""The note of a plan in which customers are left fewer days than the policy asks."""
ORDER = ("notice", "announce", "start", "end", "effective")


@dataclass(frozen=True, kw_only=True)
class PlanDates:
    """The days of a handover that somebody names; those that are None are found."""

    notice: dt.date | None = None
    announce: dt.date | None = None
    start: dt.date | None = None
    end: dt.date | None = None
    effective: dt.date | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no day is named."""
        return self == PlanDates()

    def check(self, today: dt.date) -> None:
        """Refuse dates in the wrong order, and visits in the past.

        Raises:
            BadPeriod: one date lies before another that it has to follow, or the visits
                would begin before today.
        """
        self.check_order()
        if self.start is not None:
            check_order("--as-of", today, "--start", self.start)

    def check_order(self) -> None:
        """Refuse dates in the wrong order.

        Raises:
            BadPeriod: one date lies before another that it has to follow.
        """
        named = [(name, getattr(self, name)) for name in ORDER]
        for (earlier, first), (later, last) in pairwise(
            (name, day) for name, day in named if day is not None
        ):
            check_order(f"--{earlier}", first, f"--{later}", last)


def check_order(earlier: str, first: dt.date, later: str, last: dt.date) -> None:
    """Refuse a day that lies before another which it has to follow.

    Visits come before the owner changes, not on that day.

    Args:
        earlier: what the day is called that comes first.
        first: that day.
        later: what the other is called.
        last: that one.

    Raises:
        BadPeriod: they are in the wrong order.
    """
    is_visited = earlier in ("--start", "--end") and later not in ("--start", "--end")
    if last < first or (is_visited and last == first):
        raise BadPeriod(earlier=f"{earlier} {first}", later=f"{later} {last}")


def check_visit_day(row: Row, day: dt.date | None, announce: dt.date) -> None:
    """Refuse a visit before the announcement, or once the owner has changed.

    Args:
        row: as it is to become.
        day: the one that a person set or the customer agreed to, if there is one.
        announce: when customers are told.

    Raises:
        BadPeriod: the day comes too early or too late.
    """
    if day is None:
        return
    check_order("--announce", announce, f"--date {row.account}", day)
    if row.effective is not None and row.effective <= day:
        raise BadPeriod(
            earlier=f"--date {row.account} {day}", later=f"--effective {row.effective}"
        )


@dataclass(frozen=True, kw_only=True)
class Period:
    """The days of one plan, as far as they are known before its visits are."""

    notice: dt.date
    announce: dt.date
    start: dt.date
    end: dt.date | None
    """None: as short as the visits allow."""
    latest: dt.date | None
    """The last day on which a visit can be, None where any can."""
    effective: dt.date | None
    """None: the working day after the last visit."""
    is_rushed: bool
    """Customers are visited sooner than the policy leaves them to agree."""

    def check(self) -> None:
        """Refuse days in the wrong order, whoever named or found them.

        Raises:
            BadPeriod: one day lies before another that it has to follow.
        """
        PlanDates(**{name: getattr(self, name) for name in ORDER}).check_order()

    def find_effective(self, end: dt.date, company: WorkingDays) -> dt.date:
        """Return when owners change, of a period that ends on a day."""
        return self.effective or company.after(end)


def settle(
    dates: PlanDates,
    own: Collection[dt.date | None],
    *,
    company: WorkingDays,
    today: dt.date,
    lead_days: int,
) -> Period:
    """Find the days that nobody named.

    Args:
        dates: those that somebody did.
        own: when each account that is handed over changes its owner; None where it has
            no day of its own.
        company: the days on which it works.
        today: the rules' today.
        lead_days: working days that customers are left to agree to a visit; fewer where
            the named days leave no room.

    Raises:
        BadPeriod: days lie in the wrong order, or the visits would begin before today.
    """
    dates.check(today)
    notice = dates.notice or min(today, dates.announce or today)
    announce = dates.announce or notice
    named = [day for day in own if day is not None]
    for day in named:
        check_order("--announce", announce, "effective", day)
    effective = dates.effective
    if effective is None and named and len(named) == len(own):
        effective = max(named)
    latest = effective - ONE_DAY if effective else None
    start = dates.start
    is_rushed = False
    if start is None:
        known = max(announce, today)
        start = company.first(known + ONE_DAY, max(lead_days, 1))[-1]
        bounds = [day for day in (dates.end, latest) if day is not None]
        if bounds and start > min(bounds):
            start, is_rushed = _find_soonest(announce, today, company), True
    period = Period(
        notice=notice,
        announce=announce,
        start=start,
        end=dates.end,
        latest=latest,
        effective=effective,
        is_rushed=is_rushed,
    )
    period.check()
    return period


def _find_soonest(announce: dt.date, today: dt.date, company: WorkingDays) -> dt.date:
    """Return the first day on which anybody can be visited at all."""
    return next(company.since(max(announce, today + ONE_DAY)))


def redate(
    plan: Plan, dates: PlanDates, *, company: WorkingDays, today: dt.date
) -> Plan:
    """Return a plan with other days; its rows, decisions and visits stay.

    What was carried out keeps its day, whatever the others are.

    A later end puts off the change of owner, an earlier change ends the visits before
    it. Rows whose owner changes on the plan's day change on the new one; those with a
    day of their own keep it.

    Args:
        plan: as it stands.
        dates: the days that somebody names anew.
        company: the days on which it works.
        today: the rules' today.

    Raises:
        BadPeriod: days lie in the wrong order, or visits would begin before today.
    """
    if dates.is_empty:
        return plan
    dates.check(today)
    days = {name: getattr(dates, name) or getattr(plan, name) for name in ORDER}
    if days["end"] >= days["effective"]:
        if dates.effective is None:
            days["effective"] = company.after(days["end"])
        elif dates.end is None:
            days["end"] = days["effective"] - ONE_DAY
    PlanDates(**days).check_order()
    rows = tuple(
        _redate_row(row, plan.effective, days["effective"]) for row in plan.rows
    )
    for row in rows:
        if row.effective is not None and row.is_left:
            check_order("--announce", days["announce"], row.account, row.effective)
    notes = (note for note in plan.notes if not note.startswith(f"{RUSHED}:"))
    return plan.model_copy(update={**days, "rows": rows, "notes": tuple(notes)})


def _redate_row(row: Row, before: dt.date, after: dt.date) -> Row:
    if row.mode is Mode.HOLD or row.effective != before or row.is_carried_out:
        return row
    return row.model_copy(update={"effective": after})


def prolong(plan: Plan, today: dt.date, days: int) -> Plan:
    """Return a plan whose approval counts for some more days, if it would no longer."""
    if today <= plan.expires:
        return plan
    since = (today - plan.expires).days + plan.expires_days
    return plan.model_copy(update={"expires_days": since + days})
