"""Workbooks that people fill in and send back: sheets, drop-downs, what is hidden.

A ``SheetTable`` is read back by ``workbook_reading``: above its headings stands a
hidden row with the names of its columns, and in its last column, hidden too, a mark of
each cell as it was written. So a reader finds the columns wherever they were moved, and
knows which cells somebody has changed, whatever a program did to the file.
"""

import datetime as dt
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import groupby
from typing import Any, Literal

from handover.i18n import Words
from handover.paper.workbook_marks import (
    HEADINGS,
    MARKS,
    Kind,
    column_letters,
    name_columns,
    write_marks,
)
from handover.paper.workbook_measures import count_lines, find_height, fit_width
from handover.safe_text import cell, plain

Value = str | int | float | Decimal | dt.date | dt.time | None
Look = Literal["title", "heading", "label", "text", "bad"]

FONT = "Yu Gothic"
SIZE = 10.5
LONGEST = 32_767
"""Characters of a cell (Excel specifications and limits)."""
LONGEST_TITLE = 31
"""Characters of a sheet's name (the same)."""
LISTS = "_lists"
"""The hidden sheet with what the drop-downs offer."""
_A4 = 9
_ONE_PAGE = 40
"""So many lines of text are drawn together rather than broken over two pages."""
_NO_TITLE = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
"""Characters that no sheet's name may have (Excel specifications and limits)."""
_OF_LOCKED = ("format_cells", "format_columns", "format_rows", "sort", "autofilter")
_ALLOWED = dict.fromkeys(_OF_LOCKED, True)
"""What may be done to a locked sheet all the same: nothing of it changes a cell."""
_FILLS = {"heading": "#24527A", "editable": "#FFF8DC", "bad": "#F8D7DA"}


@dataclass(frozen=True, kw_only=True)
class SheetColumn:
    """One column of a table.

    ``name`` is what a reader finds it by, ``heading`` what people see. ``choices`` are
    offered by a drop-down. What ``is_editable`` has a colour of its own. ``width`` is
    in characters, a Japanese one counts two; by default it fits what stands there.
    """

    name: str
    heading: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()
    is_editable: bool = False
    is_hidden: bool = False
    width: float | None = None


@dataclass(frozen=True, kw_only=True)
class SheetTable:
    """A sheet with one record in a row, which people sort, filter and fill in.

    ``name`` is what a reader finds it by, ``title`` what stands on its tab. ``frozen``
    visible columns stay in sight on the left. ``failing`` are places, as row and
    column counted from 0, that are coloured as what blocks.
    """

    name: str
    title: str
    columns: Sequence[SheetColumn]
    rows: Sequence[Sequence[Value]]
    frozen: int = 1
    is_hidden: bool = False
    failing: frozenset[tuple[int, int]] = frozenset()
    own_choices: Mapping[str, Sequence[tuple[str, ...]]] = field(default_factory=dict)
    is_locked: bool = False


@dataclass(frozen=True, kw_only=True)
class TextLine:
    """One line of a page: a label and what is said of it, or one of the two."""

    text: Value = None
    label: str = ""
    look: Look = "text"


@dataclass(frozen=True, kw_only=True)
class TextSheet:
    """A sheet to be read: a summary, a legend."""

    title: str
    lines: Sequence[TextLine]
    widths: tuple[float, float] = (24.0, 96.0)


