"""A customer's history in words: the same on the terminal and on paper."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.padding import Padding

from handover.answers.acceptances import Acceptance
from handover.answers.acknowledgements import Acknowledgement
from handover.answers.agreements import Agreement
from handover.answers.confirmations import Confirmation
from handover.answers.remarks import Remark
from handover.follow.entries import EarlyPaper, HistoryEntry, PlannedSo, RunPart
from handover.follow.history import AccountHistory
from handover.mirror.owners import OwnerChange
from handover.paper.pages import page
from handover.plan.changes_view import describe_value
from handover.plan.decision import RecordedDecision
from handover.plan.model import Row
from handover.plan.plan_list import PlanList
from handover.plan.view import Audience, name_decider

TEMPLATE = Path(__file__).with_name("history.html")
BETWEEN = " / "
"""What stands between the parts of a text."""
NOTHING = "-"
"""What stands where there is nothing to say."""


@dataclass(frozen=True, kw_only=True)
class EntryLine:
    """An entry in words: who did it, and what it says.

    ``before`` and ``after`` are ids of owners, or values that a customer corrected.
    """

    who: str | None
    by: str
    text: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, kw_only=True)
class HistoryReading:
    """A customer's history, and who reads it."""

    history: AccountHistory
    audience: Audience
    zone: ZoneInfo

    @property
    def name(self) -> str:
        """What the customer is called, or was when the CRM still had them."""
        history = self.history
        return history.name or history.planned_as or history.account_id

    @property
    def title(self) -> str:
        """Whose history it is."""
        return self.audience.words("History of {name}", name=self.name)

    @property
    def standing(self) -> str:
        """In which CRM the customer is, and who owns them; or that they are gone."""
        history, words = self.history, self.audience.words
        place = f"{history.source}:{history.account_id}"
        if history.is_gone:
            text = "{place}: no longer in the CRM, named as it was known last"
            return words(text, place=place)
        owner = words("(nobody)")
        if history.owner_id:
            owner = self.audience.person(history.owner_id)
        return words("{place}, owner now: {owner}", place=place, owner=owner)

    @property
    def owners(self) -> list[str]:
        """The chain of owners in words, one line for each change."""
        words = self.audience.words
        return [
            f"{each.rehearsed_on or each.at.astimezone(self.zone).date()}"
            f"  {self._change(each.before, each.after)}"
            f"  ({each.run or words('changed in the CRM without a plan')})"
            for each in self.history.owners
        ]

    def list_entries(self) -> PlanList:
        """List the entries, the oldest first."""
        words = self.audience.words
        return PlanList(
            title=words("What happened"),
            headings=(
                words("When"),
                words("Event"),
                words("Details"),
                words("By"),
                words("Plan or run"),
            ),
            rows=[
                (
                    self._when(entry),
                    self._kind(entry),
                    line.text,
                    line.by,
                    entry.run or entry.plan or NOTHING,
                )
                for entry, line in self.lines()
            ],
        )

    def lines(self) -> Iterator[tuple[HistoryEntry, EntryLine]]:
        """Yield the entries, each with its words."""
        for entry in self.history.entries:
            yield entry, self._describe(entry)

    def _when(self, entry: HistoryEntry) -> str:
        """Say when it happened; of a rehearsal the day that was taken for today."""
        if entry.rehearsed_on is None:
            return f"{entry.at.astimezone(self.zone):%Y-%m-%d %H:%M}"
        return self.audience.words("{day} rehearsal", day=entry.rehearsed_on)

    def _kind(self, entry: HistoryEntry) -> str:
        words, key = self.audience.words, f"event:{entry.kind}"
        return words(key if words.has(key) else f"event:{entry.kind.split('.')[0]}")

    def _owner(self, owner: str | None) -> str:
        return self.audience.words("(nobody)") if not owner else self._user(owner)

    def _user(self, user: str) -> str:
        return self.audience.person(user)

    # Each kind of entry

    def _describe(self, entry: HistoryEntry) -> EntryLine:
        told = entry.told
        match told:
            case PlannedSo():
                line = self._describe_version(told)
            case RecordedDecision():
                line = self._describe_decision(told)
            case EarlyPaper():
                text = self.audience.words(f"paper:{told.paper}")
                line = self._line(told.person, text, told.reason)
            case Agreement():
                parts = [f"{self.audience.day(told.date)} {told.start}"]
                parts += self._list_said(entry, told.at)
                line = self._line(told.by, BETWEEN.join(parts), told.reason)
            case Confirmation():
                line = self._describe_answer(entry, told)
            case Remark():
                line = self._describe_remark(told)
            case Acceptance() | Acknowledgement():
                line = self._line(told.recorded_by, "", told.reason)
            case RunPart():
                line = self._describe_run(told)
            case _:
                line = self._describe_change(told)
        return line

    def _line(self, who: str | None, text: str, reason: str | None) -> EntryLine:
        why = self.audience.words("why: {reason}", reason=reason) if reason else ""
        return EntryLine(
            who=who,
            by=self._user(who) if who else NOTHING,
            text=BETWEEN.join(filter(None, (text, why))) or NOTHING,
        )

    def _describe_version(self, told: PlannedSo) -> EntryLine:
        """Say what a plan makes of the customer: all at first, then what is new."""
        audience = self.audience
        if told.is_first:
            values = _list_values(told.row)
            parts = [self._value(name, value) for name, value in values.items()]
        else:
            parts = [
                f"{audience.words(f'field:{each.field}')}: "
                f"{describe_value(each.field, each.before, audience)} → "
                f"{describe_value(each.field, each.after, audience)}"
                for each in told.changes
            ]
        return self._line(told.person, BETWEEN.join(parts), told.reason)

    def _value(self, name: str, value: str) -> str:
        audience = self.audience
        what = audience.words(f"field:{name}")
        return f"{what}: {describe_value(name, value, audience)}"

    def _describe_decision(self, told: RecordedDecision) -> EntryLine:
        words = self.audience.words
        parts = [words("version {n}", n=told.version)]
        if told.by.on_behalf:
            parts.append(words("on behalf: {reason}", reason=told.by.on_behalf))
        line = self._line(told.by.person_id, BETWEEN.join(parts), told.by.reason)
        # That it was a rehearsal stands beside each entry.
        made = replace(told, by=replace(told.by, rehearsed_on=None))
        return EntryLine(
            who=line.who, by=name_decider(made, self.audience), text=line.text
        )

    def _list_said(self, entry: HistoryEntry, at: dt.datetime) -> list[str]:
        """Say when the customer said so, where it was written down on another day."""
        day = at.astimezone(self.zone).date()
        written = (entry.rehearsed_on, entry.at.astimezone(self.zone).date())
        return [] if day in written else [self.audience.words("said on {day}", day=day)]

    def _describe_answer(self, entry: HistoryEntry, told: Confirmation) -> EntryLine:
        audience, words = self.audience, self.audience.words
        named = words(
            "{item}: {result}, said by {person}",
            item=audience.item(told.item),
            result=words(f"answered:{told.result}"),
            person=audience.contact(told.person).name,
        )
        parts = [named, *self._list_said(entry, told.at)]
        if told.result == "corrected" and told.column is None:
            parts.append(words("(erased)"))
        elif told.result == "corrected":
            parts.append(f"{told.before or '-'} → {told.value or '-'}")
        line = self._line(told.recorded_by, BETWEEN.join(parts), None)
        return EntryLine(
            who=line.who,
            by=line.by,
            text=line.text,
            before=told.before,
            after=told.value,
        )

    def _describe_remark(self, told: Remark) -> EntryLine:
        text = told.text
        if text is None:
            text = self.audience.words("(erased)")
        if told.amount is not None:
            text = f"{text} ({self.audience.money(Decimal(told.amount))})"
        return self._line(told.recorded_by, text, None)

    def _describe_run(self, told: RunPart) -> EntryLine:
        """Say who owned the customer before and after, and count what went along."""
        words, owner = self.audience.words, told.owner
        parts = []
        if owner is not None:
            parts.append(self._change(owner.before, owner.after))
        rest = [e for e in told.entries if e is not owner]
        counted = Counter((e.action, e.outcome) for e in rest)
        for (action, outcome), n in counted.items():
            how = "" if outcome == "done" else f" {words(f'outcome:{outcome}')}"
            parts.append(f"{words(f'action:{action}')}: {n}{how}")
        line = self._line(told.run.person_id, BETWEEN.join(parts), told.run.reason)
        by = line.by if told.run.person_id else told.run.actor
        return EntryLine(
            who=line.who,
            by=by,
            text=line.text,
            before=owner.before if owner else None,
            after=owner.after if owner else None,
        )

    def _change(self, before: str | None, after: str | None) -> str:
        return f"{self._owner(before)} → {self._owner(after)}"

    def _describe_change(self, told: OwnerChange) -> EntryLine:
        return EntryLine(
            who=None,
            by=NOTHING,
            text=self._change(told.before, told.after),
            before=told.before,
            after=told.after,
        )


