"""What is left in somebody's name, in words: the same on the terminal and on paper."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from handover.follow.covers import STANDINGS, Standing
from handover.follow.leaver import Leaver, NamingPlan
from handover.follow.records import KINDS, Kind, LeftRecord
from handover.ledger.states import RUNNING_STATES
from handover.paper.dates import money, number
from handover.paper.pages import page
from handover.paper.signs import BAD, DOUBTFUL, GOOD
from handover.plan.plan_list import PlanList
from handover.plan.terminal import lay_out
from handover.plan.view import Audience

TEMPLATE = Path(__file__).with_name("leaver.html")
SHOWN = 40
"""Records of a kind that the terminal lists; page, workbook and JSON have all."""
SIGNS = {"approved": GOOD, "planned": DOUBTFUL, "nobody": BAD}
DATED: dict[Kind, str] = {
    "opportunities": "Expected close",
    "requests": "Due",
    "tasks": "Due",
    "events": "Day",
}
"""By kind of record, what its date is called."""


@dataclass(frozen=True, kw_only=True)
class LeaverReading:
    """One source's answer, and who reads it."""

    leaver: Leaver
    audience: Audience
    zone: ZoneInfo

    @property
    def title(self) -> str:
        """Whose name it is about, and in which CRM."""
        person, words = self.leaver.person, self.audience.words
        title = words("Still in the name of {name}", name=person.name)
        state = "" if person.is_active else f" ({words('inactive')})"
        return f"{title}{state}, {self.leaver.source}"

    @property
    def age(self) -> str:
        """How old the mirror is."""
        at = self.leaver.synced_at.astimezone(self.zone)
        return self.audience.words(
            "As synced on {at}, with what handover has reassigned since.",
            at=f"{at:%Y-%m-%d %H:%M}",
        )

    @property
    def counts(self) -> Counter[Standing]:
        """How many records there are, by what plans make of them."""
        return Counter(record.standing for record in self.leaver.records)

    @property
    def sentence(self) -> str:
        """The sum in one sentence."""
        words, counts = self.audience.words, self.counts
        if self.leaver.is_free:
            return words(
                "Nothing is left: they own no record and no plan waits for them."
            )
        if not self.leaver.records:
            return words("They own no record, but plans still count on them.")
        return words(
            "Of {total} records an approved plan gives {approved} to somebody,"
            " {planned} are planned and not approved, and nobody takes {nobody}.",
            total=self._number(counts.total()),
            **{standing: self._number(counts[standing]) for standing in STANDINGS},
        )

    @property
    def numbers(self) -> list[tuple[str, str]]:
        """How many records there are of each kind, with its name."""
        kinds = Counter(record.kind for record in self.leaver.records)
        words = self.audience.words
        return [(self._number(kinds[k]), words(f"left:{k}")) for k in KINDS]

    def _number(self, count: int) -> str:
        return number(count, self.audience.words.language)


# Lists


def list_kinds(reading: LeaverReading) -> Iterator[PlanList]:
    """Yield a list for each kind of record of which there are any."""
    for kind in KINDS:
        records = reading.leaver.list_of(kind)
        if records:
            yield _list_kind(kind, records, reading.audience)


def _list_kind(
    kind: Kind, records: Sequence[LeftRecord], audience: Audience
) -> PlanList:
    words = audience.words
    has_customer, has_amount = kind != "accounts", kind == "opportunities"
    dated = DATED.get(kind)
    headings = (
        words("Name"),
        *([words("Customer")] if has_customer else []),
        *([words("Amount")] if has_amount else []),
        *([words(dated)] if dated else []),
        words("Who takes over"),
    )
    rows = [
        (
            record.name or record.id,
            *([record.account or "-"] if has_customer else []),
            *([_write_amount(record, audience)] if has_amount else []),
            *([str(record.date or "-")] if dated else []),
            write_cover(record, audience),
        )
        for record in records
    ]
    return PlanList(
        title=f"{words(f'left:{kind}')} ({number(len(records), words.language)})",
        headings=headings,
        rows=rows,
        numbers=(2,) if has_amount else (),
    )


def _write_amount(record: LeftRecord, audience: Audience) -> str:
    if record.amount is None:
        return "-"
    return money(record.amount, record.currency or "", audience.words.language)


