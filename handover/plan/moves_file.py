"""The list of moves of a reorganisation, as a CSV file that people write.

One line per move: predecessor, account, successor, effective; ``*`` as the account
stands for all that no line of this predecessor names. Many hands write a list, so that
all its mistakes are told at once.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from connectors.files.csv_text import open_table
from handover.errors import KnownException, UsageProblem
from handover.i18n import Phrase
from handover.mirror.find import FoundAccount, find_user
from handover.mirror.people import People
from handover.plan import errors
from handover.plan.moves import Move
from handover.safe_text import plain_cell
from mappings.dates import day

COLUMNS = ("predecessor", "account", "successor", "effective")
HEADERS = {
    "前任者": "predecessor",
    "前任": "predecessor",
    "お客様": "account",
    "顧客": "account",
    "取引先": "account",
    "後任者": "successor",
    "後任": "successor",
    "担当変更日": "effective",
    "変更日": "effective",
}
"""What the columns are called in Japanese."""
ALL = "*"
_UTC = ZoneInfo("UTC")
"""Days have no zone; it counts only for times, which nobody writes here."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line as written, with its number in the file."""

    number: int
    predecessor: str
    account: str
    successor: str
    effective: dt.date | None


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """What is wrong with a line."""

    line: int
    problem: Phrase | KnownException

    def in_words(self) -> Phrase:
        """Return it with its line."""
        params = {"line": self.line, "problem": self.problem}
        return Phrase(text="move-mistake:line", params=params)


TO_BE_NAMED = frozenset({"", "?", "？", "未定", "tbd"})
"""What stands in place of a successor whom nobody has named yet."""


@dataclass(frozen=True, kw_only=True)
class MovesFile:
    """A list of moves as written; ``mistakes`` are those that its cells show."""

    name: str
    lines: Sequence[Line]
    mistakes: Sequence[Mistake]


def read_moves(path: Path) -> MovesFile:
    """Read a list of moves.

    Raises:
        BadMoves: it cannot be read, lacks columns, or holds no line.
        UnreadableFile: it is no CSV, or in an encoding that nobody can tell.
    """
    reader = _Reader()
    try:
        with open_table(path, columns=(*COLUMNS, *HEADERS)) as content:
            header = [HEADERS.get(name, name) for name in content.header]
            missing = [name for name in COLUMNS[:3] if name not in header]
            if missing:
                raise _unusable(path, "columns", names=", ".join(missing))
            for number, row in content.rows:
                if any(cells := [plain_cell(cell.strip()) for cell in row]):
                    reader.read(number, dict(zip(header, cells, strict=False)))
    except OSError as error:
        raise _unusable(path, "unreadable", said=error.strerror) from error
    if not reader.lines:
        raise _unusable(path, "empty")
    return MovesFile(name=path.name, lines=reader.lines, mistakes=reader.mistakes)


def _unusable(path: Path, why: str, **params: object) -> errors.BadMoves:
    problem = Phrase(text=f"move-mistake:{why}", params=params)
    return errors.BadMoves(file=path.name, count=1, mistakes=(problem,))


@dataclass(kw_only=True)
class _Reader:
    """Reads lines, and collects what is wrong in them."""

    lines: list[Line] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)

    def read(self, number: int, record: Mapping[str, str]) -> None:
        """Read one line; what is wrong in a cell leaves it empty."""
        said = record.get("effective", "")
        effective = None
        try:
            effective = day(said, _UTC) if said else None
        except ValueError:
            self._add(number, "no_date", value=said)
        for name in ("predecessor", "account"):
            if not record.get(name):
                self._add(number, "empty_cell", column=name)
        self.lines.append(
            Line(
                number=number,
                predecessor=record.get("predecessor", ""),
                account=record.get("account", ""),
                successor=_read_successor(record.get("successor", "")),
                effective=effective,
            )
        )

    def _add(self, number: int, why: str, **params: object) -> None:
        problem = Phrase(text=f"move-mistake:{why}", params=params)
        self.mistakes.append(Mistake(line=number, problem=problem))


def _read_successor(text: str) -> str:
    """Read who takes over; nothing, where that is still to be named."""
    return "" if text.strip().casefold() in TO_BE_NAMED else text


def find_moves(
    file: MovesFile, people: People, find_account: Callable[[str], FoundAccount]
) -> dict[str, list[Move]]:
    """Put ids in place of names; list the moves of each predecessor by their id.

    Raises:
        BadMoves: a cell is wrong, a name is unknown or not clear, an account is not the
            predecessor's or stands in two lines, a successor cannot take over; names
            every such line.
    """
    finder = _Finder(people=people, find_account=find_account)
    for line in file.lines:
        finder.find(line)
    mistakes = sorted(
        (*file.mistakes, *finder.mistakes), key=lambda mistake: mistake.line
    )
    if mistakes:
        raise errors.BadMoves(
            file=file.name,
            count=len(mistakes),
            mistakes=tuple(mistake.in_words() for mistake in mistakes),
        )
    return dict(finder.moves)


@dataclass(kw_only=True)
class _Finder:
    """Finds what lines name, and collects what cannot be."""

    people: People
    find_account: Callable[[str], FoundAccount]
    moves: dict[str, list[Move]] = field(default_factory=lambda: defaultdict(list))
    mistakes: list[Mistake] = field(default_factory=list)
    _seen: set[tuple[str, str | None, str | None]] = field(default_factory=set)

    def find(self, line: Line) -> None:
        """Find the people and the account of one line."""
        predecessor = self._find_user(line, line.predecessor)
        successor = self._find_user(line, line.successor)
        account = self._find_account(line)
        if predecessor and account:
            self._check_owner(line, predecessor, account)
        if successor:
            self._check_successor(line, predecessor, successor)
        if predecessor is None:
            return
        account_id = account.id if account else None
        # Several may share the rest, but one account goes to one successor.
        key = (predecessor, account_id, None if account_id else successor)
        if key in self._seen and (account_id or line.account == ALL):
            twice = Phrase(text="move-mistake:twice", params={"account": line.account})
            self._add(line, twice)
        self._seen.add(key)
        move = Move(
            account_id=account_id, successor_id=successor, effective=line.effective
        )
        self.moves[predecessor].append(move)

    def _find_user(self, line: Line, text: str) -> str | None:
        if not text:
            return None
        try:
            return find_user(self.people, text).id
        except UsageProblem as error:
            self._add(line, error)
            return None

    def _find_account(self, line: Line) -> FoundAccount | None:
        if line.account in ("", ALL):
            return None
        try:
            return self.find_account(line.account)
        except UsageProblem as error:
            self._add(line, error)
            return None

    def _check_owner(self, line: Line, predecessor: str, account: FoundAccount) -> None:
        if account.owner_id != predecessor:
            user = self.people.name(predecessor)
            self._add(line, errors.NotOwned(account=account.name, user=user))

    def _check_successor(
        self, line: Line, predecessor: str | None, successor: str
    ) -> None:
        user = self.people.name(successor)
        if successor == predecessor:
            self._add(line, errors.SameUser(user=user))
        elif not self.people.is_active(successor):
            self._add(line, errors.InactiveSuccessor(user=user))

    def _add(self, line: Line, problem: Phrase | KnownException) -> None:
        self.mistakes.append(Mistake(line=line.number, problem=problem))
