"""Changes into Salesforce by sObject Collections, two hundred a call.

A reply lists the results in the order of the request, and a failed one has no id. So a
result counts by its position; an id that does not fit makes the whole call doubtful,
and so does a wrong number of results.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from connectors.base import Change, Outcome, SetField
from connectors.errors import (
    ConnectorError,
    MissingRight,
    RateLimited,
    ReplyLost,
    Unreachable,
)
from connectors.salesforce.added import MARK
from connectors.salesforce.org import Method, Org, OrgRefusal
from connectors.salesforce.problems import as_error
from connectors.salesforce.queries import chunks
from connectors.salesforce.schema import ACTIVITIES
from connectors.salesforce.teams import TEAMS

LIMIT = 200
"""Records of one call (sObject Collections)."""
TYPES = 10
"""Runs of equal type in one call."""
ATTEMPTS = 5
"""How often a record that the org was too busy for is sent again."""
TRANSIENT = frozenset(
    {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_RUNNING_TOO_LONG"}
)
"""Nothing is wrong with the record, and nothing was done."""
REST = 0.25
"""Seconds before they are sent again; twice as long each time."""
WHATEVER_THE_CHANGE = (RateLimited, Unreachable, MissingRight)
"""Refusals of a whole call that are not about what it carries."""
MESSAGE_LENGTH = 500


def batches(changes: Sequence[Change]) -> Iterator[Sequence[Change]]:
    """Cut changes into calls, keeping their order.

    One kind of call, at most 200 records and ten runs of types, no record twice. What
    hangs on one account stays in one call, as the org locks the account meanwhile.
    """
    for _, run in groupby(changes, key=_call):
        batch = _Call()
        for _, group in groupby(run, key=_account):
            together = list(group)
            if batch.changes and not batch.has_room(together):
                yield batch.changes
                batch = _Call()
            for change in together:
                if not batch.has_room([change]):
                    yield batch.changes
                    batch = _Call()
                batch.add(change)
        yield batch.changes


class _Call:
    """The changes of one call."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self._seen: set[tuple[str, str]] = set()
        self._runs = 0

    def has_room(self, more: Sequence[Change]) -> bool:
        """Return whether these fit in as well."""
        records = {_identity(change) for change in more}
        return (
            len(self.changes) + len(more) <= LIMIT
            and self._runs + self._starts(more) <= TYPES
            and len(records) == len(more)
            and self._seen.isdisjoint(records)
        )

    def add(self, change: Change) -> None:
        self._runs += self._starts([change])
        self.changes.append(change)
        self._seen.add(_identity(change))

    def _starts(self, more: Sequence[Change]) -> int:
        """Count the runs of a type that these begin."""
        objects = [change.object for change in (*self.changes[-1:], *more)]
        return sum(1 for _ in groupby(objects)) - bool(self.changes)


def _account(change: Change) -> str | None:
    """Return what a change hangs on."""
    if isinstance(change, SetField):
        return change.account or change.id
    team = TEAMS.get(change.object)
    on = change.values.get(team.record) if team else change.links.get("account")
    return on or change.key


def _call(change: Change) -> tuple[Method, str]:
    """Return the call that takes a change."""
    if isinstance(change, SetField):
        return "PATCH", "composite/sobjects"
    if change.key_field:
        return "PATCH", f"composite/sobjects/{change.object}/{change.key_field}"
    return "POST", "composite/sobjects"


def _identity(change: Change) -> tuple[str, str]:
    return change.object, change.id if isinstance(change, SetField) else change.key


