"""Draw up plans and keep them: the way from an order to drafts in the ledger.

The plans of one reorganisation are drawn up one after the other, so that each knows the
diaries that the others have filled (R45).
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from handover.config import Config
from handover.ledger.policies import keep_policy
from handover.ledger.states import OPEN_STATES, PlanState
from handover.mirror.people import People
from handover.plan import errors, store
from handover.plan.approval import check_unclaimed, is_manager, may_amend
from handover.plan.build import PlanRequest, build_plan, sealed
from handover.plan.edits import Amender, Amendments, amend
from handover.plan.model import Plan
from handover.plan.moves import Move
from handover.plan.scheduler.calendar import Calendars, Days, WorkingDays, parse_days
from handover.plan.selection import PlanFacts
from handover.plan.visits import Ground, engagements
from handover.policy import Policy


@dataclass(frozen=True, kw_only=True)
class PlanDates:
    """What the user says about time; None is found."""

    notice: dt.date | None = None
    announce: dt.date | None = None
    start: dt.date | None = None
    end: dt.date | None = None
    effective: dt.date | None = None

    def check(self) -> None:
        """Refuse dates in the wrong order.

        Raises:
            BadPeriod: one date lies before another that it has to follow.
        """
        order = (("notice", "announce"), ("start", "end"))
        for earlier, later in order:
            first, last = getattr(self, earlier), getattr(self, later)
            if first is not None and last is not None and last < first:
                raise errors.BadPeriod(earlier=earlier, later=later)


@dataclass(frozen=True, kw_only=True)
class PlanOrder:
    """Draw up one predecessor's plan."""

    predecessor: str
    moves: tuple[Move, ...]
    dates: PlanDates
    absent: bool = False
    reorganisation: str | None = None


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One source as of today: what plans are drawn up from besides the ledger."""

    source: str
    org_id: str
    generation: int
    people: People
    policy: Policy
    config: Config
    as_of: dt.date
    facts: Callable[[str, Collection[str]], PlanFacts]
    """Reads the facts of a predecessor, and of further accounts."""


def draw_up(
    connection: Connection,
    setting: Setting,
    orders: Iterable[PlanOrder],
    *,
    made_by: str | None,
    at: dt.datetime,
) -> list[Plan]:
    """Draw up a plan for each order and keep it as a draft.

    Raises:
        UsageProblem: a predecessor owns nothing or has no manager, dates are wrong.
        Refusal: a successor is inactive, an account is in another open plan.
    """
    keep_policy(connection, setting.policy, at)
    ordered = sorted(orders, key=lambda order: order.predecessor)
    names = {order.predecessor for order in ordered}
    plans: list[Plan] = []
    for order in ordered:
        _check(setting, order)
        draft = store.draft_of(connection, setting.source, order.predecessor)
        others = [*_others(connection, order, names), *plans]
        plan = _drawn_up(connection, setting, order, draft, others)
        store.save_version(connection, plan, cause="new", made_by=made_by, at=at)
        plans.append(plan)
    return plans


def _check(setting: Setting, order: PlanOrder) -> None:
    people = setting.people
    order.dates.check()
    successors = {move.successor_id for move in order.moves if move.successor_id}
    if order.predecessor in successors:
        raise errors.SameUser(user=people.name(order.predecessor))
    for successor in sorted(successors):
        if not people.is_active(successor):
            raise errors.InactiveSuccessor(user=people.name(successor))
    if people.manager_of(order.predecessor) in (None, order.predecessor):
        raise errors.NoManager(
            user=people.name(order.predecessor), file=setting.config.people.file
        )


def _others(
    connection: Connection, order: PlanOrder, drawn_up: Collection[str]
) -> list[Plan]:
    """Take the plans whose visits stand already, besides those drawn up now."""
    known = store.load_all(connection, OPEN_STATES)
    if order.reorganisation:
        known += [
            plan
            for plan in store.load_all(connection, {PlanState.DRAFT})
            if plan.reorganisation == order.reorganisation
            and plan.predecessor not in drawn_up
        ]
    return known


def _drawn_up(
    connection: Connection,
    setting: Setting,
    order: PlanOrder,
    draft: Plan | None,
    others: Sequence[Plan],
) -> Plan:
    people = setting.people
    facts = setting.facts(order.predecessor, ())
    if not facts.accounts:
        raise errors.NothingOwned(user=people.name(order.predecessor))
    _check_owned(order, facts)
    successors = [m.successor_id for m in order.moves if m.successor_id]
    manager = people.manager_of(order.predecessor)
    plan = build_plan(
        facts,
        PlanRequest(
            source=setting.source,
            org_id=setting.org_id,
            generation=setting.generation,
            plan_id=draft.id if draft else readable_id(order, people),
            version=draft.version + 1 if draft else 1,
            predecessor=order.predecessor,
            manager=manager,
            absent=order.absent or not people.is_active(order.predecessor),
            moves=order.moves,
            regions={
                each: found.region
                for each in successors
                if (found := people.user(each)) is not None
            },
            notice=order.dates.notice,
            announce=order.dates.announce,
            start=order.dates.start,
            end=order.dates.end,
            effective=order.dates.effective,
            reorganisation=order.reorganisation,
            currency=setting.config.money.currency,
        ),
        setting.policy,
        calendars(setting, (order.predecessor, manager, *successors), others),
        setting.as_of,
    )
    if draft is None:
        own_id = store.unused_id(connection, plan.id)
        plan = sealed(plan.model_copy(update={"id": own_id}))
    check_unclaimed(connection, plan)
    return plan


def _check_owned(order: PlanOrder, facts: PlanFacts) -> None:
    owned = {account.account_id for account in facts.accounts}
    for move in order.moves:
        if move.account_id and move.account_id not in owned:
            raise errors.NotOwned(account=move.account_id, user=order.predecessor)


def company(config: Config, policy: Policy) -> WorkingDays:
    """Put together the days on which the company works."""
    closed = (*config.calendar.closed, *policy.plan.blackouts)
    return WorkingDays(
        country=config.calendar.country, closed=tuple(map(parse_days, closed))
    )


def calendars(
    setting: Setting, persons: Iterable[str | None], others: Iterable[Plan]
) -> Calendars:
    """Put together the company's days, and the absences and diaries of some people."""
    return Calendars(
        company=company(setting.config, setting.policy),
        absences={
            person: [
                Days(first=away.first, last=away.last)
                for away in setting.people.absences(person)
            ]
            for person in persons
            if person
        },
        engagements=engagements(others),
    )


