"""A returned workbook as evidence of an approval: it has to say what is approved."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection

from connectors.errors import UnreadableFile
from handover.errors import UnknownName
from handover.i18n import Words, words_for
from handover.jobs.workspace import Workspace
from handover.mirror.find import find_user
from handover.paper.workbook_reading import NotAWorkbook, read_book
from handover.plan import errors, store
from handover.plan.model import Plan
from handover.plan.naming import name_first
from handover.plan.workbook_cells import Finder
from handover.plan.workbook_reading import list_sent, read_plans_book
from handover.plan.workbook_words import label_people


def check_evidence(
    connection: Connection, workspace: Workspace, plan: Plan, path: Path
) -> None:
    """Refuse a workbook of plans in which something else was filled in than stands.

    Any other file, such as a mail or a scan, is evidence as it is.

    Args:
        connection: to the ledger, with the plan as it is to be approved.
        workspace: who can be named.
        plan: as it is to be approved.
        path: of the evidence.

    Raises:
        EvidenceDiffers: names the customers whose cells say something else.
    """
    try:
        tables = read_book(path)
        sent = [each.plan for each in list_sent(tables, path.name)]
    except (NotAWorkbook, UnreadableFile, errors.NoPlanWorkbook):
        return
    if plan.id not in sent:
        raise errors.EvidenceDiffers(file=path.name, plan=plan.id, cells="-")
    others = [_load(connection, each) for each in sent if each != plan.id]
    plans = [plan, *(each for each in others if each is not None)]
    words = words_for(workspace.language)
    book = read_plans_book(tables, plans, make_finder(workspace, plans, words))
    said = [
        f"{each.subject}: {words(f'book-column:{each.column}')}"
        for each in book.changes
        if each.plan == plan.id
    ]
    wrong = [words.phrase(each) for each in book.mistakes]
    if said or wrong:
        cells = name_first([*said, *wrong])
        raise errors.EvidenceDiffers(file=path.name, plan=plan.id, cells=cells)


def _load(connection: Connection, plan_id: str) -> Plan | None:
    try:
        return store.load(connection, plan_id)
    except UnknownName:
        return None


def list_able(workspace: Workspace, plans: Sequence[Plan]) -> dict[str, str]:
    """Return the names of those who can take over, in their order, by id."""
    people = workspace.people(plans[0].source)
    givers = {plan.predecessor for plan in plans} if len(plans) == 1 else set()
    able = (each for each in people if each.is_active and each.id not in givers)
    order = sorted(able, key=lambda each: (each.name, each.id))
    return {each.id: each.name for each in order}


def make_finder(workspace: Workspace, plans: Sequence[Plan], words: Words) -> Finder:
    """Return what finds whom the cells of some plans' workbook name."""
    people = workspace.people(plans[0].source)
    return Finder(
        words=words,
        offered=label_people(list_able(workspace, plans)),
        name=people.name,
        find_user=lambda text: find_user(people, text).id,
    )
