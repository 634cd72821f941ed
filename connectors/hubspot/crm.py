"""HubSpot as a connector: the interface, put together from its parts."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit

from connectors.base import (
    Capability,
    Change,
    Create,
    Identity,
    ObjectSchema,
    Outcome,
    Page,
    Pull,
    Row,
    SetField,
)
from connectors.errors import NotPermitted, UnknownObject, Unreachable
from connectors.hubspot import creating, finding, writing
from connectors.hubspot.catalogue import OWNER_OBJECT, Catalogue
from connectors.hubspot.merges import Merges
from connectors.hubspot.objects import (
    ACCOUNT,
    BODY,
    ENGAGEMENTS,
    LIST_LIMIT,
    object_type,
)
from connectors.hubspot.owners import OwnerBook, owner_pages
from connectors.hubspot.portal import Lost, Portal
from connectors.hubspot.reading import Reader
from connectors.hubspot.sending import persistently
from connectors.hubspot.wire import Turned

KEY_FIELD = "handover_key"
"""Where a task shows our key, if no property takes it: it is read out of the body."""
WRITTEN = ("companies", "contacts", "deals", "tasks", "tickets")
"""Types that a handover writes to; other engagements share the scope of contacts."""
OTHERS = sorted(ENGAGEMENTS.difference(WRITTEN))
ABILITIES = frozenset(
    {
        Capability.WRITE,
        Capability.INCREMENTAL,
        Capability.CONTACTS_FOLLOW,
        Capability.SURE_FIND,
        Capability.MAKES_FIELDS,
    }
)


class HubSpotCRM:
    """A HubSpot portal."""

    name = "hubspot"

    def __init__(self, portal: Portal, *, task_key: str | None) -> None:
        """Bind a portal; ``task_key`` is the unique property that takes our keys."""
        self.portal = portal
        self._task_key = task_key
        self._catalogue = Catalogue(portal, task_key or KEY_FIELD)
        self._owners = OwnerBook(self._catalogue)
        self._there: dict[str, str] = {}
        """Ids of our records that were seen to exist, by key."""
        self._merges = Merges(self._catalogue)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What we can do; creates are only safe where the portal has the property."""
        if not self._has_key:
            return ABILITIES
        return ABILITIES | {Capability.KEYED_CREATES}

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self.portal.calls

    def identify(self) -> Identity:
        """Read the portal's id and kind; a private app has no user of its own."""
        data = self.portal.read(ACCOUNT).data
        if "portalId" not in data:
            detail = "a reply without a portal id"
            raise Unreachable(source=self.name, object=ACCOUNT, detail=detail)
        host = urlsplit(str(data.get("uiDomain") or self.portal.base_url))
        return Identity(
            org_id=str(data["portalId"]),
            org_name=str(data.get("accountName") or host.hostname or host.path),
            production=str(data.get("accountType") or "STANDARD") == "STANDARD",
            local=self.portal.is_local,
        )

    def objects(self, pattern: str) -> Sequence[str]:
        """Every object type is its own name."""
        return (pattern,)

    def describe(self, object: str) -> ObjectSchema:  # noqa: A002
        """List properties, and what a record carries beside them."""
        return self._catalogue.schema(object)

    def pull(self, request: Pull) -> Iterator[Page]:
        """Read by list or by search, whichever is cheaper, and leave people calls."""
        if request.object == OWNER_OBJECT:
            pages = owner_pages(self.portal, request.resume)
        else:
            reader = Reader(self._catalogue, request.object, request.fields)
            pages = reader.pages(request, self._merges)
        self.portal.keep_reserve()
        for page in pages:
            yield page
            if page.cursor is not None:
                self.portal.keep_reserve()

    def identifiers(self, object: str) -> Iterator[Page]:  # noqa: A002
        """List all living records, for their ids."""
        return self.pull(Pull(object=object, fields=("id",)))

    def read(
        self,
        object: str,  # noqa: A002
        ids: Sequence[str],
        fields: Sequence[str],
    ) -> Mapping[str, Row]:
        """Read some records now, not through the search index."""
        if object == OWNER_OBJECT:
            return self._owners.read(ids)
        found = Reader(self._catalogue, object, fields).records(ids)
        return {str(row["id"]): writing.with_day(row) for row in found}

    def batches(self, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
        """Cut changes into calls; keyed creates share the call that links them."""
        creates = any(isinstance(change, Create) for change in changes)
        return writing.batches(changes, keyed=creates and self._has_key)

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Send one batch and compare what comes back with what was sent.

        A change that would make somebody an owner who cannot be one is not sent.
        """
        outcomes = {n: self._owners.refusal(each) for n, each in enumerate(batch)}
        sent = [n for n, refusal in outcomes.items() if refusal is None]
        if sent:
            found = self._send([self._said(batch[n]) for n in sent])
            outcomes |= dict(zip(sent, found, strict=True))
        return [found for found in outcomes.values() if found is not None]

    def _send(self, batch: Sequence[Change]) -> list[Outcome]:
        creates = [change for change in batch if isinstance(change, Create)]
        if creates and creates[0].key_field:
            return creating.upsert_all(self.portal, creates, self._there)
        if creates:
            send = partial(creating.create_marked, self.portal)
            return persistently(creates, send, size=LIST_LIMIT)
        changes = [change for change in batch if isinstance(change, SetField)]
        return persistently(
            changes, partial(writing.update, self.portal), size=LIST_LIMIT
        )

    def find(self, creates: Sequence[Create]) -> Mapping[str, Row]:
        """Find our tasks by key property, else through the company's associations."""
        said = [self._said(create) for create in creates]
        found = finding.find(self.portal, [c for c in said if isinstance(c, Create)])
        self._there |= {key: str(row["id"]) for key, row in found.items()}
        return found

    def prepare(self, *, create: bool = False) -> Sequence[str]:
        """Name scopes we lack, and the key property; make the latter if asked to."""
        missing = [
            f"{name}:{scope}"
            for kind in WRITTEN
            if (scope := writing.lacking(self.portal, kind)) is not None
            for name in (kind, *(OTHERS if kind == "contacts" else ()))
        ]
        if self._task_key is None:
            return missing
        self._catalogue.forget("tasks")
        if self._has_key or (create and self._make_key(self._task_key)):
            return missing
        return [*missing, f"tasks.{self._task_key}"]

    @property
    def _has_key(self) -> bool:
        """Tell whether the portal has the unique property for our keys."""
        if self._task_key is None:
            return False
        try:
            return self._catalogue.is_unique("tasks", self._task_key)
        except (NotPermitted, UnknownObject):
            return False

    def _said(self, change: Change) -> Change:
        """Put the key where the portal has room for it."""
        if isinstance(change, Create) and change.key_field and not self._has_key:
            return replace(change, key_field=None)
        return change

    def _make_key(self, name: str) -> bool:
        with suppress(Lost, NotPermitted, Turned, UnknownObject):
            definition = {
                "name": name,
                "label": "Handover key",
                "type": "string",
                "fieldType": "text",
                "groupName": self._catalogue.group_of("tasks", BODY),
                "hasUniqueValue": True,
            }
            self.portal.write(object_type("tasks").properties, definition)
        self._catalogue.forget("tasks")
        return self._has_key
