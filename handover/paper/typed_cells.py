"""What people type into the cells of a workbook, and how programs keep it.

A day may be a date, a number or a text; a time may be a part of a day.
"""

import datetime as dt
import re
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from mappings.dates import moment
from mappings.text import nfkc

FIRST_YEAR = 1901
"""Days of the years before stand for none: a time of day has one of them."""
_DAY_ZERO = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - workbooks know no zones
_LAST_SERIAL = 2_958_466
_UTC = ZoneInfo("UTC")
_SHORT_DAY = re.compile(
    r"(\d{1,2})(?:[-/.]|月\s*)(\d{1,2})日?(?:\s*\([^()\d]{1,10}\))?", re.ASCII
)
_TIME = re.compile(
    r"(午前|午後)?\s*(\d{1,2})(?::(\d{2})(?::\d{2})?|時(?:(\d{1,2})分|半)?)"
    r"\s*([AP]\.?M\.?)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class FailedCell:
    """A cell whose formula failed, and what it ``shows``: #N/A."""

    shows: str

    def __str__(self) -> str:
        return self.shows


Cell = (
    str
    | bool
    | int
    | float
    | dt.date
    | dt.datetime
    | dt.time
    | dt.timedelta
    | FailedCell
    | None
)


def read_text(value: Cell) -> str:
    """Return a cell as a person would type it; empty where nothing stands there."""
    match value:
        case None:
            return ""
        case float() if value.is_integer():
            return str(int(value))
        case dt.datetime() if value.time() == dt.time.min:
            return str(value.date())
        case dt.time():
            return f"{round_minute(value):%H:%M}"
        case _:
            return str(value)


def read_key(value: Cell) -> str:
    """Return a word as it is compared: of whatever width, case and blanks."""
    return "".join(nfkc(read_text(value)).casefold().split())


def read_day(value: Cell, near: dt.date) -> dt.date:
    """Read a day, however it was typed: as a date, 2026/12/3, 令和8年12月3日, 12月3日.

    Args:
        value: of the cell.
        near: tells the year of a day without one: the nearest.

    Raises:
        ValueError: it is no day, or has a time besides.
    """
    match read_serial(value):
        case dt.datetime() as found:
            if found.time() == dt.time.min and found.year >= FIRST_YEAR:
                return found.date()
        case dt.date() as found:
            return found
        case str() as typed:
            said = nfkc(typed).strip()
            if short := _SHORT_DAY.fullmatch(said):
                return _find_nearest(int(short[1]), int(short[2]), near)
            if not (read := moment(said, _UTC)).has_time:
                return read.day
        case _:
            pass
    raise ValueError(value)


def _find_nearest(month: int, day: int, near: dt.date) -> dt.date:
    """Return the day of that name that is nearest; there is not one in each year."""
    found = []
    for year in range(near.year - 4, near.year + 5):
        try:
            found.append(dt.date(year, month, day))
        except ValueError:  # 29 February
            continue
    if not found:
        raise ValueError(month, day)
    return min(found, key=lambda each: abs(each - near))


def read_time(value: Cell) -> str:
    """Read a time as ``HH:MM``, however it was typed: 10:30, 10時半, 午後1時, 0.4375.

    Raises:
        ValueError: it is no time of a day.
    """
    is_number = isinstance(value, int | float | dt.timedelta)
    match read_serial(value):
        case dt.datetime() as found:
            is_clock = found.date() == _DAY_ZERO.date() or not is_number
            if found.year < FIRST_YEAR and is_clock:
                return f"{round_minute(found.time()):%H:%M}"
        case dt.time() as found:
            return f"{round_minute(found):%H:%M}"
        case str() as typed:
            if said := _TIME.fullmatch(nfkc(typed).strip()):
                return _read_clock(said)
        case _:
            pass
    raise ValueError(value)


def _read_clock(said: re.Match[str]) -> str:
    """Read a time as people say it; 午後3時, 3 PM and 15:00 are one."""
    hour = int(said[2])
    minute = 30 if "半" in said[0] else int(said[3] or said[4] or 0)
    half = (said[1] or said[5] or "").upper().replace(".", "")
    if half in {"午後", "PM"} and hour < 12:
        hour += 12
    elif half in {"午前", "AM"}:
        if hour > 12:
            raise ValueError(said[0])
        hour %= 12
    return f"{dt.time(hour, minute):%H:%M}"


def read_serial(value: Cell) -> Any:  # noqa: ANN401 - any cell but a number
    """Return the moment that a number without a form stands for, else the value.

    Days are counted from 1900 (Excel, date systems), times are parts of a day.
    """
    match value:
        case bool():
            return value
        case dt.timedelta():
            days = value / dt.timedelta(days=1)
        case int() | float():
            days = float(value)
        case _:
            return value
    return _DAY_ZERO + dt.timedelta(days=days) if 0 <= days < _LAST_SERIAL else value


def round_minute(time: dt.time) -> dt.time:
    """Round a time to the minute: programs keep times as parts of a day."""
    moment = dt.datetime.combine(dt.date(2000, 1, 1), time) + dt.timedelta(seconds=30)
    return moment.time().replace(second=0, microsecond=0)
