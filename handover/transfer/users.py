"""Who is active in the CRM at this moment; the mirror may be a day old."""

from collections.abc import Iterable

from connectors.base import Connector, Row
from mappings.cells import Sight, recode, take
from mappings.forms import Form
from mappings.model import Mapping, is_file
from mappings.text import as_text
from mappings.words import canonical


def active_users(
    connector: Connector, mapping: Mapping, users: Iterable[str]
) -> set[str]:
    """Name those of some users whom the CRM knows and calls active.

    Where it says nothing about being active, a user is (design §17).
    """
    by_own_id = {mapping.crm_id("users", user)[1]: user for user in users}
    found: set[str] = set()
    for part in mapping.of("users"):
        fields = mapping.fields(part.object)
        for name in connector.objects(part.object) if by_own_id else ():
            for own_id, row in connector.read(name, list(by_own_id), fields).items():
                active = _said(row, part.fields.get("is_active"), name)
                deleted = _said(row, part.fields.get("is_deleted"), name)
                if active != "false" and deleted != "true":
                    found.add(by_own_id[own_id])
    return found


def _said(row: Row, form: Form | None, name: str) -> str | None:
    """Read a yes or no out of a row, as the mapping says it."""
    if form is None:
        return None
    sight = Sight(visible=None, nested=not is_file(name), empty=())
    texts = [as_text(cell) for cell in take(form, [row], sight, {}, keep=False)]
    text = recode(form, texts)[0]
    return canonical("yes_no", text) if text else None
