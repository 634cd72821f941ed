"""Headers of replies: whatever stands in one, reading it raises nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from math import isfinite

LONGEST_PAUSE = 300.0
"""The longest pause, in seconds, that a run waits for; who asks for more is told of,
and the run ends."""
_MEANT = timedelta(days=30).total_seconds()
"""A server that asks for a longer pause does not mean it; its end is not told."""
_YEARS = range(2000, 2200)
"""Years that a server's clock can show: times near the ends of the calendar cannot be
counted from."""
_DIGITS = 18


def read_date(text: str | None) -> datetime | None:
    """Read a date of an HTTP header; nothing where it is none, or none of our days."""
    try:
        found = parsedate_to_datetime(text or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    if found.year not in _YEARS:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)


def read_count(text: object) -> int | None:
    """Read a whole number, in a header or in JSON; nothing where it is none."""
    said = str(text) if isinstance(text, str | int) else ""
    is_number = said.isascii() and said.isdecimal() and len(said) <= _DIGITS
    return int(said) if is_number else None


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Read ``Retry-After``: seconds, or a time by the server's own clock."""
    text = headers.get("Retry-After") or ""
    try:
        seconds = float(text)
    except ValueError:
        until, now = read_date(text), read_date(headers.get("Date"))
        if until is None or now is None:
            return None
        seconds = (until - now).total_seconds()
    return max(0.0, seconds) if isfinite(seconds) else None


def add_pause(words: str, seconds: float | None, now: datetime | None) -> str:
    """Add to a CRM's words until when it asks for quiet, where that is long."""
    if seconds is None or not LONGEST_PAUSE < seconds <= _MEANT:
        return words
    pause = timedelta(seconds=round(seconds))
    until = f"{now + pause:%Y-%m-%d %H:%M} UTC" if now else str(pause)
    return f"{words} (Retry-After: {until})"
