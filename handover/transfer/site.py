"""Where a run takes place, and what has to be right before anything is written."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace

from connectors.base import Capability, Connector, HasOwnWords, Identity, KnowsLicences
from connectors.errors import NotPermitted, ReadOnlySource
from handover.errors import WrongOrg
from handover.mirror.people import People
from handover.plan.errors import InactiveSuccessor
from handover.policy import Policy
from handover.transfer import points
from handover.transfer.address import crm_user
from handover.transfer.drift import drifted, too_many
from handover.transfer.errors import (
    DriftedApart,
    FutureAsOf,
    ProductionUnconfirmed,
    TooLarge,
    UnlicensedSuccessor,
)
from handover.transfer.live import Clock, Readings
from handover.transfer.steps import Action, Step
from handover.transfer.users import active_users
from mappings.model import Mapping


@dataclass(frozen=True, kw_only=True)
class Site:
    """One CRM, as a run meets it; ``as_of`` is the rules' today, ``today`` the real."""

    source: str
    connector: Connector
    identity: Identity
    mapping: Mapping
    people: People
    policy: Policy
    clock: Clock
    as_of: dt.date
    today: dt.date


def in_own_words(mapping: Mapping, connector: Connector) -> Mapping:
    """Let a mapping speak of open and done tasks as this CRM does."""
    task = mapping.write.task
    if task is None or not isinstance(connector, HasOwnWords):
        return mapping
    status = task.status
    opened, done = connector.task_words(
        task.object, status.field, (status.open, status.done)
    )
    spoken = status.model_copy(update={"open": opened, "done": done})
    own = task.model_copy(update={"status": spoken})
    return replace(mapping, write=mapping.write.model_copy(update={"task": own}))


def check_site(site: Site, *, org_id: str, named: str | None) -> None:
    """Refuse to work in another org, on another day, or where nothing can be written.

    Args:
        site: where we are.
        org_id: the org that was planned for.
        named: the org that the user named, if he did.

    Raises:
        WrongOrg: it is another one.
        FutureAsOf: a real CRM follows the real calendar.
        ReadOnlySource: there is nothing to write to.
    """
    found = site.identity.org_id
    for expected in filter(None, (org_id, named)):
        if not same_org(expected, found):
            raise WrongOrg(source=site.source, expected=expected, found=found)
    if site.as_of > site.today and not site.identity.local:
        raise FutureAsOf(as_of=site.as_of)
    if Capability.WRITE not in site.connector.capabilities:
        raise ReadOnlySource(source=site.source, folder=site.identity.org_name)


def same_org(one: str, other: str) -> bool:
    """Compare org ids; Salesforce's come with 15 or 18 characters."""
    return one == other or (min(len(one), len(other)) >= 15 and one[:15] == other[:15])


def check_confirmed(site: Site, *, yes: bool, named: str | None) -> None:
    """Refuse to write to production unless the org was named and agreed to.

    Raises:
        ProductionUnconfirmed: ``--yes`` and ``--org`` are needed.
    """
    identity = site.identity
    if identity.production and not (yes and named):
        raise ProductionUnconfirmed(org=identity.org_id, name=identity.org_name)


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


def check_successors(site: Site, users: Iterable[str]) -> None:
    """Refuse successors who are not active in the CRM now, or can own nothing there.

    Raises:
        InactiveSuccessor: somebody is unknown or inactive.
        UnlicensedSuccessor: somebody has a licence that owns no customers.
    """
    wanted = sorted(set(users))
    active = active_users(site.connector, site.mapping, wanted)
    inactive = [user for user in wanted if user not in active]
    if inactive:
        raise InactiveSuccessor(user=", ".join(map(site.people.name, inactive)))
    if wanted and isinstance(site.connector, KnowsLicences):
        own_ids = {crm_user(site.mapping, user): user for user in wanted}
        lacking = [own_ids[each] for each in site.connector.unlicensed(list(own_ids))]
        if lacking:
            raise UnlicensedSuccessor(user=", ".join(map(site.people.name, lacking)))


def check_drift(site: Site, steps: Iterable[Step], readings: Readings) -> None:
    """Refuse to go on with a plan from which the CRM has moved away.

    Raises:
        DriftedApart: nothing was written; the plan has to be looked at again.
    """
    owners = [step for step in steps if step.action is Action.ACCOUNT_OWNER]
    readings.refresh(owners)
    points.reached("owners_read")
    gone = drifted(owners, readings)
    rules = site.policy.transfer
    if too_many(len(gone), len(owners), share=rules.drift_share, least=rules.drift_min):
        changed = [
            {"account_id": d.account_id, "expected": d.expected, "found": d.found}
            for d in gone
        ]
        raise DriftedApart(
            drifted=len(gone), accounts=len(owners), data={"drifted": changed}
        )
