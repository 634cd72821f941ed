"""Ways out of a period that is too short, each as the command that takes it.

Every way is tried as a manager would take it: the same edit, scheduled again on the
same ground. So its effect, the rows that now find no slot and would get one, is what
the command brings as long as nobody changes anything first. A way that brings nothing
is left out.
"""

import datetime as dt
import math
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from handover.errors import Refusal, UsageProblem
from handover.i18n import Words
from handover.ledger.states import Mode
from handover.mirror.people import People
from handover.plan.amendment import edit_plan
from handover.plan.capacity import Option
from handover.plan.dates import PlanDates
from handover.plan.edits import Editor, Edits, Fate
from handover.plan.model import Plan, Row
from handover.plan.selection import Wish, depend_on_opportunities, find_musts
from handover.plan.visits import Ground, find_wish, priority

LONGEST = 64
"""Working days by which a period is lengthened at most."""


@dataclass(frozen=True, kw_only=True)
class Situation:
    """A plan with an overflow, and the ground on which its edits are scheduled.

    ``colleague`` could take customers over as well. ``words`` are of the language in
    which reasons are written.
    """

    plan: Plan
    ground: Ground
    owner_is_active: bool
    colleague: str | None
    words: Words

    @property
    def left(self) -> tuple[Row, ...]:
        """The rows that find no slot, in order of priority."""
        rows = {row.account_id: row for row in self.plan.rows}
        return tuple(rows[each.account_id] for each in self.plan.overflow)

    @property
    def reason(self) -> str:
        """Why a customer is not met."""
        return self.words("option:reason")

    def count_placed(self, edits: Edits) -> int:
        """Count the rows without a slot that an edit gives one."""
        manager = self.plan.manager or ""
        editor = Editor(person_id=manager, name="", is_manager=True, managers="")
        try:
            made = edit_plan(
                self.plan,
                edits,
                editor,
                self.ground,
                owner_is_active=self.owner_is_active,
                prove=False,
            )
        except (Refusal, UsageProblem):
            return 0  # a way that is refused is none
        placed = {row.account_id for row in made.rows if row.visit is not None}
        return sum(row.account_id in placed for row in self.left)

    def write_command(self, words: Iterable[str]) -> str:
        """Write the edit as it is typed."""
        return shlex.join(["handover", "plan", "edit", self.plan.id, *words])


def find_colleague(plan: Plan, people: People) -> str | None:
    """Find somebody of the successors' team who could take customers over as well."""
    managers = {people.manager_of(each) for each in plan.successors} - {None}
    involved = {plan.predecessor, plan.manager, *plan.successors}
    found = [
        person.id
        for person in people
        if person.manager_id in managers
        and person.id not in involved
        and people.is_active(person.id)
    ]
    return min(found, default=None)


def list_options(situation: Situation) -> tuple[Option, ...]:
    """List the ways out that bring something, the least intrusive first."""
    if not situation.plan.overflow:
        return ()
    found = (way(situation) for way in _WAYS)
    return tuple(option for option in found if option is not None and option.effect)


def _longer_period(situation: Situation) -> Option | None:
    """Extend to the first day by which most of the rows have their slot."""
    days = _list_ends(situation)
    known: dict[int, int] = {}

    def effect(n: int) -> int:
        if n not in known:
            period = PlanDates(end=days[n])
            known[n] = situation.count_placed(Edits(period=period))
        return known[n]

    tried = 0
    while effect(tried) < len(situation.left) and tried < len(days) - 1:
        tried = min(2 * tried + 1, len(days) - 1)
    low, high = -1, tried
    while high - low > 1:  # the first day that brings as much
        middle = (low + high) // 2
        low, high = (low, middle) if effect(middle) >= effect(tried) else (middle, high)
    end = days[high].isoformat()
    return Option(
        code="longer_period",
        effect=effect(high),
        end=days[high],
        command=situation.write_command(["--end", end]),
    )


