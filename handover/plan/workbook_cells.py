"""How the cells of a row are read, and what those of a record's row say together.

A cell that was touched counts where it says something else than the plan; then the row
has to make sense as a whole.
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from handover.errors import Refusal, UsageProblem
from handover.i18n import Phrase, Words
from handover.paper.dates import day
from handover.paper.typed_cells import Cell, read_day, read_key, read_text, read_time
from handover.plan.edits import Edits, Fate
from handover.plan.model import LooseRecord, Plan, PlannedOpportunity
from handover.plan.workbook_words import (
    FATES,
    LEFT,
    UNDECIDED,
    find_code,
    name_column,
)
from handover.safe_text import plain

_ACTIONS: Mapping[str, Literal["transfer", "hold", "leave"]] = {
    "transfer": "transfer",
    "hold": "hold",
    "leave": "leave",
}


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Whom cells name, and the words in which changes are told.

    ``offered`` are those who can take over as the workbook calls them, by their id;
    ``find_user`` finds somebody's id by whatever else they are called, or raises.
    """

    words: Words
    offered: Mapping[str, str]
    name: Callable[[str], str]
    find_user: Callable[[str], str]

    def find(self, value: Cell) -> str:
        """Find the user whom a cell names.

        Raises:
            UsageProblem: nobody is called so, or several are.
        """
        said = read_key(value)
        for user, label in self.offered.items():
            if read_key(label) == said:
                return user
        return self.find_user(read_text(value))

    def name_column(self, column: str) -> str:
        """Return the heading of a column."""
        return name_column(column, self.words)


@dataclass(frozen=True, kw_only=True)
class CellProblem:
    """Why a cell cannot be taken."""

    column: str
    problem: Phrase | Refusal | UsageProblem


@dataclass(frozen=True, kw_only=True)
class RowEdits:
    """What one row says: how each cell changes in words, and the edits it makes."""

    changes: Mapping[str, tuple[str, str]]
    add_to: Callable[[Edits], Edits]


@dataclass(kw_only=True)
class RecordCells:
    """The touched cells of a row, read one by one."""

    plan: Plan
    cells: Mapping[str, Cell]
    finder: Finder
    problems: list[CellProblem] = field(default_factory=list)

    def refuse(self, column: str, code: str, **params: object) -> None:
        """Note why a cell cannot be taken."""
        problem = Phrase(text=f"book-mistake:{code}", params=params)
        self.problems.append(CellProblem(column=column, problem=problem))

    def read_choice(
        self, column: str, codes: Mapping[str, str], empty: str = UNDECIDED
    ) -> str:
        """Read one of some words."""
        value = self.cells[column]
        if not read_text(value):
            return empty
        code = find_code(codes, value)
        if code is None:
            offered = ", ".join(self.finder.words(text) for text in codes.values())
            self.refuse(column, "no_choice", value=read_text(value), offered=offered)
        return code or empty

    def read_day(self, column: str, near: dt.date) -> dt.date | None:
        """Read a day; None for an empty cell, or for what is none."""
        value = self.cells[column]
        try:
            return read_day(value, near) if read_text(value) else None
        except ValueError:
            self.refuse(column, "no_day", value=read_text(value))
            return None

    def read_time(self, column: str) -> str | None:
        """Read a time as ``HH:MM``; None for an empty cell, or for what is none."""
        value = self.cells[column]
        try:
            return read_time(value) if read_text(value) else None
        except ValueError:
            self.refuse(column, "no_time", value=read_text(value))
            return None

    def check_until(
        self, new: Mapping[str, object], before: dt.date | None, *, is_held: bool
    ) -> None:
        """Check that what is held ends on a day, and nothing else does."""
        until = new.get("until", before)
        if is_held and until is None:
            self.refuse("until", "until_needed")
        elif not is_held and new.get("until") is not None:
            self.refuse("until", "until_alone")

    def write(self, value: object) -> str:
        """Put a value into words."""
        if isinstance(value, dt.date):
            return day(value, self.finder.words.language)
        return str(value or "-")


@dataclass(kw_only=True)
class FateCells(RecordCells):
    """The touched cells of an opportunity, or of a record without a customer."""

    record: PlannedOpportunity | LooseRecord

    def read(self) -> RowEdits | None:
        """Return what the row says anew; None for nothing, or where it is wrong."""
        record = self.record
        before = {
            "action": record.action or UNDECIDED,
            "until": record.until,
            "reason": clean(record.reason),
        }
        read = {column: self._read(column) for column in self.cells}
        new = {c: value for c, value in read.items() if value != before[c]}
        if not self.problems:
            self._check(new)
        if self.problems or not new:
            return None
        changes = {
            column: (self._tell(column, before[column]), self._tell(column, value))
            for column, value in new.items()
        }
        fate = self._make_fate(new)
        return RowEdits(changes=changes, add_to=lambda edits: self._add_to(edits, fate))

    def _read(self, column: str) -> Any:  # noqa: ANN401 - a day or a text
        match column:
            case "action":
                return self.read_choice(column, self._list_codes())
            case "until":
                return self.read_day(column, self.plan.start)
            case _:
                return read_text(self.cells[column])

    def _check(self, new: Mapping[str, Any]) -> None:
        action = new.get("action", self.record.action or UNDECIDED)
        if "action" in new and action == UNDECIDED:
            self.refuse("action", "cleared")
            return
        self.check_until(new, self.record.until, is_held=action == "hold")
        if new.get("reason") and action == UNDECIDED:
            self.refuse("reason", "reason_alone")
        if new.get("reason") == "" and "action" not in new:
            self.refuse("reason", "cleared")

    def _make_fate(self, new: Mapping[str, Any]) -> Fate:
        """Make the decision; the words for it stay while it is the same."""
        record = self.record
        action = _ACTIONS[new.get("action", record.action)]
        until = new.get("until", record.until) if action == "hold" else None
        kept = record.reason if "action" not in new else None
        return Fate(action=action, until=until, reason=new.get("reason", kept) or None)

    def _list_codes(self) -> Mapping[str, str]:
        is_left = isinstance(self.record, LooseRecord) or any(
            each.id == self.record.id and each.hides_owner for each in self.plan.aside
        )
        return {**FATES, **LEFT} if is_left else FATES

    def _add_to(self, edits: Edits, fate: Fate) -> Edits:
        record = self.record
        if isinstance(record, LooseRecord):
            loose = {**edits.loose, (record.object, record.id): fate}
            return replace(edits, loose=loose)
        fates = {**edits.opportunities, record.id: fate}
        return replace(edits, opportunities=fates)

    def _tell(self, column: str, value: object) -> str:
        if column == "action":
            return self.finder.words({**FATES, **LEFT}[str(value)])
        return self.write(value)


def clean(text: str | None) -> str:
    """Return words as they come back from a cell."""
    return " ".join(plain(text or "").split())
