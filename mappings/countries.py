"""Countries: from what people write to the two letters of ISO 3166."""

from functools import cache

from babel import Locale
from babel.core import get_global

from mappings.text import as_text, norm

_COMMON = {"日本国": "JP", "米国": "US", "アメリカ": "US", "英国": "GB", "korea": "KR"}
"""Everyday names beside the official ones that Babel knows."""


@cache
def _codes() -> dict[str | None, str]:
    english, japanese = Locale("en").territories, Locale("ja").territories
    codes: dict[str | None, str] = {norm(said): code for said, code in _COMMON.items()}
    for alias, others in get_global("territory_aliases").items():
        codes.setdefault(norm(str(alias)), others[0])
    for code in map(str, english):
        if len(code) == 2 and code.isalpha():
            names = (code, english.get(code), japanese.get(code))
            codes |= {norm(as_text(name)): code for name in names}
    return codes


def country_code(text: str | None) -> str | None:
    """Find the code for a country's code or name in English or Japanese."""
    return _codes().get(norm(text)) if text else None
