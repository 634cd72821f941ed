"""How a batch goes out, and how its reply is read.

A batch answers 207 for a mixture, leaves out ids that were merged away, and fails as a
whole for one bad input. So every input has its own ``objectWriteTraceId``: the id or
key that it is about, by which errors name it, too. What neither came back nor was
refused is in doubt (error handling page; tests of third parties for the omissions).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar

from connectors.base import Outcome
from connectors.errors import ConnectorError
from connectors.hubspot.links import chunks
from connectors.hubspot.portal import Lost
from connectors.hubspot.problems import Problem
from connectors.hubspot.wire import Reply, Turned

Item = TypeVar("Item")
ATTEMPTS = 5
"""How often a change that the portal had no time for is sent, in fewer each time."""
SHRINKING = 4
TRACE = "objectWriteTraceId"

Fate = Literal["final", "spoilt", "later", "again", "hopeless"]
"""What becomes of a call after its reply, or without one.

``spoilt``: an input is wrong, and nothing was done; ``later``: the portal had no time;
``again``: no reply came, and another call does no harm; ``hopeless``: none will pass.
"""


def persistently(
    items: Sequence[Item],
    send: Callable[[Sequence[Item]], list[Outcome]],
    *,
    size: int,
    harmless: bool = False,
) -> list[Outcome]:
    """Send items ``size`` a call; again what was certainly not done, in fewer.

    One bad input costs its neighbours nothing, and nothing is sent twice whose first
    call may have had an effect, unless that is ``harmless``.
    """
    outcomes: dict[int, Outcome] = {}
    waiting = deque((piece, 1) for piece in chunks(range(len(items)), size))
    while waiting:
        piece, attempt = waiting.popleft()
        found, fate = _tried([items[n] for n in piece], send, harmless=harmless)
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


def _tried(
    items: Sequence[Item],
    send: Callable[[Sequence[Item]], list[Outcome]],
    *,
    harmless: bool,
) -> tuple[Sequence[Outcome], Fate]:
    """Send one call, and tell whether more of it is worth while."""
    fate: Fate
    try:
        return send(items), "final"
    except Lost as lost:
        outcome = Outcome(state="in_doubt", code="reply_lost", message=str(lost))
        fate = "again" if harmless else "final"
    except Turned as turned:
        outcome, fate = _refused(turned.problem), _fate(turned.problem, len(items))
    except ConnectorError as error:
        # Nothing was done; the next reading stops the run with this very error.
        said = str(error.params.get("detail") or "")
        outcome = Outcome(state="refused", code=error.code, message=said)
        fate = "hopeless"
    return [outcome] * len(items), fate


def _fate(problem: Problem, count: int) -> Fate:
    if problem.is_lasting:
        return "hopeless"
    if problem.is_untouched:
        return "later"
    return "spoilt" if count > 1 else "final"


def _refused(problem: Problem) -> Outcome:
    plain = problem.category and not problem.is_untouched
    return Outcome(
        state="refused",
        code=problem.category if plain else f"HTTP_{problem.status}",
        message=problem.message,
    )


def judged(
    traces: Iterable[str], done: Mapping[str, str], failed: Mapping[str, Outcome]
) -> list[Outcome]:
    """Judge inputs: named as failed, come back with an id, or neither."""
    doubt = Outcome(state="in_doubt", code="not_in_reply")
    return [
        failed.get(trace)
        or (Outcome(state="done", id=done[trace]) if trace in done else doubt)
        for trace in traces
    ]


def failures(reply: Reply) -> dict[str, Outcome]:
    """Read a 207's errors by what they are about: the trace id, or the record's."""
    return {
        name: failure_of(entry)
        for entry in reply.data.get("errors") or ()
        for name in (*named(entry, "ids"), *named(entry, TRACE))
    }


def failure_of(entry: Mapping[str, Any]) -> Outcome:
    """Read one error of a 207, in HubSpot's own words."""
    return Outcome(
        state="refused",
        code=str(entry.get("category") or entry.get("code") or "ERROR"),
        message=str(entry.get("message") or ""),
    )


def named(entry: Mapping[str, Any], name: str) -> Iterator[str]:
    """Yield what an error's context names, be it one or a list."""
    value = (entry.get("context") or {}).get(name)
    found = value if isinstance(value, list) else [value]
    return (str(one) for one in found if one is not None)
