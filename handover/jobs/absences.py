"""Absences out of the calendars of those who take part in a plan."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from handover.mirror.busy_days import BusyDays, Hours, read_busy_days
from handover.mirror.find import find_user
from handover.plan.limits import read_limits
from handover.plan.setting import Setting

LONGEST = dt.timedelta(days=400)
"""How far calendars are read ahead: longer than any handover."""


def read_calendars(setting: Setting, given: Sequence[str]) -> Iterator[BusyDays]:
    """Yield when people are busy by calendar files, from today on.

    Args:
        setting: the people, the hours of visits, today.
        given: ``FILE`` or ``USER=FILE``, as people type them.

    Raises:
        BadCalendar: a file is no calendar, or of nobody we know.
        UnknownName, AmbiguousName: a user is not found.
    """
    hours = Hours(spans=read_limits(setting.policy).spans, zone=setting.config.zone)
    last = setting.as_of + LONGEST
    for text in given:
        owner, _, file = text.rpartition("=")
        if Path(text).exists():  # a name may hold the sign itself
            owner, file = "", text
        person = find_user(setting.people, owner).id if owner else None
        yield from read_busy_days(
            Path(file), setting.people, hours, setting.as_of, last, person
        )
