"""Persons of customers as plans and tasks name them: who, and how to reach them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handover.mirror.views import Mirror

_CONTACTS = """
    select
        id,
        name,
        case
            when phone_quality in ('ok', 'generic') then phone
            when mobile_quality in ('ok', 'generic') then mobile
        end as phone,
        case
            when email_quality in ('ok', 'generic')
                and not coalesce(email_bounced, false)
                and not coalesce(opted_out, false) then email
        end as email
    from contacts where list_contains($ids, id)
"""


@dataclass(frozen=True, kw_only=True)
class NamedContact:
    """Somebody at a customer, with a number that can be true and an address to use."""

    name: str
    phone: str | None = None
    email: str | None = None

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name, self.phone or self.email)))


def read_contacts(mirror: Mirror, ids: Sequence[str]) -> Mapping[str, NamedContact]:
    """Read some persons of customers, by id."""
    return {
        row["id"]: NamedContact(
            name=row["name"] or row["id"], phone=row["phone"], email=row["email"]
        )
        for row in mirror.rows(_CONTACTS, ids=[*ids, ""])
    }
