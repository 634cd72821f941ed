"""The tables of a sheet's workbook, and what the words in its cells stand for."""

from collections.abc import Mapping
from typing import get_args

from handover.answers.confirmations import Outcome
from handover.meeting.sheet import MeetingSheet
from handover.paper.typed_cells import Cell
from handover.plan.workbook_words import find_code, label_people

SENT, VISITS, ANSWERS = "sheets", "visits", "answers"
"""The tables, by the names that a reader finds them by."""
FORMAT = "1"
"""The version of these tables; another one is read by another version of the tool."""
RESULTS: Mapping[str, str] = {code: f"answered:{code}" for code in get_args(Outcome)}
EDITABLE: Mapping[str, tuple[str, ...]] = {
    VISITS: ("person", "date", "time", "note", "need", "amount", "missed"),
    ANSWERS: (
        *("result", "column", "value", "column_two", "value_two"),
        *("person", "date", "time", "note"),
    ),
}
"""The columns that people fill in, by table, in their order."""


def label_people_of(sheet: MeetingSheet) -> dict[str, str]:
    """Return what the customer's people are called, by id."""
    return label_people({person.id: person.name for person in sheet.people})


def find_result(value: Cell) -> Outcome | None:
    """Return what a cell says was answered, in whatever language; None: no answer."""
    said = find_code(RESULTS, value)
    known: tuple[Outcome, ...] = get_args(Outcome)
    return next((code for code in known if code == said), None)
