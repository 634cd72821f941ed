"""Who is active in the CRM at this moment; the mirror may be a day old."""

from collections.abc import Iterable

from connectors.base import Connector, Row
from mappings.cells import Sight, recode, take
from mappings.forms import Form
from mappings.model import Mapping, is_file
from mappings.text import as_text
from mappings.words import canonical

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
                active, deleted = (_said(row, form, name) for form in forms)
                user = left.pop(own_id)
                if active != "false" and deleted != "true":
                    found.add(user)
    return found


def _said(row: Row, form: Form | None, name: str) -> str | None:
    """Read a yes or no out of a row, as the mapping says it."""
    if form is None:
        return None
    sight = Sight(visible=None, nested=not is_file(name), empty=())
    texts = [as_text(cell) for cell in take(form, [row], sight, {}, keep=False)]
    text = recode(form, texts)[0]
    return canonical("yes_no", text) if text else None
