"""The tasks that a plan asks for where it is carried out.

By the policy and the people of the place, the facts of the mirror, and its names.
"""

from handover.i18n import Words
from handover.mirror.contacts import read_contacts
from handover.mirror.people import People
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.plan.scheduler.calendar import WorkingDays
from handover.policy import Policy
from handover.transfer.checks import Site
from handover.transfer.facts import TransferFacts
from handover.transfer.reassign import planned_opportunities
from handover.transfer.task_text import TaskWriter
from handover.transfer.tasks import (
    Moved,
    Preparing,
    WantedTask,
    everything,
    preparer,
    wanted_tasks,
)


def list_tasks(site: Site, plan: Plan, moved: Moved) -> tuple[WantedTask, ...]:
    """List the tasks that a plan asks for, by the people and the policy of a place."""
    rules = find_preparing(plan, site.people, site.policy, site.company)
    return wanted_tasks(plan, rules, moved)


def find_preparing(
    plan: Plan, people: People, policy: Policy, company: WorkingDays
) -> Preparing:
    """Find by whom and by when the information of a plan's customers is to be ready."""
    delegate = people.delegate_of(plan.manager) if plan.manager else None
    return Preparing(
        preparer=preparer(plan, delegate),
        must={item.code for item in policy.items if item.level == "must"},
        company=company,
        prepare_days=policy.plan.prepare_days,
    )


def list_due_days(site: Site, plan: Plan) -> dict[str, str]:
    """Return the due days, by key, of tasks that a plan wants whatever has moved."""
    tasks = list_tasks(site, plan, everything(plan))
    return {task.key(plan): task.due.isoformat() for task in tasks}


def find_moved(plan: Plan, facts: TransferFacts) -> Moved:
    """Find what a successor has already, or nobody can hold any longer."""
    accounts = {
        row.account_id
        for row in plan.rows
        if row.successor_id is not None
        and row.account_id in facts.accounts
        and facts.accounts[row.account_id].owner_id == row.successor_id
    }
    open_still = {
        child.id for child in facts.children if child.table == "opportunities"
    }
    return Moved(
        accounts=accounts,
        opportunities=set(planned_opportunities(plan)) - open_still,
    )


def make_writer(site: Site, plan: Plan, mirror: Mirror, spoken: Words) -> TaskWriter:
    """Make what puts a plan's tasks into words, with the names that the mirror has."""
    visits = [row.visit for row in plan.rows if row.visit is not None]
    contacts = read_contacts(mirror, [c for v in visits for c in v.contact_ids])
    return TaskWriter(
        plan=plan,
        spoken=spoken,
        person=site.people.name,
        item=lambda code: site.policy.item_name(code, spoken),
        contact=lambda each: str(contacts.get(each, each)),
    )
