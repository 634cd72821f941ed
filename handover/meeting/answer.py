"""One answer as somebody types it, made into one that can be kept.

What does not fit is refused by its name: an item that the company does not ask for, a
record or a person of somebody else, a value that its column cannot hold.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from zoneinfo import ZoneInfo

from handover.answers.confirmations import Outcome
from handover.errors import UnknownName
from handover.i18n import Phrase
from handover.meeting.errors import (
    ColumnNeeded,
    CorrectionNeeded,
    NotAsked,
    PersonNeeded,
    RecordNeeded,
    ValueNotUsable,
)
from handover.meeting.questions import KnownRecord, Questions, split_column
from handover.mirror.find import find_one
from handover.policy import Item
from mappings.one_value import in_words, read_value
from mappings.reachable import email_quality, phone_quality
from mappings.schema import ColumnSpec, columns, extra_column
from mappings.text import Placeholders

ITEM, PERSON = Phrase(text="item"), Phrase(text="person")
LISTED = 8
"""Records or columns that are named where one has to be chosen."""
USABLE = ("ok", "generic")


@dataclass(frozen=True, kw_only=True)
class GivenAnswer:
    """An answer in the words of who types it; names stand for ids."""

    item: str
    result: Outcome
    record: str | None = None
    column: str | None = None
    value: str | None = None
    person: str | None = None


@dataclass(frozen=True, kw_only=True)
class FittingAnswer:
    """An answer that can be kept; see ``Confirmation`` for its fields."""

    item: str
    table: str | None
    record_id: str | None
    column: str | None
    result: Outcome
    before: str | None
    value: str | None
    person: str


@dataclass(frozen=True, kw_only=True)
class Notation:
    """How values are typed: where days begin, whose phones, what says nothing."""

    zone: ZoneInfo
    country: str
    placeholders: Placeholders


def make_answer(
    given: GivenAnswer, questions: Questions, account: str, notation: Notation
) -> FittingAnswer:
    """Make an answer that can be kept of what somebody typed.

    Args:
        given: as it was typed.
        questions: what can be asked of the customer.
        account: the customer's name.
        notation: how values are typed.

    Raises:
        UsageProblem: something does not fit; the error names it.
    """
    item = _find_item(given.item, questions, account)
    person = _find_person(given.person, questions)
    if given.result != "corrected":
        if given.value is not None:
            raise CorrectionNeeded(result=Phrase(text=f"answered:{given.result}"))
        table, record = _find_asked(given, item, questions)
        return FittingAnswer(
            item=item.code,
            table=table,
            record_id=None if record is None else record.id,
            column=None,
            result=given.result,
            before=None,
            value=None,
            person=person,
        )
    table, column = _find_column(given, item)
    record = _find_record(given.record, table, questions)
    spec = columns(table).get(column) or extra_column(column)
    own = Notation(
        zone=notation.zone,
        country=questions.country or notation.country,
        placeholders=notation.placeholders,
    )
    return FittingAnswer(
        item=item.code,
        table=table,
        record_id=record.id,
        column=column,
        result="corrected",
        before=record.values.get(column),
        value=_convert(given.value, spec, own),
        person=person,
    )


def _find_item(text: str, questions: Questions, account: str) -> Item:
    """Find an item by its code; one that does not apply to the customer is refused."""
    item = questions.items.get(text)
    if item is None:
        near = get_close_matches(text, questions.items, n=3, cutoff=0.4)
        raise UnknownName(
            kind=ITEM, name=text, suggestion=", ".join(near or questions.applying)
        )
    if text not in questions.applying:
        raise NotAsked(item=text, account=account)
    return item


def _find_person(text: str | None, questions: Questions) -> str:
    """Find who of the customer's people said so."""
    if not text:
        names = tuple(person.name for person in questions.people[:LISTED])
        raise PersonNeeded(people=names)
    return find_one(PERSON, text, questions.people).id


def _find_asked(
    given: GivenAnswer, item: Item, questions: Questions
) -> tuple[str | None, KnownRecord | None]:
    """Find the record that was asked about, where one is named."""
    if given.column is None and given.record is None:
        return None, None
    tables = (
        [_find_column(given, item)[0]]
        if given.column
        else list(dict.fromkeys(split_column(c)[0] for c in item.columns))
    )
    known = [(t, r) for t in tables for r in questions.records.get(t, ())]
    found = find_one(
        Phrase(text="record"), given.record or "", [record for _, record in known]
    )
    return next(t for t, record in known if record is found), found


def _find_column(given: GivenAnswer, item: Item) -> tuple[str, str]:
    """Find which of an item's columns was corrected."""
    named = [split_column(column) for column in item.columns]
    wanted = given.column
    fitting = [
        (table, name)
        for table, name in named
        if wanted is None or wanted in (name, f"{table}.{name}")
    ]
    if len(fitting) != 1:
        raise ColumnNeeded(item=item.code, columns=item.columns)
    return fitting[0]


def _find_record(text: str | None, table: str, questions: Questions) -> KnownRecord:
    """Find the record that was corrected; the only one there is need not be named."""
    known = questions.records.get(table, ())
    kind = Phrase(text=f"object:{table}")
    if text is not None:
        return find_one(kind, text, known)
    if len(known) != 1:
        names = tuple(f"{record.name} ({record.id})" for record in known[:LISTED])
        raise RecordNeeded(kind=kind, records=names)
    return known[0]


def _convert(text: str | None, spec: ColumnSpec, notation: Notation) -> str | None:
    """Write a corrected value in canonical words."""
    if text is None or not text.strip():
        raise ValueNotUsable(column=spec.name, value="", why=Phrase(text="value:empty"))
    if text in notation.placeholders:
        raise ValueNotUsable(
            column=spec.name, value=text, why=Phrase(text="value:placeholder")
        )
    try:
        value = read_value(text.strip(), spec, notation.zone)
        if isinstance(value, str):
            _check_reachable(value, spec, notation)
        return in_words(value)
    except ValueError:
        why = Phrase(text=f"value:{_KINDS.get(spec.type, 'word')}")
        raise ValueNotUsable(column=spec.name, value=text, why=why) from None


_KINDS = {dt.date: "date", dt.datetime: "date", Decimal: "number", bool: "yes_no"}


def _check_reachable(text: str, spec: ColumnSpec, notation: Notation) -> None:
    """Refuse a phone number or an address that cannot be one."""
    match spec.column.quality:
        case "phone":
            found = phone_quality(text, notation.country, notation.placeholders)
        case "email":
            found = email_quality(text, notation.placeholders)
        case _:
            return
    if found not in USABLE:
        why = Phrase(text=f"value:{spec.column.quality}")
        raise ValueNotUsable(column=spec.name, value=text, why=why)
