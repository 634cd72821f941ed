"""Taking a person of a customer out of plans; what was approved stays approved."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from handover.ledger.erasing import list_versions, mask, replace_version
from handover.ledger.seals import LedgerChanged
from handover.plan.model import Plan

CALLED_SO = "account"
"""The key of a customer's name: a company may be called as a person is."""


def erase_from_plans(connection: Connection, words: Sequence[str]) -> int:
    """Mask words in all versions of plans; return how many versions were changed.

    Names and reasons are part of what was approved: the fingerprint of a version, and
    of the decisions on it, is that of what is left. A version that was not as its
    fingerprint said is none afterwards either.

    Raises:
        LedgerChanged: what stands there is no plan of ours.
    """
    changed = 0
    for version in list_versions(connection, words):
        content = _mask(version["content"], words)
        if content == version["content"]:
            continue
        try:
            was_sound = _compute(version["content"]) == version["fingerprint"]
            if was_sound:
                content["fingerprint"] = _compute(content)
        except ValueError as error:
            row = f"plan_versions:{version['plan_id']}:{version['version']}"
            raise LedgerChanged(row=row) from error
        replace_version(connection, version, content)
        changed += 1
    return changed


def _compute(content: dict[str, Any]) -> str:
    return Plan.model_validate(content).computed_fingerprint()


def _mask(value: Any, words: Sequence[str]) -> Any:  # noqa: ANN401 - JSON may be anything
    if isinstance(value, dict):
        return {
            name: each if name == CALLED_SO else _mask(each, words)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_mask(each, words) for each in value]
    return mask(value, words)
