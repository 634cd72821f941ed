"""Field changes into HubSpot, and how any batch is sent and its reply read.

One call takes a hundred changes. Each input carries a trace id of its own, as HubSpot
fails the whole batch without (error handling page); each outcome is matched by it or by
the record's id.
"""

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal, TypeVar

from connectors.base import Change, Create, Outcome, Row, SetField
from connectors.errors import ConnectorError, NotPermitted, ReplyLost
from connectors.hubspot.objects import LIST_LIMIT, chunks, object_type
from connectors.hubspot.portal import Portal
from connectors.hubspot.problems import PortalProblem
from connectors.hubspot.rows import batch_read
from connectors.hubspot.wire import PortalRefusal, PortalReply

Item = TypeVar("Item")
KEYED_LIMIT = 1000
"""Creates by unique key in one batch: they cannot double, and share one link call."""
ATTEMPTS = 5
"""How often a change to a record that HubSpot has locked is sent."""
SHRINKING = 4
"""In how many pieces a call is sent again that an input spoils, or a lock."""
TRACE = "objectWriteTraceId"
DUE = "hs_timestamp"
NOON = "T12:00:00Z"
"""A task is due at a time in HubSpot and on a day with us: noon UTC is the same day
from Honolulu to Tokyo."""

Fate = Literal["final", "spoilt", "locked", "again", "hopeless"]
"""What becomes of a call after its reply, or without one.

``spoilt``: an input is wrong, and nothing was done; ``locked``: a record among them is
busy; ``again``: no reply came, and another call does no harm; ``hopeless``: no call
will pass, whatever its inputs.
"""
NOT_IN_REPLY = Outcome(state="in_doubt", code="not_in_reply")
"""A reply came, and nothing in it can be about this input."""


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
    kind = object_type(changes[0].object)
    reply = portal.write(kind.batch("update"), {"inputs": inputs})
    back = [str(record.get("id")) for record in reply.written]
    ids = [change.id for change in changes]
    done = dict(zip(back, back, strict=True))
    outcomes = judge(ids, done, read_failures(reply, ids))

    def look(numbers: Sequence[int]) -> dict[int, str]:
        wanted = [changes[n] for n in numbers]
        names = sorted({change.field for change in wanted})
        read = batch_read(portal, kind, [change.id for change in wanted], names)
        held = {str(record["id"]): record["properties"] for record in read}
        return {
            n: change.id
            for n, change in zip(numbers, wanted, strict=True)
            if change.id in held and _holds(held[change.id], change)
        }

    return settle(outcomes, look)


def _holds(properties: Mapping[str, Any], change: SetField) -> bool:
    """Return whether a record has the value that was sent."""
    value = drop_noon(properties).get(change.field)
    return str(value or "") == (change.after or "")


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
        elif fate == "locked" and attempt < ATTEMPTS:
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
        outcome, fate = Outcome.unsent(error), "hopeless"
    return [outcome] * len(items), fate


def _decide_fate(problem: PortalProblem, count: int) -> Fate:
    if problem.is_untouched:
        return "locked"
    return "spoilt" if count > 1 else "final"


def _to_outcome(problem: PortalProblem) -> Outcome:
    plain = problem.category and not problem.is_untouched
    return Outcome(
        state="refused",
        code=problem.category if plain else f"HTTP_{problem.status}",
        message=problem.message,
    )


# Replies


@dataclass(frozen=True, kw_only=True)
class Failures:
    """What a reply with status 207 says of inputs that failed."""

    named: Mapping[str, Outcome]
    """By what the reply names them by."""
    loose: Sequence[Outcome] = ()
    """Of inputs that it does not name: those of whom it says nothing else."""


def read_failures(reply: PortalReply, traces: Iterable[str]) -> Failures:
    """Read a reply's errors by the input they name, be it by trace or record id."""
    known = set(traces)
    named: dict[str, Outcome] = {}
    loose: list[Outcome] = []
    for entry in reply.errors:
        about = known.intersection(list_context(entry, "ids", TRACE))
        named |= dict.fromkeys(about, read_failure(entry))
        if not about:
            loose.append(read_failure(entry))
    return Failures(named=named, loose=loose)


def read_failure(entry: Mapping[str, Any]) -> Outcome:
    """Return one error of a 207 in HubSpot's own words."""
    return Outcome(
        state="refused",
        code=str(entry.get("category") or entry.get("code") or "ERROR"),
        message=str(entry.get("message") or ""),
    )


def list_context(entry: Mapping[str, Any], *names: str) -> list[str]:
    """List what an error's context names under some names, or all where it is a text.

    HubSpot shows ``context`` as an object of lists, of single values, or as a text.
    """
    context = entry.get("context")
    if isinstance(context, str):
        return re.findall(r"[^\s\[\](){},;='\"]+", context)
    if not isinstance(context, Mapping):
        return []
    values = [value for name, value in context.items() if name in names or not names]
    lists = [value if isinstance(value, list) else [value] for value in values]
    return [str(one) for found in lists for one in found if one is not None]


def judge(
    traces: Iterable[str], done: Mapping[str, str], failures: Failures
) -> list[Outcome]:
    """Judge inputs: named as failed, come back with an id, or neither.

    Those that are neither are in doubt, with the words of the errors that name nobody:
    they can be about them.

    Args:
        traces: what stands for each input, in their order.
        done: the ids of the records that came back, by trace.
        failures: the errors of the reply.
    """
    doubt = _join_words(failures.loose) if failures.loose else NOT_IN_REPLY
    return [
        failures.named.get(trace)
        or (Outcome(state="done", id=done[trace]) if trace in done else doubt)
        for trace in traces
    ]


def _join_words(failures: Sequence[Outcome]) -> Outcome:
    codes = dict.fromkeys(failure.code or "" for failure in failures)
    messages = dict.fromkeys(failure.message or "" for failure in failures)
    message = " / ".join(filter(None, messages))
    return Outcome(state="in_doubt", code="/".join(codes), message=message)


def settle(
    outcomes: Sequence[Outcome], look: Callable[[Sequence[int]], Mapping[int, str]]
) -> list[Outcome]:
    """Decide by reading what a reply says of nobody by name.

    Args:
        outcomes: of ``judge``; those in doubt with words of HubSpot are looked for.
        look: reads which inputs have had their effect, by number, with the record's id;
            what it does not return was refused, as HubSpot said.
    """
    doubtful = [
        n
        for n, outcome in enumerate(outcomes)
        if outcome.state == "in_doubt" and outcome != NOT_IN_REPLY
    ]
    try:
        found = look(doubtful) if doubtful else {}
    except ConnectorError:
        return list(outcomes)  # it stays in doubt until it can be read
    settled = {
        n: Outcome(state="done", id=found[n])
        if n in found
        else replace(outcomes[n], state="refused")
        for n in doubtful
    }
    return [settled.get(n, outcome) for n, outcome in enumerate(outcomes)]
