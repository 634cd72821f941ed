"""As much SOQL as an org on this machine has to understand."""

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Record = dict[str, Any]
Holds = Callable[[Record], bool]
QUERY = re.compile(
    r"SELECT (?P<fields>.+?) FROM (?P<kind>\w+)"
    r"(?: WHERE (?P<where>.+?))?(?: ORDER BY (?P<order>[\w., ]+?))?"
    r"(?: LIMIT (?P<limit>\d+))?",
    re.DOTALL,
)
TOKEN = re.compile(r"\s*('(?:\\.|[^'\\])*'|[<>!]=|[<>=(),]|[^\s<>=!(),']+)")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


class Malformed(ValueError):
    """The query is none."""


@dataclass(frozen=True, kw_only=True)
class Query:
    fields: Sequence[str]
    kind: str
    where: Holds
    names: frozenset[str]
    order: Sequence[str]
    limit: int | None


def parse(text: str) -> Query:
    found = QUERY.fullmatch(text.strip())
    if found is None:
        raise Malformed("unexpected token")
    where, names = conditions(found["where"]) if found["where"] else (always, set())
    order = [part.strip() for part in (found["order"] or "").split(",")]
    return Query(
        fields=[name.strip() for name in found["fields"].split(",")],
        kind=found["kind"],
        where=where,
        names=frozenset(names),
        order=[part.split()[0] for part in order if part],
        limit=int(found["limit"]) if found["limit"] else None,
    )


def always(_record: Record) -> bool:
    return True


def conditions(text: str) -> tuple[Holds, set[str]]:
    parser = _Parser(TOKEN.findall(text))
    holds = parser.any_of()
    if parser.tokens:
        message = f"unexpected token: {parser.tokens[0]}"
        raise Malformed(message)
    return holds, parser.names


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.names: set[str] = set()

    def take(self) -> str:
        if not self.tokens:
            raise Malformed("unexpected end")
        return self.tokens.pop(0)

    def next_is(self, word: str) -> bool:
        return bool(self.tokens) and self.tokens[0].upper() == word

    def any_of(self) -> Holds:
        parts = [self.all_of()]
        while self.next_is("OR"):
            self.take()
            parts.append(self.all_of())
        return lambda record: any(part(record) for part in parts)

    def all_of(self) -> Holds:
        parts = [self.one()]
        while self.next_is("AND"):
            self.take()
            parts.append(self.one())
        return lambda record: all(part(record) for part in parts)

    def one(self) -> Holds:
        if self.next_is("("):
            self.take()
            inner = self.any_of()
            self.take()
            return inner
        name, operator = self.take(), self.take().upper()
        self.names.add(name)
        if operator == "IN":
            self.take()
            wanted = set()
            while (token := self.take()) != ")":
                wanted |= {literal(token)} if token != "," else set()
            return lambda record: value(record, name) in wanted
        wanted_one = literal(self.take())
        compare = COMPARE[operator]
        return lambda record: compare(value(record, name), wanted_one)


def literal(token: str) -> Any:
    if token.startswith("'"):
        return re.sub(r"\\(.)", r"\1", token[1:-1])
    if STAMP.match(token):
        return datetime.fromisoformat(token)
    return {"true": True, "false": False, "null": None}.get(token.lower(), token)


def _like(mine: Any, pattern: str) -> bool:
    # A pattern's escapes are gone by now; our keys have no % or _ in them.
    expression = re.escape(pattern).replace("%", ".*").replace("_", ".")
    return (
        isinstance(mine, str) and re.fullmatch(expression, mine, re.DOTALL) is not None
    )


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def compare(mine: Any, wanted: Any) -> bool:
        if mine is None:
            return False
        if isinstance(wanted, datetime):
            return test(datetime.fromisoformat(str(mine)), wanted)
        return test(str(mine), str(wanted))

    return compare


def _equal(mine: Any, wanted: Any) -> bool:
    if isinstance(wanted, datetime) and mine is not None:
        return datetime.fromisoformat(str(mine)) == wanted
    return bool(mine == wanted)


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": _equal,
    "!=": lambda mine, wanted: not _equal(mine, wanted),
    "LIKE": _like,
    "<": _ordered(lambda a, b: a < b),
    ">": _ordered(lambda a, b: a > b),
    "<=": _ordered(lambda a, b: a <= b),
    ">=": _ordered(lambda a, b: a >= b),
}


def value(record: Record, name: str) -> Any:
    found: Any = record
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def shown(kind: str, row: dict[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """Show the fields of a record as JSON does, related ones nested."""
    found: dict[str, Any] = {"attributes": {"type": kind}}
    for name in fields:
        head, dot, tail = name.partition(".")
        if dot:
            related = row.get(head)
            before = found.get(head) or {"attributes": {}}
            found[head] = related and {**before, tail: related.get(tail)}
        else:
            found[name] = row.get(name)
    return found


def as_csv(names: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """Write records as Bulk 2.0 does: empty is null, times end in Z."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(value(row, name)) for name in names] for row in rows)
    return buffer.getvalue()


def _cell(cell: Any) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else str(cell).replace(".000+0000", ".000Z")
