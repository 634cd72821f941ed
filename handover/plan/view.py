"""A plan in words: what stands above and below its lists, whatever it is shown on."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rich.console import Console

from connectors.effects import SideEffect
from handover.i18n import Words
from handover.ledger.states import Mode
from handover.mirror.contacts import NamedContact
from handover.paper.dates import day, money, short_day
from handover.paper.table import Table
from handover.plan.capacity import Slots
from handover.plan.decision import RecordedDecision
from handover.plan.model import Plan, PutAside, Row
from handover.plan.naming import FIRST, name_by_class
from handover.plan.selection import (
    DECIDED,
    NOT_NAMED,
    RULES,
    find_musts,
    is_attendance_open,
    is_key_or_priority,
)


@dataclass(frozen=True, kw_only=True)
class Audience:
    """Who reads a plan or a run: in which language, and by which names."""

    words: Words
    name: Callable[[str], str]
    currency: str
    item: Callable[[str], str] = str
    """Turns the codes of items into what people call them."""
    account: Callable[[str], str] = str
    """Turns the ids of accounts into names; by default they stay ids."""
    contact: Callable[[str], NamedContact] = lambda key: NamedContact(name=key)
    """Turns the ids of persons of customers into who they are and how to reach them."""
    prepare: int = 0
    """Minutes of preparation for each account that is met."""
    effects: Sequence[SideEffect] = ()
    """What the CRM does of its own accord when the plan is carried out."""
    login: Callable[[str], str | None] = lambda _user: None
    """Turns the ids of users into their accounts on this system, where known."""
    mark: str = ""
    """What every page bears that counts for nothing: that it is a rehearsal."""

    def person(self, user: str | None) -> str:
        """Return a user's name; nobody is a dash."""
        return self.name(user) if user else "-"

    def day(self, date: dt.date | None) -> str:
        """Write a day with its weekday."""
        return day(date, self.words.language) or "-"

    def short_day(self, date: dt.date | None) -> str:
        """Write a day whose year is known."""
        return short_day(date, self.words.language) or "-"

    def money(self, amount: Decimal) -> str:
        """Write an amount in the default currency."""
        return money(amount, self.currency, self.words.language)


def name_decider(made: RecordedDecision, audience: Audience) -> str:
    """Return who decided, and who typed it unless it is known to be the same person."""
    words, by = audience.words, made.by
    name = audience.person(by.person_id)
    if made.as_delegate:
        name = f"{name} ({words('as delegate')})"
    if audience.login(by.person_id) != by.actor:
        typist = f"{by.actor}@{by.host}"
        name = words("{name}, typed by {typist}", name=name, typist=typist)
    if by.rehearsed_on is not None:
        day = audience.day(by.rehearsed_on)
        name = words("{name}, in a rehearsal as of {day}", name=name, day=day)
    return name


def find_approval(made: Sequence[RecordedDecision]) -> RecordedDecision | None:
    """Return the last approval among the decisions on a plan, if there is one."""
    approvals = (each for each in reversed(made) if each.decision == "approve")
    return next(approvals, None)


def dump_decisions(
    decisions: Mapping[str, Sequence[RecordedDecision]],
) -> list[dict[str, Any]]:
    """List the decisions on plans for JSON: who, by whose hands, when."""
    return [
        {
            "plan": plan,
            "decision": each.decision,
            "version": each.version,
            "person": each.by.person_id,
            "as_delegate": each.as_delegate,
            "typed_by": each.by.actor,
            "host": each.by.host,
            "at": each.by.at,
            "reason": each.by.reason,
            "on_behalf": each.by.on_behalf,
            "rehearsed_on": each.by.rehearsed_on,
        }
        for plan, made in decisions.items()
        for each in made
    ]


def count_modes(plan: Plan) -> Counter[Mode]:
    """Count the rows by what happens with them."""
    return Counter(row.mode for row in plan.rows)


