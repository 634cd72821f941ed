"""Somebody's day in words: the same blocks on the terminal and on paper."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from handover.meeting.customer_words import (
    join,
    list_channels,
    list_gaps,
    list_matters,
    write_channel,
    write_opportunity,
    write_person,
    write_promise,
    write_talk,
)
from handover.meeting.day import DueTask, OwnEntry, PersonDay, PlannedVisit
from handover.paper.pages import page
from handover.paper.table import Table
from handover.plan.view import Audience

TEMPLATE = Path(__file__).with_name("day.html")


@dataclass(frozen=True, kw_only=True)
class DayReading:
    """Somebody's day, and who reads it."""

    day: PersonDay
    audience: Audience

    @property
    def title(self) -> str:
        """Whose day it is."""
        person = self.audience.person(self.day.person_id)
        return f"{person} · {self.audience.day(self.day.date)}"

    @property
    def sentence(self) -> str:
        """How many visits there are; of an empty day, when there are some."""
        words, day = self.audience.words, self.day
        parts = [words("Visits: {n}.", n=len(day.visits))]
        if not day.visits:
            parts = [words("No visits on this day.")]
            if not day.works:
                parts.append(words("The company is closed."))
        if not day.visits and day.elsewhere:
            days = words(", ").join(map(self.audience.day, day.elsewhere))
            parts.append(words("Days with visits next to it: {days}.", days=days))
        return " ".join(parts)

    @property
    def visits(self) -> list["VisitBlock"]:
        """The visits, each as a block of lines."""
        return [self._block(each) for each in self.day.visits]

    def _block(self, visit: PlannedVisit) -> "VisitBlock":
        words, planned = self.audience.words, visit.visit
        travel = planned.travel_minutes
        way = words("{n} minutes on the way", n=travel) if travel else ""
        return VisitBlock(
            time=f"{planned.start}-{planned.end}",
            way=way,
            customer=visit.row.account,
            url=visit.customer.url if visit.customer else None,
            plan=f"{visit.plan.id} ({words(f'state:{visit.plan.state.value}')})",
            lines=[(label, said) for label, said in self._list_lines(visit) if said],
        )

    def _list_lines(self, visit: PlannedVisit) -> Iterator[tuple[str, list[str]]]:
        """Yield what is to be known for a visit, by what it is called."""
        audience, row, customer = self.audience, visit.row, visit.customer
        words = audience.words
        yield words("Customer's answer"), [words(f"visit_state:{visit.visit.state}")]
        yield words("Place"), [write_place(visit, audience)]
        yield words("To meet"), list(_list_contacts(visit, audience))
        yield words("Who attends"), [join(_list_attendees(visit, audience), audience)]
        yield words("Why they matter"), [join(list_matters(row, audience), audience)]
        if customer is None:
            yield words("In the CRM"), [words("The CRM has this customer no more.")]
            return
        talks = [write_talk(each, audience) for each in customer.talks[:1]]
        yield words("Last talk"), talks or [words("(none recorded)")]
        yield (
            words("Open promises"),
            [write_promise(p, audience, self.day.as_of) for p in customer.promises]
            or [words("(none recorded)")],
        )
        yield (
            words("Open opportunities"),
            [
                write_opportunity(each, audience, self.day.as_of)
                for each in customer.opportunities
            ]
            or [words("(none recorded)")],
        )
        gaps = list_gaps(row, customer, audience)
        nothing = words("nothing is missing")
        yield words("To fill in"), [join(gaps, audience) if gaps else nothing]

    @property
    def besides(self) -> list[tuple[str, list[str]]]:
        """What else is that day: what plans ask, the next visits, what the CRM has."""
        words, day, audience = self.audience.words, self.day, self.audience
        prepare = [
            words(
                "{account}, {day} {start}: {n} minutes",
                account=each.row.account,
                day=audience.day(each.visit.date),
                start=each.visit.start,
                n=audience.prepare,
            )
            for each in day.prepare
        ]
        tasks = [_write_task(each, audience) for each in day.tasks]
        own = [_write_own(each, audience) for each in day.own]
        found = [
            (words("Due for the handover"), tasks),
            (words("Prepare the next visits"), prepare),
            (words("Also in the CRM"), own),
        ]
        return [(label, said) for label, said in found if said]


@dataclass(frozen=True, kw_only=True)
class VisitBlock:
    """One visit in words; ``lines`` have a label and what stands behind it."""

    time: str
    way: str
    customer: str
    url: str | None
    plan: str
    lines: Sequence[tuple[str, list[str]]]


def write_place(visit: PlannedVisit, audience: Audience) -> str:
    """Write where a visit takes place."""
    if visit.visit.online:
        return audience.words("online")
    return visit.place or audience.words("(blank)")


def _list_contacts(visit: PlannedVisit, audience: Audience) -> Iterator[str]:
    """Yield whom to meet with their channels; where there is none, the switchboard."""
    words, customer = audience.words, visit.customer
    for person in visit.contacts:
        channels = join(list_channels(person, audience), audience)
        who = write_person(person, audience)
        yield words("{who}: {channels}", who=who, channels=channels)
    if visit.contacts:
        return
    phone = customer.phone if customer else None
    number = write_channel(phone, audience) if phone else words("(blank)")
    yield words("nobody is named; the company's number: {number}", number=number)


