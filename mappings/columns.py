"""Fills one column of the common schema from its texts, with all that goes with it.

A whole column is first tried with Arrow's kernels, which know the plain notation only;
what they refuse is converted text by text.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from mappings.aside import UNKNOWN_WORD
from mappings.cells import recode
from mappings.dates import Moment, day, moment
from mappings.forms import Form, Mark, Recoded
from mappings.reachable import INVALID, email_quality, lacks_lead, phone_quality
from mappings.schema import ColumnSpec
from mappings.text import Placeholders, norm
from mappings.values import convert, each, number, word, yes_no
from mappings.words import canonical

Texts = Sequence[str | None]
Values: TypeAlias = pa.Array | list[Any]

CODES = frozenset({"currency", "handover_key", "record_id", "target", "target_id"})
"""Columns that hold no id of a table and no text either."""

_PLAIN_NUMBER = r"^-?(0|[1-9]\d{0,13})(\.\d{1,4})?$"
_PLAIN_DAY = r"^[1-9]\d{3}-\d\d-\d\d$"
_PLAIN_TIME = (
    r"^[1-9]\d{3}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d(:?\d\d)?)$"
)


@dataclass(frozen=True, kw_only=True)
class TranslationSettings:
    """What the configuration and the policy say about reading cells.

    ``timezone``, ``country`` (ISO code, for phone numbers) and ``currency`` hold where
    a record has none. ``empty_words``: placeholder words, which stand for
    an empty cell where no text is expected.
    """

    timezone: ZoneInfo
    country: str
    currency: str
    empty_words: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A column with its companions, and the rows whose cell did not convert."""

    columns: Mapping[str, Values]
    bad: Sequence[int] = ()
    reason: str = ""
    lost_lead: Sequence[int] = ()
    """Rows with a phone number that only lacks the 0 or + in front."""


_OTHER = {"kind": "other", "outcome": "other", "yes_no": None}
"""What stands for an unknown word."""


