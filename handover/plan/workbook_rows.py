"""What the cells of a customer's row in a plan's workbook say together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from handover.errors import Refusal, UsageProblem
from handover.ledger.states import Mode
from handover.paper.typed_cells import read_text
from handover.plan import errors
from handover.plan.edits import Edits
from handover.plan.model import Row
from handover.plan.workbook_cells import CellProblem, RecordCells, RowEdits, clean
from handover.plan.workbook_words import ATTENDANCE, CLASSES, MODES, UNDECIDED

_CHOICES = {"class": CLASSES, "mode": MODES, "co_attendance": ATTENDANCE}
_EMPTY = {"class": "", "mode": ""}
"""What an empty cell stands for, where it is not that nobody has decided."""


@dataclass(kw_only=True)
class RowCells(RecordCells):
    """The touched cells of a customer's row."""

    row: Row

    def read(self) -> RowEdits | None:
        """Return what the row says anew; None for nothing, or where it is wrong."""
        before = self._list_before()
        read = {column: self._read(column) for column in self.cells}
        new = {c: value for c, value in read.items() if value != before[c]}
        if not self.problems:
            self._check_mode(new)
            self._check_visit(new)
            self._check_attendance(new)
            if new.get("successor", "") is None:
                self.refuse("successor", "cleared")
        if self.problems or not new:
            return None
        changes = {
            column: (self._tell(column, before[column]), self._tell(column, value))
            for column, value in new.items()
        }
        return RowEdits(changes=changes, add_to=lambda edits: self._add_to(edits, new))

    def _list_before(self) -> dict[str, object]:
        row, visit = self.row, self.row.visit
        return {
            "class": row.customer_class or "",
            "mode": row.mode.value,
            "until": row.until,
            "reason": clean(row.reason),
            "date": visit.date if visit else None,
            "start": visit.start if visit else None,
            "co_attendance": row.co_attendance,
            "attendance_reason": clean(row.co_attendance_reason),
            "successor": row.successor_id,
        }

    def _read(self, column: str) -> object:
        match column:
            case "class" | "mode" | "co_attendance":
                return self.read_choice(
                    column, _CHOICES[column], _EMPTY.get(column, UNDECIDED)
                )
            case "until" | "date":
                return self.read_day(column, self.plan.start)
            case "start":
                return self.read_time(column)
            case "successor":
                return self._read_successor()
            case _:
                return read_text(self.cells[column])

    def _read_successor(self) -> str | None:
        value = self.cells["successor"]
        if not read_text(value):
            return None
        try:
            found = self.finder.find(value)
        except UsageProblem as error:
            self.problems.append(CellProblem(column="successor", problem=error))
            return None
        problem = self._find_problem(found)
        if problem is not None and found != self.row.successor_id:
            self.problems.append(CellProblem(column="successor", problem=problem))
        return found

    def _find_problem(self, user: str) -> Refusal | UsageProblem | None:
        """Find why somebody cannot take over."""
        name = self.finder.name(user)
        if user == self.plan.predecessor:
            return errors.SameUser(user=name)
        return (
            None if user in self.finder.offered else errors.InactiveSuccessor(user=name)
        )

    # Whether it makes sense

    def _find_mode(self, new: Mapping[str, object]) -> str:
        return str(new.get("mode", self.row.mode.value))

    def _is_met(self, new: Mapping[str, object]) -> bool:
        return self._find_mode(new) in (Mode.MEET.value, Mode.HOLD.value)

    def _check_mode(self, new: Mapping[str, object]) -> None:
        mode = self._find_mode(new)
        for column in ("class", "mode"):
            if new.get(column) == "":
                self.refuse(column, "cleared")
                return
        is_held = mode == Mode.HOLD.value
        self.check_until(new, self.row.until, is_held=is_held)
        is_said = not {"mode", "until", "class"}.isdisjoint(new)
        is_decided = is_said or self.row.mode_by is not None
        if "reason" in new and not new["reason"]:
            self.refuse("reason", "cleared")
        elif "reason" in new and not is_decided:
            self.refuse("reason", "reason_alone")
        elif "mode" in new and not is_held and "reason" not in new:
            again = "reason_again" if self.row.reason else "reason_needed"
            self.refuse("reason", again)

    def _check_visit(self, new: Mapping[str, object]) -> None:
        visit, is_met = self.row.visit, self._is_met(new)
        for column in ("date", "start"):
            if new.get(column) is not None and not is_met:
                self.refuse(column, "not_met")
            is_cleared = column in new and new[column] is None and is_met
            if is_cleared and not (column == "start" and new.get("date")):
                self.refuse(column, "cleared")
        if new.get("start") and not (new.get("date") or visit):
            self.refuse("start", "time_alone")

    def _check_attendance(self, new: Mapping[str, object]) -> None:
        attendance = new.get("co_attendance", self.row.co_attendance)
        if "co_attendance" in new:
            if attendance == UNDECIDED:
                self.refuse("co_attendance", "cleared")
            elif not self._is_met(new):
                self.refuse("co_attendance", "not_met")
        if "attendance_reason" in new and not new["attendance_reason"]:
            self.refuse("attendance_reason", "cleared")
        elif "attendance_reason" in new and attendance == UNDECIDED:
            self.refuse("attendance_reason", "attendance_reason_alone")

    # What it decides

    def _add_to(self, edits: Edits, new: Mapping[str, Any]) -> Edits:
        account = self.row.account_id
        changes: dict[str, Any] = {}
        if "class" in new:
            changes["classes"] = {**edits.classes, account: new["class"]}
        if "reason" in new:
            changes["reasons"] = {**edits.reasons, account: new["reason"]}
        if self._decides_mode(new):
            mode = self._find_mode(new)
            changes[mode] = (*getattr(edits, mode), account)
            if mode == Mode.HOLD.value:
                until = new.get("until", self.row.until)
                changes["untils"] = {**edits.untils, account: until}
        if new.get("date") or new.get("start"):
            changes |= self._set_visit(edits, new)
        if "co_attendance" in new or "attendance_reason" in new:
            attends = new.get("co_attendance", self.row.co_attendance) == "yes"
            name = "attend" if attends else "no_attend"
            changes[name] = (*getattr(edits, name), account)
        if "attendance_reason" in new:
            reasons = {**edits.attendance_reasons, account: new["attendance_reason"]}
            changes["attendance_reasons"] = reasons
        if "successor" in new:
            changes["successors"] = {**edits.successors, account: new["successor"]}
        return replace(edits, **changes)

    def _decides_mode(self, new: Mapping[str, object]) -> bool:
        """Return whether a row decides how a customer is met, or why, once more.

        Words that came with a class alone are the reason of that.
        """
        is_said = "mode" in new or "until" in new
        return is_said or ("reason" in new and "class" not in new)

    def _set_visit(self, edits: Edits, new: Mapping[str, Any]) -> dict[str, Any]:
        """Set a visit's day; its time stays where a person had set it."""
        account, visit = self.row.account_id, self.row.visit
        day = new.get("date") or (visit.date if visit else None)
        kept = visit.start if visit and visit.timed else None
        time = new.get("start", kept)
        times = {**edits.times, account: time} if time else edits.times
        return {"dates": {**edits.dates, account: day}, "times": times}

    def _tell(self, column: str, value: object) -> str:
        words = self.finder.words
        match column:
            case "class" | "mode" | "co_attendance":
                said = str(value)
                return words(_CHOICES[column].get(said, said)) if value else "-"
            case "successor":
                return self.finder.name(str(value or "")) or "-"
            case _:
                return self.write(value)
