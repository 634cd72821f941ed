"""What an org shows us of an object, and what a record carries beside its fields.

Field-level security makes a field look as if it did not exist. Only for the standard
fields that every org has do we know better: one that is not shown is hidden.
"""

import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from connectors.base import Field, ObjectSchema
from connectors.errors import (
    NotPermitted,
    UnknownObject,
    UnknownVersion,
    Unreachable,
)
from connectors.salesforce.org import Org, OrgRefusal
from connectors.salesforce.problems import SOURCE, as_error
from connectors.salesforce.replies import api_versions, described_fields

STAMP = "SystemModstamp"
DELETED = "IsDeleted"
MASTER = "MasterRecordId"
ACTIVITIES = frozenset({"Task", "Event"})
"""Objects whose old records only ``queryAll`` finds (archived after a year)."""
RELATIONS = frozenset({"TaskRelation", "EventRelation"})
"""Objects that name all people and records of an activity."""


ADDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "Task": ("kind", "happened_at", "account_id", "handover_key"),
        "Event": ("happened_at", "account_id", "handover_key"),
        **dict.fromkeys(RELATIONS, ("target",)),
    }
)
"""What we work out for each record of these objects (``added.py``)."""
URL = "url"
"""Worked out for every object."""


def is_added(object_name: str, name: str) -> bool:
    """Return whether a name is no field of the org's but worked out by us."""
    return name == URL or name in ADDED.get(object_name, ())


_OWNED = ("Id", "OwnerId", STAMP, DELETED, "CreatedDate")
_ACTIVITY = (*_OWNED, "Subject", "Description", "WhoId", "WhatId", "ActivityDate")
_ACCOUNT = ("Name", "ParentId", "Description", "Industry", "Phone", "Website")
_BILLING = ("BillingStreet", "BillingCity", "BillingState", "BillingCountry")
_PERSON = ("AccountId", "Name", "Title", "Department", "Email", "Phone", "MobilePhone")
_DEAL = ("AccountId", "Name", "StageName", "IsClosed", "IsWon", "Amount", "CloseDate")
_CASE = ("AccountId", "ContactId", "Subject", "Status", "IsClosed")
STANDARD: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "Account": frozenset([*_OWNED, *_ACCOUNT, *_BILLING, "NumberOfEmployees"]),
        "Contact": frozenset([*_OWNED, *_PERSON, "HasOptedOutOfEmail"]),
        "Opportunity": frozenset([*_OWNED, *_DEAL, "NextStep", "Description"]),
        "Case": frozenset([*_OWNED, *_CASE]),
        "Task": frozenset([*_ACTIVITY, "Status", "IsClosed"]),
        "Event": frozenset([*_ACTIVITY, "StartDateTime", "EndDateTime"]),
        "User": frozenset({"Id", "Name", "Email", "IsActive", "ManagerId", STAMP}),
    }
)
"""Fields that every org has, of those that the built-in mapping reads."""


@dataclass(frozen=True, kw_only=True)
class ObjectShape:
    """An object as its description shows it.

    ``links`` are the names that lead to related records, ``parents`` the objects behind
    those that lead to one kind only, ``refers`` the objects that each reference may
    point to, ``keys`` the unique external-id fields, ``choices`` the
    values that people may choose from. ``vanished`` are fields that the org has stopped
    showing since.
    """

    name: str
    fields: Mapping[str, Field]
    links: frozenset[str] = frozenset()
    parents: Mapping[str, str] = field(default_factory=dict)
    refers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()
    choices: Mapping[str, frozenset[str]] = field(default_factory=dict)
    vanished: frozenset[str] = frozenset()

    def sees(self, name: str) -> bool:
        """Return whether a field, or the link before its dot, can be selected."""
        head, dot, _ = name.partition(".")
        return name in self.fields or (bool(dot) and head in self.links)

    def schema(self) -> ObjectSchema:
        """Return it in the connectors' words, with what we add to each record."""
        added = [URL, *ADDED.get(self.name, ()), *self.links]
        fields = dict(self.fields)
        unstamped = self.links - self.parents.keys()
        fields |= {
            name: Field(name=name, writable=False, stamped=name not in unstamped)
            for name in added
        }
        hidden = STANDARD.get(self.name, frozenset()) - self.fields.keys()
        return ObjectSchema(
            name=self.name, fields=fields, hidden=hidden | self.vanished
        )


