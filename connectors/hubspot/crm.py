"""HubSpot as a connector: the interface, put together from its parts."""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from connectors.base import (
    Capability,
    Change,
    Create,
    Field,
    Identity,
    ObjectSchema,
    Outcome,
    Page,
    Pull,
    Row,
)
from connectors.errors import NotPermitted, UnknownObject
from connectors.hubspot import writing
from connectors.hubspot.objects import (
    ACCOUNT,
    CONTACT_FIELDS,
    FLAGS,
    LINK_FIELDS,
    OWNER_FIELDS,
    STAGE_FIELDS,
    object_type,
)
from connectors.hubspot.owners import owner_pages
from connectors.hubspot.portal import Portal, Turned
from connectors.hubspot.reading import Reader

OWNER_OBJECT = "owners"
RELATED = ("companies", "contacts", "deals", "tickets", "line_items", "orders")
"""Types whose associations a mapping may name."""


class HubSpotCRM:
    """A HubSpot portal."""

    name = "hubspot"

    def __init__(
        self, portal: Portal, *, portal_id: str | None, task_key: str | None
    ) -> None:
        """Bind a portal; ``task_key`` is the unique property that takes our keys."""
        self.portal = portal
        self._portal_id = portal_id
        self._task_key = task_key
        self.capabilities = frozenset(
            {Capability.WRITE, Capability.INCREMENTAL, Capability.SWEEP}
            | ({Capability.KEYED_CREATES} if task_key else set())
        )

    @property
    def calls(self) -> int:
        """Calls made so far."""
        return self.portal.calls

    def identify(self) -> Identity:
        """Read the portal's id and kind; a private app has no user of its own."""
        data = self.portal.read(ACCOUNT).data
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
        if object == OWNER_OBJECT:
            names = [Field(name=name, writable=False) for name in OWNER_FIELDS]
            return ObjectSchema(name=object, fields={f.name: f for f in names})
        reply = self.portal.read(object_type(object).properties)
        found = [_field(entry) for entry in reply.data.get("results") or ()]
        added = [*FLAGS, *(STAGE_FIELDS if object_type(object).stage else ())]
        added += CONTACT_FIELDS if object == "contacts" else ()
        added += [prefix + other for other in RELATED for prefix in LINK_FIELDS]
        found += [Field(name=name, writable=False) for name in added]
        return ObjectSchema(name=object, fields={f.name: f for f in found})

    def pull(self, request: Pull) -> Iterator[Page]:
        """Read by list or by search, whichever is cheaper."""
        if request.object == OWNER_OBJECT:
            return owner_pages(self.portal, request.resume)
        return Reader(self.portal, request.object, request.fields).pages(request)

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
            wanted = set(ids)
            rows = (row for page in owner_pages(self.portal) for row in page.rows)
            return {str(r["id"]): r for r in rows if str(r["id"]) in wanted}
        found = Reader(self.portal, object, fields).records(ids)
        return {str(row["id"]): writing.with_day(row) for row in found}

    def batches(self, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
        """Cut changes into calls of at most 100 inputs."""
        return writing.batches(changes)

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Send one batch and compare what comes back with what was sent."""
        return writing.write(self.portal, batch)

    def find(self, creates: Sequence[Create]) -> Mapping[str, Row]:
        """Find our tasks by key property, else through the company's associations."""
        return writing.find(self.portal, creates)

    def prepare(self, *, create: bool = False) -> Sequence[str]:
        """Name the key property if the portal lacks it; make it if asked to."""
        if self._task_key is None:
            return ()
        kind = object_type("tasks")
        try:
            self.portal.read(f"{kind.properties}/{self._task_key}")
        except UnknownObject:
            missing = f"tasks.{self._task_key}"
        else:
            return ()
        if not create:
            return (missing,)
        definition = {
            "name": self._task_key,
            "label": "Handover key",
            "type": "string",
            "fieldType": "text",
            "groupName": "task",
            "hasUniqueValue": True,
        }
        try:
            self.portal.write(kind.properties, definition)
        except (NotPermitted, Turned):
            return (missing,)
        return ()


def _field(entry: Mapping[str, object]) -> Field:
    limits = entry.get("modificationMetadata")
    read_only = isinstance(limits, Mapping) and limits.get("readOnlyValue") is True
    return Field(
        name=str(entry["name"]),
        type=str(entry.get("type") or "string"),
        writable=not read_only,
    )
