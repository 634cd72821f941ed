"""What a plan says of its room: the shortest period, slots, loads, and the ways out."""

import datetime as dt
from typing import Literal

from handover.plan.value import Money, Value


class Overflow(Value):
    """A row that found no slot, in order of priority."""

    account_id: str
    reason: str
    value: Money


class Option(Value):
    """A way out of a period that is too short; ``effect`` is rows gaining a slot.

    ``command`` takes it; ``by``: only the manager may, if it says so.
    """

    code: Literal[
        "longer_period",
        "second_successor",
        "online",
        "inform_should",
        "split_at_effective",
        "hold_opportunities",
    ]
    effect: int
    end: dt.date | None
    command: str = ""
    by: Literal["manager"] | None = None


class Bound(Value):
    """A proved lower bound of the working days, and why."""

    days: int
    why: str
    """What takes so many days: ``visits``, ``minutes`` or ``people`` a day, how often
    the ``manager`` attends, ``closed_days`` of customers, ``absences``,
    ``other_plans``, ``travel``, or several of them ``together``.
    """
    person: str | None = None
    """Whose days they are, where they are one person's."""


class Slots(Value):
    """How many visits one person can have in the period.

    ``slots`` = ``days`` × ``visits_a_day``. ``taken`` by other plans and ``kept`` for
    what people decide, the rest is the scheduler's.
    """

    person: str
    days: int
    visits_a_day: int
    slots: int
    taken: int
    kept: int
    used: int
    """Visits of this plan that the scheduler placed."""
    decided: int
    """Visits of this plan that people decided; they may use what is kept."""


class Load(Value):
    """What one successor has to do with and without the handover.

    Customers and their value as of today and when all of it is handed over; ``visits``
    and ``minutes`` of the visits that this plan gives them, ``areas`` where they are.
    """

    person: str
    accounts_before: int
    accounts_after: int
    value_before: Money
    value_after: Money
    visits: int
    minutes: int
    areas: tuple[str, ...]