def list_head(plan: Plan, audience: Audience) -> list[tuple[str, str]]:
    """List what stands at the top of a plan, as label and value."""
    words = audience.words
    met = sum(row.is_met for row in plan.rows)
    unmet = [row for row in plan.rows if _is_unmet_must(row)]
    key = sum(is_key_or_priority(row.reasons) for row in unmet)
    by_decision = words("{n}, of them {key} key accounts", n=len(unmet), key=key)
    return [
        (words("Predecessor"), _predecessor(plan, audience)),
        (words("Successor"), _write_successors(plan, audience)),
        (words("Manager"), audience.person(plan.manager)),
        (words("Author"), audience.person(plan.author)),
        (words("Period"), f"{audience.day(plan.start)} - {audience.day(plan.end)}"),
        (words("Shortest period"), _write_shortest(plan, audience)),
        *(
            [(words("Must be met and are not, by decision"), by_decision)]
            if unmet
            else []
        ),
        *(
            (words("Slots of {person}", person=audience.person(each.person)), slots)
            for each in plan.slots
            if (slots := _describe_slots(each, words))
        ),
        (words("Announced on"), audience.day(plan.announce)),
        (words("Owners change on"), describe_dates(plan, audience)),
        (
            words("Preparation"),
            words("{minutes} minutes", minutes=met * audience.prepare),
        ),
    ]


def _write_successors(plan: Plan, audience: Audience) -> str:
    """Write who takes over, and of how many customers nobody is named yet."""
    named = [audience.person(each) for each in plan.successors]
    if len(plan.loads) == 1 == len(named):
        (load,) = plan.loads
        counts = {"before": load.accounts_before, "after": load.accounts_after}
        named = [
            audience.words(
                "{name} (customers: {before} → {after})", name=named[0], **counts
            )
        ]
    nobody = [r for r in plan.rows if r.is_left and r.successor_id is None]
    if nobody:
        named.append(audience.words("to be named: {n} customers", n=len(nobody)))
    return ", ".join(named) or "-"


def describe_dates(plan: Plan, audience: Audience) -> str:
    """Say when owners change; of several days, for how many customers each."""
    if len(plan.dates) < 2:
        return audience.day(plan.dates[0][0] if plan.dates else plan.effective)
    return ", ".join(
        audience.words("{day} ({n} customers)", day=audience.day(day), n=n)
        for day, n in plan.dates
    )


def describe_shortfall(plan: Plan, audience: Audience) -> str | None:
    """Say how many customers have no slot who must be met; None if all have one."""
    if not plan.unplaced:
        return None
    met = count_modes(plan)[Mode.MEET]
    return audience.words(
        "{placed} of the {met} customers to be met have a slot, {left} have none.",
        placed=met - len(plan.unplaced),
        met=met,
        left=len(plan.unplaced),
    )


def _describe_slots(room: Slots, words: Words) -> str:
    """Say how many visits somebody can have, and how many are left for people."""
    said = words(
        "{days} days × {visits} visits = {slots}, {kept} of them kept for changes",
        days=room.days,
        visits=room.visits_a_day,
        slots=room.slots,
        kept=room.kept,
    )
    if not room.taken:
        return said
    return words("{slots}; {n} taken by other plans", slots=said, n=room.taken)


def _is_unmet_must(row: Row) -> bool:
    """Return whether a person decided that a customer is not met who must be."""
    is_decided = row.mode_by is not None and not row.is_met
    return is_decided and bool(find_musts(row.reasons))


def _write_shortest(plan: Plan, audience: Audience) -> str:
    """Write the shortest period that was found, and what is proved of it."""
    words, bound = audience.words, plan.minimum_days_bound
    if plan.minimum_days is None:
        return words("no period suffices")
    found = words(
        "{days} working days, until {end}",
        days=plan.minimum_days,
        end=audience.day(plan.minimum_end),
    )
    if plan.minimum_days == 1:
        return found
    why = words(f"bound:{bound.why}", person=audience.person(bound.person))
    if plan.minimum_days_proved:
        return words("{found}; less is impossible: {why}", found=found, why=why)
    return words(
        "at least {days} working days ({why}); shown possible: {found}",
        days=bound.days,
        why=why,
        found=found,
    )


def _predecessor(plan: Plan, audience: Audience) -> str:
    name = audience.person(plan.predecessor)
    return f"{name} ({audience.words('absent')})" if plan.absent else name


def list_legend(plan: Plan, words: Words) -> list[tuple[str, str]]:
    """List what the codes in a plan mean, in words."""
    used = {code for row in plan.rows for code in row.reasons}
    known = [*(rule.code for rule in RULES), DECIDED, NOT_NAMED]
    return [(code, words(f"reason:{code}")) for code in known if code in used]