def ground(
    connection: Connection, setting: Setting, plan: Plan, persons: Iterable[str] = ()
) -> Ground:
    """Take what an amended plan is arranged on, as of today.

    Args:
        connection: to the ledger.
        setting: the plan's source.
        plan: as it stands.
        persons: who joins in with the amendments.
    """
    accounts = [row.account_id for row in plan.rows]
    facts = setting.facts(plan.predecessor, accounts)
    others = [
        other
        for other in store.load_all(connection, {*OPEN_STATES, PlanState.DRAFT})
        if other.id != plan.id and (other.is_open or _belong_together(plan, other))
    ]
    involved = (plan.predecessor, plan.manager, *plan.successors, *persons)
    return Ground(
        accounts={account.account_id: account for account in facts.accounts},
        policy=setting.policy,
        calendars=calendars(setting, involved, others),
    )


def _belong_together(plan: Plan, other: Plan) -> bool:
    return plan.reorganisation is not None and (
        plan.reorganisation == other.reorganisation
    )


def readable_id(order: PlanOrder, people: People) -> str:
    """Make an id that people can read and type: month, predecessor, successors."""
    successors = dict.fromkeys(m.successor_id for m in order.moves if m.successor_id)
    persons = [order.predecessor, *successors][:4]
    return "-".join(("{month}", *(_slug(each, people) for each in persons)))


def _slug(user: str, people: People) -> str:
    """Write a name in ASCII; names in other scripts are known by their id."""
    name = unicodedata.normalize("NFKD", people.name(user))
    plain = "".join(char for char in name if not unicodedata.combining(char))
    text = plain if plain.isascii() else user
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "x"


AMENDABLE = frozenset(
    {PlanState.DRAFT, PlanState.SUBMITTED, PlanState.APPROVED, PlanState.REJECTED}
)


def edit(
    connection: Connection,
    setting: Setting,
    plan: Plan,
    amendments: Amendments,
    *,
    person: str,
    at: dt.datetime,
) -> Plan:
    """Amend a plan and keep it as a draft, which voids an approval.

    Raises:
        Refusal: its state does not allow it, or it is not this person's to decide.
        UsageProblem: the amendments are incomplete or name what is not in the plan.
    """
    if plan.state not in AMENDABLE:
        raise errors.WrongState(plan=plan.id, state=plan.state.value, action="edit")
    return _kept(connection, setting, plan, amendments, (person, at, "edit"))


def edit_submitted(
    connection: Connection,
    setting: Setting,
    plan: Plan,
    amendments: Amendments,
    *,
    person: str,
    at: dt.datetime,
) -> Plan:
    """Amend a submitted plan inside its approval; it stays submitted."""
    revised = _kept(connection, setting, plan, amendments, (person, at, "amend"))
    store.set_state(connection, plan.id, PlanState.SUBMITTED, at)
    return revised.model_copy(update={"state": PlanState.SUBMITTED})


def _kept(
    connection: Connection,
    setting: Setting,
    plan: Plan,
    amendments: Amendments,
    how: tuple[str, dt.datetime, str],
) -> Plan:
    person, at, cause = how
    if amendments.is_empty:
        raise errors.NothingToAmend(plan=plan.id)
    if not may_amend(plan, person, setting.people):
        raise errors.NotYours(
            user=setting.people.name(person), plan=plan.id, option=cause
        )
    newcomers = sorted(set(amendments.successors.values()))
    _check_successors(plan, newcomers, setting.people)
    _check_dates(amendments, setting.as_of)
    revised = amend(
        plan,
        amendments,
        Amender(
            person_id=person,
            name=setting.people.name(person),
            is_manager=is_manager(plan, person, setting.people),
        ),
        ground(connection, setting, plan, newcomers),
        owner_is_active=setting.people.is_active(plan.predecessor),
    )
    revised = revised.model_copy(update={"generation": setting.generation})
    keep_policy(connection, setting.policy, at)
    store.save_version(
        connection,
        revised,
        cause=cause,
        made_by=person,
        at=at,
        reason=amendments.reason,
    )
    return revised


def _check_successors(plan: Plan, users: Iterable[str], people: People) -> None:
    for user in users:
        if user == plan.predecessor:
            raise errors.SameUser(user=people.name(user))
        if not people.is_active(user):
            raise errors.InactiveSuccessor(user=people.name(user))


def _check_dates(amendments: Amendments, today: dt.date) -> None:
    """Refuse to hold something until a day that is past."""
    fates = (*amendments.opportunities.values(), *amendments.loose.values())
    for until in (amendments.until, *(fate.until for fate in fates)):
        if until is not None and until < today:
            raise errors.BadPeriod(earlier=f"--as-of {today}", later=f"hold {until}")
