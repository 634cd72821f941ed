"""Ending a plan early: a manager's decision, and the end of its tasks in the CRM."""

from dataclasses import dataclass

from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.transfer import Manner, Transferred, Work, open_work
from handover.jobs.workspace import Workspace
from handover.ledger.under_way import check_settled
from handover.plan import ending, store
from handover.plan.decision import Decision
from handover.plan.model import Plan
from handover.transfer.ending import prepare_end
from handover.transfer.prepare import Prepared
from handover.transfer.steps import EndOf


@dataclass(frozen=True, kw_only=True)
class EndedPlan:
    """A plan that was ended, and the run that closed its tasks."""

    plan: Plan
    run: Transferred


def end(workspace: Workspace, text: str, reason: str, manner: Manner) -> EndedPlan:
    """End a plan early, and close our open tasks of it.

    The decision is on record before the first task is closed; whatever stays open then
    is closed when the plan is ended again. Where the CRM cannot be read, nothing is
    decided.

    Raises:
        Refusal: the plan is over, it is not this person's to decide, or a call of a run
            may still take effect.
        TryLater: a run is under way.
    """
    with workspace.ledger.read() as connection:
        found = store.load(connection, store.find_plan(connection, text))
        by = make_decision(workspace, found.source, Grounds(reason=reason))
        people = workspace.people(found.source)
        ending.check_end(found, by, people)
    authority = EndOf(plan_id=found.id, person_id=by.person_id, reason=reason)
    with open_work(workspace, found.source, "end", manner) as work:
        prepared = list_ends(workspace, work, authority)
        if manner.dry_run:
            return EndedPlan(plan=found, run=work.walk(prepared))
        work.confirm(prepared)
        _decide(workspace, found.id, by)
        run = work.walk(prepared, is_agreed=True)
    with workspace.ledger.read() as connection:
        return EndedPlan(plan=store.load(connection, found.id), run=run)


def list_ends(workspace: Workspace, work: Work, authority: EndOf) -> Prepared:
    """List the steps that close our open tasks of a plan that is ended or closed."""
    with (
        workspace.ledger.read() as connection,
        workspace.mirror(work.site.source) as mirror,
    ):
        plan = store.load(connection, authority.plan_id)
        named = work.manner.org_id
        return prepare_end(work.site, connection, mirror, authority, plan, named)


def _decide(workspace: Workspace, plan_id: str, by: Decision) -> None:
    """Put on record that a plan is ended, once no call of its runs is out."""
    with workspace.ledger.begin() as connection:
        found = store.load(connection, plan_id)
        check_settled(connection, plan_id, workspace.folder, workspace.clock())
        ending.end(connection, found, by, workspace.people(found.source))
