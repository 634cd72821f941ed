"""Corrections: what customers say is wrong in the CRM is set right there, once each.

The authority is the answer itself, as long as no later one replaces it. What people
changed in the CRM since, what it refuses and what was taken back is not written again:
whoever still wants it asks the customer once more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connectors import errors
from connectors.base import Row, SetField
from connectors.errors import ConnectorError
from handover.answers.confirmations import Confirmation, list_corrections
from handover.ledger.states import Action
from handover.ledger.writes import LastTry, Place, find_corrected, find_last_tries
from handover.mirror.views import Mirror
from handover.plan import store
from handover.plan.running import check_under_way
from handover.transfer.checks import Site
from handover.transfer.errors import AnswerReplaced
from handover.transfer.readings import CHANGED, GONE, Readings, held, same_value
from handover.transfer.steps import (
    ConfirmedCorrection,
    Step,
    correction_prefix,
    in_order,
    label,
)
from handover.transfer.to_crm import CanonicalRecord, CrmCell
from mappings.errors import NotInvertible
from mappings.one_value import in_words, read_value
from mappings.schema import columns, extra_column

Fate = Literal["waits", "written", "in_doubt", "taken_back", "not_written"]
"""What has become of a correction. ``waits``: the next run writes it; ``not_written``:
no run will, as people changed the value, the record is gone, or the CRM refuses it."""

PASSING = frozenset(
    each.code
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, ConnectorError)
)
"""Codes of a CRM that could not be worked with: nothing is wrong with the value."""


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A customer's correction that counts, and what has become of it in the CRM."""

    made: Confirmation
    fate: Fate = "waits"
    code: str | None = None
    """Why it was not written, where it was not."""
    message: str | None = None
    """The CRM's own words, or what it holds in place of what was written."""


def list_fates(
    connection: Connection, plan_id: str, *, rehearsed: bool
) -> list[Correction]:
    """List the corrections of a plan's customers, and what has become of each.

    Args:
        connection: to the ledger.
        plan_id: whose customers.
        rehearsed: whether those of a rehearsal count.
    """
    made = list_corrections(connection, plan_id, rehearsed=rehearsed)
    tries = find_last_tries(connection, correction_prefix(plan_id))
    return [
        _with_fate(each, tries.get(label(_authority(each)))) for each in made.values()
    ]


def _with_fate(made: Confirmation, last: LastTry | None) -> Correction:
    if last is None:
        return Correction(made=made)
    return Correction(
        made=made, fate=_find_fate(last), code=last.code, message=last.message
    )


def _find_fate(last: LastTry) -> Fate:
    match last.outcome:
        case "done":
            return "taken_back" if last.is_taken_back else "written"
        case "intent" | "in_doubt":
            return "in_doubt"
        case "refused":
            return "waits" if last.code in PASSING else "not_written"
        case _:
            return "not_written" if last.code in (CHANGED.code, GONE.code) else "waits"


def _authority(made: Confirmation) -> ConfirmedCorrection:
    return ConfirmedCorrection(
        plan_id=made.plan_id, number=made.number, person_id=made.recorded_by
    )


def check_correction(
    connection: Connection, authority: ConfirmedCorrection, *, rehearsed: bool
) -> None:
    """Refuse to write what no longer counts.

    Raises:
        AnswerReplaced: a later answer counts instead, or it was given in a rehearsal.
        Refusal: the plan is over, or somebody wrote into the ledger past the product.
    """
    plan = store.load(connection, authority.plan_id)
    check_under_way(connection, plan)
    if authority.number not in list_corrections(
        connection, plan.id, rehearsed=rehearsed
    ):
        raise AnswerReplaced(plan=plan.id)


# Which steps they make


@dataclass(frozen=True, kw_only=True)
class _Due:
    """A correction that has a place in the CRM, and how it is said there."""

    made: Confirmation
    cell: CrmCell
    step: Step


@dataclass(frozen=True, kw_only=True)
class Placed:
    """The steps that write corrections, and those of them that have no place there."""

    steps: tuple[Step, ...]
    unplaced: tuple[Confirmation, ...]


