"""Facts about HubSpot's object types that no call tells, and cutting by its limits.

Sources: the object, association and search guides of developers.hubspot.com, as of
2026-03. Every path we call stands here, since v3 and v4 end in 2027.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")

ACCOUNT = "/account-info/v3/details"
OWNERS = "/crm/v3/owners/"
TOKEN = "/oauth/2026-03/token"  # noqa: S105 - a path, not a secret

LIST_LIMIT = 100
"""Records in one page of a list, and inputs of one batch (object API guide)."""
SEARCH_LIMIT = 200
"""Records in one page of a search (search guide)."""
OWNER_LIMIT = 500
ASSOCIATION_LIMIT = 1000
"""Inputs of one association batch read (associations guide)."""
URL_LIMIT = 6000
"""Characters of a property list in one URL: 414 was seen at about 8,000."""

DEFAULT_ASSOCIATION = {
    ("tasks", "account"): "192",
    ("tasks", "contact"): "204",
    ("tasks", "opportunity"): "216",
}
"""HUBSPOT_DEFINED association types of a new task (associations guide)."""

TARGETS = {"account": "companies", "contact": "contacts", "opportunity": "deals"}
"""The canonical kinds a created record may hang on, in HubSpot's words."""

ASSOCIATE_LIMIT = 2000
"""Inputs of one association batch create (associations guide)."""

LABELLED = "association_labels."
PRIMARY_ID = "primary_association."
LINK_FIELDS = ("associations.", LABELLED, "association_is_primary.", PRIMARY_ID)
"""Fields that tell what a record hangs on, by the other type's name: the ids; beside
them the portal's labels and whether the association is the primary one; and the one id
that the record belongs to."""

FLAGS = ("id", "createdAt", "updatedAt", "archived", "archivedAt", "url")
"""Fields of the record itself, beside its properties."""

OWNER_FIELDS = (
    "id", "email", "firstName", "lastName", "userId", "archived", "is_active", "type",
    "team", "createdAt", "updatedAt",
)  # fmt: skip

STAGE_FIELDS = ("stage_label", "stage_is_closed", "stage_is_won")
"""What a pipeline says of a record's stage: its label, and whether it is closed and
won, by ``metadata.isClosed`` and ``probability``, never by the stage's name."""

DERIVED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "contacts": {
        "email_has_bounced": ("hs_email_bounce",),
        "buying_role": ("hs_buying_role",),
    },
    "calls": {"call_outcome": ("hs_call_disposition", "hs_call_status")},
    "meetings": {"meeting_outcome": ("hs_meeting_outcome",)},
}
"""Fields that we read out of properties, by object type, with those properties: whether
a contact's count of bounces is above 0, the roles of a multiple choice
(``DECISION_MAKER;END_USER``) as words, and what came of a call or a meeting."""

OUTCOMES = {
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": "CONNECTED",
    "9d9162e7-6cf3-4944-bf63-4dff82258764": "BUSY",
    "73a0d17f-1163-4015-bdd5-ec830791da20": "NO_ANSWER",
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": "LEFT_LIVE_MESSAGE",
    "b2cf5968-551e-4856-9783-52b3da59a7d0": "LEFT_VOICEMAIL",
    "17b47fee-58de-441e-a44c-c6300d46f273": "WRONG_NUMBER",
    **{
        status: status
        for status in (
            "BUSY", "CALLING_CRM_USER", "CANCELED", "COMPLETED", "CONNECTED",
            "CONNECTING", "FAILED", "IN_PROGRESS", "MISSED", "NO_ANSWER", "NO_SHOW",
            "QUEUED", "RESCHEDULED", "RINGING", "SCHEDULED",
        )
    },
}  # fmt: skip
"""HubSpot's own outcomes of calls and meetings: the dispositions of calls have ids,
the same in every portal (guide to calls), whatever their labels say."""

BODY = "hs_task_body"
"""Where our key is kept in a portal without the key property."""

MERGED = "hs_merged_object_ids"
"""The ids that were merged into a record, on the types that can be merged."""
MERGEABLE = frozenset({"companies", "contacts", "deals", "tickets"})

RELATED = ("companies", "contacts", "deals", "tickets", "line_items", "orders")
"""Types whose associations a mapping may name."""

ENGAGEMENTS = frozenset({"tasks", "calls", "meetings", "notes", "emails"})
"""Types without a scope of their own: they use that of contacts."""


@dataclass(frozen=True, kw_only=True)
class ObjectType:
    """One kind of record, and how it differs from the others."""

    name: str
    stage: str | None = None
    """The property that holds the pipeline stage."""

    @property
    def records(self) -> str:
        """The path of the list."""
        return f"/crm/v3/objects/{self.name}"

    @property
    def search(self) -> str:
        """The path of the search."""
        return f"{self.records}/search"

    @property
    def properties(self) -> str:
        """The path of the property definitions."""
        return f"/crm/v3/properties/{self.name}"

    @property
    def pipelines(self) -> str:
        """The path of the pipelines."""
        return f"/crm/v3/pipelines/{self.name}"

    @property
    def changed(self) -> str:
        """The cursor property: contacts alone have another name for it."""
        return "lastmodifieddate" if self.name == "contacts" else "hs_lastmodifieddate"

    def batch(self, verb: str) -> str:
        """The path of a batch call."""
        return f"{self.records}/batch/{verb}"

    def inline(self, other: str) -> str:
        """The key under which a list shows the associations with another type."""
        return "line items" if other == "line_items" else other

    def association(self, other: str) -> str:
        """The name of the association with another type; the primary one's alone.

        Plain ones end in ``_unlabeled``, the portal's own have names of their own.
        """
        return f"{self.one}_to_{object_type(other).one}"

    @property
    def one(self) -> str:
        """The name of a single record."""
        return _SINGULAR.get(self.name, self.name)


_SINGULAR = {
    "companies": "company",
    **{f"{one}s": one for one in ("contact", "deal", "ticket", "line_item", "order")},
    **{kind: kind.removesuffix("s") for kind in ENGAGEMENTS},
}


def association_path(one: str, other: str, verb: str) -> str:
    """The path of an association call between two types."""
    return f"/crm/v4/associations/{one}/{other}/{verb}"


def object_type(name: str) -> ObjectType:
    """Describe an object type by its plural name."""
    stage = {"deals": "dealstage", "tickets": "hs_pipeline_stage"}.get(name)
    return ObjectType(name=name, stage=stage)


def chunks(items: Iterable[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut a sequence into pieces of at most ``size``."""
    rest = iter(items)
    while piece := list(islice(rest, size)):
        yield piece
