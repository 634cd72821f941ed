"""A plan as people read it: the same tables on the terminal and on paper."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as Grid

from handover.i18n import Words
from handover.paper.dates import day, money, number, short_day
from handover.paper.inert import plain
from handover.plan.approval import is_key_or_priority
from handover.plan.changes import Change, Drift
from handover.plan.model import Mode, Plan, Row
from handover.plan.selection import DECIDED, NOT_NAMED, RULES

Cells = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """One list of a plan.

    ``numbers`` are the columns that hold amounts, ``on_paper`` those for which a
    terminal has no room.
    """

    title: str
    headings: Cells
    rows: Sequence[Cells]
    numbers: tuple[int, ...] = ()
    on_paper: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Who reads: his words, and what turns ids into names."""

    words: Words
    name: Callable[[str], str]
    currency: str
    prepare: int = 0
    """Minutes of preparation for each account that is met."""

    def person(self, user: str | None) -> str:
        """Name a user; nobody is a dash."""
        return self.name(user) if user else "-"

    def day(self, date: dt.date | None) -> str:
        """Write a day with its weekday."""
        return day(date, self.words.language) or "-"

    def short_day(self, date: dt.date | None) -> str:
        """Write a day whose year is known."""
        return short_day(date, self.words.language) or "-"

    def money(self, amount: object) -> str:
        """Write an amount in the default currency."""
        return money(amount, self.currency, self.words.language)  # type: ignore[arg-type]  # a Money field


def counts(plan: Plan) -> Counter[Mode]:
    """Count the rows by what happens with them."""
    return Counter(row.mode for row in plan.rows)


def head(plan: Plan, reader: Reader) -> list[tuple[str, str]]:
    """List what stands at the top of a plan, as label and value."""
    words = reader.words
    shortest = words("no period suffices")
    if plan.minimum_days is not None:
        shortest = words(
            "{days} working days, until {end}",
            days=plan.minimum_days,
            end=reader.day(plan.minimum_end),
        )
    met = counts(plan)[Mode.MEET]
    return [
        (words("Predecessor"), _predecessor(plan, reader)),
        (words("Successor"), ", ".join(map(reader.person, plan.successors)) or "-"),
        (words("Manager"), reader.person(plan.manager)),
        (words("Author"), reader.person(plan.author)),
        (words("Period"), f"{reader.day(plan.start)} - {reader.day(plan.end)}"),
        (words("Shortest period"), shortest),
        (words("Announced on"), reader.day(plan.announce)),
        (words("Owners change on"), reader.day(plan.effective)),
        (
            words("Preparation"),
            words("{minutes} minutes", minutes=met * reader.prepare),
        ),
    ]


def _predecessor(plan: Plan, reader: Reader) -> str:
    name = reader.person(plan.predecessor)
    return f"{name} ({reader.words('absent')})" if plan.absent else name


def tables(plan: Plan, reader: Reader) -> list[Table]:
    """List the parts of a plan that are not empty, in the order they are decided."""
    found = (
        _met(plan, reader),
        _informed(plan, reader),
        _held(plan, reader),
        _excluded(plan, reader),
        _loose(plan, reader),
        _overflow(plan, reader),
        _options(plan, reader),
    )
    return [table for table in found if table.rows]


def _met(plan: Plan, reader: Reader) -> Table:
    words = reader.words
    rows = [row for row in plan.rows if row.mode is Mode.MEET]
    rows.sort(key=lambda row: (_when(row), row.account_id))
    return Table(
        title=words("Met in person"),
        headings=(
            words("Day"),
            words("Time"),
            words("Customer"),
            words("Place"),
            words("Successor"),
            words("Why"),
            words("Value"),
            words("Manager attends"),
            words("Gaps"),
            words("To be completed"),
        ),
        rows=[_met_row(row, reader) for row in rows],
        numbers=(6, 8),
        on_paper=(3, 4, 9),
    )


def _when(row: Row) -> tuple[dt.date, str]:
    if row.visit is None:
        return dt.date.max, ""
    return row.visit.date, row.visit.start


