"""What of a plan is approved, as a hash: whoever changes any of it loses the approval.

Fields that plans have got over time are left out while they say nothing, so that older
plans keep the fingerprint they were approved with.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

NOT_APPROVED = (
    "version",
    "author",
    "state",
    "fingerprint",
    "generation",
    "notes",
    "aside",
    "overflow",
    "options",
    "minimum_days",
    "minimum_end",
    "minimum_days_bound",
    "minimum_days_proved",
    "slots",
    "loads",
    "absences",
)
"""What a plan says beyond what its manager approves."""
MEASURED = ("score", "ready", "state", "open_amount", "proposed_class")
"""The same of a row: measured or reported, not decided."""
DESCRIBED = ("account_id", "account")
"""The same of a loose record."""
LATER = ("terms", "prepared_by")
"""Fields of a plan that older ones lack; None says nothing."""
LATER_IN_ROWS = ("class_by", "class_reason", "attendance_proposed")
"""The same of a row."""
LATER_IN_RECORDS = ("reason",)
"""The same of an opportunity, and of a loose record."""
ANSWERED = ("state", "moved", "answer_reason")
"""The same of a visit: what the customer answered is nobody's decision."""
LATER_IN_VISITS = ("timed",)
"""The same of a visit; False says nothing."""


def compute_fingerprint(content: dict[str, Any]) -> str:
    """Return the hash of a plan, given as JSON has it; ``content`` is used up."""
    _drop(content, NOT_APPROVED)
    _drop_unset(content, LATER)
    for row in content["rows"]:
        _drop(row, MEASURED)
        _drop_unset(row, LATER_IN_ROWS)
        if row["visit"]:
            _drop(row["visit"], ANSWERED)
            _drop_unset(row["visit"], LATER_IN_VISITS)
        for opportunity in row["opportunities"]:
            _drop(opportunity, ("name",))  # described, not decided
            _drop_unset(opportunity, LATER_IN_RECORDS)
    for record in content["loose"]:
        _drop(record, DESCRIBED)
        _drop_unset(record, LATER_IN_RECORDS)
    return hashlib.sha256(_canonical(content)).hexdigest()


def _drop(content: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        del content[name]


def _drop_unset(content: dict[str, Any], names: Iterable[str]) -> None:
    for name in names:
        if not content[name]:
            del content[name]


def _canonical(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
