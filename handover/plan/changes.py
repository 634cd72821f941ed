"""What is different: from one version of a plan to the next, and in the CRM since.

Editing a plan may move other appointments; whoever has told customers of them has to
see which, and why.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from handover.i18n import Phrase
from handover.ledger.states import Mode
from handover.plan.model import LooseRecord, Plan, Row

NAMED = 10
"""So many changes are named where a sentence has to hold them."""

Why = Literal["decided", "answered", "moved", "drawn_up", "facts"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value that is not what it was.

    ``why``: ``decided`` by a person, ``answered`` by the customer, ``moved`` to make
    room for what was decided, ``drawn_up`` again, or other ``facts`` in the CRM.
    ``person`` made ``version`` of the plan, since which the value is what it is now.
    """

    account_id: str | None
    name: str | None
    """What people call the customer or record; None: it is of the whole plan."""
    field: str
    before: str | None
    after: str | None
    why: Why
    reason: str | None = None
    person: str | None = None
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Made:
    """A version of a plan, and how it came about: through what, by whom, and why.

    ``at`` is when, in UTC, where that is known.
    """

    plan: Plan
    cause: str
    person: str | None
    reason: str | None
    at: dt.datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Drift:
    """An account whose owner is not the one the plan takes it from.

    ``expected`` is None for an account that the predecessor got since.
    """

    account_id: str
    owner_id: str | None
    expected: str | None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A plan, an earlier version of it, and what is different."""

    plan: Plan
    since: int | None
    """The number of the earlier version; None: there is none."""
    changes: Sequence[Change] = ()
    drift: Sequence[Drift] = ()
    """What has changed in the CRM since the plan was drawn up."""
    before: Plan | None = None
    """The earlier version."""


def compare(
    before: Plan | None,
    after: Plan,
    made: Sequence[Made] = (),
    drift: Iterable[Drift] = (),
) -> Comparison:
    """Return what differs between an earlier version, if there is one, and a plan.

    Args:
        before: the earlier version.
        after: the plan.
        made: the versions since, up to the plan, as far as it is known who made them.
        drift: what has changed in the CRM since.
    """
    return Comparison(
        plan=after,
        since=before.version if before else None,
        changes=tuple(list_changes(before, after, made)) if before else (),
        drift=tuple(drift),
        before=before,
    )


_DATES = ("notice", "announce", "start", "end", "effective")
_DECISIONS = (
    *("mode_by", "reason", "co_attendance", "attendance_proposed", "online"),
    *("successor_id", "class_by", "class_reason"),
)
_ALWAYS_DECIDED = ("waived", "held")
"""What changes on no other ground."""


def list_changes(
    before: Plan, after: Plan, made: Sequence[Made] = ()
) -> Iterator[Change]:
    """Yield what differs between two versions: the plan, customers, loose records.

    A value that went to and fro in between is no change; of one that is different the
    last version counts that changed it.
    """
    steps = made or (Made(plan=after, cause="edit", person=None, reason=None),)
    latest: dict[tuple[object, str], Change] = {}
    earlier = before
    for step in steps:
        for key, change in _compare_versions(earlier, step.plan):
            latest[key] = _explain(change, step)
        earlier = step.plan
    for key, change in _compare_versions(before, after):
        known = latest.get(key, change)
        yield replace(known, before=change.before, after=change.after)


def _explain(change: Change, step: Made) -> Change:
    """Say through what a version a value is what it is, by whom, and why."""
    if change.why == "answered":  # no version came of it
        return change
    why: Why = "drawn_up" if step.cause == "new" else change.why
    is_decided = why == "decided"
    return replace(
        change,
        why=why,
        reason=step.reason or change.reason if is_decided else None,
        person=step.person,
        version=step.plan.version,
    )


def _compare_versions(
    before: Plan, after: Plan
) -> Iterator[tuple[tuple[object, str], Change]]:
    """Yield the changes from one version to another, each with what it is of."""
    for name in _DATES:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield (
                (None, name),
                Change(
                    account_id=None,
                    name=None,
                    field=name,
                    before=str(old),
                    after=str(new),
                    why="decided",
                ),
            )
    known = {row.account_id: row for row in before.rows}
    for row in after.rows:
        for change in _compare_rows(known.pop(row.account_id, None), row):
            yield (row.account_id, change.field), change
    for row in known.values():
        change = _make_change(row, "mode", row.mode.value, None, "facts")
        yield (row.account_id, "mode"), change
    yield from _compare_loose(before, after)


def _compare_loose(
    before: Plan, after: Plan
) -> Iterator[tuple[tuple[object, str], Change]]:
    known = {(each.object, each.id): each for each in before.loose}
    for record in after.loose:
        old = known.get((record.object, record.id))
        fates = _write_fate(old), _write_fate(record)
        if fates[0] != fates[1]:
            change = Change(
                account_id=record.account_id,
                name=record.name or record.id,
                field="loose",
                before=fates[0],
                after=fates[1],
                why="decided" if old else "facts",
                reason=record.reason,
            )
            yield ((record.object, record.id), "loose"), change


def _write_fate(record: LooseRecord | None) -> str | None:
    if record is None or record.action is None:
        return None
    return f"{record.action} {record.until or ''}".strip()


def describe_changes(before: Plan, after: Plan) -> tuple[Phrase, ...]:
    """Say what people see to be different between two versions, customer by customer.

    Visits that moved to make room for others are left out, and what customers answered.
    """
    found = [
        (each.name, f"field:{each.field}")
        for each in list_changes(before, after)
        if each.why not in ("moved", "answered")
    ]
    said = [
        Phrase(
            text="change:row",
            params={"name": name or Phrase(text="Plan"), "what": Phrase(text=what)},
        )
        for name, what in dict.fromkeys(found)
    ]
    left = len(said) - NAMED
    more = [Phrase(text="change:more", params={"n": left})] if left > 0 else []
    return (*said[:NAMED], *more)


def _compare_rows(before: Row | None, after: Row) -> Iterator[Change]:
    if before is None:
        yield _make_change(after, "mode", None, after.mode.value, "facts")
        return
    decided = any(
        getattr(before, name) != getattr(after, name) for name in _DECISIONS
    ) or _is_pinned(before) != _is_pinned(after)
    for name, value in _list_values(after).items():
        old = _list_values(before)[name]
        if old == value:
            continue
        why: Why = "decided" if decided or name in _ALWAYS_DECIDED else "moved"
        if name == "waiting":  # a value was read, or could not be; else somebody chose
            why = "facts" if value is not None else "decided"
        if name == "visit_state" and value in ("agreed", "declined"):
            why = "answered"
        change = _make_change(after, name, old, value, why)
        if why == "answered" and after.visit is not None:
            change = replace(change, reason=after.visit.answer_reason)
        yield change


def _is_pinned(row: Row) -> bool:
    return row.visit is not None and row.visit.pinned


def _list_values(row: Row) -> dict[str, str | None]:
    visit = row.visit
    named = {each.name or each.id: each.action for each in row.opportunities}
    held = [name for name, action in named.items() if action == "hold"]
    waiting = [name for name, action in named.items() if action is None]
    return {
        "mode": row.mode.value,
        "successor_id": row.successor_id,
        "visit": f"{visit.date} {visit.start}" if visit else None,
        "customer_class": row.customer_class,
        "visit_state": visit.state if visit and visit.state != "proposed" else None,
        "co_attendance": row.co_attendance,
        "attendance_proposed": row.attendance_proposed,
        "until": str(row.until) if row.until else None,
        "waived": ", ".join(row.waived) or None,
        "held": ", ".join(held) or None,
        "waiting": ", ".join(waiting) or None,
    }


def _make_change(
    row: Row, field: str, before: str | None, after: str | None, why: Why
) -> Change:
    reasons = {
        "customer_class": row.class_reason,
        "co_attendance": row.co_attendance_reason,
        "attendance_proposed": row.co_attendance_reason,
        "waived": row.waived_reason,
        "held": next((o.reason for o in row.opportunities if o.reason), None),
    }
    return Change(
        account_id=row.account_id,
        name=row.account,
        field=field,
        before=before,
        after=after,
        why=why,
        reason=reasons.get(field, row.reason) if why == "decided" else None,
    )


def list_drift(plan: Plan, owners: Mapping[str, str | None]) -> Iterator[Drift]:
    """Yield the accounts that changed hands since, without this plan.

    Args:
        plan: as it stands.
        owners: of the plan's accounts and all that the predecessor owns now.
    """
    for row in plan.rows:
        expected = (
            row.successor_id if row.state == "owner_changed" else plan.predecessor
        )
        owner = owners.get(row.account_id)
        if owner != expected and not _is_on_its_way(row, owner):
            yield Drift(account_id=row.account_id, owner_id=owner, expected=expected)
    planned = {row.account_id for row in plan.rows}
    for account, owner in sorted(owners.items()):
        if account not in planned and owner == plan.predecessor:
            yield Drift(account_id=account, owner_id=owner, expected=None)


def _is_on_its_way(row: Row, owner: str | None) -> bool:
    """Return whether the plan's own transfer or a sync still to come explains it."""
    return row.mode is not Mode.EXCLUDE and (
        owner == row.successor_id or row.state == "owner_changed"
    )
