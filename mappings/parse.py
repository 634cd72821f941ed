"""Reads one mapping file and checks everything that it says by itself."""

import codecs
import datetime as dt
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mappings.errors import (
    BadMapping,
    MappingError,
    UnknownColumn,
    UnknownConversion,
    UnknownKey,
    UnknownTable,
    UnknownWord,
)
from mappings.forms import (
    FORMS,
    Constant,
    Dated,
    Derived,
    Form,
    Mark,
    Marked,
    Product,
    Recoded,
)
from mappings.model import TaskMapping, WriteMapping, mappable
from mappings.schema import EXTRA, TABLES, ColumnSpec, columns
from mappings.toml_file import line_of, parse_toml, read_text, suggestion
from mappings.words import WORDS, canonical

Model = TypeVar("Model", bound=BaseModel)

TOP = ("extends", "optional", "decimal", "encoding", "transfer", "write")


@dataclass(frozen=True, kw_only=True)
class TablePart:
    """What one file says of one object of a table.

    A field that is None takes the inherited one away, an ``object`` that is empty the
    whole table; without ``object`` it speaks of the inherited one.
    """

    object: str | None
    fields: dict[str, Form | None]
    optional: bool
    of: str | None = None
    decimal: Mark | None = None
    encoding: str | None = None
    header_row: int | None = None


@dataclass(frozen=True, kw_only=True)
class MappingFile:
    """One mapping file: its TOML, and errors that point into it."""

    path: Path
    text: str
    content: dict[str, Any] = field(compare=False)

    def error(
        self, kind: type[MappingError], *keys: str, **params: object
    ) -> Exception:
        """Make an error that names this file, the key and its line."""
        return kind(
            file=str(self.path),
            line=line_of(self.text, keys) or "",
            key=".".join(keys),
            **params,
        )

    def section(self, *keys: str) -> dict[str, Any]:
        """Look up a section; empty when the file has none."""
        found: Any = self.content
        for key in keys:
            found = found.get(key, {})
            if not isinstance(found, dict):
                raise self.error(BadMapping, *keys, detail="a section is needed")
        section: dict[str, Any] = found
        return section

    def known(self, given: Iterable[str], known: Iterable[str], *keys: str) -> None:
        """Refuse a key that the section of this name does not have."""
        known = tuple(known)
        for key in given:
            if key not in known:
                raise self.error(
                    UnknownKey,
                    *keys,
                    key,
                    name=key,
                    suggestion=suggestion(key, known),
                )


def read(path: Path) -> MappingFile:
    """Read a file as TOML and refuse tables that the common schema does not have."""
    try:
        text = read_text(path)
        content = _parsed(text)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = re.search(r"line (\d+)", str(error))
        raise BadMapping(
            file=str(path), line=line[1] if line else "", key="", detail=error
        ) from error
    file = MappingFile(path=path, text=text, content=content)
    for key in content:
        if key not in TABLES and key not in TOP:
            raise file.error(
                UnknownTable, key, name=key, suggestion=suggestion(key, [*TABLES, *TOP])
            )
    return file


_parsed = lru_cache(maxsize=32)(parse_toml)
"""The content of a text; it is read for every batch of a run, and never changed."""


def parts(file: MappingFile, table: str) -> list[TablePart]:
    """Check what a file says of the objects that feed a table."""
    sections = file.content[table]
    sections = sections if isinstance(sections, list) else [sections]
    known = ["object", "fields", "optional", "decimal", "encoding", "header_row"]
    known += ["extra"] * (table == "accounts") + ["of"] * (table == "activity_links")
    found: list[TablePart] = []
    for section in sections:
        if not isinstance(section, dict):
            raise file.error(BadMapping, table, detail="a section is needed")
        file.known(section, known, table)
        for key in ("object", "of"):
            if not isinstance(section.get(key), str | None):
                raise file.error(BadMapping, table, key, detail="a name is needed")
        optional = bool(section.get("optional", file.content.get("optional", False)))
        fields = {
            **_fields(file, table, section.get("fields", {}), optional=optional),
            **_extra(file, section.get("extra", {}), optional=optional),
        }
        found.append(
            TablePart(
                object=section.get("object"),
                fields=fields,
                optional=optional,
                of=section.get("of"),
                decimal=_mark(file, table, section),
                encoding=_encoding(file, table, section),
                header_row=_header_row(file, table, section),
            )
        )
    return found


def _mark(file: MappingFile, table: str, section: dict[str, Any]) -> Mark | None:
    """Read what stands before decimal places in a table, or in all of a file."""
    here = "decimal" in section
    value = (section if here else file.content).get("decimal")
    if value not in (None, ".", ","):
        keys = (table, "decimal") if here else ("decimal",)
        raise file.error(BadMapping, *keys, detail='"." or "," is needed')
    return value


def _encoding(file: MappingFile, table: str, section: dict[str, Any]) -> str | None:
    """Read what a table's file is written in, or all of the files."""
    here = "encoding" in section
    value = (section if here else file.content).get("encoding")
    if value is None:
        return None
    try:
        return codecs.lookup(str(value)).name
    except LookupError:
        known = "utf-8, cp932, cp1252, utf-16, euc_jp"
        keys = (table, "encoding") if here else ("encoding",)
        raise file.error(BadMapping, *keys, detail=f"{value}: {known}") from None


