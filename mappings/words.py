"""The words of the common schema, and what people write for them (design §17)."""

from collections.abc import Mapping
from types import MappingProxyType

from mappings.text import norm

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
