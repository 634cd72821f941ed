"""Closing a plan: a manager's decision, and the end of its tasks in the CRM."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from handover.follow.waiving import check_none_open, find_waivers
from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.ending import list_ends
from handover.jobs.report import (
    MirrorFacts,
    load_reported,
    read_mirror_facts,
    read_report,
)
from handover.jobs.transfer import Manner, Transferred, open_work
from handover.jobs.workspace import Workspace
from handover.ledger.states import PlanState
from handover.ledger.under_way import check_settled
from handover.plan import closing, store
from handover.plan.closing import check_close
from handover.plan.decision import Decision, Waiver
from handover.plan.model import Plan
from handover.transfer.checks import check_earnest
from handover.transfer.steps import EndOf


@dataclass(frozen=True, kw_only=True)
class ClosedPlan:
    """A plan that was closed, what it does without, and the run that ends its tasks."""

    plan: Plan
    waivers: tuple[Waiver, ...]
    run: Transferred


def close(
    workspace: Workspace,
    text: str,
    waive: Sequence[str],
    reason: str | None,
    manner: Manner,
) -> ClosedPlan:
    """Close a plan of which nothing is open but what is done without.

    The decision is on record before the first of our tasks is closed; whatever stays
    open then is closed when the plan is closed again. Where the CRM cannot be read,
    nothing is decided.

    Args:
        workspace: the working folder.
        text: the plan, as it was typed.
        waive: what is done without, each as ``find_waivers`` takes it.
        reason: why, of all that have no reason of their own.
        manner: how the tasks are closed.

    Raises:
        OpenItems: something else is open.
        NotReported: nobody has reported what came of it.
        Refusal: the plan is over, it is not this person's to decide, or a call of a run
            may still take effect.
        TryLater: a run is under way.
    """
    with workspace.ledger.read() as connection:
        found = store.load(connection, store.find_plan(connection, text))
        by = make_decision(workspace, found.source, Grounds(reason=reason))
        check_close(found, by, workspace.people(found.source))
        _check_earnest(workspace, connection, found)
        plan = load_reported(connection, found)
    facts = read_mirror_facts(workspace, plan)
    with workspace.ledger.read() as connection:
        waivers = _find_waivers(workspace, connection, plan, facts, waive, by)
    authority = EndOf(
        plan_id=plan.id, person_id=by.person_id, reason=reason, kind="close"
    )
    with open_work(workspace, plan.source, "close", manner) as work:
        prepared = list_ends(workspace, work, authority)
        if manner.dry_run:
            return ClosedPlan(plan=found, waivers=waivers, run=work.walk(prepared))
        work.confirm(prepared)
        with workspace.ledger.begin() as connection:
            check_settled(connection, plan.id, workspace.folder, workspace.clock())
            waivers = decide_close(workspace, connection, plan.id, facts, waive, by)
        run = work.walk(prepared, is_agreed=True)
    with workspace.ledger.read() as connection:
        closed = store.load(connection, plan.id)
    return ClosedPlan(plan=closed, waivers=waivers, run=run)


def decide_close(
    workspace: Workspace,
    connection: Connection,
    plan_id: str,
    facts: MirrorFacts,
    waive: Sequence[str],
    by: Decision,
) -> tuple[Waiver, ...]:
    """Put on record that a plan is closed, if nothing else is open at that moment.

    Raises:
        OpenItems: something is.
        Refusal: its state or the person stands against it.
    """
    plan = store.load(connection, plan_id)
    people = workspace.people(plan.source)
    check_close(plan, by, people)
    waivers = _find_waivers(workspace, connection, plan, facts, waive, by)
    closing.close(connection, plan, waivers, by, people)
    return waivers


def _check_earnest(workspace: Workspace, connection: Connection, plan: Plan) -> None:
    """Refuse to close in earnest what was approved in a rehearsal, or the reverse."""
    made = store.list_decisions(connection, plan.id)
    approved = [each for each in made if each.decision == "approve"]
    if approved:
        check_earnest(
            plan.id,
            made_on=approved[-1].by.rehearsed_on,
            rehearsed_on=workspace.rehearsed_on,
        )


def _find_waivers(
    workspace: Workspace,
    connection: Connection,
    plan: Plan,
    facts: MirrorFacts,
    waive: Sequence[str],
    by: Decision,
) -> tuple[Waiver, ...]:
    """Find what is done without, and make sure that nothing else is open."""
    if plan.state is PlanState.CLOSED:
        return ()
    found = read_report(workspace, connection, plan, facts).open
    waivers = find_waivers(found, waive, by.reason, by.person_id)
    check_none_open(plan.id, found, waivers)
    return tuple(waivers)
