"""The common schema: what a handover needs to know, whatever the CRM calls it.

Each class is one canonical table; its Arrow schema is derived from it by
``arrow_schema``. A column's annotation gives its type, its ``Column`` what else has to
be known. ``str`` is text as recorded, ``datetime`` is UTC, ``date`` is a day,
``Decimal`` is money or a quantity.
"""

import datetime as dt
import types
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

TRANSLATION_VERSION = 2
"""Raised when the same mapping would yield other rows: forces a full pull."""

NORM_LENGTH = 80
"""Characters kept in a ``_norm`` column."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """What is known of a column beyond its type.

    ``audited``: rules compare it, so it gets a ``_norm`` companion. ``quality``: it
    gets a ``_quality`` companion. ``required``: the mapped source must have the field.
    ``key``: it must be filled. ``refers``: the table whose id it holds. ``words``: the
    named word list that translates its values.
    """

    audited: bool = False
    quality: Literal["phone", "email"] | None = None
    required: bool = False
    key: bool = False
    refers: str | None = None
    words: Literal["class", "kind", "outcome", "yes_no"] | None = None


Text = Annotated[str | None, Column()]
Audited = Annotated[str | None, Column(audited=True)]
Phone = Annotated[str | None, Column(quality="phone")]
Email = Annotated[str | None, Column(quality="email")]
YesNo = Annotated[bool | None, Column(words="yes_no")]
UserId = Annotated[str | None, Column(refers="users")]
AccountId = Annotated[str | None, Column(refers="accounts")]


class CanonicalRow(BaseModel):
    """The columns every row has. ``object`` is the CRM's object the row came from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[str, Column(key=True)]
    id: Annotated[str, Column(required=True, key=True)]
    object: Text = None
    modified_at: dt.datetime | None = None
    is_deleted: YesNo = None
    url: Text = None


class User(CanonicalRow):
    """A salesperson, manager or queue."""

    name: Annotated[str | None, Column(required=True)] = None
    email: Text = None
    is_active: YesNo = None
    manager_id: UserId = None
    team: Text = None
    region: Text = None


class Account(CanonicalRow):
    """A customer company."""

    name: Annotated[str | None, Column(required=True)] = None
    owner_id: Annotated[str | None, Column(required=True, refers="users")] = None
    owner_since: dt.date | None = None
    parent_id: AccountId = None
    customer_class: Annotated[str | None, Column(words="class")] = None
    customer_class_state: Text = None
    business: Audited = None
    industry: Audited = None
    employees: Annotated[Decimal | None, Column()] = None
    phone: Phone = None
    website: Text = None
    address: Text = None
    city: Text = None
    region: Text = None
    country: Text = None
    requests: Audited = None
    requests_as_of: dt.date | None = None
    project: Audited = None
    renewal_date: dt.date | None = None
    potential: Annotated[Decimal | None, Column()] = None
    closed_days: Text = None
    created_at: dt.datetime | None = None


class Contact(CanonicalRow):
    """A person at a customer."""

    account_id: Annotated[str | None, Column(required=True, refers="accounts")] = None
    owner_id: UserId = None
    name: Annotated[str | None, Column(required=True, audited=True)] = None
    title: Audited = None
    department: Audited = None
    role: Audited = None
    is_decision_maker: YesNo = None
    email: Email = None
    phone: Phone = None
    mobile: Phone = None
    country: Text = None
    preferred_channel: Audited = None
    email_bounced: YesNo = None
    opted_out: YesNo = None
    has_left: YesNo = None


class ContactLink(CanonicalRow):
    """One person on one more account, with the role they have there.

    A relation that is not active, or whose last day lies in the past, is none.
    """

    contact_id: Annotated[str | None, Column(required=True, refers="contacts")] = None
    account_id: Annotated[str | None, Column(required=True, refers="accounts")] = None
    role: Audited = None
    is_primary: YesNo = None
    is_active: YesNo = None
    ended_on: dt.date | None = None


