"""The list of moves of a reorganisation, as a CSV file.

One line per move: ``predecessor, account, successor, effective``; ``*`` as the account
stands for all that no line of this predecessor names (R8).
"""

import csv
import datetime as dt
import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from handover.plan.errors import BadMoves
from handover.plan.successors import Move

COLUMNS = ("predecessor", "account", "successor", "effective")
ALL = "*"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line as written, with its number in the file."""

    number: int
    predecessor: str
    account: str
    successor: str
    effective: dt.date | None


def read_moves(path: Path) -> list[Line]:
    """Read a list of moves.

    Raises:
        BadMoves: it cannot be read, with the line and what is wrong.
    """
    rows = csv.reader(io.StringIO(_text(path)))
    header = [name.strip() for name in next(rows, [])]
    missing = [name for name in COLUMNS[:3] if name not in header]
    if missing:
        raise BadMoves(file=path.name, line=1, detail=", ".join(missing))
    lines = []
    for cells in rows:
        if any(cell.strip() for cell in cells):
            record = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            lines.append(_line(path, rows.line_num, record))
    return lines


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadMoves(file=path.name, line=0, detail=error.strerror) from error
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadMoves(file=path.name, line=0, detail="utf-8, cp932")


def _line(path: Path, number: int, record: Mapping[str, str]) -> Line:
    day = record.get("effective", "")
    try:
        effective = dt.date.fromisoformat(day.replace("/", "-")) if day else None
    except ValueError as error:
        raise BadMoves(file=path.name, line=number, detail=day) from error
    for name in ("predecessor", "account"):
        if not record.get(name):
            raise BadMoves(file=path.name, line=number, detail=name)
    return Line(
        number=number,
        predecessor=record["predecessor"],
        account=record["account"],
        successor=record.get("successor", ""),
        effective=effective,
    )


def by_predecessor(
    lines: Iterable[Line],
    file: str,
    user: Callable[[str], str],
    accounts: Mapping[str, str],
) -> dict[str, list[Move]]:
    """Put ids in place of names, and the moves of each predecessor together.

    Args:
        lines: as read.
        file: its name.
        user: finds a user's id by name.
        accounts: the ids of all accounts named.

    Raises:
        BadMoves: an account stands in two lines.
        UsageProblem: a name is unknown or not clear.
    """
    moves: dict[str, list[Move]] = defaultdict(list)
    seen: set[tuple[str, str | None, str | None]] = set()
    for line in lines:
        predecessor = user(line.predecessor)
        move = Move(
            account_id=None if line.account == ALL else accounts[line.account],
            successor_id=user(line.successor) if line.successor else None,
            effective=line.effective,
        )
        # Several may share the rest, but one account goes to one successor.
        key = (
            predecessor,
            move.account_id,
            None if move.account_id else line.successor,
        )
        if key in seen:
            raise BadMoves(file=file, line=line.number, detail=line.account)
        seen.add(key)
        moves[predecessor].append(move)
    return dict(moves)
