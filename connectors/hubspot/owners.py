"""Owners: the users of a portal, deactivated ones among them.

Records keep the owner id of somebody who has left, so archived owners are read, too,
and shown as inactive users rather than as deleted ones. They are never written: whether
HubSpot would take them is not documented.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from connectors.base import Change, Outcome, Page, Row, SetField
from connectors.errors import NotPermitted
from connectors.hubspot.catalogue import Catalogue
from connectors.hubspot.objects import OWNER_LIMIT, OWNERS
from connectors.hubspot.portal import Portal, PortalCursors


def read_owner_pages(portal: Portal, resume: str | None = None) -> Iterator[Page]:
    """Read active owners, then archived ones; the cursor is ``<archived>:<after>``."""
    flag, _, after = (resume or "false:").partition(":")
    cursors, first = PortalCursors(OWNERS, after), None
    while True:
        query = [("limit", str(OWNER_LIMIT)), ("archived", flag)]
        if after:
            query.append(("after", after))
        reply = portal.read(OWNERS, query)
        first = first or reply.server_time
        rows = [_to_row(owner) for owner in reply.results]
        after = cursors.follow(reply.data)
        last = not after and flag == "true"
        if not after:
            flag, cursors = "true", PortalCursors(OWNERS)
        yield Page(
            rows=rows, cursor=None if last else f"{flag}:{after}", server_time=first
        )
        if last:
            return


def _to_row(owner: Mapping[str, Any]) -> Row:
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


class OwnerBook:
    """Who may be made an owner, as last read from the portal."""

    def __init__(self, catalogue: Catalogue) -> None:
        """Bind a portal; owners are read when they are first needed."""
        self._catalogue = catalogue
        self._rows: dict[str, Row] | None = None

    def read(self, ids: Collection[str]) -> dict[str, Row]:
        """Read some owners now; ids that nobody has are left out."""
        rows = {
            str(row["id"]): row
            for page in read_owner_pages(self._catalogue.portal)
            for row in page.rows
        }
        self._rows = rows
        return {key: rows[key] for key in ids if key in rows}

    def refuse(self, change: Change) -> Outcome | None:
        """Return why a change must not be sent: who gets a record cannot own it."""
        fields = self._catalogue.owner_fields(change.object)
        if isinstance(change, SetField):
            given = [change.after] if change.field in fields else []
        else:
            given = [v for name, v in change.values.items() if name in fields]
        found = (self._refuse_owner(owner) for owner in given if owner)
        return next((refusal for refusal in found if refusal is not None), None)

    def _refuse_owner(self, owner: str) -> Outcome | None:
        known = self._read_once()
        row = known.get(owner)
        if not known or (row is not None and row["is_active"]):
            return None
        if row is not None:
            text = f"owner {owner} is deactivated in HubSpot"
            return Outcome(state="refused", code="OWNER_INACTIVE", message=text)
        meant = [key for key, row in known.items() if str(row["userId"]) == owner]
        if meant:
            text = f"{owner} is a user id; the owner id is {meant[0]}"
            return Outcome(state="refused", code="USER_ID_FOR_OWNER_ID", message=text)
        text = f"HubSpot has no owner {owner}"
        return Outcome(state="refused", code="INVALID_OWNER_ID", message=text)

    def _read_once(self) -> dict[str, Row]:
        """Return the owners as last read; none where we may not see them."""
        if self._rows is None:
            try:
                self.read(())
            except NotPermitted:
                self._rows = {}
        return self._rows or {}
