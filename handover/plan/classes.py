"""Which class a customer has for a plan, where a manager decides it.

The policy proposes classes where the CRM has none; a proposal changes nothing until a
manager confirms it, or decides otherwise.
"""

from typing import Any

from handover.ledger.states import Mode
from handover.plan.errors import BadEdit, ReasonNeeded
from handover.plan.model import ClassEdit, CustomerClass, Row
from handover.plan.selection import Wish, judge_class
from handover.plan.visits import find_wish

CLASSES_UNKNOWN = "rule_unmapped:M1"
"""The note of a plan that the CRM has no classes."""


def decide_class(row: Row, asked: ClassEdit, *, by: str, reason: str | None) -> Row:
    """Return a row with the class that a manager decided, met as the rules say then.

    How they are met stays where a person decided that.

    Raises:
        ReasonNeeded: it is neither what was proposed nor what the row has already.
        BadEdit: the proposal is to be confirmed, and there is none.
    """
    decided = _find_class(row, asked)
    if reason is None and decided not in (row.proposed_class, row.customer_class):
        raise ReasonNeeded(option="--class")
    changes: dict[str, Any] = {
        "customer_class": decided,
        "class_by": by,
        "class_reason": reason,
        "reasons": judge_class(row.reasons, decided),
    }
    edited = row.model_copy(update=changes)
    if row.mode_by is not None or row.mode not in (Mode.MEET, Mode.INFORM):
        return edited
    return edited.model_copy(update=_list_mode_changes(edited))


def _find_class(row: Row, asked: ClassEdit) -> CustomerClass:
    if asked != "proposed":
        return asked
    match row.proposed_class:
        case "key" | "priority" | "normal":
            return row.proposed_class
        case _:
            value = f"{row.account}=proposed"
            form = "A=key|priority|normal"
            raise BadEdit(option="--class", value=value, form=form)


def _list_mode_changes(row: Row) -> dict[str, Any]:
    """Return how a customer is met by the rules alone; who should be met stays so."""
    match find_wish(row):
        case Wish.MUST:
            return {"mode": Mode.MEET}
        case Wish.SHOULD:
            return {}
        case Wish.NONE:
            return {"mode": Mode.INFORM, "visit": None}
