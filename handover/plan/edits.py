"""What people change in a plan, row by row.

An amendment names what it decides; who may decide it is checked here, and the plan is
arranged again so that only what must move does (R21 to R23).
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from handover.ledger.states import Mode, PlanState
from handover.plan import errors
from handover.plan.build import scheduled, sealed, successors_of
from handover.plan.model import LooseRecord, Plan, PlannedOpportunity, Row
from handover.plan.selection import DECIDED, is_key_or_priority
from handover.plan.visits import Frame, Ground, Wish, arrange, must_rules, wish

Find = Callable[[str], str]
"""Gives an id for a name, or raises."""
REST = "rest"
"""Stands for all rows on which this is not decided yet."""


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What becomes of an opportunity or a loose record."""

    action: Literal["transfer", "hold", "leave"]
    until: dt.date | None = None


@dataclass(frozen=True, kw_only=True)
class Amendments:
    """What one person changes; ``rest`` may stand where accounts are listed.

    Accounts and users are named as people type them until ``in_ids`` has found them.
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

    def in_ids(self, account: Find, user: Find) -> "Amendments":
        """Replace names by ids, by what finds an account's and a user's."""

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
        )

    def accounts(self) -> Iterator[str]:
        """Yield every account that is named."""
        lists = (self.attend, self.no_attend, self.online, self.successors, self.dates)
        named = [accounts for _, accounts in self.modes]
        waived = [account for account, _ in self.waive]
        for accounts in (*named, *lists, waived):
            yield from (account for account in accounts if account != REST)

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is changed at all; words and a date alone do not."""
        return replace(self, reason=None, until=None) == Amendments()


@dataclass(frozen=True, kw_only=True)
class Amender:
    """Who amends, and how far his say goes."""

    person_id: str
    name: str
    is_manager: bool


def amend(
    plan: Plan,
    amendments: Amendments,
    amender: Amender,
    ground: Ground,
    *,
    owner_is_active: bool,
) -> Plan:
    """Make the next version of a plan, as a draft.

    Args:
        plan: as it stands.
        amendments: what changes.
        amender: by whom.
        ground: facts, policy and calendars as of today.
        owner_is_active: whether the predecessor can still hold anything.

    Raises:
        NotYours: the manager alone may decide one of the amendments.
        UsageProblem: a row or record is not in the plan, or words or dates are missing.
        HoldByInactiveOwner: the predecessor is no longer active.
        DateNotFree: a visit does not fit on its day.
    """
    _check_complete(amendments)
    _check_known(plan, amendments)
    if not owner_is_active and _holds(amendments):
        raise errors.HoldByInactiveOwner(user=plan.predecessor)
    rows = []
    for row in plan.rows:
        amended = _amended(plan, row, amendments, amender)
        if amended != row:
            _check_say(plan, row, amended, amender)
        rows.append(amended)
    loose = tuple(_decided(plan, record, amendments) for record in plan.loose)
    return _arranged(plan, rows, loose, amendments, ground)


def _arranged(
    plan: Plan,
    rows: Sequence[Row],
    loose: tuple[LooseRecord, ...],
    amendments: Amendments,
    ground: Ground,
) -> Plan:
    frame = Frame(
        predecessor=plan.predecessor,
        manager=plan.manager,
        absent=plan.absent,
        start=plan.start,
        end=plan.end,
    )
    arrangement = arrange(rows, frame, ground, amendments.dates)
    for row in arrangement.rows:
        day = amendments.dates.get(row.account_id)
        if day is not None and (row.visit is None or row.visit.date != day):
            raise errors.DateNotFree(account=row.account, date=day)
    changes = scheduled(arrangement, plan.manager, plan.effective, ground.policy)
    changes |= {
        "version": plan.version + 1,
        "state": PlanState.DRAFT,
        "successors": successors_of(arrangement.rows),
        "loose": loose,
        "policy_hash": ground.policy.hash,
        "expires_days": ground.policy.plan.expires_days,
    }
    return sealed(plan.model_copy(update=changes))


# What may be asked for at all.


def _check_complete(amendments: Amendments) -> None:
    """Insist on the words and dates that an amendment needs."""
    against_the_rules = {
        "--meet": amendments.meet,
        "--inform": amendments.inform,
        "--exclude": amendments.exclude,
        "--waive": amendments.waive,
    }
    for option, accounts in against_the_rules.items():
        if accounts and not amendments.reason:
            raise errors.ReasonNeeded(option=option)
    held = [*amendments.opportunities.values(), *amendments.loose.values()]
    if (amendments.hold and amendments.until is None) or any(
        fate.action == "hold" and fate.until is None for fate in held
    ):
        raise errors.UntilNeeded


def _check_known(plan: Plan, amendments: Amendments) -> None:
    """Insist that everything named is in the plan."""
    _insist(plan, "account", amendments.accounts(), {r.account_id for r in plan.rows})
    opportunities = {o.id for row in plan.rows for o in row.opportunities}
    _insist(plan, "opportunity", amendments.opportunities, opportunities)
    loose: set[tuple[str, str | None]] = {(r.object, r.id) for r in plan.loose}
    named = {key for key in amendments.loose if key[1] is not None}
    _insist(plan, "loose", [f"{t}:{i}" for t, i in named - loose], ())
    for account, item in amendments.waive:
        row = plan.row(account)
        if row is not None and item not in row.gaps:
            raise errors.NotInPlan(plan=plan.id, kind="item", id=f"{account}:{item}")


