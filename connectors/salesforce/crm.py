"""Salesforce as a connector: the interface, put together from its parts."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Any

from connectors.base import (
    Capability,
    Change,
    Create,
    Identity,
    Invitation,
    Member,
    ObjectSchema,
    Outcome,
    Page,
    Pull,
    Row,
    SetField,
)
from connectors.errors import Refused
from connectors.hosts import checked_address
from connectors.pace import Limiter
from connectors.salesforce import about, invitations, lookup, teams, writing
from connectors.salesforce.added import added
from connectors.salesforce.login import needed_setting, read_login
from connectors.salesforce.org import Connection, Org, OrgRefusal
from connectors.salesforce.problems import SOURCE, as_error
from connectors.salesforce.queries import OrgRelations, chunks
from connectors.salesforce.reading import OrgReader
from connectors.salesforce.schema import Shapes, is_added
from connectors.salesforce.settings import refuse_password

CALLS_PER_SECOND = 100
"""Salesforce limits calls by the day and long ones at a time, none by the second; this
only keeps a loop of ours from becoming a storm."""
RETRIEVED = 2000
"""Records that one call retrieves by their ids."""
TASK = "Task"
USER_TYPE = "UserType"
YES_NO = ("true", "false")
OWNERS = ("Standard", "PowerPartner")
"""Types of users who can own customers; guests, chatters and customers cannot."""
ALWAYS = frozenset(
    {
        Capability.WRITE,
        Capability.INCREMENTAL,
        Capability.SWEEP,
        Capability.TEAMS,
    }
)


class SalesforceCRM:
    """A Salesforce org."""

    name = SOURCE

    lasting_refusals = frozenset({"INVALID_FIELD_FOR_INSERT_UPDATE"})
    """Of an owner: an invitee's copy of an event and the like never take one."""

    def __init__(self, org: Org, *, task_key: str | None) -> None:
        """Bind an org; ``task_key`` is the unique field that takes our keys."""
        self.org = org
        self._task_key = task_key
        self._shapes = Shapes(org)
        self._relations = OrgRelations(org, self._shapes)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what this org allows; creates are keyed only if the field is there."""
        return ALWAYS | ({Capability.KEYED_CREATES} if self._is_keyed else set())

    @property
    def calls(self) -> int:
        """Calls made so far, log-ins included."""
        return self.org.calls

    def identify(self) -> Identity:
        """Return which org answers, and who we are in it; it is asked once."""
        return self._identity

    @cached_property
    def _identity(self) -> Identity:
        return about.identify(self.org)

    def objects(self, pattern: str) -> Sequence[str]:
        """Every object is its own name."""
        return (pattern,)

    def describe(self, object_name: str) -> ObjectSchema:
        """List the fields that this user can see, and what we work out."""
        return self._shapes.of(object_name).schema()

    def pull(self, request: Pull) -> Iterator[Page]:
        """Read records; a page is asked for when the one before it is safe.

        So a killed run reads at most one page of an object again. What
        overlaps with the work on a page are the calls for other objects.
        """
        self._shapes.of(request.object)
        own = added(request.object, request.fields, self.org.base_url, self._task_key)
        fields = [name for name in request.fields if name not in own.wanted]
        reader = OrgReader(
            self.org, self._shapes, self._relations, added=own, fields=fields
        )
        yield from reader.pages(request)

    def identifiers(self, object_name: str) -> Iterator[Page]:
        """Read the ids of all records that exist."""
        for page in self.pull(Pull(object=object_name, fields=())):
            yield replace(page, rows=[{"id": row["Id"]} for row in page.rows])

    def read(
        self,
        object_name: str,
        ids: Sequence[str],
        fields: Sequence[str],
    ) -> Mapping[str, Row]:
        """Read some records as they are now, 2,000 a call."""
        found: dict[str, Row] = {}
        for part in chunks(list(dict.fromkeys(ids)), RETRIEVED):
            rows = self._retrieved(object_name, part, fields)
            found |= {
                asked: row
                for asked, row in zip(part, rows, strict=True)
                if isinstance(row, dict)
            }
        return found

    def batches(self, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
        """Cut changes into calls of at most 200 records."""
        return writing.batches(changes)

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Send one batch and match each result with its change."""
        fitting = [self._fitting(c) if isinstance(c, Create) else c for c in batch]
        return writing.write(self.org, fitting, self._list_booleans(batch))

    def _list_booleans(self, batch: Sequence[Change]) -> set[tuple[str, str]]:
        """List the fields that are set to yes or no and take nothing else.

        Only who writes such a word needs to know the object's fields.
        """
        named = {
            (change.object, change.field)
            for change in batch
            if isinstance(change, SetField) and change.after in YES_NO
        }
        fields = {name: self._shapes.known(name) for name, _ in named}
        return {
            (name, field)
            for name, field in named
            if (shape := fields[name]) is not None
            and field in shape.fields
            and shape.fields[field].type == "boolean"
        }

    def find(self, creates: Sequence[Create]) -> Mapping[str, Row]:
        """Find our tasks by key or mark, team members by record and user."""
        return lookup.find(self.org, [self._fitting(create) for create in creates])

    def members(self, object_name: str, ids: Sequence[str]) -> Sequence[Member]:
        """List the team members that an owner change would drop."""
        return teams.members(self.org, self._shapes, object_name, ids)

    def invitations(self, user: str, since: datetime) -> Sequence[Invitation]:
        """List the copies that a user has of coming events of others."""
        return invitations.find_invitations(self.org, self._shapes, user, since)

    def unlicensed(self, users: Sequence[str]) -> Sequence[str]:
        """List those of some users who are no employees or partners: they own none."""
        rows = self.read("User", users, [USER_TYPE])
        types = {user: row.get(USER_TYPE) for user, row in rows.items()}
        return [user for user, kind in types.items() if kind not in (None, *OWNERS)]

    def task_words(
        self,
        object_name: str,
        field: str,
        wished: tuple[str, str],
    ) -> tuple[str, str]:
        """Return the org's own words for an open and a done task (its TaskStatus)."""
        return about.own_words(self.org, self._shapes, (object_name, field), wished)

    def prepare(self, *, create: bool = False) -> Sequence[str]:  # noqa: ARG002
        """List the key field if it is missing or not unique.

        It is never made by us: a field needs a page layout and permissions, which are
        the admin's to give.
        """
        missing = self._task_key is not None and not self._is_keyed
        return (f"{TASK}.{self._task_key}",) if missing else ()

    @property
    def _is_keyed(self) -> bool:
        """Return whether the org has the field for our keys, unique and writable."""
        shape = self._shapes.known(TASK) if self._task_key else None
        field = shape.fields.get(str(self._task_key)) if shape else None
        if shape is None or field is None:
            return False
        return field.writable and field.name in shape.keys

    def _fitting(self, create: Create) -> Create:
        """Let the text carry the key in an org without the field for it."""
        return create if self._is_keyed else replace(create, key_field=None)

    def _retrieved(
        self, name: str, ids: Sequence[str], fields: Sequence[str]
    ) -> list[Any]:
        """Retrieve records in the order of the ids, without what is hidden from us."""
        asked = [f for f in fields if f != "id" and not is_added(name, f)] or ["Id"]
        body = {"ids": list(ids), "fields": asked}
        try:
            rows = self.org.read(f"composite/sobjects/{name}", body=body).data
        except OrgRefusal as turned:
            hidden = turned.problem.hidden_column()
            if hidden not in asked:
                raise as_error(turned.problem, name) from None
            return self._retrieved(name, ids, [f for f in asked if f != hidden])
        if not isinstance(rows, list) or len(rows) != len(ids):
            detail = "a reply that is no list of these records"
            raise Refused(source=SOURCE, object=name, detail=detail)
        return rows


