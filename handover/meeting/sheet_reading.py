"""What people filled in in a sheet's workbook, and what of it cannot be taken.

All that is wrong is collected and told at once, each with the place where it stands.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from handover.answers.confirmations import Outcome
from handover.answers.remarks import Kind
from handover.errors import KnownError
from handover.i18n import LANGUAGES, Phrase, words_for
from handover.meeting.answer import GivenAnswer
from handover.meeting.sheet import MeetingSheet, SheetLine
from handover.meeting.sheet_content import (
    FilledAnswers,
    FilledRemark,
    SheetContent,
    tell_mistake,
)
from handover.meeting.sheet_names import (
    ANSWERS,
    EDITABLE,
    RESULTS,
    VISITS,
    find_result,
    label_people_of,
)
from handover.meeting.sheet_words import name_column
from handover.paper.typed_cells import (
    Cell,
    FailedCell,
    read_day,
    read_key,
    read_text,
    read_time,
)
from handover.paper.workbook_reading import ReadLine, ReadTable
from handover.plan.view import Audience
from handover.plan.workbook_cells import clean
from mappings.values import number

_KEYS: Mapping[str, tuple[str, ...]] = {
    VISITS: ("account_id",),
    ANSWERS: ("account_id", "item", "place", "record_id"),
}
"""The hidden columns that say what a row is about."""
_HIDDEN = {ANSWERS: (*_KEYS[ANSWERS], "stamp"), VISITS: _KEYS[VISITS]}
_REMARKS: tuple[Kind, ...] = ("note", "need", "missed")


def read_sheet_book(
    tables: Mapping[str, ReadTable],
    sheets: Sequence[MeetingSheet],
    audience: Audience,
    now: dt.datetime,
) -> SheetContent:
    """Read what was filled in for some customers.

    Args:
        tables: of the workbook.
        sheets: what the customers of the plan are asked now.
        audience: in whose words rows are told.
        now: the local time; nobody has answered later.
    """
    known = {clean(sheet.row.account_id): sheet for sheet in sheets}
    reader = _SheetReader(sheets=known, audience=audience, now=now)
    for name in (VISITS, ANSWERS):
        if name in tables:
            reader.read(name, tables[name])
    return SheetContent(
        answers=reader.answers, remarks=reader.remarks, mistakes=reader.mistakes
    )


@dataclass(frozen=True, kw_only=True)
class _Row:
    """One row: where it stands, of whom, and its cells."""

    table: ReadTable
    line: ReadLine
    sheet: MeetingSheet
    subject: str

    def cell(self, name: str) -> Cell:
        return self.line.cells.get(name)

    def text(self, name: str) -> str:
        return read_text(self.cell(name))

    def place(self, name: str | None = None) -> str:
        return self.table.place(self.line, name)


@dataclass(kw_only=True)
class _SheetReader:
    """Reads row after row, and collects what is said and what is wrong."""

    sheets: Mapping[str, MeetingSheet]
    audience: Audience
    now: dt.datetime
    answers: list[FilledAnswers] = field(default_factory=list)
    remarks: list[FilledRemark] = field(default_factory=list)
    mistakes: list[Phrase] = field(default_factory=list)
    _visits: dict[str, _Row] = field(default_factory=dict)
    _seen: dict[tuple[str, ...], tuple[_Row, set[str | None]]] = field(
        default_factory=dict
    )

    def read(self, name: str, table: ReadTable) -> None:
        """Read one table; the one of the visits comes first."""
        for places, code in (
            (table.strays, "stray"),
            (table.merged, "merged"),
            (table.doubled, "doubled"),
            (table.copies, "copy"),
        ):
            for place in places:
                self._add(place, "", Phrase(text=f"book-mistake:{code}"))
        if any(column in table.missing for column in _HIDDEN[name]):
            self._add(table.sheet, "", Phrase(text="book-mistake:no_key"))
            return
        for line in table.lines:
            row = self._find_row(name, table, line)
            if row is None:
                continue
            if name == VISITS:
                self._read_visit(row)
            else:
                self._read_answer(row)

    def _find_row(self, name: str, table: ReadTable, line: ReadLine) -> _Row | None:
        """Find of whom a row is; one that says nothing is left out."""
        cells = line.cells
        is_filled = any(read_text(cells.get(each)) for each in EDITABLE[name])
        if not (is_filled and (line.touched or name == VISITS)):
            return None
        sheet = self.sheets.get(read_text(cells.get("account_id")))
        shown = read_text(cells.get("account")) or "-"
        if sheet is None:
            params = {"name": shown}
            problem = Phrase(text="book-mistake:unknown_row", params=params)
            self._add(table.place(line), "", problem)
            return None
        row = _Row(table=table, line=line, sheet=sheet, subject=sheet.row.account)
        is_sound = True
        for column in sorted(line.touched - {*EDITABLE[name]}):
            heading = self.audience.words(f"sheet-column:{column}")
            self._refuse(row, "read_only", column, column=heading)
            is_sound = False
        for column in EDITABLE[name]:
            if isinstance(row.cell(column), FailedCell):
                self._refuse(row, "failed", column, value=row.text(column))
                is_sound = False
        return row if is_sound else None

    # Visits

    def _read_visit(self, row: _Row) -> None:
        key = row.sheet.row.account_id
        if key in self._visits:
            self._refuse(row, "twice", line=self._visits[key].line.number)
            return
        self._visits[key] = row
        amount = self._read_amount(row)
        if row.text("amount") and not row.text("need"):
            self._refuse(row, "amount_alone", "amount")
        said = [kind for kind in _REMARKS if row.text(kind)]
        at = self._read_moment(row) if said else None
        for kind in said:
            self._note(row, kind, row.text(kind), at, amount)

    def _read_amount(self, row: _Row) -> Decimal | None:
        text = row.text("amount")
        try:
            return number(text) if text else None
        except ValueError:
            self._refuse(row, "no_number", "amount", value=text)
            return None

    def _note(
        self,
        row: _Row,
        kind: Kind,
        text: str,
        at: dt.datetime | None,
        amount: Decimal | None = None,
    ) -> None:
        self.remarks.append(
            FilledRemark(
                place=row.place(kind),
                subject=row.subject,
                account_id=row.sheet.row.account_id,
                kind=kind,
                text=text,
                amount=amount if kind == "need" else None,
                at=at,
            )
        )

    # Answers

    def _read_answer(self, row: _Row) -> None:
        """Read the answer of a row, and its note."""
        line = self._find_line(row)
        result = self._read_result(row)
        note = row.text("note")
        if note:
            asked = [self.audience.item(row.text("item")), row.text("record")]
            of = self.audience.words(", ").join(filter(None, asked))
            self._note(row, "note", f"{of}: {note}", self._read_moment(row))
        if result is None:
            for column in ("value", "value_two"):
                if row.text(column):
                    self._refuse(row, "value_alone", column)
            return
        given = list(self._list_given(row, result, line))
        at = self._read_moment(row)
        if not given or at is None or not self._is_first(row, given):
            return
        self.answers.append(
            FilledAnswers(
                place=row.place("result"),
                subject=row.subject,
                account_id=row.sheet.row.account_id,
                line=line,
                is_stale=line is None or line.stamp != row.text("stamp"),
                given=tuple(given),
                at=at,
            )
        )

    def _find_line(self, row: _Row) -> SheetLine | None:
        """Find the question of a row; None where it is asked no more."""
        key = self._key(row)
        for line in row.sheet.lines:
            asked = line.asked
            own = (asked.item.code, asked.table, asked.record_id)
            if key == (clean(row.sheet.row.account_id), *map(clean, own)):
                return line
        return None

    def _key(self, row: _Row) -> tuple[str, ...]:
        return tuple(row.text(name) for name in _KEYS[ANSWERS])

    def _read_result(self, row: _Row) -> Outcome | None:
        text = row.text("result")
        if not text:
            return None
        found = find_result(row.cell("result"))
        if found is None:
            words = self.audience.words
            offered = ", ".join(words(label) for label in RESULTS.values())
            self._refuse(row, "no_choice", "result", value=text, offered=offered)
        return found

    def _list_given(
        self, row: _Row, result: Outcome, line: SheetLine | None
    ) -> Iterator[GivenAnswer]:
        """Yield the answers of a row: one, or a correction of each column."""
        person = self._read_person(row)
        pairs = [("column", "value"), ("column_two", "value_two")]
        filled = [pair for pair in pairs if row.text(pair[1])]
        if result != "corrected":
            for _, value in filled:
                self._refuse(row, "value_alone", value)
            if person and not filled:
                # Two tables may have the same id: the column tells them apart.
                own = line.asked.columns if line and line.asked.record else ()
                yield self._make(row, result, person, own[0] if own else None)
            return
        if not filled:
            self._refuse(row, "value_needed", "value")
        seen: set[str] = set()
        for column, value in filled:
            named = self._read_column(row, column, line)
            if named in seen:
                self._refuse(row, "column_twice", column)
            elif named and person:
                seen.add(named)
                yield self._make(row, result, person, named, row.text(value))

    def _make(
        self,
        row: _Row,
        result: Outcome,
        person: str,
        column: str | None = None,
        value: str | None = None,
    ) -> GivenAnswer:
        return GivenAnswer(
            item=row.text("item"),
            result=result,
            record=row.text("record_id") or None,
            column=column,
            value=value,
            person=person,
        )

    def _read_column(self, row: _Row, name: str, line: SheetLine | None) -> str | None:
        """Find which column a cell names, in whatever language."""
        known = line.asked.correctable if line is not None else ()
        said = read_key(row.cell(name))
        if not said and len(known) == 1:
            return known[0]
        for column in known:
            labels = {name_column(column, words_for(each)) for each in LANGUAGES}
            if said in {read_key(label) for label in (*labels, column)}:
                return column
        if line is not None:
            words = self.audience.words
            offered = ", ".join(name_column(column, words) for column in known) or "-"
            self._refuse(row, "no_column", name, value=row.text(name), offered=offered)
        return None

    def _read_person(self, row: _Row) -> str | None:
        """Return who answered, by id: of the row, else of the visit."""
        own = self._list_own(row)
        named = next((each for each in own if each.text("person")), None)
        if named is None:
            self._refuse(own[-1], "person_needed", "person")
            return None
        wanted = read_key(named.cell("person"))
        labels = label_people_of(row.sheet)
        names = [*labels.items()]
        names += [(person.id, person.name) for person in row.sheet.people]
        found = {
            key for key, name in names if wanted in (read_key(name), read_key(key))
        }
        if len(found) == 1:
            return found.pop()
        offered = ", ".join(labels.values()) or "-"
        value = named.text("person")
        self._refuse(named, "no_person", "person", value=value, offered=offered)
        return None

    def _list_own(self, row: _Row) -> list[_Row]:
        visit = self._visits.get(row.sheet.row.account_id)
        return [row] if visit is None or visit is row else [row, visit]

    def _read_moment(self, row: _Row) -> dt.datetime | None:
        """Return when it was said: a row's own day is without the visit's time."""
        own = self._list_own(row)
        dated = next((each for each in own if each.text("date")), None)
        if dated is None:
            self._refuse(own[-1], "day_needed", "date")
            return None
        try:
            day = read_day(dated.cell("date"), self.now.date())
        except ValueError:
            self._refuse(dated, "no_day", "date", value=dated.text("date"))
            return None
        at = self._add_time(row if row.text("time") else dated, day)
        if at is not None and at > self.now:
            self._refuse(dated, "ahead", "date", at=f"{at:%Y-%m-%d %H:%M}")
            return None
        return at

    def _add_time(self, row: _Row, day: dt.date) -> dt.datetime | None:
        text = row.text("time")
        try:
            time = dt.time.fromisoformat(read_time(row.cell("time"))) if text else None
        except ValueError:
            self._refuse(row, "no_time", "time", value=text)
            return None
        return dt.datetime.combine(day, time or dt.time())

    def _is_first(self, row: _Row, given: Sequence[GivenAnswer]) -> bool:
        """Return whether no other row answers the same; corrections may add up."""
        key = self._key(row)
        parts = {each.column if each.result == "corrected" else None for each in given}
        before = self._seen.setdefault(key, (row, set()))
        if before[0] is not row and (None in parts or before[1] & {*parts, None}):
            self._refuse(row, "two_answers", "result", line=before[0].line.number)
            return False
        before[1].update(parts)
        return True

    # Mistakes

    def _refuse(
        self, row: _Row, code: str, where: str | None = None, **params: object
    ) -> None:
        """Note why a cell cannot be taken."""
        shared = f"book-mistake:{code}"
        own = f"sheet-mistake:{code}"
        text = own if self.audience.words.has(own) else shared
        self._add(row.place(where), row.subject, Phrase(text=text, params=params))

    def _add(self, place: str, subject: str, problem: Phrase | KnownError) -> None:
        told = tell_mistake(place, subject, problem)
        if told not in self.mistakes:  # a cell that many rows take from is wrong once
            self.mistakes.append(told)
