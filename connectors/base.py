"""The words and the interface that every CRM is brought to.

Terminology:
    object: a kind of record in the CRM's own words (``Account``, ``companies``,
        ``accounts.csv``).
    record: one of its rows, with an ``id`` that is unique within the object.
    field: one value of a record; a dotted path reaches into a related record.
    page: some records that came with one call, with the cursor behind them.
    change: one intended write: set one field of a record, or create a record.
    outcome: what became of one change.

A connector never decides, never retries a create blindly, never sleeps outside its
limiter, always sends time-outs, and follows no link to another host.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import field as dataclass_field
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, Protocol, Self, runtime_checkable

from connectors.errors import ConnectorError

Row = Mapping[str, object]
"""One record as the CRM gave it: nested where it nests, scalars as it sent them."""


DOUBLES = "doubles"
"""Under it a found row names the ids of further records with the same key, if any."""

SHORT_ID, LONG_ID = 15, 18
"""Characters of a Salesforce id; the long one is the short one and its checksum."""


def same_id(one: str, other: str) -> bool:
    """Compare ids; a Salesforce id counts in either length."""
    if {len(one), len(other)} == {SHORT_ID, LONG_ID}:
        return one[:SHORT_ID] == other[:SHORT_ID]
    return one == other


class Capability(StrEnum):
    """What a connector can do beyond reading everything."""

    WRITE = "write"
    """It can change records and create them."""
    INCREMENTAL = "incremental"
    """``pull`` honours ``since``; without it every pull brings all records."""
    SWEEP = "sweep"
    """``identifiers`` is cheaper than a pull, so hard deletes are found by it."""
    KEYED_CREATES = "keyed_creates"
    """Creating twice with one key yields one record, whatever happened in between."""
    MAKES_FIELDS = "makes_fields"
    """``prepare`` can make a field that it names as missing."""
    SURE_FIND = "sure_find"
    """``find`` shows whatever is there: no index lies between that may lag behind."""
    TEAMS = "teams"
    """An owner change may drop the record's team; see ``KeepsTeams``."""
    CONTACTS_FOLLOW = "contacts_follow"
    """An account's new owner may be copied to its contacts, also to those of others."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which CRM this is and who we are in it."""

    org_id: str
    org_name: str
    production: bool
    """People work in it: writing needs a confirmation."""
    local: bool = False
    """Files, memory or a loopback server: the rules' today may lie in the future."""
    user_id: str | None = None
    user_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field that this user can see.

    ``stamped``: a change of its value is a change of the record, so that a pull of
    changes brings it. What a CRM works out while it reads changes without a stamp.
    """

    name: str
    type: str = "text"
    writable: bool = True
    stamped: bool = True


@dataclass(frozen=True, kw_only=True)
class ObjectSchema:
    """The fields of an object that this user can see.

    ``hidden`` names fields known to exist but not visible to us, where the CRM tells.
    """

    name: str
    fields: Mapping[str, Field]
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Pull:
    """A request for records.

    ``since`` is a time of the *server*; records changed at or after it are wanted, and
    deleted ones among them. ``resume`` is the cursor of the last page that was stored.
    ``again``: beside the changes all living records are wanted, as some values changed
    without a stamp.
    """

    object: str
    fields: tuple[str, ...]
    since: datetime | None = None
    resume: str | None = None
    again: bool = False


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something worth telling that stops nothing: a code and what its words need."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some records and where to go on.

    ``cursor`` resumes behind this page and is None on the last one. ``server_time`` is
    the CRM's clock when the pull began: the next watermark. ``promised`` is how many
    rows the CRM said the whole pull would bring, where it says so. ``numbers`` gives
    each row's line or position in the source, for the list of rejects. ``notes`` came
    to notice while it was read; they become warnings of the command. ``way`` names the
    CRM's way of reading that was chosen, where it has several.
    """

    rows: Sequence[Row]
    cursor: str | None = None
    server_time: datetime | None = None
    promised: int | None = None
    numbers: Sequence[int] | None = None
    notes: Sequence[Note] = ()
    way: str | None = None


@dataclass(frozen=True, kw_only=True)
class SetField:
    """Set one field of one record, expecting it to hold ``before``.

    ``account`` is what the record hangs on, where known: a CRM locks it while it writes
    what belongs to it, so such changes go out together.
    """

    object: str
    id: str
    field: str
    before: str | None
    after: str | None
    account: str | None = dataclass_field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Create:
    """Create one record.

    ``key`` is ours and deterministic; ``key_field`` is the unique field that takes it,
    None where the CRM has none (then the connector marks the text with it). ``values``
    are in the CRM's own fields. ``links`` tells what the record hangs on: canonical
    kind (``account``, ``contact``, ``opportunity``) to the CRM's id. ``proof`` names
    the values that have to be found again when the record is read back; all of them
    where it is empty. CRMs may edit texts, so it leaves those out.
    """

    object: str
    key: str
    key_field: str | None
    values: Mapping[str, str | None]
    links: Mapping[str, str] = field(default_factory=dict)
    proof: tuple[str, ...] = ()


