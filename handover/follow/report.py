"""What came of a handover: plan against actual, customer by customer."""

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from handover.answers.acceptances import Acceptance
from handover.answers.confirmations import Confirmation, Outcome
from handover.follow.open_items import (
    Actual,
    Known,
    OpenItem,
    find_actual,
    list_open,
    list_unreported,
)
from handover.ledger.states import OVER_STATES, Mode
from handover.meeting.flags import Flag, FullDay, list_flags, list_full_days
from handover.meeting.progress import VisitProgress
from handover.plan.decision import RecordedDecision, Waiver
from handover.plan.model import Plan, Row
from handover.policy import Policy

WORST: tuple[Outcome, ...] = ("unknown", "corrected", "confirmed", "not_applicable")
"""What an item counts as that has several answers: the first of these among them."""


@dataclass(frozen=True, kw_only=True)
class ItemCounts:
    """How many items were answered how, and how many must-items were not."""

    confirmed: int = 0
    corrected: int = 0
    unknown: int = 0
    not_applicable: int = 0
    open: int = 0


@dataclass(frozen=True, kw_only=True)
class MissedVisit:
    """That a visit did not take place: who said so on which day, and why."""

    on: dt.date
    person_id: str
    reason: str | None


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """Plan against actual of one customer.

    ``held_on`` are the days on which they answered, ``persons`` who of them did,
    ``told_by`` who recorded it. ``found_out``: the visit's yield. ``word`` is the last
    of the successor whom the plan names. ``owner_elsewhere``: who else owns it now,
    though no run of the plan gave it to them.
    """

    row: Row
    actual: Actual
    held_on: tuple[dt.date, ...]
    persons: tuple[str, ...]
    told_by: tuple[str, ...]
    missed: tuple[MissedVisit, ...]
    items: ItemCounts
    found_out: int
    flags: tuple[Flag, ...]
    word: Acceptance | None
    given_on: dt.date | None
    owner_elsewhere: str | None
    waivers: tuple[Waiver, ...]

    @property
    def accepted(self) -> bool | None:
        """What the successor says; None as long as they say nothing."""
        return None if self.word is None else self.word.answer == "accepted"

    @property
    def is_as_planned(self) -> bool:
        """Whether what was planned is what came of it."""
        met = {Mode.MEET: "met", Mode.INFORM: "informed", Mode.EXCLUDE: "excluded"}
        wanted = "met" if self.row.is_met else met.get(self.row.mode, self.actual)
        return self.actual == wanted


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What customers could use, as heard at the visits."""

    count: int = 0
    amount: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Report:
    """What came of a plan.

    ``plan`` is the version that was approved. ``unreported``: the customers of whom
    there is no result yet.
    """

    plan: Plan
    rows: tuple[ReportRow, ...]
    full_days: tuple[FullDay, ...]
    open: tuple[OpenItem, ...]
    unreported: tuple[Row, ...]
    needs: Needs
    decisions: tuple[RecordedDecision, ...]
    as_of: dt.date
    synced_at: dt.datetime

    def count(self, actual: Actual) -> int:
        """Count the customers by what became of them."""
        return sum(each.actual == actual for each in self.rows)

    def find_decision(
        self, kind: Literal["report", "close"]
    ) -> RecordedDecision | None:
        """Return the last decision of a kind."""
        made = (each for each in reversed(self.decisions) if each.decision == kind)
        return next(made, None)


@dataclass(frozen=True, kw_only=True)
class ReportSetting:
    """By which rules a report is made, where days begin, and as of when."""

    policy: Policy
    zone: ZoneInfo
    as_of: dt.date
    synced_at: dt.datetime


def make_report(
    plan: Plan,
    known: Known,
    setting: ReportSetting,
    decisions: Sequence[RecordedDecision] = (),
) -> Report:
    """Put together what came of a plan.

    Args:
        plan: as it was approved.
        known: what came of it.
        setting: by which rules, and as of when.
        decisions: on the plan, the oldest first.
    """
    zone, today = setting.zone, setting.as_of
    visits = list(known.progress.values())
    flags = list_flags(plan, visits, setting.policy, zone)
    is_over = plan.state in OVER_STATES
    found = [] if is_over else list_open(plan, known, today, zone)
    return Report(
        plan=plan,
        rows=tuple(
            _make_row(row, plan, known, flags, found, zone) for row in plan.rows
        ),
        full_days=tuple(list_full_days(visits, setting.policy, zone)),
        open=tuple(found),
        unreported=tuple(list_unreported(plan, known, zone)),
        needs=_add_up(visits),
        decisions=tuple(decisions),
        as_of=today,
        synced_at=setting.synced_at,
    )


def _make_row(
    row: Row,
    plan: Plan,
    known: Known,
    flags: Iterable[Flag],
    found: Iterable[OpenItem],
    zone: ZoneInfo,
) -> ReportRow:
    account = row.account_id
    progress = known.progress.get(account, VisitProgress(account_id=account))
    days = (each.at.astimezone(zone).date() for each in progress.answers)
    word = known.heard.words.get(account)
    is_own = word is not None and word.recorded_by == row.successor_id
    is_asked = row.is_met and any(each.place == (account, "visit") for each in found)
    unanswered = (
        len({*progress.open} - {*row.waived})
        if is_asked
        else sum(e.account_id == account and e.kind in ("item", "gap") for e in found)
    )
    return ReportRow(
        row=row,
        actual=find_actual(row, known, zone),
        held_on=tuple(sorted({*days})),
        persons=_list_once(each.person for each in progress.answers),
        told_by=_list_once(each.recorded_by for each in progress.answers),
        missed=tuple(
            MissedVisit(
                on=each.at.astimezone(zone).date(),
                person_id=each.recorded_by,
                reason=each.text,
            )
            for each in progress.remarks
            if each.kind == "missed"
        ),
        items=_count(progress.answers, unanswered),
        found_out=progress.found_out,
        flags=tuple(flag for flag in flags if flag.account_id == account),
        word=word if is_own else None,
        given_on=known.given_on.get(account) if row.is_carried_out else None,
        owner_elsewhere=_find_owner_elsewhere(row, plan, known),
        waivers=(*_list_own_waivers(row), *_list_waived(row, known.waivers)),
    )


def _list_once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _count(answers: Iterable[Confirmation], unanswered: int) -> ItemCounts:
    """Count items, each once: one of several records counts as its worst answer."""
    results: dict[str, set[Outcome]] = {}
    for each in answers:
        results.setdefault(each.item, set()).add(each.result)
    worst = [next(r for r in WORST if r in found) for found in results.values()]
    counted = {result: worst.count(result) for result in WORST}
    return ItemCounts(**counted, open=unanswered)


def _find_owner_elsewhere(row: Row, plan: Plan, known: Known) -> str | None:
    """Find who owns a customer now that neither plan nor predecessor explains."""
    owner = known.owners.get(row.account_id)
    explained = (plan.predecessor, row.successor_id)
    is_kept = row.mode is Mode.EXCLUDE
    return None if is_kept or owner in explained else owner


def _list_own_waivers(row: Row) -> list[Waiver]:
    """List what a plan itself does without."""
    return [
        Waiver(account_id=row.account_id, item=item, reason=row.waived_reason)
        for item in row.waived
    ]


def _list_waived(row: Row, waivers: Collection[Waiver]) -> list[Waiver]:
    return [each for each in waivers if each.account_id == row.account_id]


def _add_up(visits: Iterable[VisitProgress]) -> Needs:
    heard = [r for visit in visits for r in visit.remarks if r.kind == "need"]
    return Needs(
        count=len(heard),
        amount=sum((each.amount or Decimal(0) for each in heard), Decimal(0)),
    )
