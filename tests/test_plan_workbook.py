"""What a plan's workbook shows, and how each cell of it becomes an edit."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handover.i18n import LANGUAGES, Words, words_for
from handover.ledger.states import Mode
from handover.mirror.contacts import NamedContact
from handover.mirror.find import find_user
from handover.paper.workbook import SheetTable
from handover.paper.workbook_reading import read_book
from handover.plan.edits import Edits, Fate
from handover.plan.errors import NoPlanWorkbook
from handover.plan.model import LooseRecord, Plan
from handover.plan.view import Audience
from handover.plan.workbook import BookRequest, list_sheets, write_book
from handover.plan.workbook_cells import Finder
from handover.plan.workbook_reading import ReadBook, list_sent, read_plans_book
from handover.plan.workbook_words import EDITABLE, ROWS, label_people
from tests.worlds.small_company import (
    account,
    key_account,
    people,
    plan_of,
    row_of,
    wanting,
    with_opportunity,
)
from tests.worlds.workbooks import (
    NAMES,
    Sheets,
    fill_in,
    find_column,
    find_row,
    read_sheets,
    save_again,
)

FRIDAY = dt.date(2027, 3, 5)
HELD = dt.date(2027, 4, 30)
LOOSE = LooseRecord(object="opportunities", id="O99", name="=HYPERLINK(1)", action=None)
NAMED = {each.id: each.name for each in people() if each.is_active and each.id != "P"}
HOSTILE = "=cmd|' /C calc'!A0\t\x1b[31m"
CONTACT = NamedContact(name="受付", phone="03-0000-0001")


def make_plan() -> Plan:
    made = plan_of(
        [
            key_account(1),
            *(with_opportunity(n) for n in range(2, 6)),
            wanting(7),
            account(10),
            account(11, name=HOSTILE),
            account(12),
        ],
        end=FRIDAY,
    )
    held = {"mode": Mode.HOLD, "until": HELD, "mode_by": "M", "reason": "交渉中"}
    rows = tuple(
        row.model_copy(update=held if row.account_id == "A12" else {})
        for row in made.rows
    )
    return made.model_copy(update={"rows": rows, "loose": (LOOSE,)})


PLAN = make_plan()
MET = row_of(PLAN, "A03")


def write(path: Path, plans: list[Plan], words: Words) -> Path:
    audience = Audience(
        words=words,
        name=people().name,
        currency="JPY",
        contact=lambda _: CONTACT,
    )
    request = BookRequest(
        plans=plans, audience=audience, people=NAMED, blocked={}, next_step={}
    )
    path.write_bytes(write_book(request))
    return path


def read(path: Path, plans: list[Plan], language: str = "en") -> ReadBook:
    finder = Finder(
        words=words_for(language),
        offered=label_people(NAMED),
        name=people().name,
        find_user=lambda text: find_user(people(), text).id,
    )
    tables = read_book(path)
    assert [each.plan for each in list_sent(tables, path.name)] == [p.id for p in plans]
    return read_plans_book(tables, plans, finder)


Cells = dict[tuple[str, str], Any]
"""What is filled in, by the id of the row and the column."""


def filled(folder: Path, cells: Cells, *, written: str = "ja") -> ReadBook:
    """Read the plan's workbook after some cells were filled in."""
    path = write(folder / "plan.xlsx", [PLAN], words_for(written))

    def change(sheets: Sheets) -> None:
        for (key, column), value in cells.items():
            fill_in(sheets, [key], column, value)

    return read(save_again(path, change), [PLAN])


def problems(book: ReadBook) -> list[str]:
    return [words_for("en").phrase(each) for each in book.mistakes]


# What it shows


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_sheets_and_columns_are_in_the_readers_language(
    tmp_path: Path, language: str
) -> None:
    words = words_for(language)
    sheets = read_sheets(write(tmp_path / "a.xlsx", [PLAN], words))
    assert list(sheets)[:6] == [
        words(each)
        for each in (
            "Summary",
            "Customers",
            "Opportunities",
            "Without a customer",
            "Calendar",
            "Legend",
        )
    ]
    customers = sheets[words("Customers")]
    names = [str(cell).partition(".")[2] for cell in customers[NAMES]]
    assert set(EDITABLE[ROWS]) <= set(names)
    assert words("book-column:mode") in customers[1]
    assert customers[2][find_column(customers, "mode")] == words("mode:meet")
    said = [str(cell) for rows in sheets.values() for row in rows for cell in row]
    shown = [each for each in said if ".marks " not in each]
    assert not any("book-" in each or "reason:" in each for each in shown)


