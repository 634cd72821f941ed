"""Taking what is about a person out of the ledger, so that its chain still holds.

Words that name the person are masked wherever people or the CRM may have written them.
Rows that are sealed are sealed again by the event of the erasure; details of events are
dropped, as the chain has but their hash.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    RowMapping,
    String,
    Table,
    Text,
    and_,
    cast,
    false,
    null,
    or_,
    select,
    update,
)

from handover.ledger import seals
from handover.ledger.runs import ERASED
from handover.ledger.states import USER_VALUED
from handover.ledger.tables import (
    confirmations,
    decisions,
    events,
    metadata,
    plan_versions,
    remarks,
    steps,
)

MASK = "■■■"
"""What stands in place of a name, number or address that was erased."""

ELSEWHERE = frozenset({"events", "seals", "plan_versions"})
"""Tables that are treated in their own way."""
OF_OTHERS = frozenset(
    {"generations", "watermarks", "policies", "names", "erasures", "owner_history"}
)
"""Tables that say nothing of persons of customers."""
VALUES = ("before", "after")
"""Columns of a step that are written into a CRM, or back into it."""

ANSWERED = ("before", "value")
"""The same of an answer: what was recorded, and what holds instead."""


@dataclass(frozen=True, kw_only=True)
class ErasedPerson:
    """Whose words are erased: the ids of the contact, and what names them.

    ``own_id`` is the CRM's own. ``words`` are names, numbers and addresses in all forms
    in which they may stand somewhere.
    """

    source: str
    id: str
    own_id: str
    words: Sequence[str]


def list_own_words(connection: Connection, person: ErasedPerson) -> Iterator[str]:
    """Yield what answers and steps have as values of the person's own record."""
    for table, where in (
        (confirmations, _own_answers(person)),
        (steps, _own_steps(person)),
    ):
        names = ANSWERED if table is confirmations else VALUES
        query = select(*(table.c[name] for name in names)).where(where)
        for row in connection.execute(query):
            yield from (value for value in row if value)


def erase_rows(connection: Connection, person: ErasedPerson) -> int:
    """Mask a person in all tables but those of plans and events; count the rows."""
    changed = connection.execute(
        update(confirmations)
        .where(_own_answers(person))
        .values(**dict.fromkeys((*ANSWERED, "column_name")))
    ).rowcount
    changed += connection.execute(
        update(steps)
        .where(_own_steps(person))
        .values(before=None, after=None, code=ERASED)
    ).rowcount
    for table in metadata.sorted_tables:
        if table.name not in ELSEWHERE | OF_OTHERS:
            changed += _mask_table(connection, table, person.words)
    return changed


def erase_details(connection: Connection, person: ErasedPerson) -> int:
    """Drop the details of events that name a person; count the events."""
    dropped = update(events).where(_names(events.c.details, person.words))
    return connection.execute(dropped.values(details=null())).rowcount


def erase_remarks(
    connection: Connection,
    person: ErasedPerson,
    parts: Sequence[str],
    accounts: Sequence[str],
) -> int:
    """Drop the texts of remarks on a person's customers that name them in short.

    Args:
        connection: to the ledger.
        person: whose.
        parts: of their name, as people call them.
        accounts: where they work.
    """
    named = _names(remarks.c.text, parts)
    here = and_(remarks.c.source == person.source, remarks.c.account_id.in_(accounts))
    return connection.execute(
        update(remarks).where(here, named).values(text=None)
    ).rowcount


def mask(value: Any, words: Iterable[str]) -> Any:  # noqa: ANN401 - JSON may be anything
    """Return a value, or all values in it, without the words."""
    if isinstance(value, str):
        for word in words:
            value = value.replace(word, MASK)
        return value
    if isinstance(value, dict):
        return {name: mask(each, words) for name, each in value.items()}
    if isinstance(value, list):
        return [mask(each, words) for each in value]
    return value


def changed_seals(connection: Connection, before: dict[str, str]) -> dict[str, str]:
    """Return the seals of all rows that are not what they were."""
    return {
        subject: found
        for subject, found in hash_all(connection).items()
        if before.get(subject) != found
    }


def hash_all(connection: Connection) -> dict[str, str]:
    """Hash all rows that are sealed."""
    found: dict[str, str] = {}
    for kind in seals.KINDS:
        found |= kind.hashes(connection)
    return found


def list_versions(connection: Connection, words: Sequence[str]) -> list[RowMapping]:
    """List the versions of plans in which one of the words stands."""
    query = select(plan_versions).where(_names(plan_versions.c.content, words))
    return list(connection.execute(query).mappings())


def replace_version(
    connection: Connection, version: RowMapping, content: dict[str, Any]
) -> None:
    """Write a version of a plan anew, with the decisions that were made on it."""
    where = (version["plan_id"], version["version"])
    fingerprint = content["fingerprint"]
    for table, values in (
        (plan_versions, {"content": content, "fingerprint": fingerprint}),
        (decisions, {"fingerprint": fingerprint}),
    ):
        connection.execute(
            update(table)
            .where(table.c.plan_id == where[0], table.c.version == where[1])
            .values(**values)
        )


def _own_answers(person: ErasedPerson) -> ColumnElement[bool]:
    return and_(
        confirmations.c.source == person.source,
        confirmations.c.table_name == "contacts",
        confirmations.c.record_id == person.id,
    )


def _own_steps(person: ErasedPerson) -> ColumnElement[bool]:
    """Match what was written into the person's record, but for its owner."""
    return and_(
        steps.c.source == person.source,
        steps.c.record_id == person.own_id,
        steps.c.key.is_(None),
        steps.c.action.not_in([action.value for action in USER_VALUED]),
    )


def _mask_table(connection: Connection, table: Table, words: Sequence[str]) -> int:
    columns = [c for c in table.c if _holds_words(c)]
    if not columns or not words:
        return 0
    key = list(table.primary_key)
    query = select(table).where(or_(*(_names(c, words) for c in columns)))
    changed = 0
    for row in connection.execute(query).mappings().all():
        values = {c.name: mask(row[c.name], words) for c in columns}
        values = {name: v for name, v in values.items() if v != row[name]}
        if not values:  # the database knows no upper and lower case
            continue
        if table is steps and set(values) & set(VALUES):
            values |= {**dict.fromkeys(VALUES), "code": ERASED}
        if table is confirmations and set(values) & set(ANSWERED):
            # What is masked must not be written into the CRM as a correction.
            values |= dict.fromkeys((*ANSWERED, "column_name"))
        this = and_(*(c == row[c.name] for c in key))
        connection.execute(update(table).where(this).values(**values))
        changed += 1
    return changed


def _holds_words(column: Column[Any]) -> bool:
    """Return whether people, or a CRM, may have written a column's values."""
    is_key = column.primary_key or bool(column.foreign_keys)
    return isinstance(column.type, Text | JSON | String) and not is_key


def _names(column: ColumnElement[Any], words: Sequence[str]) -> ColumnElement[bool]:
    """Match where one of the words stands, in plain or as JSON writes it."""
    text = cast(column, Text)
    forms = {form for word in words for form in (word, json.dumps(word)[1:-1])}
    return or_(
        false(), *(text.contains(form, autoescape=True) for form in sorted(forms))
    )