Change = SetField | Create


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of one change.

    ``done`` · ``refused`` with the CRM's code and message · ``in_doubt``: the call left
    and no reply says whether it took effect · ``unsent``: it certainly had no effect,
    as the connector cannot go on, whatever the change; ``error`` says why, and ends the
    run. ``id`` is the record's, where known.
    """

    state: Literal["done", "refused", "in_doubt", "unsent"]
    id: str | None = None
    code: str | None = None
    message: str | None = None
    error: ConnectorError | None = None

    @classmethod
    def unsent(cls, error: ConnectorError) -> Self:
        """Return the outcome of a change that no call can carry out for now."""
        detail = str(error.params.get("detail") or error.code)
        return cls(state="unsent", code=error.code, message=detail, error=error)


@dataclass(frozen=True, kw_only=True)
class Member:
    """Somebody on a record's team, and what would put them back as they are now."""

    id: str
    """Of the membership, not of the user."""
    record_id: str
    again: Create


@runtime_checkable
class KeepsTeams(Protocol):
    """What a connector with the capability ``TEAMS`` can do besides."""

    def members(self, object_name: str, ids: Sequence[str]) -> Sequence[Member]:
        """List who is on the teams of some records now; none where it has no teams."""
        ...


@runtime_checkable
class KnowsLastingRefusals(Protocol):
    """What a connector knows besides whose CRM has records that take no owner."""

    lasting_refusals: frozenset[str]
    """Codes with which it refuses an owner for the kind of record: for good."""


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """An event of somebody else that a user is invited to.

    ``starts`` is a date where it takes the whole day.
    """

    id: str
    subject: str
    account_id: str | None
    starts: date | datetime


@runtime_checkable
class KnowsInvitations(Protocol):
    """What a connector can do besides whose CRM keeps invitations as records."""

    def invitations(self, user: str, since: datetime) -> Sequence[Invitation]:
        """List the events of others that a user is invited to from a time on."""
        ...


@runtime_checkable
class KnowsLicences(Protocol):
    """What a connector can do besides whose CRM has users who can own nothing."""

    def unlicensed(self, users: Sequence[str]) -> Sequence[str]:
        """List those of some users whose licence does not let them own customers."""
        ...


@runtime_checkable
class HasOwnWords(Protocol):
    """What a connector can do besides whose CRM names the states of tasks itself."""

    def task_words(
        self,
        object_name: str,
        field: str,
        wished: tuple[str, str],
    ) -> tuple[str, str]:
        """Return the CRM's own words for an open and a done task.

        ``wished`` are those of the mapping; each is kept where the CRM has it.
        """
        ...


@runtime_checkable
class ListsFiles(Protocol):
    """A connector whose objects are files of a folder."""

    def listing(self) -> Sequence[str]:
        """List all files there."""
        ...

    def unread(self) -> Sequence[str]:
        """List the files that nothing reads."""
        ...


def listing(connector: object) -> Sequence[str]:
    """List what lies where a connector's objects are; a CRM lists nothing."""
    return connector.listing() if isinstance(connector, ListsFiles) else ()


def put_found(found: dict[str, Row], key: str, row: Row) -> None:
    """Put a row among those found by key; behind another one it is its double."""
    first = found.setdefault(key, row)
    if first is not row and first.get("id") != row.get("id"):
        others = first.get(DOUBLES)
        known = others if isinstance(others, tuple) else ()
        found[key] = {**first, DOUBLES: (*known, str(row.get("id")))}


class Connector(Protocol):
    """One CRM. All times are the server's, all ids are the CRM's own."""

    name: str

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""
        ...

    @property
    def calls(self) -> int:
        """Calls made so far (files: files opened)."""
        ...

    def identify(self) -> Identity:
        """Return which org this is, who we are in it, and whether it is production."""
        ...

    def objects(self, pattern: str) -> Sequence[str]:
        """Resolve an object name or file-name pattern; empty when there is none."""
        ...

    def describe(self, object_name: str) -> ObjectSchema:
        """List the fields this user can see.

        Raises:
            UnknownObject: the CRM has no such object.
            NotPermitted: the object as a whole is hidden from us.
        """
        ...

    def pull(self, request: Pull) -> Iterator[Page]:
        """Read records page by page, oldest change first where there is a ``since``."""
        ...

    def identifiers(self, object_name: str) -> Iterator[Page]:
        """Read the ids of all records that exist, for finding hard deletes."""
        ...

    def read(
        self,
        object_name: str,
        ids: Sequence[str],
        fields: Sequence[str],
    ) -> Mapping[str, Row]:
        """Read some records now; ids that are gone are left out."""
        ...

    def batches(self, changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
        """Cut changes into what goes out in one call, keeping their order."""
        ...

    def write(self, batch: Sequence[Change]) -> list[Outcome]:
        """Send one batch: one call that may leave doubt, plus idempotent follow-ups.

        Outcomes stand in the order of the batch, one for each change.
        """
        ...

    def find(self, creates: Sequence[Create]) -> Mapping[str, Row]:
        """Find records we created, by key; a row carries ``id`` and its fields.

        Where several records carry one key, a row of the first names the others.
        """
        ...

    def prepare(self, *, create: bool = False) -> Sequence[str]:
        """List what is missing for safe writing; ``create`` makes what can be made.

        A field is named ``<object>.<field>``, a permission ``<object>:<permission>``.
        """
        ...
