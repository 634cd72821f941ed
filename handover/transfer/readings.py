"""What the CRM holds now, read just before it is written.

Neither CRM compares and sets in a batch, so a person can still win or lose between our
last read and the write. A reading therefore has an age, and none is written on that is
old.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.base import Connector, Create, Row, SetField, same_id
from handover.ledger.runs import StepResult
from handover.transfer.steps import Step
from mappings.text import as_text

Clock = Callable[[], dt.datetime]

FRESH = dt.timedelta(seconds=30)
"""How old a reading may be when its record is written."""

ALREADY = StepResult(outcome="done", code="already")
CHANGED = StepResult(outcome="skipped", code="changed")
GONE = StepResult(outcome="skipped", code="gone")


_MIDNIGHT = re.compile(r"(\d{4}-\d\d-\d\d)T00:00:00(?:\.0+)?(?:Z|\+00:?00)")
"""How CRMs without a type for days give back the day that we wrote."""


def held(row: Row, name: str) -> str | None:
    """Read a field of a row as text; a dotted path leads into related records."""
    value: object = row
    for part in (name,) if name in row else name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    text = (_plain_number(value) or as_text(value) or "").strip()
    day = _MIDNIGHT.fullmatch(text)
    return (day[1] if day else text) or None


def _plain_number(value: object) -> str | None:
    """Write a number without superfluous zeros, as a CRM may send 1200 as 1200.0."""
    if not isinstance(value, float | Decimal):
        return None
    text = as_text(value) or ""
    return text.rstrip("0").rstrip(".") if "." in text else text


def holds(row: Row, name: str, value: str | None) -> bool:
    """Tell whether a field of a row has a value; ids count in either length."""
    return same_value(held(row, name), value or None)


def judge(step: Step, row: Row | None, *, keyed: bool) -> StepResult | None:
    """Decide what a step's record makes of it; None when it is to be written.

    People's edits win: a record that holds neither our value nor the one it should be
    changed from is left alone. A created one whose links a dead run did not get to
    make is written again where that cannot double it (``keyed``).
    """
    change = step.change
    if isinstance(change, Create):
        if row is None or (keyed and change.key_field and lacks_links(change, row)):
            return None
        return StepResult(
            outcome="done", code="already", record_id=as_text(row.get("id"))
        )
    if row is None:
        return GONE
    if holds(row, change.field, change.after):
        return ALREADY
    expected = {change.field: change.before, **step.expects}
    as_expected = all(holds(row, name, value) for name, value in expected.items())
    return None if as_expected else CHANGED


def same_value(one: str | None, other: str | None) -> bool:
    """Return whether two values are one; an id of Salesforce is in either length."""
    return one == other or (bool(one and other) and same_id(one or "", other or ""))


def lacks_links(change: Create, row: Row) -> bool:
    """Tell whether a found record hangs on less than it should, where we can see it."""
    links = row.get("links")
    if not isinstance(links, Mapping):
        return False
    return any(links.get(kind) != target for kind, target in change.links.items())


@dataclass(kw_only=True)
class Readings:
    """The latest reading of each step's record."""

    connector: Connector
    clock: Clock
    _rows: dict[int, tuple[Row | None, dt.datetime]] = field(default_factory=dict)

    def row(self, step: Step) -> Row | None:
        """Return what was read of a step's record; None when it does not exist."""
        return self._rows[step.n][0]

    def age(self, steps: Iterable[Step]) -> dt.timedelta:
        """Return how old the oldest reading of these steps is."""
        now = self.clock()
        return max((now - self._rows[step.n][1] for step in steps), default=now - now)

    def refresh(self, steps: Sequence[Step]) -> None:
        """Read the records that were not read yet, or too long ago."""
        now = self.clock()
        old = [s for s in steps if s.n not in self._rows or now - self._at(s) > FRESH]
        self._read([step for step in old if step.record_id], now)
        self._find([step for step in old if not self._is_known(step)], now)

    def _at(self, step: Step) -> dt.datetime:
        return self._rows[step.n][1]

    def _is_known(self, step: Step) -> bool:
        """Tell whether looking for a record by our key would bring nothing new."""
        row, _ = self._rows.get(step.n, (None, None))
        return isinstance(step.change, SetField) or row is not None

    def _find(self, steps: Sequence[Step], now: dt.datetime) -> None:
        if not steps:
            return
        wanted = [step.change for step in steps if isinstance(step.change, Create)]
        rows = self.connector.find(wanted)
        for step in steps:
            self._rows[step.n] = (rows.get(step.key or ""), now)

    def _read(self, steps: Sequence[Step], now: dt.datetime) -> None:
        by_object: dict[str, list[Step]] = defaultdict(list)
        for step in steps:
            by_object[step.change.object].append(step)
        for name, group in by_object.items():
            ids = list(dict.fromkeys(step.record_id or "" for step in group))
            rows = self.connector.read(name, ids, sorted(_fields(group)))
            for step in group:
                self._rows[step.n] = (rows.get(step.record_id or ""), now)


def _fields(steps: Iterable[Step]) -> set[str]:
    names: set[str] = set()
    for step in steps:
        change = step.change
        names |= {change.field} if isinstance(change, SetField) else set(change.values)
        names |= set(step.expects)
    return names
