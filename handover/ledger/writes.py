"""What all runs wrote into a CRM: owners, tasks, and what it made of them.

Which owners we set, which tasks we made and what was overruled have one answer each.
"""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Select, select

from handover.ledger.runs import FINAL, OVERRULED
from handover.ledger.states import OWNER_ACTION, TASK_ACTIONS, Action
from handover.ledger.tables import owner_history, runs, steps

Place = tuple[str, str, str]
"""Where a value stands: the CRM's object, its id of the record, the field."""


def find_overruled(connection: Connection, authority: str) -> dict[Place, str | None]:
    """Find what the CRM overruled of what an authority wrote, and has held since."""
    found: dict[Place, str | None] = {}
    for row in connection.execute(_written_by(authority)):
        place = (row.object, row.record_id, row.field)
        if row.code == OVERRULED:
            found[place] = row.message
        elif row.outcome == "done":
            found.pop(place, None)
    return found


def find_refused(
    connection: Connection, authority: str, codes: Collection[str]
) -> set[Place]:
    """Find where an authority's last write to a child was refused so."""
    found: dict[Place, str | None] = {}
    for row in connection.execute(_written_by(authority)):
        is_child = row.action != Action.ACCOUNT_OWNER
        if is_child and row.outcome in ("done", "refused"):
            found[row.object, row.record_id, row.field] = row.code
    return {place for place, code in found.items() if code in codes}


def _written_by(authority: str) -> Select[Any]:
    """Select the steps of an authority that set a field, in their order."""
    return (
        select(steps)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(steps.c.authority == authority, steps.c.field.is_not(None))
        .order_by(runs.c.serial, steps.c.n)
    )


# Which owners we set


def owners_set(
    connection: Connection, source: str, since: dt.datetime
) -> Iterator[tuple[str, str, str, str | None]]:
    """Yield the owners that runs set on a source since a time, in their order.

    Yields:
        The canonical table, the CRM's object and the ids of record and owner there.
    """
    tables = {action.value: table for table, action in OWNER_ACTION.items()}
    wanted = _owners_set(*tables).where(
        steps.c.source == source, steps.c.settled_at > since.isoformat()
    )
    for row in connection.execute(wanted):
        yield tables[row.action], row.object, row.record_id, row.after


def accounts_handed_over(connection: Connection) -> dict[str, set[str]]:
    """Return, by plan, the accounts that its runs gave away and did not take back.

    The first change of an account was made from its predecessor, in the CRM's words.
    """
    wanted = _owners_set(Action.ACCOUNT_OWNER).where(
        runs.c.plan_id.is_not(None), steps.c.account_id.is_not(None)
    )
    given: dict[str, set[str]] = {}
    first: dict[tuple[str, str], str | None] = {}
    for row in connection.execute(wanted):
        predecessor = first.setdefault((row.plan_id, row.account_id), row.before)
        accounts = given.setdefault(row.plan_id, set())
        if row.after == predecessor:
            accounts.discard(row.account_id)
        else:
            accounts.add(row.account_id)
    return given


def find_given_on(
    connection: Connection, plan_id: str, zone: ZoneInfo
) -> dict[str, dt.date]:
    """Find on which day runs of a plan last set the owner of each of its accounts.

    A run in a rehearsal was on the day that was taken for today.
    """
    wanted = _owners_set(Action.ACCOUNT_OWNER).where(
        runs.c.plan_id == plan_id, steps.c.account_id.is_not(None)
    )
    days: dict[str, dt.date] = {}
    for row in connection.execute(wanted.add_columns(runs.c.rehearsed_on)):
        at = dt.datetime.fromisoformat(row.settled_at).astimezone(zone).date()
        rehearsed = row.rehearsed_on
        days[row.account_id] = dt.date.fromisoformat(rehearsed) if rehearsed else at
    return days


