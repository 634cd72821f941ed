"""Sheets of questions: put together for those who go to customers, and read back.

What comes back is recorded as ``meeting record`` records it, of all customers in one
transaction: nothing of a workbook is taken by half.
"""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlalchemy import Connection

from handover.answers.confirmations import (
    Confirmation,
    is_same,
    list_confirmations,
    list_standing,
)
from handover.answers.remarks import Remark, list_remarks
from handover.errors import Refusal, UnknownName, UsageProblem
from handover.i18n import Phrase
from handover.jobs.meeting_papers import allow, find_rows
from handover.jobs.plan import find_plan
from handover.jobs.recording import (
    GivenRemark,
    HeardVisit,
    Recorded,
    Recorder,
    find_now,
    keep_heard,
    open_recorder,
)
from handover.jobs.workspace import Workspace
from handover.meeting.customer import read_customers
from handover.meeting.errors import StaleSheet
from handover.meeting.questions import read_questions
from handover.meeting.sheet import MeetingSheet, SheetFacts, make_sheets
from handover.meeting.sheet_content import (
    FilledAnswers,
    FilledRemark,
    SentSheet,
    find_sent,
    tell_mistake,
)
from handover.meeting.sheet_reading import read_sheet_book
from handover.paper.workbook_reading import read_book
from handover.plan import store
from handover.plan.errors import BadWorkbook, ChangedMeanwhile, ForeignWorkbook
from handover.plan.model import Plan, Row
from handover.plan.running import check_under_way
from handover.plan.view import Audience


def find_sheets(
    workspace: Workspace,
    text: str,
    accounts: Sequence[str] = (),
    before_announcement: str | None = None,
) -> tuple[Plan, list[MeetingSheet]]:
    """Put the sheets of a plan's customers together, in the order of the visits.

    Args:
        workspace: the working folder.
        text: the plan, as it was typed.
        accounts: some customers, as they were typed; none are all.
        before_announcement: why it may not wait for the announcement; that is recorded.

    Raises:
        NotAnnounced: the change of people is confidential still.
        NotHandedOver: the plan leaves a customer out.
        Refusal: the plan is over.
    """
    plan = find_plan(workspace, text)
    rows = find_rows(workspace, plan, accounts)
    allow(workspace, plan, rows, "sheet", before_announcement)
    known = _read_facts(workspace, plan, rows)
    return plan, make_sheets(plan, rows, known, workspace.policy, workspace.as_of)


def _read_facts(workspace: Workspace, plan: Plan, rows: Sequence[Row]) -> SheetFacts:
    """Read what CRM and ledger know of some customers of a plan."""
    generation = workspace.generation()
    with workspace.mirror(plan.source, [row.account_id for row in rows]) as mirror:
        questions = read_questions(mirror, workspace.policy)
        customers = read_customers(mirror, workspace.policy)
    with workspace.ledger.read() as connection:
        made = _list_made(connection, workspace, plan)
    synced_at = generation.sources[plan.source]["synced_at"]
    return SheetFacts(
        questions=questions,
        customers=customers,
        made=made,
        synced_at=dt.datetime.fromisoformat(synced_at),
    )


def _list_made(
    connection: Connection, workspace: Workspace, plan: Plan
) -> Mapping[str, Sequence[Confirmation]]:
    rehearsed = bool(workspace.rehearsed_on)
    return list_confirmations(connection, plan.id, rehearsed=rehearsed)


# Reading back


@dataclass(frozen=True, kw_only=True)
class SheetImport:
    """What a sheet's workbook would record, or has recorded.

    ``heard`` is what is new, by customer; ``already`` counts what stands like that.
    ``recorded`` is filled once it is kept. ``made`` are the answers before it.
    """

    file: str
    recorder: Recorder
    heard: tuple[HeardVisit, ...]
    already: int
    made: Mapping[str, Sequence[Confirmation]]
    recorded: tuple[Recorded, ...] = ()

    @property
    def plan(self) -> Plan:
        """The plan whose customers answered."""
        return self.recorder.plan


