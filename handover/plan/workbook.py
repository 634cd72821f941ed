"""A plan as a workbook that a manager fills in, and that is read back.

First what stands in the way and who does what, then the customers in the order of
their visits, their opportunities, what belongs to no customer, everybody's days, and a
legend.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from handover.i18n import Words
from handover.ledger.states import Mode
from handover.paper.workbook import (
    SheetColumn,
    SheetTable,
    TextSheet,
    Value,
    write_workbook,
)
from handover.paper.workbook_marks import Kind
from handover.plan.appointments import write_answer
from handover.plan.cells import write_class, write_gaps, write_place
from handover.plan.model import LooseRecord, Plan, PlannedOpportunity, Row
from handover.plan.selection import is_attendance_open
from handover.plan.view import Audience, write_contacts
from handover.plan.workbook_days import list_days
from handover.plan.workbook_summary import list_legend_lines, list_summary_lines
from handover.plan.workbook_words import (
    ATTENDANCE,
    CALENDAR,
    CLASSES,
    EDITABLE,
    FATES,
    FORMAT,
    LEFT,
    LOOSE,
    MODES,
    OPPORTUNITIES,
    PLANS,
    ROWS,
    UNDECIDED,
    label_people,
    list_labels,
    name_column,
)

_WIDTHS: Mapping[str, float] = {
    "account": 22,
    "class": 10,
    "why": 22,
    "mode": 10,
    "until": 14,
    "reason": 18,
    "decided_by": 10,
    "date": 15,
    "start": 7,
    "end": 7,
    "answer": 9,
    "place": 16,
    "to_meet": 18,
    "co_attendance": 10,
    "attendance_reason": 13,
    "successor": 12,
    "effective": 15,
    "gaps": 20,
    "visits": 84,
    "name": 40,
}
"""Widths of columns whose texts are long, in characters; their cells wrap."""
_ORDER = {Mode.MEET: 0, Mode.HOLD: 1, Mode.INFORM: 2, Mode.EXCLUDE: 3}


@dataclass(frozen=True, kw_only=True)
class BookRequest:
    """What a workbook is made of.

    ``blocked`` says by plan in words what stands in the way,
    ``next_step`` who has to do what. ``people`` are the names of those who can take
    over, by id.
    """

    plans: Sequence[Plan]
    audience: Audience
    people: Mapping[str, str]
    blocked: Mapping[str, Sequence[str]]
    next_step: Mapping[str, str]


def write_book(request: BookRequest) -> bytes:
    """Write the workbook of one plan, or of all plans of a reorganisation."""
    words, plans = request.audience.words, request.plans
    first = plans[0]
    subject = first.reorganisation if len(plans) > 1 else None
    if subject is None:
        subject = words(
            "{plan}, version {version}", plan=first.id, version=first.version
        )
    return write_workbook(
        list(list_sheets(request)), words, subject=subject, mark=request.audience.mark
    )


def list_sheets(request: BookRequest) -> Iterator[SheetTable | TextSheet]:
    """Yield the sheets of a workbook in their order; empty tables are left out."""
    words = request.audience.words
    sheets = _Sheets(request=request, words=words)
    lines = list_summary_lines(
        request.plans, request.audience, request.blocked, request.next_step
    )
    yield TextSheet(title=words("Summary"), lines=list(lines))
    yield sheets.list_rows()
    for table in (sheets.list_opportunities(), sheets.list_loose()):
        if table.rows:
            yield table
    yield sheets.list_calendar()
    yield TextSheet(title=words("Legend"), lines=list(list_legend_lines(words)))
    yield sheets.list_plans()


@dataclass(frozen=True, kw_only=True)
class _Field:
    """One column and where its values come from."""

    name: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    is_hidden: bool = False


@dataclass(frozen=True, kw_only=True)
class _Sheets:
    """Makes the tables of a workbook."""

    request: BookRequest
    words: Words

    def list_rows(self) -> SheetTable:
        """Return the table of customers."""
        fields = [
            _Field(name="plan", is_hidden=True),
            _Field(name="account_id", is_hidden=True),
            _Field(name="predecessor", is_hidden=len(self.request.plans) == 1),
            _Field(name="account"),
            self._choose("class", CLASSES),
            _Field(name="why"),
            _Field(name="value", kind="number"),
            self._choose("mode", MODES),
            _Field(name="until", kind="day"),
            _Field(name="reason"),
            _Field(name="decided_by"),
            _Field(name="date", kind="day"),
            _Field(name="start", kind="time"),
            _Field(name="end", kind="time"),
            _Field(name="answer"),
            _Field(name="place"),
            _Field(name="to_meet"),
            self._choose("co_attendance", ATTENDANCE),
            _Field(name="attendance_reason"),
            _Field(name="successor", choices=tuple(self._successors.values())),
            _Field(name="effective", kind="day", is_hidden=not self._has_several_days),
            _Field(name="gaps"),
        ]
        rows = [
            (plan, row)
            for plan in self.request.plans
            for row in sorted(plan.rows, key=_find_place)
        ]
        return self._make(
            ROWS,
            self.words("Customers"),
            fields,
            [self._list_cells(plan, row) for plan, row in rows],
            is_failing=lambda name, n: name == "date" and _is_unplaced(rows[n][1]),
        )

    def list_opportunities(self) -> SheetTable:
        """Return the table of opportunities that are handed over or held."""
        plans = self.request.plans
        unowned = {e.id for plan in plans for e in plan.aside if e.hides_owner}
        fates = {**FATES, **LEFT} if unowned else FATES
        fields = [
            _Field(name="plan", is_hidden=True),
            _Field(name="id"),
            _Field(name="account"),
            _Field(name="name"),
            self._choose("action", fates),
            _Field(name="until", kind="day"),
            _Field(name="reason"),
        ]
        found = [
            (plan, row, each)
            for plan in plans
            for row in plan.rows
            if row.mode is not Mode.EXCLUDE
            for each in row.opportunities
        ]
        return self._make(
            OPPORTUNITIES,
            self.words("Opportunities"),
            fields,
            [
                (plan.id, each.id, row.account, each.name, *self._list_fate(each))
                for plan, row, each in found
            ],
            is_failing=lambda name, n: name == "action" and found[n][2].action is None,
        )

    def list_loose(self) -> SheetTable:
        """Return the table of records that belong to no customer of theirs."""
        fields = [
            _Field(name="plan", is_hidden=True),
            _Field(name="object", is_hidden=True),
            _Field(name="id"),
            _Field(name="what"),
            _Field(name="name"),
            _Field(name="account"),
            self._choose("action", {**FATES, **LEFT}),
            _Field(name="until", kind="day"),
            _Field(name="reason"),
        ]
        found = [(plan, each) for plan in self.request.plans for each in plan.loose]
        return self._make(
            LOOSE,
            self.words("Without a customer"),
            fields,
            [
                (
                    plan.id,
                    each.object,
                    each.id,
                    self.words(f"object:{each.object}"),
                    each.name,
                    each.account,
                    *self._list_fate(each),
                )
                for plan, each in found
            ],
            is_failing=lambda name, n: name == "action" and found[n][1].action is None,
        )

    def list_calendar(self) -> SheetTable:
        """Return everybody's days, with their visits."""
        fields = [
            _Field(name="person"),
            _Field(name="date", kind="day"),
            _Field(name="start", kind="time"),
            _Field(name="end", kind="time"),
            _Field(name="count", kind="number"),
            _Field(name="minutes", kind="number"),
            _Field(name="visits"),
        ]
        days = list_days(self.request.plans, self.request.audience)
        return self._make(CALENDAR, self.words("Calendar"), fields, list(days))

    def list_plans(self) -> SheetTable:
        """Return the hidden table that says which version of which plan this is."""
        names = ("plan", "version", "fingerprint", "source", "org", "format")
        return SheetTable(
            name=PLANS,
            title="_plans",
            columns=[SheetColumn(name=name, heading=name) for name in names],
            rows=[
                (p.id, str(p.version), p.fingerprint, p.source, p.org_id, FORMAT)
                for p in self.request.plans
            ],
            is_hidden=True,
        )

    def _make(
        self,
        name: str,
        title: str,
        fields: Sequence[_Field],
        rows: Sequence[Sequence[Value]],
        is_failing: Callable[[str, int], bool] = lambda _name, _n: False,
    ) -> SheetTable:
        return SheetTable(
            name=name,
            title=title,
            columns=[
                SheetColumn(
                    name=each.name,
                    heading=name_column(each.name, self.words),
                    kind=each.kind,
                    choices=each.choices,
                    is_editable=each.name in EDITABLE.get(name, ()),
                    is_hidden=each.is_hidden,
                    width=_WIDTHS.get(each.name),
                )
                for each in fields
            ],
            rows=rows,
            failing=frozenset(
                (n, k)
                for n in range(len(rows))
                for k, each in enumerate(fields)
                if is_failing(each.name, n)
            ),
        )

    def _choose(self, name: str, codes: Mapping[str, str]) -> _Field:
        offered = list_labels(codes, self.words)
        shown = (label for code, label in offered.items() if code != UNDECIDED)
        return _Field(name=name, choices=tuple(shown))

    @property
    def _has_several_days(self) -> bool:
        """Whether owners change on several days; one stands in the summary."""
        return len({day for plan in self.request.plans for day, _ in plan.dates}) > 1

    @property
    def _successors(self) -> dict[str, str]:
        return label_people(self.request.people)

    def _list_cells(self, plan: Plan, row: Row) -> tuple[Value, ...]:
        words, audience, visit = self.words, self.request.audience, row.visit
        successor = row.successor_id or ""
        return (
            plan.id,
            row.account_id,
            audience.person(plan.predecessor),
            row.account,
            _leave_blank(write_class(row, audience)),
            words(", ").join(words(f"reason:{code}") for code in row.reasons),
            row.value,
            words(MODES[row.mode.value]),
            row.until,
            row.reason,
            audience.name(row.mode_by) if row.mode_by else None,
            visit.date if visit else None,
            dt.time.fromisoformat(visit.start) if visit else None,
            dt.time.fromisoformat(visit.end) if visit else None,
            _leave_blank(write_answer(row, words)),
            _leave_blank(write_place(row, words)),
            write_contacts(row, audience),
            self._write_attendance(row),
            row.co_attendance_reason,
            self._successors.get(successor) or audience.name(successor),
            row.effective,
            _leave_blank(write_gaps(row, audience)),
        )

    def _write_attendance(self, row: Row) -> str | None:
        """Return whether the manager attends; nothing where nobody has to decide."""
        said = row.co_attendance
        if said == UNDECIDED and row.attendance_proposed is not None:
            answer = self.words(f"attendance:{row.attendance_proposed}")
            return self.words("proposed, to be decided: {answer}", answer=answer)
        if said == UNDECIDED and not is_attendance_open(row):
            return None
        return self.words(ATTENDANCE[said])

    def _list_fate(
        self, record: PlannedOpportunity | LooseRecord
    ) -> tuple[str, dt.date | None, str | None]:
        action = self.words({**FATES, **LEFT}[record.action or UNDECIDED])
        return action, record.until, record.reason


def _leave_blank(text: str) -> str | None:
    """Return a text; a dash is an empty cell, so that it can be filtered and filled."""
    return None if text == "-" else text


def _is_unplaced(row: Row) -> bool:
    return row.mode is Mode.MEET and row.visit is None


def _find_place(row: Row) -> tuple[object, ...]:
    """Sort rows: visits by time, those without a slot first, the others behind."""
    visit = row.visit
    when = (visit.date, visit.start) if visit else (dt.date.min, "")
    if not row.is_met:
        return (1, _ORDER[row.mode], -row.value, row.account_id)
    return (0, when, 0, row.account_id)
