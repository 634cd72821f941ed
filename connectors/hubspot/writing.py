"""Field changes into HubSpot, a hundred a call, each outcome matched by id."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from connectors.base import Change, Create, Outcome, Row, SetField
from connectors.errors import NotPermitted
from connectors.hubspot.objects import LIST_LIMIT, object_type
from connectors.hubspot.portal import Lost, Portal
from connectors.hubspot.sending import ATTEMPTS, TRACE, failures, judged
from connectors.hubspot.wire import Turned

KEYED_LIMIT = 1000
"""Creates by unique key in one batch: they cannot double, and share one link call."""
DUE = "hs_timestamp"
NOON = "T12:00:00Z"
"""A task is due at a time in HubSpot and on a day with us: noon UTC is the same day
from Honolulu to Tokyo."""


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


def update(portal: Portal, changes: Sequence[SetField]) -> list[Outcome]:
    """Set fields in one call; what comes back under another id is no answer."""
    inputs = [
        {
            "id": change.id,
            "properties": {change.field: said(change.field, change.after)},
            TRACE: change.id,
        }
        for change in changes
    ]
    path = object_type(changes[0].object).batch("update")
    reply = portal.write(path, {"inputs": inputs})
    back = [str(result.get("id")) for result in reply.data.get("results") or ()]
    ids = [change.id for change in changes]
    return judged(ids, dict(zip(back, back, strict=True)), failures(reply))


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
    for _ in range(ATTEMPTS):
        try:
            portal.write(path, {"inputs": []})
        except NotPermitted as error:
            return str(error.params["scopes"] or f"{name}.write")
        except Turned as turned:
            if turned.problem.is_untouched:
                continue
        except Lost:
            pass
        return None
    return None
