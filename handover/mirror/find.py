"""Names to records: what people type is a name, an id, an e-mail or a CRM address.

Before it may stand the source, where several CRMs are in the mirror: ``hubspot:7``.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

from connectors.base import same_id
from handover.errors import AmbiguousName, UnknownName
from handover.i18n import Phrase
from handover.mirror.generations import Generation
from handover.mirror.people import People, Person
from handover.mirror.views import Mirror
from mappings.text import one_form

LISTED = 8
"""Candidates named when a text fits several."""

USER = Phrase(text="user")
ACCOUNT = Phrase(text="account")


@dataclass(frozen=True, kw_only=True)
class FoundAccount:
    """An account that a text names."""

    id: str
    name: str
    url: str | None = None
    owner_id: str | None = None


class HasName(Protocol):
    """What people find by its name or its id."""

    @property
    def id(self) -> str:
        """The CRM's id."""

    @property
    def name(self) -> str:
        """What people call it."""


Record = TypeVar("Record", bound=HasName)


def account_names(generation: Generation, source: str) -> Callable[[str], str]:
    """Return what turns a source's ids into names; one without stays as it is."""

    @cache
    def names() -> dict[str, str]:
        from pyarrow import parquet  # noqa: PLC0415 - it takes long to import

        file = generation.files.get("accounts")
        if file is None:
            return {}
        mine = [("source", "=", source)]
        rows = parquet.read_table(file, columns=["id", "name"], filters=mine)
        return dict(zip(*(rows[c].to_pylist() for c in ("id", "name")), strict=True))

    return lambda key: names().get(key) or key


def find_living(
    generation: Generation, source: str, accounts: Collection[str]
) -> frozenset[str]:
    """Return which of some accounts the CRM still had at the last sync."""
    from pyarrow import parquet  # noqa: PLC0415 - it takes long to import

    file = generation.files.get("accounts")
    if file is None or not accounts:
        return frozenset()
    mine = [("source", "=", source), ("id", "in", sorted(accounts))]
    rows = parquet.read_table(file, columns=["id", "is_deleted"], filters=mine)
    return frozenset(row["id"] for row in rows.to_pylist() if not row["is_deleted"])


def find_user(people: People, text: str) -> Person:
    """Find a user.

    Raises:
        UnknownName: nobody fits; names the nearest.
        AmbiguousName: several do; names them.
    """
    wanted = text.removeprefix(f"{people.source}:")
    chosen = _fitting(wanted, list(people))
    if not chosen:
        chosen = [p for p in people if p.email and _same(p.email, wanted)]
    return _the_one(USER, text, chosen, [p.name for p in people])


def find_account(mirror: Mirror, text: str) -> FoundAccount:
    """Find an account.

    Raises:
        UnknownName: none fits; names the nearest.
        AmbiguousName: several do; names them.
    """
    return account_finder(mirror)(text)


def account_finder(mirror: Mirror) -> Callable[[str], FoundAccount]:
    """Return what finds accounts as ``find_account`` does, and reads them only once."""
    query = "select id, name, url, owner_id from accounts order by id"
    known = [
        FoundAccount(
            id=str(row["id"]),
            name=str(row["name"] or ""),
            url=_text(row["url"]),
            owner_id=_text(row["owner_id"]),
        )
        for row in mirror.rows(query)
    ]
    names = [account.name for account in known]

    def find(text: str) -> FoundAccount:
        wanted = text.removeprefix(f"{mirror.source}:")
        return _the_one(ACCOUNT, text, _fitting(wanted, known), names)

    return find


def find_one(kind: Phrase, text: str, records: Sequence[Record]) -> Record:
    """Find one of some records, by id or name.

    Raises:
        UnknownName: none fits; names the nearest.
        AmbiguousName: several do; names them.
    """
    return _the_one(kind, text, _fitting(text, records), [r.name for r in records])


def _text(value: object) -> str | None:
    return str(value) if value else None


def _fitting(text: str, records: Sequence[Record]) -> list[Record]:
    """Choose by id, then by address, then by name; the first that fits decides."""
    wanted = text.strip()
    by_id = [r for r in records if same_id(r.id, wanted)]
    if by_id:
        return by_id
    if "://" in wanted:
        return _by_address(wanted, records)
    return [r for r in records if r.name and _same(r.name, wanted)]


def _by_address(address: str, records: Sequence[Record]) -> list[Record]:
    """Choose by the last part of an address that is an id: before it stands the org."""
    for part in _parts(address):
        chosen = [record for record in records if same_id(record.id, part)]
        if chosen:
            return chosen
    return []


def _parts(address: str) -> list[str]:
    """Cut an address into what may be an id, the likeliest first."""
    named = urlsplit(address)
    return [*reversed(named.path.split("/")), *re.split("[=&]", named.query)]


def _same(one: str, other: str) -> bool:
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    """Take away width, case, blanks and variants: 髙橋 健 and 高橋健 are one name."""
    return re.sub(r"\s+", "", one_form(text)).casefold()


def _the_one(
    kind: Phrase, text: str, chosen: Sequence[Record], names: Sequence[str]
) -> Record:
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        listed = ", ".join(f"{r.name} ({r.id})" for r in chosen[:LISTED])
        raise AmbiguousName(kind=kind, name=text, candidates=listed)
    near = get_close_matches(text, names, n=3, cutoff=0.4)
    raise UnknownName(kind=kind, name=text, suggestion=", ".join(near) or "-")
