"""What came of a handover in words: on the terminal, on paper and in a mail."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from handover.follow.open_items import OpenItem
from handover.follow.report import Report, ReportRow
from handover.follow.report_words import (
    dump_open,
    group_by_customer,
    group_open,
    list_remarks,
    write_actual,
    write_items,
    write_planned,
    write_word,
)
from handover.meeting.flags import FullDay
from handover.paper.mail_file import Mailbox, write_mail
from handover.paper.pages import page
from handover.paper.signs import NOT_GRADED
from handover.plan.plan_list import PlanList
from handover.plan.terminal import lay_out
from handover.plan.view import Audience, name_decider

TEMPLATE = Path(__file__).with_name("report.html")


@dataclass(frozen=True, kw_only=True)
class ReportReading:
    """A report, and who reads it; ``people`` are the customers' people by id."""

    report: Report
    audience: Audience
    zone: ZoneInfo
    people: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """Which plan it is about."""
        return self.audience.words("Handover report: {id}", id=self.report.plan.id)

    @property
    def head(self) -> list[tuple[str, str]]:
        """Who handed over to whom, when, and what was decided at the end."""
        plan, audience = self.report.plan, self.audience
        words, day = audience.words, audience.day
        dates = [each for each, _ in plan.dates] or [plan.effective]
        successors = words(", ").join(map(audience.person, plan.successors))
        period = words("{first} to {last}", first=day(plan.start), last=day(plan.end))
        lines = [
            (words("Predecessor"), audience.person(plan.predecessor)),
            (words("Successor"), successors),
            (words("Manager"), audience.person(plan.manager)),
            (words("Period"), period),
            (words("Owners change on"), words(", ").join(map(day, dates))),
            (words("State"), words(f"state:{plan.state.value}")),
        ]
        left_out = sum(row.actual == "excluded" for row in self.report.rows)
        if left_out:
            lines.append((words("mode:exclude"), words("{n} accounts", n=left_out)))
        return [*lines, *self._list_decided()]

    def _list_decided(self) -> Iterator[tuple[str, str]]:
        for made in (
            self.report.find_decision("report"),
            self.report.find_decision("close"),
        ):
            if made is not None:
                at = f"{made.by.at.astimezone(self.zone):%Y-%m-%d %H:%M}"
                who = name_decider(made, self.audience)
                said = self.audience.words("{who}, {at}", who=who, at=at)
                reason = f": {made.by.reason}" if made.by.reason else ""
                label = self.audience.words(f"decision:{made.decision}")
                yield label, f"{said}{reason}"

    @property
    def numbers(self) -> list[tuple[str, str]]:
        """The sums, each with what it counts."""
        report, words = self.report, self.audience.words
        rows = [row for row in report.rows if row.actual != "excluded"]
        met = sum(each.row.is_met for each in rows)
        given = sum(each.row.is_carried_out for each in rows)
        accepted = sum(bool(each.accepted) for each in rows)
        found = sum(each.found_out for each in rows)
        return [
            (f"{report.count('met')}/{met}", words("Met of planned")),
            (str(report.count("missed")), words("Missed")),
            (f"{accepted}/{len(rows)}", words("Accepted")),
            (f"{given}/{len(rows)}", words("Owner changed")),
            (str(found), words("Items confirmed or corrected")),
            (str(len(report.open)), words("Still open")),
        ]

    @property
    def sentence(self) -> str:
        """Whether anything is left to be done."""
        words, report = self.audience.words, self.report
        if report.unreported:
            n = len(report.unreported)
            return words("Of {n} customers there is no result yet.", n=n)
        if report.open:
            return words("{n} items are still open.", n=len(report.open))
        return words("Nothing is open.")

    @property
    def needs(self) -> str | None:
        """What customers could use, in one sentence; None where nothing was heard."""
        needs = self.report.needs
        if not needs.count:
            return None
        amount = self.audience.money(needs.amount)
        return self.audience.words(
            "Needs heard from customers: {n}, worth {amount}.",
            n=needs.count,
            amount=amount,
        )

    @property
    def age(self) -> str:
        """As of when it is, and how old the facts of the CRM are."""
        at = self.report.synced_at.astimezone(self.zone)
        return self.audience.words(
            "As of {day}; facts of the CRM as synced on {at}. Plan version {version}.",
            day=self.audience.day(self.report.as_of),
            at=f"{at:%Y-%m-%d %H:%M}",
            version=self.report.plan.version,
        )


# Lists


def list_tables(reading: ReportReading) -> list[PlanList]:
    """List the tables of a report: customers, what is open, days that were too full."""
    report = reading.report
    tables = [list_customers(reading)]
    if report.open:
        tables.append(list_open_items(report.open, reading.audience))
    if report.full_days:
        tables.append(_list_days(report.full_days, reading.audience))
    return tables


def list_customers(reading: ReportReading) -> PlanList:
    """List plan against actual, customer by customer; who was left out is not."""
    audience = reading.audience
    headings = (
        *("Customer", "As planned", "Actual", "Items answered", "Yield"),
        *("Taken over", "Owner change", "Remarks"),
    )
    rows = [
        (
            each.row.account,
            write_planned(each, audience),
            write_actual(each, audience),
            write_items(each, audience),
            str(each.found_out) if each.row.is_met else NOT_GRADED,
            write_word(each, audience),
            audience.short_day(each.given_on),
            " / ".join(list_remarks(each, reading.people, audience)) or NOT_GRADED,
        )
        for each in reading.report.rows
        if each.actual != "excluded"
    ]
    return PlanList(
        title=audience.words("Plan and actual"),
        headings=tuple(map(audience.words, headings)),
        rows=rows,
        numbers=(4,),
    )


