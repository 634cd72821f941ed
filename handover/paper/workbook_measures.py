"""How wide and how high cells are on paper, where a Japanese character takes two."""

import math
import unicodedata
from collections.abc import Iterable, Sequence

from handover.paper.workbook_marks import Kind

LINE = 17.0
"""Height of a line of text, in points. A program that only converts a workbook does not
fit the rows to what is wrapped in them."""
HIGHEST = 409.0
"""Points of a row (Excel specifications and limits)."""
NARROWEST, WIDEST = 6.0, 46.0
"""Widths of columns, in characters."""


def fit_width(
    heading: str, kind: Kind, values: Iterable[object], choices: Iterable[str] = ()
) -> float:
    """Return the width that a column's values need; long texts are wrapped."""
    if kind == "day":
        needed: float = 17
    elif kind == "time":
        needed = 7
    else:
        shown = (f"{v:,.0f}" if kind == "number" else str(v) for v in values if v)
        needed = max(map(count_cells, shown), default=0)
        needed = max([needed, *map(count_cells, choices)])
    wide = max(needed + 2, min(count_cells(heading) + 3, 16))  # the filter's arrow
    return float(min(max(wide, NARROWEST), WIDEST))


def count_lines(values: Sequence[object], widths: Sequence[float]) -> int:
    """Count the lines of a row whose texts wrap; a column without a width is hidden."""
    return max(
        (
            math.ceil(count_cells(text) / max(width - 1, 1))
            for text, width in zip(values, widths, strict=True)
            if isinstance(text, str) and width
        ),
        default=1,
    )


def find_height(lines: float) -> float:
    """Return the height of a row of so many lines, in points."""
    return min(max(lines, 1) * LINE, HIGHEST)


def count_cells(text: str) -> int:
    """Count the cells of a text on paper; a Japanese character takes two."""
    return sum(2 if unicodedata.east_asian_width(c) in "FWA" else 1 for c in text)
