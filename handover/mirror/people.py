"""People: the CRM's users, overlaid by ``people.csv`` (design §7).

HubSpot, files and many orgs know no managers, and managers need not be users of the CRM
at all: a person that only the file knows is made by giving a ``name``.
"""

import csv
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import duckdb

from handover.errors import UsageProblem
from handover.mirror.generations import Generation
from handover.mirror.merging import literal

COLUMNS = (
    "user",
    "name",
    "login",
    "manager",
    "delegate",
    "team",
    "region",
    "absent_from",
    "absent_to",
)
USER_COLUMNS = "id, name, email, is_active, manager_id, team, region"


class BadPeople(UsageProblem):
    """The people file is wrong (``file``, ``line``, ``column``, ``detail``)."""

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
    region: str | None = None
    login: str | None = None
    absences: tuple[Absence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class People:
    """Everybody, by id. ``file`` is where managers are filled in."""

    by_id: Mapping[str, Person]
    file: Path

    def __iter__(self) -> Iterator[Person]:
        yield from self.by_id.values()

    def user(self, user_id: str | None) -> Person | None:
        """Find somebody by id."""
        return self.by_id.get(user_id) if user_id else None

    def name(self, user_id: str | None) -> str:
        """Name somebody; an unknown id stands for itself."""
        found = self.user(user_id)
        return found.name if found else user_id or ""

    def is_active(self, user_id: str | None) -> bool:
        """Tell whether somebody is known and active."""
        found = self.user(user_id)
        return found is not None and found.is_active

    def manager_of(self, user_id: str | None) -> str | None:
        """Name somebody's manager."""
        found = self.user(user_id)
        return found.manager_id if found else None

    def delegate_of(self, user_id: str | None) -> str | None:
        """Name who decides in somebody's place (代理)."""
        found = self.user(user_id)
        return found.delegate_id if found else None

    def login_of(self, user_id: str | None) -> str | None:
        """Name the system's account of somebody, if it is known."""
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
    users = {user.id: user for user in _users(generation, source)}
    if not file.exists():
        return People(by_id=users, file=file)
    lines = list(_lines(file))
    users |= {
        person.id: person
        for number, line in lines
        for person in [_own_person(line, users)]
        if person is not None
    }
    reader = _Reader(file=file, users=users)
    for number, line in lines:
        reader.lay_over(number, line)
    return People(by_id=reader.users, file=file)


def _users(generation: Generation, source: str) -> Iterator[Person]:
    path = generation.files.get("users")
    if path is None:
        return
    with duckdb.connect() as con:
        rows = con.sql(
            f"select {USER_COLUMNS} from read_parquet({literal(path)}) "
            f"where source = {literal(source)} and not coalesce(is_deleted, false) "
            "order by id"
        ).to_arrow_table()
    for row in rows.to_pylist():
        active = row.pop("is_active")
        name = row.pop("name") or row["email"] or row["id"]
        yield Person(**row, name=name, is_active=active is not False)


def _lines(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Read the file's lines with their numbers; unknown columns are an error."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.DictReader(opened, restkey="", restval="", strict=True)
            for name in reader.fieldnames or ():
                if name not in COLUMNS:
                    near = get_close_matches(name, COLUMNS, n=1)
                    raise BadPeople(
                        file=file, line=1, column=name, detail=near[0] if near else "?"
                    )
            for row in reader:
                yield reader.line_num, {k: v.strip() for k, v in row.items() if k}
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadPeople(file=file, line="", column="", detail=str(error)) from error


def _own_person(line: Mapping[str, str], users: Mapping[str, Person]) -> Person | None:
    """Make a person whom the CRM does not know, if the file names one."""
    key, name = line.get("user", ""), line.get("name", "")
    known = any(key in (user.id, user.email) for user in users.values())
    if not key or not name or known:
        return None
    return Person(id=key, name=name, email=key if "@" in key else None)


@dataclass(kw_only=True)
class _Reader:
    """Lays lines of the file over the users."""

    file: Path
    users: dict[str, Person]

    def lay_over(self, number: int, line: Mapping[str, str]) -> None:
        """Change one person as a line says."""
        person = self._find(number, "user", line.get("user", ""))
        if person is None:
            raise self._bad(number, "user", line.get("user", ""))
        manager = self._find(number, "manager", line.get("manager", ""))
        delegate = self._find(number, "delegate", line.get("delegate", ""))
        absence = self._absence(number, line)
        self.users[person.id] = replace(
            person,
            login=line.get("login") or person.login,
            team=line.get("team") or person.team,
            region=line.get("region") or person.region,
            manager_id=manager.id if manager else person.manager_id,
            delegate_id=delegate.id if delegate else person.delegate_id,
            absences=(*person.absences, *absence),
        )

    def _find(self, number: int, column: str, text: str) -> Person | None:
        if not text:
            return None
        found = self.users.get(text) or next(
            (u for u in self.users.values() if (u.email or "").lower() == text.lower()),
            None,
        )
        if found is None:
            raise self._bad(number, column, text)
        return found

    def _absence(self, number: int, line: Mapping[str, str]) -> tuple[Absence, ...]:
        first = self._day(number, line, "absent_from")
        last = self._day(number, line, "absent_to")
        if first is None and last is None:
            return ()
        start, end = first or dt.date.min, last or dt.date.max
        if end < start:
            raise self._bad(number, "absent_to", line["absent_to"])
        return (Absence(first=start, last=end),)

    def _day(self, number: int, line: Mapping[str, str], column: str) -> dt.date | None:
        text = line.get(column, "")
        try:
            return dt.date.fromisoformat(text.replace("/", "-")) if text else None
        except ValueError:
            raise self._bad(number, column, text) from None

    def _bad(self, number: int, column: str, detail: str) -> BadPeople:
        return BadPeople(file=self.file, line=number, column=column, detail=detail)