def read_sheet_import(
    workspace: Workspace, text: str, path: Path, audience: Callable[[str], Audience]
) -> SheetImport:
    """Read what a workbook would record, and keep nothing of it.

    Args:
        workspace: the working folder.
        text: the plan, as it was typed.
        path: of the workbook.
        audience: words and names, by source.

    Raises:
        NotAWorkbook, NoSheetWorkbook, UnreadableFile: it is no workbook of a sheet.
        ForeignWorkbook: it is of another plan, or of another folder's.
        BadWorkbook: names all cells that cannot be taken, and all customers on whom
            the importer does not report.
        StaleSheet: CRM or answers have changed since; names the rows.
        Refusal, UsageProblem: as for ``record_visit``.
    """
    workspace.check_day()
    plan = find_plan(workspace, text)
    tables = read_book(path)
    sent = find_sent(tables, path.name)
    with workspace.ledger.read() as connection:
        _check_sent(connection, plan, sent, path.name)
        check_under_way(connection, plan)
    rows = find_rows(workspace, plan, ())
    known = _read_facts(workspace, plan, rows)
    recorder = open_recorder(workspace, plan, known.questions)
    sheets = make_sheets(plan, rows, known, workspace.policy, workspace.as_of)
    now = find_now(workspace).replace(tzinfo=None)
    content = read_sheet_book(tables, sheets, audience(plan.source), now)
    with workspace.ledger.read() as connection:
        rehearsed = bool(workspace.rehearsed_on)
        remarks = list_remarks(connection, plan.id, rehearsed=rehearsed)
    fitting = _Fitting(recorder=recorder, made=known.made, remarks=remarks)
    for answers in content.answers:
        fitting.add_answers(answers)
    for remark in content.remarks:
        fitting.add_remark(remark)
    _check_fitting(fitting, content.mistakes, plan, path.name)
    return SheetImport(
        file=path.name,
        recorder=recorder,
        heard=fitting.list_heard(rows),
        already=fitting.already,
        made=known.made,
    )


def _check_fitting(
    fitting: "_Fitting", misread: Sequence[Phrase], plan: Plan, file: str
) -> None:
    """Refuse what cannot be taken: cells first, then rows that are out of date."""
    mistakes = (*misread, *fitting.mistakes)
    if mistakes:
        raise BadWorkbook(file=file, count=len(mistakes), mistakes=mistakes)
    if fitting.stale:
        rows = tuple(fitting.stale)
        raise StaleSheet(file=file, plan=plan.id, count=len(rows), rows=rows)


def apply_sheet_import(shown: SheetImport) -> SheetImport:
    """Record what a workbook says, if nothing was answered since it was shown.

    Raises:
        ChangedMeanwhile: something was.
        Refusal: as for ``read_sheet_import``.
    """
    recorder = shown.recorder

    def check(connection: Connection) -> None:
        now = _list_made(connection, recorder.workspace, shown.plan)
        if dict(now) != dict(shown.made):
            raise ChangedMeanwhile(plan=shown.plan.id)

    recorded = keep_heard(recorder, shown.heard, check)
    return replace(shown, recorded=tuple(recorded))


def _check_sent(connection: Connection, plan: Plan, sent: SentSheet, file: str) -> None:
    """Refuse a workbook of another plan, or of another folder's plan of that name.

    Raises:
        ForeignWorkbook: it is one.
    """

    def refuse(why: str) -> ForeignWorkbook:
        reason = Phrase(text=why, params={"plan": sent.plan})
        return ForeignWorkbook(file=file, plan=plan.id, why=reason)

    if sent.plan != plan.id:
        raise refuse("sheet-foreign:plan")
    if (sent.source, sent.org) != (plan.source, plan.org_id):
        raise refuse("book-foreign:org")
    is_number = sent.version.isascii() and sent.version.isdigit()
    try:
        made = store.load(connection, plan.id, int(sent.version) if is_number else 0)
    except UnknownName:
        raise refuse("book-foreign:unknown") from None
    if made.fingerprint != sent.fingerprint:
        raise refuse("book-foreign:other")


