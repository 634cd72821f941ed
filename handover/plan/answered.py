"""Join what customers answered to the dates of their visits into a plan."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from handover.answers.agreements import Agreement
from handover.plan.model import Plan, Visit


def join_answers(plan: Plan, answers: Iterable[Agreement]) -> Plan:
    """Return a plan whose visits say whether their customers agreed to them."""
    by_account: dict[str, list[Agreement]] = {}
    for each in answers:
        by_account.setdefault(each.account_id, []).append(each)
    rows = tuple(
        row.model_copy(update={"visit": _join(row.visit, by_account[row.account_id])})
        if row.visit is not None and row.account_id in by_account
        else row
        for row in plan.rows
    )
    return plan.model_copy(update={"rows": rows}) if by_account else plan


def _join(visit: Visit, answers: Sequence[Agreement]) -> Visit:
    """Bind the last answer to the date it was given on, and count the other dates."""
    told = [(each.date, each.start) for each in answers]
    now = (visit.date, visit.start)
    moved = sum(before != after for before, after in pairwise([*told, now]))
    is_current = told[-1] == now
    return visit.model_copy(
        update={
            "state": answers[-1].answer if is_current else "moved",
            "moved": moved,
            "answer_reason": answers[-1].reason if is_current else None,
        }
    )


def keep_answer(visit: Visit, before: Visit | None) -> Visit:
    """Return a visit with what the customer answered to the one before."""
    if before is None or before.state == "proposed":
        return visit
    if (visit.date, visit.start) == (before.date, before.start):
        names = ("state", "moved", "answer_reason")
        return visit.model_copy(update={name: getattr(before, name) for name in names})
    moved = before.moved + (before.state != "moved")
    return visit.model_copy(update={"state": "moved", "moved": moved})
