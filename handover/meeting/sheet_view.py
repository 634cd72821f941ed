"""A sheet of questions in words: on paper, on the terminal, and for machines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from handover.answers.confirmations import Confirmation
from handover.meeting.customer_words import join
from handover.meeting.sheet import MeetingSheet, SheetLine
from handover.meeting.sheet_words import (
    name_asked,
    write_answered,
    write_question,
    write_recorded,
)
from handover.paper.file_names import name_file, number_doubles
from handover.paper.pages import page
from handover.plan.model import Plan
from handover.plan.plan_list import PlanList
from handover.plan.terminal import lay_out
from handover.plan.view import Audience
from handover.policy import GROUPS

TEMPLATE = Path(__file__).with_name("sheet.html")
RESULTS = ("confirmed", "corrected", "unknown", "not_applicable")
"""What can be ticked."""
SHOWN = 6
"""Records of one item that paper has room for; the workbook has all of them."""


@dataclass(frozen=True, kw_only=True)
class AskedRow:
    """One question on paper: of what, what is recorded, what was answered already."""

    subject: str
    question: str
    recorded: str
    answered: str


@dataclass(frozen=True, kw_only=True)
class AskedItem:
    """One item on paper; ``question`` is empty where each row has its own."""

    name: str
    is_must: bool
    question: str
    rows: Sequence[AskedRow]
    more: int


@dataclass(frozen=True, kw_only=True)
class SheetReading:
    """A sheet, and who reads it."""

    sheet: MeetingSheet
    audience: Audience
    zone: ZoneInfo

    @property
    def title(self) -> str:
        """Whom it is about."""
        account = self.sheet.row.account
        return self.audience.words("Questions to ask: {name}", name=account)

    @property
    def head(self) -> list[tuple[str, str]]:
        """From whom to whom, and whom one meets when."""
        sheet, audience = self.sheet, self.audience
        words, visit = audience.words, sheet.row.visit
        handed = words(
            "{predecessor} → {successor}; {manager}",
            predecessor=audience.person(sheet.plan.predecessor),
            successor=audience.person(sheet.row.successor_id),
            manager=f"{words('Manager')} {audience.person(sheet.plan.manager)}",
        )
        lines = [(words("From whom to whom"), handed)]
        if visit is None:
            return [*lines, (words("Meeting"), words(f"mode:{sheet.row.mode.value}"))]
        names = {person.id: person.name for person in sheet.people}
        met = [names[key] for key in visit.contact_ids if key in names]
        place = words("online") if visit.online else visit.place or words("(blank)")
        time = f"{audience.day(visit.date)} {visit.start}-{visit.end}"
        return [
            *lines,
            (words("Meeting"), join((time, place), audience)),
            (words("To meet"), join(met, audience)),
        ]

    @property
    def foot(self) -> str:
        """As of when the CRM says so, and how the answers are recorded."""
        plan, words = self.sheet.plan, self.audience.words
        at = self.sheet.synced_at.astimezone(self.zone)
        return words(
            "CRM as synced on {at}. Plan {plan}, version {version}. Record the answers:"
            " handover meeting record, or meeting sheet -o F.xlsx and meeting import.",
            at=f"{at:%Y-%m-%d %H:%M}",
            plan=plan.id,
            version=plan.version,
        )

    @property
    def groups(self) -> list[tuple[str, list[AskedItem]]]:
        """The items by the five groups, each with its questions."""
        found = []
        for code in GROUPS:
            lines = [ln for ln in self.sheet.lines if ln.asked.item.group == code]
            if lines:
                title = self.audience.words(f"group:{code}")
                found.append((title, list(self._list_items(lines))))
        return found

    def _list_items(self, lines: Sequence[SheetLine]) -> Iterator[AskedItem]:
        for _, same in groupby(lines, key=lambda line: line.asked.item.code):
            own = list(same)
            item = own[0].asked.item
            rows = [self._make_row(line) for line in own[:SHOWN]]
            questions = {row.question for row in rows}
            yield AskedItem(
                name=self.audience.item(item.code),
                is_must=item.level == "must",
                question=questions.pop() if len(questions) == 1 else "",
                rows=rows,
                more=max(len(own) - SHOWN, 0),
            )

    def _make_row(self, line: SheetLine) -> AskedRow:
        audience = self.audience
        return AskedRow(
            subject=name_asked(line.asked, audience),
            question=write_question(line.asked, audience),
            recorded=write_recorded(line.asked, audience),
            answered=write_answered(line, self.sheet, self.zone, audience),
        )


def print_sheets(
    plan: Plan, readings: Sequence[SheetReading], audience: Audience, console: Console
) -> None:
    """Print one line for each customer: when they are met, and what is open."""
    words = audience.words
    rows = [
        (
            each.sheet.row.account,
            audience.short_day(visit.date) if (visit := each.sheet.row.visit) else "-",
            str(len(each.sheet.lines)),
            join(map(audience.item, list_open(each.sheet)), audience),
        )
        for each in readings
    ]
    headings = (
        words("Customer"),
        words("Day"),
        words("Questions"),
        words("Still to be asked"),
    )
    title = words("Questions to the customers of {plan}", plan=plan.id)
    console.print(
        lay_out(PlanList(title=title, headings=headings, rows=rows, numbers=(2,)))
    )


def list_open(sheet: MeetingSheet) -> list[str]:
    """List the must-items that nobody has answered yet, by their codes."""
    answered = {each.item for line in sheet.lines for each in line.standing}
    musts = (ln.asked.item for ln in sheet.lines if ln.asked.item.level == "must")
    return [c for c in dict.fromkeys(item.code for item in musts) if c not in answered]


def sheet_page(readings: Sequence[SheetReading], audience: Audience) -> str:
    """Write sheets as one HTML page, each on sheets of its own."""
    return page(
        TEMPLATE,
        audience.words,
        readings=readings,
        results=[audience.words(f"answered:{code}") for code in RESULTS],
        mark=audience.mark,
    )


def name_sheets(readings: Sequence[SheetReading]) -> list[str]:
    """Name a file for each sheet: by the customer, and the same at each export."""
    rows = (reading.sheet.row for reading in readings)
    names = (name_file(row.account, row.account_id, suffix=".html") for row in rows)
    return number_doubles(names)


def dump_sheet(reading: SheetReading) -> dict[str, Any]:
    """Return a sheet for JSON."""
    sheet, row = reading.sheet, reading.sheet.row
    return {
        "account_id": row.account_id,
        "account": row.account,
        "visit": row.visit.model_dump(mode="json") if row.visit else None,
        "gone": sheet.is_gone,
        "open": list_open(sheet),
        "people": [{"id": each.id, "name": each.name} for each in sheet.people],
        "questions": [_dump_line(line, reading) for line in sheet.lines],
    }


def _dump_line(line: SheetLine, reading: SheetReading) -> dict[str, Any]:
    asked = line.asked
    return {
        "item": asked.item.code,
        "level": asked.item.level,
        "question": write_question(asked, reading.audience),
        "table": asked.table,
        "record": asked.record_id,
        "name": name_asked(asked, reading.audience),
        "columns": asked.correctable,
        "recorded": (
            dict(zip(asked.columns, asked.recorded, strict=True))
            if asked.record
            else write_recorded(asked, reading.audience)
        ),
        "answered": [_dump_answer(each) for each in line.standing],
    }


def _dump_answer(made: Confirmation) -> dict[str, Any]:
    return {
        "result": made.result,
        "column": made.column,
        "value": made.value,
        "person": made.person,
        "at": made.at.isoformat(),
        "by": made.recorded_by,
    }