def write_cover(record: LeftRecord, audience: Audience) -> str:
    """Write who takes a record over, when, and by which plan; or that nobody does."""
    words, cover, sign = audience.words, record.cover, SIGNS[record.standing]
    if cover is None:
        return f"{sign} {words('nobody takes it')}"
    counts_no_more = cover.state in RUNNING_STATES and not cover.is_in_force
    state = words(f"state:{cover.state}")
    if counts_no_more:
        state = words("{state}, the approval counts no more", state=state)
    plan = words("{plan}, {state}", plan=cover.plan, state=state)
    if cover.successor_id is None:
        why = "a task of this plan: {plan}"
        if record.kind == "events":
            why = "takes place before: {plan}"
        return f"{sign} {words(why, plan=plan)}"
    to = f"{audience.person(cover.successor_id)} {cover.on or ''}".strip()
    if not cover.is_successor_active:
        to = words("nobody, as {person} is no longer active", person=to)
    return f"{sign} {to} ({plan})"


def list_plans(plans: Sequence[NamingPlan], audience: Audience) -> PlanList:
    """List the plans that count on somebody."""
    words = audience.words
    return PlanList(
        title=words("Plans that still count on them"),
        headings=(words("Plan"), words("State"), words("Predecessor"), words("As")),
        rows=[
            (
                each.plan,
                words(f"state:{each.state}"),
                audience.person(each.predecessor_id),
                ", ".join(words(f"role:{role}") for role in each.roles),
            )
            for each in plans
        ],
        whole=(0,),
    )


def list_named(reading: LeaverReading) -> Iterator[str]:
    """Yield where else the CRM names somebody."""
    words, named = reading.audience.words, reading.leaver.named
    if named.reports:
        people = ", ".join(map(reading.audience.person, named.reports))
        yield words("Manager of: {people}", people=people)
    if named.account_teams:
        yield words("Member of the teams of {n} customers", n=named.account_teams)
    if named.opportunity_teams:
        yield words(
            "Member of the teams of {n} opportunities", n=named.opportunity_teams
        )


def list_unknown(reading: LeaverReading) -> Iterator[str]:
    """Yield what the mirror cannot know."""
    words, unknown = reading.audience.words, reading.leaver.unknown
    if unknown.tables:
        tables = ", ".join(words(f"left:{table}") for table in unknown.tables)
        yield words(
            "Whose these are is not mapped or not shown: {tables}", tables=tables
        )
    for table, n in unknown.unread.items():
        what = words(f"left:{table}")
        yield words("{what}: the owner of {n} could not be read", what=what, n=n)
    if unknown.fields:
        fields = ", ".join(unknown.fields)
        yield words(
            "Further fields with owners, read at reassign: {fields}", fields=fields
        )
    for place in unknown.places:
        yield words(f"place:{place}")


# Terminal and page


def print_left(reading: LeaverReading, console: Console) -> None:
    """Print what is left in one source; the sum first."""
    leaver, words = reading.leaver, reading.audience.words
    console.print(reading.title, style="bold")
    console.print(reading.sentence)
    console.print("  " + ", ".join(f"{name} {n}" for n, name in reading.numbers))
    console.print(reading.age)
    for table in list_kinds(reading):
        console.print()
        console.print(lay_out(_shorten(table)))
        if len(table.rows) > SHOWN:
            console.print(
                "  "
                + words(
                    "and {n} more: handover leaver {user} --format xlsx",
                    n=len(table.rows) - SHOWN,
                    user=leaver.person.id,
                )
            )
    if leaver.plans:
        console.print()
        console.print(lay_out(list_plans(leaver.plans, reading.audience)))
    _print_lines(words("Named elsewhere"), list_named(reading), console)
    _print_lines(words("What cannot be seen from here"), list_unknown(reading), console)


def _shorten(table: PlanList) -> PlanList:
    return PlanList(
        title=table.title,
        headings=table.headings,
        rows=table.rows[:SHOWN],
        numbers=table.numbers,
    )


def _print_lines(title: str, lines: Iterator[str], console: Console) -> None:
    found = list(lines)
    if found:
        console.print()
        console.print(title)
        for line in found:
            console.print(f"  - {line}")


def left_page(readings: Sequence[LeaverReading]) -> str:
    """Return one HTML page of all sources."""
    return page(
        TEMPLATE,
        readings[0].audience.words,
        mark=readings[0].audience.mark,
        readings=[
            {
                "title": reading.title,
                "age": reading.age,
                "sentence": reading.sentence,
                "is_free": reading.leaver.is_free,
                "numbers": reading.numbers,
                "tables": [
                    *list_kinds(reading),
                    *(
                        [list_plans(reading.leaver.plans, reading.audience)]
                        if reading.leaver.plans
                        else []
                    ),
                ],
                "named": list(list_named(reading)),
                "unknown": list(list_unknown(reading)),
            }
            for reading in readings
        ],
    )
