"""The words in the cells of a plan's workbook, and what they stand for.

A workbook may be written in one language and read back in another: what a cell says is
found in either.
"""

from collections import Counter
from collections.abc import Mapping

from handover.i18n import LANGUAGES, Words, words_for
from handover.ledger.states import Mode
from handover.paper.typed_cells import Cell, read_key

PLANS, ROWS, OPPORTUNITIES, LOOSE, CALENDAR = (
    "plans",
    "rows",
    "opportunities",
    "loose",
    "calendar",
)
"""The tables of a workbook, by the names that a reader finds them by."""
FORMAT = "1"
"""The version of these tables; another one is read by another version of the tool."""
UNDECIDED = "undecided"
MODES = {mode.value: f"mode:{mode.value}" for mode in Mode}
ATTENDANCE = {
    "yes": "attendance:yes",
    "no": "attendance:no",
    UNDECIDED: "to be decided",
}
CLASSES = {code: f"class:{code}" for code in ("key", "priority", "normal")}
FATES = {"transfer": "is transferred", "hold": "is held", UNDECIDED: "to be decided"}
"""What can become of an opportunity of a customer."""
LEFT = {"leave": "stays"}
"""What can become besides of records without a customer, and of one whose owner nobody
can read."""
EDITABLE: Mapping[str, tuple[str, ...]] = {
    ROWS: (
        "class",
        "mode",
        "until",
        "reason",
        "date",
        "start",
        "co_attendance",
        "attendance_reason",
        "successor",
    ),
    OPPORTUNITIES: ("action", "until", "reason"),
    LOOSE: ("action", "until", "reason"),
}
"""The columns that people fill in, by table."""


def list_labels(codes: Mapping[str, str], words: Words) -> dict[str, str]:
    """Return what cells say, by what that stands for."""
    return {code: words(text) for code, text in codes.items()}


def find_code(codes: Mapping[str, str], value: Cell) -> str | None:
    """Return what a cell stands for, in whatever language; None if it is no word."""
    said = read_key(value)
    for language in LANGUAGES:
        for code, label in list_labels(codes, words_for(language)).items():
            if said in (read_key(label), code):
                return code
    return None


def label_people(names: Mapping[str, str]) -> dict[str, str]:
    """Return what people are called, by their ids; namesakes with their ids behind."""
    often = Counter(names.values())
    return {
        user: name if often[name] == 1 else f"{name} ({user})"
        for user, name in names.items()
    }


def name_column(name: str, words: Words) -> str:
    """Return the heading of a column."""
    return words(f"book-column:{name}")