@dataclass(frozen=True, kw_only=True)
class Filler:
    """Fills columns as the settings say; ``countries`` are the rows', if known.

    ``mark`` stands before decimal places where the form does not say.
    """

    settings: TranslationSettings
    empty: Placeholders
    countries: Sequence[str] | None = None
    mark: Mark = "."

    def fill(self, spec: ColumnSpec, form: Form, texts: Texts) -> Filled:
        """Convert the texts of one column, by its type, as its form recodes them."""
        if spec.column.words == "class":
            return self._classes(form, texts)
        texts = recode(form, texts)
        if spec.type is Decimal:
            return self._numbers(spec, texts, getattr(form, "decimal", None))
        by_type = {date: self._dates, datetime: self._times}
        if spec.type in by_type:
            return by_type[spec.type](spec, texts)
        if spec.column.words:
            return self._words(spec, texts, spec.column.words)
        if _is_code(spec):
            return Filled(columns={spec.name: self.filled_cells(texts)})
        return self._texts(spec, texts)

    def filled_cells(self, texts: Texts) -> list[str | None]:
        """Take placeholder words out of cells that are no text."""
        empty = self.empty

        def stripped(text: str) -> str | None:
            return None if text in empty else text.strip()

        return each(texts, stripped)

    def _converted(
        self,
        spec: ColumnSpec,
        texts: Texts,
        conversion: Callable[[str], object],
        reason: str,
    ) -> Filled:
        done = convert(self.filled_cells(texts), conversion)
        return Filled(columns={spec.name: done.values}, bad=done.bad, reason=reason)

    def _at_once(
        self, texts: Texts, notation: str, kind: pa.DataType
    ) -> pa.Array | None:
        """Convert a column as a whole if all its cells are in the plain notation."""
        if not self.empty.words.isdisjoint(texts):
            return None
        cells = pa.array(texts, pa.string())
        if pc.all(pc.match_substring_regex(cells, notation)).as_py() is False:
            return None
        try:
            return cells.cast(kind)
        except pa.ArrowInvalid:
            return None

    def _words(self, spec: ColumnSpec, texts: Texts, words: str) -> Filled:
        """Fill words of a list; an unknown one is *other*, no yes and no is empty."""
        cells = self.filled_cells(texts)
        if words == "yes_no":
            done = convert(cells, yes_no)
        else:
            done = convert(cells, partial(word, words=words))
        values = list(done.values)
        for at in done.bad:
            values[at] = _OTHER[words]
        reason = "bad_yes_no" if words == "yes_no" else UNKNOWN_WORD
        return Filled(columns={spec.name: values}, bad=done.bad, reason=reason)

    def _numbers(self, spec: ColumnSpec, texts: Texts, mark: Mark | None) -> Filled:
        mark = mark or self.mark
        plain = mark == "."
        cells = plain and self._at_once(texts, _PLAIN_NUMBER, spec.arrow_type)
        if isinstance(cells, pa.Array):
            return Filled(columns={spec.name: cells})
        return self._converted(spec, texts, partial(number, mark=mark), "bad_number")

    def _dates(self, spec: ColumnSpec, texts: Texts) -> Filled:
        cells = self._at_once(texts, _PLAIN_DAY, spec.arrow_type)
        if cells is not None:
            return Filled(columns={spec.name: cells})
        zone = self.settings.timezone
        return self._converted(spec, texts, partial(day, zone=zone), "bad_date")

    def _times(self, spec: ColumnSpec, texts: Texts) -> Filled:
        """Fill a time; of an interaction also its local day and whether it has one."""
        happened = spec.name == "happened_at"
        cells = self._at_once(texts, _PLAIN_TIME, spec.arrow_type)
        if cells is not None:
            more = self._days(cells) if happened else {}
            return Filled(columns={spec.name: cells, **more})
        zone = self.settings.timezone
        done = convert(self.filled_cells(texts), partial(moment, zone=zone))
        moments = [
            value if isinstance(value, Moment) else None for value in done.values
        ]
        columns: dict[str, Values] = {spec.name: [m and m.at for m in moments]}
        if happened:
            columns["happened_on"] = [m and m.day for m in moments]
            columns["has_time"] = [m and m.has_time for m in moments]
        return Filled(columns=columns, bad=done.bad, reason="bad_date")

    def _days(self, times: pa.Array) -> dict[str, Values]:
        local = times.cast(pa.timestamp("us", tz=self.settings.timezone.key))
        return {
            "happened_on": pc.floor_temporal(
                pc.local_timestamp(local), unit="day"
            ).cast(pa.date32()),
            "has_time": pc.if_else(times.is_valid(), True, None),  # noqa: FBT003 - a value
        }

    def _classes(self, form: Form, texts: Texts) -> Filled:
        """Fill a class and whether the mapping knows it; one it does not know stays."""
        listed = form.values if isinstance(form, Recoded) else None

        def judged(text: str) -> tuple[str | None, str]:
            said = text if listed is None else listed.get(text.strip(), "")
            found = canonical("class", said)
            if found:
                return found, "mapped"
            if text in self.empty:
                return None, "empty"
            return text.strip(), "unmapped"

        found = [pair or (None, "empty") for pair in each(texts, judged)]
        return Filled(
            columns={
                "customer_class": [word for word, _ in found],
                "customer_class_state": [state for _, state in found],
            }
        )

    def _texts(self, spec: ColumnSpec, texts: Texts) -> Filled:
        """Keep a text as recorded, with what rules compare and what can be reached."""
        columns: dict[str, Values] = {spec.name: list(texts)}
        if spec.column.audited:
            columns[f"{spec.name}_norm"] = each(texts, norm)
        if spec.column.quality == "email":
            judge = partial(email_quality, empty=self.empty)
            columns[f"{spec.name}_quality"] = each(texts, judge)
        if spec.column.quality == "phone":
            return self._phones(spec, texts)
        return Filled(columns=columns)

    def _phones(self, spec: ColumnSpec, texts: Texts) -> Filled:
        """Keep phones with their quality, and name those that only lack their lead."""
        countries = self.countries or [self.settings.country] * len(texts)
        pairs = list(zip(texts, countries, strict=True))
        known = {
            pair: pair[0] and phone_quality(pair[0], pair[1], self.empty)
            for pair in set(pairs)
        }
        lacking = {
            (text, country)
            for (text, country), quality in known.items()
            if text and quality == INVALID and lacks_lead(text, country)
        }
        return Filled(
            columns={
                spec.name: list(texts),
                f"{spec.name}_quality": [known[pair] for pair in pairs],
            },
            lost_lead=[at for at, pair in enumerate(pairs) if pair in lacking],
        )


def _is_code(spec: ColumnSpec) -> bool:
    """Tell ids and codes, where a placeholder word is an empty cell, from texts."""
    return bool(spec.column.key or spec.column.refers) or spec.name in CODES
