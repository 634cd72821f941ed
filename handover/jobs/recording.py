"""Recording what came back of the customers of a plan, and what is still open there."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from handover.answers.confirmations import (
    Confirmation,
    list_confirmations,
    record_confirmation,
)
from handover.answers.remarks import Kind, Remark, list_remarks, record_remark
from handover.jobs.deciding import Grounds, make_decision
from handover.jobs.meeting_papers import find_rows
from handover.jobs.plan import find_plan
from handover.jobs.workspace import Workspace
from handover.meeting.answer import FittingAnswer, GivenAnswer, Notation, make_answer
from handover.meeting.errors import AnswerAhead, NothingRecorded
from handover.meeting.flags import Flag, list_flags
from handover.meeting.pack import check_may_be_known, list_rows
from handover.meeting.progress import VisitProgress, find_progress
from handover.meeting.questions import Questions, read_questions
from handover.plan import store
from handover.plan.deciders import check_reporter
from handover.plan.decision import Decision
from handover.plan.model import Plan, Row
from handover.plan.running import check_under_way
from mappings.text import Placeholders


@dataclass(frozen=True, kw_only=True)
class GivenRemark:
    """A remark in the words of who types it."""

    kind: Kind
    text: str
    amount: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """What was recorded of one customer, and where it stands now."""

    plan: Plan
    row: Row
    questions: Questions
    confirmations: tuple[Confirmation, ...]
    remarks: tuple[Remark, ...]
    progress: VisitProgress
    flags: tuple[Flag, ...]


@dataclass(frozen=True, kw_only=True)
class HeardVisit:
    """What came back of one customer, made fit to be kept."""

    row: Row
    confirmations: tuple[Confirmation, ...] = ()
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recorder:
    """Makes what somebody types of a plan's customers fit to be kept.

    ``questions`` are what can be asked, by customer; ``by`` is who records.
    """

    workspace: Workspace
    plan: Plan
    by: Decision
    questions: Mapping[str, Questions]
    notation: Notation

    def check_reporter(self, row: Row) -> None:
        """Refuse who does not report on a customer.

        Raises:
            NotYours: others do, who are named.
        """
        people = self.workspace.people(self.plan.source)
        check_reporter(self.plan, row, self.by.person_id, people)

    def confirm(
        self, row: Row, given: GivenAnswer, at: dt.datetime | None
    ) -> Confirmation:
        """Make an answer; without ``at`` it was given now.

        Raises:
            AnswerAhead: it lies ahead.
            UsageProblem: it does not fit.
        """
        asked = self.questions[row.account_id]
        answer = make_answer(given, asked, row.account, self.notation)
        said_at = _find_moment(self.workspace, at)
        return _confirm(self.plan, row, answer, said_at, self.by)

    def note(self, row: Row, given: GivenRemark, at: dt.datetime | None) -> Remark:
        """Make a remark; without ``at`` it was heard now.

        Raises:
            AnswerAhead: it lies ahead.
        """
        return _remark(self.plan, row, given, _find_moment(self.workspace, at), self.by)


def open_recorder(
    workspace: Workspace, plan: Plan, questions: Mapping[str, Questions] | None = None
) -> Recorder:
    """Begin to record for a plan whose change of people is known.

    Args:
        workspace: the working folder.
        plan: as it stands.
        questions: what can be asked of its customers, where that is read already.

    Raises:
        NotAnnounced: it is confidential still.
        NotARehearsal: on another day than the real one.
        NoDecider: nobody is named who records.
    """
    by = make_decision(workspace, plan.source, Grounds())
    check_may_be_known(plan, workspace.rehearsed_on or workspace.today)
    if questions is None:
        questions = _read_questions(workspace, plan)
    return Recorder(
        workspace=workspace,
        plan=plan,
        by=by,
        questions=questions,
        notation=Notation(
            zone=workspace.config.zone,
            country=workspace.config.calendar.country,
            placeholders=Placeholders(workspace.policy.placeholders.words),
        ),
    )


def record_visit(
    workspace: Workspace,
    text: str,
    account: str,
    given: Sequence[GivenAnswer],
    remarks: Sequence[GivenRemark] = (),
    at: dt.datetime | None = None,
) -> Recorded:
    """Record what a customer answered and what else was heard; all of it or nothing.

    Args:
        workspace: the working folder.
        text: the plan, as it was typed.
        account: the customer, as it was typed.
        given: answers to items.
        remarks: notes, needs, why a visit was missed.
        at: when the customer said so; None is now.

    Raises:
        NothingRecorded: neither answers nor remarks are given.
        NotHandedOver: the plan leaves the customer out.
        NotUnderWay: nobody has approved the plan yet.
        NotAnnounced: the change of people is confidential still.
        NotYours: others report on the customer.
        AnswerAhead: it lies ahead.
        UsageProblem: an answer does not fit.
    """
    if not (given or remarks):
        raise NothingRecorded
    plan = find_plan(workspace, text)
    (row,) = find_rows(workspace, plan, [account])
    recorder = open_recorder(workspace, plan)
    recorder.check_reporter(row)
    heard = HeardVisit(
        row=row,
        confirmations=tuple(recorder.confirm(row, each, at) for each in given),
        remarks=tuple(recorder.note(row, each, at) for each in remarks),
    )
    (recorded,) = keep_heard(recorder, [heard])
    return recorded


def keep_heard(
    recorder: Recorder,
    heard: Sequence[HeardVisit],
    check: Callable[[Connection], None] = lambda _: None,
) -> list[Recorded]:
    """Keep what came back of some customers in one transaction: all of it or nothing.

    Args:
        recorder: for which plan, by whom.
        heard: what came back, each customer once.
        check: what has to hold still when it is written, or raises.

    Returns:
        Where each of the customers stands now.

    Raises:
        NotUnderWay: nobody has approved the plan yet.
        Refusal: the plan is over.
    """
    workspace, plan = recorder.workspace, recorder.plan
    with workspace.ledger.begin() as connection:
        check_under_way(connection, store.load(connection, plan.id))
        check(connection)
        for each in heard:
            for confirmation in each.confirmations:
                record_confirmation(connection, confirmation)
            for remark in each.remarks:
                record_remark(connection, remark)
    progress = _find_progress(workspace, plan, recorder.questions)
    visits = {each.account_id: each for each in progress}
    flags = list_flags(plan, visits.values(), workspace.policy, workspace.config.zone)
    return [
        Recorded(
            plan=plan,
            row=each.row,
            questions=recorder.questions[each.row.account_id],
            confirmations=each.confirmations,
            remarks=each.remarks,
            progress=visits[each.row.account_id],
            flags=tuple(f for f in flags if f.account_id == each.row.account_id),
        )
        for each in heard
    ]


def list_progress(workspace: Workspace, plan: Plan) -> list[VisitProgress]:
    """List where the customers of a plan stand, in the order of the visits."""
    return _find_progress(workspace, plan, _read_questions(workspace, plan))


def _find_progress(
    workspace: Workspace, plan: Plan, questions: Mapping[str, Questions]
) -> list[VisitProgress]:
    with workspace.ledger.read() as connection:
        rehearsed = bool(workspace.rehearsed_on)
        made = list_confirmations(connection, plan.id, rehearsed=rehearsed)
        remarks = list_remarks(connection, plan.id, rehearsed=rehearsed)
    return [
        find_progress(
            questions[row.account_id],
            made.get(row.account_id, ()),
            remarks.get(row.account_id, ()),
        )
        for row in list_rows(plan)
        if row.account_id in questions
    ]


def _read_questions(workspace: Workspace, plan: Plan) -> dict[str, Questions]:
    """Read what can be asked of the customers of a plan who are still in the CRM."""
    accounts = [row.account_id for row in list_rows(plan)]
    with workspace.mirror(plan.source, accounts) as mirror:
        return read_questions(mirror, workspace.policy)


def find_now(workspace: Workspace) -> dt.datetime:
    """Return the local time, on the day that a rehearsal takes for today."""
    zone = workspace.config.zone
    local = workspace.now.astimezone(zone)
    return dt.datetime.combine(workspace.as_of, local.time(), zone)


def _find_moment(workspace: Workspace, at: dt.datetime | None) -> dt.datetime:
    """Return when a customer said so: now, or on the day that a rehearsal takes for it.

    Raises:
        AnswerAhead: it lies ahead.
    """
    now = find_now(workspace)
    if at is None:
        return now.astimezone(dt.UTC)
    said = at if at.tzinfo is not None else at.replace(tzinfo=workspace.config.zone)
    if said > now:
        raise AnswerAhead(at=f"{said:%Y-%m-%d %H:%M}")
    return said.astimezone(dt.UTC)


def _confirm(
    plan: Plan, row: Row, answer: FittingAnswer, at: dt.datetime, by: Decision
) -> Confirmation:
    return Confirmation(
        source=plan.source,
        plan_id=plan.id,
        account_id=row.account_id,
        item=answer.item,
        table=answer.table,
        record_id=answer.record_id,
        column=answer.column,
        result=answer.result,
        before=answer.before,
        value=answer.value,
        person=answer.person,
        at=at,
        recorded_by=by.person_id,
        recorded_at=by.at,
        actor=by.actor,
        rehearsed_on=by.rehearsed_on,
    )


def _remark(
    plan: Plan, row: Row, given: GivenRemark, at: dt.datetime, by: Decision
) -> Remark:
    return Remark(
        source=plan.source,
        plan_id=plan.id,
        account_id=row.account_id,
        kind=given.kind,
        text=given.text,
        amount=given.amount,
        at=at,
        recorded_by=by.person_id,
        recorded_at=by.at,
        actor=by.actor,
        rehearsed_on=by.rehearsed_on,
    )
