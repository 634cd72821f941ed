"""Which owners a mapping lets us write, and why not the others."""

from collections.abc import Iterator
from collections.abc import Mapping as Map
from dataclasses import dataclass
from types import MappingProxyType

from handover.i18n import Phrase
from mappings.forms import Constant, Derived, Form, Found, Joined, Plain, Product
from mappings.model import Mapping, ObjectMapping, is_file

OWNED = ("accounts", "contacts", "opportunities", "requests", "activities")
"""The tables whose owners a handover changes."""

NO_FIELD: Map[type[Form], str] = MappingProxyType(
    {Derived: "rule", Joined: "joined", Constant: "constant", Product: "joined"}
)
"""Forms of an owner that no field holds, and why."""


@dataclass(frozen=True, kw_only=True)
class OwnerProblem:
    """Why the owners of a table cannot be written."""

    table: str
    why: Phrase


def can_be_found(part: ObjectMapping | None) -> bool:
    """Tell whether records are found by their id, in files also by several columns."""
    own_id = form_of(part, "id")
    if part is not None and isinstance(own_id, Joined):
        return is_file(part.object)
    return isinstance(own_id, Plain)


def list_owner_problems(mapping: Mapping) -> Iterator[OwnerProblem]:
    """Yield the tables whose owners are mapped and cannot be written, and why."""
    for table in OWNED:
        for part in mapping.of(table):
            why = find_obstacle(mapping, part)
            if why is not None and "owner_id" in part.fields:
                yield OwnerProblem(table=table, why=not_writable(why))
                break


def find_obstacle(mapping: Mapping, part: ObjectMapping | None) -> str | None:
    """Return why an owner cannot be written, as a code; None where it can."""
    owner = form_of(part, "owner_id")
    if part is None or owner is None:
        return "unmapped"
    if not can_be_found(part):
        return "joined_id"
    if isinstance(owner, Found) and not _finds_users(mapping, owner):
        return "lookup"
    if any("." in name for name in owner.names) and not is_file(part.object):
        return "related"
    return NO_FIELD.get(type(owner))


def _finds_users(mapping: Mapping, form: Found) -> bool:
    """Tell whether a lookup leads from a name or the like to a user's own id."""
    own_id = form_of(mapping.part("users", form.lookup.object), "id")
    return isinstance(own_id, Plain) and own_id.names == (form.lookup.take,)


def form_of(part: ObjectMapping | None, column: str) -> Form | None:
    """Return the form of a column, where an object feeds the table and fills it."""
    return None if part is None else part.fields.get(column)


def not_writable(code: str, **params: object) -> Phrase:
    """Say why an owner cannot be written."""
    return Phrase(text=f"not_writable:{code}", params=params)
