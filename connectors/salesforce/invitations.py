"""Coming events that a user is invited to, which belong to somebody else.

Salesforce keeps a copy of an event for each invited user (``IsChild``, owned by them).
Of a copy only the reminder can be changed, so that no owner can be set.
"""

from collections.abc import Mapping
from datetime import date, datetime

from connectors.base import Invitation
from connectors.salesforce.added import event_happened
from connectors.salesforce.client import quoted
from connectors.salesforce.org import Org
from connectors.salesforce.queries import query, stamped
from connectors.salesforce.schema import Shapes

EVENT = "Event"
NEEDED = ("IsChild", "OwnerId", "StartDateTime")
SHOWN = ("Subject", "ActivityDate", "IsAllDayEvent", "AccountId", "WhatId")


def find_invitations(
    org: Org, shapes: Shapes, user: str, since: datetime
) -> list[Invitation]:
    """List what a user is invited to from a time on, as far as the org shows it."""
    shape = shapes.known(EVENT)
    if shape is None or not all(map(shape.sees, NEEDED)):
        return []
    fields = [name for name in ("Id", *NEEDED, *SHOWN) if shape.sees(name)]
    where = (
        "IsChild = true",
        f"OwnerId = {quoted(user)}",
        f"StartDateTime >= {stamped(since)}",
    )
    rows = query(org, EVENT, fields, where)
    return [_invitation(row) for row in rows if row.get("StartDateTime")]


def _invitation(row: Mapping[str, object]) -> Invitation:
    starts = str(event_happened(row))
    is_day = len(starts) == len("2027-04-01")
    return Invitation(
        id=str(row["Id"]),
        subject=str(row.get("Subject") or ""),
        account_id=str(row.get("AccountId") or row.get("WhatId") or "") or None,
        starts=date.fromisoformat(starts) if is_day else datetime.fromisoformat(starts),
    )
