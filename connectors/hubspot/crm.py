"""HubSpot as a connector: the interface, put together from its parts, and its opening.

The defaults of pace are those of a private app on Professional and Enterprise (usage
guidelines of developers.hubspot.com); ``rate`` in the settings replaces them.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
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
from connectors.errors import (
    AuthenticationFailed,
    ConnectorError,
    NotPermitted,
    ReplyLost,
    UnknownObject,
    Unreachable,
)
from connectors.hubspot import tasks, writing
from connectors.hubspot.catalogue import OWNER_OBJECT, Catalogue
from connectors.hubspot.login import AccessToken, PortalLogin, RefreshToken
from connectors.hubspot.objects import (
    ACCOUNT,
    BODY,
    ENGAGEMENTS,
    LIST_LIMIT,
    object_type,
)
from connectors.hubspot.owners import OwnerBook, read_owner_pages
from connectors.hubspot.portal import Family, Portal
from connectors.hubspot.reading import PortalMerges, PortalReader
from connectors.hubspot.wire import PortalRefusal, Wire
from connectors.pace import Limiter
from connectors.token_file import TokenFile

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

BURST = 190
"""Calls per ten seconds."""
SEARCH = 5
"""Search calls per second and account."""
BURST_SECONDS, BURST_SLACK = 10.0, 0.25
SEARCH_SECONDS, SEARCH_SLACK = 1.0, 0.1
"""HubSpot's windows, and a little that we add."""


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
        self._merges = PortalMerges(self._catalogue)

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
        """Read the portal's id and kind; a private app has no user of its own.

        A portal that does not tell its name is called by the address of its pages and
        its id: all portals of a region share the address.
        """
        data = self.portal.read(ACCOUNT).data
        if "portalId" not in data:
            detail = "a reply without a portal id"
            raise Unreachable(source=self.name, object=ACCOUNT, detail=detail)
        host = urlsplit(str(data.get("uiDomain") or self.portal.base_url))
        address = host.hostname or host.path
        return Identity(
            org_id=str(data["portalId"]),
            org_name=str(data.get("portalName") or f"{address} {data['portalId']}"),
            production=str(data.get("accountType") or "STANDARD") == "STANDARD",
            local=self.portal.is_local,
        )

    def objects(self, pattern: str) -> Sequence[str]:
        """Return the name itself: every object type is called by its own name."""
        return (pattern,)

    def describe(self, object_name: str) -> ObjectSchema:
        """List properties, and what a record carries beside them."""
        return self._catalogue.schema(object_name)

    def pull(self, request: Pull) -> Iterator[Page]:
        """Read by list or by search, whichever is cheaper, and leave people calls."""
        if request.object == OWNER_OBJECT:
            pages = read_owner_pages(self.portal, request.resume)
        else:
            reader = PortalReader(self._catalogue, request.object, request.fields)
            pages = reader.pages(request, self._merges)
        self.portal.keep_reserve()
        for page in pages:
            yield page
            if page.cursor is not None:
                self.portal.keep_reserve()

    def identifiers(self, object_name: str) -> Iterator[Page]:
        """List all living records, for their ids."""
        return self.pull(Pull(object=object_name, fields=("id",)))

    def read(
        self, object_name: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Row]:
        """Read some records now, not through the search index."""
        if object_name == OWNER_OBJECT:
            return self._owners.read(ids)
        found = PortalReader(self._catalogue, object_name, fields).records(ids)
        return {str(row["id"]): writing.drop_noon(row) for row in found}

    def batches(self, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
        """Cut changes into calls; keyed creates share the call that links them."""
        creates = any(isinstance(change, Create) for change in changes)
        return writing.cut_batches(changes, keyed=creates and self._has_key)

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Send one batch and compare what comes back with what was sent.

        A change that would make somebody an owner who cannot be one is refused here.
        """
        try:
            outcomes = {n: self._owners.refuse(each) for n, each in enumerate(batch)}
        except ConnectorError as error:
            return [Outcome.unsent(error)] * len(batch)
        passed = [n for n, refusal in outcomes.items() if refusal is None]
        if passed:
            found = self._send([self._fit_key(batch[n]) for n in passed])
            outcomes |= dict(zip(passed, found, strict=True))
        return [found for found in outcomes.values() if found is not None]

    def _send(self, batch: Sequence[Change]) -> list[Outcome]:
        creates = [change for change in batch if isinstance(change, Create)]
        if creates and creates[0].key_field:
            return tasks.upsert_all(self.portal, creates, self._there)
        if creates:
            send = partial(tasks.create_marked, self.portal)
            return writing.send_persistently(creates, send, size=LIST_LIMIT)
        changes = [change for change in batch if isinstance(change, SetField)]
        update = partial(writing.update, self.portal)
        return writing.send_persistently(changes, update, size=LIST_LIMIT)

    def find(self, creates: Sequence[Create]) -> Mapping[str, Row]:
        """Find our tasks by key property, else through the company's associations."""
        fitted = [self._fit_key(create) for create in creates]
        found = tasks.find(self.portal, [c for c in fitted if isinstance(c, Create)])
        self._there |= {key: str(row["id"]) for key, row in found.items()}
        return found

    def prepare(self, *, create: bool = False) -> Sequence[str]:
        """List scopes we lack, and the key property; make the latter if asked to."""
        missing = [
            f"{name}:{scope}"
            for kind in WRITTEN
            if (scope := writing.find_missing_scope(self.portal, kind)) is not None
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
        """Whether the portal has the unique property for our keys."""
        if self._task_key is None:
            return False
        try:
            return self._catalogue.is_unique("tasks", self._task_key)
        except (NotPermitted, UnknownObject):
            return False

    def _fit_key(self, change: Change) -> Change:
        """Leave the key's field out where the portal does not have it."""
        if isinstance(change, Create) and change.key_field and not self._has_key:
            return replace(change, key_field=None)
        return change

    def _make_key(self, name: str) -> bool:
        with suppress(ReplyLost, NotPermitted, PortalRefusal, UnknownObject):
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


@dataclass(frozen=True, kw_only=True)
class Time:
    """How time passes: monotonic seconds, and waiting for some of them."""

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def open_portal(settings: Mapping[str, object], time: Time | None = None) -> HubSpotCRM:
    """Open a portal; nothing is sent before the first call."""
    time = time or Time()
    wire = Wire(
        str(settings["base_url"]),
        proxy=str(settings.get("proxy") or ""),
        ca_file=str(settings.get("ca_file") or ""),
    )
    portal = Portal(
        wire,
        _choose_login(settings, wire, time),
        _build_limiters(settings.get("rate"), time),
        sleep=time.sleep,
    )
    task_key = settings.get("task_key")
    return HubSpotCRM(portal, task_key=str(task_key) if task_key else None)


def _build_limiters(rate: object, time: Time) -> dict[Family, Limiter]:
    """Pace all calls, and searches among them: whether they count there is unknown."""
    wanted = rate if isinstance(rate, Mapping) else {}
    burst = Limiter(
        calls=int(wanted.get("burst", BURST)),
        seconds=BURST_SECONDS,
        slack=BURST_SLACK,
        clock=time.clock,
        sleep=time.sleep,
    )
    search = Limiter(
        calls=int(wanted.get("search", SEARCH)),
        seconds=SEARCH_SECONDS,
        slack=SEARCH_SLACK,
        within=burst,
        clock=time.clock,
        sleep=time.sleep,
    )
    return {"burst": burst, "search": search}


def _choose_login(
    settings: Mapping[str, object], wire: Wire, time: Time
) -> PortalLogin:
    """Use the token that is configured, else OAuth's grant.

    Raises:
        AuthenticationFailed: neither is configured.
    """
    token = settings.get("token")
    if token:
        return AccessToken(value=str(token))
    names = ("client_id", "client_secret", "refresh_token")
    grant = {name: str(settings[name]) for name in names if settings.get(name)}
    if len(grant) < len(names):
        raise AuthenticationFailed(source="hubspot", detail="no token configured")
    folder = settings.get("token_folder")
    file = TokenFile(folder=Path(str(folder)), source="hubspot") if folder else None
    return RefreshToken(grant, wire, time.clock, file)
