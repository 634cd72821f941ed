"""What is different: from one version of a plan to the next, and in the CRM since.

Editing a plan may move other appointments; whoever has told customers of them has to
see which, and why.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from handover.i18n import Phrase
from handover.ledger.states import Mode
from handover.plan.model import Plan, Row

NAMED = 10
"""So many changes are named where a sentence has to hold them."""

Why = Literal["decided", "moved", "facts"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value that is not what it was.

    ``why``: ``decided`` by a person on this row, ``moved`` to make room for others, or
    other ``facts`` in the CRM when the plan was drawn up again.
    """

    account_id: str | None
    field: str
    before: str | None
    after: str | None
    why: Why
    reason: str | None = None


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
    before: Plan | None, after: Plan, drift: Iterable[Drift] = ()
) -> Comparison:
    """Return what differs between an earlier version, if there is one, and a plan."""
    return Comparison(
        plan=after,
        since=before.version if before else None,
        changes=tuple(list_changes(before, after)) if before else (),
        drift=tuple(drift),
        before=before,
    )


_DATES = ("notice", "announce", "start", "end", "effective")
_DECISIONS = ("mode_by", "reason", "co_attendance", "online", "successor_id")


def list_changes(before: Plan, after: Plan) -> Iterator[Change]:
    """Yield what differs between two versions, row by row."""
    for name in _DATES:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Change(
                account_id=None,
                field=name,
                before=str(old),
                after=str(new),
                why="facts",
            )
    known = {row.account_id: row for row in before.rows}
    for row in after.rows:
        old_row = known.pop(row.account_id, None)
        yield from _compare_rows(old_row, row)
    for row in known.values():
        yield _make_change(row, "mode", row.mode.value, None, "facts")


def describe_changes(before: Plan, after: Plan) -> tuple[Phrase, ...]:
    """Say what people see to be different between two versions, customer by customer.

    Visits that moved to make room for others are left out.
    """
    names = {row.account_id: row.account for row in (*before.rows, *after.rows)}
    found: list[tuple[str | None, str]] = [
        (names.get(each.account_id or ""), f"field:{each.field}")
        for each in list_changes(before, after)
        if each.why != "moved"
    ]
    known = {(each.object, each.id): each for each in before.loose}
    found += [
        (each.name or each.id, "field:loose")
        for each in after.loose
        if known.get((each.object, each.id)) != each
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
        why: Why = (
            "decided" if decided or name in ("waived", "held", "waiting") else "moved"
        )
        yield _make_change(after, name, old, value, why)


def _is_pinned(row: Row) -> bool:
    return row.visit is not None and row.visit.pinned


def _list_values(row: Row) -> dict[str, str | None]:
    visit = row.visit
    held = [each.id for each in row.opportunities if each.action == "hold"]
    waiting = [each.id for each in row.opportunities if each.action is None]
    return {
        "mode": row.mode.value,
        "successor_id": row.successor_id,
        "visit": f"{visit.date} {visit.start}" if visit else None,
        "co_attendance": row.co_attendance,
        "until": str(row.until) if row.until else None,
        "waived": ", ".join(row.waived) or None,
        "held": ", ".join(held) or None,
        "waiting": ", ".join(waiting) or None,
    }


def _make_change(
    row: Row, field: str, before: str | None, after: str | None, why: Why
) -> Change:
    return Change(
        account_id=row.account_id,
        field=field,
        before=before,
        after=after,
        why=why,
        reason=row.reason if why == "decided" else None,
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