def write_workbook(
    sheets: Sequence[SheetTable | TextSheet],
    words: Words,
    *,
    subject: str,
    mark: str = "",
) -> bytes:
    """Write a workbook in A4 landscape, each sheet one page wide.

    No cell of it computes anything, and texts stay texts.

    Args:
        sheets: the first one is shown when it is opened.
        words: the language of days and of what is said about a wrong choice.
        subject: what it is about, at the foot of each printed page.
        mark: what every page bears that counts for nothing: that it is a rehearsal.
    """
    # Importing it takes longer than most commands.
    import xlsxwriter  # noqa: PLC0415

    buffer = io.BytesIO()
    settings = {"strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(buffer, {"in_memory": True, **settings}) as book:
        writer = _Writer(book=book, words=words, subject=subject, mark=mark)
        for sheet in sheets:
            writer.add(sheet)
        writer.add_lists()
    return buffer.getvalue()


@dataclass(kw_only=True)
class _Writer:
    """Writes sheet after sheet, and keeps what they share."""

    book: Any
    words: Words
    subject: str
    mark: str
    _titles: set[str] = field(default_factory=set)
    _formats: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    _lists: dict[tuple[str, ...], str] = field(default_factory=dict)

    def add(self, sheet: SheetTable | TextSheet) -> None:
        page = self.book.add_worksheet(self._find_title(sheet.title))
        self._set_up(page)
        if isinstance(sheet, TextSheet):
            self._write_page(page, sheet)
            return
        self._write_table(page, sheet)
        if sheet.is_hidden:
            page.very_hidden()

    def add_lists(self) -> None:
        """Write what the drop-downs offer: a list in the rule itself is cut at 255."""
        if not self._lists:
            return
        page = self.book.add_worksheet(LISTS)
        for n, choices in enumerate(self._lists):
            for k, choice in enumerate(choices):
                page.write_string(k, n, _safe(choice))
        page.very_hidden()

    def _find_title(self, wanted: str) -> str:
        """Return a sheet's name that no other sheet has; Excel takes A for a."""
        title = plain(wanted).translate(_NO_TITLE)[:LONGEST_TITLE].strip() or "-"
        number = 2
        while title.casefold() in self._titles:
            behind = f" {number}"
            title, number = title[: LONGEST_TITLE - len(behind)] + behind, number + 1
        self._titles.add(title.casefold())
        return title

    def _set_up(self, page: Any) -> None:  # noqa: ANN401 - xlsxwriter has no types
        page.set_landscape()
        page.set_paper(_A4)
        page.fit_to_pages(1, 0)
        page.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
        page.hide_gridlines(2)
        subject = _safe(self.subject).replace("&", "&&")[:120]
        page.set_footer(f"&L{subject}&C&A&R&P / &N")
        if self.mark:
            page.set_header(f"&C&B{_safe(self.mark).replace('&', '&&')[:200]}")
            page.set_tab_color("red")

    def _format(self, **look: object) -> Any:  # noqa: ANN401
        key = tuple(sorted(look.items()))
        if key not in self._formats:
            base = {"font_name": FONT, "font_size": SIZE, "valign": "top"}
            self._formats[key] = self.book.add_format({**base, **look})
        return self._formats[key]

    # Pages

    def _write_page(self, page: Any, sheet: TextSheet) -> None:  # noqa: ANN401
        page.set_column(0, 0, sheet.widths[0])
        page.set_column(1, 1, sheet.widths[1])
        lines = [*sheet.lines]
        if len(lines) <= _ONE_PAGE:
            page.fit_to_pages(1, 1)
        if self.mark:
            lines.insert(0, TextLine(label=self.mark, look="bad"))
        looks: Mapping[Look, Mapping[str, object]] = {
            "title": {"bold": True, "font_size": 16},
            "heading": {"bold": True, "font_size": 12, "bottom": 1},
            "bad": {"bold": True, "font_color": "#A4001D"},
        }
        for n, line in enumerate(lines):
            look = dict(looks.get(line.look, {}))
            is_wide = line.look in looks and line.text is None
            label = {"bold": True, "text_wrap": not is_wide, **look}
            if line.look == "heading":
                page.write_blank(n, 1, None, self._format(**look))
            lines_needed = 1.6 if line.look in ("title", "heading") else 1.0
            if not is_wide:
                lines_needed = count_lines((line.label, line.text), sheet.widths)
            page.set_row(n, find_height(lines_needed))
            if line.label:
                page.write_string(n, 0, _safe(line.label), self._format(**label))
            self._write(page, n, 1, line.text, "text", {"text_wrap": True, **look})

    # Tables

    def _write_table(self, page: Any, table: SheetTable) -> None:  # noqa: ANN401
        columns, width = table.columns, len(table.columns)
        widths = [column.width or _fit(table, n) for n, column in enumerate(columns)]
        for n, column in enumerate(columns):
            page.write_string(0, n, f"{table.name}.{column.name}")
            page.write_string(1, n, _safe(column.heading), self._heading_of(column))
            hidden = {"hidden": column.is_hidden}
            page.set_column(n, n, widths[n], self._empty_of(column), hidden)
        # The arrow of the filter lies over the end of a heading.
        heads = [f"{column.heading}___" for column in columns]
        page.set_row(1, find_height(count_lines(heads, widths)))
        shown = [
            0.0 if c.is_hidden else w for c, w in zip(columns, widths, strict=True)
        ]
        kinds = {column.name: column.kind for column in columns}
        page.write_string(0, width, f"{table.name}.{MARKS} {name_columns(kinds)}")
        page.write_string(1, width, HEADINGS)
        for n, row in enumerate(table.rows):
            page.set_row(n + 2, find_height(count_lines(row, shown)))
            for k, (column, value) in enumerate(zip(columns, row, strict=True)):
                look = _look(column, is_failing=(n, k) in table.failing)
                self._write(page, n + 2, k, value, column.kind, look)
            page.write_string(n + 2, width, write_marks(kinds, row))
        page.set_column(width, width, None, None, {"hidden": True})
        page.set_row(0, None, None, {"hidden": True})
        last = max(len(table.rows), 1) + 1
        page.autofilter(1, 0, last, width)
        seen = [n for n, column in enumerate(columns) if not column.is_hidden]
        page.freeze_panes(2, seen[table.frozen] if len(seen) > table.frozen else 0)
        page.repeat_rows(1)
        page.print_area(0, 0, last, width - 1)
        for n, column in enumerate(columns):
            if column.choices:
                self._offer(page, (2, n, last, n), column, column.choices)
            for first, end, choices in _list_offered(table, column.name):
                self._offer(page, (first + 2, n, end + 2, n), column, choices)
        if table.is_locked:
            page.protect("", _ALLOWED)

    def _heading_of(self, column: SheetColumn) -> Any:  # noqa: ANN401
        side = "right" if column.kind == "number" else "left"
        return self._format(
            bold=True,
            text_wrap=True,
            align=side,
            border=1,
            border_color="#B9C4CE",
            font_color="white",
            bg_color=_FILLS["heading"],
        )

    def _empty_of(self, column: SheetColumn) -> Any:  # noqa: ANN401
        """Return how a cell below the table looks; a text typed there stays one."""
        return self._format(**_form(column.kind, self.words.language))

    def _offer(
        self,
        page: Any,  # noqa: ANN401
        where: tuple[int, int, int, int],
        column: SheetColumn,
        choices: tuple[str, ...],
    ) -> None:
        if choices not in self._lists:
            letter, rows = column_letters(len(self._lists)), len(choices)
            self._lists[choices] = f"={LISTS}!${letter}$1:${letter}${rows}"
        page.data_validation(
            *where,
            {
                "validate": "list",
                "source": self._lists[choices],
                "error_title": _safe(column.heading)[:LONGEST_TITLE],
                "error_message": self.words("Please choose from the list."),
            },
        )

    def _write(
        self,
        page: Any,  # noqa: ANN401
        row: int,
        column: int,
        value: Value,
        kind: Kind,
        look: Mapping[str, object],
    ) -> None:
        style = self._format(**{**_form(kind, self.words.language), **look})
        match value:
            case None | "":
                page.write_blank(row, column, None, style)
            case str():
                page.write_string(row, column, _safe(value), style)
            case dt.date() | dt.time():
                page.write_datetime(row, column, value, style)
            case _:
                page.write_number(row, column, float(value), style)


def _look(column: SheetColumn, *, is_failing: bool) -> dict[str, object]:
    look: dict[str, object] = {
        "text_wrap": column.kind == "text",
        "border": 1,
        "border_color": "#D5DCE4",
    }
    if column.is_editable:
        look["locked"] = False
    if is_failing:
        look["bg_color"] = _FILLS["bad"]
    elif column.is_editable:
        look["bg_color"] = _FILLS["editable"]
    return look


def _list_offered(
    table: SheetTable, name: str
) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Yield what rows of their own are offered, as first and last row and choices."""
    own = [*table.own_choices.get(name, ())]
    first = 0
    for choices, same in groupby(own):
        end = first + len([*same]) - 1
        if choices:
            yield first, end, choices
        first = end + 1


def _form(kind: Kind, language: str) -> dict[str, object]:
    """Return how values of a kind are written; @ keeps leading zeroes of a number."""
    day = "[$-411]yyyy/m/d(aaa)" if language == "ja" else "[$-409]ddd d mmm yyyy"
    forms: dict[Kind, dict[str, object]] = {
        "text": {"num_format": "@"},
        "number": {"num_format": "#,##0", "align": "right", "indent": 1},
        "day": {"num_format": day, "align": "left"},
        "time": {"num_format": "h:mm", "align": "left"},
    }
    return forms[kind]


def _safe(text: str) -> str:
    """Return a text that computes nothing, also once it is saved as CSV."""
    shown = cell(plain(text))
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def _fit(table: SheetTable, number: int) -> float:
    """Return the width that a column of a table needs."""
    column = table.columns[number]
    own = table.own_choices.get(column.name, ())
    choices = {*column.choices, *(each for offered in own for each in offered)}
    values = (row[number] for row in table.rows)
    return fit_width(column.heading, column.kind, values, choices)
