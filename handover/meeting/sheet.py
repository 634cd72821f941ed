"""A sheet: what one customer is asked, beside what the CRM has and what was answered.

Each line has a stamp of all that it shows, so that an answer on paper that has aged is
known when it comes back.
"""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import orjson

from handover.answers.confirmations import Confirmation, list_standing
from handover.meeting.asked import Asked, list_asked
from handover.meeting.customer import CustomerFacts
from handover.meeting.questions import KnownRecord, Questions
from handover.plan.model import Plan, Row
from handover.policy import Policy

_STAMP = 12
"""Bytes of a stamp."""


@dataclass(frozen=True, kw_only=True)
class SheetLine:
    """One question, and the answers to it that count so far."""

    asked: Asked
    standing: tuple[Confirmation, ...]
    stamp: str


@dataclass(frozen=True, kw_only=True)
class MeetingSheet:
    """The questions to one customer of a plan; none where the CRM has them no more."""

    plan: Plan
    row: Row
    lines: tuple[SheetLine, ...]
    people: tuple[KnownRecord, ...]
    """Who of the customer can have said so; those who have left come last."""
    is_gone: bool
    synced_at: dt.datetime


@dataclass(frozen=True, kw_only=True)
class SheetFacts:
    """What is known of some customers, by their ids.

    ``questions``: what can be asked; ``customers``: which of it counts; ``made``: the
    answers that were recorded, the oldest first; ``synced_at``: when the CRM was read.
    """

    questions: Mapping[str, Questions]
    customers: Mapping[str, CustomerFacts]
    made: Mapping[str, Sequence[Confirmation]]
    synced_at: dt.datetime


def make_sheets(
    plan: Plan, rows: Iterable[Row], known: SheetFacts, policy: Policy, as_of: dt.date
) -> list[MeetingSheet]:
    """Put the sheets of some customers of a plan together.

    Args:
        plan: as it stands.
        rows: the customers.
        known: what CRM and ledger know of them.
        policy: which purchases are recent.
        as_of: the rules' today.
    """
    sheets = []
    for row in rows:
        asked = known.questions.get(row.account_id)
        facts = known.customers.get(row.account_id)
        lines: tuple[SheetLine, ...] = ()
        people: list[KnownRecord] = []
        if asked is not None and facts is not None:
            standing = list_standing(known.made.get(row.account_id, ()))
            lines = tuple(
                _make_line(plan, row, each, standing)
                for each in list_asked(asked, facts, policy.audit, as_of)
            )
            gone = {person.id for person in facts.people if person.has_left}
            people = sorted(asked.people, key=lambda person: person.id in gone)
        sheets.append(
            MeetingSheet(
                plan=plan,
                row=row,
                lines=lines,
                people=tuple(people),
                is_gone=facts is None,
                synced_at=known.synced_at,
            )
        )
    return sheets


def _make_line(
    plan: Plan, row: Row, asked: Asked, standing: Iterable[Confirmation]
) -> SheetLine:
    own = tuple(each for each in standing if _is_about(each, asked))
    shown = (
        *(plan.source, plan.id, row.account_id, asked.item.code),
        *(asked.table, asked.record_id),
        (asked.columns, asked.recorded),
        [
            (each.result, each.column, each.value, each.person, each.at.isoformat())
            for each in own
        ],
    )
    digest = hashlib.blake2b(orjson.dumps(shown), digest_size=_STAMP).hexdigest()
    return SheetLine(asked=asked, standing=own, stamp=digest)


def _is_about(made: Confirmation, asked: Asked) -> bool:
    """Return whether an answer is to a question, or to all of its item."""
    if made.item != asked.item.code:
        return False
    place = (made.table, made.record_id)
    return made.record_id is None or place == (asked.table, asked.record_id)