def name_role(visit: PlannedVisit, user: str) -> str:
    """Return as what somebody attends, in the words of a plan; or nothing."""
    roles = {
        visit.plan.manager: "Manager",
        visit.row.successor_id: "Successor",
        visit.plan.predecessor: "Predecessor",
    }
    return roles.get(user, "")


def _list_attendees(visit: PlannedVisit, audience: Audience) -> Iterator[str]:
    words = audience.words
    for user in visit.visit.attendees:
        role, name = name_role(visit, user), audience.person(user)
        yield words("{name} ({known})", name=name, known=words(role)) if role else name


def _write_task(due: DueTask, audience: Audience) -> str:
    words, task = audience.words, due.task
    asked = words(f"asked:{task.purpose}", account=task.row.account)
    gaps = join(map(audience.item, task.gaps), audience)
    return f"{asked}: {gaps}" if task.gaps else asked


def _write_own(entry: OwnEntry, audience: Audience) -> str:
    words = audience.words
    kind = words(f"promise:{entry.kind}")
    known = [entry.time, kind, entry.account, entry.subject]
    return " ".join(filter(None, known))


# On the terminal and on paper


def print_day(reading: DayReading, console: Console) -> None:
    """Print somebody's day, in the order of the visits."""
    console.print(reading.title, style="bold", soft_wrap=True)
    console.print(reading.sentence, soft_wrap=True)
    for block in reading.visits:
        console.print()
        if block.way:
            console.print(f"  ↓ {block.way}", style="dim", soft_wrap=True)
        head = f"{block.time}  {block.customer}"
        console.print(head, style="bold", soft_wrap=True)
        _print_lines([*block.lines, _plan_line(block, reading)], console)
    if reading.besides:
        console.print()
        _print_lines(reading.besides, console)


def _plan_line(block: VisitBlock, reading: DayReading) -> tuple[str, list[str]]:
    return reading.audience.words("Plan"), [block.plan]


def _print_lines(lines: Sequence[tuple[str, list[str]]], console: Console) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column()
    for label, said in lines:
        for n, text in enumerate(said):
            table.add_row(f"  {label if n == 0 else ''}", text)
    console.print(table)


def day_page(readings: Sequence[DayReading]) -> str:
    """Write somebody's day as one HTML page."""
    audience = readings[0].audience
    return page(TEMPLATE, audience.words, readings=readings, mark=audience.mark)


# For machines


def dump_day(reading: DayReading) -> dict[str, Any]:
    """Return somebody's day for JSON."""
    day, audience = reading.day, reading.audience
    return {
        "source": day.source,
        "person": day.person_id,
        "person_name": audience.person(day.person_id),
        "date": day.date,
        "works": day.works,
        "visits": [_dump_visit(each, reading) for each in day.visits],
        "tasks": [
            {
                "plan": each.plan.id,
                "purpose": each.task.purpose.value,
                "account_id": each.task.row.account_id,
                "account": each.task.row.account,
                "due": each.task.due,
                "gaps": each.task.gaps,
            }
            for each in day.tasks
        ],
        "own": [asdict(each) for each in day.own],
        "prepare": [
            {
                "plan": each.plan.id,
                "account_id": each.row.account_id,
                "account": each.row.account,
                "date": each.visit.date,
                "start": each.visit.start,
                "minutes": audience.prepare,
            }
            for each in day.prepare
        ],
        "elsewhere": day.elsewhere,
    }


def _dump_visit(visit: PlannedVisit, reading: DayReading) -> dict[str, Any]:
    audience, row, planned = reading.audience, visit.row, visit.visit
    customer = visit.customer
    return {
        "plan": visit.plan.id,
        "plan_state": visit.plan.state.value,
        "account_id": row.account_id,
        "account": row.account,
        "url": customer.url if customer else None,
        "start": planned.start,
        "end": planned.end,
        "minutes": planned.minutes,
        "travel_minutes": planned.travel_minutes,
        "state": planned.state,
        "online": planned.online,
        "place": visit.place,
        "attendees": [
            {
                "id": user,
                "name": audience.person(user),
                "role": name_role(visit, user).lower() or None,
            }
            for user in planned.attendees
        ],
        "contacts": [asdict(each) for each in visit.contacts],
        "why": {
            "customer_class": row.customer_class,
            "reasons": row.reasons,
            "value": row.value,
            "text": list(list_matters(row, audience)),
        },
        "last_talk": (
            asdict(customer.talks[0]) if customer and customer.talks else None
        ),
        "promises": [
            {**asdict(each), "overdue": each.is_overdue(reading.day.as_of)}
            for each in (customer.promises if customer else ())
        ],
        "opportunities": [
            asdict(each) for each in (customer.opportunities if customer else ())
        ],
        "gaps": list_gaps(row, customer, audience),
    }