class Opportunity(CanonicalRow):
    """A piece of business that may be won, is won or is lost."""

    account_id: Annotated[str | None, Column(required=True, refers="accounts")] = None
    owner_id: Annotated[str | None, Column(required=True, refers="users")] = None
    name: Text = None
    stage: Audited = None
    is_closed: Annotated[bool | None, Column(required=True, words="yes_no")] = None
    is_won: Annotated[bool | None, Column(required=True, words="yes_no")] = None
    product: Audited = None
    amount: Decimal | None = None
    currency: Text = None
    close_date: dt.date | None = None
    next_step: Audited = None
    next_step_date: dt.date | None = None
    reason: Audited = None
    competitor: Text = None
    created_at: dt.datetime | None = None


class LineItem(CanonicalRow):
    """One product of an opportunity."""

    opportunity_id: Annotated[
        str | None, Column(required=True, refers="opportunities")
    ] = None
    product: Annotated[str | None, Column(required=True, audited=True)] = None
    quantity: Decimal | None = None
    amount: Decimal | None = None
    currency: Text = None
    date: dt.date | None = None


class Order(CanonicalRow):
    """A purchase that is kept outside opportunities."""

    account_id: Annotated[str | None, Column(required=True, refers="accounts")] = None
    owner_id: UserId = None
    product: Annotated[str | None, Column(required=True, audited=True)] = None
    quantity: Decimal | None = None
    amount: Decimal | None = None
    currency: Text = None
    cost: Decimal | None = None
    date: Annotated[dt.date | None, Column(required=True)] = None
    reason: Audited = None


class Activity(CanonicalRow):
    """A call, meeting, e-mail, visit, note or task. ``due`` is a task's."""

    owner_id: UserId = None
    kind: Annotated[str | None, Column(required=True, words="kind")] = None
    is_done: Annotated[bool | None, Column(required=True, words="yes_no")] = None
    outcome: Annotated[str | None, Column(words="outcome")] = None
    happened_at: Annotated[dt.datetime | None, Column(required=True)] = None
    happened_on: dt.date | None = None
    """The local day of ``happened_at``, or the day as recorded without a time."""
    has_time: YesNo = None
    """False where only a day was recorded: it counts as the end of that day."""
    due: dt.date | None = None
    subject: Text = None
    text: Audited = None
    direction: Text = None
    handover_key: Text = None


class ActivityLink(CanonicalRow):
    """What an activity hangs on; ``target`` is account, contact or opportunity."""

    activity_id: Annotated[str | None, Column(required=True, refers="activities")] = (
        None
    )
    target: Text = None
    target_id: Text = None


class Request(CanonicalRow):
    """A case or ticket: what the customer asked for and still waits for."""

    account_id: Annotated[str | None, Column(required=True, refers="accounts")] = None
    contact_id: Annotated[str | None, Column(refers="contacts")] = None
    owner_id: UserId = None
    subject: Annotated[str | None, Column(required=True, audited=True)] = None
    status: Text = None
    is_open: Annotated[bool | None, Column(required=True, words="yes_no")] = None
    opened_at: dt.datetime | None = None
    due: dt.date | None = None


class TeamMember(CanonicalRow):
    """A colleague who works on a record besides its owner."""

    record_id: Annotated[str | None, Column(required=True)] = None
    user_id: Annotated[str | None, Column(required=True, refers="users")] = None
    role: Text = None
    access: Text = None


TABLES: dict[str, type[CanonicalRow]] = {
    "users": User,
    "accounts": Account,
    "contacts": Contact,
    "contact_links": ContactLink,
    "opportunities": Opportunity,
    "line_items": LineItem,
    "orders": Order,
    "activities": Activity,
    "activity_links": ActivityLink,
    "requests": Request,
    "account_team": TeamMember,
    "opportunity_team": TeamMember,
}

TARGETS = {
    "account": "accounts",
    "contact": "contacts",
    "opportunity": "opportunities",
}
"""The table of each kind of record that an activity hangs on."""

LINK_TABLES = frozenset(
    {"contact_links", "activity_links", "account_team", "opportunity_team"}
)
"""Tables whose rows may come several from one record, so they also carry ``origin``:
the id of the record they were read from. Re-reading it replaces them all."""