def test_its_cells_are_days_times_and_numbers_and_nothing_computes(
    tmp_path: Path,
) -> None:
    sheets = read_sheets(write(tmp_path / "a.xlsx", [PLAN], words_for("en")))
    rows = sheets["Customers"]
    row = rows[find_row(rows, [MET.account_id])]
    assert MET.visit is not None
    assert row[find_column(rows, "date")] == MET.visit.date
    assert f"{row[find_column(rows, 'start')]:%H:%M}" == MET.visit.start
    assert row[find_column(rows, "value")] == float(MET.value)
    assert row[find_column(rows, "to_meet")].count("03-0000-0001") == 1
    said = {str(cell) for each in sheets.values() for row in each for cell in row}
    assert "'=cmd|' /C calc'!A0 [31m" in said
    assert "'=HYPERLINK(1)" in said


def test_visits_stand_in_the_order_of_their_time() -> None:
    audience = Audience(words=words_for("en"), name=str, currency="JPY")
    request = BookRequest(
        plans=[PLAN], audience=audience, people=NAMED, blocked={}, next_step={}
    )
    table = next(t for t in list_sheets(request) if isinstance(t, SheetTable))
    column = [each.name for each in table.columns].index("date")
    cells = [row[column] for row in table.rows]
    days = [each for each in cells if isinstance(each, dt.date)]
    assert days == sorted(days)
    assert len(days) >= 5


# What comes back


@pytest.mark.parametrize("written", LANGUAGES)
@pytest.mark.parametrize("read_in", LANGUAGES)
def test_an_untouched_workbook_says_nothing(
    tmp_path: Path, written: str, read_in: str
) -> None:
    path = write(tmp_path / "a.xlsx", [PLAN], words_for(written))
    for _ in range(2):
        book = read(path, [PLAN], read_in)
        assert book.edits[PLAN.id] == Edits()
        assert [*book.changes, *book.mistakes, *book.absent, *book.columns] == []
        save_again(path)


A1, A3, A7, A10, A12 = "A01", "A03", "A07", "A10", "A12"
NEXT = dt.date(2027, 3, 4)
ONE_CELL: dict[str, tuple[Cells, Edits]] = {
    "date": ({(A3, "date"): NEXT}, Edits(dates={A3: NEXT})),
    "date as text": ({(A3, "date"): "3月4日"}, Edits(dates={A3: NEXT})),
    "co_attendance": ({(A1, "co_attendance"): "あり"}, Edits(attend=(A1,))),
    "co_attendance in English": (
        {(A1, "co_attendance"): "no"},
        Edits(no_attend=(A1,)),
    ),
    "successor": ({(A1, "successor"): "鈴木"}, Edits(successors={A1: "T"})),
    "successor by id": ({(A1, "successor"): "T"}, Edits(successors={A1: "T"})),
    "until": (
        {(A12, "until"): "2027/5/31"},
        Edits(hold=(A12,), untils={A12: dt.date(2027, 5, 31)}),
    ),
    "reason": (
        {(A12, "reason"): "再交渉"},
        Edits(hold=(A12,), untils={A12: HELD}, reasons={A12: "再交渉"}),
    ),
    "class": ({(A1, "class"): "一般"}, Edits(classes={A1: "normal"})),
    "loose": (
        {("O99", "action"): "そのまま"},
        Edits(loose={("opportunities", "O99"): Fate(action="leave")}),
    ),
}


@pytest.mark.parametrize("column", ONE_CELL)
def test_one_edited_cell_is_one_change(tmp_path: Path, column: str) -> None:
    cells, expected = ONE_CELL[column]
    book = filled(tmp_path, cells)
    assert not book.mistakes
    assert book.edits[PLAN.id] == expected
    assert [each.column for each in book.changes] == [key[1] for key in cells]


def test_a_time_alone_keeps_the_day(tmp_path: Path) -> None:
    book = filled(tmp_path, {(A3, "start"): "１５：３０"})
    assert MET.visit is not None
    expected = Edits(dates={A3: MET.visit.date}, times={A3: "15:30"})
    assert book.edits[PLAN.id] == expected


def test_reasons_belong_to_what_was_decided_on_their_row(tmp_path: Path) -> None:
    cells = {
        (A10, "mode"): "面会",
        (A10, "reason"): "'=大事\t",
        (A7, "mode"): "保留",
        (A7, "until"): "令和9年4月30日",
        (A1, "co_attendance"): "なし",
        (A1, "attendance_reason"): "出張中",
        ("O03", "action"): "保留する",
        ("O03", "until"): HELD,
    }
    book = filled(tmp_path, cells)
    assert not book.mistakes
    assert len(book.changes) == len(cells)
    assert book.edits[PLAN.id] == Edits(
        meet=(A10,),
        hold=(A7,),
        untils={A7: HELD},
        reasons={A10: "=大事"},
        no_attend=(A1,),
        attendance_reasons={A1: "出張中"},
        opportunities={"O03": Fate(action="hold", until=HELD)},
    )


