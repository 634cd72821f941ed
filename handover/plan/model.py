"""A handover plan as a value.

One plan is one predecessor's handover; a row is one account in it. The values are
frozen: whoever edits a plan makes another one. The names are those of the JSON that
``plan show`` prints.
"""

import datetime as dt
from collections import Counter
from decimal import Decimal
from typing import Literal, get_args

from handover.ledger.states import OPEN_STATES, Mode, PlanState
from handover.plan.capacity import Bound, Load, Option, Overflow, Slots
from handover.plan.fingerprint import compute_fingerprint
from handover.plan.value import Money, Value

CoAttendance = Literal["undecided", "yes", "no"]
VisitState = Literal["proposed", "agreed", "moved", "declined"]
"""Whether the customer agreed to a visit: never asked, asked for this date, asked for
another one than it has now, or they do not want it."""
CustomerClass = Literal["key", "priority", "normal"]
ClassEdit = CustomerClass | Literal["proposed"]
"""A class, or the one that is proposed."""


CARRIED_OUT = "owner_changed"
"""The state of a row whose account was given to its successor."""


class Visit(Value):
    """A dated meeting. ``start`` and ``end`` are ``HH:MM`` in the configured zone."""

    date: dt.date
    start: str
    end: str
    minutes: int
    travel_minutes: int
    online: bool
    place: str | None
    contact_ids: tuple[str, ...]
    attendees: tuple[str, ...]
    """User ids."""
    pinned: bool = False
    """A person set the date; the scheduler keeps it."""
    timed: bool = False
    """A person set the time as well."""
    state: VisitState = "proposed"
    moved: int = 0
    """How often the customer, once asked, was to be told another date."""
    answer_reason: str | None = None

    @property
    def takes_place(self) -> bool:
        """Whether it is still to be prepared: the customer has not declined it."""
        return self.state != "declined"


class PlannedOpportunity(Value):
    """What becomes of one open opportunity of an account.

    ``action`` is None until somebody decides: a value of it could not be read. Only one
    whose owner could not be read is left to whoever that is.
    """

    id: str
    name: str | None = None
    action: Literal["transfer", "hold", "leave"] | None
    until: dt.date | None = None
    reason: str | None = None
    """The words of the person who decided; so is that of a loose record."""


class Row(Value):
    """One account of the predecessor."""

    source: str
    account_id: str
    account: str
    successor_id: str | None
    successor_reason: str | None = None
    mode: Mode
    mode_by: str | None = None
    """The user who decided the mode against the rules, else None."""
    reasons: tuple[str, ...]
    """Codes of every rule that holds: M1 to M3, S1 to S6, D, X."""
    reason: str | None = None
    """The words of the person who decided."""
    customer_class: str | None
    class_by: str | None = None
    """The user who decided the class for this plan; else the CRM says it."""
    class_reason: str | None = None
    proposed_class: str | None = None
    """What the policy proposes where the CRM has no classes; no rule goes by it."""
    value: Money
    open_amount: Money = Decimal(0)
    """Of the account's open opportunities, in the default currency."""
    score: float | None
    ready: bool
    effective: dt.date | None
    until: dt.date | None = None
    """The date a hold ends; then it is the effective date."""
    co_attendance: CoAttendance
    attendance_proposed: Literal["yes", "no"] | None = None
    """What the author proposes to the manager, who decides."""
    co_attendance_reason: str | None = None
    """The words of the person who decided or proposed it; so is that of a waiver."""
    opportunities: tuple[PlannedOpportunity, ...]
    gaps: tuple[str, ...]
    """Items that are missing, placeholder, invalid or stale."""
    waived: tuple[str, ...] = ()
    waived_reason: str | None = None
    state: str
    visit: Visit | None
    online: bool = False
    """A person decided that the meeting takes place online."""
    area: str | None = None
    """Its city; its region where the city is unknown."""
    region: str | None = None

    @property
    def is_carried_out(self) -> bool:
        """Whether a run has given the account to its successor, and none took it back.

        What was carried out is decided for good: no edit changes it.
        """
        return self.state == CARRIED_OUT

    @property
    def is_left(self) -> bool:
        """Whether the account is still to be handed over."""
        return self.mode is not Mode.EXCLUDE and not self.is_carried_out

    @property
    def is_attended(self) -> bool:
        """Whether the manager comes along: decided, or proposed and still open."""
        is_proposed = self.attendance_proposed == "yes"
        is_open = self.co_attendance == "undecided"
        return self.co_attendance == "yes" or (is_open and is_proposed)

    @property
    def is_class_open(self) -> bool:
        """Whether a class is proposed that nobody has confirmed or changed."""
        return self.proposed_class is not None and self.customer_class is None

    @property
    def is_agreed(self) -> bool:
        """Whether the customer agreed to the date and time of the visit."""
        return self.visit is not None and self.visit.state == "agreed"

    @property
    def is_declined(self) -> bool:
        """Whether the customer declined a visit, and nobody decided what then."""
        return self.is_met and self.visit is not None and not self.visit.takes_place

    @property
    def is_met(self) -> bool:
        """Whether the customer is visited: what is held can be, before its day."""
        is_held_and_met = self.mode is Mode.HOLD and self.visit is not None
        return self.mode is Mode.MEET or is_held_and_met


LooseTable = Literal["opportunities", "requests", "contacts", "activities"]