def records_handed_over(
    connection: Connection, plan_id: str
) -> set[tuple[str, str, str]]:
    """Return the records that runs of a plan gave away and did not take back.

    Returns:
        Of each the canonical table, the CRM's object and its id there.
    """
    tables = {action.value: table for table, action in OWNER_ACTION.items()}
    wanted = _owners_set(*tables).where(runs.c.plan_id == plan_id)
    given: set[tuple[str, str, str]] = set()
    first: dict[tuple[str, str, str], str | None] = {}
    for row in connection.execute(wanted):
        record = (tables[row.action], row.object, row.record_id)
        if row.after == first.setdefault(record, row.before):
            given.discard(record)
        else:
            given.add(record)
    return given


def was_carried_out(connection: Connection, plan_id: str) -> bool:
    """Return whether a run of a plan has written anything, taken back or not."""
    wrote = (
        select(runs.c.id)
        .join(steps, steps.c.run_id == runs.c.id)
        .where(runs.c.plan_id == plan_id, runs.c.kind != "undo")
        .where(steps.c.outcome == "done", steps.c.code.is_distinct_from("already"))
        .limit(1)
    )
    return connection.execute(wrote).first() is not None


def was_taken_back(connection: Connection, plan_id: str) -> bool:
    """Return whether runs of a plan wrote something, and each was taken back.

    What customers corrected is no part of it: it holds whoever has them.
    """
    of_plan = connection.execute(
        select(runs).where(runs.c.plan_id == plan_id).order_by(runs.c.serial.desc())
    ).all()
    wrote = set(connection.execute(_done(runs.c.id).distinct()).scalars())
    undone: set[str] = set()
    for run in of_plan:  # the latest first: an undo is met before its run
        if run.id not in undone and run.undoes and run.state == "finished":
            undone.add(run.undoes)
    lasting = {run.id for run in of_plan if run.kind in (*FINAL, "corrections")}
    written = {run.id for run in of_plan} & wrote - lasting
    return bool(written) and written <= undone


def explaining_run(
    connection: Connection,
    source: str,
    account_id: str,
    owner: str | None,
    known_as: Collection[str] = (),
) -> str | None:
    """Find the newest run that gave an account this owner and explains nothing yet.

    A run explains one change in the history of owners: whoever brings the same owner
    back later did it without us.

    Args:
        connection: to the ledger.
        source: whose account.
        account_id: the account.
        owner: the new owner's id, None for nobody.
        known_as: what else the CRM may keep of the owner: a name, an e-mail.
    """
    explained = select(owner_history.c.run_id).where(
        owner_history.c.source == source,
        owner_history.c.account_id == account_id,
        owner_history.c.run_id.is_not(None),
    )
    wanted = _owners_set(Action.ACCOUNT_OWNER).where(
        steps.c.source == source,
        steps.c.account_id == account_id,
        steps.c.after.is_(None)
        if owner is None
        else steps.c.after.in_([owner, *known_as]),
        steps.c.run_id.not_in(explained),
    )
    found = connection.execute(wanted).all()
    return found[-1].run_id if found else None


def _owners_set(*actions: str) -> Select[Any]:
    """Select the owners that runs set by such steps, in their order."""
    columns = (
        "run_id",
        "account_id",
        "action",
        "object",
        "record_id",
        "before",
        "after",
        "settled_at",
    )
    wanted = _done(runs.c.plan_id, *(steps.c[name] for name in columns))
    return wanted.where(steps.c.action.in_(actions))


# Which values we corrected


@dataclass(frozen=True, kw_only=True)
class LastTry:
    """What became of the last try to write on an authority's word."""

    run_id: str
    outcome: str
    code: str | None
    message: str | None
    is_taken_back: bool