def _met_row(row: Row, reader: Reader) -> Cells:
    words, visit = reader.words, row.visit
    place = words("online") if visit and visit.online else visit and visit.place
    return (
        reader.short_day(visit.date) if visit else words("no slot"),
        f"{visit.start}-{visit.end}" if visit else "-",
        row.account,
        place or "-",
        reader.person(row.successor_id),
        _why(row),
        reader.money(row.value),
        _attendance(row, words),
        str(len(_gaps(row))),
        _listed(row, words),
    )


def _attendance(row: Row, words: Words) -> str:
    if row.co_attendance == "undecided" and not is_key_or_priority(row.reasons):
        return "-"
    return (
        words("to be decided")
        if row.co_attendance == "undecided"
        else words(f"attendance:{row.co_attendance}")
    )


def _why(row: Row) -> str:
    return " ".join(row.reasons)


def _gaps(row: Row) -> list[str]:
    return [gap for gap in row.gaps if gap not in row.waived]


def _listed(row: Row, words: Words) -> str:
    return ", ".join(item_name(gap, words) for gap in _gaps(row)) or "-"


def item_name(code: str, words: Words) -> str:
    """Name an item; a company's own is known by its code."""
    key = f"item:{code}"
    return words(key) if words.has(key) else code


def _informed(plan: Plan, reader: Reader) -> Table:
    words = reader.words
    return Table(
        title=words("Information only"),
        headings=(
            words("Customer"),
            words("Successor"),
            words("Why"),
            words("Value"),
            words("Decided"),
            words("Gaps"),
            words("To be completed"),
        ),
        rows=[
            (
                row.account,
                reader.person(row.successor_id),
                _why(row) or "-",
                reader.money(row.value),
                _decided(row, reader),
                str(len(_gaps(row))),
                _listed(row, words),
            )
            for row in plan.rows
            if row.mode is Mode.INFORM
        ],
        numbers=(3, 5),
        on_paper=(6,),
    )


def _decided(row: Row, reader: Reader) -> str:
    if row.mode_by is None:
        return "-"
    return ": ".join(filter(None, (reader.person(row.mode_by), row.reason)))


def _held(plan: Plan, reader: Reader) -> Table:
    words = reader.words
    accounts = [
        (
            words("Customer"),
            row.account,
            reader.person(row.successor_id),
            reader.day(row.until),
            _decided(row, reader),
        )
        for row in plan.rows
        if row.mode is Mode.HOLD
    ]
    opportunities = [
        (
            words("Opportunity"),
            f"{row.account} / {opportunity.id}",
            reader.person(row.successor_id),
            reader.day(opportunity.until),
            "-",
        )
        for row in plan.rows
        for opportunity in row.opportunities
        if opportunity.action == "hold"
    ]
    return Table(
        title=words("Held by the predecessor for a while"),
        headings=(
            words("What"),
            words("Name"),
            words("Successor"),
            words("Until"),
            words("Decided"),
        ),
        rows=[*accounts, *opportunities],
    )


def _excluded(plan: Plan, reader: Reader) -> Table:
    words = reader.words
    return Table(
        title=words("Not part of this handover"),
        headings=(words("Customer"), words("Why"), words("Decided")),
        rows=[
            (row.account, _why(row), _decided(row, reader))
            for row in plan.rows
            if row.mode is Mode.EXCLUDE
        ],
    )


def _loose(plan: Plan, reader: Reader) -> Table:
    words = reader.words
    fates = {
        "transfer": words("is transferred"),
        "hold": words("is held"),
        "leave": words("stays"),
        None: words("to be decided"),
    }
    return Table(
        title=words("Records that hang on no customer of the predecessor"),
        headings=(words("What"), words("Name"), words("ID"), words("Decision")),
        rows=[
            (
                words(f"object:{record.object}"),
                record.name or "-",
                record.id,
                f"{fates[record.action]} {record.until or ''}".strip(),
            )
            for record in plan.loose
        ],
    )


