"""Text that does nothing: in a spreadsheet no formula, on a terminal no control.

Spreadsheets compute what begins with ``= + - @`` or their full-width forms, also behind
blanks, and tabs and line ends start a new cell (OWASP, CSV injection).
"""

import re
import unicodedata

MARK = "'"
"""Put before a dangerous cell; ``plain_cell`` takes it off again."""

_DANGEROUS = re.compile(r"^[\s\u200b\ufeff]*[=+\-@＝＋－＠|%]|^[\t\r\n]")
_NUMBER = re.compile(r"^-?\d[\d,]*(\.\d+)?$")


def cell(value: object) -> str:
    """Neutralise a cell of a report or run file; numbers stay numbers."""
    text = str(value)
    if _NUMBER.match(text) or not (_DANGEROUS.match(text) or text.startswith(MARK)):
        return text
    return MARK + text


def plain_cell(text: str) -> str:
    """Take the mark off a cell that we wrote."""
    return text.removeprefix(MARK) if text.startswith(MARK) else text


def plain(text: str) -> str:
    """Take control characters out of a text for a terminal; line ends become blanks."""
    return "".join(
        " " if char in "\r\n\t" else char
        for char in text
        if char in "\r\n\t" or unicodedata.category(char) not in {"Cc", "Cf", "Cs"}
    )
