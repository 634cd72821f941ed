"""Field changes into HubSpot, and how any batch is sent and its reply read.

One call takes a hundred changes. Each input carries a trace id of its own, as HubSpot
fails the whole batch without (error handling page); each outcome is matched by it or by
the record's id.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal, TypeVar

from connectors.base import Change, Create, Outcome, Row, SetField
from connectors.errors import ConnectorError, NotPermitted, ReplyLost
from connectors.hubspot.links import chunks
from connectors.hubspot.objects import LIST_LIMIT, object_type
from connectors.hubspot.portal import Portal
from connectors.hubspot.problems import PortalProblem
from connectors.hubspot.wire import PortalRefusal, PortalReply

Item = TypeVar("Item")
KEYED_LIMIT = 1000
"""Creates by unique key in one batch: they cannot double, and share one link call."""
ATTEMPTS = 5
"""How often a change that the portal had no time for is sent, in fewer each time."""
SHRINKING = 4
TRACE = "objectWriteTraceId"
DUE = "hs_timestamp"
NOON = "T12:00:00Z"
"""A task is due at a time in HubSpot and on a day with us: noon UTC is the same day
from Honolulu to Tokyo."""

Fate = Literal["final", "spoilt", "later", "again", "hopeless"]
"""What becomes of a call after its reply, or without one.