@dataclass(kw_only=True)
class _Fitting:
    """Makes what a workbook says fit to be kept; what is kept already is counted."""

    recorder: Recorder
    made: Mapping[str, Sequence[Confirmation]]
    remarks: Mapping[str, Sequence[Remark]]
    confirmed: dict[str, list[Confirmation]] = field(default_factory=dict)
    noted: dict[str, list[Remark]] = field(default_factory=dict)
    already: int = 0
    mistakes: list[Phrase] = field(default_factory=list)
    stale: list[Phrase] = field(default_factory=list)
    _reporting: dict[str, bool] = field(default_factory=dict)

    def add_answers(self, filled: FilledAnswers) -> None:
        """Add the answers of a row: new ones, or old ones again."""
        row = self._find_row(filled.account_id, filled.place)
        if row is None:
            return
        if filled.line is None:
            self._note_stale(filled)
            return
        try:
            found = [self.recorder.confirm(row, g, filled.at) for g in filled.given]
        except UsageProblem as error:
            self.mistakes.append(tell_mistake(filled.place, filled.subject, error))
            return
        standing = list_standing(self.made.get(row.account_id, ()))
        if all(any(is_same(each, one) for one in standing) for each in found):
            self.already += len(found)
        elif filled.is_stale:
            self._note_stale(filled)
        else:
            self.confirmed.setdefault(row.account_id, []).extend(found)

    def add_remark(self, filled: FilledRemark) -> None:
        """Add a remark, unless it was kept already."""
        row = self._find_row(filled.account_id, filled.place)
        if row is None or filled.at is None:
            return
        given = GivenRemark(kind=filled.kind, text=filled.text, amount=filled.amount)
        try:
            found = self.recorder.note(row, given, filled.at)
        except UsageProblem as error:
            self.mistakes.append(tell_mistake(filled.place, filled.subject, error))
            return
        if filled.kind == "missed" and self.confirmed.get(row.account_id):
            problem = Phrase(text="sheet-mistake:missed_and_answered")
            self.mistakes.append(tell_mistake(filled.place, filled.subject, problem))
        elif any(
            _says_same(found, one) for one in self.remarks.get(row.account_id, ())
        ):
            self.already += 1
        else:
            self.noted.setdefault(row.account_id, []).append(found)

    def list_heard(self, rows: Sequence[Row]) -> tuple[HeardVisit, ...]:
        """List what is new, in the order of the plan's visits."""
        return tuple(
            HeardVisit(
                row=row,
                confirmations=tuple(self.confirmed.get(row.account_id, ())),
                remarks=tuple(self.noted.get(row.account_id, ())),
            )
            for row in rows
            if row.account_id in self.confirmed or row.account_id in self.noted
        )

    def _find_row(self, account: str, place: str) -> Row | None:
        """Find a customer on whom the importer reports; who does not is told once."""
        row = self.recorder.plan.row(account)
        if row is not None and account not in self._reporting:
            try:
                self.recorder.check_reporter(row)
            except Refusal as error:
                self.mistakes.append(tell_mistake(place, row.account, error))
                self._reporting[account] = False
            else:
                self._reporting[account] = True
        return row if self._reporting.get(account) else None

    def _note_stale(self, filled: FilledAnswers) -> None:
        params = {"place": filled.place, "subject": filled.subject}
        self.stale.append(Phrase(text="sheet-stale:row", params=params))


def _says_same(one: Remark, other: Remark) -> bool:
    """Return whether two remarks are one that was read twice."""
    return (one.kind, one.text, one.amount, one.at) == (
        *(other.kind, other.text, other.amount, other.at),
    )
