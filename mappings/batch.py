"""One table's share of a page on its way from cells to rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mappings.aside import Reject, quoted
from mappings.cells import Cell
from mappings.columns import Values
from mappings.links import PAIRS
from mappings.model import ObjectMapping
from mappings.text import as_text


@dataclass(kw_only=True)
class Batch:
    """The cells of a page that feed one table, and what becomes of them."""

    table: str
    part: ObjectMapping
    cells: dict[str, list[Cell]]
    position: Sequence[int]
    """The row of the page that each row here came from."""
    filled: dict[str, Values] = field(default_factory=dict)
    whole: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Column and reason of the rows to put aside."""
    bad: list[tuple[int, str, str]] = field(default_factory=list)
    """Row, column and reason of the cells that do not convert."""
    of_column: list[tuple[int, str, str]] = field(default_factory=list)
    """What is said of a column as a whole, with a row that shows it."""
    said: dict[tuple[int, str], str] = field(default_factory=dict)
    """By row and column, what is quoted instead of the cell."""
    none: set[int] = field(default_factory=set)
    """Rows that turned out to be none at all."""

    def texts(self, name: str, *, first: bool = False) -> list[str | None]:
        """Write a column's cells as text; ``first``: only a list's first element."""
        cells = self.cells.get(name, [None] * len(self.position))
        return [
            as_text(cell[:1] if first else cell) if isinstance(cell, list) else cell
            for cell in cells
        ]

    def values(self, name: str) -> list[str | None]:
        """Return a filled column of ids."""
        column = self.filled.get(name, [None] * len(self.position))
        return list(column)

    def put_aside(self, at: int, name: str, reason: str, said: str) -> None:
        """Empty a cell before it is converted, and keep what it said."""
        self.cells[name][at] = None
        self.bad.append((at, name, reason))
        self.said[at, name] = said

    def kept(self) -> list[int]:
        """List the rows that stand."""
        gone = self.none | self.whole.keys()
        return [at for at in range(len(self.position)) if at not in gone]

    def rejects(self, numbers: Sequence[int]) -> Iterator[Reject]:
        """Yield what does not fit, row by row; of a row put aside only that it was.

        Args:
            numbers: where each row of the page stands in its source.
        """
        ids = self.values("id") if self.table in PAIRS else self.texts("id")
        gone = self.none | self.whole.keys()
        found = [(ids[one[0]], *one) for one in self.bad if one[0] not in gone]
        found += ((ids[at], at, *why) for at, why in self.whole.items())
        found += ((None, *one) for one in self.of_column)
        texts = {name: self.texts(name) for name in {name for _, _, name, _ in found}}
        for id_, at, name, reason in sorted(found, key=lambda one: one[1]):
            form = self.part.fields.get(name)
            yield Reject(
                table=self.table,
                row=numbers[self.position[at]],
                id=id_,
                column=name,
                field=" + ".join(form.names if form else ()) or name,
                value=quoted(self.said.get((at, name)) or texts[name][at]),
                reason=reason,
                whole=at in self.whole and id_ == ids[at],
            )