def test_typing_again_what_stands_there_changes_nothing(tmp_path: Path) -> None:
    assert MET.visit is not None
    cells: Cells = {
        (A3, "mode"): " MEET ",
        (A3, "date"): MET.visit.date.isoformat(),
        (A3, "start"): MET.visit.start,
        (A3, "successor"): "S",
        (A12, "reason"): "交渉中 ",
    }
    book = filled(tmp_path, cells)
    assert [*book.mistakes, *book.changes] == []
    assert book.edits[PLAN.id].is_empty


WRONG: dict[str, tuple[Cells, str]] = {
    "unknown word": ({(A1, "mode"): "電話"}, "電話 is none of"),
    "no day": ({(A3, "date"): "来週"}, "来週 is not a date"),
    "no time": ({(A3, "start"): "朝"}, "朝 is not a time"),
    "nobody": ({(A1, "successor"): "誰か"}, "There is no user 誰か"),
    "who has left": ({(A1, "successor"): "山本"}, "山本 cannot take over"),
    "themselves": ({(A1, "successor"): "P"}, "佐藤"),
    "cleared mode": ({(A1, "mode"): ""}, "cannot be left empty"),
    "cleared day": ({(A3, "date"): ""}, "cannot be left empty"),
    "cleared time": ({(A3, "start"): ""}, "cannot be left empty"),
    "cleared successor": ({(A1, "successor"): ""}, "cannot be left empty"),
    "cleared reason": ({(A12, "reason"): ""}, "cannot be left empty"),
    "hold without a day": ({(A7, "mode"): "保留"}, "needs the day on which it ends"),
    "until without hold": ({(A7, "until"): HELD}, "Only what is held"),
    "mode without a reason": ({(A10, "mode"): "面会"}, "needs a reason"),
    "another mode, old reason": ({(A12, "mode"): "面会"}, "reason of its own"),
    "reason alone": ({(A10, "reason"): "x"}, "nothing was decided"),
    "day of who is informed": ({(A10, "date"): NEXT}, "is not met"),
    "attendance of who is informed": (
        {(A10, "co_attendance"): "あり"},
        "is not met",
    ),
    "reason for no attendance": (
        {(A1, "attendance_reason"): "x"},
        "not decided whether the manager attends",
    ),
    "held opportunity without a day": (
        {("O03", "action"): "保留する"},
        "needs the day on which it ends",
    ),
    "opportunity that stays": ({("O03", "action"): "そのまま"}, "is none of"),
    "read-only name": ({(A1, "account"): "客先99"}, "Customer cannot be changed"),
    "read-only value": ({(A1, "value"): 5}, "Value cannot be changed"),
    "another id": ({(A1, "account_id"): "A99"}, "is not in the plan"),
    "a row twice": ({(A3, "account_id"): A1}, "It stands in row"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_makes_no_sense_is_named_with_its_place(tmp_path: Path, what: str) -> None:
    cells, said = WRONG[what]
    book = filled(tmp_path, cells)
    assert any(said in each for each in problems(book)), problems(book)
    assert all("!" in each for each in problems(book))
    assert book.edits[PLAN.id].is_empty


def test_a_copied_sheet_is_refused_by_its_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [PLAN], words_for("en"))

    def copy(sheets: Sheets) -> None:
        sheets["Customers (2)"] = [[*row] for row in sheets["Customers"]]
        fill_in(sheets, [A3], "date", NEXT)

    assert problems(read(save_again(path, copy), [PLAN])) == [
        "Customers (2): This sheet is a copy; only one of them can be filled in."
    ]


def test_a_changed_or_doubled_list_of_plans_is_no_workbook_of_ours(
    tmp_path: Path,
) -> None:
    def change(sheets: Sheets) -> None:
        sheets["_plans"][2][1] = "7"

    def double(sheets: Sheets) -> None:
        sheets["_plans"].append([*sheets["_plans"][2]])

    def lose(sheets: Sheets) -> None:
        for row in sheets["_plans"]:
            row.pop(5)

    for how in (change, double, lose):
        path = write(tmp_path / "a.xlsx", [PLAN], words_for("en"))
        with pytest.raises(NoPlanWorkbook):
            list_sent(read_book(save_again(path, how)), "a.xlsx")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    cells = {**WRONG["no day"][0], **WRONG["unknown word"][0], **WRONG["no time"][0]}
    assert len(problems(filled(tmp_path, cells))) == 3


def test_a_row_that_is_no_longer_met_may_keep_or_lose_its_day(tmp_path: Path) -> None:
    expected = Edits(inform=(A3,), reasons={A3: "電話で足りる"})
    cells: Cells = {(A3, "mode"): "情報のみ", (A3, "reason"): "電話で足りる"}
    assert filled(tmp_path, cells).edits[PLAN.id] == expected
    cells |= {(A3, "date"): "", (A3, "start"): ""}
    assert filled(tmp_path, cells).edits[PLAN.id] == expected


def test_deleted_rows_and_columns_change_nothing_and_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.xlsx", [PLAN], words_for("en"))

    def delete(sheets: Sheets) -> None:
        rows = sheets["Customers"]
        rows.pop(find_row(rows, [A10]))
        column = find_column(rows, "co_attendance")
        for row in rows:
            row.pop(column)
        sheets.pop("Without a customer")

    book = read(save_again(path, delete), [PLAN])
    assert book.absent == ["客先10", "=HYPERLINK(1) (O99)"]
    assert book.columns == ["Manager attends"]
    assert book.edits[PLAN.id].is_empty
    assert not book.mistakes


def test_the_plans_of_a_reorganisation_come_back_one_by_one(tmp_path: Path) -> None:
    other = plan_of(
        [with_opportunity(21), account(22)],
        plan_id="other",
        predecessor="T",
        end=FRIDAY,
    )
    path = write(tmp_path / "a.xlsx", [PLAN, other], words_for("ja"))

    def change(sheets: Sheets) -> None:
        fill_in(sheets, [A3], "date", NEXT)
        fill_in(sheets, ["A21"], "date", FRIDAY)

    book = read(save_again(path, change), [PLAN, other])
    assert book.edits[PLAN.id] == Edits(dates={A3: NEXT})
    assert book.edits[other.id] == Edits(dates={"A21": FRIDAY})


# Any set of edits

IDS = [row.account_id for row in PLAN.rows if row.account_id != A12]
WORD = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=9)


