"""A customer in words: who they are, why they matter, what is open with them."""

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal

from handover.meeting.customer import (
    Channel,
    CustomerFacts,
    CustomerPerson,
    OpenOpportunity,
    Promise,
    Talk,
)
from handover.paper.dates import money, number
from handover.paper.signs import BAD
from handover.plan.model import Row
from handover.plan.selection import DECIDED, KEY_CLASSES, NOT_NAMED
from handover.plan.view import Audience

TOLD_BY_CLASS = "M1"
"""The rule whose reason is the customer's class, which is named itself."""
FIRST_WORDS = 120
"""Characters of a talk or a text that are shown of it."""


def list_matters(row: Row, audience: Audience) -> Iterator[str]:
    """Yield why a customer matters: class, reasons, value, and what a person said."""
    words = audience.words
    if row.customer_class in KEY_CLASSES:
        yield words(f"class:{row.customer_class}")
    for code in row.reasons:
        if code not in (TOLD_BY_CLASS, DECIDED, NOT_NAMED):
            yield words(f"matters:{code}")
    if row.value:
        amount = audience.money(row.value)
        yield words("purchases and open business {amount}", amount=amount)
    if DECIDED in row.reasons and row.reason:
        person = audience.person(row.mode_by)
        yield words("decided by {person}: {reason}", person=person, reason=row.reason)


def list_gaps(
    row: Row, customer: CustomerFacts | None, audience: Audience
) -> list[str]:
    """List by name what is to be filled in still; what somebody does without is not."""
    gaps = row.gaps if customer is None else customer.gaps
    return [audience.item(each) for each in gaps if each not in row.waived]


# People


def write_person(person: CustomerPerson, audience: Audience) -> str:
    """Write who somebody is: name, title, department, role, and that they decide."""
    words = audience.words
    parts = [person.title, person.department, person.role]
    if person.decides:
        parts.append(words("decides"))
    if person.has_left:
        parts.append(words("has left"))
    known = words(", ").join(dict.fromkeys(filter(None, parts)))
    name = person.name or words("(no name)")
    if person.name and not person.is_named:
        parts.insert(0, words("channel:placeholder"))
    return words("{name} ({known})", name=name, known=known) if known else name


def list_channels(person: CustomerPerson, audience: Audience) -> Iterator[str]:
    """Yield how to reach somebody, and how they would like to be."""
    words = audience.words
    for channel in (person.phone, person.mobile, person.email):
        if channel is not None:
            yield write_channel(channel, audience)
    if person.preferred_channel:
        yield words("prefers {channel}", channel=person.preferred_channel)


def write_channel(channel: Channel, audience: Audience) -> str:
    """Write a number or address; with what is wrong with it, where it is of no use."""
    if channel.trouble is None:
        return channel.value
    trouble = audience.words(f"channel:{channel.trouble}")
    return f"{channel.value} ({trouble})"


# What is open


def write_promise(promise: Promise, audience: Audience, as_of: dt.date) -> str:
    """Write what the customer waits for, from whom, and by when."""
    words = audience.words
    return words(
        "{due} {kind}: {subject} ({owner})",
        due=write_by(promise.due, audience, as_of),
        kind=words(f"promise:{promise.kind}"),
        subject=shorten(promise.subject) or "-",
        owner=audience.person(promise.owner_id),
    )


def write_by(date: dt.date | None, audience: Audience, as_of: dt.date) -> str:
    """Write by when something is due; what is overdue says so."""
    words = audience.words
    if date is None:
        return words("no date")
    day = audience.day(date)
    return f"{BAD} {words('overdue since {day}', day=day)}" if date < as_of else day


def write_opportunity(
    opportunity: OpenOpportunity, audience: Audience, as_of: dt.date
) -> str:
    """Write an opportunity with its stage, its amount and its next step."""
    words = audience.words
    amount = write_money(opportunity.amount, opportunity.currency, audience)
    head = words(", ").join(filter(None, [opportunity.stage, amount]))
    return words(
        "{name} ({head}); next: {step}; close: {close}",
        name=opportunity.name or opportunity.id,
        head=head or "-",
        step=write_next_step(opportunity, audience, as_of),
        close=write_by(opportunity.close_date, audience, as_of),
    )


def write_next_step(of: OpenOpportunity, audience: Audience, as_of: dt.date) -> str:
    """Write the next step of an opportunity, and by when it is to be taken."""
    step = shorten(of.next_step) or audience.words("(blank)")
    if of.next_step_date is None:
        return step
    by = write_by(of.next_step_date, audience, as_of)
    if of.next_step_date < as_of:
        return audience.words("{name} ({known})", name=step, known=by)
    return audience.words("{step}, by {day}", step=step, day=by)


def write_money(amount: Decimal | None, currency: str | None, reader: Audience) -> str:
    """Write an amount in its own currency; nothing where there is none."""
    if amount is None:
        return ""
    return money(amount, currency or reader.currency, reader.words.language)


def write_number(value: Decimal | None, audience: Audience) -> str:
    """Write a number; nothing where there is none."""
    return "" if value is None else number(value, audience.words.language)


# What was said


def write_talk(talk: Talk, audience: Audience) -> str:
    """Write when somebody talked with whom, and the first words of it."""
    words = audience.words
    said = write_said(talk, audience)
    head = words(
        "{day} {kind}, {who}",
        day=audience.day(talk.date),
        kind=words(f"talk:{talk.kind}"),
        who=write_talkers(talk, audience),
    )
    return f"{head}: {said}" if said else head


def write_said(talk: Talk, audience: Audience) -> str:
    """Write the first words of a talk; a subject that only repeats its kind is none."""
    kinds = (talk.kind, audience.words(f"talk:{talk.kind}"))
    subject = None if talk.subject in kinds else talk.subject
    text = talk.text or ""
    if subject is None or text.startswith(subject):
        return shorten(text)
    return shorten(f"{subject}: {text}" if text else subject)


def write_talkers(talk: Talk, audience: Audience) -> str:
    """Write who talked with whom."""
    ours = audience.person(talk.owner_id)
    theirs = audience.words(", ").join(talk.persons)
    if not theirs:
        return ours
    return audience.words("{ours} with {theirs}", ours=ours, theirs=theirs)


def shorten(text: str | None, longest: int = FIRST_WORDS) -> str:
    """Return the first words of a text; that it goes on is shown."""
    if text is None:
        return ""
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()}…"


def join(parts: Iterable[str], audience: Audience) -> str:
    """Join parts of a list; nothing is a dash."""
    return audience.words(", ").join(parts) or "-"
