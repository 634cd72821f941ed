"""What people change in a plan, row by row.

Edits name what they decide. Who may decide it is checked here, and the visits are
scheduled again so that only what must move does.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from handover.ledger.states import Mode, PlanState
from handover.plan import errors
from handover.plan.build import (
    list_successors,
    list_unread_opportunities,
    read_schedule,
    seal,
    wait_for_decisions,
)
from handover.plan.model import LooseRecord, Plan, PlannedOpportunity, PutAside, Row
from handover.plan.selection import DECIDED, Wish, find_musts, is_key_or_priority
from handover.plan.visits import Frame, Ground, find_wish, schedule_visits

Find = Callable[[str], str]
"""Returns the id for a name, or raises."""
FATES = "transfer, hold:YYYY-MM-DD"
"""What can become of an opportunity, as people write it."""
REST = "rest"
"""Stands for all rows on which this is not decided yet."""


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of an opportunity or a loose record."""

    action: Literal["transfer", "hold", "leave"]
    until: dt.date | None = None


@dataclass(frozen=True, kw_only=True)
class Edits:
    """What one person changes; ``rest`` may stand where accounts are listed.

    Accounts and users are named as people type them until ``find_ids`` has found them.
    """

    meet: tuple[str, ...] = ()
    inform: tuple[str, ...] = ()
    hold: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    until: dt.date | None = None
    attend: tuple[str, ...] = ()
    no_attend: tuple[str, ...] = ()
    online: tuple[str, ...] = ()
    successors: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, dt.date] = field(default_factory=dict)
    opportunities: Mapping[str, Fate] = field(default_factory=dict)
    loose: Mapping[tuple[str, str | None], Fate] = field(default_factory=dict)
    """By table and id; without an id all of the table that are not named."""
    waive: tuple[tuple[str, str], ...] = ()
    """Account and item."""
    prepared_by: str | None = None
    reason: str | None = None

    @property
    def modes(self) -> tuple[tuple[Mode, tuple[str, ...]], ...]:
        """The four lists by the mode that they set."""
        return (
            (Mode.MEET, self.meet),
            (Mode.INFORM, self.inform),
            (Mode.HOLD, self.hold),
            (Mode.EXCLUDE, self.exclude),
        )

    def find_ids(self, account: Find, user: Find) -> "Edits":
        """Replace names by ids, with what finds an account's and a user's."""

        def row(text: str) -> str:
            return REST if text == REST else account(text)

        def rows(texts: Iterable[str]) -> tuple[str, ...]:
            return tuple(map(row, texts))

        return replace(
            self,
            meet=rows(self.meet),
            inform=rows(self.inform),
            hold=rows(self.hold),
            exclude=rows(self.exclude),
            attend=rows(self.attend),
            no_attend=rows(self.no_attend),
            online=rows(self.online),
            successors={row(a): user(u) for a, u in self.successors.items()},
            dates={account(a): day for a, day in self.dates.items()},
            waive=tuple((row(a), item) for a, item in self.waive),
            prepared_by=user(self.prepared_by) if self.prepared_by else None,
        )

    def list_accounts(self) -> Iterator[str]:
        """Yield every account that is named."""
        lists = (self.attend, self.no_attend, self.online, self.successors, self.dates)
        named = [accounts for _, accounts in self.modes]
        waived = [account for account, _ in self.waive]
        for accounts in (*named, *lists, waived):
            yield from (account for account in accounts if account != REST)

    def list_fates(self) -> list[Fate]:
        """List what is to become of opportunities and loose records."""
        return [*self.opportunities.values(), *self.loose.values()]

    def list_days(self) -> list[dt.date]:
        """List the days on which holds end."""
        days = [self.until, *(fate.until for fate in self.list_fates())]
        return [day for day in days if day is not None]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is changed at all; words and a date alone do not."""
        return replace(self, reason=None, until=None) == Edits()


@dataclass(frozen=True, kw_only=True)
class Editor:
    """Who edits, and how far their say goes."""

    person_id: str
    name: str
    is_manager: bool
    managers: str
    """The names of those who decide what the editor may not."""


def edit_plan(
    plan: Plan,
    edits: Edits,
    editor: Editor,
    ground: Ground,
    *,
    owner_is_active: bool,
) -> Plan:
    """Make the next version of a plan, as a draft.

    Args:
        plan: as it stands.
        edits: what changes.
        editor: by whom.
        ground: facts, policy and calendars as of today.
        owner_is_active: whether the predecessor can still hold anything.

    Raises:
        NotYours: the manager alone may decide one of the edits.
        UsageProblem: a row or record is not in the plan, or words or dates are missing.
        HoldByInactiveOwner: the predecessor is no longer active.
        DateNotFree: a visit does not fit on its day.
    """
    _check_complete(edits)
    _check_known(plan, edits)
    if not owner_is_active and _is_holding(edits):
        raise errors.HoldByInactiveOwner(user=plan.predecessor)
    unread = list_unread_opportunities(ground.aside)
    known = list_unread_opportunities(plan.aside)
    rows = []
    for row in (wait_for_decisions(row, unread, known) for row in plan.rows):
        edited = _edit_row(plan, row, edits, editor)
        edited = _edit_opportunities(plan, edited, edits, ground.aside)
        if edited != row:
            _check_say(plan, row, edited, editor)
        rows.append(edited)
    loose = tuple(_edit_loose(plan, record, edits) for record in plan.loose)
    return _schedule_again(plan, rows, loose, edits, ground)


def _schedule_again(
    plan: Plan,
    rows: Sequence[Row],
    loose: tuple[LooseRecord, ...],
    edits: Edits,
    ground: Ground,
) -> Plan:
    frame = Frame(
        predecessor=plan.predecessor,
        manager=plan.manager,
        absent=plan.absent,
        start=plan.start,
        end=plan.end,
    )
    scheduled = schedule_visits(rows, frame, ground, edits.dates)
    for row in scheduled.rows:
        day = edits.dates.get(row.account_id)
        if day is not None and (row.visit is None or row.visit.date != day):
            raise errors.DateNotFree(account=row.account, date=day)
    changes = read_schedule(scheduled, plan.manager, plan.effective, ground.policy)
    changes |= {
        "version": plan.version + 1,
        "state": PlanState.DRAFT,
        "successors": list_successors(scheduled.rows),
        "loose": loose,
        "aside": ground.aside,
        "policy_hash": ground.policy.hash,
        "expires_days": ground.policy.plan.expires_days,
    }
    return seal(plan.model_copy(update=changes))


# What may be asked for at all.


def _check_complete(edits: Edits) -> None:
    """Check that the words and dates are there that an edit needs."""
    against_the_rules = {
        "--meet": edits.meet,
        "--inform": edits.inform,
        "--exclude": edits.exclude,
        "--waive": edits.waive,
    }
    for option, accounts in against_the_rules.items():
        if accounts and not edits.reason:
            raise errors.ReasonNeeded(option=option)
    if (edits.hold and edits.until is None) or any(
        fate.action == "hold" and fate.until is None for fate in edits.list_fates()
    ):
        raise errors.UntilNeeded


def _check_known(plan: Plan, edits: Edits) -> None:
    """Check that everything named is in the plan."""
    accounts = {row.account_id for row in plan.rows}
    _check_among(plan, "account", edits.list_accounts(), accounts)
    opportunities = {o.id for row in plan.rows for o in row.opportunities} | {REST}
    _check_among(plan, "opportunity", edits.opportunities, opportunities)
    loose: set[tuple[str, str | None]] = {(r.object, r.id) for r in plan.loose}
    named = {key for key in edits.loose if key[1] is not None}
    _check_among(plan, "loose", [f"{t}:{i}" for t, i in named - loose], ())
    for account, item in edits.waive:
        row = plan.row(account)
        if row is not None and item not in row.gaps:
            raise errors.NotInPlan(plan=plan.id, kind="item", id=f"{account}:{item}")


def _check_among(
    plan: Plan, kind: str, named: Iterable[str], known: Collection[str]
) -> None:
    for each in named:
        if each not in known:
            raise errors.NotInPlan(plan=plan.id, kind=kind, id=each)


def _is_holding(edits: Edits) -> bool:
    return bool(edits.hold) or any(f.action == "hold" for f in edits.list_fates())


def _check_say(plan: Plan, row: Row, edited: Row, editor: Editor) -> None:
    """Refuse what only the manager may decide.

    The manager alone demotes or holds a must row, overrules another person's decision
    on a row, waives an item and decides whether they attend.
    """
    if editor.is_manager:
        return
    is_demoted = edited.mode is not Mode.MEET and bool(find_musts(row.reasons))
    is_changed = (edited.mode, edited.until) != (row.mode, row.until)
    is_overruled = row.mode_by not in (None, editor.person_id)
    refused = {
        "co-attendance": edited.co_attendance != row.co_attendance,
        "waive": edited.waived != row.waived,
        "online": edited.online != row.online and find_wish(row) is Wish.MUST,
        "mode": is_changed and (is_demoted or is_overruled),
    }
    for option, is_refused in refused.items():
        if is_refused:
            raise errors.NotYours(
                user=editor.name,
                plan=plan.id,
                option=option,
                deciders=editor.managers,
            )


# One row, one record.


def _edit_row(plan: Plan, row: Row, edits: Edits, editor: Editor) -> Row:
    changes: dict[str, object] = {}
    mode = _find_mode(row, edits)
    if mode is not None:
        changes |= _list_mode_changes(plan, row, mode, edits)
        changes["mode_by"] = editor.person_id
    attendance = _find_attendance(row, edits)
    if attendance is not None:
        changes["co_attendance"] = attendance
        changes["co_attendance_reason"] = edits.reason
    if row.account_id in edits.online:
        changes |= {"online": True, "visit": None}
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
        changes["waived_reason"] = edits.reason
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
    if row.visit is not None or find_wish(row) is Wish.NONE:
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
    effective = {
        Mode.HOLD: edits.until,
        Mode.EXCLUDE: None,
        Mode.MEET: plan.effective,
        Mode.INFORM: plan.effective,
    }
    stays = row.mode is not Mode.HOLD and mode in (Mode.MEET, Mode.INFORM)
    return {
        "mode": mode,
        "reason": edits.reason or row.reason,
        "reasons": tuple(dict.fromkeys((*row.reasons, DECIDED))),
        "visit": row.visit if mode is Mode.MEET else None,
        "until": edits.until if mode is Mode.HOLD else None,
        "effective": (row.effective if stays else None) or effective[mode],
    }


def _find_attendance(row: Row, edits: Edits) -> Literal["yes", "no"] | None:
    """Find whether the manager attends; of the rest, key accounts only."""
    yes, no = row.account_id in edits.attend, row.account_id in edits.no_attend
    if yes and no:
        raise errors.Contradiction(account=row.account)
    undecided = row.mode is Mode.MEET and row.co_attendance == "undecided"
    if not (yes or no) and undecided:
        yes = REST in edits.attend and is_key_or_priority(row.reasons)
        no = REST in edits.no_attend
    if yes:
        return "yes"
    return "no" if no else None


def _edit_opportunities(
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
            raise errors.OwnerUnread(plan=plan.id, opportunities=each.id)
        if each.id not in unowned and fate.action == "leave":
            value = f"{each.id}=leave"
            raise errors.BadEdit(option="--opportunity", value=value, form=FATES)
        return PlannedOpportunity(id=each.id, action=fate.action, until=fate.until)

    edited = tuple(map(edit, row.opportunities))
    return row.model_copy(update={"opportunities": edited})


def _edit_loose(plan: Plan, record: LooseRecord, edits: Edits) -> LooseRecord:
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
            "successor": None if fate.action == "leave" else successor,
        }
    )
