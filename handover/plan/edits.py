"""What people ask to change in a plan, and who may decide it.

Edits name what they decide; ``amendment`` makes a plan's next version of them.
"""

import datetime as dt
import math
from collections.abc import (
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from handover.i18n import Phrase
from handover.ledger.states import Mode
from handover.plan import errors
from handover.plan.dates import PlanDates
from handover.plan.model import ClassEdit, LooseRecord, Plan, Row
from handover.plan.naming import name_first, name_loose, name_step
from handover.plan.selection import Wish, find_musts
from handover.plan.visits import find_wish

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
    reason: str | None = None
    """The words for it alone, if they are not those of all edits."""


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
    times: Mapping[str, str] = field(default_factory=dict)
    """``HH:MM`` at which visits begin, of those whose day is set."""
    opportunities: Mapping[str, Fate] = field(default_factory=dict)
    loose: Mapping[tuple[str, str | None], Fate] = field(default_factory=dict)
    """By table and id; without an id all of the table that are not named."""
    waive: tuple[tuple[str, str], ...] = ()
    """Account and item."""
    classes: Mapping[str, ClassEdit] = field(default_factory=dict)
    prepared_by: str | None = None
    period: PlanDates = field(default_factory=PlanDates)
    """Days of the plan that are set anew."""
    reason: str | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why, of accounts whose words are their own, not those of all."""
    attendance_reasons: Mapping[str, str] = field(default_factory=dict)
    untils: Mapping[str, dt.date] = field(default_factory=dict)
    """The days on which holds end, of accounts that have a day of their own."""

    def find_reason(self, account: str) -> str | None:
        """Find the words for what is decided on an account."""
        return self.reasons.get(account, self.reason)

    def find_attendance_reason(self, account: str) -> str | None:
        """Find the words for whether the manager attends."""
        return self.attendance_reasons.get(account, self.reason)

    def find_until(self, account: str) -> dt.date | None:
        """Find the day on which a hold of an account ends."""
        return self.untils.get(account, self.until)

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
            times={account(a): time for a, time in self.times.items()},
            reasons={account(a): text for a, text in self.reasons.items()},
            attendance_reasons={
                account(a): text for a, text in self.attendance_reasons.items()
            },
            untils={account(a): day for a, day in self.untils.items()},
            waive=tuple((row(a), item) for a, item in self.waive),
            classes={row(a): each for a, each in self.classes.items()},
            prepared_by=user(self.prepared_by) if self.prepared_by else None,
        )

    def list_accounts(self) -> Iterator[str]:
        """Yield every account that is named."""
        lists = (self.attend, self.no_attend, self.online, self.successors)
        named = [accounts for _, accounts in self.modes]
        waived = [account for account, _ in self.waive]
        for accounts in (*named, *lists, self.dates, self.classes, waived):
            yield from (account for account in accounts if account != REST)

    def list_fates(self) -> list[Fate]:
        """List what is to become of opportunities and loose records."""
        return [*self.opportunities.values(), *self.loose.values()]

    def list_days(self) -> list[dt.date]:
        """List the days on which holds end."""
        fates = (fate.until for fate in self.list_fates())
        days = [self.until, *self.untils.values(), *fates]
        return [day for day in days if day is not None]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is changed at all; words and a date alone do not."""
        only = replace(self, reason=None, until=None, untils={})
        return replace(only, reasons={}, attendance_reasons={}) == Edits()


@dataclass(frozen=True, kw_only=True)
class Editor:
    """Who edits, and how far their say goes."""

    person_id: str
    name: str
    is_manager: bool
    managers: str
    """The names of those who decide what the editor may not."""


# What may be asked for at all.


def check_complete(edits: Edits) -> None:
    """Check that the words and dates are there that an edit needs."""
    against_the_rules = {
        "--meet": edits.meet,
        "--inform": edits.inform,
        "--exclude": edits.exclude,
        "--waive": tuple(account for account, _ in edits.waive),
    }
    for option, accounts in against_the_rules.items():
        if not all(map(edits.find_reason, accounts)):
            raise errors.ReasonNeeded(option=option)
    if any(edits.find_until(account) is None for account in edits.hold) or any(
        fate.action == "hold" and fate.until is None for fate in edits.list_fates()
    ):
        raise errors.UntilNeeded


def check_class(plan: Plan, edits: Edits, editor: Editor) -> None:
    """Refuse classes from anybody but the manager.

    Raises:
        NotYours: names the managers.
    """
    if edits.classes and not editor.is_manager:
        raise errors.NotYours(
            user=editor.name,
            plan=plan.id,
            option=name_step("class"),
            deciders=editor.managers,
        )


def check_known(plan: Plan, edits: Edits) -> None:
    """Check that everything named is in the plan."""
    accounts = {row.account_id for row in plan.rows}
    _check_among(plan, "accounts", edits.list_accounts(), accounts)
    opportunities = {o.id for row in plan.rows for o in row.opportunities} | {REST}
    _check_among(plan, "opportunities", edits.opportunities, opportunities)
    loose: set[tuple[str, str | None]] = {(r.object, r.id) for r in plan.loose}
    named = {key for key in edits.loose if key[1] is not None}
    for table, each in sorted(named - loose):
        _check_among(plan, table, [each or ""], ())
    for account, item in edits.waive:
        row = plan.row(account)
        if row is not None and item not in row.gaps:
            what = Phrase(text="item of {customer}", params={"customer": row.account})
            raise errors.NotInPlan(plan=plan.id, kind=what, id=item)


def check_left(
    plan: Plan, edits: Edits, today: dt.date, given: Collection[tuple[str, str]]
) -> None:
    """Refuse edits of what was handed over already, named one by one.

    Of an account that was, opportunities that are still held can be decided; ``given``
    are the loose records that were, by table and id.

    Raises:
        CarriedOut: names the accounts and records.
    """
    named = set(edits.list_accounts())
    for row in plan.rows:
        held = {each.id for each in row.opportunities if (each.until or today) > today}
        gone = {each.id for each in row.opportunities} - held
        if gone & set(edits.opportunities):
            named.add(row.account_id)
    done: list[str | Phrase] = [
        row.account
        for row in plan.rows
        if row.is_carried_out and row.account_id in named
    ]
    done += [
        name_loose(record)
        for record in plan.loose
        if (record.object, record.id) in edits.loose
        and (record.object, record.id) in given
    ]
    if done:
        raise errors.CarriedOut(plan=plan.id, accounts=name_first(done))


def _check_among(
    plan: Plan, kind: str, named: Iterable[str], known: Collection[str]
) -> None:
    for each in named:
        if each not in known:
            what = Phrase(text=f"object:{kind}")
            raise errors.NotInPlan(plan=plan.id, kind=what, id=each)


def is_holding(edits: Edits) -> bool:
    """Return whether edits keep anything with the predecessor."""
    return bool(edits.hold) or any(f.action == "hold" for f in edits.list_fates())


def check_held(
    plan: Plan,
    rows: Sequence[Row],
    loose: Sequence[LooseRecord],
    editor: Editor,
    share: float,
) -> None:
    """Refuse to hold more opportunities than a policy lets others than the manager.

    Args:
        plan: as it stands.
        rows: as edited.
        loose: records without a customer, as edited.
        editor: who edits.
        share: of the plan's open opportunities that may be held.

    Raises:
        TooManyHeld: they are more than that, and more than the plan held already.
    """
    if editor.is_manager:
        return
    fates = list(_list_opportunities(rows, loose))
    most = math.floor(len(fates) * Fraction(str(share)))
    held = fates.count("hold")
    before = list(_list_opportunities(plan.rows, plan.loose)).count("hold")
    if held > max(most, before):
        raise errors.TooManyHeld(
            plan=plan.id,
            held=held,
            open=len(fates),
            most=most,
            share=f"{share:.0%}",
            deciders=editor.managers,
        )


def _list_opportunities(
    rows: Iterable[Row], loose: Iterable[LooseRecord]
) -> Iterator[str | None]:
    """Yield what is to become of each open opportunity that a plan hands over."""
    for row in rows:
        if row.mode is not Mode.EXCLUDE:
            yield from (each.action for each in row.opportunities)
    yield from (each.action for each in loose if each.object == "opportunities")


def check_say(plan: Plan, row: Row, edited: Row, editor: Editor) -> None:
    """Refuse what only the manager may decide.

    The manager alone demotes or holds a must row, overrules another person's decision
    on a row, waives an item and decides whether they attend.
    """
    if editor.is_manager:
        return
    is_demoted = edited.mode is not Mode.MEET and bool(find_musts(row.reasons))
    is_changed = (edited.mode, edited.until) != (row.mode, row.until)
    # Deciding the same again would make it the editor's own, to be changed at will.
    is_overruled = row.mode_by not in (None, edited.mode_by)
    refused = {
        "co-attendance": _read_attendance(edited) != _read_attendance(row),
        "waive": edited.waived != row.waived,
        "online": edited.online != row.online and find_wish(row) is Wish.MUST,
        "mode": (is_changed and is_demoted) or is_overruled,
    }
    for option, is_refused in refused.items():
        if is_refused:
            raise errors.NotYours(
                user=editor.name,
                plan=plan.id,
                option=name_step(option),
                deciders=editor.managers,
            )


def _read_attendance(row: Row) -> tuple[str, str | None]:
    """Return what is decided on whether the manager attends, and why."""
    is_decided = row.co_attendance != "undecided"
    return row.co_attendance, row.co_attendance_reason if is_decided else None
