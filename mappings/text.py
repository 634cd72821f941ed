"""Text: what a CRM sends as text, and the form in which texts are compared."""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from html import unescape

import orjson

from mappings.schema import NORM_LENGTH

_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff]")
_HIDDEN = re.compile(
    r"<(style|script|head)\b.*?</\1\s*>|<!--.*?-->", re.IGNORECASE | re.DOTALL
)
_BREAK = re.compile(
    r"</?(?:br|p|div|li|ul|ol|table|tr|td|th|h[1-6]|hr|blockquote)\b[^>]*>",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?[a-z!?][^>]*>", re.IGNORECASE)
_HEAD = 4 * NORM_LENGTH
"""Characters looked at first: nearly always enough to fill a ``_norm`` column."""


class Placeholders:
    """Words that people write where there is nothing; ``text in placeholders``.

    The whole text counts, in its normal form.
    """

    def __init__(self, words: Iterable[str] = ()) -> None:
        """Take the words in any form."""
        self.words = frozenset(filter(None, map(norm, words)))
        # NFKC shortens no text to less than half; longer ones need no second look.
        self._longest = 2 * max(map(len, self.words), default=0)

    def __contains__(self, text: object) -> bool:
        if not isinstance(text, str) or len(text.strip()) > self._longest:
            return False
        return norm(text) in self.words


def as_text(value: object) -> str | None:
    """Write a value of a record as text; None where there is nothing.

    Numbers are written out exactly as they were sent, without an exponent; a list is
    joined by ``;`` as CRMs join their multiple choices.
    """
    match value:
        case None:
            text = ""
        case str():
            text = value
        case bool():
            text = "true" if value else "false"
        case float():
            text = format(Decimal(repr(value)), "f")
        case list() | tuple():
            text = ";".join(filter(None, map(as_text, value)))
        case dict():
            text = orjson.dumps(value).decode()
        case _:
            text = str(value)
    return text if text and not text.isspace() else None


def nfkc(text: str) -> str:
    """Write full-width and half-width characters in their one compatible form."""
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


_VARIANTS = str.maketrans(
    "髙﨑碕塚濵濱邉邊齋齊澤櫻廣國眞德栁嶋嶌冨峯舘桒",
    "高崎崎塚浜浜辺辺斎斉沢桜広国真徳柳島島富峰館桑",
)
"""Characters that people write in one another's place, mostly in names."""


def one_form(text: str) -> str:
    """Write each character in one of its forms, for finding names: 髙 is 高."""
    return nfkc(text).translate(_VARIANTS)


def norm(text: str | None) -> str | None:
    """Bring a text to the form in which it is compared.

    Markup is stripped, the rest is NFKC, with single spaces, trimmed, case-folded and
    cut to its first 80 characters. Nothing left is None.
    """
    if text is None:
        return None
    if "<" in text or "&" in text:
        return _fold(plain(text))
    start = text.lstrip()
    folded = _fold(start[:_HEAD])
    if len(start) > _HEAD and len(folded or "") < NORM_LENGTH:
        return _fold(start)
    return folded


def plain(text: str) -> str:
    """Strip markup: tags, comments, styles and entities."""
    text = _HIDDEN.sub(" ", text)
    return unescape(_TAG.sub("", _BREAK.sub(" ", text)))


def _fold(text: str) -> str | None:
    if not text.isascii():
        text = _INVISIBLE.sub("", nfkc(text))
    return " ".join(text.split()).casefold()[:NORM_LENGTH].rstrip() or None
