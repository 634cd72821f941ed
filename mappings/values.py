"""Named conversions: from the text of one cell to the value of one column.

Each takes text that is not empty and raises ``ValueError`` where it does not convert.
Days and times stand in ``dates.py``.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import TypeVar

from mappings.text import nfkc
from mappings.words import canonical

Value = TypeVar("Value")

_PLAIN = re.compile(r"-?\d+(?:\.\d+)?", re.ASCII)
_WRITTEN = re.compile(
    r"(?P<open>\()?\s*(?P<sign>[-+▲△−]?)\s*"
    r"(?:[¥\\$€£]|[A-Z]{3}(?![A-Z]))?\s*(?P<late>[-+▲△−]?)\s*"
    r"(?P<number>[\d.,'].*?)"
    r"\s*(?:円|[¥$€£]|[A-Z]{3})?\s*(?P<behind>-?)\s*(?P<close>\))?",
    re.ASCII,
)
_UNITS = {"兆": 10**12, "億": 10**8, "万": 10**4}
_IN_UNITS = re.compile(r"(?:([^兆億万]+)兆)?(?:([^兆億万]+)億)?(?:([^兆億万]+)万)?(.*)")
_COUNTED_IN = {"百万": Decimal(10**6), "千": Decimal(1000), "%": Decimal("0.01")}
_DIGITS = {
    ".": re.compile(r"(?:\d{1,3}(?:,\d{3})+|\d{1,3}(?:'\d{3})+|\d+)(?:\.\d*)?|\.\d+"),
    ",": re.compile(r"(?:\d{1,3}(?:[.' ]\d{3})+|\d+)(?:,\d*)?|,\d+"),
}
"""Digits with their separators of thousands, by the mark before decimal places."""
_EXPONENT = re.compile(r"(.*?)E([+-]?\d{1,3})", re.IGNORECASE)
_PLACES = Decimal("0.0001")
_LARGEST = Decimal(10) ** 14
"""Money and quantities are decimal(18, 4)."""


def exact(text: str, mark: str = ".") -> Decimal:
    """Read a number or amount.

    Thousands separators; ¥ (also as a backslash), $, €, £ or a currency code before or
    behind, 円 behind; 万, 億, 兆, 千 and 百万; ▲, △, brackets or a minus for negative;
    E notation; percent.

    Args:
        text: the cell.
        mark: what stands before decimal places, a point or a comma.

    Raises:
        ValueError: it is no number, or not clearly one.
    """
    text = nfkc(text).strip()
    if mark == "." and _PLAIN.fullmatch(text):
        return Decimal(text)
    found = _WRITTEN.fullmatch(text)
    if found is None or bool(found["open"]) != bool(found["close"]):
        raise ValueError(text)
    signs = [found[part] for part in ("sign", "late", "behind", "open") if found[part]]
    if len(signs) > 1:
        raise ValueError(text)
    value = _in_units(found["number"], mark)
    return -value if signs and signs[0] != "+" else value


def _in_units(text: str, mark: str) -> Decimal:
    """Add up 1億2,000万; a single unit may stand behind: 500千, 12百万, 5%."""
    for unit, factor in _COUNTED_IN.items():
        if text.endswith(unit):
            return _digits(text.removesuffix(unit).rstrip(), mark) * factor
    if not any(unit in text for unit in _UNITS):
        return _digits(text, mark)
    found = _IN_UNITS.fullmatch(text)
    if found is None:
        raise ValueError(text)
    factors = (*_UNITS.values(), 1)
    parts = zip(found.groups(), factors, strict=True)
    return sum(
        (_digits(part.strip(), mark) * factor for part, factor in parts if part),
        start=Decimal(),
    )


def _digits(text: str, mark: str) -> Decimal:
    exponent = _EXPONENT.fullmatch(text)
    digits = exponent[1] if exponent else text
    if _DIGITS[mark].fullmatch(digits) is None:
        raise ValueError(text)
    thousands = "," if mark == "." else "."
    for separator in (thousands, "'", " "):
        digits = digits.replace(separator, "")
    value = Decimal(digits.replace(mark, "."))
    return value.scaleb(int(exponent[2])) if exponent else value


def number(text: str, mark: str = ".") -> Decimal:
    """Read an amount as it is stored: rounded to four places, within its limits.

    Raises:
        ValueError: it is no number, or 10^14 or more.
    """
    try:
        value = exact(text, mark).quantize(_PLACES, ROUND_HALF_UP)
    except InvalidOperation as error:
        raise ValueError(text) from error
    if abs(value) >= _LARGEST:
        raise ValueError(text)
    return value


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
