"""A plan's next version, made of edits.

Each row takes what is decided about it; then the visits are scheduled again, so that
only what must move does.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from handover.errors import Refusal, UsageProblem
from handover.ledger.states import Mode, PlanState
from handover.plan import errors
from handover.plan.build import (
    list_successors,
    list_unread_opportunities,
    read_schedule,
    seal,
    wait_for_decisions,
)
from handover.plan.classes import CLASSES_UNKNOWN, decide_class
from handover.plan.dates import check_visit_day, prolong, redate
from handover.plan.edits import (
    REST,
    Editor,
    Edits,
    check_class,
    check_complete,
    check_held,
    check_known,
    check_left,
    check_say,
    is_holding,
)
from handover.plan.fates import edit_loose, edit_opportunities
from handover.plan.given_days import (
    check_agreed,
    check_days,
    check_manager,
    find_pinned_day,
)
from handover.plan.loads import list_loads
from handover.plan.model import LooseRecord, Plan, PutAside, Row
from handover.plan.selection import (
    DECIDED,
    Wish,
    is_attendance_open,
    is_key_or_priority,
)
from handover.plan.visits import (
    Frame,
    Ground,
    find_wish,
    schedule_visits,
)


def edit_plan(
    plan: Plan,
    edits: Edits,
    editor: Editor,
    ground: Ground,
    *,
    owner_is_active: bool,
    prove: bool = True,
) -> Plan:
    """Make the next version of a plan, as a draft.

    Accounts that were handed over stay as they are, and so do visits that are over,
    unless somebody names the account: then it was not visited after all.

    Args:
        plan: as it stands.
        edits: what changes.
        editor: by whom.
        ground: facts, policy and calendars as of today.
        owner_is_active: whether the predecessor can still hold anything.
        prove: whether the shortest period is proved, which moves no visit.

    Raises:
        NotYours: the manager alone may decide one of the edits.
        UsageProblem: a row or record is not in the plan, or words or dates are missing.
        HoldByInactiveOwner: the predecessor is no longer active.
        DateNotFree: a visit does not fit on its day.
        CarriedOut: an account that is named was handed over already.
        BadPeriod: days lie in the wrong order.
    """
    check_complete(edits)
    check_known(plan, edits)
    check_class(plan, edits, editor)
    check_left(plan, edits, ground.today, ground.given)
    if not owner_is_active and is_holding(edits):
        raise errors.HoldByInactiveOwner(user=ground.name(plan.predecessor))
    company = ground.calendars.company
    plan = redate(plan, edits.period, company=company, today=ground.today)
    amending = _Amending(plan=plan, edits=edits, editor=editor, aside=ground.aside)
    rows = [amending.amend(row) for row in plan.rows]
    loose = tuple(
        record
        if (record.object, record.id) in ground.given
        else edit_loose(plan, record, edits)
        for record in plan.loose
    )
    check_held(plan, rows, loose, editor, ground.policy.plan.hold_share)
    return _schedule_again(plan, rows, loose, edits, ground, prove=prove)


def list_refusals(
    plan: Plan, edits: Edits, editor: Editor, ground: Ground
) -> Iterator[tuple[Row | None, Refusal | UsageProblem]]:
    """Yield all that is refused before any visit is scheduled, with its row if it has.

    ``edit_plan`` raises the first of these; many hands fill in a workbook, and all that
    is wrong in it is told at once.
    """
    try:
        check_left(plan, edits, ground.today, ground.given)
    except (Refusal, UsageProblem) as error:
        yield None, error
    visited = ground.visited - set(edits.list_accounts())
    amending = _Amending(plan=plan, edits=edits, editor=editor, aside=ground.aside)
    for row in plan.rows:
        try:
            if row.account_id in edits.classes:
                check_class(plan, edits, editor)
            edited = amending.amend(row)
            if not is_frozen(edited, visited):
                day = find_pinned_day(edited, edits.dates)
                check_visit_day(edited, day, plan.announce)
        except (Refusal, UsageProblem) as error:
            yield row, error


@dataclass(frozen=True, kw_only=True)
class _Amending:
    """Takes what is decided about each row, if the editor may decide it."""

    plan: Plan
    edits: Edits
    editor: Editor
    aside: tuple[PutAside, ...]

    @cached_property
    def _unread(self) -> frozenset[str]:
        return list_unread_opportunities(self.aside)

    @cached_property
    def _known(self) -> frozenset[str]:
        return list_unread_opportunities(self.plan.aside)

    def amend(self, row: Row) -> Row:
        before = edited = row
        if not row.is_carried_out:
            before = wait_for_decisions(row, self._unread, self._known)
            edited = _edit_row(self.plan, before, self.edits, self.editor)
        edited = edit_opportunities(self.plan, edited, self.edits, self.aside)
        if edited != before:
            check_say(self.plan, before, edited, self.editor)
        return edited


def _schedule_again(
    plan: Plan,
    rows: Sequence[Row],
    loose: tuple[LooseRecord, ...],
    edits: Edits,
    ground: Ground,
    *,
    prove: bool,
) -> Plan:
    frame = Frame(
        predecessor=plan.predecessor,
        manager=plan.manager,
        absent=plan.absent,
        start=plan.start,
        end=plan.end,
        effective=plan.effective,
    )
    visited = ground.visited - set(edits.list_accounts())
    left = [row for row in rows if not is_frozen(row, visited)]
    for row in left:
        check_visit_day(row, find_pinned_day(row, edits.dates), plan.announce)
    dates, times = edits.dates, edits.times
    scheduled = schedule_visits(left, frame, ground, dates, times, prove=prove)
    check_days(left, scheduled, edits, ground)
    check_agreed(plan, left, scheduled, ground)
    check_manager(plan, scheduled.rows, ground)
    changes = read_schedule(scheduled)
    placed = {row.account_id: row for row in scheduled.rows}
    merged = tuple(placed.get(row.account_id, row) for row in rows)
    changes |= {
        "rows": merged,
        "loads": list_loads(merged, ground.portfolios),
        "version": plan.version + 1,
        "state": PlanState.DRAFT,
        "successors": list_successors(merged),
        "loose": loose,
        "aside": ground.aside,
        "policy_hash": ground.policy.hash,
        "expires_days": ground.policy.plan.expires_days,
        "notes": _list_notes(plan, merged),
    }
    made = plan.model_copy(update=changes)
    return seal(prolong(made, ground.today, ground.policy.plan.expires_days))


def _list_notes(plan: Plan, rows: Iterable[Row]) -> tuple[str, ...]:
    """List what a plan notes; that there are no classes, until somebody decides one."""
    if not any(row.class_by for row in rows):
        return plan.notes
    return tuple(note for note in plan.notes if note != CLASSES_UNKNOWN)


def is_frozen(row: Row, visited: Collection[str]) -> bool:
    """Return whether a row is not scheduled again: it is given away, or was visited."""
    return row.is_carried_out or (row.visit is not None and row.account_id in visited)


# One row, one record.


def _edit_row(plan: Plan, row: Row, edits: Edits, editor: Editor) -> Row:
    changes: dict[str, object] = {}
    decided = edits.classes.get(row.account_id)
    if decided is None and row.is_class_open:
        decided = edits.classes.get(REST)
    if decided is not None:
        why = edits.find_reason(row.account_id)
        row = decide_class(row, decided, by=editor.person_id, reason=why)
    mode = _find_mode(row, edits)
    if mode is not None:
        changes |= _list_mode_changes(plan, row, mode, edits)
        changes["mode_by"] = editor.person_id
    attendance = _find_attendance(row, edits)
    if attendance is not None:
        changes |= _list_attendance_changes(row, attendance, edits, editor)
    if row.account_id in edits.online:
        changes |= {"online": True, "visit": row.visit if row.is_agreed else None}
    successor = edits.successors.get(row.account_id)
    if successor is None and row.successor_id is None:
        successor = edits.successors.get(REST)
    if successor is not None:
        changes |= {"successor_id": successor, "successor_reason": "named"}
    named = (row.account_id, REST)
    waived = {item for account, item in edits.waive if account in named}
    if waived:
        kept = {*row.waived, *(item for item in waived if item in row.gaps)}
        changes["waived"] = tuple(sorted(kept))
        changes["waived_reason"] = edits.find_reason(row.account_id)
    return row.model_copy(update=changes)


def _find_mode(row: Row, edits: Edits) -> Mode | None:
    """Find what a row is to become: named itself, or among the rest.

    Key and priority accounts are not met only if somebody names them.
    """
    named = [mode for mode, accounts in edits.modes if row.account_id in accounts]
    if len(named) > 1:
        raise errors.Contradiction(account=row.account)
    if named:
        return named[0]
    if row.visit is not None or row.mode is Mode.HOLD or find_wish(row) is Wish.NONE:
        return None
    rest = [mode for mode, accounts in edits.modes if REST in accounts]
    if len(rest) > 1:
        raise errors.Contradiction(account=REST)
    if rest and rest[0] is not Mode.MEET and is_key_or_priority(row.reasons):
        return None
    return rest[0] if rest else None


def _list_mode_changes(
    plan: Plan, row: Row, mode: Mode, edits: Edits
) -> dict[str, object]:
    until = edits.find_until(row.account_id)
    effective = {
        Mode.HOLD: until,
        Mode.EXCLUDE: None,
        Mode.MEET: plan.effective,
        Mode.INFORM: plan.effective,
    }
    stays = row.mode is not Mode.HOLD and mode in (Mode.MEET, Mode.INFORM)
    return {
        "mode": mode,
        "reason": edits.find_reason(row.account_id) or row.reason,
        "reasons": tuple(dict.fromkeys((*row.reasons, DECIDED))),
        "visit": row.visit if mode in (Mode.MEET, Mode.HOLD) else None,
        "until": until if mode is Mode.HOLD else None,
        "effective": (row.effective if stays else None) or effective[mode],
    }


def _find_attendance(row: Row, edits: Edits) -> Literal["yes", "no"] | None:
    """Find whether the manager attends; of the rest, only where it is asked."""
    yes, no = row.account_id in edits.attend, row.account_id in edits.no_attend
    if yes and no:
        raise errors.Contradiction(account=row.account)
    if not (yes or no) and is_attendance_open(row):
        yes, no = REST in edits.attend, REST in edits.no_attend
    if yes:
        return "yes"
    return "no" if no else None


def _list_attendance_changes(
    row: Row, attendance: Literal["yes", "no"], edits: Edits, editor: Editor
) -> dict[str, object]:
    """Return what changes: a manager decides, anybody else proposes until they do."""
    reason = edits.find_attendance_reason(row.account_id)
    if row.co_attendance == attendance and not (editor.is_manager or reason):
        return {}
    if row.co_attendance == "undecided" and not editor.is_manager:
        return {
            "attendance_proposed": attendance,
            "co_attendance_reason": reason,
        }
    is_agreed = attendance in (row.attendance_proposed, row.co_attendance)
    kept = row.co_attendance_reason if is_agreed else None
    return {
        "co_attendance": attendance,
        "co_attendance_reason": reason or kept,
    }
