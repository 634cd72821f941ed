"""TOML files as people write them: where a key stands, and which one was meant."""

import errno
import os
import re
import tomllib
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

LIKE = 0.6
"""How alike two names are, of 1, for one to be taken for a slip of the other."""
LARGEST = 1 << 20
"""Bytes of a file: those that people write have some thousands."""
MOST_DOTS = 1000
"""Dots in one line: a key of many parts takes memory by the square of their number."""
LISTED = 6
"""Names that are offered where none of them is alike."""

_KEY = r"""(?:"[^"]*"|'[^']*'|[\w-]+)"""
_PATH = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADING = re.compile(rf"\s*\[\[?\s*({_PATH})\s*\]\]?\s*(?:#.*)?")
_ASSIGNMENT = re.compile(rf"\s*({_PATH})\s*=\s*(.*)")


def read_text(path: Path) -> str:
    """Read a file, with or without a byte order mark.

    Raises:
        OSError: it cannot be read, or is larger than any that people write.
        UnicodeDecodeError: it is not in UTF-8.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a text, whatever it is.

    Raises:
        tomllib.TOMLDecodeError: it is no TOML, or goes deeper than any that people
            write.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MOST_DOTS:
            detail = f"Too many dots (at line {number}, column 1)"
            raise tomllib.TOMLDecodeError(detail)
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise tomllib.TOMLDecodeError("Nested too deeply") from None
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise tomllib.TOMLDecodeError(str(error)) from None


def line_of(text: str, keys: Sequence[str], *, named_by: str = "") -> int | None:
    """Find the line of a TOML text that defines a key.

    The nearest section above it stands for a key that the text does not have; keys
    inside a value are found where the value begins.

    Args:
        text: of the file.
        keys: the way to the key, from the top.
        named_by: the key whose value names an element of a list of tables: with
            ``code``, ``("item", "a.b", "level")`` is the ``level`` of the ``[[item]]``
            whose ``code`` is ``"a.b"``.

    Returns:
        The line, counted from 1, or None where nothing on the way is there.
    """
    best: tuple[int, int | None] = (0, None)
    for number, path in _lines(text, named_by):
        if len(path) > best[0] and tuple(keys[: len(path)]) == path:
            best = (len(path), number)
    return best[1]


def _lines(text: str, named_by: str) -> Iterable[tuple[int, tuple[str, ...]]]:
    """Yield what each line defines; a name holds for all lines of its section."""
    section: list[tuple[int, str]] = []
    heading: tuple[str, ...] = ()
    name = ""
    for number, line in [*enumerate(text.splitlines(), 1), (0, "[end]")]:
        if found := _HEADING.fullmatch(line):
            begin = (*heading, name) if name else heading
            yield from ((at, (*begin, *_split(key))) for at, key in section)
            heading, section, name = _split(found[1]), [], ""
            yield number, heading
        elif found := _ASSIGNMENT.match(line):
            section.append((number, found[1]))
            if named_by and _split(found[1]) == (named_by,):
                name = _value(found[2])
                yield number, (*heading, name)


def _split(path: str) -> tuple[str, ...]:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, path))


def _value(text: str) -> str:
    found = re.match(_KEY, text)
    return found[0].strip("\"'") if found else ""


def nearest(name: str, known: Iterable[str]) -> str:
    """Find the known name that this one is a slip of; empty where none is alike."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=LIKE)
    return by_folded[found[0]] if found else ""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Offer what may have been meant: the nearest name, else the first few by likeness.

    Empty only where no name is known.
    """
    names = list(known)
    by_folded = {candidate.casefold(): candidate for candidate in names}
    found = get_close_matches(name.casefold(), by_folded, n=LISTED, cutoff=0.0)
    return nearest(name, names) or ", ".join(by_folded[folded] for folded in found)
