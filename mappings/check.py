"""Compares a mapping with what a CRM shows: what is there, hidden, or not there at all.

Nothing is read but descriptions of objects, which the caller brings.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from collections.abc import Mapping as Map
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from mappings.cells import Sight
from mappings.errors import (
    MappingError,
    MissingObject,
    RequiredColumn,
    RequiredTable,
    SeveralProblems,
    UnknownField,
)
from mappings.forms import Form, Found, Plain
from mappings.load import REQUIRED_TABLES, required
from mappings.model import EVERY_EXTRA, LINKS, Mapping, ObjectMapping, is_file, mappable
from mappings.schema import EXTRA, TABLES
from mappings.toml_file import line_of, nearest, read_text, suggestion

HIDDEN = "hidden_object"
LEFT_OUT = "left_out_table"
Status = Literal["mapped", "unmapped", "unreadable"]

LISTED = 12
"""Names of what is there that a message lists."""


class Described(Protocol):
    """What a CRM says of an object: the fields we see, and those hidden from us."""

    @property
    def fields(self) -> Collection[str]:
        """Name the visible fields."""
        ...

    @property
    def hidden(self) -> Collection[str]:
        """Name the fields known to exist and not visible to us."""
        ...


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A description in plain values; ``refused``: the object as a whole is hidden.

    ``retyped`` are those of the hidden fields that can be seen, but hold another kind
    of value than before.
    """

    fields: Collection[str] = ()
    hidden: Collection[str] = ()
    retyped: Collection[str] = ()
    refused: bool = False


Describe = Callable[[str], Described | None]
"""Describes an object or file pattern; None when there is none."""


@dataclass(frozen=True, kw_only=True)
class MappingProblem:
    """One thing that the CRM does not give as the mapping says.

    ``hidden_field``, ``hidden_object`` and ``retyped_field`` are unreadable. A
    ``left_out_table`` lacks a column without which its records are of no use, so none
    of them is read. All others are errors. ``found`` is what is there: the fields of
    the object, or the files of the folder.
    """

    code: str
    table: str
    column: str | None
    object: str
    field: str | None = None
    suggestion: str = ""
    found: tuple[str, ...] = ()

    @property
    def fatal(self) -> bool:
        """Tell whether the mapping cannot be used before this is mended."""
        return not self.code.startswith(("hidden_", "retyped_", "left_out_"))


@dataclass(frozen=True, kw_only=True)
class Checked:
    """What came out: the mapping to translate with, and what it can see.

    ``mapping`` has the company's own columns of files by their names. ``columns`` are
    the rows (table, column, status) of the ``columns`` table; ``*`` is the table.
    """

    mapping: Mapping
    problems: tuple[MappingProblem, ...]
    columns: tuple[tuple[str, str, Status], ...]

    def raise_errors(self) -> None:
        """Stop where a problem makes the mapping unusable, and name all of them.

        Raises:
            MappingError: with file, key, what is there and the nearest name.
        """
        fatal = [self.error(problem) for problem in self.problems if problem.fatal]
        if len(fatal) > 1:
            raise SeveralProblems(
                file=self.mapping.file, count=len(fatal), problems=tuple(fatal)
            )
        for error in fatal:
            raise error

    def error(self, problem: MappingProblem) -> MappingError:
        """Make the error that says a problem."""
        kinds = (UnknownField, MissingObject, RequiredColumn, RequiredTable)
        kind = next(kind for kind in kinds if kind.code == problem.code)
        column = ("fields", problem.column) if problem.column else ()
        keys = (problem.table, *column)
        text = read_text(Path(self.mapping.file))
        return kind(
            file=self.mapping.file,
            line=line_of(text, keys) or "",
            key=".".join(keys),
            table=problem.table,
            object=problem.object,
            name=problem.field or problem.column or problem.object,
            suggestion=problem.suggestion or "-",
            found=_listed(problem.found),
        )


