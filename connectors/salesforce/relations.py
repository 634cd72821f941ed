"""The people and records of one activity, and what ended without a trace in a query.

``WhoId`` is the first person only; where the org has Shared Activities, all of them
stand in TaskRelation and EventRelation. EventRelation also names those who were invited
to an event, users among them. A relation that is taken away goes past the recycle bin,
so that ``queryAll`` does not show it: the Object Reference points to *getDeleted*.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType

from connectors.errors import Refused, UnknownObject
from connectors.salesforce.org import Org, OrgRefusal
from connectors.salesforce.problems import as_error
from connectors.salesforce.replies import deleted_ids
from connectors.salesforce.schema import DELETED

log = logging.getLogger(__name__)

TARGETS = MappingProxyType({"001": "account", "003": "contact", "006": "opportunity"})
"""What a relation leads to, by the prefix of its id; users, leads and others are no
customers."""
LOOKED_BACK = timedelta(days=15)
"""How far getDeleted looks back (REST API guide, *sObject Get Deleted*); what is older
is found with the weekly look at all ids."""
SHORTEST = timedelta(minutes=1)
"""A shorter time is refused."""


def target_of(row: Mapping[str, object]) -> str | None:
    """Return what a relation leads to; None where that is no part of the customer.

    Somebody who was only invited, and declined, was not there.
    """
    is_parent = row.get("IsParent") in (True, "true")
    if row.get("Status") == "Declined" and not is_parent:
        return None
    return TARGETS.get(str(row.get("RelationId") or "")[:3])


def read_deleted(
    org: Org, object_name: str, since: datetime
) -> list[dict[str, object]]:
    """Read which relations were taken away since a time; of each its id, no more.

    None where the org cannot tell: the weekly look at all ids finds them as well.
    """
    now = org.server_time
    if now is None or not SHORTEST < now - since < LOOKED_BACK:
        return []
    params = {"start": _instant(since), "end": _instant(now)}
    try:
        data = org.read(f"sobjects/{object_name}/deleted/", params).data
    except OrgRefusal as turned:
        error = as_error(turned.problem, object_name)
        if not isinstance(error, Refused | UnknownObject):
            raise error from None
        log.info("%s: deletions wait for the weekly look (%s)", object_name, error)
        return []
    return [{"Id": key, DELETED: True} for key in deleted_ids(data)]


def _instant(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
