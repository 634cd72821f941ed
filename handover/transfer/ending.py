"""The steps that end a plan, early or in good order: our open tasks are closed."""

from sqlalchemy import Connection

from handover.ledger.writes import find_overruled, was_carried_out
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.transfer.checks import Site, check_site
from handover.transfer.our_tasks import read_our_tasks
from handover.transfer.prepare import Prepared
from handover.transfer.readings import Readings
from handover.transfer.steps import EndOf, Step, in_order, label
from handover.transfer.tasks import changed_tasks


def prepare_end(
    site: Site,
    connection: Connection,
    mirror: Mirror,
    authority: EndOf,
    plan: Plan,
    named: str | None,
) -> Prepared:
    """List the steps that close a plan's tasks which are open, as we wrote them.

    What people changed in a task is theirs: it stays open. Of a plan that wrote nothing
    there is nothing to close.

    Args:
        site: where we are.
        connection: to the ledger.
        mirror: the CRM as it was read.
        authority: whose word it is.
        plan: as it stands.
        named: the org that the user named, if they did.

    Raises:
        HandoverError: of the class that says why not.
    """
    steps: tuple[Step, ...] = ()
    if site.to_crm.has_tasks and was_carried_out(connection, plan.id):
        check_site(site, org_id=plan.org_id, named=named)
        known = read_our_tasks(site, connection, mirror, plan, {})
        steps = in_order(changed_tasks(plan, authority, (), known, site.to_crm))
    return Prepared(
        kind=authority.kind,
        org_id=plan.org_id,
        plan_id=plan.id,
        plan_version=plan.version,
        steps=steps,
        readings=Readings(connector=site.connector, clock=site.clock),
        content=plan.model_dump(mode="json"),
        overruled=find_overruled(connection, label(authority)),
        person_id=authority.person_id,
        reason=authority.reason,
    )
