"""What becomes of opportunities and of records without a customer, as edits say."""

from collections.abc import Iterable

from handover.plan import errors
from handover.plan.edits import FATES, REST, Edits
from handover.plan.model import (
    LooseRecord,
    Plan,
    PlannedOpportunity,
    PutAside,
    Row,
)
from handover.plan.naming import name_opportunity


def edit_opportunities(
    plan: Plan, row: Row, edits: Edits, aside: Iterable[PutAside]
) -> Row:
    """Decide opportunities; those whose owner nobody can read can only be left."""
    unowned = {each.id for each in aside if each.hides_owner}

    def edit(each: PlannedOpportunity) -> PlannedOpportunity:
        fate = edits.opportunities.get(each.id)
        if fate is None and each.action is None and each.id not in unowned:
            fate = edits.opportunities.get(REST)
        if fate is None:
            return each
        if each.id in unowned and fate.action != "leave":
            opportunity = name_opportunity(row, each)
            raise errors.OwnerUnread(plan=plan.id, opportunities=opportunity)
        if each.id not in unowned and fate.action == "leave":
            value = f"{each.id}=leave"
            raise errors.BadEdit(option="--opportunity", value=value, form=FATES)
        why = fate.reason or edits.reason
        decided = {"action": fate.action, "until": fate.until, "reason": why}
        return each.model_copy(update=decided)

    edited = tuple(map(edit, row.opportunities))
    return row.model_copy(update={"opportunities": edited})


def edit_loose(plan: Plan, record: LooseRecord, edits: Edits) -> LooseRecord:
    """Decide a record, if it is named, or its table."""
    fate = edits.loose.get((record.object, record.id))
    if fate is None:
        fate = edits.loose.get((record.object, None))
    if fate is None:
        return record
    successor = next(iter(plan.successors), None)
    return record.model_copy(
        update={
            "action": fate.action,
            "until": fate.until,
            "reason": fate.reason or edits.reason,
            "successor": None if fate.action == "leave" else successor,
        }
    )
