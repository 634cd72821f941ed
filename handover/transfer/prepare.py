"""Makes ready for writing: the CRM itself, and the steps that an authority allows.

What must be refused is refused here, before a run begins; what people should know of
the list of steps goes with it as notes.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from connectors.base import KnowsLastingRefusals, Note, Row, SetField
from handover.answers.acceptances import find_accepted
from handover.i18n import Words
from handover.ledger.runs import Entry, Kind, Run, entries_of
from handover.ledger.states import OWNER_ACTION, Action, Mode
from handover.ledger.writes import Place, find_overruled, find_refused
from handover.mirror.views import Mirror
from handover.plan.approval import ApprovedPlan
from handover.plan.model import Plan
from handover.transfer.checks import (
    Site,
    check_announced,
    check_drift,
    check_site,
    check_size,
    check_successors,
)
from handover.transfer.errors import OwnerNotWritable
from handover.transfer.facts import TransferFacts
from handover.transfer.gather import gather, gather_tasks, known_records
from handover.transfer.invitations import list_invitations
from handover.transfer.notes import (
    explain_idle,
    list_left,
    list_next,
    list_strangers,
    list_unaccepted,
    list_unfit,
)
from handover.transfer.our_tasks import read_writings
from handover.transfer.put_back import PUT_BACK, hidden_teams, steps_left, team_steps
from handover.transfer.readings import Readings, held
from handover.transfer.reassign import Timing, moving, owner_steps, receivers
from handover.transfer.run_files import Rows, chosen
from handover.transfer.site_tasks import (
    find_moved,
    list_due_days,
    list_tasks,
    make_writer,
)
from handover.transfer.steps import Step, UndoOf, in_order, label, start_from
from handover.transfer.tasks import changed_tasks, new_tasks
from handover.transfer.undo import undo_steps


@dataclass(frozen=True, kw_only=True)
class TransferRequest:
    """What the user said of a transfer besides the plan."""

    org_id: str | None = None
    early: str | None = None
    """The reason for not waiting for the effective dates."""
    before_announcement: str | None = None
    allow_large: bool = False
    rows: Rows | None = None
    """Take only these records."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A list of steps that may be shown or walked, and what to say of it."""

    kind: Kind
    org_id: str
    plan_id: str | None
    plan_version: int | None
    steps: tuple[Step, ...]
    readings: Readings
    content: Mapping[str, object]
    """The plan as approved, or the run that is taken back: for the run's folder."""
    notes: Sequence[Note] = ()
    overruled: Mapping[Place, str | None] = field(default_factory=dict)
    """Where the CRM overruled earlier runs of the same authority."""
    needs: Collection[str] = ()
    """Objects that later runs of the plan will write: it must not stop half-way."""
    undoes: str | None = None
    person_id: str | None = None
    reason: str | None = None


def prepare_reassign(
    site: Site,
    connection: Connection,
    approved: ApprovedPlan,
    mirror: Mirror,
    asked: TransferRequest,
) -> Prepared:
    """List the owner changes of a plan that are due.

    Raises:
        HandoverError: of the class that says why not.
    """
    plan = approved.plan
    check_site(site, org_id=plan.org_id, named=asked.org_id)
    check_announced(site, plan, "reassign")
    facts = gather(site, connection, mirror, plan, list_due_days(site, plan))
    timing = Timing(
        as_of=site.as_of,
        early=asked.early is not None,
        accepted=(
            find_accepted(connection, plan.id, rehearsed=bool(site.rehearsed_on))
            if site.policy.transfer.require == "acceptance"
            else None
        ),
    )
    successors = moving(plan, facts, timing)
    listed = _due(site, connection, approved, facts, timing)
    if asked.rows is not None:
        known = known_records(site, connection, plan)
        listed = chosen(listed, asked.rows, known)
    refused = _refused_for_good(site, connection, approved)
    unfit = [] if asked.rows else [step for step in listed if step.place in refused]
    listed = [step for step in listed if step not in unfit]
    steps = _with_teams(site, listed)
    check_size(site, steps, total=facts.total, allow_large=asked.allow_large)
    check_successors(site, receivers(plan, successors, timing, steps))
    readings = Readings(connector=site.connector, clock=site.clock)
    steps = _as_spelled(site, steps, readings)
    overruled = find_overruled(connection, label(approved))
    if asked.rows is not None:
        steps, overruled = start_from(overruled, steps), {}
    check_drift(site, steps, readings, overruled)
    left = list(list_left(plan, facts, timing, successors))
    unaccepted = list(list_unaccepted(plan, facts, timing))
    prepared = _of_plan(
        "reassign",
        approved,
        steps,
        readings,
        notes=[
            *list_strangers(plan, facts, successors),
            *left,
            *list_unfit(plan, facts, unfit),
            *hidden_teams(mirror, steps),
            *list_invitations(site, mirror, plan, successors),
            *unaccepted,
            *(
                list_next(plan, facts, timing)
                if steps or left or unaccepted
                else [explain_idle(plan, facts, timing)]
            ),
        ],
        reason=asked.early,
    )
    return replace(prepared, overruled=overruled)