def _list_ends(situation: Situation) -> list[dt.date]:
    """List the working days on which the period could end, the likely ones on.

    No earlier day than the shortest period's end holds every must.
    """
    plan, company = situation.plan, situation.ground.calendars.company
    first = company.after(plan.end)
    if plan.unplaced and plan.minimum_end and plan.minimum_end > plan.end:
        first = plan.minimum_end
    days = [first]
    while len(days) < LONGEST:
        days.append(company.after(days[-1]))
    return days


def _second_successor(situation: Situation) -> Option | None:
    """Give the customers without a slot to somebody else of the team."""
    colleague = situation.colleague
    if colleague is None:
        return None
    given = {row.account_id: colleague for row in situation.left}
    words = [f"--successor={account}={colleague}" for account in given]
    return Option(
        code="second_successor",
        effect=situation.count_placed(Edits(successors=given)),
        end=None,
        command=situation.write_command(words),
    )


def _online(situation: Situation) -> Option | None:
    """Hold the meetings that should, not must, take place online."""
    shoulds = [
        row.account_id
        for row in situation.left
        if find_wish(row) is Wish.SHOULD and not row.online
    ]
    if not shoulds:
        return None
    return Option(
        code="online",
        effect=situation.count_placed(Edits(online=tuple(shoulds))),
        end=None,
        command=situation.write_command(f"--online={each}" for each in shoulds),
    )


def _inform_should(situation: Situation) -> Option | None:
    """Hand over by information only whom we should meet, so that musts find room."""
    shoulds = [
        row.account_id
        for row in situation.plan.rows
        if row.mode is Mode.MEET
        and row.visit is not None
        and not row.is_agreed
        and find_wish(row) is Wish.SHOULD
    ]
    if not (shoulds and situation.plan.unplaced):
        return None
    reason = situation.reason
    words = [*(f"--inform={each}" for each in shoulds), f"--reason={reason}"]
    return Option(
        code="inform_should",
        effect=situation.count_placed(Edits(inform=tuple(shoulds), reason=reason)),
        end=None,
        command=situation.write_command(words),
    )


def _hold_opportunities(situation: Situation) -> Option | None:
    """Leave opportunities with the predecessor, and do not meet their customers now.

    Those of the least important customers who have a slot, which others get.
    """
    plan = situation.plan
    held = _choose_held(situation)
    if not (held and plan.unplaced and situation.owner_is_active):
        return None
    company = situation.ground.calendars.company
    until = company.after(max(plan.effective, plan.minimum_end or plan.effective))
    accounts = tuple(row.account_id for row in held)
    ids = [each.id for row in held for each in row.opportunities]
    fate = Fate(action="hold", until=until)
    edits = Edits(
        inform=accounts,
        opportunities=dict.fromkeys(ids, fate),
        reason=situation.reason,
    )
    words = [
        *(f"--inform={each}" for each in accounts),
        *(f"--opportunity={each}=hold:{until}" for each in ids),
        f"--reason={situation.reason}",
    ]
    return Option(
        code="hold_opportunities",
        effect=situation.count_placed(edits),
        end=until,
        command=situation.write_command(words),
        by="manager",
    )


def _choose_held(situation: Situation) -> Sequence[Row]:
    """Choose the customers whose opportunities stay, as many as the policy allows."""
    plan = situation.plan
    total = sum(len(row.opportunities) for row in plan.rows if row.is_left)
    share = Fraction(str(situation.ground.policy.plan.hold_share))
    most = math.floor(total * share)
    held: list[Row] = []
    for row in sorted(plan.rows, key=priority, reverse=True):
        musts = find_musts(row.reasons)
        if row.visit is None or not musts or not depend_on_opportunities(musts):
            continue
        if row.is_agreed or row.visit.pinned or row.is_carried_out:
            continue
        most -= len(row.opportunities)
        if most < 0:
            break
        held.append(row)
    return held


_WAYS: tuple[Callable[[Situation], Option | None], ...] = (
    _longer_period,
    _second_successor,
    _online,
    _inform_should,
    _hold_opportunities,
)
