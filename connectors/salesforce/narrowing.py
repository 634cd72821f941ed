"""Which records of an object count, where Salesforce keeps others beside them.

Of groups only queues own anything. Of an event Salesforce keeps a copy for each user
who was invited (``IsChild``). The master of a classic series (``IsRecurrence``) holds
its pattern and is no entry of a calendar: each occurrence is a record of its own
(Change Data Capture guide, *Recurring Activities* and *Event Invitees*). A series of
Lightning Experience (``IsRecurrence2``) has no master: all its records are occurrences.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from connectors.base import Note
from connectors.salesforce.client import quoted
from connectors.salesforce.problems import SOURCE


@dataclass(frozen=True)
class Narrowing:
    """What makes a record one that counts: the value of one of its fields.

    ``unseen`` is the code of what is told where the org does not show the field; that
    of series is shown to everybody.
    """

    field: str
    value: str | bool
    unseen: str | None = None

    @property
    def condition(self) -> str:
        """Return it as SOQL."""
        if isinstance(self.value, str):
            return f"{self.field} = {quoted(self.value)}"
        return f"{self.field} = {str(self.value).lower()}"

    def fits(self, row: Mapping[str, object]) -> bool:
        """Return whether a record counts, as far as it says so."""
        found = row.get(self.field)
        return found is None or str(found).lower() == str(self.value).lower()

    def notes(self, object_name: str) -> Iterator[Note]:
        """Yield what is to be told where the field is not shown."""
        if self.unseen:
            params = {"source": SOURCE, "object": object_name, "field": self.field}
            yield Note(code=self.unseen, params=params)


_NO_MASTER = Narrowing("IsRecurrence", value=False)
_ALL = MappingProxyType(
    {
        "Group": (Narrowing("Type", "Queue"),),
        "Event": (
            Narrowing("IsChild", value=False, unseen="copies_unseen"),
            _NO_MASTER,
        ),
        "Task": (_NO_MASTER,),
    }
)


def narrowings(object_name: str) -> tuple[Narrowing, ...]:
    """List what the records of an object have to be; all of it holds."""
    return _ALL.get(object_name, ())
