"""What a portal has and what our token may see of it, each asked once.

HubSpot grants its scopes by object type, so each type is probed: what may not be read
is hidden, never missing.
"""

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.base import Field, ObjectSchema
from connectors.errors import ConnectorError, NotPermitted, Refused, UnknownObject
from connectors.hubspot.links import label_of
from connectors.hubspot.objects import (
    DERIVED,
    FLAGS,
    LINK_FIELDS,
    OWNER_FIELDS,
    OWNERS,
    RELATED,
    STAGE_FIELDS,
    ObjectType,
    association_path,
    object_type,
)
from connectors.hubspot.portal import Portal

OWNER_OBJECT = "owners"
Definitions = list[dict[str, Any]]
Query = tuple[tuple[str, str], ...]
ONE: Query = (("limit", "1"),)


class Catalogue:
    """The definitions of a portal, for the life of a connector."""

    def __init__(self, portal: Portal, key_field: str) -> None:
        """Bind a portal; ``key_field`` is where a task shows our key."""
        self.portal = portal
        self.key_field = key_field
        self._known: dict[tuple[str, Query], Definitions | ConnectorError] = {}
        self._lock = threading.RLock()

    def schema(self, name: str) -> ObjectSchema:
        """List the fields of an object: properties, and what a record has beside them.

        Raises:
            UnknownObject: there is no such type.
            NotPermitted: we may not read it.
        """
        if name == OWNER_OBJECT:
            self._ask(OWNERS, ONE)
            return _build_schema(name, [_read_only(field) for field in OWNER_FIELDS])
        kind = object_type(name)
        found = [_read_field(entry) for entry in self.properties(name)]
        self._ask(kind.records, ONE)
        hidden: set[str] = set()
        for other in RELATED:
            links = [prefix + other for prefix in LINK_FIELDS]
            if self.can_read(other):
                found += map(_read_only, links)
            else:
                hidden.update(links)
        if kind.stage and self._permits(kind.pipelines):
            found += map(_read_only, STAGE_FIELDS)
        elif kind.stage:
            hidden.update(STAGE_FIELDS)
        more = map(_read_only, self._list_derived(kind))
        return _build_schema(name, [*found, *more], hidden)

    def _list_derived(self, kind: ObjectType) -> list[str]:
        """List what a row has beside its properties: flags, and what we derive."""
        names = {str(entry["name"]) for entry in self.properties(kind.name)}
        derived = DERIVED.get(kind.name, {}).items()
        more = [*FLAGS, *(field for field, of in derived if names.intersection(of))]
        if kind.name == "tasks" and self.key_field not in names:
            more.append(self.key_field)
        return more

    def properties(self, name: str) -> Definitions:
        """Read the definitions of a type's properties."""
        try:
            return self._ask(object_type(name).properties)
        except Refused as error:  # "Unable to infer object type from: ..."
            raise UnknownObject(**error.params) from None

    def labels(self, name: str, field: str) -> dict[str, str]:
        """Return the labels of a property's options, by their values."""
        found = (e for e in self.properties(name) if e["name"] == field)
        options = next(found, {}).get("options") or ()
        return {str(option["value"]): str(option["label"]) for option in options}

    def is_unique(self, name: str, field: str) -> bool:
        """Return whether a type has a property whose values are unique."""
        return any(
            entry["name"] == field and entry.get("hasUniqueValue") is True
            for entry in self.properties(name)
        )

    def group_of(self, name: str, field: str) -> str:
        """Return the group that a property stands in: a new one has to name one."""
        found = (e for e in self.properties(name) if e["name"] == field)
        return str(next(found, {}).get("groupName") or object_type(name).one)

    def forget(self, name: str) -> None:
        """Ask again for a type's properties the next time."""
        with self._lock:
            self._known.pop((object_type(name).properties, ()), None)

    def owner_fields(self, name: str) -> frozenset[str]:
        """Return the properties of a type that take an owner's id."""
        try:
            found = self.properties(name)
        except (NotPermitted, UnknownObject):
            found = []
        special = (e for e in found if e.get("referencedObjectType") == "OWNER")
        return frozenset({"hubspot_owner_id", *(str(e["name"]) for e in special)})

    def can_read(self, name: str) -> bool:
        """Return whether a type is there and its records may be read."""
        try:
            self.properties(name)
        except (NotPermitted, UnknownObject):
            return False
        return self._permits(object_type(name).records, ONE)

    def stages(self, kind: ObjectType) -> dict[str, Mapping[str, object]]:
        """Read what the pipelines of a type say of its stages, by stage id."""
        if not self._permits(kind.pipelines):
            return {}
        return _read_stages(self._ask(kind.pipelines))

    def has_labels(self, one: str, other: str) -> bool:
        """Return whether the portal gives this pair labels that say something."""
        path = association_path(one, other, "labels")
        return self._permits(path) and any(map(label_of, self._ask(path)))

    def _permits(self, path: str, query: Query = ()) -> bool:
        try:
            self._ask(path, query)
        except (NotPermitted, UnknownObject):
            return False
        return True

    def _ask(self, path: str, query: Query = ()) -> Definitions:
        """Call, or remember what was answered; a refusal is remembered, too."""
        with self._lock:
            if (path, query) not in self._known:
                try:
                    self._known[path, query] = (
                        self.portal.read(path, query).results
                        if query
                        else self.portal.read_all(path)
                    )
                except (NotPermitted, Refused, UnknownObject) as error:
                    self._known[path, query] = error
            found = self._known[path, query]
        if isinstance(found, ConnectorError):
            raise found
        return found


def _build_schema(
    name: str, fields: list[Field], hidden: set[str] | frozenset[str] = frozenset()
) -> ObjectSchema:
    by_name = {field.name: field for field in fields}
    return ObjectSchema(name=name, fields=by_name, hidden=frozenset(hidden))


def _read_only(name: str) -> Field:
    return Field(name=name, writable=False)


def _read_field(entry: Mapping[str, object]) -> Field:
    limits = entry.get("modificationMetadata")
    read_only = isinstance(limits, Mapping) and limits.get("readOnlyValue") is True
    return Field(
        name=str(entry["name"]),
        type=str(entry.get("type") or "string"),
        writable=not read_only,
    )


def _read_stages(
    pipelines: Sequence[Mapping[str, Any]],
) -> dict[str, Mapping[str, object]]:
    """Read the stages of all pipelines of an object type, by stage id."""
    return {
        str(stage["id"]): _read_stage(stage.get("label"), stage.get("metadata") or {})
        for pipeline in pipelines
        for stage in pipeline.get("stages") or ()
    }


def _read_stage(label: object, metadata: Mapping[str, object]) -> dict[str, object]:
    probability = _to_number(metadata.get("probability"))
    told = metadata.get("isClosed")
    is_closed = (
        probability in {0.0, 1.0} if told is None else str(told).lower() == "true"
    ) or metadata.get("ticketState") == "CLOSED"
    return {
        "stage_label": label,
        "stage_is_closed": is_closed,
        "stage_is_won": is_closed and probability == 1.0,
    }


def _to_number(value: object) -> float | None:
    try:
        return float(str(value))
    except ValueError:
        return None