def place_corrections(
    site: Site,
    connection: Connection,
    mirror: Mirror,
    waiting: Sequence[Confirmation],
    readings: Readings,
    zone: ZoneInfo,
) -> Placed:
    """Find where corrections are written, and list the steps.

    Args:
        site: where we are.
        connection: to the ledger.
        mirror: the CRM as it was read.
        waiting: what is to be written.
        readings: takes what is read of the records.
        zone: where days begin.
    """
    objects = _read_objects(mirror, waiting)
    due = [found for each in waiting if (found := _find_due(site, each, objects))]
    numbers = {each.made.number for each in due}
    ours = find_corrected(connection, site.source)
    return Placed(
        steps=_as_spelled(due, readings, zone, ours),
        unplaced=tuple(each for each in waiting if each.number not in numbers),
    )


def _read_objects(
    mirror: Mirror, made: Sequence[Confirmation]
) -> dict[tuple[str, str], str | None]:
    """Read of which object of the CRM each record is."""
    found: dict[tuple[str, str], str | None] = {}
    for table in {each.table or "" for each in made}:
        ids = [each.record_id for each in made if each.table == table]
        query = f"select id, object from {table} where list_contains($ids, id)"  # noqa: S608 - a table of the schema
        for row in mirror.rows(query, ids=ids):
            found[table, row["id"]] = row["object"]
    return found


def _find_due(
    site: Site, made: Confirmation, objects: Mapping[tuple[str, str], str | None]
) -> _Due | None:
    """Find where a correction is written; None where the CRM has no place for it."""
    table, own_id = made.table or "", made.record_id or ""
    record = CanonicalRecord(
        table=table, id=own_id, object=objects.get((table, own_id))
    )
    cell = site.to_crm.find_cell(record, made.column or "")
    if cell is None:
        return None
    field = site.connector.describe(cell.record.object).fields.get(cell.target.field)
    if field is None or not field.writable:
        return None
    try:
        before, after = cell.say(made.before), cell.say(made.value)
    except NotInvertible:
        return None
    change = SetField(
        object=cell.record.object,
        id=cell.record.id,
        field=cell.target.field,
        before=before,
        after=after,
    )
    step = Step(
        source=made.source,
        account_id=made.account_id,
        action=Action.CORRECTION,
        change=change,
        authority=_authority(made),
    )
    return _Due(made=made, cell=cell, step=step)


def _as_spelled(
    due: Sequence[_Due],
    readings: Readings,
    zone: ZoneInfo,
    ours: Mapping[Place, str | None],
) -> tuple[Step, ...]:
    """Let steps expect values as the CRM spells them: 1200.0 is 1200.

    What we wrote ourselves since the mirror was read (``ours``) is expected, too.
    """
    by_label = {label(each.step.authority): each for each in due}
    steps = in_order([each.step for each in due])
    readings.refresh(steps)
    found = []
    for step in steps:
        row = readings.row(step)
        change = step.change
        if row is not None and isinstance(change, SetField):
            there = held(row, change.field)
            is_ours = step.place in ours and same_value(ours[step.place], there)
            each = by_label[label(step.authority)]
            now = each.made.before if is_ours else _read_canonical(each, row, zone)
            change = _spelled(change, there, now, each.made)
        found.append(replace(step, change=change))
    return tuple(found)


def _spelled(
    change: SetField, there: str | None, now: str | None, made: Confirmation
) -> SetField:
    """Write a change in the CRM's spelling, where it holds what is expected."""
    if there is not None and now == made.value:
        return replace(change, before=there, after=there)
    return replace(change, before=there) if now == made.before else change


def _read_canonical(due: _Due, row: Row, zone: ZoneInfo) -> str | None:
    """Read a value in canonical words; None also where it does not fit its column.

    The mirror has nothing of such a value either.
    """
    text = due.cell.read(row)
    if text is None:
        return None
    name = due.made.column or ""
    spec = columns(due.made.table or "").get(name) or extra_column(name)
    try:
        return in_words(read_value(text.strip(), spec, zone))
    except ValueError:
        return None
