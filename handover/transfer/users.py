"""Who is active in the CRM at this moment; the mirror may be a day old."""

from collections.abc import Iterable

from connectors.base import Connector
from handover.transfer.address import yes_no
from mappings.model import Mapping

SAID = ("is_active", "is_deleted")
"""Columns that tell whether a user is active."""


def active_users(
    connector: Connector, mapping: Mapping, users: Iterable[str]
) -> set[str]:
    """Name those of some users whom the CRM knows and calls active.

    Where it says nothing about being active, a user is (design §17).
    """
    left = {mapping.crm_id("users", user)[1]: user for user in users}
    found: set[str] = set()
    for part in mapping.of("users"):
        forms = [part.fields.get(column) for column in SAID]
        fields = [name for form in forms if form for name in form.names]
        for name in connector.objects(part.object) if left else ():
            for own_id, row in connector.read(name, list(left), fields).items():
                active, deleted = (yes_no(row, form, name) for form in forms)
                user = left.pop(own_id)
                if active != "false" and deleted != "true":
                    found.add(user)
    return found
