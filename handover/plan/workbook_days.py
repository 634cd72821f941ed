"""Everybody's days in the period of some plans, as rows of a workbook."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence

from handover.paper.workbook import Value
from handover.plan.cells import write_place
from handover.plan.model import Plan, Row
from handover.plan.view import Audience


def list_days(plans: Sequence[Plan], audience: Audience) -> Iterator[tuple[Value, ...]]:
    """Yield person by person each day with visits.

    Each is the person, the day, when the first visit begins and the last one ends, how
    many they are, the minutes of them and of the ways between, and the visits in words.
    """
    met: dict[tuple[str, dt.date], list[Row]] = defaultdict(list)
    for row in (row for plan in plans for row in plan.rows):
        if row.visit is not None:
            for person in row.visit.attendees:
                met[person, row.visit.date].append(row)
    order = sorted(met, key=lambda key: (audience.person(key[0]), *key))
    for person, day in order:
        rows = sorted(met[person, day], key=_find_start)
        visits = [row.visit for row in rows if row.visit]
        yield (
            audience.person(person),
            day,
            dt.time.fromisoformat(min(each.start for each in visits)),
            dt.time.fromisoformat(max(each.end for each in visits)),
            len(visits),
            sum(each.minutes + each.travel_minutes for each in visits),
            audience.words("; ").join(_describe(row, audience) for row in rows),
        )


def _find_start(row: Row) -> str:
    return row.visit.start if row.visit else ""


def _describe(row: Row, audience: Audience) -> str:
    """Say when and where a customer is visited."""
    return audience.words(
        "{time} {customer} ({place})",
        time=_find_start(row),
        customer=row.account,
        place=write_place(row, audience.words),
    )
