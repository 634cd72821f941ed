"""A list as plans show it: title, headings, rows of text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Cells = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlanList:
    """One list of a plan.

    ``numbers`` are the columns that hold amounts, ``on_paper`` those for which a
    terminal has no room, ``on_terminal`` those that stand in for them there.
    """

    title: str
    headings: Cells
    rows: Sequence[Cells]
    numbers: tuple[int, ...] = ()
    on_paper: tuple[int, ...] = ()
    on_terminal: tuple[int, ...] = ()
    whole: tuple[int, ...] = ()
    """Columns that are typed again and must not be shortened."""

    def columns(self, where: Literal["paper", "terminal"]) -> list[int]:
        """List the columns that are shown there."""
        hidden = self.on_terminal if where == "paper" else self.on_paper
        return [n for n in range(len(self.headings)) if n not in hidden]