def _header_row(file: MappingFile, table: str, section: dict[str, Any]) -> int | None:
    value = section.get("header_row")
    if value is not None and (type(value) is not int or value < 1):
        detail = "a row is needed, counted from 1"
        raise file.error(BadMapping, table, "header_row", detail=detail)
    return value


def _fields(
    file: MappingFile, table: str, section: dict[str, Any], *, optional: bool
) -> dict[str, Form | None]:
    known = mappable(table)
    found: dict[str, Form | None] = {}
    for column, value in section.items():
        keys = (table, "fields", column)
        if column not in known:
            near = suggestion(column, known)
            raise file.error(
                UnknownColumn, *keys, table=table, name=column, suggestion=near
            )
        form = _form(file, keys, value, optional=optional)
        if form is not None:
            _fits(file, keys, form, columns(table).get(column))
        found[column] = form
    return found


def _extra(
    file: MappingFile, section: dict[str, Any], *, optional: bool
) -> dict[str, Form | None]:
    found: dict[str, Form | None] = {}
    for name, value in section.items():
        keys = ("accounts", "extra", name)
        if name != "*" and not name.isidentifier():
            raise file.error(BadMapping, *keys, detail="letters, digits and _ only")
        form = _form(file, keys, value, optional=optional)
        found[EXTRA + name.removeprefix(EXTRA)] = form
    return found


def _form(
    file: MappingFile, keys: tuple[str, ...], value: object, *, optional: bool
) -> Form | None:
    """Recognise the form of a field mapping; None for one that takes a field away."""
    if value in ("", {}):
        return None
    if isinstance(value, str):
        value = {"field": value}
    if not isinstance(value, dict):
        raise file.error(BadMapping, *keys, detail="a field name or {...} is needed")
    form = next((form for form in FORMS if form.key in value), None)
    every = [word for kind in FORMS for word in kind.words()]
    known = form.words() if form else every
    for word in value:
        if word not in known:
            near = suggestion(word, every)
            raise file.error(UnknownConversion, *keys, name=word, suggestion=near)
    if form is None:
        raise file.error(BadMapping, *keys, detail="nothing says where it comes from")
    return checked(file, form, {"optional": optional, **value}, *keys)


def checked(file: MappingFile, model: type[Model], value: object, *keys: str) -> Model:
    """Validate a value as a model; an error names the file and the key."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        inner = [str(part) for part in first["loc"]]
        raise file.error(BadMapping, *keys, *inner, detail=first["msg"]) from error


def _fits(
    file: MappingFile, keys: tuple[str, ...], form: Form, spec: ColumnSpec | None
) -> None:
    """Refuse a form that cannot fill its column, and words that it does not know."""
    kind = spec.type if spec else str
    if isinstance(form, Derived) and keys != ("accounts", "fields", "owner_id"):
        raise file.error(BadMapping, *keys, detail="only accounts.owner_id has a rule")
    if isinstance(form, Dated) and kind not in (dt.date, dt.datetime):
        raise file.error(BadMapping, *keys, detail="date_format needs a date column")
    if isinstance(form, Product | Marked) and kind is not Decimal:
        raise file.error(BadMapping, *keys, detail=f"{form.key} needs a number column")
    words = spec.column.words if spec else None
    if words:
        _known_words(file, keys, form, words)


def _known_words(
    file: MappingFile, keys: tuple[str, ...], form: Form, words: str
) -> None:
    said = list(form.values.values()) if isinstance(form, Recoded) else []
    said += [form.constant] if isinstance(form, Constant) else []
    known = list(dict.fromkeys(WORDS[words].values()))
    for word in said:
        if word and canonical(words, word) is None:
            raise file.error(
                UnknownWord,
                *keys,
                name=word,
                suggestion=suggestion(word, known),
                known=", ".join(known),
            )


def moving_along(file: MappingFile) -> Iterator[tuple[str, str]]:
    """Yield table and field of the owner-like fields that move along."""
    section = file.section("transfer")
    file.known(section, ["also"], "transfer")
    entries = section.get("also", [])
    if not isinstance(entries, list):
        raise file.error(BadMapping, "transfer", "also", detail="no list of fields")
    for entry in entries:
        table, _, field_name = str(entry).partition(".")
        if table not in TABLES or not field_name:
            near = suggestion(table, TABLES)
            raise file.error(
                UnknownTable, "transfer", "also", name=entry, suggestion=near
            )
        yield table, field_name


def written(file: MappingFile, below: dict[str, Any]) -> dict[str, Any]:
    """Lay the ``[write]`` section of a file over the inherited one."""
    section, task = file.section("write"), file.section("write", "task")
    file.known(section, WriteMapping.model_fields, "write")
    file.known(task, TaskMapping.model_fields, "write", "task")
    laid = {**below, **section}
    if task and "task" in below:
        laid["task"] = {**below["task"], **task}
    return laid