def _overflow(plan: Plan, reader: Reader) -> Table:
    words = reader.words
    rows = {row.account_id: row for row in plan.rows}
    return Table(
        title=words("Without a slot, the most important first"),
        headings=(words("Customer"), words("Why"), words("Value")),
        rows=[
            (rows[each.account_id].account, each.reason, reader.money(each.value))
            for each in plan.overflow
        ],
        numbers=(2,),
    )


def _options(plan: Plan, reader: Reader) -> Table:
    words = reader.words
    return Table(
        title=words("Ways out"),
        headings=(words("What"), words("Customers who get a slot"), words("Until")),
        rows=[
            (
                words(f"option:{option.code}"),
                number(option.effect, words.language),
                reader.day(option.end),
            )
            for option in plan.options
        ],
        numbers=(1,),
    )


def legend(plan: Plan, words: Words) -> list[tuple[str, str]]:
    """Say in words what the codes in a plan mean (R54)."""
    used = {code for row in plan.rows for code in row.reasons}
    known = [*(rule.code for rule in RULES), DECIDED, NOT_NAMED]
    return [(code, words(f"rule:{code}")) for code in known if code in used]


def undecided(plan: Plan, words: Words) -> Iterator[str]:
    """Say what has to be decided before the plan can be submitted."""
    waiting = (
        (
            "{n} customers who must be met have no slot",
            [r for r in plan.rows if r.mode is Mode.MEET and r.visit is None],
        ),
        (
            "for {n} customers it is open whether the manager attends",
            [
                row
                for row in plan.rows
                if row.mode is Mode.MEET
                and row.co_attendance == "undecided"
                and is_key_or_priority(row.reasons)
            ],
        ),
        (
            "for {n} records without a customer it is open what becomes of them",
            [record for record in plan.loose if record.action is None],
        ),
    )
    for text, left in waiting:
        if left:
            yield words(text, n=len(left))


def told(note: str, words: Words) -> str:
    """Put a note of a plan into words."""
    code, _, subject = note.partition(":")
    return words(f"warning:{code}", subject=subject)


def sentence(plan: Plan, reader: Reader) -> str:
    """Say the whole plan in one sentence."""
    found = counts(plan)
    return reader.words(
        "Of {total} customers {meet} are met in person, {inform} are handed over by"
        " information, {hold} are held and {exclude} are left out.",
        total=len(plan.rows),
        meet=found[Mode.MEET],
        inform=found[Mode.INFORM],
        hold=found[Mode.HOLD],
        exclude=found[Mode.EXCLUDE],
    )


def print_plan(plan: Plan, reader: Reader, console: Console) -> None:
    """Print a plan."""
    words = reader.words
    _print_title(plan, reader, console)
    for label, value in head(plan, reader):
        console.print(f"  {label}: {plain(value)}")
    console.print(sentence(plan, reader))
    for table in tables(plan, reader):
        console.print()
        console.print(grid(table))
    for code, text in legend(plan, words):
        console.print(f"  {code}  {text}")
    _print_undecided(plan, reader, console)


def print_decision(
    plan: Plan, changes: Sequence[Change], reader: Reader, console: Console
) -> None:
    """Print where a plan stands after a decision, and what it changed."""
    _print_title(plan, reader, console)
    console.print(sentence(plan, reader))
    if changes:
        console.print()
        console.print(grid(changed(plan, changes, reader)))
    _print_undecided(plan, reader, console)


def _print_title(plan: Plan, reader: Reader, console: Console) -> None:
    words = reader.words
    title = words(
        "Handover plan {id}, version {version}: {state}",
        id=plan.id,
        version=plan.version,
        state=words(f"state:{plan.state.value}"),
    )
    console.print(title, style="bold")


def _print_undecided(plan: Plan, reader: Reader, console: Console) -> None:
    for line in undecided(plan, reader.words):
        console.print(f"  △ {line}")


def grid(table: Table) -> Grid:
    """Lay a table out for the terminal."""
    laid_out = Grid(title=table.title, title_justify="left", box=None)
    shown = [n for n in range(len(table.headings)) if n not in table.on_paper]
    for n in shown:
        right = n in table.numbers
        laid_out.add_column(table.headings[n], justify="right" if right else "left")
    for row in table.rows:
        laid_out.add_row(*(plain(row[n]) for n in shown))
    return laid_out


