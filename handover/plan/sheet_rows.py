"""A plan's rows for a spreadsheet, where nobody fills anything in."""

from collections.abc import Iterator

from handover.plan.model import Plan
from handover.plan.view import Audience, write_contacts


def list_sheet_rows(plan: Plan, audience: Audience) -> Iterator[dict[str, object]]:
    """Yield a plan's rows for a spreadsheet, by the names of the JSON."""
    for row in plan.rows:
        visit = row.visit
        yield {
            "plan": plan.id,
            "source": row.source,
            "account_id": row.account_id,
            "account": row.account,
            "successor_id": row.successor_id,
            "successor": audience.person(row.successor_id),
            "mode": row.mode.value,
            "reasons": " ".join(row.reasons),
            "customer_class": row.customer_class,
            "proposed_class": row.proposed_class,
            "value": float(row.value),
            "score": row.score,
            "ready": row.ready,
            "effective": str(row.effective) if row.effective else None,
            "until": str(row.until) if row.until else None,
            "co_attendance": row.co_attendance,
            "attendance_proposed": row.attendance_proposed,
            "co_attendance_reason": row.co_attendance_reason,
            "date": str(visit.date) if visit else None,
            "start": visit.start if visit else None,
            "end": visit.end if visit else None,
            "visit_state": visit.state if visit else None,
            "place": visit.place if visit else None,
            "to_meet": write_contacts(row, audience),
            "gaps": ", ".join(row.gaps),
            "waived": ", ".join(row.waived),
            "waived_reason": row.waived_reason,
            "class_reason": row.class_reason,
            "reason": row.reason,
            "state": row.state,
        }