def list_undecided(plan: Plan, words: Words) -> Iterator[str]:
    """List what has to be decided before the plan can be approved."""
    waiting = (
        (
            "must be met and have no slot: {n}",
            [r for r in plan.rows if r.mode is Mode.MEET and r.visit is None],
        ),
        (
            "declined by their customers, to be decided: {n}",
            [row for row in plan.rows if row.is_declined],
        ),
        (
            "open opportunities with an unread value to be decided: {n}",
            plan.waiting,
        ),
        (
            "customers that an absent predecessor would keep: {n}",
            [r for r in plan.rows if plan.absent and r.mode is Mode.EXCLUDE],
        ),
        (
            "records without a customer to be decided: {n}",
            [record for record in plan.loose if record.action is None],
        ),
    )
    for text, left in waiting:
        if left:
            yield words(text, n=len(left))
    unattended = [row for row in plan.rows if row.is_left and is_attendance_open(row)]
    if unattended:
        accounts = name_by_class(unattended)
        yield words(
            "the manager decides whether to attend: {accounts}", accounts=accounts
        )


def read_note(note: str, words: Words) -> tuple[str, dict[str, object]]:
    """Return the code of a plan's note, and the parameters of its sentence."""
    code, _, subject = note.partition(":")
    if code == "tables_unread":
        tables = (words(f"object:{table}") for table in subject.split())
        return code, {"tables": ", ".join(tables)}
    rule = next((rule for rule in RULES if rule.code == subject), None)
    if code != "rule_unmapped" or rule is None:
        return code, {"subject": subject}
    columns = ", ".join(f"{table}.{column}" for table, column in rule.reads)
    why = words(f"reason:{rule.code}")
    return code, {"subject": subject, "why": why, "columns": columns}


def describe_note(note: str, words: Words) -> str:
    """Put a note of a plan into words."""
    code, params = read_note(note, words)
    return words(f"warning:{code}", **params)


def describe_aside(aside: Sequence[PutAside], audience: Audience) -> str:
    """Name the customers and values of what could not be used, the first ones."""
    words = audience.words
    texts: dict[str, list[str]] = {}
    for each in aside[:FIRST]:
        of = [words(f"object:{each.object}"), _name_field(each, words)]
        if each.object != "accounts":  # its name stands before all of its values
            of.insert(1, each.name or each.id)
        text = f'{" ".join(of)} "{each.value or ""}"'
        texts.setdefault(each.account or "-", []).append(text)
    named = [f"{account}: {', '.join(own)}" for account, own in texts.items()]
    return "; ".join([*named, *(["…"] if len(aside) > FIRST else [])])


def _name_field(aside: PutAside, words: Words) -> str:
    """Return what people call the field of a value: the CRM's word, else ours."""
    if aside.whole:
        return words("the whole row")
    key = f"column:{aside.column}"
    is_ours = aside.field in (None, aside.column)
    return words(key) if is_ours and words.has(key) else aside.field or ""


def describe_plan(plan: Plan, audience: Audience) -> str:
    """Describe the whole plan in one sentence."""
    found = count_modes(plan)
    return audience.words(
        "Of {total} customers {meet} are met in person, {inform} are handed over by"
        " information, {hold} are held and {exclude} are left out.",
        total=len(plan.rows),
        meet=found[Mode.MEET],
        inform=found[Mode.INFORM],
        hold=found[Mode.HOLD],
        exclude=found[Mode.EXCLUDE],
    )


def write_contacts(row: Row, audience: Audience) -> str:
    """Name whom to meet, and how to reach them; nothing where nobody is named."""
    ids = row.visit.contact_ids if row.visit else ()
    return audience.words(", ").join(str(audience.contact(each)) for each in ids)


def list_effects(
    effects: Iterable[SideEffect], words: Words
) -> Iterator[tuple[str, str]]:
    """Yield for each effect whether it happens, and what it is."""
    for effect in effects:
        yield words(f"happens:{effect.happens}"), _text(effect, words)


def dump_effects(effects: Iterable[SideEffect], words: Words) -> list[dict[str, Any]]:
    """List the effects for JSON."""
    return [
        {
            "code": effect.code,
            "of": effect.of,
            "happens": effect.happens,
            "by": effect.by or None,
            "text": _text(effect, words),
        }
        for effect in effects
    ]


def print_effects(
    effects: Iterable[SideEffect], words: Words, console: Console
) -> None:
    """Print the effects, one a line."""
    listed = list(list_effects(effects, words))
    if not listed:
        return
    console.print(words("What the CRM does of its own accord"), style="bold")
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True)
    table.add_column()
    for happens, text in listed:
        table.add_row(f"  [{happens}]", text)
    console.print(table)


def _text(effect: SideEffect, words: Words) -> str:
    return words(f"effect:{effect.code}", by=effect.by)