def write(
    org: Org, batch: Sequence[Change], booleans: Collection[tuple[str, str]] = ()
) -> list[Outcome]:
    """Send one batch; records that the org was too busy for again, fewer at a time.

    Args:
        org: where to.
        batch: what one call takes.
        booleans: objects and fields whose values are no texts.
    """
    outcomes = _send(org, batch, booleans)
    size = len(batch)
    for attempt in range(ATTEMPTS):
        waiting = [n for n, o in enumerate(outcomes) if o.code in TRANSIENT]
        if not waiting:
            break
        org.rest(REST * 2**attempt)
        size = max(1, min(size, len(waiting)) // 2)
        for piece in chunks(waiting, size):
            sent = _send(org, [batch[n] for n in piece], booleans)
            for n, outcome in zip(piece, sent, strict=True):
                outcomes[n] = outcome
            if sent[0].state == "unsent":
                return outcomes
    return outcomes


def _send(
    org: Org, batch: Sequence[Change], booleans: Collection[tuple[str, str]]
) -> list[Outcome]:
    """Make one call; whatever goes wrong, each change gets its outcome."""
    method, path = _call(batch[0])
    body = {
        "allOrNone": False,
        "records": [_record(change, booleans) for change in batch],
    }
    try:
        reply = org.write(method, path, body)
    except ReplyLost as lost:
        return _all(batch, _doubt(str(lost)))
    except OrgRefusal as turned:
        problem = turned.problem
        error = as_error(problem, path)
        if isinstance(error, WHATEVER_THE_CHANGE):
            return _all(batch, Outcome.unsent(error))
        code = problem.code or f"HTTP_{problem.status}"
        return _all(batch, Outcome(state="refused", code=code, message=problem.message))
    except ConnectorError as error:
        return _all(batch, Outcome.unsent(error))
    return _outcomes(org, batch, reply.data)


def _all(batch: Sequence[Change], outcome: Outcome) -> list[Outcome]:
    return [outcome for _ in batch]


def _doubt(why: str) -> Outcome:
    return Outcome(state="in_doubt", code="reply_lost", message=why)


def _record(change: Change, booleans: Collection[tuple[str, str]]) -> dict[str, object]:
    """Write a change as the API wants it."""
    kind = {"attributes": {"type": change.object}}
    if isinstance(change, SetField):
        value: object = change.after or None
        if (change.object, change.field) in booleans:
            value = change.after == "true"
        return {**kind, "id": change.id, change.field: value}
    values: dict[str, object] = {k: v or None for k, v in change.values.items()}
    if change.object in ACTIVITIES:
        values |= _links(change.links)
    if change.key_field:
        values[change.key_field] = change.key
    elif change.object in ACTIVITIES:
        mark = MARK.format(key=change.key)
        values["Description"] = "\n\n".join(
            filter(None, [change.values.get("Description"), mark])
        )
    return kind | values


def _links(links: Mapping[str, str]) -> dict[str, object]:
    """Hang an activity on its records: one thing and one person.

    An opportunity leads to its account, so it goes before it.
    """
    what = links.get("opportunity") or links.get("account")
    who = links.get("contact")
    found = {"WhatId": what, "WhoId": who}
    return {name: value for name, value in found.items() if value}


def _outcomes(org: Org, batch: Sequence[Change], data: object) -> list[Outcome]:
    """Match results with changes by position, and by id where there is one."""
    if not isinstance(data, list) or len(data) != len(batch):
        return _all(batch, _doubt("the number of results is not that of the records"))
    if not all(map(_fits, batch, data)):
        return _all(batch, _doubt("the results are not those of the records"))
    return [_outcome(org, result) for result in data]


def _fits(change: Change, result: object) -> bool:
    """Return whether a result can be that of a change; only a failure has no id."""
    if not isinstance(result, dict) or not isinstance(result.get("success"), bool):
        return False
    answered = result.get("id")
    if not answered:
        return not result["success"]
    # Ids are 15 characters, or 18 with a checksum.
    return not isinstance(change, SetField) or str(answered)[:15] == change.id[:15]


def _outcome(org: Org, result: Mapping[str, Any]) -> Outcome:
    if result["success"]:
        return Outcome(state="done", id=result["id"])
    errors = result.get("errors") or [{}]
    first = errors[0] if isinstance(errors[0], dict) else {}
    return Outcome(
        state="refused",
        code=str(first.get("statusCode") or "UNKNOWN_EXCEPTION"),
        message=org.clean(str(first.get("message") or ""))[:MESSAGE_LENGTH],
    )
