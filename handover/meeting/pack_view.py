"""A pack in words: on paper, as one line on the terminal, and for machines."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console

from handover.ledger.states import Mode
from handover.meeting.customer import CustomerFacts
from handover.meeting.customer_words import join, list_gaps, list_matters
from handover.meeting.pack import Pack
from handover.meeting.pack_groups import Lines, PackGroup, list_groups
from handover.paper.file_names import name_file, number_doubles
from handover.paper.pages import page
from handover.plan.model import Plan
from handover.plan.plan_list import PlanList
from handover.plan.terminal import lay_out
from handover.plan.view import Audience

TEMPLATE = Path(__file__).with_name("pack.html")


@dataclass(frozen=True, kw_only=True)
class PackReading:
    """A pack, and who reads it."""

    pack: Pack
    audience: Audience
    zone: ZoneInfo

    @property
    def title(self) -> str:
        """Whom it is about."""
        return self.audience.words("Handover sheet: {name}", name=self.pack.row.account)

    @property
    def head(self) -> Lines:
        """What the plan says of the customer."""
        pack, audience = self.pack, self.audience
        plan, row, words = pack.plan, pack.row, audience.words
        manager = words("Manager")
        handed = words(
            "{predecessor} → {successor}; {manager}",
            predecessor=audience.person(plan.predecessor),
            successor=audience.person(row.successor_id),
            manager=f"{manager} {audience.person(plan.manager)}",
        )
        changes_on = row.until if row.mode is Mode.HOLD else row.effective
        return [
            (words("From whom to whom"), handed),
            (words("Owner changes on"), audience.day(changes_on or plan.effective)),
            (words("Meeting"), self._write_meeting()),
            (words("Why they matter"), join(list_matters(row, audience), audience)),
            (words("To fill in"), self._write_gaps()),
        ]

    def _write_meeting(self) -> str:
        row, audience = self.pack.row, self.audience
        words, visit = audience.words, row.visit
        if visit is None:
            return words(f"mode:{row.mode.value}")
        place = words("online") if visit.online else visit.place or words("(blank)")
        people = join(map(audience.person, visit.attendees), audience)
        time = f"{visit.start}-{visit.end}"
        state = words(f"visit_state:{visit.state}")
        return join((audience.day(visit.date), time, state, place, people), audience)

    def _write_gaps(self) -> str:
        row, audience = self.pack.row, self.audience
        gaps = list_gaps(row, self.pack.facts, audience)
        parts = [join(gaps, audience) if gaps else audience.words("nothing is missing")]
        if row.waived:
            items = join(map(audience.item, row.waived), audience)
            waived = audience.words("done without: {items}", items=items)
            parts.append(": ".join(filter(None, (waived, row.waived_reason))))
        return "; ".join(parts)

    @property
    def foot(self) -> str:
        """Where the facts come from, and as of when."""
        plan, words = self.pack.plan, self.audience.words
        at = self.pack.synced_at.astimezone(self.zone)
        return words(
            "Facts of {source} as synced on {at}; Recorded is when the CRM's record"
            " changed last, where it tells. Plan {plan}, version {version}, {state}.",
            source=plan.source,
            at=f"{at:%Y-%m-%d %H:%M}",
            plan=plan.id,
            version=plan.version,
            state=words(f"state:{plan.state.value}"),
        )

    @property
    def groups(self) -> list[PackGroup]:
        """The five groups; none where the CRM has the customer no more."""
        facts = self.pack.facts
        if facts is None:
            return []
        return list_groups(facts, self.audience, self.pack.as_of)


# On the terminal, on paper and for machines


def print_packs(
    plan: Plan, readings: Sequence[PackReading], audience: Audience, console: Console
) -> None:
    """Print one line for each pack: the customer, the meeting and what is missing."""
    words = audience.words
    rows = [
        (
            each.pack.row.account,
            audience.short_day(visit.date) if (visit := each.pack.row.visit) else "-",
            join(list_gaps(each.pack.row, each.pack.facts, audience), audience),
        )
        for each in readings
    ]
    headings = (words("Customer"), words("Day"), words("To fill in"))
    title = words("Handover sheets of {plan}", plan=plan.id)
    console.print(lay_out(PlanList(title=title, headings=headings, rows=rows)))


def pack_page(readings: Sequence[PackReading], audience: Audience) -> str:
    """Write packs as one HTML page, each on sheets of its own."""
    return page(TEMPLATE, audience.words, readings=readings, mark=audience.mark)


def name_packs(readings: Sequence[PackReading]) -> list[str]:
    """Name a file for each pack: by the customer, and the same at each export."""
    rows = (reading.pack.row for reading in readings)
    names = (name_file(row.account, row.account_id, suffix=".html") for row in rows)
    return number_doubles(names)


def dump_pack(reading: PackReading) -> dict[str, Any]:
    """Return a pack for JSON."""
    pack, audience = reading.pack, reading.audience
    row = pack.row
    return {
        "account_id": row.account_id,
        "account": row.account,
        "mode": row.mode.value,
        "successor_id": row.successor_id,
        "effective": row.effective,
        "visit": row.visit.model_dump(mode="json") if row.visit else None,
        "why": list(list_matters(row, audience)),
        "gaps": list_gaps(row, pack.facts, audience),
        "facts": None if pack.facts is None else _dump_facts(pack.facts, pack.as_of),
    }


def _dump_facts(facts: CustomerFacts, as_of: dt.date) -> dict[str, Any]:
    named = (field.name for field in fields(facts) if field.name != "mapped")
    listed = {name: getattr(facts, name) for name in named}
    kinds = ("people", "purchases", "opportunities", "talks")
    return {
        **listed,
        "phone": asdict(facts.phone) if facts.phone else None,
        **{kind: [asdict(each) for each in listed[kind]] for kind in kinds},
        "promises": [
            {**asdict(each), "overdue": each.is_overdue(as_of)}
            for each in facts.promises
        ],
    }
