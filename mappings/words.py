"""The words of the common schema as people write them, and the names of countries."""

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from babel import Locale
from babel.core import get_global

from mappings.text import as_text, norm

CLASSES = MappingProxyType(
    {
        "key": "key",
        "priority": "priority",
        "normal": "normal",
        "重要顧客": "key",
        "重点顧客": "priority",
        "一般": "normal",
    }
)


KINDS = MappingProxyType(
    {
        "call": "call",
        "meeting": "meeting",
        "email": "email",
        "visit": "visit",
        "note": "note",
        "task": "task",
        "電話": "call",
        "打合せ": "meeting",
        "メール": "email",
        "訪問": "visit",
        "メモ": "note",
        "todo": "task",
    }
)


OUTCOMES = MappingProxyType(
    {
        "done": "done",
        "no_answer": "no_answer",
        "cancelled": "cancelled",
        "other": "other",
        "完了": "done",
        "不在": "no_answer",
        "中止": "cancelled",
        "その他": "other",
    }
)


YES_NO = MappingProxyType(
    {
        "true": "true",
        "1": "true",
        "1.0": "true",
        "yes": "true",
        "はい": "true",
        "false": "false",
        "0": "false",
        "0.0": "false",
        "no": "false",
        "いいえ": "false",
    }
)


WORDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"class": CLASSES, "kind": KINDS, "outcome": OUTCOMES, "yes_no": YES_NO}
)
"""Word lists by the name that a column of the schema gives them."""


def canonical(words: str, text: str) -> str | None:
    """Find the canonical word for what somebody wrote; None when there is none."""
    return WORDS[words].get(norm(text) or "")


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
