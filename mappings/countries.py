"""Countries: from what people write to the two letters of ISO 3166."""

from functools import cache

from babel import Locale
from babel.core import get_global

from mappings.text import norm

_COMMON = {"日本国": "JP", "米国": "US", "アメリカ": "US", "英国": "GB", "korea": "KR"}
"""Everyday names beside the official ones that Babel knows."""


@cache
def _codes() -> dict[str | None, str]:
    english, japanese = Locale("en").territories, Locale("ja").territories
    codes: dict[str | None, str] = {norm(said): code for said, code in _COMMON.items()}
    for code, others in get_global("territory_aliases").items():
        codes.setdefault(norm(code), others[0])
    for code in english:
        if len(code) == 2 and code.isalpha():
            for said in (code, english[code], japanese.get(code)):
                codes[norm(said)] = code
    return codes


def country_code(text: str | None) -> str | None:
    """Find the code for a country's code or name in English or Japanese."""
    return _codes().get(norm(text)) if text else None
