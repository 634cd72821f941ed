"""What comes back in a sheet's workbook: answers, remarks, and of which plan it is."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from handover.answers.remarks import Kind
from handover.i18n import Phrase
from handover.meeting.answer import GivenAnswer
from handover.meeting.errors import NoSheetWorkbook
from handover.meeting.sheet import SheetLine
from handover.meeting.sheet_names import ANSWERS, FORMAT, SENT
from handover.paper.typed_cells import read_text
from handover.paper.workbook_reading import ReadTable


@dataclass(frozen=True, kw_only=True)
class SentSheet:
    """Of which version of which plan a workbook was made."""

    plan: str
    version: str
    fingerprint: str
    source: str
    org: str


@dataclass(frozen=True, kw_only=True)
class FilledAnswers:
    """A row with an answer. ``line`` is None where it is asked no more.

    ``is_stale``: the row shows other than what stands now. ``at`` has no zone.
    """

    place: str
    subject: str
    account_id: str
    line: SheetLine | None
    is_stale: bool
    given: tuple[GivenAnswer, ...]
    at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class FilledRemark:
    """Something else that was written down. ``at`` has no zone; None is unsaid."""

    place: str
    subject: str
    account_id: str
    kind: Kind
    text: str
    amount: Decimal | None
    at: dt.datetime | None


@dataclass(frozen=True, kw_only=True)
class SheetContent:
    """What a workbook says, and what is wrong in it."""

    answers: Sequence[FilledAnswers]
    remarks: Sequence[FilledRemark]
    mistakes: Sequence[Phrase]


def find_sent(tables: Mapping[str, ReadTable], file: str) -> SentSheet:
    """Find of which plan a workbook was made.

    Raises:
        NoSheetWorkbook: it was not made by ``meeting sheet``, or by another version.
    """
    table = tables.get(SENT)
    lines = table.lines if table is not None and ANSWERS in tables else ()
    if len(lines) != 1 or lines[0].touched:
        raise NoSheetWorkbook(file=file)
    cells = lines[0].cells
    if read_text(cells.get("format")) != FORMAT:
        raise NoSheetWorkbook(file=file)
    names = [each.name for each in fields(SentSheet)]
    return SentSheet(**{name: read_text(cells.get(name)) for name in names})


def tell_mistake(place: str, subject: str, problem: object) -> Phrase:
    """Say what is wrong where, and of whom."""
    text = "book-mistake:of" if subject else "book-mistake:at"
    params = {"place": place, "subject": subject, "problem": problem}
    return Phrase(text=text, params=params)
