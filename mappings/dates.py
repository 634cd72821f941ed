"""Days and times as people and machines write them.

Read are: year first with ``-``, ``/`` or ``.`` between; 年月日; Japanese eras; a
weekday in brackets behind the day; a time behind either, with 午前, 午後, AM or PM; and
milliseconds since 1970. Everything else needs a ``date_format`` in the mapping.
"""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from mappings.text import nfkc

EXCEL = "excel"
"""The ``date_format`` of a column with the day numbers of a spreadsheet."""

_ERAS = {
    **dict.fromkeys(("明治", "M"), 1867),
    **dict.fromkeys(("大正", "T"), 1911),
    **dict.fromkeys(("昭和", "S"), 1925),
    **dict.fromkeys(("平成", "H"), 1988),
    **dict.fromkeys(("令和", "R"), 2018),
}
"""The year before the first one of each era."""

_YEAR = rf"(?:(?P<y>\d{{4}})|(?P<era>{'|'.join(_ERAS)})\s*(?P<nth>\d{{1,2}}|元))"
_DAY = (
    rf"{_YEAR}(?:(?P<sep>[-/.])\s?(?P<m>\d{{1,2}})(?P=sep)\s?(?P<d>\d{{1,2}})"
    r"|年\s*(?P<m2>\d{1,2})\s*月\s*(?P<d2>\d{1,2})\s*日)"
    r"(?P<weekday>\s*\([^()\d]{1,10}\))?"
)
_TIME = (
    r"(?P<half>午前|午後)?\s*(?P<H>\d{1,2})"
    r"(?::(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r"|時(?:(?P<M2>\d{1,2})分(?:(?P<S2>\d{1,2})秒)?)?)"
    r"\s*(?P<late>[AP]\.?M\.?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
)
_HOW = re.ASCII | re.IGNORECASE
_MOMENT = re.compile(rf"{_DAY}(?:(?:T|\s+|(?<=[日)])){_TIME})?", _HOW)
_TIME_BEHIND = re.compile(rf"(?P<day>.+?)(?:T|\s+)(?P<time>{_TIME})", _HOW)
_MILLISECONDS = re.compile(r"-?\d{12,13}(?:\.0)?", re.ASCII)
_TIME_IN_NOTATION = re.compile(r"[T\s]*%-?[HIpMSfTRXzZ].*$")
_A_DAY = 86_400_000
_UTC = ZoneInfo("UTC")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_DAY_ZERO = dt.datetime(1899, 12, 30)  # noqa: DTZ001 - the zone is the configuration's
_LAST_SERIAL = 2_958_465


@dataclass(frozen=True, kw_only=True)
class Moment:
    """When something was: ``at`` in UTC, ``day`` as people there count it.

    Without a time, ``at`` is the local beginning of the day and ``has_time`` False.
    """

    at: dt.datetime
    day: dt.date
    has_time: bool


def moment(text: str, zone: ZoneInfo) -> Moment:
    """Read a day or time; one without a zone of its own is meant in ``zone``.

    Raises:
        ValueError: it is neither.
    """
    said = nfkc(text).strip()
    if _MILLISECONDS.fullmatch(said):
        at = _EPOCH + dt.timedelta(milliseconds=int(said.partition(".")[0]))
        return Moment(at=at, day=at.astimezone(zone).date(), has_time=True)
    found = _MOMENT.fullmatch(said)
    if found is None:
        raise ValueError(text)
    on = dt.date(
        _year(found), int(found["m"] or found["m2"]), int(found["d"] or found["d2"])
    )
    if found["H"] is None:
        start = dt.datetime.combine(on, dt.time(), zone)
        return Moment(at=_utc(start), day=on, has_time=False)
    local = dt.datetime.combine(on, _time(found, zone))
    return Moment(at=_utc(local), day=local.astimezone(zone).date(), has_time=True)


def _year(found: re.Match[str]) -> int:
    if found["y"]:
        return int(found["y"])
    nth = 1 if found["nth"] == "元" else int(found["nth"])
    if not nth:
        raise ValueError(found[0])
    return _ERAS[found["era"].upper()] + nth


def _time(found: re.Match[str], zone: dt.tzinfo) -> dt.time:
    """Read a time; 午後3時, 3 PM and 15:00 are one."""
    hour = int(found["H"])
    half = found["half"] or (found["late"] or "").upper().replace(".", "")
    if half in {"午後", "PM"} and hour < 12:
        hour += 12
    elif half in {"午前", "AM"}:
        if hour > 12:
            raise ValueError(found[0])
        hour %= 12
    return dt.time(
        hour,
        int(found["M"] or found["M2"] or 0),
        int(found["S"] or found["S2"] or 0),
        int((found["f"] or "0")[:6].ljust(6, "0")),
        tzinfo=_offset(found["zone"]) if found["zone"] else zone,
    )


def _offset(text: str) -> dt.tzinfo:
    if text.upper() in {"Z", "UTC", "GMT"}:
        return dt.UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    away = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-away if text[0] == "-" else away)


def _utc(value: dt.datetime) -> dt.datetime:
    try:
        return value.astimezone(dt.UTC)
    except OverflowError as error:
        raise ValueError(value) from error


def day(text: str, zone: ZoneInfo) -> dt.date:
    """Read a day; of a time, the day it falls on in ``zone``.

    Milliseconds that end with a day in UTC are that day: so HubSpot stores dates.

    Raises:
        ValueError: it is neither.
    """
    said = nfkc(text).strip()
    if _MILLISECONDS.fullmatch(said) and not int(said.partition(".")[0]) % _A_DAY:
        return moment(said, _UTC).day
    return moment(text, zone).day


def dated(text: str, notations: Sequence[str]) -> str:
    """Bring a day or time of the first notation that fits to ISO; another text stays.

    A notation is one of ``strptime`` or ``excel``. The same column may hold days with
    and without a time, whichever of them the notation writes.
    """
    said = nfkc(text).strip()
    for notation in notations:
        read = _serial if notation == EXCEL else _noted
        found = read(said, notation)
        if found is not None:
            return found
    return text


def _noted(text: str, notation: str) -> str | None:
    """Read a notation as it stands, without its time, or with a time behind it."""
    only_day = _TIME_IN_NOTATION.sub("", notation)
    value = _parsed(text, notation)
    if value is not None:
        return (value if only_day != notation else value.date()).isoformat()
    value = _parsed(text, only_day)
    if value is not None:
        return value.date().isoformat()
    behind = _TIME_BEHIND.fullmatch(text)
    value = _parsed(behind["day"], only_day) if behind else None
    return f"{value.date()}T{behind['time']}" if behind and value else None


def _parsed(text: str, notation: str) -> dt.datetime | None:
    try:
        return dt.datetime.strptime(text, notation)  # noqa: DTZ007 - the zone is that
        # of the configuration, which reads the ISO text
    except ValueError:
        return None


def _serial(text: str, _: str) -> str | None:
    """Read the number of a day that a spreadsheet counts from 1900."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not 1 <= number < _LAST_SERIAL + 1:
        return None
    value = _DAY_ZERO + dt.timedelta(seconds=round(number * 86_400))
    return (value.date() if number == number.to_integral_value() else value).isoformat()