def _listed(names: Sequence[str]) -> str:
    more = ["…"] if len(names) > LISTED else []
    return ", ".join([*names[:LISTED], *more]) or "-"


def check(mapping: Mapping, describe: Describe, listing: Sequence[str] = ()) -> Checked:
    """Compare a mapping with the descriptions of all objects that it names.

    Args:
        mapping: as it was loaded.
        describe: describes an object.
        listing: what is there at all: the files of a folder.
    """
    seen = {name: describe(name) for name in mapping.objects()}
    mapping = _with_extra(mapping, seen)
    problems: list[MappingProblem] = []
    left_out: list[tuple[str, str]] = []
    statuses: dict[tuple[str, str], Status] = {
        (table, column): "unmapped"
        for table in TABLES
        for column in ("*", *_columns(mapping, table))
    }
    for table in TABLES:
        fed = any(seen[part.object] is not None for part in mapping.of(table))
        for part in mapping.of(table):
            judged = _Judge(
                table=table, part=part, seen=seen, fed=fed, listing=tuple(listing)
            )
            found = list(judged.problems())
            problems += found
            if any(problem.code == LEFT_OUT for problem in found):
                left_out.append((table, part.object))
                continue
            for column, status in judged.statuses():
                place = _place(table, column)
                statuses[place] = _worse(statuses[place], status)
    problems += _moving_along(mapping, seen)
    tables = {
        table: tuple(part for part in parts if (table, part.object) not in left_out)
        for table, parts in mapping.tables.items()
    }
    return Checked(
        mapping=replace(
            mapping, tables={t: parts for t, parts in tables.items() if parts}
        ),
        problems=tuple(dict.fromkeys(problems)),
        columns=tuple((*place, status) for place, status in statuses.items()),
    )


def _with_extra(mapping: Mapping, seen: Map[str, Described | None]) -> Mapping:
    """Name the company's own columns that a file has (``"*" = "extra_*"``)."""
    parts: list[ObjectMapping] = []
    for part in mapping.of("accounts"):
        there = seen.get(part.object)
        own = {
            name: Plain(field=name, optional=True)
            for name in (there.fields if there else ())
            if name.startswith(EXTRA) and name.removeprefix(EXTRA).isidentifier()
        }
        fields = {n: form for n, form in part.fields.items() if n != EVERY_EXTRA}
        if EVERY_EXTRA in part.fields:
            fields = {**own, **fields}
        parts.append(part.model_copy(update={"fields": fields}))
    return replace(mapping, tables={**mapping.tables, "accounts": tuple(parts)})


def _moving_along(
    mapping: Mapping, seen: Map[str, Described | None]
) -> Iterator[MappingProblem]:
    """Yield the fields of ``[transfer] also`` that an object does not have."""
    for table, name in mapping.also:
        if name in _columns(mapping, table):
            continue
        for part in mapping.of(table):
            own = part.model_copy(update={"fields": {name: Plain(field=name)}})
            if seen[part.object] is not None:
                yield from _Judge(table=table, part=own, seen=seen).fields()


def _columns(mapping: Mapping, table: str) -> Iterator[str]:
    yield from (name for name in mappable(table) if not _is_link(table, name))
    if table == "accounts":
        yield from mapping.extra


def _is_link(table: str, column: str) -> bool:
    return table == "activities" and column in LINKS


def _place(table: str, column: str) -> tuple[str, str]:
    """Name the column that speaks of a mapped one: links have a table of their own."""
    return ("activity_links", "*") if _is_link(table, column) else (table, column)


def _worse(one: Status, other: Status) -> Status:
    order: tuple[Status, ...] = ("unmapped", "mapped", "unreadable")
    return max(one, other, key=order.index)


