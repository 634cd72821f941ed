"""Reporting what came of a plan, and handing that report to the manager."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from handover.answers.remarks import Remark
from handover.follow.open_items import Known, Place
from handover.follow.report import Report, ReportSetting, make_report
from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.plan import find_plan
from handover.jobs.status import read_heard
from handover.jobs.workspace import Workspace
from handover.ledger import seals
from handover.ledger.states import RUNNING_STATES, Mode, PlanState
from handover.ledger.writes import find_given_on
from handover.meeting.progress import find_progress
from handover.meeting.questions import Questions, read_questions
from handover.mirror.contacts import read_contacts
from handover.mirror.views import Mirror
from handover.plan import store
from handover.plan.approval import decide
from handover.plan.carried_out import list_given
from handover.plan.closing import list_waivers
from handover.plan.deciders import list_reporters
from handover.plan.errors import NotUnderWay, Voided
from handover.plan.facts import read_owners
from handover.plan.model import Plan
from handover.transfer.corrections import list_fates

REPORTABLE = frozenset({PlanState.APPROVED, PlanState.IN_PROGRESS})
"""States of a plan whose result can be reported."""
_STILL_OWNED = {
    "opportunities": "not coalesce(is_closed, false)",
    "requests": "coalesce(is_open, true)",
    "contacts": "true",
    "activities": "not coalesce(is_done, false)",
}
"""By table, which records of a predecessor have to go to somebody."""
_OWNED = """
    select id from {table}
    where owner_id = $user and list_contains($ids, id) and {open}
"""


@dataclass(frozen=True, kw_only=True)
class MirrorFacts:
    """What the mirror tells of a plan's customers.

    ``owned``: records that the plan gives away and the predecessor owns as of the sync.
    ``people`` are the names of the customers' people, by id.
    """

    questions: Mapping[str, Questions]
    owners: Mapping[str, str | None]
    owned: frozenset[Place]
    people: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reported:
    """A report, the names of the customers' people in it, and whether it is handed in.

    ``is_new``: it was handed to the manager just now.
    """

    report: Report
    people: Mapping[str, str]
    is_new: bool = False


def report(workspace: Workspace, text: str) -> Reported:
    """Report what came of a plan; whoever carried it out hands the report in by that.

    It counts as handed to the manager once there is a result of every customer and one
    of those who hand over or take over is named as who decides. Anybody else, and they
    on another day than the real one, only read it.

    Raises:
        NotUnderWay: nobody has approved the plan yet.
        Voided: it was given up before anything was done.
        LedgerChanged: somebody wrote into the ledger past the product.
    """
    plan = find_plan(workspace, text)
    with workspace.ledger.read() as connection:
        plan = load_reported(connection, plan)
    facts = read_mirror_facts(workspace, plan)
    with workspace.ledger.read() as connection:
        made = read_report(workspace, connection, plan, facts)
    if not made.unreported and _may_hand_in(workspace, made):
        with workspace.ledger.begin() as connection:
            hand_in(workspace, connection, made.plan)
        with workspace.ledger.read() as connection:
            plan = store.load(connection, plan.id)
            made = read_report(workspace, connection, plan, facts)
        return Reported(report=made, people=facts.people, is_new=True)
    return Reported(report=made, people=facts.people)


def load_reported(connection: Connection, plan: Plan) -> Plan:
    """Return the version of a plan that is reported on: the last that was approved.

    Raises:
        NotUnderWay: none was.
        Voided: it was given up before anything was done.
        LedgerChanged: somebody wrote into the ledger past the product.
    """
    seals.check_plan(connection, plan.id)
    if plan.state is PlanState.VOIDED:
        raise Voided(plan=plan.id)
    if plan.state in RUNNING_STATES:
        return plan
    approved = store.load_last_approved(connection, plan.id)
    if approved is None:
        raise NotUnderWay(plan=plan.id, state=plan.state.value)
    return approved


def read_mirror_facts(workspace: Workspace, plan: Plan) -> MirrorFacts:
    """Read what the mirror tells of a plan's customers."""
    accounts = [row.account_id for row in plan.rows]
    given = [
        each.id
        for row in plan.rows
        for each in row.opportunities
        if row.mode is not Mode.EXCLUDE and each.action in ("transfer", "hold")
    ]
    loose: dict[str, list[str]] = defaultdict(list)
    for record in plan.loose:
        if record.action in ("transfer", "hold"):
            loose[record.object].append(record.id)
    contacts = _list_contacts(workspace, plan)
    with workspace.mirror(plan.source, accounts) as mirror:
        questions = read_questions(mirror, workspace.policy)
        owners = read_owners(mirror, plan)
        people = {k: each.name for k, each in read_contacts(mirror, contacts).items()}
        owned = {*_list_owned(mirror, plan, {"opportunities": given})}
    if loose:  # they hang on no customer to which a mirror could be narrowed
        with workspace.mirror(plan.source) as mirror:
            owned |= {*_list_owned(mirror, plan, loose)}
    return MirrorFacts(
        questions=questions,
        owners=owners,
        owned=frozenset(owned),
        people=people,
    )


