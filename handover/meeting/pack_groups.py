"""The five groups of a pack: what is known of a customer, as lines and lists.

An empty cell says whether the CRM has nothing there, or nobody said where it is kept.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from handover.meeting.customer import (
    CustomerFacts,
    CustomerPerson,
    OpenOpportunity,
    Promise,
    Purchase,
    Talk,
)
from handover.meeting.customer_words import (
    join,
    list_channels,
    shorten,
    write_by,
    write_channel,
    write_money,
    write_next_step,
    write_number,
    write_said,
    write_talkers,
)
from handover.plan.plan_list import PlanList
from handover.plan.view import Audience

SHOWN = 8
"""Records of a kind that a pack lists; two sheets hold no more. JSON has them all."""
CELL = 72
"""Characters that a cell shows of a text, but for what was said in a talk."""
Record = TypeVar("Record", CustomerPerson, OpenOpportunity, Promise, Purchase, Talk)
Lines = list[tuple[str, str]]


class _Recorded(Protocol):
    @property
    def changed(self) -> dt.date | None: ...


@dataclass(frozen=True, kw_only=True)
class PackGroup:
    """One of the five groups; ``source`` says where its facts stand."""

    title: str
    source: str
    lines: Lines
    lists: Sequence[PlanList]


@dataclass(frozen=True)
class PackColumn(Generic[Record]):
    """One column of a list: its heading, and what it says of a record.

    One that is not always there falls away where it says nothing of any record.
    """

    heading: str
    cell: Callable[[Record], str]
    is_number: bool = False
    is_always: bool = True


def list_groups(
    facts: CustomerFacts, audience: Audience, as_of: dt.date
) -> list[PackGroup]:
    """List what is known of a customer, by the five groups."""
    make = _Groups(facts=facts, audience=audience, as_of=as_of)
    return [
        make.list_contacts(),
        make.list_organisation(),
        make.list_purchases(),
        make.list_opportunities(),
        make.list_interactions(),
    ]


@dataclass(frozen=True, kw_only=True)
class _Groups:
    """Puts the facts of one customer into the five groups."""

    facts: CustomerFacts
    audience: Audience
    as_of: dt.date

    def list_contacts(self) -> PackGroup:
        """List who is who, who decides, and how to reach them."""
        words, facts, audience = self.audience.words, self.facts, self.audience

        def fill(value: str | None, column: str) -> str:
            return self._fill(value, "contacts", column)

        columns = (
            PackColumn[CustomerPerson](words("Person"), self._write_name),
            PackColumn[CustomerPerson](
                words("Title"), lambda p: fill(p.title, "title")
            ),
            PackColumn[CustomerPerson](
                words("Department"), lambda p: fill(p.department, "department")
            ),
            PackColumn[CustomerPerson](words("Role"), self._write_role),
            PackColumn[CustomerPerson](
                words("How to reach them"),
                lambda p: join(list_channels(p, audience), audience),
            ),
            PackColumn[CustomerPerson](
                words("Recorded"), self._write_recorded, is_always=False
            ),
        )
        phone = write_channel(facts.phone, audience) if facts.phone else ""
        number = self._fill(phone, "accounts", "phone")
        return self._group(
            "contacts",
            "contacts",
            [(words("The company's number"), number)],
            [self._list("", facts.people, columns)],
        )

    def _write_name(self, person: CustomerPerson) -> str:
        """Write a name; one that is a placeholder says so."""
        name = self._fill(person.name, "contacts", "name")
        if not person.name or person.is_named:
            return name
        words = self.audience.words
        return words("{name} ({known})", name=name, known=words("channel:placeholder"))

    def _write_role(self, person: CustomerPerson) -> str:
        words = self.audience.words
        parts = [person.role or ""]
        parts += [words("decides")] if person.decides else []
        parts += [words("has left")] if person.has_left else []
        return join(dict.fromkeys(filter(None, parts)), self.audience)

    def list_organisation(self) -> PackGroup:
        """List what the customer does, and how large they are."""
        facts, audience, words = self.facts, self.audience, self.audience.words
        renewal = audience.day(facts.renewal_date) if facts.renewal_date else ""
        known = (
            ("What they do", facts.business, "business"),
            ("Industry", facts.industry, "industry"),
            ("Employees", write_number(facts.employees, audience), "employees"),
            ("Address", facts.place, "address"),
            ("Website", facts.website, "website"),
            ("Running project", facts.project, "project"),
            ("Renewal", renewal, "renewal_date"),
        )
        lines = [
            (words(label), self._fill(value, "accounts", column))
            for label, value, column in known
        ]
        if facts.changed:
            lines.append((words("Recorded"), self._write_recorded(facts)))
        return self._group("organisation", "accounts", lines, [])

    def list_purchases(self) -> PackGroup:
        """List what was bought, when and why."""
        words, audience = self.audience.words, self.audience

        def write_reason(purchase: Purchase) -> str:
            is_order = purchase.kind == "orders"
            table = "orders" if is_order else "opportunities"
            return self._fill(purchase.reason, table, "reason")

        def write_date(purchase: Purchase) -> str:
            day = audience.day(purchase.date) if purchase.date else ""
            is_won = purchase.kind == "opportunities"
            return self._fill(day, purchase.kind, "close_date" if is_won else "date")

        def write_amount(purchase: Purchase) -> str:
            amount = write_money(purchase.amount, purchase.currency, audience)
            return self._fill(amount, purchase.kind, "amount")

        columns = (
            PackColumn[Purchase](words("Bought on"), write_date),
            PackColumn[Purchase](
                words("Product"), lambda p: self._fill(p.product, p.kind, "product")
            ),
            PackColumn[Purchase](words("Amount"), write_amount, is_number=True),
            PackColumn[Purchase](words("Why they bought it"), write_reason),
            PackColumn[Purchase](
                words("Stands in"), lambda p: words(f"object:{p.kind}")
            ),
            PackColumn[Purchase](
                words("Recorded"), self._write_recorded, is_always=False
            ),
        )
        listed = self._list("", self.facts.purchases, columns)
        return self._group("purchases", None, [], [listed])

    def list_opportunities(self) -> PackGroup:
        """List the business under way, with its next step."""
        audience, words, as_of = self.audience, self.audience.words, self.as_of

        def fill(value: str | None, column: str) -> str:
            return self._fill(value, "opportunities", column)

        def write_amount(of: OpenOpportunity) -> str:
            return fill(write_money(of.amount, of.currency, audience), "amount")

        def write_step(of: OpenOpportunity) -> str:
            has_step = of.next_step or of.next_step_date
            step = write_next_step(of, audience, as_of) if has_step else ""
            return fill(step, "next_step")

        def write_close(of: OpenOpportunity) -> str:
            close = write_by(of.close_date, audience, as_of) if of.close_date else ""
            return fill(close, "close_date")

        columns = (
            PackColumn[OpenOpportunity](words("Name"), lambda o: fill(o.name, "name")),
            PackColumn[OpenOpportunity](
                words("Stage"), lambda o: fill(o.stage, "stage")
            ),
            PackColumn[OpenOpportunity](words("Amount"), write_amount, is_number=True),
            PackColumn[OpenOpportunity](words("Next step"), write_step),
            PackColumn[OpenOpportunity](words("Expected close"), write_close),
            PackColumn[OpenOpportunity](
                words("Owner"), lambda o: audience.person(o.owner_id)
            ),
            PackColumn[OpenOpportunity](
                words("Recorded"), self._write_recorded, is_always=False
            ),
        )
        listed = self._list("", self.facts.opportunities, columns)
        return self._group("opportunities", "opportunities", [], [listed])

    def list_interactions(self) -> PackGroup:
        """List what the customer waits for, and the last talks."""
        audience, words, facts = self.audience, self.audience.words, self.facts
        lines: Lines = []
        if ("accounts", "requests") in facts.mapped:
            asked = shorten(facts.requests) or words("(blank)")
            if facts.requests and facts.requests_as_of:
                day = audience.day(facts.requests_as_of)
                asked = words("{name} ({known})", name=asked, known=day)
            lines.append((words("Requests as recorded"), asked))
        promises = (
            PackColumn[Promise](
                words("Due"), lambda p: write_by(p.due, audience, self.as_of)
            ),
            PackColumn[Promise](words("Kind"), lambda p: words(f"promise:{p.kind}")),
            PackColumn[Promise](
                words("What is open"),
                lambda p: shorten(p.subject, CELL) or words("(blank)"),
            ),
            PackColumn[Promise](words("Owner"), lambda p: audience.person(p.owner_id)),
            PackColumn[Promise](
                words("Recorded"), self._write_recorded, is_always=False
            ),
        )
        talks = (
            PackColumn[Talk](words("Day"), lambda t: audience.day(t.date)),
            PackColumn[Talk](words("Kind"), lambda t: words(f"talk:{t.kind}")),
            PackColumn[Talk](words("Who talked"), lambda t: write_talkers(t, audience)),
            PackColumn[Talk](
                words("What was said"),
                lambda t: (
                    write_said(t, audience) or self._fill("", "activities", "text")
                ),
            ),
        )
        lists = [
            self._list(words("Open promises"), facts.promises, promises),
            self._list(words("Last talks"), facts.talks, talks),
        ]
        return self._group("interactions", "activities", lines, lists)

    # Parts

    def _group(
        self, code: str, table: str | None, lines: Lines, lists: Sequence[PlanList]
    ) -> PackGroup:
        words = self.audience.words
        parts = [self.facts.source, words(f"object:{table}") if table else ""]
        return PackGroup(
            title=words(f"group:{code}"),
            source=" / ".join(filter(None, parts)),
            lines=lines,
            lists=lists,
        )

    def _list(
        self,
        title: str,
        records: Sequence[Record],
        columns: Sequence[PackColumn[Record]],
    ) -> PlanList:
        """Make a list of the first records; that there are more is said below them."""
        shown = records[:SHOWN]
        columns = [c for c in columns if c.is_always or any(map(c.cell, shown))]
        rows = [tuple(column.cell(each) for column in columns) for each in shown]
        if len(records) > SHOWN:
            more = len(records) - SHOWN
            rest = self.audience.words("... and {n} more in the CRM", n=more)
            rows.append((rest, *[""] * (len(columns) - 1)))
        return PlanList(
            title=title,
            headings=tuple(column.heading for column in columns),
            rows=rows,
            numbers=tuple(n for n, column in enumerate(columns) if column.is_number),
        )

    def _write_recorded(self, record: _Recorded) -> str:
        """Write when the record in the CRM last changed, where the CRM tells."""
        return self.audience.day(record.changed) if record.changed else ""

    def _fill(self, value: str | None, table: str, column: str) -> str:
        """Return a value, or whether it is blank or nobody said where it is kept."""
        if value:
            return shorten(value, CELL)
        is_kept = (table, column) in self.facts.mapped
        return self.audience.words("(blank)" if is_kept else "(not mapped)")
