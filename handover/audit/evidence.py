"""Why an item is in its state, in a sentence of the catalogue.

The most telling words there are: of the item in that state, of the item with its rows
("3 of 5 purchases have a reason"), of the state alone. An item that is a text in one
company and rows in another has words of its own for rows.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from handover.audit.model import Evidence
from handover.i18n import Words
from handover.paper.dates import day


class JudgedItem(NamedTuple):
    """A row of the audit's items: what the rules found of one item of one account."""

    account_id: str
    item: str
    state: str
    quality: float | None
    rows: int | None
    rows_ok: int | None
    records: Sequence[str] | None
    on_date: dt.date | None


Cells = Sequence[tuple[str, str | None]]
"""Cells that were put aside: the CRM's field, and the value as it was written."""
SHOWN_CELLS = 3

WITHOUT_ROWS = frozenset({"unreadable", "unmapped", "not_applicable"})
"""States that no row decided."""


class EvidenceTexts:
    """The sentences of one language."""

    def __init__(self, words: Words, aside: Mapping[tuple[str, str], Cells]) -> None:
        """Take the cells put aside on which items rest, by account and item."""
        self._words = words
        self._aside = aside
        # The same few sentences come again and again.
        self._keys: dict[tuple[str, str, bool, bool], str] = {}
        self._days: dict[dt.date, str] = {}

    def of(self, found: JudgedItem) -> Evidence:
        """Return why an item of an account is in its state."""
        return Evidence(
            text=self._text(found), records=found.records or [], at=found.on_date
        )

    def _text(self, found: JudgedItem) -> str:
        if found.state == "invalid":
            cells = self._aside.get((found.account_id, found.item))
            if cells:
                return self._unread(cells)
        return self._found(found)

    def _unread(self, cells: Cells) -> str:
        """Name the values that could not be read, the first few."""
        words = self._words
        shown = [
            words('{field} "{value}"', field=field, value=value or "")
            for field, value in cells[:SHOWN_CELLS]
        ]
        text = words("evidence:unread", cells=", ".join(shown))
        more = len(cells) - len(shown)
        return f"{text} {words('and {n} more', n=more)}" if more else text

    def _found(self, found: JudgedItem) -> str:
        date, rows = found.on_date, found.rows
        case = (found.item, found.state, rows is not None, date is not None)
        if case not in self._keys:
            self._keys[case] = self._key(*case)
        return self._words(
            self._keys[case], ok=found.rows_ok, n=rows, date=self._day(date)
        )

    def _key(self, item: str, state: str, has_rows: bool, has_date: bool) -> str:  # noqa: FBT001 - parts of a key
        counted = has_rows and state not in WITHOUT_ROWS
        tries = [f"evidence:{item}:rows"] if counted else []
        tries += [f"evidence:{item}:{state}:undated"] if not has_date else []
        tries.append(f"evidence:{item}:{state}")
        tries += [f"evidence:{item}"] if counted else []
        return next(filter(self._words.has, tries), f"evidence:{state}")

    def _day(self, date: dt.date | None) -> str:
        if date is None:
            return ""
        if date not in self._days:
            self._days[date] = day(date, self._words.language)
        return self._days[date]