``spoilt``: an input is wrong, and nothing was done; ``later``: the portal had no time;
``again``: no reply came, and another call does no harm; ``hopeless``: none will pass.
"""


def cut_batches(
    changes: Sequence[Change], *, keyed: bool
) -> Iterator[Sequence[Change]]:
    """Cut changes into calls: one object and verb, no id twice, not too many.

    Args:
        changes: what is to be sent, in order.
        keyed: the portal has the unique property for our keys.
    """
    for _, run in groupby(changes, key=call_of):
        batch: list[Change] = []
        seen: set[str] = set()
        for change in run:
            unique = keyed and isinstance(change, Create) and change.key_field
            full = len(batch) == (KEYED_LIMIT if unique else LIST_LIMIT)
            if full or _own_key(change) in seen:
                yield batch
                batch, seen = [], set()
            batch.append(change)
            seen.add(_own_key(change))
        yield batch


def call_of(change: Change) -> tuple[str, str, str]:
    """Return what a change has in common with those that share its call."""
    if isinstance(change, SetField):
        return ("update", change.object, "")
    return ("create", change.object, change.key_field or "")


def _own_key(change: Change) -> str:
    return change.id if isinstance(change, SetField) else change.key


def update(portal: Portal, changes: Sequence[SetField]) -> list[Outcome]:
    """Set fields in one call; what comes back under another id is no answer."""
    inputs = [
        {
            "id": change.id,
            "properties": {change.field: to_wire(change.field, change.after)},
            TRACE: change.id,
        }
        for change in changes
    ]
    path = object_type(changes[0].object).batch("update")
    reply = portal.write(path, {"inputs": inputs})
    back = [str(result.get("id")) for result in reply.data.get("results") or ()]
    ids = [change.id for change in changes]
    return judge(ids, dict(zip(back, back, strict=True)), read_failures(reply))


def to_wire(field: str, value: str | None) -> str:
    """Return a value as the API wants it: nothing is an empty text, a day a time."""
    if field == DUE and value and len(value) == len("2027-04-01"):
        return value + NOON
    return value or ""


def drop_noon(row: Row) -> Row:
    """Take the time off a due day that we wrote ourselves."""
    stamp = str(row.get(DUE) or "").replace(".000Z", "Z")
    return {**row, DUE: stamp.removesuffix(NOON)} if stamp.endswith(NOON) else row


def find_missing_scope(portal: Portal, name: str) -> str | None:
    """Return the permission without which an object cannot be written; None if it can.

    An update of no records changes nothing, whatever HubSpot answers.
    """
    path = object_type(name).batch("update")
    for _ in range(ATTEMPTS):
        try:
            portal.write(path, {"inputs": []})
        except NotPermitted as error:
            return str(error.params["scopes"] or f"{name}.write")
        except PortalRefusal as refusal:
            if refusal.problem.is_untouched:
                continue
        except ReplyLost:
            pass
        return None
    return None


# Sending


def send_persistently(
    items: Sequence[Item],
    send: Callable[[Sequence[Item]], list[Outcome]],
    *,
    size: int,
    harmless: bool = False,
) -> list[Outcome]:
    """Send items, ``size`` a call, and what was certainly not done again, in fewer.

    One bad input costs its neighbours nothing, and nothing is sent twice whose first
    call may have had an effect, unless that is ``harmless``.
    """
    outcomes: dict[int, Outcome] = {}
    waiting = deque((piece, 1) for piece in chunks(range(len(items)), size))
    while waiting:
        piece, attempt = waiting.popleft()
        found, fate = _try_once([items[n] for n in piece], send, harmless=harmless)
        outcomes |= dict(zip(piece, found, strict=True))
        if fate == "hopeless":
            return [outcomes.get(n, found[0]) for n in range(len(items))]
        fewer = max(1, len(piece) // SHRINKING)
        if fate == "spoilt":
            waiting.extend((part, attempt) for part in chunks(piece, fewer))
        elif fate == "later" and attempt < ATTEMPTS:
            waiting.extend((part, attempt + 1) for part in chunks(piece, fewer))
        elif fate == "again" and attempt < ATTEMPTS:
            waiting.append((piece, attempt + 1))
    return [outcomes[n] for n in range(len(items))]


def _try_once(
    items: Sequence[Item],
    send: Callable[[Sequence[Item]], list[Outcome]],
    *,
    harmless: bool,
) -> tuple[Sequence[Outcome], Fate]:
    """Send one call; return the outcomes and whether more of it is worth while."""
    fate: Fate
    try:
        return send(items), "final"
    except ReplyLost as lost:
        outcome = Outcome(state="in_doubt", code="reply_lost", message=str(lost))
        fate = "again" if harmless else "final"
    except PortalRefusal as refusal:
        problem = refusal.problem
        outcome, fate = _to_outcome(problem), _decide_fate(problem, len(items))
    except ConnectorError as error:
        # Nothing was done; the next reading stops the run with this very error.
        detail = str(error.params.get("detail") or "")
        outcome = Outcome(state="refused", code=error.code, message=detail)
        fate = "hopeless"
    return [outcome] * len(items), fate


def _decide_fate(problem: PortalProblem, count: int) -> Fate:
    if problem.is_lasting:
        return "hopeless"
    if problem.is_untouched:
        return "later"
    return "spoilt" if count > 1 else "final"


def _to_outcome(problem: PortalProblem) -> Outcome:
    plain = problem.category and not problem.is_untouched
    return Outcome(
        state="refused",
        code=problem.category if plain else f"HTTP_{problem.status}",
        message=problem.message,
    )


# Replies


def judge(
    traces: Iterable[str], done: Mapping[str, str], failed: Mapping[str, Outcome]
) -> list[Outcome]:
    """Judge inputs: named as failed, come back with an id, or neither.

    Args:
        traces: what stands for each input, in their order.
        done: the ids of the records that came back, by trace.
        failed: what was refused, by trace.
    """
    doubt = Outcome(state="in_doubt", code="not_in_reply")
    return [
        failed.get(trace)
        or (Outcome(state="done", id=done[trace]) if trace in done else doubt)
        for trace in traces
    ]


def read_failures(reply: PortalReply) -> dict[str, Outcome]:
    """Read a 207's errors by what they are about: the trace id, or the record's."""
    return {
        name: read_failure(entry)
        for entry in reply.data.get("errors") or ()
        for name in (*list_named(entry, "ids"), *list_named(entry, TRACE))
    }


def read_failure(entry: Mapping[str, Any]) -> Outcome:
    """Read one error of a 207, in HubSpot's own words."""
    return Outcome(
        state="refused",
        code=str(entry.get("category") or entry.get("code") or "ERROR"),
        message=str(entry.get("message") or ""),
    )


def list_named(entry: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield what an error's context names, be it one or a list."""
    value = (entry.get("context") or {}).get(name)
    found = value if isinstance(value, list) else [value]
    return (str(one) for one in found if one is not None)