class Shapes:
    """The descriptions of an org's objects, each asked for once."""

    def __init__(self, org: Org) -> None:
        self._org = org
        self._known: dict[str, ObjectShape | UnknownObject | NotPermitted] = {}
        self._lock = threading.Lock()
        self._knows_version = False

    def of(self, name: str) -> ObjectShape:
        """Describe an object.

        Raises:
            UnknownVersion: the org has no such version of the API.
            UnknownObject: it has no object of this name, or not for us.
            NotPermitted: it is one that every org has, so it is hidden from us.
        """
        known = self._known.get(name)
        if known is None:
            known = self._asked(name)
            with self._lock:
                self._known[name] = known
        if isinstance(known, ObjectShape):
            return known
        raise known

    def again(self, name: str) -> ObjectShape:
        """Describe an object again: it may not be what it was."""
        with self._lock:
            self._known.pop(name, None)
        return self.of(name)

    def known(self, name: str) -> ObjectShape | None:
        """Describe an object; None when there is none for us."""
        try:
            return self.of(name)
        except (UnknownObject, NotPermitted):
            return None

    def drop(self, name: str, fields: Collection[str]) -> ObjectShape:
        """Forget fields that the org no longer shows."""
        shape = self.of(name)
        left = {n: f for n, f in shape.fields.items() if n not in fields}
        kept = replace(
            shape,
            fields=left,
            links=shape.links - set(fields),
            vanished=shape.vanished | set(fields),
        )
        with self._lock:
            self._known[name] = kept
        return kept

    def _check_version(self) -> None:
        with self._lock:
            is_checked, self._knows_version = self._knows_version, True
        if not is_checked:
            check_version(self._org)

    def _asked(self, name: str) -> ObjectShape | UnknownObject | NotPermitted:
        try:
            return self._describe(name)
        except (UnknownObject, NotPermitted) as error:
            return error

    def _describe(self, name: str) -> ObjectShape:
        if not name.isidentifier():
            raise UnknownObject(source=SOURCE, object=name)
        try:
            data = self._org.read(f"sobjects/{name}/describe").data
        except OrgRefusal as turned:
            error = as_error(turned.problem, name)
            if isinstance(error, UnknownObject):
                self._check_version()
                if name in STANDARD:
                    error = NotPermitted(**error.params)
            raise error from None
        return _shape(name, data)


def check_version(org: Org) -> None:
    """Make sure that an org has the configured version of the API.

    Of a version that it does not have, each resource looks as if it did not exist.

    Raises:
        UnknownVersion: it has others only.
    """
    try:
        known = api_versions(org.read("/services/data").data)
    except (OrgRefusal, Unreachable):
        return  # whoever answers does not tell: what was asked for is missing
    if org.version not in known:
        raise UnknownVersion(
            source=SOURCE,
            version=org.version,
            known=f"{known[0]} – {known[-1]}",
            detail=f"api_version {org.version}",
        )


def _shape(name: str, data: object) -> ObjectShape:
    entries = described_fields(data)
    return ObjectShape(
        name=name,
        fields={str(entry["name"]): _field(entry) for entry in entries},
        links=frozenset(
            str(entry["relationshipName"])
            for entry in entries
            if entry.get("relationshipName")
        ),
        parents={
            str(entry["relationshipName"]): str(entry["referenceTo"][0])
            for entry in entries
            if entry.get("relationshipName")
            and len(entry.get("referenceTo") or ()) == 1
        },
        refers={
            str(entry["name"]): tuple(entry.get("referenceTo") or ())
            for entry in entries
            if entry.get("referenceTo")
        },
        keys=frozenset(
            str(entry["name"])
            for entry in entries
            if entry.get("externalId", True) and entry.get("unique", True)
        ),
        choices={
            str(entry["name"]): frozenset(
                str(choice.get("value"))
                for choice in entry["picklistValues"]
                if choice.get("active", True)
            )
            for entry in entries
            if entry.get("picklistValues")
        },
    )


def _field(entry: Mapping[str, Any]) -> Field:
    return Field(
        name=str(entry["name"]),
        type=str(entry.get("type") or "string"),
        writable=bool(entry.get("updateable", True)),
        stamped=not entry.get("calculated", False),
    )
