"""Owners: the users of a portal, deactivated ones included.

Records keep the owner id of somebody who has left, so archived owners are read, too,
and shown as inactive users rather than as deleted ones.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.base import Page, Row
from connectors.hubspot.objects import OWNER_LIMIT, OWNERS
from connectors.hubspot.portal import Portal


def owner_pages(portal: Portal, resume: str | None = None) -> Iterator[Page]:
    """Read active owners, then archived ones; the cursor is ``<archived>:<after>``."""
    flag, _, after = (resume or "false:").partition(":")
    first = None
    while True:
        query = [("limit", str(OWNER_LIMIT)), ("archived", flag)]
        if after:
            query.append(("after", after))
        reply = portal.read(OWNERS, query)
        first = first or reply.server_time
        rows = [_row(owner) for owner in reply.data.get("results") or ()]
        found = ((reply.data.get("paging") or {}).get("next") or {}).get("after")
        after = str(found or "")
        last = not after and flag == "true"
        if not after:
            flag = "true"
        yield Page(
            rows=rows, cursor=None if last else f"{flag}:{after}", server_time=first
        )
        if last:
            return


def _row(owner: Mapping[str, Any]) -> Row:
    teams = owner.get("teams") or ()
    primary = next((t for t in teams if t.get("primary")), teams[0] if teams else {})
    return {
        **{k: owner.get(k) for k in ("id", "email", "firstName", "lastName", "type")},
        "userId": owner.get("userId") or owner.get("userIdIncludingInactive"),
        "createdAt": owner.get("createdAt"),
        "updatedAt": owner.get("updatedAt"),
        "archived": bool(owner.get("archived")),
        "is_active": not owner.get("archived"),
        "team": primary.get("name"),
    }
