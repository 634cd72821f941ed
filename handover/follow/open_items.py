"""What is still open in a handover, customer by customer: it is closed without none.

A visit that did not take place stands for all that was to be asked there; then what the
CRM lacks is open as it is of customers who are not met.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from zoneinfo import ZoneInfo

from handover.follow.heard import Heard
from handover.i18n import Phrase
from handover.ledger.states import Mode
from handover.meeting.progress import VisitProgress
from handover.plan.decision import Waiver
from handover.plan.model import LooseRecord, Plan, PlannedOpportunity, Row
from handover.transfer.corrections import Correction

Kind = Literal[
    "visit",
    "item",
    "gap",
    "correction",
    "acceptance",
    "owner",
    "opportunity",
    "loose",
]
Place = tuple[str, str]
"""A customer's id, or a table of loose records; and what is open there."""


@dataclass(frozen=True, kw_only=True)
class OpenItem:
    """One thing that is open.

    ``account_id`` is None of a record that hangs on no customer of the plan; then
    ``account`` is its table. ``item``: a policy's item, ``visit``, ``acceptance``,
    ``owner``, or a record's id. ``why`` says what is lacking.
    """

    kind: Kind
    account_id: str | None
    account: str
    item: str
    why: Phrase

    @property
    def place(self) -> Place:
        """What tells it from all others of its plan."""
        return self.account_id or self.account, self.item


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a plan besides itself.

    ``progress``: what came back, by customer; whom the CRM has no more are not in it.
    ``behind``: opportunities and loose records that the plan gives away
    and the predecessor still owns, by table and id. ``given_on``: when owners changed.
    ``owners``: who owns the customers now, as synced. ``corrections``: what customers
    corrected, and what has become of it in the CRM.
    """

    progress: Mapping[str, VisitProgress]
    heard: Heard
    behind: frozenset[Place] = frozenset()
    given_on: Mapping[str, dt.date] = field(default_factory=dict)
    owners: Mapping[str, str | None] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    """Those of the close; a plan has its own."""


def list_open(
    plan: Plan, known: Known, today: dt.date, zone: ZoneInfo
) -> list[OpenItem]:
    """List what is open in a handover, in the order of its rows.

    Args:
        plan: as it was approved.
        known: what came of it.
        today: the rules' today.
        zone: where days begin.
    """
    waived = {each.place for each in known.waivers}
    found = [
        *(each for row in plan.rows for each in _list_of(row, known, today, zone)),
        *_list_loose(plan, known),
    ]
    return [each for each in found if each.place not in waived]


def _list_of(
    row: Row, known: Known, today: dt.date, zone: ZoneInfo
) -> Iterator[OpenItem]:
    if row.mode is Mode.EXCLUDE or (row.is_carried_out and _is_gone(row, known)):
        return
    if _is_gone(row, known):
        yield _open(row, "owner", "owner", "gone")
        return
    yield from _list_asked(row, known, today, zone)
    yield from _list_uncorrected(row, known)
    word = known.heard.words.get(row.account_id)
    if word is not None and known.heard.is_returned(row):
        yield _open(row, "acceptance", "acceptance", "returned", reason=word.reason)
    elif not known.heard.is_accepted(row):
        yield _open(row, "acceptance", "acceptance", "not_accepted")
    if not row.is_carried_out:
        held, day = row.mode is Mode.HOLD, row.until or row.effective
        yield _open(row, "owner", "owner", "held" if held else "owner", day=day)
        return
    for each in row.opportunities:
        if ("opportunities", each.id) in known.behind:
            yield _make_opportunity(row, each)


def _list_asked(
    row: Row, known: Known, today: dt.date, zone: ZoneInfo
) -> Iterator[OpenItem]:
    """Yield what was to be asked of a customer, or to be there before they go over."""
    progress = known.progress[row.account_id]
    if row.is_met and known.heard.is_held(row, zone):
        for item in progress.open:
            if item not in row.waived:
                yield _open(row, "item", item, "item")
        return
    if row.is_met:
        yield _make_visit(row, known, today, zone)
    elif known.heard.is_accepted(row):
        return  # it was looked at when the successor accepted
    declared = {each.item for each in progress.answers}
    for item in progress.gaps:
        if item not in declared and item not in row.waived:
            yield _open(row, "gap", item, "gap")


def _list_uncorrected(row: Row, known: Known) -> Iterator[OpenItem]:
    """Yield what a customer corrected and the CRM does not have, by item."""
    fates = {
        each.made.item: each.fate
        for each in known.corrections
        if each.made.account_id == row.account_id
        and each.fate in ("waits", "in_doubt", "not_written")
    }
    for item, fate in fates.items():
        yield _open(row, "correction", item, f"correction_{fate}")


def _make_visit(row: Row, known: Known, today: dt.date, zone: ZoneInfo) -> OpenItem:
    """Say why a visit does not count as held."""
    day = row.visit.date if row.visit else None
    if known.heard.is_missed(row, zone):
        remarks = known.heard.remarks.get(row.account_id, ())
        missed = [each for each in remarks if each.kind == "missed"]
        reason = missed[-1].text or "-"
        return _open(row, "visit", "visit", "missed", reason=reason, day=day)
    if row.is_declined:
        return _open(row, "visit", "visit", "declined", day=day)
    is_ahead = day is not None and day >= today
    code = "ahead" if is_ahead else "unrecorded"
    return _open(row, "visit", "visit", code, day=day)


def _open(row: Row, kind: Kind, item: str, why: str, **params: object) -> OpenItem:
    return OpenItem(
        kind=kind,
        account_id=row.account_id,
        account=row.account,
        item=item,
        why=Phrase(text=f"open-why:{why}", params=params),
    )


def _make_opportunity(row: Row, each: PlannedOpportunity) -> OpenItem:
    return OpenItem(
        kind="opportunity",
        account_id=row.account_id,
        account=row.account,
        item=each.id,
        why=_say_behind(each.name, each.action, each.until),
    )


def _say_behind(name: str | None, action: str | None, until: dt.date | None) -> Phrase:
    code = "kept" if action == "hold" else "behind"
    return Phrase(text=f"open-why:{code}", params={"name": name or "-", "day": until})


def _list_loose(plan: Plan, known: Known) -> Iterator[OpenItem]:
    for each in plan.loose:
        if (each.object, each.id) in known.behind:
            yield OpenItem(
                kind="loose",
                account_id=None,
                account=each.object,
                item=each.id,
                why=_say_behind(_name(each), each.action, each.until),
            )


def _name(record: LooseRecord) -> str | None:
    return ": ".join(filter(None, (record.account, record.name))) or None


def _is_gone(row: Row, known: Known) -> bool:
    return row.account_id not in known.progress


def list_unreported(plan: Plan, known: Known, zone: ZoneInfo) -> list[Row]:
    """List the customers of whom there is no result yet that could be reported.

    Those to be met who neither were met nor missed, and those who are informed only and
    have neither been accepted nor handed over.
    """
    return [row for row in plan.rows if find_actual(row, known, zone) == "open"]


Actual = Literal["met", "informed", "missed", "held", "excluded", "gone", "open"]
"""What became of a customer: ``open`` is nothing yet."""


def find_actual(row: Row, known: Known, zone: ZoneInfo) -> Actual:
    """Find what became of a customer, in one word."""
    heard = known.heard
    if row.mode is Mode.EXCLUDE:
        return "excluded"
    if _is_gone(row, known):
        return "gone"
    if row.is_met:
        if heard.is_missed(row, zone):
            return "missed"
        return "met" if heard.is_held(row, zone) else "open"
    if heard.is_accepted(row) or row.is_carried_out:
        return "informed"
    return "held" if row.mode is Mode.HOLD else "open"
