"""A mapping: where one CRM keeps what the common schema asks for.

The language of a mapping file:

- ``extends``: a built-in mapping or a path; tables and fields of this file are laid
  over it, field by field. ``""`` or ``{}`` instead of a field takes the inherited one
  away, ``object = ""`` the whole table.
- ``[accounts]`` with ``object`` and ``[accounts.fields]``; a table fed by several
  objects is written ``[[activities]]``, once for each.
- a field is a name or one of the forms of ``forms.py``.
- ``[accounts.extra]``: the company's own columns, audited as ``extra_<name>``.
- ``[transfer] also``: owner-like fields that move along, ``<table>.<field>``.
- ``[write] task_key`` and ``[write.task]``: how our tasks are written.
- ``optional = true``: fields and objects of this file that the CRM lacks are unmapped.

Activities also take ``account_id``, ``contact_id`` and ``opportunity_id``: what they
hang on, one id or a list, becomes rows of ``activity_links``. That table may also be
mapped itself, with ``of``, the object of its activities. In a link table, columns with
lists are read side by side and give one row for each element.
"""

import hashlib
import unicodedata
from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Literal, TypeGuard

import orjson
from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from mappings.forms import (
    Derived,
    Form,
    Found,
    Joined,
    Lookup,
    Mark,
    Plain,
    Word,
)
from mappings.schema import EXTRA, TABLES, columns

LINKS = MappingProxyType(
    {
        "account_id": "account",
        "contact_id": "contact",
        "opportunity_id": "opportunity",
    }
)
"""What an activity may hang on: the column of a mapping, and the link's target."""

DERIVED_COLUMNS = frozenset(
    {"source", "object", "customer_class_state", "happened_on", "has_time"}
)
"""Columns that the translation fills by itself; no mapping can name them."""

EVERY_EXTRA = f"{EXTRA}*"
"""Stands in a mapping of files for all of the company's own columns that a file has;
``check`` puts their names in its place."""

REFERRED = frozenset({"users", "accounts", "contacts", "opportunities"})
"""Tables whose rows others name by their plain id: it stays as it is, always."""


def mappable(table: str) -> tuple[str, ...]:
    """Name the columns of a table that a mapping may fill, in the schema's order."""
    own = tuple(name for name in columns(table) if name not in DERIVED_COLUMNS)
    return own + tuple(LINKS) if table == "activities" else own


def is_file(object_name: str) -> bool:
    """Tell a file or file-name pattern from an object of a CRM, by its dot."""
    return "." in object_name


def same_object(pattern: str, object_name: str) -> bool:
    """Tell whether an object is the one that a mapping calls so; patterns count."""
    if pattern == object_name:
        return True
    return is_file(pattern) and fnmatchcase(
        _file_name(object_name), _file_name(pattern)
    )


def _file_name(name: str) -> str:
    """Say a file name as file systems compare it: Accounts.CSV is accounts.csv."""
    return unicodedata.normalize("NFC", name).casefold()


class ObjectMapping(BaseModel):
    """How one object of the CRM feeds one table: the columns it fills, by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    object: str
    fields: dict[str, SerializeAsAny[Form]]
    of: str | None = None
    """Of ``activity_links``: the object whose records ``activity_id`` names."""
    optional: bool = False
    """An object that the CRM does not have is unmapped instead of an error."""
    decimal: Mark = "."
    """What stands before decimal places, where a field does not say."""
    encoding: str | None = None
    """What a file is written in; None where that is to be found out."""
    header_row: int | None = None
    """Where a file's header stands, counted from 1; None likewise."""

    @property
    def names(self) -> Iterator[str]:
        """Yield the fields of this object that the table needs."""
        for form in self.fields.values():
            yield from form.names


class StatusWords(BaseModel):
    """The field that says whether a task is open, and its two words."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    field: str
    open: Word
    done: Word


class TaskMapping(BaseModel):
    """How a task of ours is written: the CRM's object and its field for each part.

    ``constants`` are fields with the same value in every task. ``links`` say for
    account, contact and opportunity what the CRM calls that link: a field, or the
    object that the task is associated with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    object: str
    subject: str
    text: str
    due: str
    owner_id: str
    status: StatusWords
    constants: dict[str, Word] = {}
    links: dict[Literal["account", "contact", "opportunity"], str] = {}


