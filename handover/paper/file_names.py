"""Names of files that are made of names of people and companies."""

import re
from collections.abc import Iterable

from handover.safe_text import plain

_LONGEST = 60
"""Characters of each part: three bytes each, well below the 255 of file systems."""
_OTHERS = re.compile(r"[^\w]+")


def name_file(*parts: str, suffix: str) -> str:
    """Return a file's name made of parts: letters and digits, nothing that leads away.

    What else stands in a part becomes a hyphen; a part of nothing else falls away.
    """
    tidy = (_OTHERS.sub("-", plain(part))[:_LONGEST].strip("-_") for part in parts)
    return "-".join(filter(None, tidy)) + suffix


def number_doubles(names: Iterable[str]) -> list[str]:
    """Return names of which those that are there already have a number.

    Some file systems take names that differ only in case for one.
    """
    found: dict[str, str] = {}
    for name in names:
        stem, dot, suffix = name.rpartition(".")
        candidate, number = name, 2
        while candidate.casefold() in found:
            candidate, number = f"{stem}-{number}{dot}{suffix}", number + 1
        found[candidate.casefold()] = candidate
    return list(found.values())
