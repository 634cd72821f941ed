"""What is known of a customer who is handed over, as the CRM has it.

Pack, day and sheet show the same value, so that none of them knows more than another.
It holds only what the mapping fills. Texts keep their words; markup is taken off.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from handover.audit.engine import audit, words_pattern
from handover.audit.findings import scores
from handover.mirror.views import Mirror
from handover.plan.selection import write_place
from handover.policy import Policy
from mappings.text import plain

QUERIES = Path(__file__).parent / "queries"
"""One query for each kind of record, named like the fields of ``CustomerFacts``."""

Quality = Literal["ok", "generic", "placeholder", "invalid"]


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A phone number or an address, and why it is of no use, if it is of none.

    ``trouble`` is a code: the quality of the value, or ``bounced``, ``opted_out``.
    """

    value: str
    trouble: str | None = None


@dataclass(frozen=True, kw_only=True)
class CustomerPerson:
    """Somebody at the customer. ``changed``: when the CRM's record last changed."""

    id: str
    name: str | None
    title: str | None = None
    department: str | None = None
    role: str | None = None
    decides: bool = False
    phone: Channel | None = None
    mobile: Channel | None = None
    email: Channel | None = None
    preferred_channel: str | None = None
    reachable: bool = False
    has_left: bool = False
    is_named: bool = True
    """Whether the name is one of a person, and no placeholder or switchboard."""
    changed: dt.date | None = None

    @property
    def usable_email(self) -> str | None:
        """The e-mail address, where it may be used."""
        is_useful = self.email is not None and self.email.trouble is None
        return self.email.value if self.email and is_useful else None


@dataclass(frozen=True, kw_only=True)
class Purchase:
    """One product bought, and why. ``kind`` is the canonical table it stands in."""

    id: str
    kind: str
    product: str | None
    date: dt.date | None
    amount: Decimal | None
    currency: str | None
    reason: str | None
    changed: dt.date | None = None


@dataclass(frozen=True, kw_only=True)
class OpenOpportunity:
    """Business that is under way."""

    id: str
    name: str | None
    stage: str | None
    amount: Decimal | None
    currency: str | None
    close_date: dt.date | None
    next_step: str | None
    next_step_date: dt.date | None
    owner_id: str | None
    changed: dt.date | None = None


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What the customer waits for.

    ``kind``: an open ``request``, an open ``task`` of ours, an ``appointment`` ahead.
    """

    id: str
    kind: Literal["request", "task", "appointment"]
    subject: str | None
    due: dt.date | None
    opened: dt.date | None
    owner_id: str | None
    changed: dt.date | None = None

    def is_overdue(self, as_of: dt.date) -> bool:
        """Return whether it should be done already."""
        return self.due is not None and self.due < as_of


@dataclass(frozen=True, kw_only=True)
class Talk:
    """A call, meeting, visit or e-mail that took place; ``persons`` of the customer."""

    id: str
    kind: str
    date: dt.date
    owner_id: str | None
    subject: str | None
    text: str | None
    persons: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CustomerFacts:
    """One customer. ``promises`` have what is overdue first, ``talks`` the latest."""

    source: str
    id: str
    name: str
    url: str | None = None
    owner_id: str | None = None
    owner_since: dt.date | None = None
    customer_class: str | None = None
    business: str | None = None
    industry: str | None = None
    employees: Decimal | None = None
    phone: Channel | None = None
    website: str | None = None
    place: str | None = None
    project: str | None = None
    renewal_date: dt.date | None = None
    requests: str | None = None
    """What it waits for, where that is kept as a text."""
    requests_as_of: dt.date | None = None
    changed: dt.date | None = None
    people: tuple[CustomerPerson, ...] = ()
    purchases: tuple[Purchase, ...] = ()
    opportunities: tuple[OpenOpportunity, ...] = ()
    promises: tuple[Promise, ...] = ()
    talks: tuple[Talk, ...] = ()
    gaps: tuple[str, ...] = ()
    """Must-items that somebody has to fill in, as of now."""
    mapped: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)
    """Columns, by table, that we can see; in any other nothing means nothing."""

    def list_met(self, contact_ids: Collection[str]) -> list[CustomerPerson]:
        """List who is met, as planned; who has left since is not among them."""
        return [p for p in self.people if p.id in contact_ids and not p.has_left]


def read_customers(mirror: Mirror, policy: Policy) -> dict[str, CustomerFacts]:
    """Read the customers to which a mirror is narrowed, audited, by id."""
    judged = scores(audit(mirror, policy, mirror.as_of))
    people = _read(mirror, "people", **_list_words(policy))
    purchases = _read(mirror, "purchases")
    opportunities = _read(mirror, "opportunities")
    promises = _read(mirror, "promises")
    talks = _read(mirror, "talks")
    mapped = frozenset(_list_mapped(mirror))
    return {
        (key := row["id"]): CustomerFacts(
            **_own_fields(row),
            people=tuple(map(_make_person, people[key])),
            purchases=tuple(Purchase(**each) for each in purchases[key]),
            opportunities=tuple(OpenOpportunity(**each) for each in opportunities[key]),
            promises=tuple(Promise(**each) for each in promises[key]),
            talks=tuple(map(_make_talk, talks[key])),
            gaps=judged[key].gaps if key in judged else (),
            mapped=mapped,
        )
        for row in _read_rows(mirror, "accounts")
    }


def _list_words(policy: Policy) -> dict[str, object]:
    """Return the words of a policy that tell a person, and who decides."""
    words = policy.placeholders
    return {
        "deciding": words_pattern(policy.audit.deciding),
        "placeholders": list(words.words),
        "nobody": words_pattern(words.nobody),
    }


def _read(
    mirror: Mirror, name: str, **values: object
) -> Mapping[str, Sequence[dict[str, Any]]]:
    """Read the records of one kind by account."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _read_rows(mirror, name, **values):
        found[row.pop("account_id")].append(row)
    return found


