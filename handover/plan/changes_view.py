"""What has changed in a plan, and in the CRM, in words."""

import datetime as dt
from collections.abc import Callable, Mapping

from handover.plan.changes import Change, Comparison
from handover.plan.lists import FATES
from handover.plan.plan_list import PlanList
from handover.plan.view import Audience


def list_changed(compared: Comparison, audience: Audience) -> PlanList:
    """List what has changed since an earlier version, and why."""
    words = audience.words
    title = words(
        "Version {version} compared with version {before}",
        version=compared.plan.version,
        before=compared.since,
    )
    if compared.since == compared.plan.version:  # nobody decided anything
        title = words("What customers answered")
    return PlanList(
        title=title,
        headings=(
            words("Customer"),
            words("What"),
            words("Before"),
            words("Now"),
            words("Why"),
        ),
        rows=[
            (
                each.name or words("Plan"),
                words(f"field:{each.field}"),
                describe_value(each.field, each.before, audience),
                describe_value(each.field, each.after, audience),
                _describe_cause(each, audience),
            )
            for each in compared.changes
        ],
    )


def _describe_cause(change: Change, audience: Audience) -> str:
    """Say through whom a value is what it is, in which version, and why."""
    words = audience.words
    why = words(f"why:{change.why}")
    if change.version is not None and change.why not in ("facts", "answered"):
        who = audience.person(change.person)
        why = words("{why} ({who}, version {n})", why=why, who=who, n=change.version)
    return ": ".join(filter(None, (why, change.reason)))


def describe_value(field: str, value: str | None, audience: Audience) -> str:
    """Put a changed value into words."""
    if value is None:
        return "-"
    describe = _DESCRIBED.get(field)
    return describe(value, audience) if describe else value


def _describe_attendance(value: str, audience: Audience) -> str:
    is_open = value == "undecided"
    return audience.words("to be decided" if is_open else f"attendance:{value}")


def _describe_fate(value: str, audience: Audience) -> str:
    action, _, until = value.partition(" ")
    return f"{audience.words(FATES[action])} {until}".strip()


def _describe_time(value: str, audience: Audience) -> str:
    date, _, time = value.partition(" ")
    return f"{audience.day(dt.date.fromisoformat(date))} {time}".strip()


_DESCRIBED: Mapping[str, Callable[[str, Audience], str]] = {
    "mode": lambda value, audience: audience.words(f"mode:{value}"),
    "visit_state": lambda value, audience: audience.words(f"visit_state:{value}"),
    "customer_class": lambda value, audience: audience.words(f"class:{value}"),
    "co_attendance": _describe_attendance,
    "attendance_proposed": _describe_attendance,
    "successor_id": lambda value, audience: audience.person(value),
    "waived": lambda value, audience: ", ".join(map(audience.item, value.split(", "))),
    "loose": _describe_fate,
    **dict.fromkeys(
        ("visit", "until", "notice", "announce", "start", "end", "effective"),
        _describe_time,
    ),
}
"""How the values of fields are put into words; the others stay as they are."""


def list_drift(compared: Comparison, audience: Audience) -> PlanList:
    """List the accounts that changed hands since, without the plan."""
    words = audience.words
    names = {row.account_id: row.account for row in compared.plan.rows}
    return PlanList(
        title=words("Changed in the CRM since"),
        headings=(words("Customer"), words("Expected owner"), words("Owner now")),
        rows=[
            (
                names.get(each.account_id, each.account_id),
                audience.person(each.expected),
                audience.person(each.owner_id),
            )
            for each in compared.drift
        ],
    )
