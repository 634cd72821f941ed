"""What plans made of one customer: version by version, decided, and answered."""

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, RowMapping, Text, cast, select

from handover.answers.acceptances import Acceptance, list_acceptances
from handover.answers.agreements import Agreement, list_agreements
from handover.answers.confirmations import Confirmation, list_confirmations
from handover.answers.remarks import Remark, list_remarks
from handover.follow.entries import EarlyPaper, HistoryEntry, Places, PlannedSo, Told
from handover.ledger.seals import LedgerChanged
from handover.ledger.states import Mode
from handover.ledger.tables import events, plan_versions, plans
from handover.meeting.pack import EARLY
from handover.plan import store
from handover.plan.changes import list_changes
from handover.plan.history import read_reasons
from handover.plan.model import Plan


def read_planned(
    connection: Connection, source: str, account_id: str
) -> dict[str, list[PlannedSo]]:
    """Read by plan the versions that name a customer.

    A plan that never did more than leave the customer out is none of its history.
    """
    query = (
        select(plan_versions)
        .join(plans, plans.c.id == plan_versions.c.plan_id)
        .where(
            plans.c.source == source,
            # Only those are read whole; an id that others contain is sorted out then.
            cast(plan_versions.c.content, Text).contains(
                json.dumps(account_id), autoescape=True
            ),
        )
        .order_by(plan_versions.c.plan_id, plan_versions.c.version)
    )
    contents: dict[str, list[RowMapping]] = {}
    for row in connection.execute(query).mappings():
        contents.setdefault(row["plan_id"], []).append(row)
    found = {
        plan_id: list(_follow_versions(connection, plan_id, account_id, versions))
        for plan_id, versions in contents.items()
    }
    return {
        plan_id: made
        for plan_id, made in found.items()
        if any(each.row.mode is not Mode.EXCLUDE for each in made)
    }


def _follow_versions(
    connection: Connection,
    plan_id: str,
    account_id: str,
    versions: Iterable[RowMapping],
) -> Iterator[PlannedSo]:
    reasons = read_reasons(connection, plan_id)
    before: Plan | None = None
    for each in versions:
        plan = _narrow(each, account_id)
        row = plan.row(account_id)
        if row is None:
            continue
        yield PlannedSo(
            version=each["version"],
            cause=each["cause"],
            person=each["made_by"],
            reason=reasons.get((each["cause"], each["version"])),
            row=row,
            changes=tuple(list_changes(before, plan)) if before else (),
            is_first=before is None,
        )
        before = plan


def _narrow(version: RowMapping, account_id: str) -> Plan:
    """Read a version with nothing of other customers: plans are large."""
    name = f"plan_versions:{version['plan_id']}:{version['version']}"
    try:
        content = version["content"]
        rows = [row for row in content["rows"] if row["account_id"] == account_id]
        return Plan.model_validate({**content, "rows": rows, "loose": (), "aside": ()})
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerChanged(row=name) from error


@dataclass(frozen=True, kw_only=True)
class _Course:
    """A customer's way through one plan; ``made`` tells when its versions were made."""

    plan_id: str
    account_id: str
    versions: list[PlannedSo]
    made: Mapping[int, tuple[dt.datetime, dt.date | None]]
    places: Places

    @property
    def concerned(self) -> set[int]:
        """The versions in which the customer is handed over."""
        return {
            each.version for each in self.versions if each.row.mode is not Mode.EXCLUDE
        }

    def entry(
        self, kind: str, at: dt.datetime, told: Told, rehearsed: dt.date | None
    ) -> HistoryEntry:
        """Give something that happened its place."""
        return HistoryEntry(
            n=self.places.find(self.plan_id, kind, at),
            at=at,
            kind=kind,
            told=told,
            plan=self.plan_id,
            rehearsed_on=rehearsed,
        )


def list_plan(
    connection: Connection,
    plan_id: str,
    account_id: str,
    versions: list[PlannedSo],
    places: Places,
) -> Iterator[HistoryEntry]:
    """Yield what became of a customer in one plan.

    Args:
        connection: to the ledger.
        plan_id: the plan.
        account_id: the customer.
        versions: of the plan, that name the customer.
        places: where things stand in the chain.
    """
    course = _Course(
        plan_id=plan_id,
        account_id=account_id,
        versions=versions,
        made=_read_made(connection, plan_id),
        places=places,
    )
    yield from _list_versions(course)
    for decided in store.list_decisions(connection, course.plan_id):
        if decided.version in course.concerned:
            by = decided.by
            kind = f"plan.{decided.decision}"
            yield course.entry(kind, by.at, decided, by.rehearsed_on)
    for at, paper, rehearsed in _list_papers(connection, course):
        yield course.entry(EARLY, at, paper, rehearsed)
    for kind, told in _list_answers(connection, course):
        yield course.entry(kind, told.recorded_at, told, told.rehearsed_on)


def _list_versions(course: _Course) -> Iterator[HistoryEntry]:
    """Yield the versions that say something new of the customer."""
    was_in = False
    for each in course.versions:
        is_in = each.version in course.concerned
        is_new = each.is_first and is_in
        if is_new or (each.changes and (is_in or was_in)):
            at, rehearsed = course.made[each.version]
            yield course.entry(f"plan.{each.cause}", at, each, rehearsed)
        was_in = is_in


def _list_answers(
    connection: Connection, course: _Course
) -> Iterator[tuple[str, Agreement | Confirmation | Remark | Acceptance]]:
    """Yield what customer and successor said, with the kind of event that tells it.

    Rehearsed answers are told as such: the chain has them.
    """
    plan_id, account = course.plan_id, course.account_id
    for agreed in list_agreements(connection, plan_id).get(plan_id, ()):
        if agreed.account_id == account:
            yield f"visit.{agreed.answer}", agreed
    answers = list_confirmations(connection, plan_id, rehearsed=True)
    for answer in answers.get(account, ()):
        yield "item.answered", answer
    remarks = list_remarks(connection, plan_id, rehearsed=True)
    for remark in remarks.get(account, ()):
        yield f"visit.{remark.kind}", remark
    for word in list_acceptances(connection, plan_id):
        if word.account_id == account:
            yield f"customer.{word.answer}", word


def _read_made(
    connection: Connection, plan_id: str
) -> dict[int, tuple[dt.datetime, dt.date | None]]:
    """Read when the versions of a plan were made, and whether in a rehearsal."""
    query = select(
        plan_versions.c.version, plan_versions.c.made_at, plan_versions.c.rehearsed_on
    ).where(plan_versions.c.plan_id == plan_id)
    return {
        row.version: (dt.datetime.fromisoformat(row.made_at), _day(row.rehearsed_on))
        for row in connection.execute(query)
    }


def _list_papers(
    connection: Connection, course: _Course
) -> Iterator[tuple[dt.datetime, EarlyPaper, dt.date | None]]:
    query = select(events.c.at, events.c.details).where(
        events.c.subject == course.plan_id, events.c.kind == EARLY
    )
    for row in connection.execute(query.order_by(events.c.n)):
        details = row.details or {}
        if course.account_id in details.get("accounts", ()):
            paper = EarlyPaper(
                paper=details["paper"],
                person=details["person"],
                reason=details.get("reason"),
            )
            at = dt.datetime.fromisoformat(row.at)
            yield at, paper, _day(details.get("rehearsed_on"))


def _day(text: str | None) -> dt.date | None:
    return None if text is None else dt.date.fromisoformat(text)
