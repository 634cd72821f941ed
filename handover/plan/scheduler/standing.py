"""Schedule visits beside those that stand already.

Customers have been told: as few appointments as possible move, and those that a
customer agreed to or a person set never do.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from handover.plan.scheduler.packing import Packing, open_agreed
from handover.plan.scheduler.problem import Need, Slots, VisitProblem
from handover.plan.scheduler.spreading import add_evenly

MOST_MOVED = 5
"""Appointments that are moved one by one before all visits are packed again."""


def reschedule(
    problem: VisitProblem, days: int, pack_again: Callable[[], Packing | None]
) -> Packing:
    """Change only what must change: nobody else's appointment, if that is possible.

    First everything stays and the new visits go in between; then one other visit makes
    room for each that found none, then all shoulds do; only if that is not enough, all
    visits are packed again. Shoulds that had no visit get none.

    Args:
        problem: with the visits that stand.
        days: working days of the period.
        pack_again: packs all musts into the period, if they fit.
    """
    met = [need for need in problem.shoulds if need.account_id in problem.kept]
    packing = _insert(problem, days, met, shoulds_stay=True)
    packing = _move_others(packing, met)
    left = packing.list_missing(problem.musts)
    if left:
        without = _insert(problem, days, met, shoulds_stay=False)
        left_without = without.list_missing(problem.musts)
        if len(left_without) < len(left):
            packing, left = without, left_without
    if left:
        again = pack_again()
        if again is not None and len(again.list_missing(problem.musts)) < len(left):
            add_evenly(again, met)
            return again
    return packing


def restate_travel(packing: Packing) -> Slots:
    """Return the visits with the travel that the finished days really take."""
    needs = packing.problem.needs
    return {
        account: slot
        if needs[account].agreed
        else packing.diary.take_way(needs[account], slot)
        for account, slot in sorted(packing.slots.items())
    }


def _insert(
    problem: VisitProblem, days: int, met: Sequence[Need], *, shoulds_stay: bool
) -> Packing:
    """Enter what stands, then place the musts, before or after the shoulds that do."""
    packing = open_agreed(problem, days)
    _enter(packing, problem.musts, problem.kept)
    if shoulds_stay:
        _enter(packing, met, problem.kept)
    _add(packing, problem.musts)
    if not shoulds_stay:
        _enter(packing, met, problem.kept)
    _add(packing, met)
    return packing


def _enter(packing: Packing, needs: Iterable[Need], standing: Slots) -> None:
    """Enter visits at the times they have, as far as these are still possible."""
    known = [
        need
        for need in needs
        if need.account_id in standing and need.account_id not in packing.slots
    ]
    for need in sorted(known, key=lambda need: standing[need.account_id]):
        slot = packing.diary.take_way(need, standing[need.account_id])
        number = packing.diary.find_number(slot.date)
        is_within = number is not None and number < packing.days
        if is_within and packing.diary.fits(need, slot):
            packing.enter(need, slot)


def _add(packing: Packing, needs: Sequence[Need]) -> None:
    """Place visits beside those that stand, on the day they had if they can."""
    before = packing.problem.kept
    needs = sorted(needs, key=lambda need: not need.is_pinned)
    for need in packing.list_missing(needs):
        slot = before.get(need.account_id)
        number = packing.diary.find_number(slot.date) if slot else None
        if number is not None and number < packing.days:
            packing.place(need, 1 << number)
    left = packing.list_missing(needs)
    if packing.problem.soon:
        for need in left:
            packing.place_near(need)
    else:
        add_evenly(packing, left)


def _move_others(packing: Packing, met: Sequence[Need]) -> Packing:
    """Let others make room for each must that found none: one, or those of its day.

    Where many found none, the period is too short; then only for those that a person
    gave a day.
    """
    left = packing.list_missing(packing.problem.musts)
    if len(left) > MOST_MOVED:
        left = [need for need in left if need.is_pinned]
    for need in filter(packing.may_place, left):
        others = list(_list_movable(packing, need, met))
        choices = [[other] for other in others]
        if need.day is not None:
            choices += [others[:count] for count in range(2, len(others) + 1)]
        trials = (_make_room(packing, need, choice) for choice in choices)
        packing = next((t for t in trials if t is not None), packing)
    return packing


def _make_room(packing: Packing, need: Need, others: Sequence[Need]) -> Packing | None:
    """Place a visit on the day of others, and those elsewhere."""
    number = packing.find_day(others[0])
    if not packing.diary.may_take(need, number, instead_of=others):
        return None
    trial = packing.copy()
    dropped = trial.reopen_day(number, others)
    if not trial.place(need, 1 << number):
        return None
    again = [*others, *dropped]
    _add(trial, again)
    lost = trial.list_missing(again)
    is_must = {each.account_id for each in trial.problem.musts}
    return None if any(each.account_id in is_must for each in lost) else trial


def _list_movable(packing: Packing, need: Need, met: Sequence[Need]) -> Iterator[Need]:
    """Yield whose visits may make room, the least important first.

    Visits of which a person or the customer said when are none.
    """
    persons = set(need.persons)
    for other in (*reversed(met), *reversed(packing.problem.musts)):
        slot = packing.slots.get(other.account_id)
        if slot is None or other.is_pinned or not persons.intersection(other.persons):
            continue
        if need.day in (None, slot.date) and packing.find_day(other) >= 0:
            yield other
