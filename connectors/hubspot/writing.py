"""Changes into HubSpot, a hundred a call, each outcome matched by id.

A batch answers 207 for a mixture, leaves out ids that were merged away, and fails as a
whole when an id stands in it twice. So every input has its own ``objectWriteTraceId``,
and what neither came back nor was refused is in doubt (error handling page; reference
tests of third parties for the omissions).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from connectors.base import Change, Create, Outcome, Row, SetField
from connectors.errors import NotPermitted
from connectors.hubspot import links
from connectors.hubspot.objects import LIST_LIMIT, object_type
from connectors.hubspot.portal import Lost, Portal
from connectors.hubspot.problems import LOCKED, THROTTLED, Problem
from connectors.hubspot.wire import Reply, Turned

ATTEMPTS = 5
"""How often a change that was certainly not made is sent again, smaller each time."""
KEYED_LIMIT = 1000
"""Creates by unique key in one batch: they cannot double, and share one link call."""
TRANSIENT = frozenset({LOCKED, THROTTLED})
WHOLE = frozenset({400, 409})
"""One input spoils the call, and nothing of it was done."""
DUE = "hs_timestamp"
NOON = "T12:00:00Z"
"""A task is due at a time in HubSpot and on a day with us: noon UTC is the same day
from Honolulu to Tokyo."""

Send = Callable[[Portal, Sequence[Change]], list[Outcome]]


def batches(changes: Sequence[Change], *, keyed: bool) -> Iterator[Sequence[Change]]:
    """Cut changes into calls: one object and verb, no id twice, not too many.

    Args:
        changes: what is to be sent, in order.
        keyed: the portal has the unique property for our keys.
    """
    for _, run in groupby(changes, key=call_of):
        batch: list[Change] = []
        seen: set[str] = set()
        for change in run:
            if len(batch) == _limit(change, keyed) or _identity(change) in seen:
                yield batch
                batch, seen = [], set()
            batch.append(change)
            seen.add(_identity(change))
        yield batch


def call_of(change: Change) -> tuple[str, str, str]:
    """Tell which call a change goes out with."""
    if isinstance(change, SetField):
        return ("update", change.object, "")
    return ("create", change.object, change.key_field or "")


def _limit(change: Change, keyed: bool) -> int:  # noqa: FBT001 - private
    unique = keyed and isinstance(change, Create) and change.key_field
    return KEYED_LIMIT if unique else LIST_LIMIT


def _identity(change: Change) -> str:
    return change.id if isinstance(change, SetField) else change.key


def persistently(portal: Portal, batch: Sequence[Change], send: Send) -> list[Outcome]:
    """Send a hundred changes a call; what was certainly not done again, in fewer.

    Nothing is ever sent twice whose first call may have had an effect.
    """
    outcomes: dict[int, Outcome] = {}
    waiting, size = list(range(len(batch))), LIST_LIMIT
    for _ in range(ATTEMPTS):
        again: list[int] = []
        for piece in links.chunks(waiting, size):
            sent, may_pass = _tried(portal, [batch[n] for n in piece], send)
            outcomes |= dict(zip(piece, sent, strict=True))
            again += piece if may_pass else []
        waiting, size = again, max(1, min(size, len(again)) // 4)
        if not waiting:
            break
    return [outcomes[n] for n in range(len(batch))]


def _tried(
    portal: Portal, batch: Sequence[Change], send: Send
) -> tuple[list[Outcome], bool]:
    """Send one call; tell whether a smaller or later one may pass."""
    try:
        return send(portal, batch), False
    except Lost as lost:
        found = Outcome(state="in_doubt", code="reply_lost", message=str(lost))
        return [found] * len(batch), False
    except Turned as turned:
        problem = turned.problem
        spoilt = problem.status in WHOLE and len(batch) > 1
        passing = problem.status in TRANSIENT and not problem.is_lasting
        return [_refused(problem)] * len(batch), spoilt or passing


def _refused(problem: Problem) -> Outcome:
    plain = problem.category and problem.status not in TRANSIENT
    return Outcome(
        state="refused",
        code=problem.category if plain else f"HTTP_{problem.status}",
        message=problem.message,
    )


def update(portal: Portal, batch: Sequence[Change]) -> list[Outcome]:
    """Set fields in one call."""
    changes = [change for change in batch if isinstance(change, SetField)]
    inputs = [
        {
            "id": change.id,
            "properties": {change.field: said(change.field, change.after)},
            "objectWriteTraceId": str(n),
        }
        for n, change in enumerate(changes)
    ]
    path = object_type(changes[0].object).batch("update")
    reply = portal.write(path, {"inputs": inputs})
    done = {str(result.get("id")) for result in reply.data.get("results") or ()}
    failed = failures(reply)
    return [
        judged(change.id if change.id in done else None, failed.get(str(n)))
        for n, change in enumerate(changes)
    ]


def judged(record_id: str | None, failure: Outcome | None) -> Outcome:
    """Judge one input: named as failed, come back, or neither."""
    if failure is not None:
        return failure
    if record_id is not None:
        return Outcome(state="done", id=record_id)
    return Outcome(state="in_doubt", code="not_in_reply")


def failures(reply: Reply) -> dict[str, Outcome]:
    """Read a 207's errors by trace id."""
    failed: dict[str, Outcome] = {}
    for entry in reply.data.get("errors") or ():
        context = entry.get("context") or {}
        outcome = failure_of(entry)
        for trace in _texts(context.get("objectWriteTraceId")):
            failed[trace] = outcome
    return failed


def failure_of(entry: Mapping[str, object]) -> Outcome:
    """Read one error of a 207."""
    return Outcome(
        state="refused",
        code=str(entry.get("code") or entry.get("category") or "ERROR"),
        message=str(entry.get("message") or ""),
    )


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [str(one) for one in value]
    return [] if value is None else [str(value)]


def said(field: str, value: str | None) -> str:
    """Say a value as the API wants it: nothing is an empty text, a day a time."""
    if field == DUE and value and len(value) == len("2027-04-01"):
        return value + NOON
    return value or ""


def with_day(row: Row) -> Row:
    """Take the time off a due day that we wrote ourselves."""
    stamp = str(row.get(DUE) or "").replace(".000Z", "Z")
    return {**row, DUE: stamp.removesuffix(NOON)} if stamp.endswith(NOON) else row


def lacking(portal: Portal, name: str) -> str | None:
    """Name the permission without which an object cannot be written; None if it can.

    An update of no records changes nothing, whatever HubSpot says to it.
    """
    path = object_type(name).batch("update")
    try:
        portal.write(path, {"inputs": []})
    except (Lost, Turned):
        return None
    except NotPermitted as error:
        return str(error.params["scopes"] or f"{name}.write")
    return None
