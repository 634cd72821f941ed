"""What came back of customers in words: before it is recorded, and afterwards."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from handover.answers.confirmations import Confirmation
from handover.answers.remarks import Remark
from handover.meeting.flags import Flag
from handover.meeting.progress import VisitProgress
from handover.meeting.questions import Questions
from handover.meeting.sheet_words import name_column, write_value
from handover.plan.plan_list import PlanList
from handover.plan.view import Audience


def list_confirmed(
    made: Sequence[Confirmation],
    questions: Mapping[str, Questions],
    zone: ZoneInfo,
    audience: Audience,
) -> PlanList:
    """List answers: of whom, to what, what was there, what holds, by whom and when."""
    words = audience.words
    headings = (
        *("Customer", "sheet-column:asked", "Recorded in the CRM", "Answer"),
        "Who, when",
    )
    rows = []
    for each in made:
        known = {
            (table, record.id): record.name
            for table, records in questions[each.account_id].records.items()
            for record in records
        }
        of = known.get((each.table or "", each.record_id or ""))
        said = words(f"answered:{each.result}")
        column, before = f"{each.table}.{each.column}", ""
        if each.result == "corrected":
            value = write_value(column, each.value, audience)
            before = write_value(column, each.before, audience) or words("(blank)")
            said = f"{said}: {name_column(column, words)} {value}"
        item = audience.item(each.item)
        person = known.get(("contacts", each.person), each.person)
        at = each.at.astimezone(zone)
        when = f"{at:%Y-%m-%d}" if at.time() == dt.time() else f"{at:%Y-%m-%d %H:%M}"
        rows.append(
            (
                audience.account(each.account_id),
                words("{name} ({known})", name=item, known=of) if of else item,
                before or "-",
                said,
                f"{person} {when}",
            )
        )
    title = words("{n} answers in the workbook", n=len(rows))
    return PlanList(title=title, headings=tuple(map(words, headings)), rows=rows)


def list_noted(remarks: Sequence[Remark], audience: Audience) -> PlanList:
    """List what was heard beyond the items."""
    words = audience.words
    rows = [
        (
            audience.account(each.account_id),
            words(f"remark:{each.kind}"),
            each.text or "",
            audience.money(each.amount) if each.amount is not None else "-",
        )
        for each in remarks
    ]
    return PlanList(
        title=words("What else was said"),
        headings=(words("Customer"), words("Kind"), words("Text"), words("Amount")),
        rows=rows,
        numbers=(3,),
    )


def dump_confirmation(made: Confirmation) -> dict[str, Any]:
    """Return an answer for JSON."""
    return {
        "account_id": made.account_id,
        "item": made.item,
        "record": made.record_id,
        "result": made.result,
        "column": made.column,
        "before": made.before,
        "value": made.value,
        "person": made.person,
        "at": made.at.isoformat(),
        "by": made.recorded_by,
    }


def dump_remark(made: Remark) -> dict[str, Any]:
    """Return a remark for JSON."""
    return {
        "account_id": made.account_id,
        "kind": made.kind,
        "text": made.text,
        "amount": None if made.amount is None else float(made.amount),
        "at": made.at.isoformat(),
        "by": made.recorded_by,
    }


def dump_visit(visit: VisitProgress) -> dict[str, Any]:
    """Return for JSON where a customer stands."""
    return {
        "account_id": visit.account_id,
        "done": visit.is_done,
        "open": list(visit.open),
        "yield": visit.found_out,
        "missed": visit.missed,
    }


def dump_flag(flag: Flag, audience: Audience) -> dict[str, Any]:
    """Return a sign that nobody was asked for JSON."""
    why = audience.words.phrase(flag.why)
    return {"code": flag.code, "account_id": flag.account_id, "why": why}