@st.composite
def decisions(draw: st.DrawFn) -> tuple[Cells, Edits]:
    """Draw what somebody fills in on one row, and the edits they mean by it."""
    key = draw(st.sampled_from(IDS))
    row = row_of(PLAN, key)
    mode = draw(st.sampled_from(["meet", "inform", "hold", "exclude"]))
    why, day = draw(WORD), draw(st.dates(dt.date(2027, 3, 2), dt.date(2027, 12, 31)))
    if mode == row.mode.value:
        return {(key, "successor"): "T"}, Edits(successors={key: "T"})
    cells: Cells = {(key, "mode"): mode, (key, "reason"): why}
    edits: dict[str, Any] = {mode: (key,), "reasons": {key: why}}
    if mode == "hold":
        cells[key, "until"] = draw(st.sampled_from([day, day.isoformat()]))
        edits["untils"] = {key: day}
    if mode in ("meet", "hold") and draw(st.booleans()):
        cells[key, "co_attendance"] = "yes"
        edits["attend"] = (key,)
    return cells, Edits(**edits)


def find_key(decision: tuple[Cells, Edits]) -> str:
    return next(iter(decision[0]))[0]


def together(first: Edits, second: Edits) -> Edits:
    """Put the edits of two rows together."""
    both: dict[str, Any] = {}
    for name in ("meet", "inform", "hold", "exclude", "attend"):
        both[name] = (*getattr(first, name), *getattr(second, name))
    for name in ("reasons", "untils", "successors"):
        both[name] = {**getattr(first, name), **getattr(second, name)}
    return Edits(**both)


def ordered(edits: Edits) -> dict[str, Any]:
    return {
        name: sorted(value) if isinstance(value, tuple) else value
        for name, value in vars(edits).items()
    }


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    drawn=st.lists(
        decisions(), max_size=5, unique_by=lambda each: next(iter(each[0]))[0]
    )
)
def test_any_set_of_cells_is_the_same_set_of_edits(
    drawn: list[tuple[Cells, Edits]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    cells: Cells = {}
    expected = Edits()
    for own, edits in drawn:
        cells |= own
        expected = together(expected, edits)
    book = filled(tmp_path_factory.mktemp("any"), cells)
    assert not book.mistakes
    assert ordered(book.edits[PLAN.id]) == ordered(expected)
    assert len(book.changes) == len(cells)
