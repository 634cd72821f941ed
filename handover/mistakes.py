"""What is wrong with what people wrote: which line, and why, in their language."""

import datetime as dt
import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from handover.i18n import Phrase
from mappings.toml_file import nearest, suggestion

if TYPE_CHECKING:
    from pydantic import ValidationError


OWN_KINDS = frozenset(
    {"unknown_value", "no_day", "no_hours", "beyond_the_day", "no_pair"}
)
"""Kinds of mistakes that the checks below find."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d"
_HOURS = re.compile(rf"{_TIME}-{_TIME}")


def check_known(value: str, known: Iterable[str]) -> str:
    """Return a value that is one of those known.

    Raises:
        PydanticCustomError: it is not; names those that are like it, else some.
    """
    names = sorted(known)
    if value in names:
        return value
    near = suggestion(value, names)
    raise PydanticCustomError("unknown_value", "unknown", {"near": near})


def check_days(text: str) -> str:
    """Return ``2027-05-01`` or ``2026-12-29/2027-01-03`` as it stands.

    Raises:
        PydanticCustomError: it is neither, or ends before it begins.
    """
    parts = text.split("/")
    if len(parts) <= 2 and all(map(_DAY.fullmatch, parts)):
        try:
            days = [dt.date.fromisoformat(part) for part in parts]
        except ValueError:
            days = []
        if days and days[0] <= days[-1]:
            return text
    raise PydanticCustomError("no_day", "no day")


def check_hours(text: str) -> str:
    """Return ``09:00-12:00`` as it stands.

    Raises:
        PydanticCustomError: it is none, or ends before it begins.
    """
    first, _, last = text.partition("-")
    if _HOURS.fullmatch(text) is None or first >= last:
        raise PydanticCustomError("no_hours", "no hours")
    return text


def check_minutes(value: int, day: Iterable[str]) -> int:
    """Return a number of minutes that fits into the hours of a day as it stands.

    Raises:
        PydanticCustomError: the hours, ``09:00-12:00`` each, are shorter together.
    """
    within = sum(_minutes(last) - _minutes(first) for first, last in map(_ends, day))
    if day and value > within:
        raise PydanticCustomError("beyond_the_day", "beyond", {"limit": within})
    return value


def _ends(hours: str) -> tuple[str, str]:
    first, _, last = hours.partition("-")
    return first, last


def _minutes(time: str) -> int:
    return 60 * int(time[:2]) + int(time[3:])


def check_pair(text: str) -> str:
    """Return ``東京都 - 福岡県``, the names of two cities or regions, as it stands.

    Raises:
        PydanticCustomError: it is not two names.
    """
    if len([name for name in text.split(" - ") if name.strip()]) != 2:
        raise PydanticCustomError("no_pair", "no pair")
    return text


def unreadable(error: Exception) -> Phrase:
    """Say that a file cannot be read."""
    return _mistake("unreadable", said=error)


def no_toml(error: tomllib.TOMLDecodeError) -> tuple[int | None, Phrase]:
    """Say that a file is no TOML, and in which line if that is known."""
    found = re.search(r"line (\d+)", str(error))
    return int(found[1]) if found else None, _mistake("no_toml", said=error)


def unknown_key(key: str, known: Sequence[str]) -> Phrase:
    """Say that there is no such key, with the nearest one or all."""
    near = nearest(key, known)
    if near:
        return _mistake("unknown_key_near", near=near)
    return _mistake("unknown_key", keys=", ".join(known))


def not_a_rehearsal_of(source: str) -> Phrase:
    """Say that a rehearsal would reach a CRM on another machine."""
    return _mistake("not_on_this_machine", source=source)


def wrong_value(error: "ValidationError") -> Phrase:
    """Say why the first value that is wrong cannot stand where it stands."""
    first = error.errors()[0]
    said = first.get("ctx", {})
    more: dict[str, object] = {}
    match first["type"]:
        case "missing":
            kind, more = "key_needed", {"needed": first["loc"][-1]}
        case "literal_error":
            kind, more = "choose", {"known": said["expected"]}
        case number if number.startswith(("int", "float")):
            kind = "no_number"
        case yes_no if yes_no.startswith("bool"):
            kind = "no_yes_no"
        case "string_type":
            kind = "no_text"
        case "string_pattern_mismatch":
            kind = "no_such_form"
        case limit if limit.startswith(("greater", "less")):
            kind, more = limit, {"limit": next(iter(said.values()))}
        case own if own in OWN_KINDS:
            kind, more = own, dict(said)
        case "value_error":
            kind, more = "no_such_value", {"said": Phrase(text=str(said["error"]))}
        case _:
            kind, more = "no_such_value", {"said": first["msg"]}
    return _mistake(kind, value=first["input"], **more)


def _mistake(kind: str, **params: object) -> Phrase:
    return Phrase(text=f"mistake:{kind}", params=params)
