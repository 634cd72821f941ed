"""Deciding by reading what became of a write whose reply was lost (promises P12, P13).

An owner is known by its value, a task by its key. What reading shows not to have taken
effect may be sent once more: a value set twice is the same value, a keyed create cannot
double, and nobody is on a team twice. Any other create is never sent again; it stays in
doubt until it is found.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.base import Capability, Change, Connector, Create, Row, SetField
from handover.transfer.live import CHANGED, GONE, Result, held, lacks_links
from mappings.text import as_text

IN_DOUBT = Result(outcome="in_doubt", code="reply_lost")


def settle(connector: Connector, changes: Sequence[Change]) -> list[Result | None]:
    """Read what changes in doubt have come to; None for one without effect.

    Raises:
        ConnectorError: the CRM cannot be read now either; all stay in doubt.
    """
    rows = _rows(connector, [c for c in changes if isinstance(c, SetField)])
    creates = [c for c in changes if isinstance(c, Create)]
    found = _found(connector, creates)
    keyed = Capability.KEYED_CREATES in connector.capabilities
    return [
        _created(change, found.get(change.key), keyed=keyed)
        if isinstance(change, Create)
        else _set(change, rows.get((change.object, change.id)))
        for change in changes
    ]


def _found(connector: Connector, creates: Sequence[Create]) -> Mapping[str, Row]:
    """Find records by the key field, else by the mark of a time before it was made."""
    found = connector.find(creates) if creates else {}
    unseen = [c for c in creates if c.key_field and c.key not in found]
    if not unseen:
        return found
    return {**found, **connector.find([replace(c, key_field=None) for c in unseen])}


def _rows(
    connector: Connector, changes: Sequence[SetField]
) -> Mapping[tuple[str, str], Row]:
    wanted: dict[str, list[SetField]] = defaultdict(list)
    for change in changes:
        wanted[change.object].append(change)
    rows = {}
    for name, group in wanted.items():
        ids = list(dict.fromkeys(change.id for change in group))
        fields = sorted({change.field for change in group})
        for key, row in connector.read(name, ids, fields).items():
            rows[name, key] = row
    return rows


def _set(change: SetField, row: Row | None) -> Result | None:
    if row is None:
        return GONE
    value = held(row, change.field)
    if value == change.after:
        return Result(outcome="done", code="settled", record_id=change.id)
    return None if value == change.before else CHANGED


def _created(change: Create, row: Row | None, *, keyed: bool) -> Result | None:
    again = keyed if change.key_field else is_member(change)
    if row is None:
        return None if again else IN_DOUBT
    if again and lacks_links(change, row):
        return None
    return Result(outcome="done", code="settled", record_id=as_text(row.get("id")))


def is_member(change: Create) -> bool:
    """Tell a team's member from a task: it hangs on nothing but its own fields."""
    return not change.links
