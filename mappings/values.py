"""Named conversions: from the text of one cell to the value of one column.

Each takes text that is not empty and raises ``ValueError`` where it does not convert.
"""

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TypeVar
from zoneinfo import ZoneInfo

from mappings.text import nfkc
from mappings.words import canonical

Value = TypeVar("Value")

_NUMBER = re.compile(
    r"(?P<sign>[+-]?)\s*[¥$]?\s*(?P<late>[+-]?)"
    r"(?P<digits>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+)\s*円?",
    re.ASCII,
)
_PLACES = Decimal("0.0001")
_LARGEST = Decimal(10) ** 14
"""Money and quantities are decimal(18, 4)."""

_DAY = (
    r"(?P<y>\d{4})(?:(?P<sep>[-/])(?P<m>\d{1,2})(?P=sep)(?P<d>\d{1,2})"
    r"|年\s*(?P<m2>\d{1,2})\s*月\s*(?P<d2>\d{1,2})\s*日)"
)
_TIME = (
    r"(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"\s*(?P<zone>Z|[+-]\d{2}(?::?\d{2})?)?"
)
_MOMENT = re.compile(rf"{_DAY}(?:(?:T|\s+|(?<=日)){_TIME})?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When something was: ``at`` in UTC, ``day`` as people there count it.

    Without a time, ``at`` is the local beginning of the day and ``has_time`` False.
    """

    at: dt.datetime
    day: dt.date
    has_time: bool


def exact(text: str) -> Decimal:
    """Read an amount: thousands separators, a leading ¥ or $, a trailing 円."""
    found = _NUMBER.fullmatch(nfkc(text).strip())
    if found is None or (found["sign"] and found["late"]):
        raise ValueError(text)
    sign, digits = found["sign"] + found["late"], found["digits"].replace(",", "")
    return Decimal(sign + digits)


def number(text: str) -> Decimal:
    """Read an amount as it is stored: rounded to four places, within its limits."""
    try:
        value = exact(text).quantize(_PLACES, ROUND_HALF_UP)
    except InvalidOperation as error:
        raise ValueError(text) from error
    if abs(value) >= _LARGEST:
        raise ValueError(text)
    return value


def moment(text: str, zone: ZoneInfo) -> Moment:
    """Read a day or time; one without a zone of its own is meant in ``zone``."""
    found = _MOMENT.fullmatch(nfkc(text).strip())
    if found is None:
        raise ValueError(text)
    day = dt.date(
        int(found["y"]), int(found["m"] or found["m2"]), int(found["d"] or found["d2"])
    )
    if found["H"] is None:
        start = dt.datetime.combine(day, dt.time(), zone)
        return Moment(at=_utc(start), day=day, has_time=False)
    time = dt.time(
        int(found["H"]),
        int(found["M"]),
        int(found["S"] or 0),
        int((found["f"] or "0")[:6].ljust(6, "0")),
        tzinfo=_offset(found["zone"]) if found["zone"] else zone,
    )
    local = dt.datetime.combine(day, time)
    return Moment(at=_utc(local), day=_local(local, zone), has_time=True)


def _offset(text: str) -> dt.tzinfo:
    if text in "Zz":
        return dt.UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    away = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-away if text[0] == "-" else away)


def _utc(value: dt.datetime) -> dt.datetime:
    try:
        return value.astimezone(dt.UTC)
    except OverflowError as error:
        raise ValueError(value) from error


def _local(value: dt.datetime, zone: ZoneInfo) -> dt.date:
    return value.astimezone(zone).date()


def day(text: str, zone: ZoneInfo) -> dt.date:
    """Read a day; of a time, the day it falls on in ``zone``."""
    return moment(text, zone).day


def dated(text: str, notation: str) -> str:
    """Bring a day or time of a notation of its own to ISO; another text stays."""
    try:
        value = dt.datetime.strptime(text.strip(), notation)  # noqa: DTZ007 - the zone
        # is that of the configuration, which reads the ISO text
    except ValueError:
        return text
    timed = any(mark in notation for mark in ("%H", "%I", "%T", "%R", "%X", "%c"))
    return value.isoformat() if timed else value.date().isoformat()


def word(text: str, words: str) -> str:
    """Find the canonical word of a list for what somebody wrote."""
    found = canonical(words, text)
    if found is None:
        raise ValueError(text)
    return found


def yes_no(text: str) -> bool:
    """Read a yes or no."""
    return word(text, "yes_no") == "true"


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A column's values and the positions of the cells that did not convert."""

    values: list[object]
    bad: tuple[int, ...] = ()


def convert(
    texts: Sequence[str | None], conversion: Callable[[str], object]
) -> Converted:
    """Convert a column; a text that occurs several times is converted once."""
    known: dict[str | None, object] = {None: None}
    failed: set[str] = set()
    for text in set(texts):
        if text is not None:
            try:
                known[text] = conversion(text)
            except ValueError:
                known[text] = None
                failed.add(text)
    values = [known[text] for text in texts]
    if not failed:
        return Converted(values=values)
    bad = tuple(at for at, text in enumerate(texts) if text in failed)
    return Converted(values=values, bad=bad)


def each(
    texts: Sequence[str | None], function: Callable[[str], Value]
) -> list[Value | None]:
    """Apply a function that cannot fail to a column, once for each distinct text."""
    known: dict[str | None, Value | None] = {None: None}
    known.update((text, function(text)) for text in set(texts) if text is not None)
    return [known[text] for text in texts]
