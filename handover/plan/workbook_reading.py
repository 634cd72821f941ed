"""What people filled in in a plan's workbook: edits, and what cannot be read as one.

Only cells that somebody touched are looked at, and of those only what says something
else than the plan. All that is wrong is collected and told at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields

from handover.errors import Refusal, UsageProblem
from handover.i18n import Phrase
from handover.ledger.states import Mode
from handover.paper.typed_cells import FailedCell, read_text
from handover.paper.workbook_reading import ReadLine, ReadTable
from handover.plan import errors
from handover.plan.edits import Edits
from handover.plan.model import LooseRecord, Plan, PlannedOpportunity
from handover.plan.naming import name_record
from handover.plan.workbook_cells import (
    FateCells,
    Finder,
    RowEdits,
)
from handover.plan.workbook_rows import RowCells
from handover.plan.workbook_words import (
    CALENDAR,
    EDITABLE,
    FORMAT,
    LOOSE,
    OPPORTUNITIES,
    PLANS,
    ROWS,
)

KEYS: Mapping[str, tuple[str, ...]] = {
    ROWS: ("plan", "account_id"),
    OPPORTUNITIES: ("plan", "id"),
    LOOSE: ("plan", "object", "id"),
    CALENDAR: (),
}
"""The columns that say what a row of a table is about."""
Key = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SentPlan:
    """Which version of which plan a workbook was made of."""

    plan: str
    version: str
    fingerprint: str
    source: str
    org: str


@dataclass(frozen=True, kw_only=True)
class CellChange:
    """One cell that says something else: of whom or what, which, from what to what."""

    plan: str
    subject: str
    column: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class ReadBook:
    """What a workbook says: edits by plan, each cell of them, and what is wrong in it.

    ``absent`` are the customers and records whose rows were deleted, ``columns`` the
    columns that were; both stay as they are.
    """

    edits: Mapping[str, Edits]
    changes: Sequence[CellChange]
    mistakes: Sequence[Phrase]
    absent: Sequence[str]
    columns: Sequence[str]


def list_sent(tables: Mapping[str, ReadTable], file: str) -> list[SentPlan]:
    """List the plans that a workbook was made of.

    Raises:
        NoPlanWorkbook: it was not made by ``plan export``, or by another version of it.
    """
    table = tables.get(PLANS)
    lines = table.lines if table is not None and ROWS in tables else ()
    names = [each.name for each in fields(SentPlan)]
    sent = [
        SentPlan(**{name: read_text(line.cells.get(name)) for name in names})
        for line in lines
    ]
    is_ours = all(
        not line.touched and read_text(line.cells.get("format")) == FORMAT
        for line in lines
    )
    if not (sent and is_ours and len({each.plan for each in sent}) == len(sent)):
        raise errors.NoPlanWorkbook(file=file)
    return sent


def read_plans_book(
    tables: Mapping[str, ReadTable], plans: Sequence[Plan], finder: Finder
) -> ReadBook:
    """Read what was filled in for some plans, which stand as the workbook has them."""
    reader = _BookReader(plans={plan.id: plan for plan in plans}, finder=finder)
    for name in KEYS:
        if name in tables:
            reader.read(name, tables[name])
        elif name != CALENDAR and (known := reader.list_known(name)):
            reader.absent += [str(subject) for subject in known.values()]
    return ReadBook(
        edits={plan.id: reader.make_edits(plan.id) for plan in plans},
        changes=reader.changes,
        mistakes=reader.mistakes,
        absent=reader.absent,
        columns=reader.columns,
    )


@dataclass(kw_only=True)
class _BookReader:
    """Reads table after table, and collects what is said and what is wrong."""

    plans: Mapping[str, Plan]
    finder: Finder
    said: dict[str, list[RowEdits]] = field(default_factory=dict)
    changes: list[CellChange] = field(default_factory=list)
    mistakes: list[Phrase] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)

    def make_edits(self, plan: str) -> Edits:
        """Put together what the rows of a plan say."""
        edits = Edits()
        for said in self.said.get(plan, ()):
            edits = said.add_to(edits)
        return edits

    def list_known(self, table: str) -> dict[Key, str]:
        """Return what a table is about, by the keys of its rows."""
        found: dict[Key, str] = {}
        for plan in self.plans.values():
            for row in plan.rows:
                if table == ROWS:
                    found[plan.id, row.account_id] = row.account
                elif table == OPPORTUNITIES and row.mode is not Mode.EXCLUDE:
                    for each in row.opportunities:
                        named = name_record(row.account, each.name, each.id)
                        found[plan.id, each.id] = named
            if table == LOOSE:
                for record in plan.loose:
                    key = (plan.id, record.object, record.id)
                    found[key] = name_record(record.account, record.name, record.id)
        return found

    def read(self, name: str, table: ReadTable) -> None:
        """Read one table."""
        for places, code in (
            (table.strays, "stray"),
            (table.merged, "merged"),
            (table.doubled, "doubled"),
            (table.copies, "copy"),
        ):
            for place in places:
                self._add(place, Phrase(text=f"book-mistake:{code}"))
        if any(column in table.missing for column in KEYS[name]):
            self._add(table.sheet, Phrase(text="book-mistake:no_key"))
            return
        self.columns += [
            self.finder.name_column(column)
            for column in table.missing
            if column in EDITABLE.get(name, ())
        ]
        known = self.list_known(name)
        seen: dict[Key, int] = {}
        for line in table.lines:
            self._read_line(name, table, line, known, seen)
        if KEYS[name]:
            self.absent += [each for key, each in known.items() if key not in seen]

    def _read_line(
        self,
        name: str,
        table: ReadTable,
        line: ReadLine,
        known: Mapping[Key, str],
        seen: dict[Key, int],
    ) -> None:
        key = tuple(read_text(line.cells.get(each)) for each in KEYS[name])
        subject = known.get(key)
        if KEYS[name] and subject is None:
            shown = read_text(line.cells.get("account") or line.cells.get("name"))
            params = {"name": shown or " ".join(filter(None, key)) or "-"}
            problem = Phrase(text="book-mistake:unknown_row", params=params)
            self._add(table.place(line), problem)
            return
        if key and key in seen:
            problem = Phrase(text="book-mistake:twice", params={"line": seen[key]})
            self._add(table.place(line), problem, subject)
            return
        seen[key] = line.number
        editable = EDITABLE.get(name, ())
        wrong = [each for each in sorted(line.touched) if each not in editable]
        for column in wrong:
            params = {"column": self.finder.name_column(column)}
            problem = Phrase(text="book-mistake:read_only", params=params)
            self._add(table.place(line, column), problem, subject)
        touched = line.touched & set(editable)
        failed = {n for n in touched if isinstance(line.cells.get(n), FailedCell)}
        for column in sorted(failed):
            params = {"value": str(line.cells[column])}
            problem = Phrase(text="book-mistake:failed", params=params)
            self._add(table.place(line, column), problem, subject)
        if touched and not failed and subject is not None:
            self._take(name, table, line, key, subject)

    def _take(
        self, name: str, table: ReadTable, line: ReadLine, key: Key, subject: str
    ) -> None:
        """Take what the touched cells of one row say."""
        touched = line.touched & set(EDITABLE[name])
        cells = {each: line.cells.get(each) for each in touched}
        plan = self.plans[key[0]]
        reading: RowCells | FateCells
        if name == ROWS:
            row = plan.row(key[1])
            assert row is not None  # noqa: S101 - its key is known
            reading = RowCells(plan=plan, row=row, cells=cells, finder=self.finder)
        else:
            record = _find_record(plan, key[1:])
            reading = FateCells(
                plan=plan, record=record, cells=cells, finder=self.finder
            )
        said = reading.read()
        for each in reading.problems:
            self._add(table.place(line, each.column), each.problem, subject)
        if said is None:
            return
        self.said.setdefault(plan.id, []).append(said)
        self.changes += [
            CellChange(
                plan=plan.id,
                subject=subject,
                column=column,
                before=before,
                after=after,
            )
            for column, (before, after) in said.changes.items()
        ]

    def _add(
        self,
        place: str,
        problem: Phrase | Refusal | UsageProblem,
        subject: str | None = None,
    ) -> None:
        text = "book-mistake:of" if subject else "book-mistake:at"
        params = {"place": place, "subject": subject or "", "problem": problem}
        self.mistakes.append(Phrase(text=text, params=params))


def _find_record(plan: Plan, key: Sequence[str]) -> PlannedOpportunity | LooseRecord:
    """Find the record that a known key is of."""
    if len(key) > 1:
        return next(r for r in plan.loose if (r.object, r.id) == tuple(key))
    own = (each for row in plan.rows for each in row.opportunities)
    return next(each for each in own if each.id == key[0])
