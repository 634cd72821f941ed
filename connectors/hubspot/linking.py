"""What a created record hangs on: associations, made in a call of their own.

An upsert carries none (object API specification), so they follow it. Making one twice
does no harm, so a lost reply is simply sent again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from connectors.base import Create, Outcome
from connectors.errors import ConnectorError
from connectors.hubspot.links import associated
from connectors.hubspot.objects import ASSOCIATE_LIMIT, TARGETS, association_path
from connectors.hubspot.portal import Portal
from connectors.hubspot.sending import failure_of, judged, named, persistently


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A created record, and one that it is to hang on."""

    one: str
    other: str

    @property
    def name(self) -> str:
        """The pair as replies name it."""
        return f"{self.one} {self.other}"


def hang(
    portal: Portal, creates: Sequence[Create], outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """Hang created records where they belong; give the outcomes of both together."""
    result = list(outcomes)
    made = [n for n, outcome in enumerate(outcomes) if outcome.id is not None]
    for target in sorted({t for create in creates for t in create.links}):
        numbers = [n for n in made if target in creates[n].links]
        pairs = [
            Pair(one=str(outcomes[n].id), other=creates[n].links[target])
            for n in numbers
        ]
        hung = _hung(portal, creates[0].object, TARGETS[target], pairs)
        for n, pair, outcome in zip(numbers, pairs, hung, strict=True):
            if outcome.state != "done" and result[n].state == "done":
                result[n] = _unlinked(pair, outcome)
    return result


def _unlinked(pair: Pair, outcome: Outcome) -> Outcome:
    text = f"created as {pair.one}, but not linked to {pair.other}"
    return Outcome(
        state=outcome.state,
        id=pair.one,
        code=outcome.code,
        message=": ".join(filter(None, [text, outcome.message])),
    )


def _hung(portal: Portal, one: str, other: str, pairs: Sequence[Pair]) -> list[Outcome]:
    """Associate pairs of records, and look at those of which nothing was said."""
    send = partial(_associate, portal, one, other)
    hung = persistently(pairs, send, size=ASSOCIATE_LIMIT, harmless=True)
    unsaid = [n for n, outcome in enumerate(hung) if outcome.state == "in_doubt"]
    if unsaid:
        there = _there(portal, one, other, [pairs[n].one for n in unsaid])
        for n in unsaid:
            if pairs[n].other in there.get(pairs[n].one, ()):
                hung[n] = Outcome(state="done", id=pairs[n].one)
    return hung


def _associate(
    portal: Portal, one: str, other: str, pairs: Sequence[Pair]
) -> list[Outcome]:
    """Associate pairs in one call; a reply names each the one way or the other."""
    inputs = [{"from": {"id": pair.one}, "to": {"id": pair.other}} for pair in pairs]
    path = association_path(one, other, "batch/associate/default")
    reply = portal.write(path, {"inputs": inputs})
    done: dict[str, str] = {}
    for result in reply.data.get("results") or ():
        ends = [str((result.get(end) or {}).get("id")) for end in ("from", "to")]
        done |= {" ".join(ends): ends[0], " ".join(ends[::-1]): ends[1]}
    left = [pair for pair in pairs if pair.name not in done]
    failed = {
        pair.name: failure_of(entry)
        for entry in reply.data.get("errors") or ()
        for pair in left
        if _concerns(entry, pair)
    }
    return judged([pair.name for pair in pairs], done, failed)


def _concerns(entry: Mapping[str, Any], pair: Pair) -> bool:
    """Tell whether an error is about a pair: it names both ends, or but one of them."""
    context, ends = entry.get("context") or {}, {pair.one, pair.other}
    names = {one for name in context for one in named(entry, name)}
    return bool(names) and (ends <= names or names <= ends)


def _there(
    portal: Portal, one: str, other: str, ids: Sequence[str]
) -> Mapping[str, set[str]]:
    """Read what records hang on now; nothing where it cannot be read."""
    try:
        found = associated(portal, one, other, ids)
    except ConnectorError:
        return {}
    return {key: {link.id for link in near} for key, near in found.items()}