def _read_rows(mirror: Mirror, name: str, **values: object) -> Iterable[dict[str, Any]]:
    """Read the records of one kind; their texts without markup."""
    query = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    for row in mirror.rows(query, **values):
        yield {column: _tidy(value) for column, value in row.items()}


def _tidy(value: object) -> object:
    """Take markup and superfluous blanks off a text; nothing left is None."""
    if not isinstance(value, str):
        return value
    text = plain(value) if "<" in value or "&" in value else value
    return " ".join(text.split()) or None


def _own_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands in the customer's own record, by field of the value."""
    is_known = row["customer_class_state"] == "mapped"
    same = (
        *("source", "id", "url", "owner_id", "owner_since", "business", "industry"),
        *("employees", "website", "project", "renewal_date", "requests"),
        *("requests_as_of", "changed"),
    )
    return {
        **{name: row[name] for name in same},
        "name": row["name"] or row["id"],
        "customer_class": row["customer_class"] if is_known else None,
        "phone": _make_channel(row["phone"], row["phone_quality"]),
        "place": write_place(row["address"], row["city"], row["region"]),
    }


def _make_talk(row: Mapping[str, Any]) -> Talk:
    return Talk(**{**row, "persons": tuple(row["persons"] or ())})


def _make_person(row: Mapping[str, Any]) -> CustomerPerson:
    email = _make_channel(row["email"], row["email_quality"])
    if email is not None and email.trouble is None:
        for trouble in ("bounced", "opted_out"):
            if row[trouble]:
                email = Channel(value=email.value, trouble=trouble)
    same = (
        *("id", "name", "title", "department", "role", "decides"),
        *("preferred_channel", "reachable", "has_left", "is_named", "changed"),
    )
    return CustomerPerson(
        **{name: row[name] for name in same},
        phone=_make_channel(row["phone"], row["phone_quality"]),
        mobile=_make_channel(row["mobile"], row["mobile_quality"]),
        email=email,
    )


def _make_channel(value: str | None, quality: Quality | None) -> Channel | None:
    if not value:
        return None
    is_useful = quality in ("ok", "generic")
    return Channel(value=value, trouble=None if is_useful else quality or "invalid")


def _list_mapped(mirror: Mirror) -> list[tuple[str, str]]:
    query = "select table_name, column_name from seen_columns where status = 'mapped'"
    return [(row["table_name"], row["column_name"]) for row in mirror.rows(query)]