def print_list(plans: Iterable[Plan], reader: Reader, console: Console) -> None:
    """Print one line for each plan."""
    words = reader.words
    rows = [
        (
            plan.id,
            words(f"state:{plan.state.value}"),
            reader.person(plan.predecessor),
            ", ".join(map(reader.person, plan.successors)) or "-",
            str(len(plan.rows)),
            str(counts(plan)[Mode.MEET]),
            f"{plan.start} - {plan.end}",
            str(plan.effective),
        )
        for plan in plans
    ]
    headings = (
        words("Plan"),
        words("State"),
        words("Predecessor"),
        words("Successor"),
        words("Customers"),
        words("Met in person"),
        words("Period"),
        words("Owners change on"),
    )
    title = words("Handover plans")
    console.print(grid(Table(title=title, headings=headings, rows=rows)))


def sheet(plan: Plan, reader: Reader) -> Iterator[dict[str, object]]:
    """Yield a plan's rows for a spreadsheet, by the names of the JSON."""
    for row in plan.rows:
        visit = row.visit
        yield {
            "plan": plan.id,
            "source": row.source,
            "account_id": row.account_id,
            "account": row.account,
            "successor_id": row.successor_id,
            "successor": reader.person(row.successor_id),
            "mode": row.mode.value,
            "reasons": _why(row),
            "customer_class": row.customer_class,
            "value": float(row.value),
            "score": row.score,
            "ready": row.ready,
            "effective": str(row.effective) if row.effective else None,
            "co_attendance": row.co_attendance,
            "date": str(visit.date) if visit else None,
            "start": visit.start if visit else None,
            "end": visit.end if visit else None,
            "place": visit.place if visit else None,
            "gaps": ", ".join(row.gaps),
            "reason": row.reason,
            "state": row.state,
        }


def print_changes(
    plan: Plan,
    changes: Sequence[Change],
    drift: Sequence[Drift],
    reader: Reader,
    console: Console,
) -> None:
    """Print what is different, and why."""
    words = reader.words
    if not (changes or drift):
        console.print(words("Nothing has changed."))
    if changes:
        console.print(grid(changed(plan, changes, reader)))
    if drift:
        console.print(grid(_drifted(plan, drift, reader)))


def changed(plan: Plan, changes: Sequence[Change], reader: Reader) -> Table:
    """List what a version changed, and why."""
    words = reader.words
    names = {row.account_id: row.account for row in plan.rows}
    return Table(
        title=words(
            "Version {version} compared with version {before}",
            version=plan.version,
            before=plan.version - 1,
        ),
        headings=(
            words("Customer"),
            words("What"),
            words("Before"),
            words("Now"),
            words("Why"),
        ),
        rows=[
            (
                names.get(each.account_id or "", each.account_id or words("Plan")),
                words(f"field:{each.field}"),
                _value(each.field, each.before, reader),
                _value(each.field, each.after, reader),
                ": ".join(filter(None, (words(f"why:{each.why}"), each.reason))),
            )
            for each in changes
        ],
    )


def _value(field: str, value: str | None, reader: Reader) -> str:
    """Put a changed value into words."""
    if value is None:
        return "-"
    match field:
        case "mode":
            return reader.words(f"mode:{value}")
        case "co_attendance" if value != "undecided":
            return reader.words(f"attendance:{value}")
        case "co_attendance":
            return reader.words("to be decided")
        case "successor_id" | "attendees":
            return ", ".join(map(reader.person, value.split(", ")))
        case _:
            return value


def _drifted(plan: Plan, drift: Sequence[Drift], reader: Reader) -> Table:
    words = reader.words
    names = {row.account_id: row.account for row in plan.rows}
    return Table(
        title=words("Changed in the CRM since"),
        headings=(words("Customer"), words("Expected owner"), words("Owner now")),
        rows=[
            (
                names.get(each.account_id, each.account_id),
                reader.person(each.expected),
                reader.person(each.owner_id),
            )
            for each in drift
        ],
    )