@dataclass(frozen=True, kw_only=True)
class _Judge:
    """Judges what one object gives to one table.

    ``fed``: some object of the table is there, this one or another.
    """

    table: str
    part: ObjectMapping
    seen: Map[str, Described | None]
    fed: bool = True
    listing: tuple[str, ...] = ()
    """What is there at all, besides what is described."""

    def problems(self) -> Iterator[MappingProblem]:
        """Yield what is not there, and what is hidden."""
        there = self.seen[self.part.object]
        if there is None:
            if self.table in REQUIRED_TABLES and not self.fed:
                yield self._problem(RequiredTable.code)
            elif not self.part.optional:
                yield self._problem(MissingObject.code)
            return
        if _refused(there):
            yield self._problem(HIDDEN)
            return
        yield from self.fields()
        needed = required(self.table)
        for column, form in self.part.fields.items():
            missing = column in needed and self._status(form) == "unmapped"
            if missing and form.optional:
                needs = self.table in REQUIRED_TABLES
                yield self._problem(
                    RequiredColumn.code if needs else LEFT_OUT,
                    column,
                    suggestion=nearest(" ".join(form.names), there.fields),
                )

    def fields(self) -> Iterator[MappingProblem]:
        """Yield the fields that are not there, and those that are hidden."""
        for column, form in self.part.fields.items():
            for object_name, name in self._needs(form):
                yield from self._field(column, form, object_name, name)

    def statuses(self) -> Iterator[tuple[str, Status]]:
        """Yield what can be seen of each column, and of the table as ``*``."""
        there = self.seen[self.part.object]
        if there is None or (self.part.of and _refused(there)):
            return  # what activities hang on by themselves can be seen all the same
        yield "*", "unreadable" if _refused(there) else "mapped"
        for column, form in self.part.fields.items():
            yield column, "unreadable" if _refused(there) else self._status(form)

    def _needs(self, form: Form) -> Iterator[tuple[str, str]]:
        """Yield the object and name of each field that a form reads."""
        for name in form.names:
            yield self.part.object, name
        if isinstance(form, Found):
            yield form.index.object, form.index.match
            yield form.index.object, form.index.take

    def _status(self, form: Form) -> Status:
        ways = [self._sees(*need) for need in self._needs(form)]
        if "unreadable" in ways:
            return "unreadable"
        missing = ways.count("unmapped")
        several = bool(getattr(form, "fields", ()))
        return (
            "unmapped"
            if missing and not (several and missing < len(ways))
            else "mapped"
        )

    def _sees(self, object_name: str, name: str) -> Status:
        there = self.seen.get(object_name)
        if there is None:
            return "unmapped"
        if _refused(there):
            return "unreadable"
        nested = not is_file(object_name)
        if Sight(visible=there.fields, nested=nested, empty=()).sees(name):
            return "mapped"
        head = name.partition(".")[0] if nested else name
        return "unreadable" if {name, head} & set(there.hidden) else "unmapped"

    def _field(
        self, column: str, form: Form, object_name: str, name: str
    ) -> Iterator[MappingProblem]:
        status = self._sees(object_name, name)
        there = self.seen.get(object_name)
        if status == "unreadable":
            retyped = name in getattr(there, "retyped", ())
            code = "retyped_field" if retyped else "hidden_field"
            yield self._problem(code, column, object_name, name)
        elif status == "unmapped" and not form.optional:
            if there is None:
                yield self._problem(MissingObject.code, column, object_name)
            else:
                yield self._problem(
                    UnknownField.code,
                    column,
                    object_name,
                    name,
                    suggestion(name, there.fields),
                )

    def _problem(
        self,
        code: str,
        column: str | None = None,
        object_name: str = "",
        name: str | None = None,
        suggestion: str = "",
    ) -> MappingProblem:
        there = self.seen.get(object_name or self.part.object)
        return MappingProblem(
            code=code,
            found=tuple(there.fields) if there else self.listing,
            table=self.table,
            column=column,
            object=object_name or self.part.object,
            field=name,
            suggestion=suggestion,
        )


def _refused(there: Described) -> bool:
    return bool(getattr(there, "refused", False))
