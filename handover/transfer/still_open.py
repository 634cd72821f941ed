"""Whether what may follow an account is still open: the mirror may be a day old.

Completed activities, won opportunities and settled requests stay with the predecessor,
also when they were finished after the last sync or between our reading and our write.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Map
from dataclasses import replace
from types import MappingProxyType

from connectors.base import Connector
from handover.transfer.address import crm_record, yes_no
from handover.transfer.facts import Child
from handover.transfer.live import held
from mappings.forms import Form
from mappings.model import Mapping

FINISHED: Map[str, tuple[tuple[str, str], ...]] = MappingProxyType(
    {
        "opportunities": (("is_closed", "true"), ("is_won", "true")),
        "requests": (("is_open", "false"),),
        "activities": (("is_done", "true"),),
    }
)
"""By table, the columns that tell that a record is finished, and what they say then."""


def still_open(
    connector: Connector, mapping: Mapping, children: Iterable[Child]
) -> Iterator[Child]:
    """Yield the children that are not finished now, with what has to stay as it is.

    Of one whose end cannot be seen, the mirror is believed.
    """
    groups: dict[tuple[str, str], dict[str, Child]] = defaultdict(dict)
    for child in children:
        record = (child.object, child.id)
        name, own_id = crm_record(mapping, child.table, record)
        name = name or mapping.of(child.table)[0].object
        groups[child.table, name][own_id] = child
    for (table, name), group in groups.items():
        ends = list(_ends(mapping, table, name))
        fields = [field for form, _ in ends for field in form.names]
        rows = connector.read(name, list(group), fields) if fields else {}
        for own_id, child in group.items():
            row = rows.get(own_id, {})
            if all(yes_no(row, form, name) != end for form, end in ends if row):
                yield replace(child, expects={f: held(row, f) for f in fields if row})


def _ends(mapping: Mapping, table: str, name: str) -> Iterator[tuple[Form, str]]:
    """Yield how an object says that a record is finished, and the word for it."""
    for fed, part in mapping.feeds(name):
        for column, end in FINISHED.get(table, ()) if fed == table else ():
            if column in part.fields:
                yield part.fields[column], end