def _due(
    site: Site,
    connection: Connection,
    approved: ApprovedPlan,
    facts: TransferFacts,
    timing: Timing,
) -> list[Step]:
    """List what is due: owners, what earlier runs left to put back, and our tasks."""
    plan = approved.plan
    listed = owner_steps(approved, facts, site.to_crm, timing)
    for action in PUT_BACK:
        listed += steps_left(connection, plan.id, approved, action)
    if facts.tasks:
        moved = replace(find_moved(plan, facts), accounts=moving(plan, facts, timing))
        tasks = list_tasks(site, plan, moved)
        listed += changed_tasks(plan, approved, tasks, facts.tasks, site.to_crm)
    return listed


def prepare_publish(
    site: Site,
    connection: Connection,
    approved: ApprovedPlan,
    mirror: Mirror,
    asked: TransferRequest,
    spoken: Words,
) -> Prepared:
    """List what a plan's tasks in the CRM need: new ones, changes, ends.

    Raises:
        NotAnnounced: the day of the announcement has not come.
        NoTaskMapping: the mapping does not say how tasks are written.
        HandoverError: of the class that says why not.
    """
    plan = approved.plan
    check_site(site, org_id=plan.org_id, named=asked.org_id)
    if asked.before_announcement is None:
        check_announced(site, plan, "publish")
    facts = gather_tasks(site, connection, mirror, plan, list_due_days(site, plan))
    tasks = list_tasks(site, plan, find_moved(plan, facts))
    writer = make_writer(site, plan, mirror, spoken)
    steps = in_order(
        [
            *new_tasks(approved, tasks, facts.tasks, site.to_crm, writer),
            *changed_tasks(plan, approved, tasks, facts.tasks, site.to_crm),
        ]
    )
    if steps:
        check_successors(site, _successors(plan))
    prepared = _of_plan(
        "publish",
        approved,
        steps,
        Readings(connector=site.connector, clock=site.clock),
        notes=[
            *list_strangers(plan, facts, {}),
            *([] if steps else [Note(code="nothing_to_publish")]),
        ],
        reason=asked.before_announcement,
    )
    return replace(
        prepared,
        overruled=find_overruled(connection, label(approved)),
        needs=_to_be_written(site, approved, facts),
    )


def _to_be_written(
    site: Site, approved: ApprovedPlan, facts: TransferFacts
) -> set[str]:
    """Name the objects whose owners the plan changes, whenever that will be."""
    timing = Timing(as_of=site.as_of, early=True)
    try:
        steps = owner_steps(approved, facts, site.to_crm, timing)
    except OwnerNotWritable:
        return set()  # reassign will refuse; doctor says so beforehand
    return {step.change.object for step in steps}