EXTRA = "extra_"
"""Prefix of a company's own account columns; always audited text."""


COLUMNS_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("column_name", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
    ]
)
"""The ``columns`` table: what a generation could see. ``status`` is ``mapped``,
``unmapped`` or ``unreadable``; ``column_name`` ``*`` speaks of the table as a whole."""

ASIDE_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("source", "object", "table_name")),
        *(pa.field(name, pa.string()) for name in ("id", "column_name", "field")),
        *(pa.field(name, pa.string()) for name in ("value", "reason")),
        pa.field("whole", pa.bool_()),
        pa.field("row", pa.int64()),
    ]
)
"""The ``aside`` table: what did not fit, until it does. ``whole``: the record of that
``id`` was put aside; otherwise it stands, and only its cell ``column_name`` is empty.
``object`` and ``field`` are the CRM's names, ``row`` is the line or position there."""

REFERENCES_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("source", "table_name")),
        *(pa.field(name, pa.string()) for name in ("column_name", "refers")),
        pa.field("unresolved", pa.int64()),
        pa.field("by_prefix", pa.int64()),
        pa.field("examples", pa.list_(pa.string())),
    ]
)
"""The ``references`` table: columns whose values are not all ids of the table that they
refer to. ``unresolved`` of them lead nowhere, ``examples`` names some; ``by_prefix``
are ids of Salesforce that stand with 15 characters here and with 18 there, or the
reverse."""

_ARROW: dict[type, pa.DataType] = {
    str: pa.string(),
    bool: pa.bool_(),
    dt.date: pa.date32(),
    dt.datetime: pa.timestamp("us", tz="UTC"),
    Decimal: pa.decimal128(18, 4),
}


@dataclass(frozen=True, kw_only=True)
class ColumnSpec:
    """One canonical column: its name, Python type and what else is known of it."""

    name: str
    type: type
    column: Column

    @property
    def arrow_type(self) -> pa.DataType:
        """The type it has in Arrow and Parquet."""
        return _ARROW[self.type]

    def companions(self) -> Iterator[str]:
        """Yield the names of the columns derived from this one."""
        if self.column.audited:
            yield f"{self.name}_norm"
        if self.column.quality:
            yield f"{self.name}_quality"


def extra_column(name: str) -> ColumnSpec:
    """Describe a company's own account column, by its name with the prefix."""
    return ColumnSpec(name=name, type=str, column=Column(audited=True))


@cache
def columns(table: str) -> dict[str, ColumnSpec]:
    """Describe the canonical columns of a table, in order, without companions."""
    return {
        name: _spec(name, field.annotation, tuple(field.metadata))
        for name, field in TABLES[table].model_fields.items()
    }


def _spec(name: str, annotation: Any, metadata: tuple[Any, ...]) -> ColumnSpec:  # noqa: ANN401
    found = next((m for m in metadata if isinstance(m, Column)), Column())
    plain = [part for part in get_args(annotation) if part is not types.NoneType]
    kind = plain[0] if plain else annotation
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return ColumnSpec(name=name, type=kind, column=found)


def holds_ids(table: str, name: str) -> bool:
    """Tell whether a column holds ids: its own, or those that an activity hangs on."""
    spec = columns(table).get(name)
    if spec is None:
        return table == "activities" and name.endswith("_id")
    return bool(spec.column.key or spec.column.refers or name == "record_id")


def arrow_schema(table: str, extra: tuple[str, ...] = ()) -> pa.Schema:
    """Derive the Arrow schema of a table with its companions.

    Args:
        table: a key of ``TABLES``.
        extra: names (with prefix) of a company's own account columns.
    """
    fields: list[pa.Field] = []
    for spec in [*columns(table).values(), *map(extra_column, extra)]:
        fields.append(pa.field(spec.name, spec.arrow_type))
        fields.extend(pa.field(name, pa.string()) for name in spec.companions())
    if table in LINK_TABLES:
        fields.append(pa.field("origin", pa.string()))
    return pa.schema(fields)