def _list_contacts(workspace: Workspace, plan: Plan) -> list[str]:
    """List who of the customers answered, by id."""
    with workspace.ledger.read() as connection:
        made = read_heard(workspace, connection, plan).made
    return sorted({each.person for answers in made.values() for each in answers})


def _list_owned(
    mirror: Mirror, plan: Plan, wanted: Mapping[str, list[str]]
) -> Iterator[Place]:
    for table, ids in wanted.items():
        query = _OWNED.format(table=table, open=_STILL_OWNED[table])
        for row in mirror.rows(query, user=plan.predecessor, ids=ids):
            yield table, row["id"]


def read_report(
    workspace: Workspace, connection: Connection, plan: Plan, facts: MirrorFacts
) -> Report:
    """Put together what came of a plan, as the ledger has it in a transaction.

    Args:
        workspace: the working folder.
        connection: to the ledger.
        plan: the version that is reported on.
        facts: what the mirror tells of it.
    """
    heard = read_heard(workspace, connection, plan)
    decisions = store.list_decisions(connection, plan.id)
    none: tuple[Remark, ...] = ()
    known = Known(
        progress={
            row.account_id: find_progress(
                facts.questions[row.account_id],
                heard.made.get(row.account_id, ()),
                heard.remarks.get(row.account_id, none),
            )
            for row in plan.rows
            if row.account_id in facts.questions
        },
        heard=heard,
        behind=facts.owned - list_given(connection, plan.id),
        given_on=find_given_on(connection, plan.id, workspace.config.zone),
        owners=facts.owners,
        corrections=tuple(
            list_fates(connection, plan.id, rehearsed=bool(workspace.rehearsed_on))
        ),
        waivers=tuple(list_waivers(decisions)),
    )
    synced_at = workspace.generation().sources[plan.source]["synced_at"]
    setting = ReportSetting(
        policy=workspace.policy,
        zone=workspace.config.zone,
        as_of=workspace.as_of,
        synced_at=dt.datetime.fromisoformat(synced_at),
    )
    return make_report(plan, known, setting, decisions)


def _may_hand_in(workspace: Workspace, made: Report) -> bool:
    """Return whether somebody hands a report in by reading it.

    They are named for this command or for the session: a CRM is not asked who they are.
    """
    plan = made.plan
    is_named = workspace.as_user or workspace.environ.get("HANDOVER_USER")
    is_real = workspace.rehearsed_on or workspace.as_of == workspace.today
    approved = [each for each in made.decisions if each.decision == "approve"]
    is_rehearsed = approved[-1].by.rehearsed_on is not None
    if (
        plan.state not in REPORTABLE
        or not (is_named and is_real)
        or is_rehearsed != (workspace.rehearsed_on is not None)
    ):
        return False
    people = workspace.people(plan.source)
    return workspace.decider(plan.source) in list_reporters(plan, people)


def hand_in(workspace: Workspace, connection: Connection, plan: Plan) -> None:
    """Put on record that a plan's result is reported, unless it changed meanwhile.

    Whoever calls has made sure that each customer has a result.
    """
    now = store.load(connection, plan.id)
    if (now.state, now.version) == (plan.state, plan.version):
        by = make_decision(workspace, plan.source, Grounds())
        decide(connection, now, PlanState.REPORTED, by, workspace.people(plan.source))
