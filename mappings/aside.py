"""What does not fit of a page, and how it is told: cells, and now and then whole rows.

A value that does not convert costs its cell, never its record. Only a record without an
id, or a later one of an id that says something else, is put aside as a whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

VALUE_LENGTH = 80
"""Characters of a cell that a reject quotes."""

UNKNOWN_WORD = "unknown_word"
"""The reason of a word that a list does not have: the cell holds *other*."""
LOST_LEAD = "lost_lead"
"""What is said once of a column of phones whose numbers lack their first 0 or +."""
NOTHING_LOST = frozenset({UNKNOWN_WORD, LOST_LEAD})
"""Reasons that say something of a cell which is there all the same."""

Texts = Sequence[str | None]


@dataclass(frozen=True, kw_only=True)
class Reject:
    """What does not fit of one row: where it stands, the column and its value.

    ``field`` is what the CRM calls the column, ``row`` the line or position in the
    source. ``whole``: the record itself was put aside; otherwise it stays, and only
    the cell of this column is empty.
    """

    table: str
    row: int
    id: str | None
    column: str | None = None
    field: str | None
    value: str | None
    reason: str
    whole: bool = True


def quoted(value: str | None) -> str | None:
    """Return as much of a value as a reject quotes."""
    return value[:VALUE_LENGTH] if value else None


@dataclass
class FirstRows:
    """What the first row of each id said, to tell a repetition from a contradiction.

    Only a digest is kept of the pages before.
    """

    _digests: dict[str, int] = field(default_factory=dict)
    _here: dict[str, int] = field(default_factory=dict)
    _columns: dict[str, Texts] = field(default_factory=dict)
    _rows: list[int] = field(default_factory=list)

    def turn_to(self, columns: dict[str, Texts]) -> None:
        """Take up a page: the texts of its columns."""
        self._here, self._columns = {}, columns
        self._rows = [hash(row) for row in zip(*columns.values(), strict=True)]

    def add(self, id_: str, at: int) -> None:
        """Remember the first row of an id."""
        self._digests[id_] = self._rows[at]
        self._here[id_] = at

    def says_the_same(self, id_: str, at: int) -> bool:
        """Tell whether a later row says in every column what the first one did."""
        return self._digests.get(id_) == self._rows[at]

    def differences(self, id_: str, at: int) -> str:
        """Return the columns that differ with both values; empty if not on this page.

        For example ``owner_id: u1 / u2``.
        """
        first = self._here.get(id_)
        if first is None:
            return ""
        return "; ".join(
            f"{name}: {texts[first] or ''} / {texts[at] or ''}"
            for name, texts in self._columns.items()
            if texts[first] != texts[at]
        )
