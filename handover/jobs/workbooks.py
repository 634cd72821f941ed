"""Plans as workbooks: written for those who decide, and read back.

What a workbook says becomes edits like those of ``plan edit``, by the same rules. All
plans of one workbook are edited in one transaction: nothing of it is taken by half.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from handover.errors import Refusal, UnknownName, UsageProblem
from handover.i18n import Phrase, Words
from handover.jobs.decisions import Changed, load_settled
from handover.jobs.desk import list_waiting
from handover.jobs.evidence import list_able, make_finder
from handover.jobs.plan import Planning, add_contacts, find_audience, open_planning
from handover.jobs.workspace import Workspace
from handover.paper.workbook_reading import read_book
from handover.plan import drafts, errors, store
from handover.plan.changes import Made
from handover.plan.decision import EditedBy
from handover.plan.desk import Waiting
from handover.plan.edits import Edits
from handover.plan.history import load_made
from handover.plan.model import Plan, Row
from handover.plan.workbook import BookRequest, write_book
from handover.plan.workbook_reading import (
    ReadBook,
    SentPlan,
    list_sent,
    read_plans_book,
)


@dataclass(frozen=True, kw_only=True)
class Import:
    """What a workbook would change, or has changed.

    ``changed`` has the plans that it edits, as they would stand; ``plans`` all that it
    was made of.
    """

    file: str
    plans: Sequence[Plan]
    book: ReadBook
    changed: Sequence[Changed] = ()


def export_plans(
    workspace: Workspace, plans: Sequence[Plan], words: Words, mark: str = ""
) -> bytes:
    """Write plans of one source as a workbook, with what stands in the way of each."""
    source = plans[0].source
    audience = add_contacts(workspace, plans, find_audience(workspace, source, words))
    waiting = {each.plan.id: each for each in list_waiting(workspace, plans)}
    request = BookRequest(
        plans=plans,
        audience=replace(audience, mark=mark),
        people=list_able(workspace, plans),
        blocked={
            key: [str(words.sentence(error)) for error in each.blocked]
            for key, each in waiting.items()
        },
        next_step={
            key: _describe_step(each, words, workspace) for key, each in waiting.items()
        },
    )
    return write_book(request)


def _describe_step(waiting: Waiting, words: Words, workspace: Workspace) -> str:
    """Say what comes next, and who can do it."""
    people = workspace.people(waiting.plan.source)
    return words(
        "{step} ({persons})",
        step=words(f"step:{waiting.step}"),
        persons=words(", ").join(map(people.name, waiting.persons)) or "-",
    )


# Reading back


def read_import(workspace: Workspace, path: Path, words: Words) -> Import:
    """Read what a workbook would change, and keep nothing of it.

    Raises:
        NotAWorkbook, NoPlanWorkbook, UnreadableFile: it is no workbook of a plan.
        ForeignWorkbook: it is of a plan that this folder does not have.
        StaleWorkbook: the plan has changed since; names who changed it and when.
        BadWorkbook: names all cells that cannot be taken, and all that the importer
            may not decide.
        Refusal, UsageProblem: as for ``plan edit``.
    """
    workspace.check_day()
    tables = read_book(path)
    sent = list_sent(tables, path.name)
    with workspace.ledger.read() as connection:
        plans = [_find_plan(connection, workspace, each, path.name) for each in sent]
    book = read_plans_book(tables, plans, make_finder(workspace, plans, words))
    if book.mistakes:
        raise _bad(path.name, book.mistakes)
    read = Import(file=path.name, plans=plans, book=book)
    return replace(read, changed=_edit_all(workspace, read, keep=False))


def apply_import(workspace: Workspace, shown: Import) -> Import:
    """Keep what a workbook changes, if it is still what was shown.

    Raises:
        ChangedMeanwhile: it is not.
        Refusal, UsageProblem: as for ``read_import``.
    """
    return replace(shown, changed=_edit_all(workspace, shown, keep=True))


def _bad(file: str, mistakes: Sequence[Phrase]) -> errors.BadWorkbook:
    return errors.BadWorkbook(file=file, count=len(mistakes), mistakes=(*mistakes,))


def _find_plan(
    connection: Connection, workspace: Workspace, sent: SentPlan, file: str
) -> Plan:
    """Find the plan that a workbook was made of, as it stands still.

    Raises:
        ForeignWorkbook: there is none here, or another one has its id.
        StaleWorkbook: it stands in another version.
    """
    try:
        plan = store.load(connection, sent.plan)
        made = store.load(connection, sent.plan, _read_version(sent))
    except UnknownName:
        raise _foreign(file, sent, "unknown") from None
    if sent.source != plan.source or sent.org != plan.org_id:
        raise _foreign(file, sent, "org")
    if made.fingerprint != sent.fingerprint:
        raise _foreign(file, sent, "other")
    if made.version != plan.version:
        since = load_made(connection, plan, made.version)
        raise errors.StaleWorkbook(
            file=file,
            plan=plan.id,
            sent=made.version,
            newest=plan.version,
            changes=tuple(_describe(each, workspace, plan) for each in since),
        )
    return plan


def _read_version(sent: SentPlan) -> int:
    return int(sent.version) if sent.version.isascii() and sent.version.isdigit() else 0


def _foreign(file: str, sent: SentPlan, why: str) -> errors.ForeignWorkbook:
    reason = Phrase(text=f"book-foreign:{why}")
    return errors.ForeignWorkbook(file=file, plan=sent.plan, why=reason)


def _describe(made: Made, workspace: Workspace, plan: Plan) -> Phrase:
    """Say who made a version, when, and why."""
    at = (
        f"{made.at.astimezone(workspace.config.zone):%Y-%m-%d %H:%M}" if made.at else ""
    )
    person = workspace.people(plan.source).name(made.person) or "-"
    said = [person, at, made.reason]
    params = {"version": made.plan.version, "by": ", ".join(filter(None, said))}
    return Phrase(text="book-stale:version", params=params)


# Editing


def _edit_all(workspace: Workspace, read: Import, *, keep: bool) -> list[Changed]:
    """Edit all plans of a workbook in one transaction; undo it unless it is kept."""
    plans = [each for each in read.plans if not read.book.edits[each.id].is_empty]
    if not plans:
        return []
    shown = {each.plan.id: each.plan.fingerprint for each in read.changed}
    with (
        open_planning(workspace, plans[0].source) as planning,
        workspace.ledger.begin() as connection,
    ):
        looking = connection.begin_nested()
        refused = list(_list_refused(connection, workspace, planning, read, plans))
        if refused:
            raise _bad(read.file, refused)
        changed = [
            _edit(connection, workspace, planning, plan, read.book.edits)
            for plan in plans
        ]
        for each in changed:
            if keep and each.plan.fingerprint != shown.get(each.plan.id):
                raise errors.ChangedMeanwhile(plan=each.plan.id)
        if not keep:
            looking.rollback()
    return changed


def _list_refused(
    connection: Connection,
    workspace: Workspace,
    planning: Planning,
    read: Import,
    plans: Sequence[Plan],
) -> Iterator[Phrase]:
    """Yield all that the importer may not decide, customer by customer."""
    person = workspace.decider(plans[0].source)
    for plan in plans:
        edits = read.book.edits[plan.id]
        found = drafts.list_refused(connection, planning.setting, plan, edits, person)
        for row, error in found:
            yield _tell_refused(row, error)


def _tell_refused(row: Row | None, error: Refusal | UsageProblem) -> Phrase:
    subject = row.account if row is not None else Phrase(text="Plan")
    params = {"place": subject, "problem": error}
    return Phrase(text="book-mistake:at", params=params)


def _edit(
    connection: Connection,
    workspace: Workspace,
    planning: Planning,
    sent: Plan,
    edits: Mapping[str, Edits],
) -> Changed:
    """Edit one plan, if it stands still as the workbook has it.

    Raises:
        ChangedMeanwhile: it does not.
    """
    before, stopped = load_settled(connection, workspace, sent.id)
    if before.fingerprint != sent.fingerprint or before.version != sent.version:
        raise errors.ChangedMeanwhile(plan=sent.id)
    made = drafts.edit(
        connection,
        planning.setting,
        before,
        edits[sent.id],
        EditedBy(
            person=workspace.decider(sent.source), at=workspace.now, cause="import"
        ),
    )
    now = store.load(connection, made.id)
    return Changed(plan=now, before=before, stopped=stopped)