def open_org(
    settings: Mapping[str, object],
    *,
    limiter: Limiter | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> SalesforceCRM:
    """Open an org; nothing is sent before the first call.

    Args:
        settings: as ``open_salesforce`` takes them.
        limiter: shared with other connectors to the same org, if there are any.
        sleep: sleeps between attempts.
    """
    refuse_password(settings)
    base_url = checked_address(needed_setting(settings, "base_url"), SOURCE)
    login, login_url = read_login(settings, base_url)
    connection = Connection(
        base_url=base_url,
        login_url=login_url,
        version=str(settings.get("api_version") or "64.0").lstrip("v"),
        proxy=str(settings.get("proxy") or ""),
        ca_file=str(settings.get("ca_file") or ""),
        allow_duplicates=bool(settings.get("allow_duplicates")),
        secrets=_secrets(settings),
    )
    org = Org(
        connection,
        login,
        limiter or Limiter(calls=CALLS_PER_SECOND),
        sleep=sleep,
        daily_share=float(str(settings.get("daily_share") or 0.8)),
    )
    task_key = settings.get("task_key")
    return SalesforceCRM(org, task_key=str(task_key) if task_key else None)


def _secrets(settings: Mapping[str, object]) -> tuple[str, ...]:
    names = ("client_secret", "key", "refresh_token", "token")
    return tuple(str(settings[name]) for name in names if settings.get(name))