LOOSE_TABLES: tuple[LooseTable, ...] = get_args(LooseTable)


class LooseRecord(Value):
    """Something of the predecessor that hangs on no account of theirs.

    ``object`` is the canonical table. ``action`` is None until somebody decides.
    """

    object: LooseTable
    id: str
    name: str | None = None
    account_id: str | None = None
    """The account that it names; without ``account`` there is no such account."""
    account: str | None = None
    action: Literal["transfer", "hold", "leave"] | None
    until: dt.date | None = None
    reason: str | None = None
    successor: str | None = None


UNRESOLVED = "unresolved"
"""The reason of a reference that leads nowhere."""


class PutAside(Value):
    """A value of a handover's records that could not be used.

    The sync could not read it, or it names a record that is not there. ``object`` is
    the canonical table, ``column`` its column, ``field`` what the CRM calls that.
    ``whole``: the record was put aside as a whole, as another one has its id.
    ``is_open``: it is an open opportunity of the predecessor, or one of their account's
    whose owner could not be read.
    """

    object: str
    id: str
    name: str | None
    account_id: str | None
    account: str | None
    column: str | None
    field: str | None
    value: str | None
    reason: str
    whole: bool
    is_open: bool = False

    @property
    def hides_owner(self) -> bool:
        """Whether it is unknown who owns an open opportunity."""
        return self.is_open and self.column == "owner_id" and self.reason != UNRESOLVED


class Away(Value):
    """Whole days on which a calendar has somebody away, or ``HH:MM`` of one day."""

    person: str
    first: dt.date
    last: dt.date
    start: str | None = None
    end: str | None = None


class Terms(Value):
    """What a plan is approved and carried out under, as of its submission."""

    written: dict[str, str]
    """Where owners and tasks are written, by table and part: ``owner:accounts``."""
    guards: dict[str, str]
    """Rules of the policy that hold a run back, by their key."""
    deciders: tuple[str, ...]
    """User ids of the managers, and of those who may approve."""
    undoers: tuple[str, ...]
    """User ids of those who may take runs back besides."""


class Plan(Value):
    """One predecessor's handover, in one version."""

    id: str
    source: str
    version: int
    state: PlanState
    fingerprint: str
    author: str | None
    predecessor: str
    successors: tuple[str, ...]
    manager: str | None
    prepared_by: str | None = None
    """Whom the manager named to prepare it in the predecessor's place."""
    absent: bool = False
    notice: dt.date
    announce: dt.date
    start: dt.date
    end: dt.date
    effective: dt.date
    expires_days: int = 14
    """Days for which an approval still counts after the last effective date."""
    minimum_days: int | None
    """None when some must row fits on no day, however long the period."""
    minimum_end: dt.date | None
    minimum_days_bound: Bound
    minimum_days_proved: bool = False
    """Whether no shorter period whatever holds every must row."""
    slots: tuple[Slots, ...] = ()
    """Of everybody who visits, and how many of them are kept for changes."""
    rows: tuple[Row, ...]
    loose: tuple[LooseRecord, ...]
    aside: tuple[PutAside, ...] = ()
    """What could not be used of the predecessor's records, by customer."""
    loads: tuple[Load, ...] = ()
    """Of the successors."""
    overflow: tuple[Overflow, ...]
    options: tuple[Option, ...]
    reorganisation: str | None = None
    absences: tuple[Away, ...] = ()
    """What calendar files said when it was drawn up, of those who take part."""
    policy_hash: str
    terms: Terms | None = None
    """None in plans from before approvals covered them: to be submitted again."""
    org_id: str
    generation: int
    notes: tuple[str, ...] = ()
    """Codes of what the reader must know, e.g. a rule whose table is not mapped."""

    @property
    def is_open(self) -> bool:
        """Whether the plan claims its accounts and its people's days."""
        return self.state in OPEN_STATES

    @property
    def expires(self) -> dt.date:
        """The last day on which an approval of the plan counts."""
        dates = [self.effective]
        for row in self.rows:
            dates += [row.effective or self.effective, row.until or self.effective]
            dates += [o.until or self.effective for o in row.opportunities]
        dates += [record.until or self.effective for record in self.loose]
        return max(dates) + dt.timedelta(days=self.expires_days)

    @property
    def dates(self) -> tuple[tuple[dt.date, int], ...]:
        """The days on which owners change, each with the number of its accounts."""
        days = Counter(row.effective for row in self.rows if row.effective is not None)
        return tuple(sorted(days.items()))

    @property
    def unplaced(self) -> tuple[Row, ...]:
        """The rows that have to be met and have no slot."""
        return tuple(
            row for row in self.rows if row.mode is Mode.MEET and row.visit is None
        )

    @property
    def waiting(self) -> tuple[str, ...]:
        """The open opportunities that wait for a decision, by id."""
        return tuple(
            opportunity.id
            for row in self.rows
            if row.mode is not Mode.EXCLUDE
            for opportunity in row.opportunities
            if opportunity.action is None
        )

    def row(self, account_id: str) -> Row | None:
        """Find an account's row."""
        return next((r for r in self.rows if r.account_id == account_id), None)

    def computed_fingerprint(self) -> str:
        """Hash what is approved: rows, visits, decisions, dates, policy, terms."""
        return compute_fingerprint(self.model_dump(mode="json"))
