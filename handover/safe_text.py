"""Text that does nothing: on a terminal no control, in a spreadsheet no formula.

Names, ids and messages come from CRMs, from files and from the command line. Whatever
they hold, they are shown as one line of characters that can be seen, wherever they
leave: the console, the sentences, the pages, the tables and JSON each ask here.
"""

import re
import unicodedata
from urllib.parse import urlsplit

# What people read

_STAND_IN = "\ufffd"
_BREAKS = "\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029"
"""What ends a line or a cell for some reader."""


class _Shown(dict[int, str]):
    """What stands for each character; those met before are remembered."""

    def __missing__(self, code: int) -> str:
        char, kind = chr(code), unicodedata.category(chr(code))
        if char in _BREAKS:
            shown = " "
        elif kind in {"Cc", "Cf"}:
            shown = ""
        elif kind == "Cs" or _is_no_character(code):
            shown = _STAND_IN
        else:
            shown = char
        self[code] = shown
        return shown


def _is_no_character(code: int) -> bool:
    """Return whether Unicode keeps a code for no character; XML takes none of them."""
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


_SHOWN = _Shown()


def plain(text: str) -> str:
    """Return a text as one line that can be seen.

    Line ends and tabs become blanks; controls, marks that turn the direction of
    writing and characters without a width fall away; half a surrogate pair, as bytes on
    a command line may be, becomes a stand-in.
    """
    return text if text.isprintable() else text.translate(_SHOWN)


def plain_lines(text: str) -> str:
    """Return a text of ours with several lines, each of them plain."""
    return "\n".join(map(plain, text.split("\n")))


def web_link(url: str | None) -> str:
    """Return an address that a page may link to; empty if it is no web address."""
    if not url or plain(url) != url or re.search(r'[\s"<>\\^`{|}]', url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_web = parts.scheme in {"http", "https"} and parts.hostname
    return url if is_web and "@" not in parts.netloc else ""


# What machines read


_UNUSUAL = re.compile(r"[^\n -~\u3000-\u9fff\uac00-\ud7a3\uff01-\uffee]")


def plain_json(text: str) -> str:
    """Write the characters of JSON that cannot be seen as escapes of JSON's own."""
    return _UNUSUAL.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    char = found[0]
    if char.isprintable() or _SHOWN[ord(char)] == char:
        return char
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(
        f"\\u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2)
    )


# What spreadsheets read

MARK = "'"
"""Put before what would compute; ``plain_cell`` takes it off again."""

_STARTS = "=+\\-@|%＝＋－＠｜％﹢﹣﹦﹪﹫⁺₊⁼₌⩵⩶﬩"
"""Characters with which a formula or a command begins, wide and small ones, too."""
_PARTS = f";{_BREAKS}"
"""What parts cells or rows for a reader who takes other signs than we write.

Where the system writes decimal commas, Excel parts cells at ``;``, and quotes that
stand in the middle of its cells protect nothing.
"""
_SKIPPED = f'(?:(?![{_PARTS}])[\\s"\u00ad\u200b-\u200f\u2060\ufeff])*'
_BEGINS = rf"(?:^(?=['{_BREAKS}])|(?:^|(?<=[{_PARTS}]))(?='*{_SKIPPED}[{_STARTS}]))"
_TO_MARK = re.compile(_BEGINS)
_MARKED = re.compile(
    rf"(?:^{MARK}(?=['{_BREAKS}])"
    rf"|(?:^|(?<=[{_PARTS}])){MARK}(?='*{_SKIPPED}[{_STARTS}]))"
)


def cell(text: str) -> str:
    """Mark each part of a cell that a spreadsheet would compute.

    Spreadsheets compute what begins with ``= + - @`` or their wide forms, also behind
    blanks (OWASP, CSV injection); what parts cells is told by their settings, not by
    the file. A number written as a number needs no mark and is none of ours.
    """
    return _TO_MARK.sub(MARK, text)


def plain_cell(text: str) -> str:
    """Take the marks off a cell that we wrote."""
    return _MARKED.sub("", text)
