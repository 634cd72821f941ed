"""What is wrong with what people wrote: which line, and why, in their language."""

import re
import tomllib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from handover.i18n import Phrase
from mappings.toml_file import nearest

if TYPE_CHECKING:
    from pydantic import ValidationError


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


class NoneOf(ValueError):
    """A value is none of those that may stand there; ``known`` are the nearest."""

    def __init__(self, known: str) -> None:
        self.known = known
        super().__init__(known)


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
        case "value_error" if isinstance(said["error"], NoneOf):
            kind, more = "choose", {"known": said["error"].known}
        case "value_error":
            kind, more = "no_such_value", {"said": Phrase(text=str(said["error"]))}
        case _:
            kind, more = "no_such_value", {"said": first["msg"]}
    return _mistake(kind, value=first["input"], **more)


def _mistake(kind: str, **params: object) -> Phrase:
    return Phrase(text=f"mistake:{kind}", params=params)
