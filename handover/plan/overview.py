"""A reorganisation as one thing: people, load, progress, and customers nobody takes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from handover.ledger.states import OVER_STATES, Mode
from handover.mirror.people import People
from handover.mirror.views import Mirror
from handover.paper.dates import number
from handover.plan.decided import list_all_decided
from handover.plan.facts import HELD_SQL
from handover.plan.model import Plan, Row
from handover.plan.plan_list import PlanList
from handover.plan.view import Audience


@dataclass(frozen=True, kw_only=True)
class Reorganisation:
    """The plans of a reorganisation, and who owns what as of the last sync."""

    plans: Sequence[Plan]
    owners: Mapping[str, str]
    values: Mapping[str, Decimal]
    people: People


def read_reorganisation(
    mirror: Mirror, plans: Sequence[Plan], people: People
) -> Reorganisation:
    """Read who owns what besides the plans; plans that are over are left out."""
    held = mirror.rows(HELD_SQL.read_text(encoding="utf-8"))
    return Reorganisation(
        plans=[plan for plan in plans if plan.state not in OVER_STATES],
        owners={row["id"]: row["owner_id"] for row in held},
        values={row["id"]: row["value"] for row in held},
        people=people,
    )


def list_untaken(whole: Reorganisation) -> Iterator[tuple[Plan, Row]]:
    """Yield the customers of people who are no longer there whom nobody takes."""
    taken = {
        row.account_id
        for plan in whole.plans
        for row in plan.rows
        if row.mode not in (Mode.EXCLUDE, Mode.HOLD) and row.successor_id is not None
    }
    for plan in whole.plans:
        if not whole.people.is_active(plan.predecessor):
            for row in plan.rows:
                if row.account_id not in taken:
                    yield plan, row


def list_overview(whole: Reorganisation, audience: Audience) -> list[PlanList]:
    """List the tables that hold anything: people, load, progress, who is untaken."""
    found = (
        _list_people(whole, audience),
        _list_load(whole, audience),
        _list_progress(whole, audience),
        _list_leftover(whole, audience),
        _list_decisions(whole, audience),
    )
    return [table for table in found if table.rows]


def find_new_owners(whole: Reorganisation) -> dict[str, str]:
    """Return who owns each account once all plans are carried out."""
    given = {
        row.account_id: row.successor_id
        for plan in whole.plans
        for row in plan.rows
        if row.is_left
        and row.successor_id is not None
        and whole.owners.get(row.account_id) == plan.predecessor
    }
    return {**whole.owners, **given}


def _list_people(whole: Reorganisation, audience: Audience) -> PlanList:
    words = audience.words
    after = find_new_owners(whole)
    involved = dict.fromkeys(
        person
        for plan in whole.plans
        for person in (plan.predecessor, *plan.successors)
    )
    customers = Counter(whole.owners.values()), Counter(after.values())
    rows = []
    for person in sorted(involved, key=audience.person):
        worth = [
            sum((whole.values[a] for a, o in owners.items() if o == person), Decimal(0))
            for owners in (whole.owners, after)
        ]
        rows.append(
            (
                audience.person(person),
                *(str(counted[person]) for counted in customers),
                *map(audience.money, worth),
            )
        )
    return PlanList(
        title=words("People: customers and value before and after"),
        headings=(
            words("Name"),
            words("Customers now"),
            words("Customers after"),
            words("Value now"),
            words("Value after"),
        ),
        rows=rows,
        numbers=(1, 2, 3, 4),
    )


def _list_load(whole: Reorganisation, audience: Audience) -> PlanList:
    words = audience.words
    visits: Counter[tuple[str, date]] = Counter()
    minutes: Counter[tuple[str, date]] = Counter()
    for plan in whole.plans:
        for row in plan.rows:
            if row.visit is None:
                continue
            day = row.visit.date
            monday = day - timedelta(days=day.weekday())
            for person in row.visit.attendees:
                key = (audience.person(person), monday)
                visits[key] += 1
                minutes[key] += row.visit.minutes + row.visit.travel_minutes
    return PlanList(
        title=words("Load of visits by person and week"),
        headings=(
            words("Name"),
            words("Week from"),
            words("Visits"),
            words("Minutes with travel"),
        ),
        rows=[
            (
                name,
                audience.day(monday),
                number(visits[name, monday], words.language),
                number(minutes[name, monday], words.language),
            )
            for name, monday in sorted(visits)
        ],
        numbers=(2, 3),
    )


def _list_progress(whole: Reorganisation, audience: Audience) -> PlanList:
    words = audience.words
    rows = []
    for plan in whole.plans:
        planned = [row for row in plan.rows if row.mode is not Mode.EXCLUDE]
        done = sum(row.state == "owner_changed" for row in planned)
        rows.append(
            (
                plan.id,
                audience.person(plan.predecessor),
                words(f"state:{plan.state.value}"),
                f"{done}/{len(planned)}",
                str(len(plan.unplaced)),
            )
        )
    return PlanList(
        title=words("Progress"),
        headings=(
            words("Plan"),
            words("Predecessor"),
            words("State"),
            words("Handed over"),
            words("Without a slot"),
        ),
        rows=rows,
        numbers=(4,),
        whole=(0,),
    )


def _list_leftover(whole: Reorganisation, audience: Audience) -> PlanList:
    words = audience.words
    return PlanList(
        title=words("Customers of leavers that nobody takes"),
        headings=(words("Predecessor"), words("Customer"), words("Value")),
        rows=[
            (audience.person(plan.predecessor), row.account, audience.money(row.value))
            for plan, row in list_untaken(whole)
        ],
        numbers=(2,),
    )


def _list_decisions(whole: Reorganisation, audience: Audience) -> PlanList:
    words = audience.words
    return PlanList(
        title=words("Decided by people, beyond the rules"),
        headings=(
            words("Predecessor"),
            words("Customer"),
            words("What"),
            words("Who"),
            words("Reason"),
        ),
        rows=[
            (audience.person(plan.predecessor), *line)
            for plan in whole.plans
            for line in list_all_decided(plan, audience)
        ],
    )
