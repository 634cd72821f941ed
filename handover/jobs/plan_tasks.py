"""Reading back how plans' tasks stand in the CRM, as of the last sync."""

from handover.follow.plan_tasks import PlanTasks, read_plan_tasks
from handover.jobs.workspace import Workspace
from handover.plan.model import Plan
from handover.transfer.to_crm import ToCrm


def read_tasks_of(workspace: Workspace, plan: Plan) -> PlanTasks:
    """Read how a plan's tasks stand; nothing is asked of the CRM.

    Returns:
        Every task that was ever made for the plan, by customer: open, overdue, ticked
        off by people, withdrawn by us or deleted by people, and what people changed.

    Raises:
        NoGeneration: nothing was synced yet.
    """
    source = plan.source
    to_crm = ToCrm(workspace.mapping(source), workspace.unchecked_connector(source))
    with workspace.ledger.read() as connection, workspace.mirror(source) as mirror:
        return read_plan_tasks(connection, mirror, to_crm, plan)
