"""Mails to the customers of a plan, as drafts: from whom, to whom, and in which words.

First the predecessor thanks and names who follows, then the successor introduces
themself. Where the predecessor is absent, the manager writes in their place.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from handover.ledger.states import Mode
from handover.meeting.customer import CustomerFacts, CustomerPerson
from handover.mirror.people import People, Person
from handover.paper.mail_file import Mailbox
from handover.plan.model import Plan, Row
from handover.plan.view import Audience
from mappings.reachable import find_address
from mappings.text import Placeholders

By = Literal["predecessor", "manager", "successor"]
Obstacle = Literal["held", "carried_out", "declined", "visited", "successor"]
SUBJECTS: Mapping[By, str] = {
    "predecessor": "mail-subject:leaving",
    "manager": "mail-subject:leaving",
    "successor": "mail-subject:coming",
}


@dataclass(frozen=True, kw_only=True)
class MailDraft:
    """One mail. ``to`` is None where nobody's address may be used."""

    account_id: str
    account: str
    by: By
    sender: Person
    sender_box: Mailbox | None
    to: Mailbox | None
    subject: str
    text: str


@dataclass(frozen=True, kw_only=True)
class NoMail:
    """A customer who gets no mail.

    ``why``: ``held`` with the predecessor, ``carried_out``, the visit is ``visited`` or
    ``declined``, or no ``successor`` is named.
    """

    account_id: str
    account: str
    why: Obstacle


@dataclass(frozen=True, kw_only=True)
class MailOffice:
    """What all mails of a plan have in common.

    ``honorific``: what stands behind a company's name. ``placeholders``: what is no
    address.
    """

    plan: Plan
    people: People
    audience: Audience
    honorific: str
    placeholders: Placeholders
    as_of: dt.date

    def write(
        self, rows: Iterable[Row], customers: Mapping[str, CustomerFacts]
    ) -> tuple[list[MailDraft], list[NoMail]]:
        """Write the mails of some customers, and say who gets none."""
        drafts: list[MailDraft] = []
        none: list[NoMail] = []
        for row in rows:
            why = self._find_obstacle(row)
            if why is not None:
                none.append(
                    NoMail(account_id=row.account_id, account=row.account, why=why)
                )
                continue
            drafts += self._write_both(row, customers.get(row.account_id))
        return drafts, none

    def _find_obstacle(self, row: Row) -> Obstacle | None:
        if row.is_carried_out:
            return "carried_out"
        if row.mode is Mode.HOLD and row.visit is None:
            return "held"
        if row.is_declined:
            return "declined"
        if row.visit is not None and row.visit.date < self.as_of:
            return "visited"
        return None if row.successor_id else "successor"

    def _write_both(self, row: Row, facts: CustomerFacts | None) -> Iterator[MailDraft]:
        to = find_receiver(row, facts)
        first: By = "predecessor"
        if self.plan.absent or not self.people.is_active(self.plan.predecessor):
            first = "manager"
        leaving = self._find_person(getattr(self.plan, first))
        yield self._write_one(row, first, (leaving, leaving), to)
        coming = self._find_person(row.successor_id)
        yield self._write_one(row, "successor", (coming, leaving), to)

    def _find_person(self, user: str | None) -> Person:
        name = self.people.name(user)
        return self.people.user(user) or Person(id=user or "", name=name)

    def _write_one(
        self,
        row: Row,
        by: By,
        people: tuple[Person, Person],
        to: CustomerPerson | None,
    ) -> MailDraft:
        """Write one mail; ``people``: who sends it, and who is there until then."""
        words, (sender, until) = self.audience.words, people
        box = self._find_box(to.name or "", to.usable_email) if to else None
        successor = self._find_person(row.successor_id)
        predecessor = self._find_person(self.plan.predecessor)
        told = {
            "sender": self._introduce(sender),
            "sender_contact": self._sign(sender),
            "until_contact": self._sign(until),
            "predecessor": self._introduce(predecessor),
            "predecessor_name": predecessor.name,
            "successor": self._introduce(successor),
            "successor_name": successor.name,
            "successor_contact": self._sign(successor),
            "effective": self.audience.day(self._find_day(row)),
            **self._describe_visit(row),
        }
        how = "informed" if row.visit is None else "met"
        if row.is_agreed:
            how = "agreed"
        parts = [
            f"mail:{by}",
            f"mail:{by}-{how}",
            *(["mail:appointment"] if how != "informed" else []),
            f"mail:{by}-end",
        ]
        texts = [self._address(row, to), *(words(part, **told) for part in parts)]
        return MailDraft(
            account_id=row.account_id,
            account=row.account,
            by=by,
            sender=sender,
            sender_box=self._find_box(sender.name, sender.email),
            to=box,
            subject=mark(words(SUBJECTS[by], **told), self.audience),
            text="\n\n".join(texts) + "\n",
        )

    def _address(self, row: Row, to: CustomerPerson | None) -> str:
        """Return how a mail begins: with a person's name, else with the company's."""
        words, company = self.audience.words, row.account
        if to is not None and to.is_named:
            return words("mail:to-person", account=company, name=to.name)
        honorific = words(f"honorific:{self.honorific}")
        return words("mail:to-company", account=company, honorific=honorific)

    def _introduce(self, person: Person) -> str:
        """Return somebody's name with their team and title, as far as known."""
        known = " ".join(filter(None, (person.team, person.title)))
        if not known:
            return person.name
        return self.audience.words("mail:of-team", team=known, name=person.name)

    def _sign(self, person: Person) -> str:
        """Return a name with the number and address under which somebody is reached."""
        known = (self._introduce(person), person.phone, person.email)
        return " ".join(filter(None, known))

    def _find_day(self, row: Row) -> dt.date:
        until = row.until if row.mode is Mode.HOLD else None
        return until or row.effective or self.plan.effective

    def _describe_visit(self, row: Row) -> dict[str, object]:
        visit = row.visit
        if visit is None:
            return {}
        words = self.audience.words
        place = words("online") if visit.online else visit.place
        people = map(self.people.name, visit.attendees)
        return {
            "day": self.audience.day(visit.date),
            "start": visit.start,
            "end": visit.end,
            "place": place or words("at the customer's"),
            "attendees": words(", ").join(people),
        }

    def _find_box(self, name: str, cell: str | None) -> Mailbox | None:
        address = find_address(cell, self.placeholders) if cell else None
        return Mailbox(name=name, address=address) if address else None


def mark(text: str, audience: Audience) -> str:
    """Return a text that says in a rehearsal that it is one."""
    return f"[{audience.words('REHEARSAL')}] {text}" if audience.mark else text


def find_receiver(row: Row, facts: CustomerFacts | None) -> CustomerPerson | None:
    """Find to whom of a customer one writes: whom one meets, else who decides.

    Of these, the first who has an address that may be used; else the first.
    """
    if facts is None:
        return None
    met = facts.list_met(row.visit.contact_ids) if row.visit else []
    there = [*met, *(each for each in facts.people if not each.has_left)]
    with_address = (each for each in there if each.usable_email)
    return next(with_address, there[0] if there else None)
