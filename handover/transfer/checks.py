"""Where a run takes place, and what has to be right before anything is written."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from connectors.base import (
    Capability,
    Connector,
    Identity,
    KnowsLicences,
    same_id,
)
from connectors.errors import NotPermitted, ReadOnlySource
from handover.errors import WrongOrg
from handover.i18n import Phrase
from handover.ledger.states import Action
from handover.ledger.writes import Place
from handover.mirror.people import People
from handover.plan.errors import InactiveSuccessor
from handover.plan.model import Plan
from handover.plan.scheduler.calendar import WorkingDays
from handover.plan.terms import Circumstances
from handover.policy import Policy
from handover.transfer.errors import (
    DriftedApart,
    NotAnnounced,
    NotRehearsed,
    OnlyRehearsed,
    ProductionUnconfirmed,
    TooLarge,
    UnlicensedSuccessor,
)
from handover.transfer.readings import Clock, Readings, held, same_value
from handover.transfer.steps import Step
from handover.transfer.to_crm import ToCrm

ACTIVE = {"is_active": "false", "is_deleted": "true"}
"""Columns of users that speak of being active, and what they say of one who is not."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One CRM, as a run meets it; ``as_of`` is the rules' today.

    ``circumstances`` reads again what plans are approved and carried out under.
    ``company`` knows the days on which the company works.
    ``rehearsed_on`` is the same day in a rehearsal, and None in earnest.
    """

    source: str
    connector: Connector
    identity: Identity
    to_crm: ToCrm
    people: People
    policy: Policy
    company: WorkingDays
    clock: Clock
    as_of: dt.date
    circumstances: Callable[[], Circumstances]
    rehearsed_on: dt.date | None = None


# The place and the day


def prepare_crm(connector: Connector, *, create: bool) -> Sequence[str]:
    """Name what a CRM lacks for safe writing: fields for our keys, permissions.

    ``create`` makes what can be made. It is the one write without an authority: it
    touches no record, and a second time there is nothing left to make.
    """
    return connector.prepare(create=create)


def check_announced(
    site: Site, plan: Plan, command: Literal["publish", "reassign"]
) -> None:
    """Refuse what customers or colleagues can notice before the announcement.

    Raises:
        NotAnnounced: the day of the announcement has not come.
    """
    if site.as_of < plan.announce:
        remedy = Phrase(text=f"not-announced:{command}")
        raise NotAnnounced(plan=plan.id, announce=plan.announce, remedy=remedy)


def check_site(site: Site, *, org_id: str, named: str | None) -> None:
    """Refuse to work in another org, or where nothing can be written.

    Args:
        site: where we are.
        org_id: the org that was planned for.
        named: the org that the user named, if they did.

    Raises:
        WrongOrg: it is another one.
        ReadOnlySource: there is nothing to write to.
    """
    found = site.identity.org_id
    for expected in filter(None, (org_id, named)):
        if not same_id(expected, found):
            raise WrongOrg(source=site.source, expected=expected, found=found)
    if Capability.WRITE not in site.connector.capabilities:
        raise ReadOnlySource(source=site.source, folder=site.identity.org_name)


def check_earnest(
    what: str, *, made_on: dt.date | None, rehearsed_on: dt.date | None
) -> None:
    """Refuse to carry out in earnest what was rehearsed, and the other way round.

    Args:
        what: the plan or run.
        made_on: the day of the rehearsal in which it was approved or written, if it
            was in one.
        rehearsed_on: the day that is rehearsed now, if one is.

    Raises:
        OnlyRehearsed: it is from a rehearsal, and this is none.
        NotRehearsed: it was meant in earnest, and this is a rehearsal.
    """
    if made_on is not None and rehearsed_on is None:
        raise OnlyRehearsed(what=what, day=made_on)
    if made_on is None and rehearsed_on is not None:
        raise NotRehearsed(what=what)


def check_confirmed(identity: Identity, *, yes: bool, named: str | None) -> None:
    """Refuse to write to production unless the org was named and agreed to.

    Raises:
        ProductionUnconfirmed: ``--yes`` and ``--org`` are needed.
    """
    if identity.production and not (yes and named):
        raise ProductionUnconfirmed(org=identity.org_id, name=identity.org_name)


# What we may do there


def check_permitted(
    site: Site, steps: Iterable[Step], also: Iterable[str] = ()
) -> None:
    """Refuse to begin what the CRM would forbid half-way.

    Args:
        site: where we are.
        steps: what is to be written now.
        also: objects that are to be written later.

    Raises:
        NotPermitted: objects among these cannot be written by us.
    """
    objects = {*also, *(step.change.object for step in steps)}
    lacking = [name.partition(":") for name in site.connector.prepare()]
    missing = {right for name, _, right in lacking if right and name in objects}
    if missing:
        detail = ", ".join(sorted(missing))
        raise NotPermitted(source=site.source, detail=detail)


def check_size(
    site: Site, steps: Iterable[Step], *, total: int, allow_large: bool
) -> None:
    """Refuse to move more accounts at once than the policy allows.

    Raises:
        TooLarge: ``--allow-large`` is needed.
    """
    rules = site.policy.transfer
    accounts = sum(step.action is Action.ACCOUNT_OWNER for step in steps)
    shared = rules.max_share * total if rules.max_share else accounts
    allowed = min(rules.max_accounts, int(shared))
    if accounts > allowed and not allow_large:
        raise TooLarge(accounts=accounts, allowed=allowed)


# Whom it concerns


def check_successors(site: Site, users: Iterable[str]) -> None:
    """Refuse successors who are not active in the CRM now, or can own nothing there.

    Raises:
        InactiveSuccessor: somebody is unknown or inactive.
        UnlicensedSuccessor: somebody has a licence that owns no customers.
    """
    wanted = sorted(set(users))
    active = read_active(site, wanted)
    inactive = [user for user in wanted if user not in active]
    if inactive:
        raise InactiveSuccessor(user=", ".join(map(site.people.name, inactive)))
    if wanted and isinstance(site.connector, KnowsLicences):
        own_ids = {site.to_crm.user_id(user): user for user in wanted}
        lacking = [own_ids[each] for each in site.connector.unlicensed(list(own_ids))]
        if lacking:
            raise UnlicensedSuccessor(user=", ".join(map(site.people.name, lacking)))


def read_active(site: Site, users: Iterable[str]) -> set[str]:
    """Return those of some users whom the CRM knows and calls active.

    Where it says nothing about being active, a user is.
    """
    left = {site.to_crm.user_id(user): user for user in users}
    found: set[str] = set()
    for pattern in site.to_crm.objects("users"):
        columns = dict(site.to_crm.yes_no("users", ACTIVE, pattern))
        fields = [name for column in columns.values() for name in column.fields]
        for name in site.connector.objects(pattern) if left else ():
            rows = site.to_crm.read("users", name, [*left], fields)
            for own_id, row in rows.items():
                user = left.pop(own_id)
                if all(each.read(row) != ACTIVE[c] for c, each in columns.items()):
                    found.add(user)
    return found


# What others did meanwhile


@dataclass(frozen=True, kw_only=True)
class Drifted:
    """An account whose owner is neither the predecessor nor the successor."""

    account_id: str | None
    expected: str | None
    found: str | None


def check_drift(
    site: Site,
    steps: Iterable[Step],
    readings: Readings,
    overruled: Mapping[Place, str | None],
) -> None:
    """Refuse to go on with a plan from which the CRM has moved away.

    What the CRM itself made of our writes (``overruled``) is no drift.

    Raises:
        DriftedApart: nothing was written; the plan has to be looked at again.
    """
    owners = [step for step in steps if step.action is Action.ACCOUNT_OWNER]
    readings.refresh(owners)
    gone = [
        drifted
        for drifted, step in find_drifted(owners, readings)
        if step.place not in overruled or overruled[step.place] != drifted.found
    ]
    rules = site.policy.transfer
    if too_many(len(gone), len(owners), share=rules.drift_share, least=rules.drift_min):
        changed = [
            {"account_id": d.account_id, "expected": d.expected, "found": d.found}
            for d in gone
        ]
        raise DriftedApart(
            drifted=len(gone), accounts=len(owners), data={"drifted": changed}
        )


def find_drifted(
    owners: Iterable[Step], readings: Readings
) -> Iterator[tuple[Drifted, Step]]:
    """Yield the accounts that others changed since the plan was approved."""
    for step in owners:
        row = readings.row(step)
        found = None if row is None else held(row, step.field or "")
        if not any(same_value(found, each) for each in (step.before, step.after)):
            account = step.account_id
            yield Drifted(account_id=account, expected=step.before, found=found), step


def too_many(drifted: int, of: int, *, share: float, least: int) -> bool:
    """Tell whether so much drifted that the plan as a whole is in question.

    Args:
        drifted: accounts that drifted.
        of: accounts of the run.
        share: the part above which a run stops.
        least: the number below which it never does.
    """
    return drifted >= least and drifted > share * of