def prepare_undo(
    site: Site,
    connection: Connection,
    authority: UndoOf,
    run: Run,
    named: str | None,
    *,
    again: bool = False,
) -> Prepared:
    """List what takes a run back.

    Args:
        site: where we are.
        connection: to the ledger.
        authority: whose word it is.
        run: what is to be taken back.
        named: the org that the user named, if they did.
        again: try again what the CRM overruled.

    Raises:
        HandoverError: of the class that says why not.
    """
    check_site(site, org_id=run.org_id, named=named)
    entries = entries_of(connection, run.id)
    records = [entry.record_id or "" for entry in entries if entry.key is not None]
    written = read_writings(connection, run.source, records)
    listed = undo_steps(authority, entries, site.to_crm, written)
    accounts = {entry.account_id for entry in entries}
    if run.plan_id is not None:
        left = steps_left(connection, run.plan_id, authority, Action.TEAM_MEMBER)
        listed += [step for step in left if step.account_id in accounts]
    overruled = find_overruled(connection, label(authority))
    steps = _with_teams(site, listed)
    if again:
        steps, overruled = start_from(overruled, steps), {}
    return Prepared(
        kind="undo",
        org_id=run.org_id,
        plan_id=run.plan_id,
        plan_version=run.plan_version,
        steps=steps,
        readings=Readings(connector=site.connector, clock=site.clock),
        content={"undoes": run.id, "plan": run.plan_id, "version": run.plan_version},
        overruled=overruled,
        notes=list(_undo_notes(run, entries, steps)),
        undoes=run.id,
        person_id=authority.person_id,
    )


def _undo_notes(
    run: Run, entries: Sequence[Entry], steps: Sequence[Step]
) -> Iterator[Note]:
    """Yield that there is nothing to take back, and what is in doubt."""
    if not steps:
        yield Note(code="nothing_to_undo", params={"run": run.id})
    doubtful = sum(entry.outcome == "in_doubt" for entry in entries)
    if doubtful:
        params = {"run": run.id, "n": doubtful}
        yield Note(code="doubt_left_alone", params=params)


def _refused_for_good(
    site: Site, connection: Connection, approved: ApprovedPlan
) -> set[Place]:
    """Return the fields of children that the CRM refused to set, whoever asks."""
    if not isinstance(site.connector, KnowsLastingRefusals):
        return set()
    codes = site.connector.lasting_refusals
    return find_refused(connection, label(approved), codes)


def _with_teams(site: Site, listed: Sequence[Step]) -> tuple[Step, ...]:
    """Put steps in order, with those that put back whom their owner changes drop."""
    teams = list(team_steps(site.connector, listed))
    there = {step.key for step in teams}
    return in_order([*(s for s in listed if s.key not in there), *teams])


def _as_spelled(
    site: Site, steps: tuple[Step, ...], readings: Readings
) -> tuple[Step, ...]:
    """Let steps expect owners as records spell them, where they are looked up."""
    tables = {action: table for table, action in OWNER_ACTION.items()}
    looked_up = {
        step.n: tables[step.action]
        for step in steps
        if step.action in tables
        and site.to_crm.looks_up_owner(tables[step.action], step.change.object)
    }
    readings.refresh([step for step in steps if step.n in looked_up])
    return tuple(
        _spelled(site, step, looked_up[step.n], readings.row(step))
        if step.n in looked_up
        else step
        for step in steps
    )


def _spelled(site: Site, step: Step, table: str, row: Row | None) -> Step:
    change = step.change
    if row is None or not isinstance(change, SetField):
        return step
    value = held(row, change.field)
    owner = site.to_crm.owner_of(table, change.object, value)
    expected = site.to_crm.owner_of(table, change.object, change.before)
    if owner != expected:
        return step
    return replace(step, change=replace(change, before=value))


def _of_plan(
    kind: Kind,
    approved: ApprovedPlan,
    steps: tuple[Step, ...],
    readings: Readings,
    *,
    notes: Sequence[Note],
    reason: str | None,
) -> Prepared:
    plan = approved.plan
    return Prepared(
        kind=kind,
        org_id=plan.org_id,
        plan_id=plan.id,
        plan_version=plan.version,
        steps=steps,
        readings=readings,
        content=plan.model_dump(mode="json"),
        notes=notes,
        person_id=approved.approver_id,
        reason=reason,
    )


def _successors(plan: Plan) -> Iterator[str]:
    for row in plan.rows:
        if row.mode is not Mode.EXCLUDE and row.successor_id is not None:
            yield row.successor_id
