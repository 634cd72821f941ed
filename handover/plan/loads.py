"""What the successors of a plan own before and after it, and visit because of it."""

from collections.abc import Mapping, Sequence

from handover.ledger.states import Mode
from handover.plan.capacity import Load
from handover.plan.model import Row
from handover.plan.portfolio import NOTHING, Portfolio


def list_loads(
    rows: Sequence[Row], portfolios: Mapping[str, Portfolio]
) -> tuple[Load, ...]:
    """List the loads of those who take something over, by user id.

    Args:
        rows: of one plan.
        portfolios: what people own now; what was handed over already is part of it.
    """
    taken: dict[str, list[Row]] = {}
    for row in rows:
        if row.mode is not Mode.EXCLUDE and row.successor_id is not None:
            taken.setdefault(row.successor_id, []).append(row)
    return tuple(
        _make_load(person, taken[person], portfolios.get(person, NOTHING))
        for person in sorted(taken)
    )


def _make_load(person: str, rows: Sequence[Row], held: Portfolio) -> Load:
    done = [row for row in rows if row.is_carried_out]
    coming = [row for row in rows if not row.is_carried_out]
    visits = [row.visit for row in rows if row.visit is not None]
    return Load(
        person=person,
        accounts_before=held.accounts - len(done),
        accounts_after=held.accounts + len(coming),
        value_before=held.value - sum(row.value for row in done),
        value_after=held.value + sum(row.value for row in coming),
        visits=len(visits),
        minutes=sum(visit.minutes + visit.travel_minutes for visit in visits),
        areas=tuple(sorted({row.area for row in rows if row.area})),
    )