def _list_values(row: Row) -> Mapping[str, str]:
    """Return what a plan makes of a customer at first, as far as there is anything."""
    visit = row.visit
    found = {
        "mode": row.mode.value,
        "successor_id": row.successor_id,
        "visit": f"{visit.date} {visit.start}" if visit else None,
        "until": str(row.until) if row.until else None,
        "effective": str(row.effective) if row.effective else None,
    }
    return {name: value for name, value in found.items() if value is not None}


# JSON, terminal and page


def dump_history(reading: HistoryReading) -> dict[str, Any]:
    """Return a history as ``--json`` prints it."""
    history, audience = reading.history, reading.audience

    def name(user: str | None) -> str | None:
        return audience.person(user) if user else None

    return {
        "account": {
            "source": history.source,
            "id": history.account_id,
            "name": reading.name,
            "is_gone": history.is_gone,
            "owner_id": history.owner_id,
            "owner": name(history.owner_id),
        },
        "owners": [
            asdict(each)
            | {"before_name": name(each.before), "after_name": name(each.after)}
            for each in history.owners
        ],
        "history": [
            {
                "at": entry.at,
                "kind": entry.kind,
                "who": line.who,
                "who_name": name(line.who),
                "text": line.text,
                "before": line.before,
                "after": line.after,
                "plan": entry.plan,
                "run": entry.run,
                "rehearsed_on": entry.rehearsed_on,
            }
            for entry, line in reading.lines()
        ],
    }


def print_history(reading: HistoryReading, console: Console) -> None:
    """Print who had the customer, then all that happened."""
    words = reading.audience.words
    console.print(reading.title, style="bold")
    console.print(reading.standing)
    if reading.owners:
        console.print()
        console.print(words("Owners"))
        for line in reading.owners:
            console.print(f"  {line}")
    console.print()
    if not reading.history.entries:
        console.print(words("Nothing has happened here that handover knows of."))
        return
    entries = reading.list_entries()
    console.print(entries.title)
    for when, kind, text, by, place in entries.rows:
        parts = (kind, *(each for each in (by, place) if each != NOTHING))
        console.print(f"  {when}  {BETWEEN.join(parts)}")
        if text != NOTHING:
            console.print(Padding(text, (0, 0, 0, 6), expand=False))


def history_page(reading: HistoryReading) -> str:
    """Return a history as one HTML page."""
    return page(
        TEMPLATE,
        reading.audience.words,
        mark=reading.audience.mark,
        title=reading.title,
        standing=reading.standing,
        owners=reading.owners,
        entries=reading.list_entries() if reading.history.entries else None,
    )
