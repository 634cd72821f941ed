"""The questions to one customer, one by one: an item, of one record where it has some.

Paper and workbook ask the same questions in the same order.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from handover.meeting.customer import CustomerFacts, Purchase
from handover.meeting.questions import KnownRecord, Questions, split_column
from handover.policy import AuditRules, Item
from mappings.schema import holds_ids

REASON, OLDER_REASON = "purchases.reason", "purchases.reason_older"
SECOND_PERSON = "contacts.second_person"
RECENT, SUMMARY = "interactions.recent", "interactions.summary"
Place = tuple[str, str]
"""A record: its canonical table and its id."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One question.

    Without a ``record`` it is asked of the item as a whole. ``columns`` are those that
    hold the answer in the CRM, as ``contacts.phone``.
    """

    item: Item
    table: str | None = None
    record: KnownRecord | None = None
    columns: tuple[str, ...] = ()
    date: dt.date | None = None
    """Of a purchase: when it was bought."""
    product: str | None = None
    recorded: tuple[str | None, ...] = ()
    """What the CRM has: by column, or what it has instead of a record."""

    @property
    def correctable(self) -> tuple[str, ...]:
        """The columns that a customer can correct; whose record it is, is not one."""
        return tuple(c for c in self.columns if not holds_ids(*split_column(c)))

    @property
    def record_id(self) -> str | None:
        """The record's id, where it is asked of one."""
        return None if self.record is None else self.record.id


def list_asked(
    questions: Questions, facts: CustomerFacts, rules: AuditRules, as_of: dt.date
) -> list[Asked]:
    """List what one customer is asked, in the policy's order.

    Args:
        questions: the items that apply, and all records of the customer.
        facts: which of the records count: who is there, what is under way.
        rules: which purchases are recent.
        as_of: the rules' today.
    """
    make = _Asking(questions=questions, facts=facts, rules=rules, as_of=as_of)
    return [
        asked
        for code in questions.applying
        for asked in make.list_of_item(questions.items[code])
    ]


@dataclass(frozen=True, kw_only=True)
class _Asking:
    """Finds of which records an item is asked."""

    questions: Questions
    facts: CustomerFacts
    rules: AuditRules
    as_of: dt.date

    def list_of_item(self, item: Item) -> list[Asked]:
        """List the questions of one item; there is at least one."""
        if item.code in (SECOND_PERSON, RECENT, SUMMARY):
            return [self._ask_whole(item)]
        known = {
            (table, record.id): record
            for table, records in self.questions.records.items()
            for record in records
        }
        bought = self._list_bought(item)
        places = dict.fromkeys(bought or self._list_places(item))
        found = [
            self._ask(item, place, known[place], bought.get(place))
            for place in places
            if place in known
        ]
        return [each for each in found if each.columns] or [self._ask_whole(item)]

    def _ask(
        self, item: Item, place: Place, record: KnownRecord, purchase: Purchase | None
    ) -> Asked:
        table = place[0]
        columns = self._list_columns(item, table)
        return Asked(
            item=item,
            table=table,
            record=record,
            columns=columns,
            date=purchase.date if purchase else None,
            product=(purchase.product or record.name) if purchase else None,
            recorded=tuple(record.values.get(split_column(c)[1]) for c in columns),
        )

    def _ask_whole(self, item: Item) -> Asked:
        """Ask of an item as a whole, beside what is known instead of a record."""
        said: Iterable[str | None] = ()
        # An answer is a talk, too; those to this very sheet are not what is asked.
        talks = (talk for talk in self.facts.talks if talk.kind != "confirmation")
        last = next(talks, None)
        if item.code == SECOND_PERSON:
            known = [p for p in self.facts.people if p.reachable and not p.has_left]
            said = [person.name for person in known[1:]]
        elif item.code == RECENT and last is not None:
            said = (last.date.isoformat(), last.kind, last.owner_id)
        elif item.code == SUMMARY and last is not None:
            said = (last.subject, last.text)
        return Asked(item=item, recorded=tuple(said))

    def _list_columns(self, item: Item, table: str) -> tuple[str, ...]:
        """List an item's columns in a table: those of the CRM, else all of them."""
        own = tuple(c for c in item.columns if split_column(c)[0] == table)
        mapped = tuple(c for c in own if split_column(c) in self.facts.mapped)
        return mapped or own

    def _list_places(self, item: Item) -> Iterator[Place]:
        """Yield the records that an item is asked of, but for purchases."""
        tables = dict.fromkeys(split_column(column)[0] for column in item.columns)
        facts = self.facts
        present = [p.id for p in facts.people if not p.has_left]
        requests = [p.id for p in facts.promises if p.kind == "request"]
        ids: Mapping[str, list[str]] = {
            "contacts": present,
            "opportunities": [o.id for o in facts.opportunities],
            "requests": requests,
            "accounts": [facts.id] if self._asks_account(item) else [],
        }
        for table in tables:
            yield from ((table, key) for key in ids.get(table, ()))

    def _asks_account(self, item: Item) -> bool:
        """Return whether the customer's own record can hold the answer.

        Beside other records that is so where the CRM has a field for it.
        """
        own = [c for c in item.columns if split_column(c)[0] == "accounts"]
        is_alone = len(own) == len(item.columns)
        return is_alone or any(split_column(c) in self.facts.mapped for c in own)

    def _list_bought(self, item: Item) -> dict[Place, Purchase]:
        """List the purchases that an item is asked of, each with its record."""
        found: dict[Place, Purchase] = {}
        if item.group != "purchases":
            return found
        for purchase in self.facts.purchases:
            is_recent = self._is_recent(purchase)
            if (item.code == REASON and not is_recent) or (
                item.code == OLDER_REASON and is_recent
            ):
                continue
            place = (purchase.kind, purchase.id)
            if item.code in (REASON, OLDER_REASON):
                place = self._find_reason(place)
            found.setdefault(place, purchase)
        return found

    def _is_recent(self, purchase: Purchase) -> bool:
        """Return whether the reason has to be known: it is recent, or large."""
        first = self.as_of - dt.timedelta(days=self.rules.reason_days)
        least = self.rules.large_purchase
        is_large = bool(least) and (purchase.amount or 0) >= least
        return purchase.date is None or purchase.date >= first or is_large

    def _find_reason(self, place: Place) -> Place:
        """Return in which record the reason of a purchase stands."""
        table, key = place
        if table != "line_items":
            return place
        lines = self.questions.records.get(table, ())
        line = next((line for line in lines if line.id == key), None)
        owner = line.values.get("opportunity_id") if line else None
        return ("opportunities", owner) if owner else place
