"""What stands in one cell of a plan's lists, as text."""

import datetime as dt

from handover.i18n import Words
from handover.plan.model import Row
from handover.plan.selection import KEY_CLASSES, is_attendance_open
from handover.plan.view import Audience


def write_class(row: Row, audience: Audience) -> str:
    """Write a customer's class; one that is only proposed is said to be so."""
    words = audience.words
    if row.is_class_open:
        return words("proposed: {name}", name=words(f"class:{row.proposed_class}"))
    return words(f"class:{row.customer_class}") if row.customer_class else "-"


def find_time(row: Row) -> tuple[dt.date, str]:
    """Return when a row's customer is visited, to sort by."""
    if row.visit is None:
        return dt.date.max, ""
    return row.visit.date, row.visit.start


def write_classed(row: Row, audience: Audience) -> str:
    """Write a customer's name, with the class behind if it is not a normal one."""
    classed = row.proposed_class or row.customer_class in KEY_CLASSES
    return f"{row.account} ({write_class(row, audience)})" if classed else row.account


def write_day(row: Row, audience: Audience) -> str:
    """Write the day of a visit."""
    return (
        audience.short_day(row.visit.date) if row.visit else audience.words("no slot")
    )


def write_time(row: Row) -> str:
    """Write from when to when a visit takes place."""
    return f"{row.visit.start}-{row.visit.end}" if row.visit else "-"


def write_place(row: Row, words: Words) -> str:
    """Write where a visit takes place."""
    if row.visit is None:
        return "-"
    return words("online") if row.visit.online else row.visit.place or "-"


def write_attendance(row: Row, words: Words) -> str:
    """Write whether the manager attends, and why."""
    said = row.co_attendance
    if said == "undecided" and row.attendance_proposed is not None:
        yes_or_no = words(f"attendance:{row.attendance_proposed}")
        answer = words("proposed, to be decided: {answer}", answer=yes_or_no)
    elif said == "undecided":
        return words("to be decided") if is_attendance_open(row) else "-"
    else:
        answer = words(f"attendance:{said}")
    return ": ".join(filter(None, (answer, row.co_attendance_reason)))


def write_reasons(row: Row) -> str:
    """Write the codes of a row's reasons."""
    return " ".join(row.reasons) or "-"


def list_gaps(row: Row) -> list[str]:
    """List the items that are to be completed."""
    return [gap for gap in row.gaps if gap not in row.waived]


def write_gaps(row: Row, audience: Audience) -> str:
    """Name what is to be completed, and what somebody does without, and why."""
    parts = [", ".join(map(audience.item, list_gaps(row)))]
    if row.waived:
        items = ", ".join(map(audience.item, row.waived))
        waived = audience.words("done without: {items}", items=items)
        parts.append(": ".join(filter(None, (waived, row.waived_reason))))
    return "; ".join(filter(None, parts)) or "-"


def write_decision(row: Row, audience: Audience) -> str:
    """Write who decided how a customer is handed over, and why."""
    if row.mode_by is None:
        return "-"
    return ": ".join(filter(None, (audience.person(row.mode_by), row.reason)))


def write_successor(row: Row, audience: Audience) -> str:
    """Write who takes over and why they do, or that nobody is named yet."""
    words = audience.words
    if row.successor_id is None:
        return words("to be named")
    name = audience.person(row.successor_id)
    if row.successor_reason in (None, "named"):
        return name
    return f"{name} ({words(f'successor:{row.successor_reason}')})"