def find_last_tries(connection: Connection, prefix: str) -> dict[str, LastTry]:
    """Find what became of what was to be corrected, by the label of its authority.

    Args:
        connection: to the ledger.
        prefix: what the labels begin with.
    """
    wanted = (
        select(steps)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(
            steps.c.action == Action.CORRECTION,
            steps.c.authority.startswith(prefix, autoescape=True),
        )
        .order_by(runs.c.serial, steps.c.n)
    )
    back = select(
        runs.c.undoes, steps.c.object, steps.c.record_id, steps.c.field
    ).select_from(steps)
    back = back.join(runs, runs.c.id == steps.c.run_id).where(
        runs.c.undoes.is_not(None),
        steps.c.action == Action.CORRECTION,
        steps.c.outcome == "done",
    )
    undone = {tuple(row) for row in connection.execute(back)}
    return {
        row.authority: LastTry(
            run_id=row.run_id,
            outcome=row.outcome,
            code=row.code,
            message=row.message,
            is_taken_back=(row.run_id, row.object, row.record_id, row.field) in undone,
        )
        for row in connection.execute(wanted)
    }


def find_corrected(connection: Connection, source: str) -> dict[Place, str | None]:
    """Find what runs wrote last in place of what customers corrected."""
    wanted = _done(steps).where(
        steps.c.source == source, steps.c.action == Action.CORRECTION
    )
    return {
        (row.object, row.record_id, row.field): row.after
        for row in connection.execute(wanted)
    }


# Which records we touched, and which tasks we made


def records_touched(connection: Connection, plan_id: str) -> set[str]:
    """Name the CRM's ids of all records that runs of a plan dealt with."""
    wanted = (
        select(steps.c.record_id)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(runs.c.plan_id == plan_id, steps.c.record_id.is_not(None))
    )
    return set(connection.execute(wanted).scalars())


def tasks_made(connection: Connection, prefix: str) -> dict[str, tuple[str, str]]:
    """Return the tasks whose key begins so that runs made: key to object and id."""
    wanted = select(steps.c.key, steps.c.object, steps.c.record_id).where(
        steps.c.key.startswith(prefix, autoescape=True),
        steps.c.outcome == "done",
        steps.c.record_id.is_not(None),
    )
    return {key: (name, record) for key, name, record in connection.execute(wanted)}


def tasks_not_made(connection: Connection, prefix: str) -> set[str]:
    """Name the keys of tasks that a run meant to make and did not."""
    wanted = select(steps.c.key).where(
        steps.c.key.startswith(prefix, autoescape=True),
        steps.c.outcome.in_(["skipped", "refused"]),
    )
    return set(connection.execute(wanted).scalars())


@dataclass(frozen=True, kw_only=True)
class TaskWrite:
    """What a step wrote into a task of ours: the CRM's id, and fields with values."""

    record_id: str
    fields: Mapping[str, str | None]
    at: dt.datetime


def task_writes(
    connection: Connection, source: str, records: Collection[str]
) -> Iterator[TaskWrite]:
    """Yield what runs wrote into some of our tasks, in its order."""
    if not records:
        return
    wanted = _done(steps).where(
        steps.c.source == source,
        steps.c.action.in_(TASK_ACTIONS),
        steps.c.code.is_distinct_from("already"),
    )
    for row in connection.execute(wanted).mappings():
        if row["record_id"] in records:
            made = row["values"]["values"] if row["key"] is not None else None
            yield TaskWrite(
                record_id=row["record_id"],
                fields=made or {row["field"]: row["after"]},
                at=dt.datetime.fromisoformat(row["settled_at"]),
            )


def doubtful_keys(connection: Connection, source: str) -> frozenset[str]:
    """Name the records that we may have created and cannot find."""
    wanted = select(steps.c.key).where(
        steps.c.source == source,
        steps.c.outcome == "in_doubt",
        steps.c.key.is_not(None),
    )
    return frozenset(connection.execute(wanted).scalars())


def _done(*columns: Any) -> Select[Any]:  # noqa: ANN401 - columns or a table
    """Select from the steps that were done, in the order in which they were."""
    return (
        select(*columns)
        .select_from(steps)
        .join(runs, runs.c.id == steps.c.run_id)
        .where(steps.c.outcome == "done")
        .order_by(runs.c.serial, steps.c.n)
    )