def _insist(
    plan: Plan, kind: str, named: Iterable[str], known: Collection[str]
) -> None:
    for each in named:
        if each not in known:
            raise errors.NotInPlan(plan=plan.id, kind=kind, id=each)


def _holds(amendments: Amendments) -> bool:
    fates = [*amendments.opportunities.values(), *amendments.loose.values()]
    return bool(amendments.hold) or any(fate.action == "hold" for fate in fates)


def _check_say(plan: Plan, row: Row, amended: Row, amender: Amender) -> None:
    """Refuse what only the manager may decide (R22, R23).

    He alone demotes a must row, overrules another person's decision on a row, waives
    an item and decides whether he attends.
    """
    if amender.is_manager:
        return
    demoted = amended.mode in (Mode.INFORM, Mode.EXCLUDE) and must_rules(row)
    overruled = row.mode_by not in (None, amender.person_id)
    refused = {
        "co-attendance": amended.co_attendance != row.co_attendance,
        "waive": amended.waived != row.waived,
        "online": amended.online != row.online and wish(row) is Wish.MUST,
        "mode": amended.mode != row.mode and (demoted or overruled),
    }
    for option, is_refused in refused.items():
        if is_refused:
            raise errors.NotYours(user=amender.name, plan=plan.id, option=option)


# One row, one record.


def _amended(plan: Plan, row: Row, amendments: Amendments, amender: Amender) -> Row:
    changes: dict[str, object] = {}
    mode = _mode(row, amendments)
    if mode is not None:
        changes |= _with_mode(plan, row, mode, amendments)
        changes["mode_by"] = amender.person_id
    attendance = _attendance(row, amendments)
    if attendance is not None:
        changes["co_attendance"] = attendance
    if row.account_id in amendments.online:
        changes |= {"online": True, "visit": None}
    successor = amendments.successors.get(row.account_id)
    if successor is None and row.successor_id is None:
        successor = amendments.successors.get(REST)
    if successor is not None:
        changes |= {"successor_id": successor, "successor_reason": "named"}
    waived = {item for account, item in amendments.waive if account == row.account_id}
    waived |= {item for account, item in amendments.waive if account == REST}
    if waived:
        kept = {*row.waived, *(item for item in waived if item in row.gaps)}
        changes["waived"] = tuple(sorted(kept))
    if row.opportunities:
        changes["opportunities"] = tuple(
            _with_fate(each, amendments) for each in row.opportunities
        )
    return row.model_copy(update=changes)


def _mode(row: Row, amendments: Amendments) -> Mode | None:
    """Tell what a row is to become: named itself, or among the rest."""
    named = [mode for mode, accounts in amendments.modes if row.account_id in accounts]
    if len(named) > 1:
        raise errors.Contradiction(account=row.account)
    if named:
        return named[0]
    if row.visit is not None or wish(row) is Wish.NONE:
        return None
    rest = [mode for mode, accounts in amendments.modes if REST in accounts]
    if len(rest) > 1:
        raise errors.Contradiction(account=REST)
    return rest[0] if rest else None


def _with_mode(
    plan: Plan, row: Row, mode: Mode, amendments: Amendments
) -> dict[str, object]:
    effective = {
        Mode.HOLD: amendments.until,
        Mode.EXCLUDE: None,
        Mode.MEET: plan.effective,
        Mode.INFORM: plan.effective,
    }
    stays = row.mode is not Mode.HOLD and mode in (Mode.MEET, Mode.INFORM)
    return {
        "mode": mode,
        "reason": amendments.reason or row.reason,
        "reasons": tuple(dict.fromkeys((*row.reasons, DECIDED))),
        "visit": row.visit if mode is Mode.MEET else None,
        "until": amendments.until if mode is Mode.HOLD else None,
        "effective": (row.effective if stays else None) or effective[mode],
    }


def _attendance(row: Row, amendments: Amendments) -> Literal["yes", "no"] | None:
    """Tell whether the manager attends; the rest he attends are key accounts only."""
    yes, no = (
        row.account_id in amendments.attend,
        row.account_id in amendments.no_attend,
    )
    if yes and no:
        raise errors.Contradiction(account=row.account)
    undecided = row.mode is Mode.MEET and row.co_attendance == "undecided"
    if not (yes or no) and undecided:
        yes = REST in amendments.attend and is_key_or_priority(row.reasons)
        no = REST in amendments.no_attend
    if yes:
        return "yes"
    return "no" if no else None


def _with_fate(
    opportunity: PlannedOpportunity, amendments: Amendments
) -> PlannedOpportunity:
    fate = amendments.opportunities.get(opportunity.id)
    if fate is None or fate.action == "leave":
        return opportunity
    return PlannedOpportunity(id=opportunity.id, action=fate.action, until=fate.until)


def _decided(plan: Plan, record: LooseRecord, amendments: Amendments) -> LooseRecord:
    fate = amendments.loose.get((record.object, record.id))
    if fate is None:
        fate = amendments.loose.get((record.object, None))
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
