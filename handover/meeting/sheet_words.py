"""The lines of a sheet in words: what is asked, of what, what is recorded of it."""

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

from handover.answers.confirmations import Confirmation
from handover.i18n import Words
from handover.meeting.asked import RECENT, SECOND_PERSON, SUMMARY, Asked
from handover.meeting.customer_words import join, shorten
from handover.meeting.questions import split_column
from handover.meeting.sheet import MeetingSheet, SheetLine
from handover.paper.dates import number
from handover.plan.view import Audience
from mappings.schema import EXTRA, columns

LONGEST = 200
"""Characters that are shown of what is recorded."""


def write_question(asked: Asked, audience: Audience) -> str:
    """Write the open question of an item, with what it is about."""
    words = audience.words
    key = f"question:{asked.item.code}"
    if not words.has(key):
        return words("question:own", name=audience.item(asked.item.code))
    return words(
        key,
        date=audience.day(asked.date) if asked.date else words("question:then"),
        product=asked.product or words("question:that"),
    )


def name_asked(asked: Asked, audience: Audience) -> str:
    """Name the record that is asked about; nothing for an item as a whole."""
    if asked.record is None:
        return ""
    if asked.table == "accounts":
        return audience.words("the company")
    if asked.product:
        return shorten(asked.product, 60)
    return shorten(asked.record.name, 60)


def write_recorded(asked: Asked, audience: Audience) -> str:
    """Write what the CRM has; several columns each with its name."""
    words = audience.words
    if asked.record is None:
        return _write_instead(asked, audience) or words("(blank)")
    pairs = list(zip(asked.columns, asked.recorded, strict=True))
    said = [(c, write_value(c, value, audience)) for c, value in pairs]
    if len(said) == 1:
        return said[0][1] or words("(blank)")
    named = (
        f"{name_column(c, words)} {value or words('(blank)')}" for c, value in said
    )
    return words(" / ").join(named)


def _write_instead(asked: Asked, audience: Audience) -> str:
    """Write what is known where an item stands in no record that could be named."""
    said = [text for text in asked.recorded if text]
    if asked.item.code == RECENT and said:
        day = audience.day(dt.date.fromisoformat(said[0]))
        kind = audience.words(f"talk:{said[1]}")
        return " ".join((day, kind, *map(audience.person, said[2:])))
    if asked.item.code == SUMMARY:
        return shorten(": ".join(dict.fromkeys(said)), LONGEST)
    if asked.item.code == SECOND_PERSON:
        return join(said, audience) if said else ""
    return ""


def write_value(column: str, value: str | None, audience: Audience) -> str:
    """Write what stands in a column as people do; nothing where nothing stands."""
    if value is None:
        return ""
    table, name = split_column(column)
    spec = columns(table).get(name)
    if spec is not None and spec.type is dt.date:
        return audience.day(dt.date.fromisoformat(value))
    if spec is not None and spec.type is Decimal:
        return number(Decimal(value), audience.words.language)
    if spec is not None and spec.type is bool:
        return audience.words("yes" if value == "true" else "no")
    if spec is not None and spec.column.refers == "users":
        return audience.person(value)
    return shorten(value, LONGEST)


def name_column(column: str, words: Words) -> str:
    """Return what people call a column; a company's own by its name in the file."""
    _, name = split_column(column)
    key = f"column:{name}"
    return words(key) if words.has(key) else name.removeprefix(EXTRA)


def write_answered(
    line: SheetLine, sheet: MeetingSheet, zone: ZoneInfo, audience: Audience
) -> str:
    """Write what was answered already; nothing where nobody was asked."""
    names = {person.id: person.name for person in sheet.people}
    return audience.words("; ").join(
        _write_answer(each, names.get(each.person, each.person), zone, audience)
        for each in line.standing
    )


def _write_answer(
    made: Confirmation, person: str, zone: ZoneInfo, audience: Audience
) -> str:
    words = audience.words
    said = words(f"answered:{made.result}")
    if made.result == "corrected" and made.column is not None:
        column = f"{made.table}.{made.column}"
        value = write_value(column, made.value, audience)
        said = f"{said} {name_column(column, words)} {value}"
    day = audience.short_day(made.at.astimezone(zone).date())
    return words("{name} ({known})", name=said, known=f"{person} {day}")