def list_open_items(found: Sequence[OpenItem], audience: Audience) -> PlanList:
    """List what is open, one line for each customer."""
    words = audience.words
    return PlanList(
        title=words("What is open ({n})", n=len(found)),
        headings=tuple(map(words, ("Customer", "Left to do"))),
        rows=[
            (customer, " / ".join(group_open(ours, audience)))
            for customer, ours in group_by_customer(found, audience)
        ],
    )


def _list_days(days: Sequence[FullDay], audience: Audience) -> PlanList:
    words = audience.words
    return PlanList(
        title=words("Days with more than a day holds"),
        headings=tuple(
            map(words, ("Day", "Met by", "Customers of limit", "People of limit"))
        ),
        rows=[
            (
                audience.day(each.date),
                audience.person(each.person_id),
                f"{len(each.accounts)} / {each.most_visits}",
                f"{each.people} / {each.most_people}",
            )
            for each in days
        ],
        numbers=(2, 3),
    )


# Terminal, page, mail, machines


def print_report(reading: ReportReading, console: Console) -> None:
    """Print a report; the sums first."""
    console.print(reading.title, style="bold")
    for label, value in reading.head:
        console.print(f"  {label}: {value}", soft_wrap=True)
    sums = (f"{name} {n}" for n, name in reading.numbers)
    console.print("  " + reading.audience.words(", ").join(sums), soft_wrap=True)
    console.print(reading.sentence)
    for table in list_tables(reading):
        console.print()
        console.print(lay_out(table))
    if reading.needs:
        console.print(reading.needs)


def report_page(reading: ReportReading) -> str:
    """Return a report as an HTML page to be signed."""
    return page(
        TEMPLATE,
        reading.audience.words,
        mark=reading.audience.mark,
        it=reading,
        tables=list_tables(reading),
        is_done=not (reading.report.open or reading.report.unreported),
        person=reading.audience.person,
        plan=reading.report.plan,
    )


def report_mail(
    reading: ReportReading,
    *,
    sender: tuple[str, Mailbox | None],
    manager: tuple[str, Mailbox | None],
) -> bytes:
    """Return the draft of a mail to the manager, with the page attached.

    Args:
        reading: the report.
        sender: the name and, if known, the address of whoever reports.
        manager: those of the manager.
    """
    words, plan = reading.audience.words, reading.report.plan
    subject = words("report-mail:subject", plan=plan.id)
    mark = f"[{words('REHEARSAL')}] " if reading.audience.mark else ""
    parts = [
        words("report-mail:to", name=manager[0]),
        words("report-mail:text", plan=plan.id),
        "\n".join(f"{name}: {n}" for n, name in reading.numbers),
        reading.sentence,
        *([_write_open(reading)] if reading.report.open else []),
        words("report-mail:end", name=sender[0]),
    ]
    return write_mail(
        sender=sender[1],
        to=manager[1],
        subject=f"{mark}{subject}",
        text="\n\n".join(parts) + "\n",
        pages={f"{plan.id}.html": report_page(reading)},
    )


def _write_open(reading: ReportReading) -> str:
    audience = reading.audience
    return "\n".join(
        f"- {customer}: {' / '.join(group_open(ours, audience))}"
        for customer, ours in group_by_customer(reading.report.open, audience)
    )


def dump_report(reading: ReportReading) -> dict[str, Any]:
    """Return a report for JSON."""
    report, audience = reading.report, reading.audience
    return {
        "rows": [_dump_row(each, audience) for each in report.rows],
        "over_limit_days": [asdict(each) for each in report.full_days],
        "open": [dump_open(each, audience) for each in report.open],
        "unreported": [row.account_id for row in report.unreported],
        "needs": {"count": report.needs.count, "amount": float(report.needs.amount)},
    }


def _dump_row(each: ReportRow, audience: Audience) -> dict[str, Any]:
    row, word = each.row, each.word
    visit = row.visit and {
        "date": row.visit.date,
        "start": row.visit.start,
        "end": row.visit.end,
        "attendees": row.visit.attendees,
        "held_on": each.held_on,
        "persons": each.persons,
        "recorded_by": each.told_by,
        "missed": [asdict(missed) for missed in each.missed],
    }
    return {
        "account_id": row.account_id,
        "account": row.account,
        "planned": row.mode.value,
        "actual": each.actual,
        "visit": visit,
        "items": asdict(each.items),
        "yield": each.found_out,
        "flags": [
            {"code": flag.code, "why": audience.words.phrase(flag.why)}
            for flag in each.flags
        ],
        "successor_id": row.successor_id,
        "accepted": each.accepted,
        "accepted_reason": word.reason if word else None,
        "owner_changed": row.is_carried_out,
        "owner_changed_on": each.given_on,
        "owner_elsewhere": each.owner_elsewhere,
        "waivers": [
            {"item": w.item, "reason": w.reason, "by": w.person_id}
            for w in each.waivers
        ],
    }
