"""The steps that answers ask for: corrections in the CRM, and tasks for the rest."""

import datetime as dt
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from connectors.base import Note
from handover.answers.confirmations import (
    Confirmation,
    list_confirmations,
    list_standing,
)
from handover.i18n import Words
from handover.ledger.writes import find_overruled
from handover.mirror.views import Mirror
from handover.plan.model import Plan
from handover.plan.naming import name_column
from handover.plan.running import check_under_way
from handover.transfer.answer_tasks import (
    AnswerTask,
    Left,
    account_of,
    find_asked,
    key_prefix,
    list_task_steps,
)
from handover.transfer.answer_texts import AnswerWriter
from handover.transfer.checks import Site, check_site
from handover.transfer.corrections import list_fates, place_corrections
from handover.transfer.known_tasks import list_known_tasks
from handover.transfer.prepare import Prepared
from handover.transfer.readings import Readings
from handover.transfer.steps import PlanAnswers, Step, in_order, label


@dataclass(frozen=True, kw_only=True)
class AnswersAsked:
    """Which answers, and how they are written.

    ``accounts``: only those of these customers; of all where empty. ``named``: the org
    that the user named, if they did. ``zone``: where days begin. ``spoken``: the
    language of the tasks.
    """

    accounts: Collection[str] = ()
    named: str | None = None
    zone: ZoneInfo
    spoken: Words

    def concerns(self, account: str) -> bool:
        """Return whether a customer's answers are among them."""
        return not self.accounts or account in self.accounts


def prepare_answers(
    site: Site, connection: Connection, mirror: Mirror, plan: Plan, asked: AnswersAsked
) -> Prepared:
    """List the steps that the answers of a plan's customers ask for.

    Args:
        site: where we are.
        connection: to the ledger.
        mirror: the CRM as it was read.
        plan: whose customers.
        asked: which of them, and how.

    Raises:
        Refusal: the plan is over, nobody has approved it yet, or the CRM is another.
    """
    check_under_way(connection, plan)
    check_site(site, org_id=plan.org_id, named=asked.named)
    rehearsed = site.rehearsed_on is not None
    fates = [
        each
        for each in list_fates(connection, plan.id, rehearsed=rehearsed)
        if asked.concerns(each.made.account_id)
    ]
    waiting = [each.made for each in fates if each.fate == "waits"]
    readings = Readings(connector=site.connector, clock=site.clock)
    placed = place_corrections(site, connection, mirror, waiting, readings, asked.zone)
    steps, notes = list(placed.steps), list[Note]()
    if site.to_crm.has_tasks:
        lost = [each.made for each in fates if each.fate == "not_written"]
        left = _LeftToPeople(site, plan, asked)
        wanted = [
            *left.enter([*placed.unplaced, *lost]),
            *left.ask(_list_unknown(connection, plan, rehearsed=rehearsed)),
        ]
        steps += left.list_steps(connection, mirror, wanted)
    else:
        notes += _list_notes(plan, placed.unplaced)
    return Prepared(
        kind="corrections",
        org_id=plan.org_id,
        plan_id=plan.id,
        plan_version=plan.version,
        steps=in_order(steps),
        readings=readings,
        content=plan.model_dump(mode="json"),
        notes=notes,
        overruled=find_overruled(connection, label(PlanAnswers(plan_id=plan.id))),
        person_id=_find_only([each.recorded_by for each in waiting]),
    )


def _list_unknown(
    connection: Connection, plan: Plan, *, rehearsed: bool
) -> Iterator[Confirmation]:
    """Yield the answers that count and say that nobody knew."""
    made = list_confirmations(connection, plan.id, rehearsed=rehearsed)
    for answers in made.values():
        yield from (e for e in list_standing(answers) if e.result == "unknown")


class _LeftToPeople:
    """The tasks for what answers leave to people."""

    def __init__(self, site: Site, plan: Plan, asked: AnswersAsked) -> None:
        self._site, self._plan, self._asked = site, plan, asked
        self._rows = {row.account_id: row for row in plan.rows}
        ahead = dt.timedelta(days=site.policy.tasks.due_days)
        self._due = next(site.company.since(site.as_of + ahead))

    def enter(self, made: Iterable[Confirmation]) -> Iterator[AnswerTask]:
        """Yield a task for each correction: whoever recorded it enters it."""
        for each in self._of_rows(made):
            row, by = self._rows[each.account_id], each.recorded_by
            user = by if self._site.people.is_active(by) else row.successor_id
            yield from self._task(each, Left.ENTER, user)

    def ask(self, made: Iterable[Confirmation]) -> Iterator[AnswerTask]:
        """Yield a task for each answer that nobody knew."""
        for each in self._of_rows(made):
            user = find_asked(
                self._plan,
                self._rows[each.account_id],
                self._site.as_of,
                grace=self._site.policy.meeting.grace_days,
                is_active=self._site.people.is_active,
            )
            yield from self._task(each, Left.ASK, user)

    def _of_rows(self, made: Iterable[Confirmation]) -> Iterator[Confirmation]:
        """Yield the answers asked for whose customer the plan still has."""
        for each in made:
            if each.account_id in self._rows and self._asked.concerns(each.account_id):
                yield each

    def _task(
        self, made: Confirmation, left: Left, user: str | None
    ) -> Iterator[AnswerTask]:
        row = self._rows[made.account_id]
        if user is not None:
            yield AnswerTask(made=made, row=row, left=left, user_id=user, due=self._due)

    def list_steps(
        self, connection: Connection, mirror: Mirror, wanted: Iterable[AnswerTask]
    ) -> Iterator[Step]:
        """Yield the steps to these tasks, and to those that are not asked for now."""
        site, plan, asked = self._site, self._plan, self._asked
        prefix = key_prefix(plan.id, plan.source)
        known = [
            task
            for task in list_known_tasks(connection, mirror, site.to_crm, prefix)
            if asked.concerns(account_of(task.key, plan.id, plan.source))
        ]
        writer = AnswerWriter(
            spoken=asked.spoken,
            zone=asked.zone,
            person=site.people.name,
            item=lambda code: site.policy.item_name(code, asked.spoken),
        )
        authority = PlanAnswers(plan_id=plan.id)
        return list_task_steps(site, connection, known, wanted, writer.words, authority)


def _list_notes(plan: Plan, unplaced: Iterable[Confirmation]) -> Iterator[Note]:
    """Yield what the CRM has no place for, where it takes no tasks of ours either."""
    names = {row.account_id: row.account for row in plan.rows}
    for each in unplaced:
        params = {
            "account": names.get(each.account_id, each.account_id),
            "column": name_column(each.column or ""),
            "before": each.before or "-",
            "value": each.value,
        }
        yield Note(code="correction_has_no_place", params=params)


def _find_only(names: list[str]) -> str | None:
    """Return the one name that there is, if there is just one."""
    return names[0] if len({*names}) == 1 else None
