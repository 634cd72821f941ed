"""People: the CRM's users, overlaid by ``people.csv``.

HubSpot, files and many orgs know no managers, and managers need not be users of the CRM
at all: a line whose ``user`` the CRM does not know makes a person of our own, if it has
a ``name`` or a ``login`` or if another line names them as manager or delegate.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from connectors.base import same_id
from connectors.files.csv_text import open_table
from handover.errors import UsageProblem
from handover.i18n import Phrase
from handover.interrupts import interruptible
from handover.mirror.generations import Generation
from handover.mirror.sql import literal
from handover.mirror.visibility import seen_statuses
from handover.safe_text import plain_cell
from mappings.dates import day
from mappings.toml_file import suggestion

COLUMNS = (
    "user",
    "name",
    "login",
    "manager",
    "delegate",
    "team",
    "title",
    "phone",
    "region",
    "absent_from",
    "absent_to",
)
_UTC = ZoneInfo("UTC")
USER_COLUMNS = "id, name, email, is_active, manager_id, team, region"


class BadPeople(UsageProblem):
    """The people file is wrong (``file``, ``count``, ``mistakes``).

    ``line``, ``column`` and ``detail`` are those of the first mistake.
    """

    code = "bad_people"


@dataclass(frozen=True, kw_only=True)
class Absence:
    """Days on which somebody cannot be planned for, both included."""

    first: dt.date
    last: dt.date


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user of the CRM, or somebody whom only the people file knows."""

    id: str
    name: str
    email: str | None = None
    is_active: bool = True
    manager_id: str | None = None
    delegate_id: str | None = None
    team: str | None = None
    title: str | None = None
    """What customers call their position; it and the phone stand in the file alone."""
    phone: str | None = None
    region: str | None = None
    login: str | None = None
    absences: tuple[Absence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class People:
    """Everybody of a source, by id. ``file`` is where managers are filled in."""

    by_id: Mapping[str, Person]
    file: Path
    source: str = ""
    users_hidden: bool = False
    """We may not see the CRM's users, so that not to know somebody says nothing."""

    def __iter__(self) -> Iterator[Person]:
        yield from self.by_id.values()

    def user(self, user_id: str | None) -> Person | None:
        """Find somebody by id."""
        return self.by_id.get(user_id) if user_id else None

    def name(self, user_id: str | None) -> str:
        """Return somebody's name; an unknown id stands for itself."""
        found = self.user(user_id)
        return found.name if found else user_id or ""

    def is_active(self, user_id: str | None) -> bool:
        """Return whether somebody is known and active, as far as we may see that."""
        found = self.user(user_id)
        return found.is_active if found else bool(user_id) and self.users_hidden

    def manager_of(self, user_id: str | None) -> str | None:
        """Return the id of somebody's manager."""
        found = self.user(user_id)
        return found.manager_id if found else None

    def delegate_of(self, user_id: str | None) -> str | None:
        """Return the id of who decides in somebody's place (代理)."""
        found = self.user(user_id)
        return found.delegate_id if found else None

    def login_of(self, user_id: str | None) -> str | None:
        """Return the system's account of somebody, if it is known."""
        found = self.user(user_id)
        return found.login if found else None

    def absences(self, user_id: str | None) -> tuple[Absence, ...]:
        """List when somebody is away."""
        found = self.user(user_id)
        return found.absences if found else ()


def load_people(generation: Generation, source: str, file: Path) -> People:
    """Read a source's users and lay the people file over them.

    Raises:
        BadPeople: a line of the file is wrong.
    """
    found = _users(generation.files.get("users"), source)
    users = _with_managers({user.id: user for user in found})
    if file.exists():
        users = _laid_over(users, file)
    hidden = seen_statuses(generation, source).get(("users", "*")) == "unreadable"
    return People(by_id=users, file=file, source=source, users_hidden=hidden)


def _laid_over(users: Mapping[str, Person], file: Path) -> dict[str, Person]:
    lines = list(_lines(file))
    reader = _Reader(users={**users, **_own_persons(lines, users)})
    for number, line in lines:
        reader.lay_over(number, line)
    if reader.mistakes:
        raise _make_error(file, reader.mistakes)
    return reader.users


def _make_error(file: Path, mistakes: Sequence["BadCell"]) -> BadPeople:
    """Return the error that names every mistake, by line."""
    told = (Phrase(text="people-mistake:line", params=asdict(m)) for m in mistakes)
    first = mistakes[0]
    return BadPeople(
        file=file,
        count=len(mistakes),
        mistakes=tuple(told),
        line=first.line,
        column=first.column,
        detail=first.detail,
    )


def _with_managers(users: Mapping[str, Person]) -> dict[str, Person]:
    """Find managers whose id stands in another length with their reports."""
    found = dict(users)
    for user in users.values():
        manager = user.manager_id
        if manager is not None and manager not in users:
            same = [each for each in users if same_id(each, manager)]
            if len(same) == 1:
                found[user.id] = replace(user, manager_id=same[0])
    return found


@lru_cache(maxsize=8)
def _users(path: Path | None, source: str) -> tuple[Person, ...]:
    """Read the users in a generation's file, which never changes."""
    if path is None:
        return ()
    with duckdb.connect() as con, interruptible(con.interrupt):
        rows = con.sql(
            f"select {USER_COLUMNS} from read_parquet({literal(path)}) "
            f"where source = {literal(source)} and not coalesce(is_deleted, false) "
            "order by id"
        ).to_arrow_table()
    return tuple(_person(row) for row in rows.to_pylist())


def _person(row: dict[str, Any]) -> Person:
    active = row.pop("is_active")
    name = row.pop("name") or row["email"] or row["id"]
    return Person(**row, name=name, is_active=active is not False)


Line = tuple[int, Mapping[str, str]]
"""A line's number and its cells by column."""


def _lines(file: Path) -> Iterator[Line]:
    """Read the lines that hold anything; an unknown column is an error."""
    with open_table(file, columns=COLUMNS) as content:
        for name in content.header:
            if name and name not in COLUMNS:
                near = suggestion(name, COLUMNS)
                mistake = BadCell(line=1, column=name, detail=near)
                raise _make_error(file, [mistake])
        for number, row in content.rows:
            cells = [plain_cell(cell.strip()) for cell in row]
            if any(cells):
                yield number, dict(zip(content.header, cells, strict=False))


def _own_persons(
    lines: Iterable[Line], users: Mapping[str, Person]
) -> dict[str, Person]:
    """Make the persons whom only the file knows."""
    lines = list(lines)
    named = {line.get(role) for _, line in lines for role in ("manager", "delegate")}
    found: dict[str, Person] = {}
    for _, line in lines:
        key = line.get("user", "")
        if not key or any(_is(user, key) for user in users.values()):
            continue
        if line.get("name") or line.get("login") or key in named:
            email = key if "@" in key else None
            found[key] = Person(id=key, name=line.get("name") or key, email=email)
    return found


def _is(person: Person, text: str) -> bool:
    """Return whether somebody is meant by an id or e-mail."""
    by_email = person.email is not None and person.email.lower() == text.lower()
    return same_id(person.id, text) or by_email


@dataclass(frozen=True, kw_only=True)
class BadCell:
    """A cell of the file that cannot be used, or a column that nobody knows."""

    line: int
    column: str
    detail: str


@dataclass(kw_only=True)
class _Reader:
    """Lays lines of the file over the users, and collects what is wrong in them."""

    users: dict[str, Person]
    mistakes: list[BadCell] = field(default_factory=list)

    def lay_over(self, number: int, line: Mapping[str, str]) -> None:
        """Change one person as a line says."""
        text = line.get("user", "")
        person = self._find(number, "user", text)
        if not text:
            self._note(number, "user", text)
        manager = self._find(number, "manager", line.get("manager", ""))
        delegate = self._find(number, "delegate", line.get("delegate", ""))
        absence = self._absence(number, line)
        if person is None:
            return
        self.users[person.id] = replace(
            person,
            login=line.get("login") or person.login,
            team=line.get("team") or person.team,
            title=line.get("title") or person.title,
            phone=line.get("phone") or person.phone,
            region=line.get("region") or person.region,
            manager_id=manager.id if manager else person.manager_id,
            delegate_id=delegate.id if delegate else person.delegate_id,
            absences=(*person.absences, *absence),
        )

    def _find(self, number: int, column: str, text: str) -> Person | None:
        if not text:
            return None
        found = self.users.get(text) or next(
            (user for user in self.users.values() if _is(user, text)), None
        )
        if found is None:
            self._note(number, column, text)
        return found

    def _absence(self, number: int, line: Mapping[str, str]) -> tuple[Absence, ...]:
        first = self._day(number, line, "absent_from")
        last = self._day(number, line, "absent_to")
        if first is None and last is None:
            return ()
        start, end = first or dt.date.min, last or dt.date.max
        if end < start:
            self._note(number, "absent_to", line["absent_to"])
            return ()
        return (Absence(first=start, last=end),)

    def _day(self, number: int, line: Mapping[str, str], column: str) -> dt.date | None:
        text = line.get(column, "")
        try:
            return day(text, _UTC) if text else None
        except ValueError:
            self._note(number, column, text)
            return None

    def _note(self, number: int, column: str, detail: str) -> None:
        self.mistakes.append(BadCell(line=number, column=column, detail=detail))
