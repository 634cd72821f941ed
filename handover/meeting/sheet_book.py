"""Sheets of questions as a workbook that is filled in after the visits, and read back.

On one sheet stands each customer with who answered and when, on another each question.
A question without a person or a day of its own has those of its customer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from handover.i18n import Words
from handover.meeting.sheet import MeetingSheet, SheetLine
from handover.meeting.sheet_names import (
    ANSWERS,
    EDITABLE,
    FORMAT,
    RESULTS,
    SENT,
    VISITS,
    label_people_of,
)
from handover.meeting.sheet_words import (
    name_asked,
    name_column,
    write_answered,
    write_question,
    write_recorded,
)
from handover.paper.workbook import (
    SheetColumn,
    SheetTable,
    TextLine,
    TextSheet,
    Value,
    write_workbook,
)
from handover.paper.workbook_marks import Kind
from handover.plan.view import Audience

_HIDDEN = frozenset(
    {"account_id", "item", "place", "record_id", "stamp", "format", "plan"}
)
_KINDS: Mapping[str, Kind] = {"date": "day", "time": "time", "amount": "number"}
_WIDTHS: Mapping[str, float] = {
    "account": 22,
    "asked": 14,
    "record": 16,
    "question": 30,
    "recorded": 26,
    "answered": 20,
    "result": 10,
    "column": 12,
    "value": 18,
    "column_two": 12,
    "value_two": 14,
    "person": 14,
    "note": 20,
    "need": 24,
    "missed": 22,
    "planned": 30,
}
"""Widths of columns, in characters; texts wrap."""


def write_sheet_book(
    sheets: Sequence[MeetingSheet], zone: ZoneInfo, audience: Audience
) -> bytes:
    """Write the sheets of some customers of one plan as a workbook."""
    words, plan = audience.words, sheets[0].plan
    subject = words("Questions to the customers of {plan}", plan=plan.id)
    made = _Tables(sheets=sheets, zone=zone, audience=audience, words=words)
    tables: list[SheetTable | TextSheet] = [
        made.write_help(),
        made.list_visits(),
        made.list_answers(),
        made.sent(),
    ]
    return write_workbook(tables, words, subject=subject, mark=audience.mark)


@dataclass(frozen=True, kw_only=True)
class _Tables:
    """Makes the sheets of the workbook."""

    sheets: Sequence[MeetingSheet]
    zone: ZoneInfo
    audience: Audience
    words: Words

    def write_help(self) -> TextSheet:
        """Return what has to be known to fill it in."""
        words, plan = self.words, self.sheets[0].plan
        title = words("Questions to the customers of {plan}", plan=plan.id)
        told = (
            ("Summary of each visit", "sheet-help:visits"),
            ("Questions to ask", "sheet-help:answers"),
            ("Answer", "sheet-help:result"),
            ("Correct value", "sheet-help:value"),
            ("sheet-column:note", "sheet-help:note"),
            ("Locked cells", "sheet-help:locked"),
            ("When it is filled in", "sheet-help:import"),
        )
        lines = [TextLine(label=title, look="title")]
        lines.append(TextLine(label=words("How to fill this in"), look="heading"))
        lines += [
            TextLine(label=words(label), text=words(text, plan=plan.id))
            for label, text in told
        ]
        return TextSheet(title=words("How to fill this in"), lines=lines)

    def list_visits(self) -> SheetTable:
        """Return the table of customers: who answered, when, and what else was said."""
        people = [self._list_people(sheet) for sheet in self.sheets]
        names = ("account_id", "account", "planned", *EDITABLE[VISITS])
        rows: list[tuple[Value, ...]] = [
            (
                sheet.row.account_id,
                sheet.row.account,
                self._write_planned(sheet),
                None,
                sheet.row.visit.date if sheet.row.visit else None,
                *[None] * (len(EDITABLE[VISITS]) - 2),
            )
            for sheet in self.sheets
        ]
        return self._make(
            VISITS, "Summary of each visit", names, rows, {"person": people}
        )

    def list_answers(self) -> SheetTable:
        """Return the table of questions."""
        found = [(sheet, line) for sheet in self.sheets for line in sheet.lines]
        names = (
            *("account_id", "item", "place", "record_id", "stamp", "account"),
            *("asked", "record", "question", "recorded", "answered"),
        )
        columns = [
            tuple(name_column(c, self.words) for c in line.asked.correctable)
            for _, line in found
        ]
        return self._make(
            ANSWERS,
            "Questions to ask",
            (*names, *EDITABLE[ANSWERS]),
            [self._list_cells(sheet, line) for sheet, line in found],
            {
                "person": [self._list_people(sheet) for sheet, _ in found],
                "column": columns,
                "column_two": columns,
            },
        )

    def _list_cells(self, sheet: MeetingSheet, line: SheetLine) -> tuple[Value, ...]:
        asked, audience = line.asked, self.audience
        must = " *" if asked.item.level == "must" else ""
        only = [name_column(c, self.words) for c in asked.correctable]
        return (
            sheet.row.account_id,
            asked.item.code,
            asked.table,
            asked.record_id,
            line.stamp,
            sheet.row.account,
            f"{audience.item(asked.item.code)}{must}",
            name_asked(asked, audience),
            write_question(asked, audience),
            write_recorded(asked, audience),
            write_answered(line, sheet, self.zone, audience) or None,
            None,
            only[0] if len(only) == 1 else None,
            *[None] * (len(EDITABLE[ANSWERS]) - 2),
        )

    def sent(self) -> SheetTable:
        """Return the hidden table that says of which plan this was made."""
        plan = self.sheets[0].plan
        names = ("plan", "version", "fingerprint", "source", "org", "format")
        row = (plan.id, str(plan.version), plan.fingerprint, plan.source, plan.org_id)
        return SheetTable(
            name=SENT,
            title="_sheets",
            columns=[SheetColumn(name=name, heading=name) for name in names],
            rows=[(*row, FORMAT)],
            is_hidden=True,
        )

    def _make(
        self,
        name: str,
        title: str,
        names: Sequence[str],
        rows: Sequence[Sequence[Value]],
        own_choices: Mapping[str, Sequence[tuple[str, ...]]],
    ) -> SheetTable:
        results = tuple(self.words(text) for text in RESULTS.values())
        return SheetTable(
            name=name,
            title=self.words(title),
            columns=[
                SheetColumn(
                    name=each,
                    heading=self.words(f"sheet-column:{each}"),
                    kind=_KINDS.get(each, "text"),
                    choices=results if each == "result" else (),
                    is_editable=each in EDITABLE[name],
                    is_hidden=each in _HIDDEN or self._says_nothing(each, names, rows),
                    width=_WIDTHS.get(each),
                )
                for each in names
            ],
            rows=rows,
            frozen=2 if name == ANSWERS else 1,
            own_choices=own_choices,
            is_locked=True,
        )

    def _says_nothing(
        self, name: str, names: Sequence[str], rows: Sequence[Sequence[Value]]
    ) -> bool:
        """Return whether nobody has answered anything yet."""
        at = list(names).index(name)
        return name == "answered" and not any(row[at] for row in rows)

    def _list_people(self, sheet: MeetingSheet) -> tuple[str, ...]:
        return tuple(label_people_of(sheet).values())

    def _write_planned(self, sheet: MeetingSheet) -> str:
        visit, words = sheet.row.visit, self.words
        if visit is None:
            return words(f"mode:{sheet.row.mode.value}")
        return f"{self.audience.day(visit.date)} {visit.start}-{visit.end}"
