"""Why a write is allowed. Every step names its authority, and there is no other way.

An approved plan comes from ``handover.plan.approval`` alone, the undoing of a run from
``handover.transfer.undo`` alone; whoever holds neither cannot construct a step.
"""

from dataclasses import dataclass

from handover.plan.approval import ApprovedPlan


@dataclass(frozen=True, kw_only=True)
class UndoOf:
    """A run may be taken back, because this person may decide so."""

    run_id: str
    plan_id: str
    person_id: str


Authority = ApprovedPlan | UndoOf


def label(authority: Authority) -> str:
    """Name an authority in one word, for lists and the ledger."""
    match authority:
        case ApprovedPlan(plan=plan, fingerprint=fingerprint):
            return f"plan:{plan.id}@{fingerprint[:12]}"
        case UndoOf(run_id=run_id):
            return f"undo:{run_id}"
