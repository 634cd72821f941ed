"""Whether the CRM is still what was approved (promise P18)."""

from collections.abc import Iterable
from dataclasses import dataclass

from connectors.base import Row
from handover.transfer.live import Readings, held
from handover.transfer.steps import Action, Step


@dataclass(frozen=True, kw_only=True)
class Drifted:
    """An account whose owner is neither the predecessor nor the successor."""

    account_id: str | None
    expected: str | None
    found: str | None


def drifted(steps: Iterable[Step], readings: Readings) -> tuple[Drifted, ...]:
    """List the accounts that others changed since the plan was approved."""
    return tuple(
        Drifted(account_id=step.account_id, expected=step.before, found=found)
        for step in steps
        if step.action is Action.ACCOUNT_OWNER
        for found in [_owner(step, readings.row(step))]
        if found not in (step.before, step.after)
    )


def too_many(drifted: int, of: int, *, share: float, least: int) -> bool:
    """Tell whether so much drifted that the plan as a whole is in question.

    Args:
        drifted: accounts that drifted.
        of: accounts of the run.
        share: the part above which a run stops.
        least: the number below which it never does.
    """
    return drifted >= least and drifted > share * of


def _owner(step: Step, row: Row | None) -> str | None:
    return None if row is None else held(row, step.field or "")
