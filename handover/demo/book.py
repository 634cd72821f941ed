"""What the records of the sample company are drawn with: dice, days, tables, blanks."""

import datetime as dt
import tomllib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeVar

Row = dict[str, str]
T = TypeVar("T")

WORDS = Path(__file__).with_name("words.toml")
SEED = 20260401
DOMAIN = "example.jp"
MOBILE = "090"


@dataclass(frozen=True, kw_only=True)
class Customer:
    """One account while its records are made; ``age`` is in days.

    ``care`` is how carefully its owner keeps the CRM: the share of cells he fills.
    """

    id: str
    owner: str
    latin: str
    area_code: str
    care: float
    age: int


class Dice:
    """Draws that are the same in every Python version."""

    def __init__(self) -> None:
        self._random = Random(SEED)  # noqa: S311 - sample data, and always the same

    def chance(self, share: float) -> bool:
        """Say yes in such a share of cases."""
        return self._random.random() < share

    def between(self, low: int, high: int) -> int:
        """Draw a number; both ends are possible."""
        return low + int(self._random.random() * (high - low + 1))

    def pick(self, things: Sequence[T]) -> T:
        """Draw one of several."""
        return things[self.between(0, len(things) - 1)]

    def shuffled(self, things: Sequence[T]) -> list[T]:
        """Put things into some order."""
        keyed = [(self._random.random(), at) for at in range(len(things))]
        return [things[at] for _, at in sorted(keyed)]


class Book:
    """The tables so far, the words they are made of, and the day."""

    def __init__(self, today: dt.date) -> None:
        self.tables: dict[str, list[Row]] = defaultdict(list)
        self.words: dict[str, Any] = tomllib.loads(WORDS.read_text(encoding="utf-8"))
        self.dice = Dice()
        self._today = today

    def add(self, table: str, **cells: str) -> Row:
        """Add a row."""
        self.tables[table].append(cells)
        return cells

    def next_id(self, table: str, letter: str, digits: int = 4) -> str:
        """Number the next row of a table."""
        return f"{letter}{len(self.tables[table]) + 1:0{digits}}"

    def maybe(self, share: float, text: str) -> str:
        """Fill a cell in such a share of cases, else leave it empty."""
        return text if self.dice.chance(share) else ""

    def filled(self, text: str, care: float, blanks: str = "text") -> str:
        """Fill a cell as carefully as its owner does, else leave it or scribble."""
        if self.dice.chance(care):
            return text
        if blanks != "person" and self.dice.chance(0.7):
            return ""
        scribbles = self.dice.chance(0.6)
        return self.dice.pick(self.words["blanks"][blanks]) if scribbles else text

    def phone(self, area_code: str) -> str:
        """Draw a number of the right length: ten digits, eleven for a mobile."""
        middle = 4 if area_code == MOBILE else 6 - len(area_code)
        low = 10 ** (middle - 1)
        exchange = self.dice.between(2 * low, 10 * low - 2)
        return f"{area_code}-{exchange}-{self.dice.between(1_000, 9_998)}"

    def day(self, offset: int) -> str:
        """Give a working day about so many days from today, on its side of it."""
        day = self._today + dt.timedelta(offset)
        while day.weekday() > 4:
            day += dt.timedelta(1 if offset > 0 else -1)
        return day.isoformat()

    def moment(self, offset: int) -> str:
        """Give a time in the office hours of such a day."""
        hour, minute = self.dice.between(9, 17), self.dice.pick(["00", "30"])
        return f"{self.day(offset)} {hour:02}:{minute}"


def yes(value: bool) -> str:  # noqa: FBT001
    """Write yes or no."""
    return "true" if value else "false"
