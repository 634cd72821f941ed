"""Why a visit has no slot: the one true cause, as data.

Who is away, which limit of which person, on which day. Where several causes hold at
once, the one that people can do least about is named.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from handover.plan.scheduler.diary import Diary
from handover.plan.scheduler.packing import Packing
from handover.plan.scheduler.problem import Need, Slots, VisitProblem

Cause = Literal[
    "not_working_day",
    "blackout",
    "month_end",
    "quarter_end",
    "outside_period",
    "customer_closed",
    "away",
    "outside_hours",
    "manager_visits",
    "visits",
    "people",
    "minutes",
    "busy",
    "no_time",
    "no_common_time",
    "reserve",
]


@dataclass(frozen=True, kw_only=True)
class NoSlot:
    """Why a visit does not take place, on a day or in the whole period."""

    code: Cause
    date: dt.date | None = None
    """The day; None where it holds for the period."""
    person: str | None = None
    """Who is away, busy, or at their limit; None where it is the customer's cause."""
    limit: int | None = None
    """How many visits, people or minutes a day, or visits of the period, there may be.
    """
    start: int | None = None
    """With ``busy``: from when they are on their way to another visit, or in it."""
    end: int | None = None
    days: int | None = None
    """Without a day: on how many days of the period this is the cause."""


def find_refusal(
    problem: VisitProblem, slots: Slots, period: int, need: Need
) -> NoSlot | None:
    """Find why a visit finds no slot beside others.

    Args:
        problem: days, people, limits, and all visits.
        slots: of the other visits.
        period: working days.
        need: the visit, with a day and a time of its own or without.

    Returns:
        The cause; None if the visit would fit.
    """
    if need.account_id not in problem.needs:
        problem = replace(problem, musts=(*problem.musts, need))
    return _explain(_restore(problem, slots, period, without=need), need)


def list_refusals(
    problem: VisitProblem, slots: Slots, period: int
) -> Mapping[str, NoSlot]:
    """List why each visit without a slot has none, by account.

    A visit that would fit beside the others has no refusal.
    """
    packing = _restore(problem, slots, period, without=None)
    known: dict[object, NoSlot | None] = {}
    found: dict[str, NoSlot] = {}
    for need in packing.list_missing(problem.needs.values()):
        alike = need.kind, need.closed, need.day, need.time, need.uses_reserve
        if alike not in known:
            known[alike] = _explain(packing, need)
        if (refusal := known[alike]) is not None:
            found[need.account_id] = refusal
    return found


def _restore(
    problem: VisitProblem, slots: Slots, period: int, *, without: Need | None
) -> Packing:
    """Enter visits as they stand into the diaries."""
    left_out = without.account_id if without else None
    packing = Packing(problem=problem, diary=Diary(problem), slots={}, days=period)
    packing.allowed = {
        seller: problem.reserve.count(seller, period)
        for need in problem.needs.values()
        for seller in need.sellers
    }
    for account, slot in slots.items():
        need = problem.needs.get(account)
        if need is None or account == left_out:
            continue
        if packing.diary.find_number(slot.date) is not None:
            packing.enter(need, slot)
    return packing


def _explain(packing: Packing, need: Need) -> NoSlot | None:
    if need.day is not None:
        return _explain_day(packing, need, need.day)
    for seller in need.sellers:
        most = packing.allowed.get(seller, 0)
        if not need.uses_reserve and packing.used[seller] >= most:
            return NoSlot(code="reserve", person=seller, limit=most)
    causes: Counter[NoSlot] = Counter()
    for number in range(packing.days):
        refusal = _explain_number(packing.diary, need, number)
        if refusal is None:
            return None
        causes[replace(refusal, date=None, start=None, end=None)] += 1
    if not causes:
        return NoSlot(code="outside_period")
    cause, days = causes.most_common(1)[0]
    return replace(cause, days=days)


def _explain_day(packing: Packing, need: Need, day: dt.date) -> NoSlot | None:
    problem = packing.problem
    if day < problem.start:
        return NoSlot(code="outside_period", date=day)
    number = packing.diary.find_number(day)
    if number is None:
        company = problem.calendars.company
        limits = {"month_end": company.month_end, "quarter_end": company.quarter_end}
        kept = company.find_blackout(day)
        return NoSlot(
            code=kept or "not_working_day", date=day, limit=limits.get(kept or "")
        )
    if number >= packing.days:
        return NoSlot(code="outside_period", date=day)
    refusal = _explain_number(packing.diary, need, number)
    return replace(refusal, date=day) if refusal else None


def _explain_number(diary: Diary, need: Need, number: int) -> NoSlot | None:
    """Explain why a visit does not fit on a day of the period."""
    if diary.is_closed(need, number):
        return NoSlot(code="customer_closed")
    for person in need.persons:
        if not diary.list_there(person, number + 1) >> number & 1:
            return NoSlot(code="away", person=person)
    refusal = _find_limit(diary, need, number)
    if refusal is not None:
        return refusal
    free = replace(need, date=None, agreed=None)
    if diary.find(free, number) is not None:
        return None
    if need.time is not None:
        return _explain_time(diary, need, number, need.time)
    return _explain_full(diary, free, number)


def _find_limit(diary: Diary, need: Need, number: int) -> NoSlot | None:
    """Find a limit of a person's day that another visit would break."""
    limits = diary.limits
    if need.manager:
        attended = diary.day(need.manager, number).visits
        if attended >= limits.manager_visits:
            most = limits.manager_visits
            return NoSlot(code="manager_visits", person=need.manager, limit=most)
    for seller in need.sellers:
        day = diary.day(seller, number)
        if day.visits >= limits.visits:
            return NoSlot(code="visits", person=seller, limit=limits.visits)
        if day.people + need.people > limits.people:
            return NoSlot(code="people", person=seller, limit=limits.people)
        if day.minutes + need.minutes > limits.minutes:
            return NoSlot(code="minutes", person=seller, limit=limits.minutes)
    return None


def _explain_time(diary: Diary, need: Need, number: int, time: int) -> NoSlot | None:
    """Explain why a visit cannot begin at a time."""
    slot = diary.slot_at(need, number, time)
    if not diary.is_in_hours(slot):
        return NoSlot(code="outside_hours", start=slot.start - slot.travel)
    for person in need.persons:
        clash = diary.day(person, number).find_clash(slot.start - slot.travel, slot.end)
        if clash is not None:
            start = clash.start - clash.travel
            return NoSlot(code="busy", person=person, start=start, end=clash.end)
    for seller in need.sellers:
        minutes = diary.day(seller, number).minutes + need.minutes + slot.travel
        if minutes > diary.limits.minutes:
            most = diary.limits.minutes
            return NoSlot(code="minutes", person=seller, limit=most)
    for person in need.persons:
        following = diary.day(person, number).find_next(slot.end)
        if following is not None:
            start = following.start - following.travel
            return NoSlot(code="busy", person=person, start=start, end=following.end)
    return NoSlot(code="no_common_time")


def _explain_full(diary: Diary, need: Need, number: int) -> NoSlot:
    """Explain why no time of a day suits everybody, though no count is reached."""
    for seller in need.sellers:
        alone = replace(need, sellers=(seller,), manager=None)
        if diary.find(alone, number) is None:
            if diary.exceeds_minutes(alone, number):
                most = diary.limits.minutes
                return NoSlot(code="minutes", person=seller, limit=most)
            return NoSlot(code="no_time", person=seller)
    if need.manager and diary.find(replace(need, manager=None), number) is not None:
        return NoSlot(code="no_time", person=need.manager)
    return NoSlot(code="no_common_time")
