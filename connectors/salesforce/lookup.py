"""Records that we created, found again by what nobody else gives a record.

A task is found by its key field, or by the key in its text among the activities of its
account (a text cannot be filtered by); a team member by record and user.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from connectors.base import Create, Row, put_found
from connectors.salesforce.added import marked_key
from connectors.salesforce.client import beginning, quoted
from connectors.salesforce.org import Org
from connectors.salesforce.queries import IDS_A_QUERY, chunks, query
from connectors.salesforce.schema import ACTIVITIES
from connectors.salesforce.teams import TEAMS, Team

LISTED = 60
"""Keys up to which they are listed; of more, their common beginning is asked for."""
LONG_ENOUGH = 10
"""Characters of a beginning that are worth asking for: ``handover:`` and more."""
LINKS = ("WhatId", "WhoId")


def find(org: Org, creates: Sequence[Create]) -> Mapping[str, Row]:
    """Find what exists of these records; rows carry ``id`` and ``links``."""
    found: dict[str, Row] = {}
    for (name, key_field), group in _grouped(creates).items():
        if key_field:
            rows = _by_key(org, name, key_field, [create.key for create in group])
        elif name in ACTIVITIES:
            rows = _by_mark(org, name, group)
        elif name in TEAMS:
            rows = _by_pair(org, TEAMS[name], group)
        else:
            continue
        wanted = {create.key: create for create in group}
        for key, row in rows:
            if key in wanted:
                put_found(found, key, _told(row, wanted[key]))
    return found


def _grouped(
    creates: Sequence[Create],
) -> Mapping[tuple[str, str | None], list[Create]]:
    groups: dict[tuple[str, str | None], list[Create]] = defaultdict(list)
    for create in creates:
        groups[create.object, create.key_field].append(create)
    return groups


def _told(row: Row, create: Create) -> Row:
    """Add the id and the links by the names that the create gave them."""
    ends = {str(value)[:15] for name in LINKS if (value := row.get(name))}
    links = {k: target for k, target in create.links.items() if target[:15] in ends}
    # What hangs on the opportunity hangs on its account.
    if "opportunity" in links and "account" in create.links:
        links["account"] = create.links["account"]
    return {**row, "id": row["Id"], "links": links}


def _by_key(
    org: Org, name: str, key_field: str, keys: Sequence[str]
) -> Iterator[tuple[str, Row]]:
    fields = ["Id", key_field, "OwnerId", *LINKS]
    common = _common(keys)
    if len(keys) > LISTED and len(common) >= LONG_ENOUGH:
        conditions = [f"{key_field} LIKE {beginning(common)}"]
    else:
        lists = chunks(keys, LISTED)
        conditions = [f"{key_field} IN {quoted(list(part))}" for part in lists]
    for condition in conditions:
        for row in query(org, name, fields, [condition]):
            yield str(row[key_field]), row


def _common(texts: Sequence[str]) -> str:
    """Return the longest text that all others begin with."""
    first, last = min(texts), max(texts)
    ends = (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(ends, min(len(first), len(last)))]


def _by_mark(
    org: Org, name: str, creates: Sequence[Create]
) -> Iterator[tuple[str, Row]]:
    fields = ["Id", "Description", "OwnerId", *LINKS]
    ends: dict[str, set[str]] = {"WhatId": set(), "WhoId": set()}
    for create in creates:
        what = create.links.get("opportunity") or create.links.get("account")
        end = ("WhatId", what) if what else ("WhoId", create.links.get("contact"))
        if end[1]:
            ends[end[0]].add(end[1])
    for link, ids in ends.items():
        for part in chunks(sorted(ids), IDS_A_QUERY):
            condition = f"{link} IN {quoted(list(part))}"
            for row in query(org, name, fields, [condition]):
                key = marked_key(row.get("Description"))
                if key:
                    yield key, row


def _by_pair(
    org: Org, team: Team, creates: Sequence[Create]
) -> Iterator[tuple[str, Row]]:
    def pair(row: Row) -> tuple[str, str]:
        return str(row.get(team.record))[:15], str(row.get("UserId"))[:15]

    keys = {pair(create.values): create.key for create in creates}
    ids = sorted({str(create.values.get(team.record)) for create in creates})
    for part in chunks(ids, IDS_A_QUERY):
        condition = f"{team.record} IN {quoted(list(part))}"
        fields = ["Id", team.record, "UserId"]
        for row in query(org, team.members, fields, [condition]):
            if pair(row) in keys:
                yield keys[pair(row)], row