class WriteMapping(BaseModel):
    """Where our records go. Without ``task_key`` the text of a task carries the key."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task_key: Annotated[str, Field(min_length=1)] | None = None
    task: TaskMapping | None = None


@dataclass(frozen=True, kw_only=True)
class DerivedOwner:
    """The rule that gives accounts an owner where the CRM keeps none."""

    table: Literal["opportunities", "orders"]
    pick: Literal["latest", "most"]


@dataclass(frozen=True, kw_only=True)
class Mapping:
    """A complete mapping, as ``load_mapping`` resolves it from its files."""

    name: str
    tables: Map[str, tuple[ObjectMapping, ...]]
    also: tuple[tuple[str, str], ...] = ()
    """(table, field of the CRM) of owner-like fields that move along."""
    write: WriteMapping = field(default_factory=WriteMapping)
    file: str = ""
    """Where it was read from, for messages."""

    @cached_property
    def hash(self) -> str:
        """SHA-256 of what the mapping says, whatever its files are called."""
        content = {
            "tables": {
                table: [part.model_dump(by_alias=True) for part in parts]
                for table, parts in self.tables.items()
            },
            "also": self.also,
            "write": self.write.model_dump(),
        }
        return hashlib.sha256(
            orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
        ).hexdigest()

    @property
    def extra(self) -> tuple[str, ...]:
        """Name the company's own account columns, with their prefix."""
        names = (name for part in self.of("accounts") for name in part.fields)
        return tuple(
            dict.fromkeys(n for n in names if n.startswith(EXTRA) and n != EVERY_EXTRA)
        )

    def of(self, table: str) -> tuple[ObjectMapping, ...]:
        """Name the objects that feed a table; none when it is not mapped."""
        return self.tables.get(table, ())

    def part(self, table: str, object_name: str) -> ObjectMapping | None:
        """Return how an object feeds a table; None where it does not."""
        for part in self.of(table):
            if same_object(part.object, object_name):
                return part
        return None

    def feeds(self, object_name: str) -> bool:
        """Return whether an object feeds any table."""
        return any(
            same_object(part.object, object_name)
            for parts in self.tables.values()
            for part in parts
        )

    def fed_by(self, object_name: str) -> Iterator[tuple[str, ObjectMapping]]:
        """Yield the tables that an object feeds."""
        for table, parts in self.tables.items():
            for part in parts:
                if same_object(part.object, object_name):
                    yield table, part

    def lookups(self) -> tuple[Lookup, ...]:
        """Name the indexes over other objects that the translation needs."""
        return tuple(
            dict.fromkeys(
                form.index for form in self._forms() if isinstance(form, Found)
            )
        )

    def objects(self) -> tuple[str, ...]:
        """Name the CRM's objects in the order to pull them: looked-up ones first."""
        names = [lookup.object for lookup in self.lookups()]
        names += [part.object for parts in self.tables.values() for part in parts]
        return tuple(dict.fromkeys(names))

    def fields(self, object_name: str) -> tuple[str, ...]:
        """Name all fields of an object that any table or lookup needs."""
        names = [name for _, part in self.fed_by(object_name) for name in part.names]
        for lookup in self.lookups():
            if same_object(lookup.object, object_name):
                names += [lookup.match, lookup.take]
        return tuple(dict.fromkeys(names))

    def object_settings(self) -> dict[str, dict[str, object]]:
        """Gather, by object, what a connector needs to know to read and find records.

        Returns:
            ``id`` and ``join``: the fields that identify a record, and what stands
            between them; ``fields``: all that are read; ``encoding`` and
            ``header_row`` of a file.
        """
        found: dict[str, dict[str, object]] = {}
        for part in (part for parts in self.tables.values() for part in parts):
            form = part.fields.get("id")
            said = found.setdefault(part.object, {"fields": self.fields(part.object)})
            if is_direct(form):
                said.setdefault("id", form.names)
                said.setdefault("join", getattr(form, "join", ""))
            for name in ("encoding", "header_row"):
                if getattr(part, name) is not None:
                    said[name] = getattr(part, name)
        for lookup in self.lookups():
            fields = self.fields(lookup.object)
            found.setdefault(lookup.object, {"fields": fields})
        return found

    @property
    def derived_owner(self) -> DerivedOwner | None:
        """The rule for the accounts' owners, where there is one."""
        for part in self.of("accounts"):
            form = part.fields.get("owner_id")
            if isinstance(form, Derived):
                return DerivedOwner(table=form.table, pick=form.pick)
        return None

    def prefixed(self, table: str) -> bool:
        """Tell whether ids of a table carry the object they came from.

        Not in files, and not where other tables refer to the plain id.
        """
        parts = self.of(table)
        several = len({part.object for part in parts}) > 1
        files = any(is_file(part.object) for part in parts)
        return several and not files and table not in REFERRED

    def crm_id(self, table: str, canonical_id: str) -> tuple[str | None, str]:
        """Split a canonical id into the CRM's object, where it carries it, and id."""
        if not self.prefixed(table):
            return None, canonical_id
        object_name, _, own = canonical_id.partition(":")
        return object_name, own

    def _forms(self) -> Iterator[Form]:
        for table in TABLES:
            for part in self.of(table):
                yield from part.fields.values()


def is_direct(form: Form | None) -> TypeGuard[Plain | Joined]:
    """Tell whether an id is that of a field, or of several, as they stand."""
    return type(form) is Plain or isinstance(form, Joined)
