"""What a record means beyond its fields, worked out while it passes by.

A task's kind stands in TaskSubtype or in Type; it happened on its date, else when it
was completed. Our key stands in the mapped field or, in brackets, in the text. A
mapping names these like fields.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from connectors.salesforce.relations import target_of
from connectors.salesforce.schema import ADDED, URL

Values = dict[str, object]
KINDS = MappingProxyType(
    {
        "call": "call",
        "email": "email",
        "listemail": "email",
        "meeting": "meeting",
        "visit": "visit",
    }
)
"""Values of TaskSubtype and of Type's standard picklist, in small letters."""
HANGS_ON_ACCOUNT = ("001", "006")
"""Prefixes of accounts and opportunities: of these we know the account anyway."""

IS_PERSON, OWNER = "IsPersonAccount", "OwnerId"

MARK = "[{key}]"
_MARKED = re.compile(r"\[(handover:[^\]\s]+)\]")

NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "kind": ("TaskSubtype", "Type"),
        "account_id": ("WhatId", "AccountId"),
        "handover_key": ("Description",),
        "target": ("RelationId", "Status", "IsParent"),
    }
)
HAPPENED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Task": ("ActivityDate", "CompletedDateTime", "CreatedDate"),
        "Event": ("IsAllDayEvent", "ActivityDate", "StartDateTime"),
    }
)


@dataclass(frozen=True, kw_only=True)
class Added:
    """Adds to the rows of one object what the mapping asked for."""

    object: str
    wanted: frozenset[str]
    base_url: str
    key_field: str | None
    owns_nothing: bool = False
    """A person account and its contact are one record, which the account stands for:
    such a contact has no owner of its own."""

    def needs(self) -> Iterable[str]:
        """List the fields that have to be read for it."""
        if self.key_field and "handover_key" in self.wanted:
            yield self.key_field
        if self.owns_nothing:
            yield IS_PERSON
        for name in sorted(self.wanted):
            yield from NEEDED.get(name, ())
            if name == "happened_at":
                yield from HAPPENED[self.object]

    def fill(self, rows: Iterable[Values]) -> None:
        """Add the values, row by row."""
        base = self.base_url + "/"
        makers: list[tuple[str, Callable[[Values], object]]] = []
        if URL in self.wanted:
            makers.append((URL, lambda row: f"{base}{row['Id']}"))
        if "kind" in self.wanted:
            makers.append(("kind", kind_of))
        if "happened_at" in self.wanted:
            makers.append(("happened_at", _happened[self.object]))
        if "account_id" in self.wanted:
            makers.append(("account_id", account_of))
        if "handover_key" in self.wanted:
            makers.append(("handover_key", partial(_key, key_field=self.key_field)))
        if "target" in self.wanted:
            makers.append(("target", target_of))
        if self.owns_nothing:
            makers.append((OWNER, owner_of))
        for row in rows if makers else ():
            for name, make in makers:
                row[name] = make(row)


def added(
    object_name: str, fields: Iterable[str], base_url: str, key_field: str | None
) -> Added:
    """Find out what is to be added to the rows of an object."""
    fields = tuple(fields)
    possible = {URL, *ADDED.get(object_name, ())}
    return Added(
        object=object_name,
        wanted=frozenset(possible.intersection(fields)),
        base_url=base_url,
        key_field=key_field,
        owns_nothing=object_name == "Contact" and OWNER in fields,
    )


def _key(row: Values, *, key_field: str | None) -> object:
    own = row.get(key_field) if key_field else None
    return own or marked_key(row.get("Description"))


def marked_key(text: object) -> str | None:
    """Read our key out of a text that carries it."""
    found = _MARKED.search(text) if isinstance(text, str) else None
    return found[1] if found else None


def owner_of(row: Values) -> object:
    """Return the owner of a contact; that of a person account has none of its own."""
    return None if row.get(IS_PERSON) in (True, "true") else row.get(OWNER)


def kind_of(row: Values) -> str:
    """Return what a task was: a call, an e-mail, a meeting, or only a task."""
    for name in ("TaskSubtype", "Type"):
        kind = KINDS.get(str(row.get(name) or "").lower())
        if kind:
            return kind
    return "task"


def account_of(row: Values) -> object:
    """Return the account that an activity hangs on, also through another record."""
    what = row.get("WhatId")
    if not isinstance(what, str) or what.startswith(HANGS_ON_ACCOUNT):
        return what
    return row.get("AccountId") or what


def _task_happened(row: Values) -> object:
    return next((row[n] for n in HAPPENED["Task"] if row.get(n)), None)


def event_happened(row: Mapping[str, object]) -> object:
    """Return when an event begins: its day where it takes a whole one."""
    # A day is a day: it must not be shifted with the time zone.
    whole_day = row.get("IsAllDayEvent") in (True, "true")
    names = ("ActivityDate", "StartDateTime")
    order = names if whole_day else reversed(names)
    return next((row[n] for n in order if row.get(n)), None)


_happened: Mapping[str, Callable[[Values], object]] = MappingProxyType(
    {"Task": _task_happened, "Event": event_happened}
)
